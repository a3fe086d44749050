import type { StageState, Step } from '../../domain/act.ts';
import { type Entity, type Ref, refTo } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { getArray, getBoolean, getNumber, getObject, getString } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { answerOf, isAbout, pythonEnv, START_TOLERANCE_MS, stageOf, timeIn } from './act-common.ts';
import { placeOf } from './schema.ts';

const API_ISSUES = ['api-down', 'api-degraded', 'unit-failed', 'memory-high', 'error-rate', 'server-errors'];

const isServer = (target: Entity): boolean =>
  isAbout(target, 'api', API_ISSUES) || (target.type === 'service' && target.id === 'unit');

const MANAGER_TIMEOUT_MS = 90_000;

/** Ready again in about ten seconds; a database that is slow to open takes longer. */
const READY_MS = 120_000;

interface Server {
  readonly pid: number | undefined;
  readonly startedAt: Instant | undefined;
  readonly state: string;
  readonly result: string;
  readonly isKnown: boolean;
  /** When that was seen. */
  readonly at: Instant | undefined;
  readonly argv: readonly string[];
}

function serverIn(view: StateView): Server {
  const server = getObject(view.data, 'server');
  return {
    pid: getNumber(server, 'pid'),
    startedAt: timeIn(server, 'startedAt'),
    state: getString(server, 'state') ?? 'unknown',
    result: getString(server, 'result') ?? '',
    isKnown: getBoolean(server, 'isKnown') === true,
    at: timeIn(server, 'at'),
    argv: getArray(server, 'argv').filter((word) => typeof word === 'string'),
  };
}

function managerRefusal(view: StateView): string | undefined {
  const { manager, cluster } = placeOf(view.located);
  if (manager.tool !== 'none') return undefined;
  return cluster ? 'it runs in Kubernetes: deployment.restart on its deployment' : manager.why;
}

/** The command the server is started with, where no manager does it: as configured, else as it runs now. */
function commandOf(view: StateView): readonly string[] {
  const { manager } = placeOf(view.located);
  if (manager.tool !== 'process') return [];
  return manager.argv.length > 0 ? manager.argv : serverIn(view).argv;
}

function managerStep(view: StateView, verb: 'start' | 'stop' | 'restart'): Step | undefined {
  const { manager } = placeOf(view.located);
  if (manager.tool !== 'systemctl' && manager.tool !== 'docker') return undefined;
  // Without a terminal a question for a password would be waited for in vain.
  const flags = manager.tool === 'systemctl' ? ['--no-ask-password'] : [];
  return {
    type: 'process',
    title: `${verb} ${manager.unit}`,
    argv: [...manager.argv, verb, ...flags, '--', manager.unit],
    cwd: view.located.root,
    timeoutMs: MANAGER_TIMEOUT_MS,
  };
}

function startStep(view: StateView): Step {
  const { keys } = placeOf(view.located);
  return {
    type: 'service',
    title: 'start the server',
    argv: commandOf(view),
    cwd: view.located.root,
    env: pythonEnv(view),
    secretEnv: keys,
    ...(view.located.settings.log?.startsWith('/') ? { outputPath: view.located.settings.log } : {}),
  };
}

function stopStep(view: StateView): Step | undefined {
  const { pid, startedAt } = serverIn(view);
  return pid === undefined || startedAt === undefined
    ? undefined
    : { type: 'signal', title: `SIGTERM to ${pid}`, pid, startedAt, signal: 'SIGTERM' };
}

const baselineOf = (view: StateView) => {
  const { pid, startedAt, state, result } = serverIn(view);
  return { pid: pid ?? null, startedAt: startedAt ?? null, state, result };
};

/**
 * A unit may be seen as failed while it is restarted, or as it was before; only a failure that stands this long after the
 * order is one, in milliseconds. That systemd gave up is final at once.
 */
const PASSING_FAILURE_MS = 20_000;

