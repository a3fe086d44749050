import { type Job, type Ref, refOf } from '../../domain/entity.ts';
import { getString } from '../../lib/json.ts';
import type { Playbook, PlaybookStep, StateView } from '../system.ts';
import { conditionOf, jobOf } from './act-common.ts';
import { isWorkerService } from './act-service.ts';
import { undoing } from './act-settled.ts';

type Target = Parameters<Extract<PlaybookStep, { type: 'check' }>['holds']>[1];

function check(text: string, holds: (view: StateView, target: Target) => boolean): PlaybookStep {
  return { type: 'check', text, holds };
}

function act(id: string, text: string): PlaybookStep {
  return { type: 'act', text, act: id };
}

/** An act on the worker of the item's queue. */
function onWorker(id: string, text: string): PlaybookStep {
  return { type: 'act', text, act: id, on: workerOf };
}

/** An act on the job an issue is about. */
function onJob(id: string, text: string): PlaybookStep {
  return {
    type: 'act',
    text,
    act: id,
    on: (view, target) => {
      const found = job(view, target);
      return found && refOf(found);
    },
  };
}

function workerOf(view: StateView, target: Target): Ref | undefined {
  const project = getString(job(view, target)?.data, 'project') ?? getString(target.data, 'project');
  const services = view.entities('service').filter(isWorkerService);
  const own = services.find(({ data }) => getString(data, 'project') === project) ?? services[0];
  return own && refOf(own);
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
    id: 'no-worker',
    title: 'Nobody claims jobs',
    steps: [
      check('a worker runs', hasWorker),
      check('no runner is left over from a worker that died', (view) =>
        view.entities('issue').every((issue) => !issue.key.startsWith('orphan:')),
      ),
      onWorker('worker.start', 'start one for this queue, whatever the .env names'),
      note(
        'a worker started with --project-id does not drain the signals of that project: PROJECT_ID must be set too',
      ),
      check('jobs are claimed', (view) =>
        view.entities('issue').every((issue) => !issue.key.startsWith('no-worker:')),
      ),
      onWorker(
        'worker.pass',
        'or one pass alone, when a worker should not stay: it blocks until its jobs end',
      ),
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
    id: 'poison',
    title: 'A command for an unknown job',
    steps: [
      note(
        'the other commands of the batch were applied at once when given; only their second application is lost',
      ),
      note('the id was mistyped, or control.py was run without BASE_PATH and PROJECT_ID: it reads no .env'),
      onWorker('worker.pass', 'let a pass throw the batch away, where no worker does'),
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
      note('a corrupt or locked orchestrator.db is copied aside, never removed: it is the queue'),
      onWorker('worker.restart', 'restart the worker once the cause is gone'),
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
  {
    id: 'control',
    title: 'control.py refuses, or does nothing',
    steps: [
      note('--token is of another branch: this control.py knows none and exits 2 with its usage'),
      note('--project-id, --request-id and --signal-seq stand before the command word'),
      note('"accepted" and exit 0 mean nothing: apply_result.status not_found is another, empty queue'),
      note(
        'with --signal-seq the second application of the same command is rejected: nothing is lost by that',
      ),
      onJob('job.status', 'ask the program for the job, with the queue named by environment'),
      onJob('job.timeline', 'see which decisions took effect'),
    ],
  },
  {
    id: 'audit-trail',
    title: 'The audit trail is missing or incomplete',
    steps: [
      note(
        'no version writes .orchestrator/audit/audit_events.jsonl, and audit_timeline.py always says "no events"',
      ),
      onJob(
        'job.timeline',
        'the decisions stand in the events of the database: approve, revise, resume, cancel',
      ),
      note(
        'who gave them is recorded by the branch with an audit log alone, and by the ledger of this cockpit',
      ),
      note('reasons in audit_events.jsonl are not masked by the program: treat the file as a secret'),
    ],
  },
  {
    id: 'ssot',
    title: 'The worker refuses a job: two records of its state',
    steps: [
      note('the temporal backend is not usable in this version: its record is written where nobody looks'),
      note('set ORCH_WORKFLOW_BACKEND back in .env'),
      onWorker('worker.restart', 'restart the worker, so that it reads .env again'),
      onJob('job.retry', 'submit the goal again'),
    ],
  },
  {
    id: 'alert',
    title: 'An alert of the metrics',
    steps: [
      onWorker('report.metrics', 'ask the program for its numbers'),
      check('no job is silent', (view) =>
        view
          .entities('job')
          .every((one) => !['silent-dead', 'silent-alive', 'orphaned'].includes(conditionOf(one))),
      ),
      note('stalled: each silent job is an item of its own, long before the 5 minutes of the metric'),
      note('resumes: a job that asks again counts as one that worked; see what failed after its answer'),
      note('mean time: counts since ever and includes waiting for people; it falls only with new jobs'),
    ],
  },
  {
    id: 'stop-all',
    title: 'Stop everything, keep everything',
    steps: [
      check('no job is at work', (view) =>
        view
          .entities('job')
          .every((one) => !['running', 'orphaned', 'silent-alive'].includes(conditionOf(one))),
      ),
      onWorker('worker.stop', 'stop the worker: nothing new is claimed'),
      check('no runner is left over', (view) =>
        view.entities('issue').every((issue) => !issue.key.startsWith('orphan:')),
      ),
      note('keep .orchestrator whole, with orchestrator.db-wal and -shm: never rm *.db'),
    ],
  },
  {
    id: 'canary',
    title: 'Try a version before all use it',
    steps: [
      onWorker('check.imports', 'the skill can be imported'),
      onWorker('report.metrics', 'take the numbers; write them to a file for the gates'),
      onWorker('gate.slo', 'service levels: the first limit compares a count with 0.02'),
      onWorker('gate.canary', 'the report of the canary'),
      onWorker('canary.decide', 'promote, hold or roll back the stage'),
      note(
        'a goal submitted for a project of its own, outside production, must end as completed with no failed task',
      ),
    ],
  },
  {
    id: 'rollback',
    title: 'Go back to the version before',
    steps: [
      check('no job is at work', (view) =>
        view
          .entities('job')
          .every((one) => !['running', 'orphaned', 'silent-alive'].includes(conditionOf(one))),
      ),
      onWorker('worker.stop', 'stop the worker'),
      note(
        'rollback_release.sh only prints a line: go back by hand, git revert in the skill directory, no push --force',
      ),
      note(
        'keep .orchestrator as it is; copy orchestrator.db with its -wal for those who look into it later',
      ),
      onWorker('check.imports', 'the version before can be imported'),
      onWorker('worker.start', 'start the worker'),
      check('a worker runs', hasWorker),
      onWorker('report.metrics', 'see that it reads its queue'),
    ],
  },
  {
    id: 'release',
    title: 'Before a release',
    steps: [
      onWorker('check.imports', 'the skill can be imported'),
      onWorker('check.security', 'the tests of masking, in the one branch that has them'),
      onWorker('gate.slo', 'service levels'),
      onWorker('gate.latency', 'latency of terminal payloads: P95 80 ms, P99 150 ms'),
      onWorker('gate.scorecard', 'the scorecard'),
      onWorker('gate.release', 'the whole check; it moves the canary'),
      note(
        'a tampered context must raise CONTEXT_SIGNATURE_INVALID, a malformed payload MALFORMED_PAYLOAD: task errors in the log, no events of a job',
      ),
    ],
  },
];
