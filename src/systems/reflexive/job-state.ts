import type { Attention, Job } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import { dayMs, isAlive, isRecent, type Picture } from './derive-picture.ts';
import type { Joined } from './derive-queue.ts';
import type { OperationFact, OperationLogFact } from './facts.ts';

/** An operation in flight longer than this is stuck: all stages together have 40 minutes (`issue_processing.*_timeout`). */
const stuckAfterMs = 3_600_000;

export interface JobState {
  readonly status: Job['status'];
  readonly native: string;
  readonly beat?: Instant;
  readonly attention?: Attention;
  readonly orphan?: true;
}

export function stateOf(joined: Joined, row: OperationFact, told: OperationLogFact | undefined): JobState {
  if (row.completed) return row.success ? doneState(joined, row, told) : failedState(joined.picture, row);
  const reason = orphanReason(joined, row, told?.at);
  if (reason !== undefined) return orphanState(joined.picture, row, reason);
  const native = told?.stage === undefined ? 'in flight' : `in flight, ${told.stage}`;
  const beat = told?.stageAt ?? told?.at;
  const base: JobState = { status: 'running', native, ...(beat === undefined ? {} : { beat }) };
  if (row.startedAt === undefined) return base;
  const stuckAt = addMs(row.startedAt, stuckAfterMs);
  if (stuckAt > joined.picture.now) {
    joined.picture.wake(stuckAt);
    return base;
  }
  return {
    ...base,
    attention: {
      rank: 4,
      label: 'STALLED',
      why: `in flight over 1h, ${told?.stage === undefined ? 'stage unknown' : `stage ${told.stage}`}; the loop waits for it`,
      since: stuckAt,
      onExpiry: 'never ends',
      playbook: 'not-processing',
    },
  };
}

/** Done is a pull request that nobody watches, until something else is heard of it. */
function doneState(joined: Joined, row: OperationFact, told: OperationLogFact | undefined): JobState {
  const base: JobState = { status: 'done', native: 'success' };
  const pr = told?.pr;
  const at = row.completedAt;
  if (pr === undefined || at === undefined || row.newest !== row.id) return base;
  const heard = joined.pullRequests.get(String(pr))?.value.event ?? '';
  if (/^pr_(merged|closed)$/.test(heard) || !isRecent(joined.picture, at, dayMs)) return base;
  return {
    ...base,
    attention: {
      rank: 7,
      label: 'PR',
      why: `PR #${pr} is open as far as is known: nobody watches its CI, review or merge`,
      since: at,
      onExpiry: 'stays as it is',
      act: 'pr.check',
      group: 'open-pull-requests',
      playbook: 'ci-failure',
    },
  };
}

/** Errors with which the program turns an issue down on purpose (`src/cycles/issue_processor.py`). */
const rejection = /^(Issue not actionable|Issue too complex|Plan confidence too low)/;

function failedState(picture: Picture, row: OperationFact): JobState {
  const isRejected = row.error !== undefined && rejection.test(row.error);
  const stage = row.errorType;
  const native = isRejected ? 'rejected' : stage === undefined ? 'failed' : `failed: ${stage}`;
  const at = row.completedAt;
  // A later attempt at the same issue tells more than this one.
  if (at === undefined || row.newest !== row.id || !isRecent(picture, at, dayMs)) {
    return { status: 'failed', native };
  }
  const reason = row.error ?? 'no reason written';
  const why = isRejected || stage === undefined ? reason : `${stage}: ${reason}`;
  return {
    status: 'failed',
    native,
    attention: {
      rank: 7,
      label: isRejected ? 'REJECTED' : 'FAILED',
      why: why.slice(0, 120),
      since: at,
      onExpiry: 'not retried',
      group: isRejected ? 'rejected' : `failed-${stage ?? 'unknown'}`,
      // The limit of complexity is a guard like the others, and has a key of its own.
      playbook: /^Issue too complex/.test(reason) ? 'safety-violation' : 'issue-failed',
    },
  };
}

/** Why nothing will ever end a row that is still open; undefined while its daemon may be at it. */
function orphanReason(joined: Joined, row: OperationFact, loggedAt: Instant | undefined): string | undefined {
  const { picture, newestId } = joined;
  const { state, processes } = picture.daemon;
  if (!isAlive(picture)) return 'no daemon lives here';
  if (state === 'hidden') return undefined;
  const since = processes[0]?.startedAt;
  if (since !== undefined && loggedAt !== undefined && loggedAt < since) return 'begun by an earlier daemon';
  // Rows have whole seconds.
  if (since !== undefined && row.startedAt !== undefined && row.startedAt < Math.floor(since / 1000) * 1000) {
    return 'begun by an earlier daemon';
  }
  if (row.id < newestId && processes.length === 1) return 'the daemon went on to another issue';
  return undefined;
}

function orphanState(picture: Picture, row: OperationFact, reason: string): JobState {
  const native = 'in flight, orphaned';
  const endedAt = lastLifetimeEnd(picture, row.startedAt) ?? row.startedAt;
  if (row.newest !== row.id || endedAt === undefined || !isRecent(picture, endedAt, dayMs)) {
    return { status: 'unknown', native, orphan: true };
  }
  return {
    status: 'unknown',
    native,
    orphan: true,
    attention: {
      rank: 4,
      label: 'ORPHAN',
      why: `in flight in the database, ${reason}; outcome unknown`,
      since: endedAt,
      onExpiry: 'never ends',
      group: 'orphans',
      playbook: 'not-processing',
    },
  };
}

/** When the lifetime that began a row ended. */
function lastLifetimeEnd(picture: Picture, startedAt: Instant | undefined): Instant | undefined {
  if (startedAt === undefined) return undefined;
  const lifetime = picture.lifetimes.filter((one) => one.startedAt <= addMs(startedAt, 1000)).at(-1);
  const end = lifetime?.end?.at;
  return end !== undefined && end >= startedAt ? end : undefined;
}
