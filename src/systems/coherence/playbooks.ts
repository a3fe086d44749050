import type { Params } from '../../domain/act.ts';
import type { Entity, Ref } from '../../domain/entity.ts';
import { getBoolean, getNumber, getString } from '../../lib/json.ts';
import type { Playbook, PlaybookStep, StateView } from '../system.ts';
import {
  ABORT_ACT,
  ANSWER_ACT,
  API_ACT,
  CHECK_ACT,
  CLEAN_ACT,
  CLEAR_FATAL_ACT,
  END_MANAGER_ACT,
  END_ORPHANS_ACT,
  FAIL_ACT,
  REQUEUE_ACT,
  RESTART_ACT,
  START_ACT,
  START_RUNNER_ACT,
  WITHDRAW_ACT,
} from './condition.ts';

type Type = Ref['type'];

const isApiUp = (view: StateView): boolean => getString(view.data, 'apiState') === 'up';
const hasWatchdog = (view: StateView): boolean => getNumber(view.data, 'watchdogPid') !== undefined;
const hasManager = (view: StateView): boolean => getNumber(view.data, 'managerPid') !== undefined;
const isFree = (view: StateView): boolean => getNumber(view.data, 'hangsOnPid') === undefined;
const isSettled = (view: StateView, key: string): boolean => view.entity('issue', key) === undefined;
const noneWaits = (view: StateView): boolean =>
  view.entities('approval').every((one) => one.status !== 'pending');

const check = (text: string, holds: (view: StateView) => boolean): PlaybookStep => ({
  type: 'check',
  text,
  holds,
});
const note = (text: string): PlaybookStep => ({ type: 'note', text });

/** An act on the item itself. */
const act = (text: string, id: string): PlaybookStep => ({ type: 'act', text, act: id });

/** An act on an entity that is there or not. */
function actOn(text: string, id: string, type: Type, target: string): PlaybookStep {
  return { type: 'act', text, act: id, on: (view) => refTo(view, type, target) };
}

function refTo(view: StateView, type: Type, id: string): Ref | undefined {
  return view.entity(type, id) ? { system: view.located.system, type, id } : undefined;
}

/** On the question at hand, else on the first that waits. */
function onQuestion(text: string, id: string): PlaybookStep {
  return {
    type: 'act',
    text,
    act: id,
    on(view, target) {
      if (target.type === 'approval') return refTo(view, 'approval', target.id);
      const waiting = view.entities('approval').find((one) => one.status === 'pending');
      return waiting && refTo(view, 'approval', waiting.id);
    },
  };
}

const answerFirst = onQuestion(
  'answer what waits, under its worker’s name: a restart ends that name',
  ANSWER_ACT,
);

/** The first task that says running with nobody on it. */
function onDeserted(text: string, id: string): PlaybookStep {
  return {
    type: 'act',
    text,
    act: id,
    on(view) {
      const job = view.entities('job').find((one) => one.attention?.label === 'ORPHAN');
      return job ? refTo(view, 'job', job.id) : undefined;
    },
  };
}

/** The worker a task is bound to: of the item itself, else of the first pending one whose worker is gone. */
function boundTo(view: StateView, target: Entity): string | undefined {
  const bound = (job: Entity | undefined): string | undefined =>
    getString(job?.data, 'workerLife') === 'gone' ? getString(job?.data, 'worker') : undefined;
  const own = bound(view.entity('job', target.id));
  return (
    own ??
    view
      .entities('job')
      .filter((job) => job.nativeStatus === 'pending')
      .map(bound)
      .find(Boolean)
  );
}

const startRunner: PlaybookStep = {
  type: 'act',
  text: 'where its worker is gone: start a runner under that name',
  act: START_RUNNER_ACT,
  on: (view) => refTo(view, 'service', 'agent-runner'),
  params(view, target): Params {
    const worker = boundTo(view, target);
    return worker === undefined ? {} : { worker };
  },
};

const restart = actOn('request a restart with the right reason', RESTART_ACT, 'service', 'pipeline');
const start = actOn('without a watchdog: start the pipeline', START_ACT, 'service', 'pipeline');
const release = actOn(
  'where the watchdog hangs: end the project manager it waits for',
  END_MANAGER_ACT,
  'service',
  'watchdog',
);
const endOrphans = actOn('end the orphans of the dead pipeline', END_ORPHANS_ACT, 'issue', 'orphans');
const restartApi = actOn('restart the API alone, by its pid', API_ACT, 'service', 'api');
const withdraw = actOn('take a leftover request away', WITHDRAW_ACT, 'service', 'watchdog');
const checkNow = actOn('let the monitor look again', CHECK_ACT, 'service', 'monitor');
const effectiveness = actOn('effectiveness check', 'pipeline.check', 'service', 'pipeline');

const watchdogLives = check(
  'a watchdog of this checkout lives and is free',
  (view) => hasWatchdog(view) && isFree(view),
);
const nobodyWaits = check('nothing claimed by the old runner waits for an answer', noneWaits);
const managerWorks = check('a project manager of this checkout lives', hasManager);
const apiAnswers = check('the API answers with health 200', isApiUp);
const noOrphans = check('no orphans of a dead pipeline are left', (view) => isSettled(view, 'orphans'));
const notByName = note(
  'not "pkill -f uvicorn" or "pkill -f": they end every such process of this machine, other checkouts’ too',
);

