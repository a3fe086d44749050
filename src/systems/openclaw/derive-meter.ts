import type { Entity, Evidence, Issue, Meter, SystemId } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import type { JudgedJob } from './derive-job.ts';
import type { Queue } from './derive-queue.ts';
import { STALE_BEAT_MS } from './schema.ts';
import { headline } from './words.ts';

/** Limits at which scripts/metrics.py raises an alert. */
const LOWEST_RESUME_RATE = 0.8;
const LONGEST_CONVERGE_SECONDS = 600;

/**
 * The numbers of scripts/metrics.py, recomputed, with what each of them leaves out; and the stage of the canary. Its
 * stalls are those silent for 5 minutes, ours are the jobs that stand in the queue long before.
 */
export function metersOf(
  system: SystemId,
  queue: Queue,
  judged: readonly JudgedJob[],
  many: boolean,
  now: Instant,
): { readonly entities: readonly Entity[]; readonly changes: readonly Instant[] } {
  const { file } = queue;
  if (queue.generation !== 'database' || file === undefined) return { entities: [], changes: [] };
  const entities: Entity[] = [];
  const named = (name: string): string => (many ? `${name}@${queue.project}` : name);
  const base = {
    type: 'meter' as const,
    system,
    observedAt: file.readAt,
    evidence: { source: queue.source, path: file.path },
    // What the gates of a release judge.
    playbook: 'release',
  };
  const stalled = stalledOf(judged, now);
  entities.push({
    ...base,
    id: named('stalled'),
    title: 'stalled jobs',
    name: 'stalled jobs',
    value: stalled.ours,
    unit: 'jobs',
    window: 'now',
    // Each silent job is an item of the queue; the count is no second alarm.
    status: 'ok',
    ...(stalled.ours === stalled.theirs
      ? {}
      : {
          cautions: [
            `metrics.py counts ${stalled.theirs}: only running jobs without a beat for 5 minutes, none that never beat`,
          ],
        }),
  });
  const { resumed, resumedWell, converge } = queue.totals;
  if (resumed !== null && resumed > 0 && resumedWell !== null) {
    const rate = resumedWell / resumed;
    entities.push(
      alerting(
        {
          ...base,
          id: named('resumes'),
          title: 'resumes that worked',
          name: 'resumes that worked',
          value: Math.round(rate * 100),
          unit: '%',
          window: 'since ever',
          status: rate < LOWEST_RESUME_RATE ? 'warning' : 'ok',
          cautions: ['a job that asks once more counts as one that worked'],
        },
        `${resumedWell} of ${resumed} resumed jobs came to an end or ask again (resume_success_rate_low)`,
      ),
    );
  }
  if (converge !== null) {
    entities.push(
      alerting(
        {
          ...base,
          id: named('converge'),
          title: 'mean time to an end',
          name: 'mean time to an end',
          value: Math.round(converge),
          unit: 's',
          window: 'since ever',
          status: converge > LONGEST_CONVERGE_SECONDS ? 'warning' : 'ok',
          cautions: [
            'of all jobs there ever were; waiting for people counts, and every later command adds to it',
          ],
        },
        `${Math.round(converge)} s on average since ever (mean_converge_time_high)`,
      ),
    );
  }
  entities.push(...canaryOf(system, queue, named));
  return { entities, changes: stalled.change === undefined ? [] : [stalled.change] };
}

function alerting(meter: Meter, why: string): Meter {
  return meter.status === 'ok'
    ? meter
    : { ...meter, attention: { rank: 7, label: 'ALERT', why, onExpiry: 'stays so', playbook: 'alert' } };
}

/** Stalls as we see them and as the program counts them, and when its count moves by itself. */
function stalledOf(
  judged: readonly JudgedJob[],
  now: Instant,
): { readonly ours: number; readonly theirs: number; readonly change: Instant | undefined } {
  let ours = 0;
  let theirs = 0;
  let change: Instant | undefined;
  for (const { job, judgement } of judged) {
    if (judgement.condition === 'silent-dead' || judgement.condition === 'silent-alive') ours += 1;
    if (job.status !== 'running' || job.beat === null) continue;
    const due = addMs(job.beat, STALE_BEAT_MS);
    if (due <= now) theirs += 1;
    else if (judgement.condition !== 'running' && (change === undefined || due < change)) change = due;
  }
  return { ours, theirs, change };
}

/** The stage in `runs/canary_rollout.json`, and its rollback as an issue. */
function canaryOf(
  system: SystemId,
  { canary, canaryFile, project }: Queue,
  named: (name: string) => string,
): readonly Entity[] {
  if (canary === undefined || canaryFile === undefined || !canaryFile.present) return [];
  const last = canary.decision;
  const evidence: Evidence = {
    source: canaryFile.source,
    path: canaryFile.path,
    ...(last === null
      ? {}
      : {
          text: `${last.action} ${last.target ?? ''} ${last.reason ?? ''}`.trim(),
          ...(last.at === null ? {} : { at: last.at }),
        }),
  };
  const isBack = last?.action === 'rollback';
  const entities: Entity[] = [];
  if (canary.stage !== null) {
    entities.push({
      type: 'meter',
      system,
      id: named('canary'),
      title: 'canary stage',
      name: 'canary stage',
      observedAt: canaryFile.readAt,
      evidence,
      value: canary.stage,
      limit: 100,
      unit: '%',
      window: 'of the rollout',
      status: isBack ? 'critical' : 'ok',
      playbook: isBack ? 'rollback' : 'canary',
      data: { decidedAt: last?.at ?? null, action: last?.action ?? null },
    });
  }
  if (isBack) {
    const key = `canary:${project}`;
    const why = `the canary was taken back${last.reason === null ? '' : `: ${headline(last.reason)}`}`;
    const since = last.at === null ? {} : { since: last.at };
    const issue: Issue = {
      type: 'issue',
      system,
      id: key,
      key,
      title: 'the canary decided to roll back',
      observedAt: canaryFile.readAt,
      evidence,
      attention: {
        rank: 4,
        label: 'ROLLBACK',
        why,
        ...since,
        onExpiry: 'nothing is rolled back by it: its script only prints a line',
        playbook: 'rollback',
      },
      severity: 'error',
      status: 'open',
      detail: why,
      ...since,
      playbook: 'rollback',
    };
    entities.push(issue);
  }
  return entities;
}
