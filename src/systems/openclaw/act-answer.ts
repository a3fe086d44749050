import type { StageState } from '../../domain/act.ts';
import { getBoolean, getString } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import {
  acceptDeadline,
  argumentOf,
  claimStage,
  conditionOf,
  idOf,
  isJobTarget,
  jobBaseline,
  jobOf,
  type Mark,
  marksSince,
  readControl,
  scriptStep,
  unreachable,
  workerWarnings,
} from './act-common.ts';
import { settledStage, takenBack, undoing } from './act-settled.ts';
import { sameText } from './words.ts';

/** Answer and resume: `control.py resume`. The answer is stored and shown, no agent ever gets it. */
export const answerAct: ActSpec = {
  id: 'job.answer',
  title: 'answer and resume',
  menu: 'resume',
  risk: 'costly',
  does: 'records the answer and runs the job again from its start; the agents do NOT get the answer',
  runs: 'control.py resume JOB ANSWER',
  outcome: 'job_resumed with this answer, a worker claims the job',
  params: [
    {
      name: 'answer',
      title: 'Answer',
      form: 'lines',
      required: true,
      maxLength: 4000,
      hint: 'word it differently from any answer given before',
    },
  ],
  appliesTo: (target) =>
    isJobTarget(target) &&
    (target.type !== 'approval' || target.ask === 'answer') &&
    (target.type !== 'job' || target.nativeStatus === 'waiting_human'),
  precondition(view, target) {
    const job = jobOf(view, target);
    const reason = unreachable(view, job);
    if (reason !== undefined || job === undefined) return reason;
    const condition = conditionOf(job);
    const older = undoing(job, 'resume');
    if (older !== undefined)
      return `an earlier ${older.action} is still to be applied and would undo it: let a worker pass take it up first`;
    if (condition === 'question' || condition === 'no-signal') return undefined;
    return `the job is ${job.nativeStatus ?? 'gone'}, it does not wait for an answer`;
  },
  warnings(view, target) {
    const job = jobOf(view, target);
    return [
      'the answer is not passed on to the agents: the job starts again with the same goal and may ask again',
      'the same answer as before is swallowed: the program prints success and the job still waits',
      ...(job ? workerWarnings(view, job) : []),
    ];
  },
  strands: () => ['what the run has done so far: it begins anew'],
  revision(view, target) {
    const job = jobOf(view, target);
    const { data } = job ?? {};
    return [
      job?.nativeStatus ?? 'gone',
      getString(data, 'run') ?? '',
      getString(data, 'question') ?? '',
    ].join('|');
  },
  baseline(view, target) {
    const job = jobOf(view, target);
    return job ? jobBaseline(view, job) : {};
  },
  plan(view, target, params) {
    const job = jobOf(view, target);
    if (!job) return [];
    const answer = argumentOf(params['answer'] ?? '');
    return [scriptStep(view, job, 'control.py', ['resume', idOf(job), answer], 'answer and resume')];
  },
  read(outputs) {
    const answer = readControl(outputs[0], ['approved', 'awaiting_audit']);
    return answer.summary.endsWith('waiting_human')
      ? { ...answer, summary: `${answer.summary}: swallowed, the same answer was given before` }
      : answer;
  },
  expect(view, order): readonly StageState[] {
    const job = jobOf(view, order.target);
    const marks = job ? marksSince(job, order.baseline) : [];
    const given = sameText(argumentOf(order.params['answer'] ?? ''));
    const ours = marks.find((mark) => mark.event === 'job_resumed' && isOurs(mark, given));
    const others = marks.find((mark) => mark.event === 'job_resumed' && !isOurs(mark, given));
    const swallowed = marks.find(
      (mark) =>
        mark.event === 'control_signal_applied' &&
        mark.action === 'resume' &&
        mark.status === 'waiting_human',
    );
    const claim = ours ? marks.find((mark) => mark.event === 'job_claimed' && mark.id > ours.id) : undefined;
    const native = job?.nativeStatus ?? '';
    const undone = takenBack(marks, ours, 'resume');
    const accepted = ((): Pick<StageState, 'state' | 'detail' | 'seenAt'> => {
      const at = ours?.at === undefined ? {} : { seenAt: ours.at };
      if (undone)
        return {
          state: 'contradicted',
          detail: `resumed, and then ${native}: an earlier command took it back (${undone.event})`,
        };
      if (claim) return { state: 'seen', detail: `resumed with this answer, now ${native}`, ...at };
      if (ours) {
        if (native === 'cancelled' || native === 'revise_requested') {
          return {
            state: 'contradicted',
            detail: `resumed, and then ${native}: an earlier command took it back`,
          };
        }
        if (native !== 'waiting_human')
          return { state: 'seen', detail: `resumed with this answer, now ${native}`, ...at };
      }
      if (job === undefined) return { state: 'waiting', detail: 'the job is not in the database now' };
      if (native === 'waiting_human') {
        return swallowed
          ? {
              state: 'contradicted',
              detail: 'swallowed: the same answer was given before, the job still waits',
            }
          : { state: 'waiting' };
      }
      if (others) return { state: 'contradicted', detail: 'resumed with another answer, not this one' };
      return native === 'cancelled' || native === 'revise_requested'
        ? { state: 'contradicted', detail: `the job is ${native} instead` }
        : { state: 'waiting', detail: `status ${native}, and no event tells of this answer` };
    })();
    const stages: StageState[] = [
      {
        stage: 'accepted',
        title: 'job_resumed with this answer',
        ...accepted,
        deadline: acceptDeadline(order),
        required: true,
      },
    ];
    // A job nobody approved goes back to its review: no worker will claim it.
    const against = accepted.state === 'contradicted' ? accepted.detail : undefined;
    if (getBoolean(order.baseline, 'passed') === true) stages.push(claimStage(order, claim, true, against));
    stages.push(settledStage(order, job, 'resume'));
    return stages;
  },
  undo: { act: 'job.cancel', text: 'cancel marks it cancelled; the question itself does not come back' },
};

/** Events keep the answer's beginning; ours is recognised by what is kept. */
function isOurs(mark: Mark, given: string): boolean {
  if (mark.answer === undefined) return false;
  const kept = sameText(mark.answer.replace(/…$/, ''));
  return kept === given || (kept.length > 1000 && given.startsWith(kept));
}
