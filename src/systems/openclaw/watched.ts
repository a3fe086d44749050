import type { JobFact } from './facts.ts';
import type { Condition, Judgement } from './judge.ts';
import { isSafeJobId, type RunRole } from './schema.ts';
import type { Watched } from './sources.ts';

/** A job with the verdict on it. */
export interface Verdict {
  readonly job: JobFact;
  readonly judgement: Judgement;
}

/** Jobs whose run directory is followed with its logs, per queue. */
const FOLLOWED_JOBS = 30;
/** Jobs whose plan or question is read beyond those. */
const READ_PLANS = 300;

/**
 * What is followed most readily: what runs, then what waits for a person, then what broke. Whether a waiting job has a
 * question is known only after its directory was read, so both sorts of waiting count alike.
 */
const FOLLOW_RANK: { readonly [C in Condition]?: number } = {
  running: 0,
  orphaned: 0,
  'silent-alive': 1,
  'silent-dead': 1,
  overtaken: 1,
  question: 2,
  'no-signal': 2,
  review: 3,
  'no-plan': 4,
  'fake-success': 5,
  failed: 6,
  'dead-end': 7,
};
const ALL_ROLES: readonly RunRole[] = ['plan', 'question', 'tasks', 'task-events', 'run-log'];

/**
 * Run directories to read: a BASE_PATH keeps one for every job there ever was, so only those of jobs that matter now,
 * and the newest of each sort. Changes with states, not with beats.
 */
export function watchedJobs(verdicts: readonly Verdict[]): readonly Watched[] {
  const candidates = verdicts
    .flatMap(({ job, judgement }) => {
      const rank = FOLLOW_RANK[judgement.condition];
      return rank === undefined || judgement.superseded || !isSafeJobId(job.id) ? [] : [{ job, rank }];
    })
    .sort((a, b) => a.rank - b.rank || (b.job.created ?? 0) - (a.job.created ?? 0));
  const further = candidates
    .slice(FOLLOWED_JOBS)
    .filter(({ rank }) => rank === 2 || rank === 3)
    .slice(0, READ_PLANS);
  return [
    ...candidates.slice(0, FOLLOWED_JOBS).map(({ job }): Watched => ({ job: job.id, roles: ALL_ROLES })),
    ...further.map(({ job, rank }): Watched => ({ job: job.id, roles: [rank === 3 ? 'plan' : 'question'] })),
  ];
}
