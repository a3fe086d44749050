import { getString } from '../../lib/json.ts';
import { acceptDeadline, conditionOf } from './act-common.ts';
import { settledStage } from './act-settled.ts';
import { commandEffect } from './command-effect.ts';
import { controlAct, olderRefusal } from './control-act.ts';

/**
 * `control.py revise`, for those who want the program's own word on record. Its status is a dead end: what a revision is
 * meant to do, job.resubmit does.
 */
export const reviseAct = controlAct({
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
  command: 'revise',
  on: 'awaiting_audit',
  ask: 'review',
  accepts: ['revise_requested'],
  text: (_job, params) => params['revision'] ?? '',
  refusal(job, view) {
    const condition = conditionOf(job);
    const native = job.nativeStatus ?? '';
    return condition === 'review' || condition === 'no-plan'
      ? olderRefusal(job, 'revise', view)
      : `the job is ${native}: it would become revise_requested; ${commandEffect('revise', native, false).harm}`;
  },
  warnings: () => [
    'a dead end: no worker claims it and approve does not leave it; only a cancel or a resume does',
    'what works: job.resubmit submits the goal with your text and cancels this job',
  ],
  strands: () => ['the plan: nothing leads back to its review'],
  revision: (job) => [getString(job.data, 'run') ?? ''],
  expect(view, order, job, marks) {
    const native = job?.nativeStatus ?? '';
    const ours = marks.find((mark) => mark.event === 'audit_revise_requested');
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
      settledStage(view, order, job, 'revise'),
    ];
  },
  undo: { act: 'job.resubmit', text: 'the review does not come back; job.resubmit submits the goal anew' },
});
