import type { Playbook } from '../system.ts';
import { conditionOf } from './act-common.ts';
import { check, hasNoIssue, hasWorker, isIdle, noOrphan, note, onJob, onWorker } from './playbook-steps.ts';

/** Procedures for a queue, its worker and its version. */
export const queuePlaybooks: readonly Playbook[] = [
  {
    id: 'no-worker',
    title: 'Nobody claims jobs',
    steps: [
      check('a worker runs', hasWorker),
      check('no runner is left over from a worker that died', noOrphan),
      onWorker('worker.start', 'start one for this queue, whatever the .env names'),
      note(
        'a worker started with --project-id does not drain the signals of that project: PROJECT_ID must be set too',
      ),
      check('jobs are claimed', hasNoIssue('no-worker:')),
      onWorker(
        'worker.pass',
        'or one pass alone, when a worker should not stay: it blocks until its jobs end',
      ),
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
      check('no unknown job is left in the signal file', hasNoIssue('poison:')),
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
      check('jobs are claimed again', hasNoIssue('no-worker:')),
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
      check('no job is at work', isIdle),
      onWorker('worker.stop', 'stop the worker: nothing new is claimed'),
      check('no runner is left over', noOrphan),
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
      onWorker(
        'job.submit',
        'submit a goal of the usual kind: at the queue of a project outside production, where one is watched',
      ),
      note('it must end as completed with no failed task, and its events as those of a job in production'),
    ],
  },
  {
    id: 'rollback',
    title: 'Go back to the version before',
    steps: [
      check('no job is at work', isIdle),
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
