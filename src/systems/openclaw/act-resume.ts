import type { StageState } from '../../domain/act.ts';
import type { Job } from '../../domain/entity.ts';
import { getBoolean, getNumber, getString } from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';
import {
  acceptDeadline,
  claimStage,
  conditionOf,
  jobBaseline,
  jobOf,
  type Mark,
  marksSince,
  workerWarnings,
} from './act-common.ts';
import { settledStage, takenBack } from './act-settled.ts';
import { commandEffect } from './command-effect.ts';
import { controlAct, olderRefusal } from './control-act.ts';
import { sameText } from './words.ts';

/**
 * Stages of a `control.py resume`: our own text among the events, the claim, and that nothing given before takes it back.
 * `given` is the text we sent; the program drops one it has seen before without a word.
 */
export function resumeStages(view: StateView, order: ActOrder, given: string): readonly StageState[] {
  const job = jobOf(view, order.target);
  const marks = job ? marksSince(job, order.baseline) : [];
  const text = sameText(given);
  const ours = marks.find((mark) => mark.event === 'job_resumed' && isOurs(mark, text));
  const claim = ours ? marks.find((mark) => mark.event === 'job_claimed' && mark.id > ours.id) : undefined;
  const accepted = acceptedState(job, marks, ours, claim, text, getString(order.baseline, 'status') ?? '');
  const stages: StageState[] = [
    {
      stage: 'accepted',
      title: 'job_resumed with this text',
      ...accepted,
      deadline: acceptDeadline(order),
      required: true,
    },
  ];
  // A job nobody approved goes back to its review: no worker will claim it.
  const against = accepted.state === 'contradicted' ? accepted.detail : undefined;
  if (getBoolean(order.baseline, 'passed') === true) stages.push(claimStage(order, claim, true, against));
  stages.push(settledStage(view, order, job, 'resume'));
  return stages;
}

function acceptedState(
  job: Job | undefined,
  marks: readonly Mark[],
  ours: Mark | undefined,
  claim: Mark | undefined,
  text: string,
  was: string,
): Pick<StageState, 'state' | 'detail' | 'seenAt'> {
  const native = job?.nativeStatus ?? '';
  const undone = takenBack(marks, ours, 'resume');
  const at = ours?.at === undefined ? {} : { seenAt: ours.at };
  if (undone)
    return {
      state: 'contradicted',
      detail: `resumed, and then ${native}: an earlier command took it back (${undone.event})`,
    };
  if (claim) return { state: 'seen', detail: `resumed with this text, now ${native}`, ...at };
  if (ours) {
    if (native === 'cancelled' || native === 'revise_requested')
      return {
        state: 'contradicted',
        detail: `resumed, and then ${native}: an earlier command took it back`,
      };
    if (native !== was) return { state: 'seen', detail: `resumed with this text, now ${native}`, ...at };
  }
  if (job === undefined) return { state: 'waiting', detail: 'the job is not in the database now' };
  const swallowed = marks.some(
    (mark) => mark.event === 'control_signal_applied' && mark.action === 'resume' && mark.status === was,
  );
  if (native === was) {
    return swallowed
      ? {
          state: 'contradicted',
          detail: `swallowed: the same text was given before, the job is still ${was}`,
        }
      : { state: 'waiting' };
  }
  if (marks.some((mark) => mark.event === 'job_resumed' && !isOurs(mark, text)))
    return { state: 'contradicted', detail: 'resumed with another answer, not this one' };
  return native === 'cancelled' || native === 'revise_requested'
    ? { state: 'contradicted', detail: `the job is ${native} instead` }
    : { state: 'waiting', detail: `status ${native}, and no event tells of this text` };
}

/** Events keep the text's beginning; ours is recognised by what is kept. */
function isOurs(mark: Mark, given: string): boolean {
  if (mark.answer === undefined) return false;
  const kept = sameText(mark.answer.replace(/…$/, ''));
  return kept === given || (kept.length > 1000 && given.startsWith(kept));
}

const RERUN = new Set(['failed', 'completed', 'cancelled']);

/** The text a rerun is given with: new each time, since the program drops one it has seen. */
function rerunText(job: Job): string {
  return `run again (after event ${getNumber(job.data, 'lastEvent') ?? 0})`;
}

/** `control.py resume` of a job that is over: it runs once more under its old approval. */
export const rerunAct = controlAct({
  id: 'job.rerun',
  title: 'run this job once more',
  menu: 'resume',
  risk: 'costly',
  does: 'puts the finished job back to approved: its goal is planned again and runs WITHOUT a new review',
  runs: 'control.py resume JOB TEXT',
  outcome: 'job_resumed with our text, a worker claims the job',
  params: [],
  command: 'resume',
  on: (job) => job.type === 'job' && RERUN.has(job.nativeStatus ?? ''),
  ask: 'never',
  accepts: ['approved'],
  text: rerunText,
  refusal(job, view) {
    const native = job.nativeStatus ?? '';
    if (!RERUN.has(native)) return `the job is ${native}, it is not over`;
    if (conditionOf(job) === 'overtaken')
      return 'a runner still works on it: a second one would be started beside it';
    const passed = getBoolean(job.data, 'passed') === true;
    if (passed) return olderRefusal(job, 'resume', view);
    const { to, harm } = commandEffect('resume', native, passed);
    return `nobody ever approved it: it would go to ${to}, where ${harm}; job.retry submits the goal again`;
  },
  warnings(view, job) {
    const { harm } = commandEffect('resume', job.nativeStatus ?? '', true);
    return [
      'it runs under the approval it was given once: other tasks may run than those reviewed then',
      ...(harm === undefined ? [] : [harm]),
      ...workerWarnings(view, job),
    ];
  },
  strands: () => ['the result of its last run: the row forgets it'],
  revision: (job) => [String(getNumber(job.data, 'lastEvent') ?? 0)],
  baseline: (view, job) => ({ ...jobBaseline(view, job), text: rerunText(job) }),
  expect: (view, order) => resumeStages(view, order, getString(order.baseline, 'text') ?? ''),
  undo: { act: 'job.cancel', text: 'cancel marks it cancelled; what its runner has begun goes on' },
});