/** A server that began after the order, then its own word that it takes work. */
function expectUp(view: StateView, order: ActOrder): readonly StageState[] {
  const { pid, startedAt, state, result, isKnown, at } = serverIn(view);
  const isFresh =
    startedAt !== undefined &&
    startedAt >= order.startedAt - START_TOLERANCE_MS &&
    startedAt !== getNumber(order.baseline, 'startedAt');
  const isFinal = result === 'start-limit-hit' && getString(order.baseline, 'result') !== result;
  const isNews = at !== undefined && at > order.startedAt + (isFinal ? 0 : PASSING_FAILURE_MS);
  const hasFailed = isKnown && isNews && (state === 'failed' || state === 'dead') && order.stepsDone > 0;
  const failed = hasFailed ? { instead: `${state}: ${result || 'it did not stay up'}` } : false;
  const begun =
    isFresh && (state === 'active' || state === 'running') ? { seen: `pid ${pid ?? '?'}` } : failed;
  const answeredAt = timeIn(view.data, 'apiAnswered');
  const isReady = isFresh && answeredAt !== undefined && startedAt !== undefined && answeredAt > startedAt;
  const stages = [stageOf(order, 'started', 'a server process begun after this', begun, MANAGER_TIMEOUT_MS)];
  // The answer is asked for anew after the new process began: an older one was the old server's.
  if (view.located.url !== undefined)
    stages.push(stageOf(order, 'done', 'it says that it is ready', isReady ? true : failed, READY_MS));
  return stages;
}

const RESTART_WARNINGS = [
  'Running debates are cut off; it is ready again in about ten seconds.',
  'Open breakers survive it: they are restored from circuit_breaker.db.',
  'Variables exported in a shell do not reach it: a unit reads its own environment file.',
];

/** Restart by what runs it; SIGUSR1, which the runbook calls a reload, ends the server. */
export const restartApi: ActSpec = {
  id: 'api.restart',
  title: 'restart server',
  menu: 'restart',
  risk: 'costly',
  does: 'ends the server in order (1-4 s) and starts it again; running debates are lost',
  runs: 'systemctl restart UNIT, docker restart NAME, or SIGTERM and its command',
  outcome: 'a process begun after it, and /readyz says ready',
  params: [],
  appliesTo: isServer,
  precondition(view) {
    const refusal = managerRefusal(view);
    if (refusal !== undefined) return refusal;
    if (placeOf(view.located).manager.tool !== 'process') return undefined;
    if (serverIn(view).pid === undefined) return 'no server of this root runs: start it (api.start)';
    return commandOf(view)[0]?.startsWith('/')
      ? undefined
      : 'the command it is started with is not known: run=process:COMMAND';
  },
  warnings: () => RESTART_WARNINGS,
  strands: lostDebates,
  revision: (view) => JSON.stringify(baselineOf(view)),
  baseline: baselineOf,
  plan(view) {
    const step = managerStep(view, 'restart');
    if (step) return [step];
    const stop = stopStep(view);
    return stop ? [stop, startStep(view)] : [];
  },
  read: managerAnswer,
  expect: expectUp,
  undo: { text: 'cannot be undone: what ran in it is lost' },
};

/** The server itself: a condition it was started or stopped for may be over. */
const serverRef = (view: StateView): Ref | undefined => refTo(view.entity('service', 'api'));

export const startApi: ActSpec = {
  id: 'api.start',
  title: 'start server',
  menu: 'restart',
  risk: 'costly',
  does: 'starts the server by what runs it',
  runs: 'systemctl start UNIT, docker start NAME, or its command',
  outcome: 'a process begun after it, and /readyz says ready',
  params: [],
  appliesTo: isServer,
  precondition(view) {
    const refusal = managerRefusal(view);
    if (refusal !== undefined) return refusal;
    const { pid, state } = serverIn(view);
    if (pid !== undefined && state === 'active') return `it runs already: pid ${pid}`;
    if (placeOf(view.located).manager.tool !== 'process') return undefined;
    return commandOf(view)[0]?.startsWith('/')
      ? undefined
      : 'the command it is started with is not known: run=process:COMMAND';
  },
  warnings(view) {
    const isLimited = serverIn(view).result === 'start-limit-hit';
    return isLimited
      ? [
          'systemd gave up after five starts: "systemctl reset-failed" may be needed, and its cause is still there.',
        ]
      : [];
  },
  revision: (view) => JSON.stringify(baselineOf(view)),
  baseline: baselineOf,
  plan(view) {
    const step = managerStep(view, 'start');
    return [step ?? startStep(view)];
  },
  read: managerAnswer,
  expect: expectUp,
  undo: { act: 'api.stop', text: 'api.stop', on: serverRef },
};

