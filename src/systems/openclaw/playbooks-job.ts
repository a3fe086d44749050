import { getNumber, getString } from '../../lib/json.ts';
import type { Playbook } from '../system.ts';
import { undoing } from './act-settled.ts';
import { check, hasWorker, isIn, job, noOrphan, note, onJob, onWorker } from './playbook-steps.ts';

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
      onJob('job.approve', 'approve; seen when a worker claims the job'),
      onJob(
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
      onJob('job.retry', 'submit the goal again and cancel this job'),
    ],
  },
  {
    id: 'question',
    title: 'A job asks',
    steps: [
      onJob(
        'job.resubmit',
        'submit the goal with the answer in it, cancel this job: its agents get the answer',
      ),
      onJob('job.answer', 'or resume: runs from the start without the answer; only where any answer will do'),
      check('the job no longer waits', (view, target) => !isIn('question')(view, target)),
    ],
  },
  {
    id: 'no-signal',
    title: 'An agent ended without its closing signal',
    steps: [
      check(
        'its agents left no files: nothing is lost by a new run',
        (view, target) => (getNumber(job(view, target)?.data, 'artifacts') ?? 0) === 0,
      ),
      note(
        'where they did, the work may be done: take it from artifacts/ of the run directory, a new run has new ones',
      ),
      onJob('job.status', 'ask the program: its own words say failed, ours that no signal came'),
      onJob('job.cancel', 'cancel when the work is there'),
      onJob('job.answer', 'or resume: runs again from the start; resume_from_chat.py does no more than that'),
      onJob('job.retry', 'or submit the goal again: planned and reviewed anew'),
    ],
  },
  {
    id: 'stalled',
    title: 'A job is silent',
    steps: [
      check('no runner of any job is left over: a pass would run its job a second time', noOrphan),
      check('a worker runs: its next free pass takes the job back', hasWorker),
      onWorker('worker.pass', 'without a worker: one pass takes it back and runs it again, to its end'),
      onWorker('worker.start', 'or start a worker'),
      note(
        'it comes back as approved, or to its review where nobody had approved it; not after 300 s but at its lease',
      ),
      onJob('job.retry', 'or submit the goal again and cancel this job'),
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
      onJob('job.resubmit', 'submit the goal with the revision in it, cancel this job', (view, target) => {
        const revision = getString(job(view, target)?.data, 'revision') ?? '';
        return revision === '' ? {} : { answer: revision };
      }),
      onJob('job.cancel', 'or cancel it; control.py resume would only lead to a review without a plan'),
    ],
  },
  {
    id: 'failed',
    title: 'A job failed',
    steps: [
      note('read the last line of the error and the lines of the run in the log'),
      onJob('job.retry', 'submit the goal again: planned and reviewed anew'),
      onJob('job.rerun', 'or run this job once more under its old approval, without a review'),
    ],
  },
  {
    id: 'fake-success',
    title: 'Completed, and tasks failed',
    steps: [
      note(
        'see which tasks failed and why; "Malformed terminal payload" means that an agent asked in plain words',
      ),
      onJob('job.retry', 'submit the goal again'),
      onJob('job.rerun', 'or run it once more without a review'),
    ],
  },
  {
    id: 'unknown-status',
    title: 'A status this cockpit does not know',
    steps: [
      note(
        'another version of the skill may have set it, or a hand: no worker that is known claims such a job',
      ),
      onJob('job.status', 'ask the program what it makes of the job'),
      onJob('job.timeline', 'see which decisions were taken, and by which command'),
      onJob('job.cancel', 'cancel it, once nobody is known to wait for it: every status takes a cancel'),
      check('its status is one that is known', (view, target) => !isIn('unknown')(view, target)),
    ],
  },
  {
    id: 'older-queue',
    title: 'A job of a queue kept in files',
    steps: [
      note(
        'its control.py is another program than that of the database, and no act of the cockpit reaches it',
      ),
      note(
        'decide with the control.py beside that queue: the branch with an audit log wants --actor and --token (ORCH_CONTROL_TOKEN); type no token where others see it',
      ),
      note('it ends with 1 for a job that is unknown or in no state for it: this exit code can be believed'),
      onJob('job.timeline', 'see what was decided, by whom where an audit log is kept'),
      check(
        'it waits for nobody any more',
        (view, target) =>
          !isIn(
            'review',
            'no-plan',
            'question',
            'no-signal',
            'dead-end',
            'silent-dead',
            'silent-alive',
          )(view, target),
      ),
    ],
  },
  {
    id: 'lost',
    title: 'A job in the old file queue',
    steps: [
      note('unset ORCH_LEGACY_QUEUE_COMPAT where jobs are submitted'),
      onWorker('job.submit', 'submit its goal into the queue that is read', (_view, target) => {
        const goal = getString(target.data, 'goal') ?? '';
        return goal === '' ? {} : { goal };
      }),
      note('then move its file out of queue/jobs/, so that nobody waits for it'),
    ],
  },
];
