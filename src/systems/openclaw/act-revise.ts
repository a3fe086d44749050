import type { StageState } from '../../domain/act.ts';
import { getString } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import {
  acceptDeadline,
  argumentOf,
  conditionOf,
  idOf,
  isJobTarget,
  jobBaseline,
  jobOf,
  marksSince,
  readControl,
  scriptStep,
  unreachable,
} from './act-common.ts';
import { settledStage, undoing } from './act-settled.ts';
import { commandEffect } from './command-effect.ts';

/**
 * `control.py revise`, for those who want the program's own word on record. Its status is a dead end: what a revision is
 * meant to do, job.resubmit does.
 */
export const reviseAct: ActSpec = {
  id: 'job.revise',
  title: 'revise (dead end)',
  menu: 'other',
  risk: 'costly',
  does: 'records the revision and stops the job for good: no worker takes it up; submitting it anew is what works',
  runs: 'control.py revise JOB TEXT',
  outcome: 'status revise_requested, and it stays so',
  params: [
    {
      name: 'revision',
      title: 'What to do differently',
      form: 'lines',
      required: true,
      maxLength: 4000,
      hint: 'kept in the row, read by nobody',
    },
  ],
  appliesTo: (target) =>
    isJobTarget(target) &&
    (target.type !== 'approval' || target.ask === 'review') &&
    (target.type !== 'job' || target.nativeStatus === 'awaiting_audit'),
  precondition(view, target) {
    const job = jobOf(view, target);
    const reason = unreachable(view, job);
    if (reason !== undefined || job === undefined) return reason;
    const condition = conditionOf(job);
    const native = job.nativeStatus ?? '';
    if (condition !== 'review' && condition !== 'no-plan')
      return `the job is ${native}: it would become revise_requested; ${commandEffect('revise', native, false).harm}`;
    const older = undoing(job, 'revise');
    return older === undefined
      ? undefined
      : `an earlier ${older.action} is still to be applied and would undo it: let a worker pass take it up first`;
  },
  warnings: () => [
    'a dead end: no worker claims it and approve does not leave it; only a cancel or a resume does',
    'what works: job.resubmit submits the goal with your text and cancels this job',
  ],
  strands: () => ['the plan: nothing leads back to its review'],
  revision(view, target) {
    const job = jobOf(view, target);
    return [job?.nativeStatus ?? 'gone', getString(job?.data, 'run') ?? ''].join('|');
  },
  baseline(view, target) {
    const job = jobOf(view, target);
    return job ? jobBaseline(view, job) : {};
  },
  plan(view, target, params) {
    const job = jobOf(view, target);
    if (!job) return [];
    return [
      scriptStep(
        view,
        job,
        'control.py',
        ['revise', idOf(job), argumentOf(params['revision'] ?? '')],
        'revise',
      ),
    ];
  },
  read: (outputs) => readControl(outputs[0], ['revise_requested']),
  expect(view, order): readonly StageState[] {
    const job = jobOf(view, order.target);
    const native = job?.nativeStatus ?? '';
    const ours = job
      ? marksSince(job, order.baseline).find((mark) => mark.event === 'audit_revise_requested')
      : undefined;
    const elsewhere = ours !== undefined && native !== 'revise_requested' && native !== '';
    return [
      {
        stage: 'accepted',
        title: 'status revise_requested',
        state: elsewhere ? 'contradicted' : native === 'revise_requested' ? 'seen' : 'waiting',
        ...(elsewhere ? { detail: `revised, and then ${native}` } : {}),
        ...(ours?.at === undefined ? {} : { seenAt: ours.at }),
        deadline: acceptDeadline(order),
        required: true,
      },
      settledStage(order, job, 'revise'),
    ];
  },
  undo: { act: 'job.resubmit', text: 'the review does not come back; job.resubmit submits the goal anew' },
};
