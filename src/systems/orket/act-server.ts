import type { ActMenu, StageState, Step } from '../../domain/act.ts';
import type { Entity, Service } from '../../domain/entity.ts';
import { addMs, type Instant, instant, toIso } from '../../domain/instant.ts';
import { keeperProgram, keeperStep } from '../../domain/keeper.ts';
import { getArray, getBoolean, getNumber, getString } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { answerOf, complaintIn, listed } from './act-program.ts';
import { keeperFor, webhookUrlOf } from './sources.ts';

/** systemd gives a service 90 s to stop. */
const STOPPED_MS = 100_000;
/** Python's start with all imports, then the first answer we ask for. */
const STARTED_MS = 120_000;
const KEEPER_TIMEOUT_MS = 100_000;
/** The kernel's start times and ours. */
const SLACK_MS = 2_000;

type Verb = 'start' | 'stop' | 'restart';
type ServerId = 'api' | 'webhook';

const SERVERS: {
  readonly [id in ServerId]: {
    readonly argv: readonly string[];
    readonly has: string;
    readonly what: string;
  };
} = {
  api: { argv: ['server.py'], has: 'hasServer', what: 'server.py' },
  webhook: { argv: ['-m', 'orket.webhook_server'], has: 'hasWebhook', what: 'orket/webhook_server.py' },
};

export const startServer = serverAct('start', 'restart', 'starts the server and lets it go');
export const stopServer = serverAct(
  'stop',
  'pause',
  'ends the server; it takes no requests until it is started again',
);
export const restartServer = serverAct('restart', 'restart', 'ends the server and starts it again');

function serverAct(verb: Verb, menu: ActMenu, does: string): ActSpec {
  return {
    id: `service.${verb}`,
    title: `${verb} this server`,
    menu,
    risk: verb === 'start' ? 'reversible' : 'costly',
    does,
    runs:
      verb === 'start'
        ? 'python server.py (or -m orket.webhook_server), let go; systemctl or docker start as configured'
        : verb === 'stop'
          ? 'SIGTERM to its process; systemctl or docker stop as configured'
          : 'SIGTERM, then python server.py; systemctl or docker restart as configured',
    outcome:
      verb === 'stop'
        ? 'its process is gone, or its keeper says that it is not up'
        : 'a new process, and /health answers well where it is asked',
    params: [],
    appliesTo: (target) => serverOf(target) !== undefined,
    precondition: (view, target) => preventing(view, target, verb),
    warnings: (view, target) => warningsOf(view, target, verb),
    strands(_view, target) {
      const carried = getArray(target.data, 'carried').filter((id): id is string => typeof id === 'string');
      return verb === 'start' || carried.length === 0
        ? []
        : [`runs it may be carrying stay on running for ever, their cards in hand: ${listed(carried)}`];
    },
    revision: (view, target) => revisionOf(view, target),
    baseline: (_view, target) => ({
      pid: getNumber(target.data, 'pid') ?? null,
      keeperSince: getNumber(target.data, 'keeperSince') ?? null,
    }),
    plan: (view, target) => stepsOf(view, target, verb),
    read(outputs) {
      const bad = outputs.map(complaintIn).find((complaint) => complaint !== undefined);
      const last = outputs.at(-1);
      if (bad === undefined)
        return answerOf(last, outputs.length > 0, last?.stdout.trim() || 'it ended without a word');
      // A restart whose second half failed leaves nothing running.
      const done = outputs.filter((output) => complaintIn(output) === undefined).map(({ title }) => title);
      return answerOf(last, false, done.length === 0 ? bad : `${bad}; done before that: ${listed(done)}`);
    },
    expect: (view, order) => (verb === 'stop' ? [stoppedStage(view, order)] : startedStages(view, order)),
    undo:
      verb === 'stop'
        ? { act: 'service.start', text: 'service.start starts it again' }
        : { act: 'service.stop', text: 'service.stop ends it' },
  };
}

/** One that is down is down again another time: then it is told by since when, or else by the time of day. */
function revisionOf(view: StateView, { data }: Entity): string {
  const pid = getNumber(data, 'pid');
  const kept = `${getNumber(data, 'keeperSince') ?? ''}|${getBoolean(data, 'keeperUp') ?? ''}`;
  const down = getNumber(data, 'downSince') ?? toIso(view.now).slice(0, 15);
  return pid === undefined ? `${kept}|down ${down}` : `${kept}|${pid}`;
}

