import type { StageState, StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Job } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import { getArray, getNumber, getString } from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';
import { acceptDeadline, argumentOf, marksSince, readControl } from './act-common.ts';
import { claimGraceMs } from './schema.ts';
import { sameText } from './words.ts';

/** Longest goal given as an argument; one argument of a program has a limit of 128 KiB on Linux. */
export const LONGEST_GOAL = 60_000;

/** Ids of the jobs whose goal begins as this one does: those that were there before are not the new one. */
export function jobsLike(view: StateView, goal: string): readonly string[] {
  const wanted = sameText(goal);
  return view
    .entities('job')
    .filter((job) => sameText(getString(job.data, 'goal') ?? '').startsWith(wanted))
    .map(({ id }) => id);
}

/** The job an order submitted: one with this goal, in its queue, that was not there when it was planned (`baseline.known`). */
export function submittedJob(
  view: StateView,
  { baseline, startedAt, target }: ActOrder,
  goal: string,
): Job | undefined {
  const wanted = sameText(argumentOf(goal));
  const known = new Set(getArray(baseline, 'known'));
  const project = getString(baseline, 'project');
  return view
    .entities('job')
    .find(
      (job) =>
        !known.has(job.id) &&
        job.id !== target.id &&
        getString(job.data, 'project') === project &&
        holds(job, wanted) &&
        isSince(job, startedAt),
    );
}

function holds(job: Job, goal: string): boolean {
  const own = sameText(getString(job.data, 'goal') ?? '');
  return own.includes(goal) || (own.length > 1900 && goal.startsWith(own));
}

function isSince(job: Job, startedAt: Instant): boolean {
  return job.createdAt === undefined || job.createdAt >= startedAt - 5000;
}

/** "A new job with this goal". */
export function submittedStage(order: ActOrder, fresh: Job | undefined): StageState {
  return {
    stage: 'accepted',
    title: 'a new job with this goal',
    state: fresh ? 'seen' : 'waiting',
    ...(fresh ? { detail: `job ${fresh.id}, ${fresh.nativeStatus ?? ''}` } : {}),
    ...(fresh?.createdAt === undefined ? {} : { seenAt: fresh.createdAt }),
    deadline: acceptDeadline(order),
    required: true,
  };
}

/** "A worker plans it": shown and not required, for a worker may be busy for a long time. */
export function plannedStage(order: ActOrder, fresh: Job | undefined): StageState {
  const claimedAt = fresh && marksSince(fresh, {}).find((mark) => mark.event === 'job_claimed')?.at;
  const claimed = fresh !== undefined && (claimedAt !== undefined || fresh.nativeStatus !== 'queued');
  return {
    stage: 'done',
    title: 'a worker plans the new job',
    state: claimed ? 'seen' : 'waiting',
    ...(claimedAt === undefined ? {} : { seenAt: claimedAt }),
    deadline: addMs(acceptDeadline(order), claimGraceMs(getNumber(order.baseline, 'pollMs') ?? 2000)),
    required: false,
  };
}

/** `submit.py` prints the new job's id on a line of its own; `control.py` may have cancelled the old one after it. */
export function readSubmission(outputs: readonly StepOutput[]): StepAnswer {
  const [submitted, cancelled] = outputs;
  const id = (submitted?.stdout ?? '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .findLast((line) => /^[0-9a-f]{8,32}$/.test(line));
  const cancel = cancelled ? readControl(cancelled, ['cancelled']) : undefined;
  return {
    ok: id !== undefined && cancel?.ok !== false,
    summary: [id === undefined ? 'submit.py printed no job id' : `submitted as ${id}`, cancel?.summary ?? '']
      .filter((text) => text !== '')
      .join('; '),
    sections: [
      { title: 'submit.py', text: `${submitted?.stdout ?? ''}${submitted?.stderr ?? ''}` },
      ...(cancel?.sections ?? []),
    ].filter((section) => section.text !== ''),
  };
}
