import type { StageState } from '../../domain/act.ts';
import { getString } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import {
  acceptDeadline,
  claimStage,
  conditionOf,
  idOf,
  isJobTarget,
  jobBaseline,
  jobOf,
  marksSince,
  readControl,
  scriptStep,
  unreachable,
  workerWarnings,
} from './act-common.ts';
import { settledStage, takenBack, undoing } from './act-settled.ts';
import { clockText } from './words.ts';

/** Statuses an approved job may be seen in. Everything else after an approval means that it did not hold. */
const FORWARD = new Set(['approved', 'planning', 'running', 'waiting_human', 'completed', 'failed']);

/** Yes to a plan: `control.py approve`. Judged by the job's state and a later claim, never by what the program says. */
export const approveAct: ActSpec = {
  id: 'job.approve',
  title: 'approve the plan',
  menu: 'approve',
  risk: 'costly',
  does: 'releases the job: a worker plans the goal again and runs that new plan',
  runs: 'control.py approve JOB',
  outcome: 'status approved, a worker claims it, no older command takes it back',
  params: [],
  appliesTo: (target) =>
    isJobTarget(target) &&
    (target.type !== 'approval' || target.ask === 'review') &&
    (target.type !== 'job' || target.nativeStatus === 'awaiting_audit'),
  precondition(view, target) {
    const job = jobOf(view, target);
    const reason = unreachable(view, job);
    if (reason !== undefined || job === undefined) return reason;
    switch (conditionOf(job)) {
      case 'review': {
        const older = undoing(job, 'approve');
        return older === undefined
          ? undefined
          : `a ${older.action} given ${clockText(older.at ?? null, view.now)} is still to be applied and would undo it: let a worker pass take it up first`;
      }
      case 'no-plan':
        return 'there is no plan: approving would run the goal unreviewed';
      default:
        return `the job is ${job.nativeStatus ?? 'gone'}, it does not wait for a review`;
    }
  },
  warnings(view, target) {
    const job = jobOf(view, target);
    return [
      'the plan is made anew after the approval: other tasks may run than those shown',
      ...(job ? workerWarnings(view, job) : []),
    ];
  },
  revision(view, target) {
    const job = jobOf(view, target);
    return [
      job?.nativeStatus ?? 'gone',
      getString(job?.data, 'run') ?? '',
      getString(job?.data, 'condition') ?? '',
    ].join('|');
  },
  baseline(view, target) {
    const job = jobOf(view, target);
    return job ? jobBaseline(view, job) : {};
  },
  plan(view, target) {
    const job = jobOf(view, target);
    return job ? [scriptStep(view, job, 'control.py', ['approve', idOf(job)], 'approve')] : [];
  },
  read: (outputs) => readControl(outputs[0], ['approved']),
  expect(view, order): readonly StageState[] {
    const job = jobOf(view, order.target);
    const marks = job ? marksSince(job, order.baseline) : [];
    const approved = marks.find((mark) => mark.event === 'audit_approved');
    const claim = approved && marks.find((mark) => mark.event === 'job_claimed' && mark.id > approved.id);
    const undone = takenBack(marks, approved, 'approve');
    const native = job?.nativeStatus ?? '';
    const accepted = ((): Pick<StageState, 'state' | 'detail' | 'seenAt'> => {
      if (undone)
        return {
          state: 'contradicted',
          detail: `approved, and then ${native}: an earlier command took it back (${undone.event})`,
        };
      if (FORWARD.has(native)) {
        return {
          state: 'seen',
          detail: `status ${native}`,
          ...(approved?.at === undefined ? {} : { seenAt: approved.at }),
        };
      }
      if (job === undefined) return { state: 'waiting', detail: 'the job is not in the database now' };
      if (approved)
        return {
          state: 'contradicted',
          detail: `approved, and then ${native}: an earlier command took it back`,
        };
      if (native === 'awaiting_audit') return { state: 'waiting' };
      return { state: 'contradicted', detail: `the job is ${native} instead` };
    })();
    return [
      {
        stage: 'accepted',
        title: 'the job leaves the review as approved',
        ...accepted,
        deadline: acceptDeadline(order),
        required: true,
      },
      claimStage(order, claim, true, accepted.state === 'contradicted' ? accepted.detail : undefined),
      settledStage(order, job, 'approve'),
    ];
  },
  undo: { act: 'job.cancel', text: 'cancel marks it cancelled; what its runner has begun goes on' },
};
