import type { Evidence, Run, SystemId } from '../../domain/entity.ts';
import { fromWallClock, type Instant } from '../../domain/instant.ts';
import type { JudgedJob } from './derive-job.ts';
import type { JobFact } from './facts.ts';
import { failedTasksOf, type Judgement } from './judge.ts';
import { jobTitle } from './words.ts';

/**
 * The newest run of a job. While it works the row has no run id, only its directory `state/<run_id>/` has; afterwards
 * the row has. Run ids have the resolution of a second, so two jobs may share one: the job's id is part of ours.
 */
export function runEntity(system: SystemId, judged: JudgedJob, zone: string, now: Instant): Run | undefined {
  const { job, judgement, directory, queue } = judged;
  const working = isAtWork(judgement.condition);
  const run = working ? (directory.tasksRun ?? job.run) : (job.run ?? job.result?.run ?? undefined);
  const state = directory.tasks;
  const isNamed = run !== undefined && run !== null;
  // Until its directory is there a run has no name that lasts: the job stands for it, unless something is wrong.
  if (!isNamed && (!working || judgement.condition === 'running')) return undefined;
  const row = queue.runs.find((one) => one.id === run && one.job === job.id);
  const started = row?.started ?? startOf(run, zone) ?? (working ? claimedAt(job) : null);
  const ended = working ? null : (row?.finished ?? endedAt(job, run ?? null, judgement));
  const evidence = judged.row;
  const counts = working && state && directory.tasksRun === run ? progressOf(state.fact) : '';
  return {
    type: 'run',
    system,
    id: `${job.id}:${run ?? 'now'}`,
    title: [jobTitle(job.id, job.goal), counts].filter((part) => part !== '').join('  '),
    observedAt: state && working ? state.file.readAt : evidence.readAt,
    evidence:
      state && directory.tasksRun === run
        ? { source: state.file.source, path: state.file.path, text: progressOf(state.fact) }
        : { ...placeOnly(evidence.evidence), text: `status ${job.status}` },
    logKeys: [job.id, ...(run === null || run === undefined ? [] : [run])],
    ...(directory.logFiles.length > 0 ? { logFiles: directory.logFiles } : {}),
    status: statusOf(job, judgement),
    nativeStatus: working ? job.status : (job.result?.status ?? job.status),
    ...(started === null || started > now ? {} : { startedAt: started }),
    ...(ended === null ? {} : { endedAt: ended }),
    data: { job: job.id },
  };
}

/** Where the row is, without the time of its last change, which moves with every beat. */
function placeOnly({ at: _at, ...place }: Evidence): Evidence {
  return place;
}

function isAtWork(condition: Judgement['condition']): boolean {
  return ['running', 'orphaned', 'silent-alive', 'silent-dead', 'overtaken'].includes(condition);
}

function statusOf(job: JobFact, { condition }: Judgement): Run['status'] {
  switch (condition) {
    case 'running':
    case 'orphaned':
    case 'overtaken':
      return 'running';
    case 'silent-alive':
    case 'silent-dead':
      return 'stalled';
    case 'review':
    case 'question':
    case 'no-signal':
    case 'dead-end':
    case 'cancelled':
      return 'halted';
    case 'no-plan':
    case 'failed':
    case 'fake-success':
      return 'failed';
    case 'done':
      return 'succeeded';
    default:
      return statusByResult(job);
  }
}

/** A job that waits for its next run: how the last one ended, by its result. */
function statusByResult(job: JobFact): Run['status'] {
  switch (job.result?.status) {
    case 'awaiting_audit':
    case 'waiting_human':
      return 'halted';
    case 'finished':
    case 'completed':
      return failedTasksOf(job) > 0 ? 'failed' : 'succeeded';
    case 'failed':
    case 'error':
      return 'failed';
    default:
      return 'unknown';
  }
}

function claimedAt(job: JobFact): Instant | null {
  return job.events.findLast((event) => STARTS.has(event.event))?.at ?? null;
}

const STARTS = new Set(['job_claimed', 'runner_started']);

/** A run ends with the status change that names it; without one, only a status that the end itself set tells. */
function endedAt(job: JobFact, run: string | null, { condition, since }: Judgement): Instant | null {
  const told = job.events.findLast(
    (event) => event.event === 'status_changed' && event.run === run && run !== null,
  );
  if (told?.at) return told.at;
  return ENDED_BY_RUN.has(condition) ? since : null;
}

const ENDED_BY_RUN: ReadonlySet<Judgement['condition']> = new Set([
  'review',
  'question',
  'no-signal',
  'failed',
  'fake-success',
  'done',
]);

function progressOf(tasks: readonly { readonly status: string }[]): string {
  const done = tasks.filter((task) => task.status === 'completed').length;
  const failed = tasks.filter((task) => task.status === 'failed').length;
  return `${done}/${tasks.length} tasks${failed > 0 ? `, ${failed} failed` : ''}`;
}

/** Run ids are local times: `20260225_211502`. */
function startOf(run: string | null | undefined, zone: string): Instant | null {
  const match = /^(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)/.exec(run ?? '');
  if (!match) return null;
  const [, year, month, day, hour, minute, second] = match;
  return fromWallClock(
    zone,
    Number(year),
    Number(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
}
