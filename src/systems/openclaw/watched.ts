import type { JobFact } from './facts.ts';
import { type Condition, failedSilently, type Judgement } from './judge.ts';
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

const AT_WORK: readonly RunRole[] = ['tasks', 'task-events', 'run-log'];
const ASKING: readonly RunRole[] = ['question', 'run-log'];
/** Nothing told how its agents ended: what they left does. */
const SILENT: readonly RunRole[] = ['question', 'run-log', 'artifacts'];

/**
 * What is followed, and of what which files: first what runs, then what waits for a person, then what broke. Whether a
 * waiting job has a question is known only after its directory was read, so both sorts of waiting count alike.
 */
const FOLLOWED: {
  readonly [C in Condition]?: { readonly rank: number; readonly roles: readonly RunRole[] };
} = {
  running: { rank: 0, roles: AT_WORK },
  orphaned: { rank: 0, roles: AT_WORK },
  'silent-alive': { rank: 1, roles: AT_WORK },
  'silent-dead': { rank: 1, roles: AT_WORK },
  overtaken: { rank: 1, roles: AT_WORK },
  question: { rank: 2, roles: ASKING },
  'no-signal': { rank: 2, roles: SILENT },
  review: { rank: 3, roles: ['plan', 'run-log'] },
  'no-plan': { rank: 4, roles: ['run-log'] },
  'fake-success': { rank: 5, roles: AT_WORK },
  failed: { rank: 6, roles: ['run-log'] },
  'dead-end': { rank: 7, roles: ['run-log'] },
};

/**
 * Run directories to read: a BASE_PATH keeps one for every job there ever was, so only those of jobs that matter now,
 * and the newest of each sort. Changes with states, not with beats.
 */
export function watchedJobs(verdicts: readonly Verdict[]): readonly Watched[] {
  const candidates = verdicts
    .flatMap(({ job, judgement }) => {
      const followed = FOLLOWED[judgement.condition];
      if (followed === undefined || judgement.superseded || !isSafeJobId(job.id)) return [];
      return [{ job, ...(failedSilently(job) ? { rank: followed.rank, roles: SILENT } : followed) }];
    })
    .sort((a, b) => a.rank - b.rank || (b.job.created ?? 0) - (a.job.created ?? 0));
  const further = candidates
    .slice(FOLLOWED_JOBS)
    .filter(({ rank }) => rank === 2 || rank === 3)
    .slice(0, READ_PLANS);
  return [
    ...candidates.slice(0, FOLLOWED_JOBS).map(({ job, roles }): Watched => ({ job: job.id, roles })),
    ...further.map(({ job, roles }): Watched => ({ job: job.id, roles: roles.slice(0, 1) })),
  ];
}
