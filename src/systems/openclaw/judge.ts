import { addMs, type Instant, instant } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import type { EventFact, JobFact } from './facts.ts';
import { BEAT_GRACE_MS, LEASE_MS } from './schema.ts';
import { sameText } from './words.ts';

/** What is so about a job, in our words. The native statuses alone do not tell. */
export type Condition =
  /** Claimable, waiting for a worker's pass. */
  | 'claimable'
  /** Claimable as soon as a lease left over from an earlier claim has run out. */
  | 'leased'
  | 'running'
  /** Silent for 10 s within its lease, and the runner goes on without the worker that started it. */
  | 'orphaned'
  /** Silent past its lease; its runner lives (a pass would start a second one) or is gone. */
  | 'silent-alive'
  | 'silent-dead'
  /** The queue thinks the job is over or waiting, and its runner still works. */
  | 'overtaken'
  | 'review'
  | 'no-plan'
  | 'question'
  | 'no-signal'
  | 'dead-end'
  | 'failed'
  | 'fake-success'
  | 'done'
  | 'cancelled'
  | 'unknown';

/** The verdict on a job. */
export interface Judgement {
  readonly condition: Condition;
  /** Since when that is so. */
  readonly since: Instant | null;
  /** When it changes by itself. */
  readonly until: Instant | null;
  /** A newer job of the same goal stands for this one: it asks for nobody. */
  readonly superseded: boolean;
  /** When it came into its native status. */
  readonly entered: Instant | null;
  readonly runner: 'alive' | 'gone' | 'unknown';
}

/** What a verdict rests on beside the job. */
export interface Surroundings {
  readonly now: Instant;
  readonly hasLeases: boolean;
  /** How old a beat may be under a lease that somebody else has moved. */
  readonly staleMs: number;
  readonly newestByGoal: ReadonlyMap<string, Instant>;
  process(pid: number): ProcessInfo | undefined;
  readonly isWorkerPid: (pid: number) => boolean;
  /** What its agents ask; empty when nothing was asked. */
  question(job: JobFact): string;
}

/** The state of one job. The only place that decides it. */
export function judge(job: JobFact, around: Surroundings): Judgement {
  const runner = runnerOf(job, around);
  const entered = enteredAt(job);
  const verdict = (condition: Condition, since: Instant | null, until: Instant | null = null): Judgement => ({
    condition,
    since,
    until,
    superseded: isSuperseded(job, around.newestByGoal),
    entered,
    runner,
  });
  if (isWorking(job.status)) {
    const silentAt = silentFrom(job, around);
    if (around.now >= silentAt) {
      return verdict(runner === 'alive' ? 'silent-alive' : 'silent-dead', job.beat ?? entered);
    }
    const quietAt = job.beat === null ? null : addMs(job.beat, BEAT_GRACE_MS);
    if (quietAt !== null && around.now >= quietAt && runner === 'alive' && isParentless(job, around)) {
      return verdict('orphaned', job.beat, silentAt);
    }
    return verdict('running', entered, quietAt !== null && quietAt > around.now ? quietAt : silentAt);
  }
  if (runner === 'alive' && job.status !== 'completed' && job.status !== 'failed') {
    return verdict('overtaken', entered);
  }
  switch (job.status) {
    case 'queued':
    case 'approved': {
      const free = job.lease !== null && job.lease > around.now ? job.lease : null;
      if (free !== null) return verdict('leased', entered, free);
      const since = later(entered, job.lease);
      return verdict('claimable', since);
    }
    case 'awaiting_audit':
      return verdict(hasPlan(job) ? 'review' : 'no-plan', entered);
    case 'waiting_human':
      return verdict(around.question(job) === '' ? 'no-signal' : 'question', entered);
    case 'revise_requested':
      return verdict('dead-end', entered);
    case 'failed':
      return verdict('failed', entered);
    case 'completed':
      return verdict(failedTasksOf(job) > 0 ? 'fake-success' : 'done', entered);
    case 'cancelled':
      return verdict('cancelled', entered);
    default:
      return verdict('unknown', entered);
  }
}

function isWorking(status: string): boolean {
  return status === 'running' || status === 'planning';
}

/**
 * When silence becomes stale. A living worker beats every 2 s and moves the lease to a minute ahead, so a pass takes the
 * job back once the lease is over, or when the beat is 5 minutes old under a lease that somebody else has moved
 * (recover_stale_jobs in scripts/state_store.py). The file queue has no lease: 5 minutes.
 */
