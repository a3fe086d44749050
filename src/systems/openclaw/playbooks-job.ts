import type { Playbook } from '../system.ts';
import { undoing } from './act-settled.ts';
import { act, check, hasWorker, isIn, job, note, onJob, onWorker } from './playbook-steps.ts';

/** Procedures for one job. */
export const jobPlaybooks: readonly Playbook[] = [
  {
    id: 'review',
    title: 'A plan waits for review',
    steps: [
      check('a worker runs, so that a yes has an effect', hasWorker),
      check('no older command of the job waits to be applied', (view, target) => {
        const found = job(view, target);
        return found !== undefined && undoing(found, 'approve') === undefined;
      }),
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
      onJob('job.status', 'ask the program: its own words say failed, ours that no signal came'),
      act('job.cancel', 'cancel when the work is there'),
      act('job.answer', 'or resume: runs again from the start'),
    ],
  },
  {
    id: 'stalled',
    title: 'A job is silent',
    steps: [
      check('its runner is gone', (view, target) => !isIn('silent-alive', 'orphaned')(view, target)),
      check('a worker runs: its next free pass takes the job back', hasWorker),
      onWorker('worker.pass', 'without a worker: one pass takes it back and runs it again, to its end'),
      onWorker('worker.start', 'or start a worker'),
      note(
        'it comes back as approved, or to its review where nobody had approved it; not after 300 s but at its lease',
      ),
      act('job.retry', 'or submit the goal again and cancel this job'),
    ],
  },
  {
    id: 'orphan',
    title: 'A runner lives without its worker',
    steps: [
      note('start no worker and no worker.py --once now: a pass would run the job a second time beside it'),
      onJob(
        'job.stop',
        'cancel it and end its runner with the agents in sessions of their own; or let it finish',
      ),
      note('never pkill -9 -f runner.py or openclaw: the runners of every other job go with it'),
      check(
        'the runner is gone',
        (view, target) => !isIn('silent-alive', 'orphaned', 'overtaken')(view, target),
      ),
      onJob('job.cancel', 'cancel, when its result is not wanted'),
      onWorker('worker.start', 'only now start a worker, if none runs'),
    ],
  },
  {
    id: 'dead-end',
    title: 'revise was asked',
    steps: [
      note('no worker claims revise_requested, and approve does not leave it'),
      act('job.resubmit', 'submit the goal with the revision in it, cancel this job'),
      act('job.cancel', 'or cancel it; control.py resume would only lead to a review without a plan'),
    ],
  },
  {
    id: 'failed',
    title: 'A job failed',
    steps: [
      note('read the last line of the error and the lines of the run in the log'),
      act('job.retry', 'submit the goal again: planned and reviewed anew'),
      act('job.rerun', 'or run this job once more under its old approval, without a review'),
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
      act('job.rerun', 'or run it once more without a review'),
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