function serverOf(target: Entity): ServerId | undefined {
  return target.type === 'service' && (target.id === 'api' || target.id === 'webhook')
    ? target.id
    : undefined;
}

function preventing(view: StateView, target: Entity, verb: Verb): string | undefined {
  const id = serverOf(target);
  if (id === undefined || target.type !== 'service') return 'not a server of Orket';
  const keeper = keeperFor(view.located, id);
  if (keeper.by !== 'process') {
    const program = keeperProgram(keeper);
    if (getString(view.located.extra, program) === undefined) return `${program} is not on PATH`;
    const isUp = getBoolean(target.data, 'keeperUp');
    if (verb === 'start' && isUp === true) return `${keeper.by} says that ${keeper.name} is up`;
    if (verb === 'stop' && isUp === false) return `${keeper.by} says that ${keeper.name} is not up`;
    return undefined;
  }
  const pid = getNumber(target.data, 'pid');
  if (verb === 'stop') return pid === undefined ? 'no process of it is seen here' : undefined;
  if (verb === 'start' && pid !== undefined) return `it runs as pid ${pid}`;
  if (verb === 'start' && target.status === 'up') return 'it answers, though its process is not seen here';
  if (view.located.python === undefined) return 'no Python interpreter: set python=PATH for this system';
  const { has, what } = SERVERS[id];
  if (view.located.extra[has] !== true) return `no ${what} in ${view.located.root}`;
  const holder = portHolder(view, id);
  return holder !== undefined && holder.pid !== pid && !isChildOf(view, holder.pid, pid)
    ? `port ${portOf(view, id)} is held by pid ${holder.pid}: the new server could not take it`
    : undefined;
}

function warningsOf(view: StateView, target: Entity, verb: Verb): readonly string[] {
  const id = serverOf(target) ?? 'api';
  const warnings: string[] = [];
  const keeper = keeperFor(view.located, id);
  if (verb !== 'start') {
    warnings.push(
      'Runs it has under way die with it, and Orket writes no end for them: they are zombies from then on.',
    );
  }
  if (verb !== 'stop' && keeper.by === 'process') {
    warnings.push(
      'It takes its keys from .env alone: what the environment of the old process held is not known here.',
    );
    if (id === 'api')
      warnings.push(
        'It listens on all addresses (0.0.0.0:8082) unless ORKET_HOST and ORKET_PORT say otherwise.',
      );
    if (id === 'webhook')
      warnings.push('Without GITEA_WEBHOOK_SECRET and GITEA_ADMIN_PASSWORD in .env it ends at once.');
  }
  if (keeper.by === 'process' && verb !== 'start' && getNumber(target.data, 'pid') !== undefined) {
    warnings.push('Something else may start it again (systemd, a loop in a shell): then name it as keeper.');
  }
  return warnings;
}

function stepsOf(view: StateView, target: Entity, verb: Verb): readonly Step[] {
  const id = serverOf(target);
  if (id === undefined) return [];
  const keeper = keeperFor(view.located, id);
  if (keeper.by !== 'process') {
    const program = getString(view.located.extra, keeperProgram(keeper)) ?? '';
    return [keeperStep(keeper, verb, { program, cwd: view.located.root, timeoutMs: KEEPER_TIMEOUT_MS })];
  }
  const steps: Step[] = [];
  const pid = getNumber(target.data, 'pid');
  const since = getNumber(target.data, 'startedAt');
  if (verb !== 'start' && pid !== undefined && since !== undefined) {
    const title = `end pid ${pid}, ${SERVERS[id].what}`;
    steps.push({ type: 'signal', title, pid, startedAt: instant(since), signal: 'SIGTERM' });
  }
  if (verb !== 'stop') {
    const isKept = view.located.extra['hasWorkspace'] === true;
    steps.push({
      type: 'service',
      title: `start ${SERVERS[id].argv.join(' ')}`,
      argv: [view.located.python ?? '', ...SERVERS[id].argv],
      cwd: view.located.root,
      env: { PYTHONIOENCODING: 'utf-8' },
      ...(isKept ? { outputPath: `${view.located.root}/workspace/default/${id}-server.out` } : {}),
    });
  }
  return steps;
}