function silentFrom(job: JobFact, { hasLeases, staleMs }: Surroundings): Instant {
  const entered = job.updated ?? job.created ?? instant(0);
  if (!hasLeases) return addMs(later(job.beat, entered) ?? entered, staleMs);
  if (job.beat === null) return job.lease ?? entered;
  if (job.lease === null) return addMs(job.beat, LEASE_MS);
  const claimed = addMs(job.lease, -LEASE_MS);
  const stale = Math.max(addMs(job.beat, staleMs), addMs(claimed, BEAT_GRACE_MS));
  return instant(Math.min(job.lease, stale));
}

/** A pid in the table is our runner only when it runs runner.py: pids are used again. */
function runnerOf(job: JobFact, around: Surroundings): Judgement['runner'] {
  if (job.pid === null) return 'unknown';
  const process = around.process(job.pid);
  if (!process || process.state === 'Z') return 'gone';
  return process.argv.some((word) => word === 'runner.py' || word.endsWith('/runner.py')) ? 'alive' : 'gone';
}

function isParentless(job: JobFact, around: Surroundings): boolean {
  const process = job.pid === null ? undefined : around.process(job.pid);
  return process !== undefined && !around.isWorkerPid(process.parentPid);
}

/** Events that put a job into a status beside `status_changed`, which names it. */
const ENTERING: { readonly [status: string]: readonly string[] } = {
  queued: ['job_submitted', 'stale_recovered'],
  approved: ['audit_approved', 'job_resumed', 'stale_recovered', 'job_failed', 'job_timeout'],
  awaiting_audit: ['audit_gate_blocked', 'job_resumed', 'stale_recovered'],
  revise_requested: ['audit_revise_requested'],
  cancelled: ['job_cancelled'],
  failed: ['job_failed', 'job_timeout'],
};
/** Events that come along and change nothing. */
const BESIDE = new Set(['control_signal_applied', 'legacy_submit_proxy', 'heartbeat', 'answer_consumed']);

/**
 * When the job came into the status it has: the event that tells, else the row's own last change. A command writes its
 * event twice, when given and when the worker takes the signal up: the first counts.
 */
function enteredAt(job: JobFact): Instant | null {
  const entering = ENTERING[job.status] ?? [];
  let found: EventFact | undefined;
  for (let index = job.events.length - 1; index >= 0; index -= 1) {
    const event = job.events[index];
    if (event === undefined || BESIDE.has(event.event)) continue;
    const enters =
      event.event === 'status_changed' ? event.status === job.status : entering.includes(event.event);
    if (!enters || (found !== undefined && event.event !== found.event)) break;
    found = event;
  }
  return found?.at ?? job.updated ?? job.created;
}

/** Tasks that failed, by whichever of the two counts of a result is higher. */
export function failedTasksOf(job: JobFact): number {
  return Math.max(job.result?.failed ?? 0, job.result?.convergedFailed ?? 0);
}

/** A code of m7/executor.py: an agent ended without its closing signal, and the policy is to fail the job for it. */
export function failedSilently(job: JobFact): boolean {
  return job.result?.errorCode?.startsWith('NO_TERMINAL_SIGNAL') === true;
}

/**
 * Whether there is a plan to review. A planning error is first called "approved", then put back by the audit gate as
 * "awaiting_audit" with no plan; a resume from a dead end empties the result too.
 */
function hasPlan(job: JobFact): boolean {
  const result = job.result;
  if (result === null || (result.tasks.length === 0 && (result.total ?? 0) === 0)) return false;
  if (job.error === null) return true;
  const lastWord = job.events.findLast((event) => PLAN_EVENTS.has(event.event));
  // With an error in the row, a plan counts only when the events say that it came after the error.
  return (
    lastWord?.event === 'status_changed' &&
    lastWord.status === 'awaiting_audit' &&
    lastWord.run === result.run
  );
}

const PLAN_EVENTS = new Set([
  'status_changed',
  'audit_gate_blocked',
  'job_failed',
  'job_timeout',
  'job_resumed',
]);

function isSuperseded(job: JobFact, newest: ReadonlyMap<string, Instant>): boolean {
  if (job.created === null || job.goal === '') return false;
  const at = newest.get(sameText(job.goal));
  return at !== undefined && at > job.created;
}

function later(a: Instant | null, b: Instant | null): Instant | null {
  if (a === null) return b;
  return b !== null && b > a ? b : a;
}
