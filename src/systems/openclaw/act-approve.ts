import type { StageState } from '../../domain/act.ts';
import { getString } from '../../lib/json.ts';
import { acceptDeadline, claimStage, conditionOf, workerWarnings } from './act-common.ts';
import { settledStage, takenBack } from './act-settled.ts';
import { controlAct, olderRefusal } from './control-act.ts';

/** Statuses an approved job may be seen in. Everything else after an approval means that it did not hold. */
const FORWARD = new Set(['approved', 'planning', 'running', 'waiting_human', 'completed', 'failed']);

/** Yes to a plan: `control.py approve`. Judged by the job's state and a later claim, never by what the program says. */
export const approveAct = controlAct({
  id: 'job.approve',
  title: 'approve the plan',
  menu: 'approve',
  risk: 'costly',
  does: 'releases the job: a worker plans the goal again and runs that new plan',
  runs: 'control.py approve JOB',
  outcome: 'status approved, a worker claims it, no older command takes it back',
  params: [],
  command: 'approve',
  on: 'awaiting_audit',
  ask: 'review',
  accepts: ['approved'],
  refusal(job, view) {
    switch (conditionOf(job)) {
      case 'review':
        return olderRefusal(job, 'approve', view);
      case 'no-plan':
        return 'there is no plan: approving would run the goal unreviewed';
      default:
        return `the job is ${job.nativeStatus ?? 'gone'}, it does not wait for a review`;
    }
  },
  warnings: (view, job) => [
    'the plan is made anew after the approval: other tasks may run than those shown',
    ...workerWarnings(view, job),
  ],
  revision: (job) => [getString(job.data, 'run') ?? '', conditionOf(job)],
  expect(view, order, job, marks): readonly StageState[] {
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
      settledStage(view, order, job, 'approve'),
    ];
  },
  undo: { act: 'job.cancel', text: 'cancel marks it cancelled; what its runner has begun goes on' },
});
