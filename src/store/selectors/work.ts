import type { Entity, Ref, Turn } from '../../domain/entity.ts';
import { refKey, refOf } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { EntityLists } from '../state.ts';
import { memoLast } from './memo.ts';

/** Something that works, or should and does not. */
export interface WorkRow {
  readonly key: string;
  readonly ref: Ref;
  /** Raw: what it is. */
  readonly text: string;
  /** A word in capitals where something is wrong: ORPHAN, STALLED. */
  readonly alarm?: string;
  /** Since when it runs, or is silent. */
  readonly since?: Instant;
  /** The newest sign of life, for jobs with a heartbeat. */
  readonly beatAt?: Instant;
}

/** Runs, turns and jobs under way, and whatever of them (services too) needs a human, those first. */
export const selectWork = memoLast((lists: EntityLists): readonly WorkRow[] => {
  const rows: WorkRow[] = [];
  const add = (entity: Entity, text: string, since: Instant | undefined, beatAt?: Instant): void => {
    const alarm = entity.attention?.label;
    rows.push({
      key: refKey(refOf(entity)),
      ref: refOf(entity),
      text,
      ...(alarm === undefined ? {} : { alarm }),
      ...(since === undefined ? {} : { since }),
      ...(beatAt === undefined ? {} : { beatAt }),
    });
  };
  for (const service of lists.service) {
    if (service.attention) add(service, service.title, service.attention.since);
  }
  const busyRuns = new Set<string>();
  for (const turn of lists.turn) {
    const open = turn.state === 'in-flight' || turn.state === 'stalled' || turn.state === 'no-progress';
    if (!open && !turn.attention) continue;
    busyRuns.add(`${turn.system}/${turn.run}`);
    add(turn, turnText(turn), turn.attention?.since ?? turn.startedAt ?? turn.capturedAt);
  }
  for (const run of lists.run) {
    const open = run.status === 'running' || run.status === 'stalled';
    if ((!open || busyRuns.has(`${run.system}/${run.id}`)) && !run.attention) continue;
    add(run, run.title, run.attention?.since ?? run.startedAt);
  }
  for (const job of lists.job) {
    if (job.status !== 'running' && !job.attention) continue;
    add(job, job.title, job.attention?.since ?? job.updatedAt ?? job.createdAt, job.heartbeatAt);
  }
  return rows.sort((a, b) => Number(b.alarm !== undefined) - Number(a.alarm !== undefined));
});

/** `9c41:TIDE-3/6 coder`: run, card, step and role in the few columns a pane has. */
function turnText(turn: Turn): string {
  const issue = turn.issue === undefined ? '' : `:${turn.issue}`;
  return `${turn.run.slice(-8)}${issue}/${turn.index} ${turn.role}`;
}
