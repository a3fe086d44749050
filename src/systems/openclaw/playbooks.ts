import type { Job } from '../../domain/entity.ts';
import { getString } from '../../lib/json.ts';
import type { Playbook, PlaybookStep, StateView } from '../system.ts';
import { conditionOf, jobOf } from './act-common.ts';

type Target = Parameters<Extract<PlaybookStep, { type: 'check' }>['holds']>[1];

function check(text: string, holds: (view: StateView, target: Target) => boolean): PlaybookStep {
  return { type: 'check', text, holds };
}

function act(id: string, text: string): PlaybookStep {
  return { type: 'act', text, act: id };
}

function note(text: string): PlaybookStep {
  return { type: 'note', text };
}

function job(view: StateView, target: Target): Job | undefined {
  return jobOf(view, target) ?? view.entity('job', getString(target.data, 'job') ?? '');
}

function isIn(...conditions: readonly string[]): (view: StateView, target: Target) => boolean {
  return (view, target) => conditions.includes(conditionOf(job(view, target) ?? ({ data: {} } as Job)));
}

function hasWorker(view: StateView): boolean {
  return view
    .entities('service')
    .some((service) => service.id.startsWith('worker') && service.status === 'up');
}

/** Procedures for the conditions this kind names. They differ from the printed runbook where that was measured wrong. */
export const openclawPlaybooks: readonly Playbook[] = [
  {
    id: 'review',
    title: 'A plan waits for review',
    steps: [
      check('a worker runs, so that a yes has an effect', hasWorker),
      note('read the plan as an example: after a yes the goal is planned anew'),
      act('job.approve', 'approve; seen when a worker claims the job'),
      act(
        'job.resubmit',
        'or say what to do differently: a new job, this one cancelled (revise is a dead end)',
      ),
    ],
  },
  {
    id: 'no-plan',
    title: 'Planning failed and looks like a review',
    steps: [
      note('do not approve: that runs the goal without any plan having been seen'),
      note('see to the reason first (model reachable, disk free): the next planning needs the same'),
      check('a worker runs, to plan it anew', hasWorker),
      act('job.retry', 'submit the goal again and cancel this job'),
    ],
  },
  {
    id: 'question',
    title: 'A job asks',
    steps: [
      act(
        'job.resubmit',
        'submit the goal with the answer in it, cancel this job: its agents get the answer',
      ),
      act('job.answer', 'or resume: runs from the start without the answer; only where any answer will do'),
      check('the job no longer waits', (view, target) => !isIn('question')(view, target)),
    ],
  },
  {
    id: 'no-signal',
    title: 'An agent ended without its closing signal',
    steps: [
      note('look into artifacts/ of the run directory: the work may be done although nothing said so'),
      act('job.cancel', 'cancel when the work is there'),
      act('job.answer', 'or resume: runs again from the start'),
    ],
  },
  {
    id: 'no-worker',
    title: 'Nobody claims jobs',
    steps: [
      check('a worker runs', hasWorker),
      check('no runner is left over from a worker that died', (view) =>
        view.entities('issue').every((issue) => !issue.key.startsWith('orphan:')),
      ),
      note(
        'start one from the skill directory: python3 scripts/worker.py --interval 2; its .env must name this project',
      ),
      note(
        'a worker started with --project-id does not drain the signals of that project: PROJECT_ID must be set too',
      ),
      check('jobs are claimed', (view) =>
        view.entities('issue').every((issue) => !issue.key.startsWith('no-worker:')),
      ),
    ],
  },
  {
    id: 'stalled',
    title: 'A job is silent',
    steps: [
      check('its runner is gone', (view, target) => !isIn('silent-alive', 'orphaned')(view, target)),
      check('a worker runs: its next free pass takes the job back', hasWorker),
      note('without a worker start one; worker.py --once blocks until the whole job is done'),
      act('job.retry', 'or submit the goal again and cancel this job'),
    ],
  },
  {
    id: 'orphan',
    title: 'A runner lives without its worker',
    steps: [
      note('start no worker and no worker.py --once now: a pass would run the job a second time beside it'),
      note(
        'end the runner and the openclaw processes it started (they have sessions of their own), or let it finish',
      ),
      check(
        'the runner is gone',
        (view, target) => !isIn('silent-alive', 'orphaned', 'overtaken')(view, target),
      ),
      act('job.cancel', 'cancel, when its result is not wanted'),
    ],
  },
  {
    id: 'dead-end',
    title: 'revise was asked',
    steps: [
      note('no worker claims revise_requested, and approve does not leave it'),
      act('job.resubmit', 'submit the goal with the revision in it, cancel this job'),
    ],
  },
  {
    id: 'failed',
    title: 'A job failed',
    steps: [
      note('read the last line of the error and the lines of the run in the log'),
      act('job.retry', 'submit the goal again: planned and reviewed anew'),
    ],
  },
  {
    id: 'fake-success',
    title: 'Completed, and tasks failed',
    steps: [
      note(
        'see which tasks failed and why; "Malformed terminal payload" means that an agent asked in plain words',
      ),
      act('job.retry', 'submit the goal again'),
    ],
  },
  {
    id: 'poison',
    title: 'A command for an unknown job',
    steps: [
      note(
        'the other commands of the batch were applied at once when given; only their second application is lost',
      ),
      check('no unknown job is left in the signal file', (view) =>
        view.entities('issue').every((issue) => !issue.key.startsWith('poison:')),
      ),
      note('check each job a command was given for, and give it again where it did not take'),
    ],
  },
  {
    id: 'worker-loop',
    title: "The worker's loop breaks",
    steps: [
      note('read the cause: disk, permissions and locks are for the host, not for a restart'),
      check('jobs are claimed again', (view) =>
        view.entities('issue').every((issue) => !issue.key.startsWith('no-worker:')),
      ),
    ],
  },
  {
    id: 'lost',
    title: 'A job in the old file queue',
    steps: [
      note('unset ORCH_LEGACY_QUEUE_COMPAT where jobs are submitted'),
      note('submit the goal again with scripts/submit.py, then remove the file'),
    ],
  },
];