function stoppedStage(view: StateView, order: ActOrder): StageState {
  const service = view.entity('service', order.target.id);
  const isKept = keeperFor(view.located, order.target.id === 'webhook' ? 'webhook' : 'api').by !== 'process';
  const old = getNumber(order.baseline, 'pid');
  const pid = getNumber(service?.data, 'pid');
  const isGone = isKept
    ? getBoolean(service?.data, 'keeperUp') === false
    : old !== undefined && !view.processes.some((process) => process.pid === old);
  const deadline = addMs(order.startedAt, STOPPED_MS);
  const base = { stage: 'done' as const, title: 'it runs no more', deadline, required: true };
  if (!isGone) return { ...base, state: 'waiting' };
  // The one that was ended is gone, and something has put another in its place.
  if (pid !== undefined && pid !== old)
    return {
      ...base,
      state: 'contradicted',
      detail: `pid ${pid} runs in its place: something starts it again`,
    };
  const holder = isKept ? undefined : portHolder(view, order.target.id === 'webhook' ? 'webhook' : 'api');
  if (holder)
    return {
      ...base,
      state: 'contradicted',
      detail: `pid ${holder.pid} still holds port ${holder.ports.join(', ')}`,
    };
  return { ...base, state: 'seen', detail: old === undefined ? 'its keeper says so' : `pid ${old} is gone` };
}

function startedStages(view: StateView, order: ActOrder): readonly StageState[] {
  const service = view.entity('service', order.target.id);
  const id = order.target.id === 'webhook' ? 'webhook' : 'api';
  const isKept = keeperFor(view.located, id).by !== 'process';
  const pid = getNumber(service?.data, 'pid');
  const since = getNumber(service?.data, isKept ? 'keeperSince' : 'startedAt') as Instant | undefined;
  const isNew = isKept
    ? getBoolean(service?.data, 'keeperUp') === true &&
      since !== undefined &&
      since !== getNumber(order.baseline, 'keeperSince')
    : pid !== undefined &&
      pid !== getNumber(order.baseline, 'pid') &&
      (since ?? 0) >= order.startedAt - SLACK_MS;
  const deadline = addMs(order.startedAt, STARTED_MS);
  const stages: StageState[] = [
    {
      stage: 'started',
      title: isKept ? 'its keeper says that it is up anew' : 'a new process of it',
      state: isNew ? 'seen' : 'waiting',
      ...(isNew
        ? { detail: isKept ? 'up anew' : `pid ${pid}` }
        : pid === undefined
          ? {}
          : { detail: `pid ${pid} is the old one` }),
      deadline,
      required: true,
    },
  ];
  const isAsked = id === 'api' ? view.located.url !== undefined : webhookUrlOf(view.located) !== undefined;
  if (!isAsked) return stages;
  const isWell = isNew && isAnsweringSince(service, order.startedAt);
  stages.push({
    stage: 'done',
    title: '/health answers well',
    state: isWell ? 'seen' : 'waiting',
    ...(isWell
      ? { detail: `answered in ${service?.latencyMs ?? '?'} ms` }
      : service?.detail
        ? { detail: service.detail }
        : {}),
    deadline,
    required: true,
  });
  return stages;
}

/** An answer from before the act says nothing about the new process. */
function isAnsweringSince(service: Service | undefined, startedAt: Instant): boolean {
  return service?.status === 'up' && service.observedAt > startedAt;
}

function portOf(view: StateView, id: ServerId): number {
  if (id === 'api') return getNumber(view.located.extra, 'apiPort') ?? 8082;
  const given = Number(/:(\d{1,5})$/.exec(webhookUrlOf(view.located) ?? '')?.[1] ?? 8080);
  return given;
}

function portHolder(view: StateView, id: ServerId): StateView['processes'][number] | undefined {
  const port = portOf(view, id);
  return view.processes.find((process) => process.ports.includes(port));
}

/** uvicorn's reloader holds the port together with its child. */
function isChildOf(view: StateView, pid: number, parent: number | undefined): boolean {
  return view.processes.find((process) => process.pid === pid)?.parentPid === parent;
}