export const stopApi: ActSpec = {
  id: 'api.stop',
  title: 'stop server',
  menu: 'pause',
  risk: 'costly',
  does: 'ends the server in order; nothing answers until it is started again',
  runs: 'systemctl stop UNIT, docker stop NAME, or SIGTERM',
  outcome: 'no process of it is left',
  params: [],
  appliesTo: isServer,
  precondition: (view) =>
    managerRefusal(view) ?? (serverIn(view).pid === undefined ? 'no server process is seen' : undefined),
  warnings: () => ['Running debates are cut off. The Nomic loop goes on without it.'],
  strands: lostDebates,
  revision: (view) => JSON.stringify(baselineOf(view)),
  baseline: baselineOf,
  plan(view) {
    const step = managerStep(view, 'stop') ?? stopStep(view);
    return step ? [step] : [];
  },
  read: managerAnswer,
  expect(view, order) {
    const { pid, isKnown, startedAt, at } = serverIn(view);
    const isAgain =
      pid !== undefined && startedAt !== undefined && startedAt > order.startedAt + START_TOLERANCE_MS;
    const seen = isAgain
      ? { instead: `it was started again: pid ${pid}` }
      : isKnown && pid === undefined && at !== undefined && at > order.startedAt;
    return [stageOf(order, 'done', 'no server process is left', seen, MANAGER_TIMEOUT_MS)];
  },
  undo: { act: 'api.start', text: 'api.start; running debates stay lost', on: serverRef },
};

/** For a server of its own that took SIGTERM and lives on; systemd and docker kill such a one by themselves. */
export const killApi: ActSpec = {
  ...stopApi,
  id: 'api.kill',
  title: 'kill server',
  menu: 'cancel',
  risk: 'destructive',
  does: 'SIGKILL to its pid alone: no handler of it runs, what it had not written is lost',
  runs: 'SIGKILL to its pid',
  precondition(view, target) {
    const refusal = stopApi.precondition(view, target);
    if (refusal !== undefined) return refusal;
    if (placeOf(view.located).manager.tool !== 'process')
      return 'what runs it kills one that takes no SIGTERM by itself: api.restart';
    return getString(view.data, 'apiState') === 'up' ? 'it answers: stop it in order (api.stop)' : undefined;
  },
  warnings: () => [
    'Try api.stop first.',
    'Running debates are cut off, and its databases are closed by nobody.',
  ],
  plan(view) {
    const { pid, startedAt } = serverIn(view);
    return pid === undefined || startedAt === undefined
      ? []
      : [{ type: 'signal', title: `SIGKILL to ${pid}`, pid, startedAt, signal: 'SIGKILL' }];
  },
};

function lostDebates(view: StateView): readonly string[] {
  return view
    .entities('job')
    .filter((job) => job.id.startsWith('debate-') && job.status === 'running')
    .slice(0, 20)
    .map((job) => `${job.title} runs now: it is lost`);
}

function managerAnswer(outputs: Parameters<NonNullable<ActSpec['read']>>[0]) {
  const last = outputs.at(-1);
  const words = `${last?.stderr ?? ''}${last?.stdout ?? ''}`.trim().split('\n')[0] ?? '';
  const isGood = outputs.length > 0 && outputs.every((one) => (one.exitCode ?? 1) === 0);
  return answerOf(isGood, words || (isGood ? 'exit 0' : `exit ${last?.exitCode ?? '?'}`), outputs);
}
