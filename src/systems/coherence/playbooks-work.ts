import { getArray, getString } from '../../lib/json.ts';
import type { Playbook } from '../system.ts';
import { ABORT_ACT, ANSWER_ACT, CLEAN_ACT, FAIL_ACT, REQUEUE_ACT } from './condition.ts';
import {
  act,
  actOn,
  apiAnswers,
  check,
  checkNow,
  effectiveness,
  isSettled,
  noneWaits,
  note,
  onQuestion,
  refTo,
  startRunner,
} from './playbook-steps.ts';

const DAY_MS = 86_400_000;

/** Procedures about tasks, their logs and their checks. */
export const workPlaybooks: readonly Playbook[] = [
  {
    id: 'unblock-decision',
    title: 'Unblock a decision',
    steps: [
      apiAnswers,
      note('read the question: where decision_prompt is empty it stands at the end of the output'),
      onQuestion('answer it under its worker’s name and set it to pending', ANSWER_ACT),
      note(
        'the runbook’s {"decision": "yes"} and Telegram’s /reply are refused (409) for a claimed task and leave it running with nobody',
      ),
      startRunner,
      onQuestion('or skip it: mark the task failed', FAIL_ACT),
      check('nothing waits for a decision', noneWaits),
    ],
  },
  {
    id: 'deserted-task',
    title: 'Task says running, nobody runs it',
    steps: [
      apiAnswers,
      note('only the worker that claimed it can take it again; after 30 min the monitor fails it'),
      act('requeue it', REQUEUE_ACT),
      startRunner,
      act('or fail it: the project manager tries the item again', FAIL_ACT),
      check('no task says running with nobody on it', (view) =>
        view.entities('job').every((one) => one.attention?.label !== 'ORPHAN'),
      ),
    ],
  },
  {
    id: 'bound-tasks',
    title: 'Tasks of a worker that is gone',
    steps: [
      apiAnswers,
      note('requeueing does not help: the claim stays, and any other worker is refused with 409'),
      startRunner,
      {
        type: 'act',
        text: 'or fail them: the project manager tries their items again',
        act: FAIL_ACT,
        on(view) {
          const job = view
            .entities('job')
            .find((one) => one.nativeStatus === 'pending' && getString(one.data, 'workerLife') === 'gone');
          return job && refTo(view, 'job', job.id);
        },
      },
      check('no pending task is bound to a worker that is gone', (view) =>
        isSettled(view, 'tasks_bound_to_gone_worker'),
      ),
    ],
  },
  {
    id: 'runaway-task',
    title: 'A task that must not go on',
    steps: [
      note('after 30 min the monitor marks it failed and its program runs on: only an abort ends that'),
      act('abort it: its runner ends the program', ABORT_ACT),
      check('its program has ended', (view, target) => view.entity('job', target.id)?.status !== 'running'),
      note(
        'the abort stays in its context: a PATCH to pending by hand ends it again at once; requeue from here clears it',
      ),
      act('requeue it, where it is to be tried again', REQUEUE_ACT),
    ],
  },
  {
    id: 'failing-work',
    title: 'Too much work fails',
    steps: [
      actOn('which kinds of task and which signals fail', 'failures.report', 'layer', 'goal'),
      note(
        'spec tasks that all end with exit 2 and a syntax error of /bin/sh are backticks in their text, not an outage: take them out of the backlog item, its next task goes through',
      ),
      actOn('routes the web expects and the API does not have', 'surface.report', 'service', 'api'),
      actOn('the tests of the API', 'tests.check', 'service', 'api'),
      effectiveness,
      checkNow,
      check('the monitor no longer reports a low success rate', (view) =>
        isSettled(view, 'low_success_rate'),
      ),
    ],
  },
  {
    id: 'ci-blocks',
    title: 'Checks or waivers block',
    steps: [
      actOn('look which open pull requests fail; nothing is rerun', 'prs.check', 'service', 'pipeline'),
      actOn('the same checks here, with their output', 'worktree.check', 'service', 'pipeline'),
      actOn('what the start gate says of this worktree', 'start.check', 'service', 'pipeline'),
      note(
        'a waiver is a line of config/start_gate_main_workflow_waivers.json with workflow, owner, reason, expires_at; it is for a cause somebody is mending',
      ),
      note(
        'a workflow without an owner blocks until it has a row in config/start_gate_workflow_owners.json; rerunning failed jobs on GitHub is left to its own triage workflow',
      ),
      checkNow,
      check('no deployment is blocked', (view) => isSettled(view, 'public_deploy_contract_blocked')),
    ],
  },
  {
    id: 'disk',
    title: 'Old logs',
    steps: [
      note('no log is rotated: the runbook’s "5 MiB, 3 backups" was never built'),
      actOn('delete old task logs', CLEAN_ACT, 'service', 'agent-runner'),
      check('no task log is older than a week', (view) => {
        const oldest = getArray(view.data, 'taskLogAges')[0];
        return typeof oldest !== 'number' || view.now - oldest < 8 * DAY_MS;
      }),
      note('not cleanup_temp.py without --keep-days: it deletes every task log, of running tasks too'),
    ],
  },
];