/** Procedures for the conditions an operator is paged for; each loses nothing that can be kept. */
export const coherencePlaybooks: readonly Playbook[] = [
  {
    id: 'api-unreachable',
    title: 'API unreachable',
    steps: [
      check('no hanging process holds the port', (view) => isSettled(view, 'api_hangs')),
      notByName,
      actOn(
        'without a project manager or watchdog, or with a holder that hangs: restart the API by its pid',
        API_ACT,
        'service',
        'api',
      ),
      apiAnswers,
      answerFirst,
      nobodyWaits,
      watchdogLives,
      restart,
      start,
      managerWorks,
      endOrphans,
      noOrphans,
    ],
  },
  {
    id: 'pipeline-stuck',
    title: 'Pipeline stuck',
    steps: [
      effectiveness,
      apiAnswers,
      answerFirst,
      nobodyWaits,
      onDeserted(
        'requeue what says running with nobody on it; without its worker it waits for a runner of that name',
        REQUEUE_ACT,
      ),
      onDeserted('or fail it: the project manager tries the item again', FAIL_ACT),
      watchdogLives,
      release,
      restart,
      start,
      managerWorks,
    ],
  },
  {
    id: 'runner-pm-not-seen',
    title: 'Runner and project manager not seen',
    steps: [
      note(
        'the monitor sees any process of the machine with those names; the services list shows this checkout’s own',
      ),
      apiAnswers,
      restartApi,
      answerFirst,
      watchdogLives,
      restart,
      withdraw,
      endOrphans,
      start,
      managerWorks,
      checkNow,
    ],
  },
  {
    id: 'no-watchdog',
    title: 'Restart asked, no watchdog',
    steps: [
      withdraw,
      check('no request is left', (view) => getBoolean(view.data, 'requestPresent') !== true),
      endOrphans,
      start,
      check('a watchdog of this checkout lives', hasWatchdog),
      managerWorks,
    ],
  },
  {
    id: 'restart-hangs',
    title: 'Restart hangs',
    steps: [
      note(
        'the pipeline’s shell runs its TERM trap only after its foreground child, the project manager, has ended',
      ),
      answerFirst,
      nobodyWaits,
      release,
      check('the watchdog is free again', isFree),
      managerWorks,
    ],
  },
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
    id: 'stale-version',
    title: 'Pipeline runs old code',
    steps: [
      check('the start script knows its commit (no linked worktree)', (view) => {
        const issue = view.entity('issue', 'stale_version');
        return (issue?.cautions ?? []).length === 0;
      }),
      answerFirst,
      nobodyWaits,
      watchdogLives,
      restart,
      managerWorks,
      checkNow,
      check('the monitor no longer reports stale_version', (view) => isSettled(view, 'stale_version')),
    ],
  },
  {
    id: 'orphans',
    title: 'Orphans of a dead pipeline',
    steps: [
      note(
        'they keep the name of their worker: answer what waits for it and set it to pending while they live',
      ),
      answerFirst,
      nobodyWaits,
      endOrphans,
      noOrphans,
      managerWorks,
    ],
  },
  {
    id: 'fatal',
    title: 'The supervisor gave up',
    steps: [
      actOn('read the fatal report', 'fatal.report', 'service', 'pipeline'),
      note(
        'pr_followthrough_blocked: merge, close or update the open codex pull requests; no act of the pipeline does it',
      ),
      actOn('look which of them fail', 'prs.check', 'service', 'pipeline'),
      restartApi,
      apiAnswers,
      answerFirst,
      endOrphans,
      start,
      managerWorks,
      act('delete the file once it is over: nothing else does', CLEAR_FATAL_ACT),
    ],
  },
  {
    id: 'monitor-silent',
    title: 'Monitor silent',
    steps: [
      note(
        'nothing it reported is confirmed any more; processes, API and tasks are looked at by this cockpit',
      ),
      checkNow,
      check('its last check is new', (view) => isSettled(view, 'monitor_overdue')),
      answerFirst,
      watchdogLives,
      restart,
      start,
    ],
  },
  {
    id: 'runaway-task',
    title: 'A task that must not go on',
    steps: [
      {
        type: 'act',
        text: 'abort it: its runner ends the program',
        act: ABORT_ACT,
        on(view, target) {
          const running = view.entities('job').find((one) => one.status === 'running');
          return target.type === 'job'
            ? refTo(view, 'job', target.id)
            : running && refTo(view, 'job', running.id);
        },
      },
      note(
        'the abort stays in its context: a PATCH to pending by hand ends it again at once; requeue from here clears it',
      ),
    ],
  },
  {
    id: 'disk',
    title: 'Old logs',
    steps: [
      note('no log is rotated: the runbook’s "5 MiB, 3 backups" was never built'),
      actOn('delete old task logs', CLEAN_ACT, 'service', 'agent-runner'),
      note('not cleanup_temp.py without --keep-days: it deletes every task log, of running tasks too'),
    ],
  },
];
