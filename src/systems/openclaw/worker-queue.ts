import type { SignalStep, StageState, Step } from '../../domain/act.ts';
import type { Entity, Service } from '../../domain/entity.ts';
import { addMs, type Instant, instant } from '../../domain/instant.ts';
import { keeperProgram, keeperStep } from '../../domain/keeper.ts';
import { getArray, getBoolean, getNumber, getString, type Json } from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';
import { claimGraceMs, isSafeProject, keeperIn, placeOf } from './schema.ts';

/** How long a worker may take to show in the process table, or to go from it. */
const PROCESS_MS = 20_000;
/** Without a worker the state is looked at anew every half minute, if nothing else moves it. */
const ABSENCE_MS = 45_000;
/** How long a worker must have lived to count as started. */
const LIVES_MS = 3_000;
/** A unit that restarts what ends does so within seconds. */
const RESPAWN_MS = 6_000;
const KEEPER_TIMEOUT_MS = 60_000;

/** The service acts on a whole queue apply to. */
export function isWorkerService(target: Entity): target is Service {
  return target.type === 'service' && (target.id === 'worker' || target.id.startsWith('worker@'));
}

/** The queue's service as it is now. */
export function serviceOf(view: StateView, target: { readonly id: string }): Service | undefined {
  return view.entity('service', target.id);
}

/** Why no script of the skill can be run for this queue; undefined when one can. */
export function unreachableQueue(view: StateView, target: Entity, script: string): string | undefined {
  const place = placeOf(view.located);
  if (place.skill === undefined)
    return 'the skill directory is not known: start with -s openclaw=DIR,skill=PATH';
  if (!place.scripts.includes(script)) return `this version of the skill has no ${script}`;
  if (view.located.python === undefined) return 'no python3 found: start with -s openclaw=DIR,python=PATH';
  const service = serviceOf(view, target);
  if (getString(service?.data, 'generation') !== 'database')
    return 'kept by the older file queue, whose scripts are other programs: use those';
  return isSafeProject(projectOf(service)) ? undefined : "the project's name is not safe to pass on";
}

function projectOf(service: Service | undefined): string {
  return getString(service?.data, 'project') ?? '';
}

/** Environment and directory every script of the skill is run with: without them it opens another, empty queue. */
export function queueStep(
  view: StateView,
  target: Entity,
): { readonly cwd: string; readonly env: { readonly [name: string]: string } } {
  return {
    cwd: placeOf(view.located).skill ?? '',
    env: { BASE_PATH: view.located.root, PROJECT_ID: projectOf(serviceOf(view, target)) },
  };
}

interface Pid {
  readonly pid: number;
  readonly startedAt: Instant;
}

export function pidsOf(value: Json | undefined, name: string): readonly Pid[] {
  return getArray(value, name).flatMap((one) => {
    const [pid, startedAt] = [getNumber(one, 'pid'), getNumber(one, 'startedAt')];
    return pid === undefined || startedAt === undefined ? [] : [{ pid, startedAt: instant(startedAt) }];
  });
}

export function idsOf(value: Json | undefined, name: string): readonly string[] {
  return getArray(value, name).filter((id) => typeof id === 'string');
}

/** Why a pass must not begin: it would run a job a second time beside a runner that lives. */
export function doubled(service: Service | undefined): string | undefined {
  const [first] = idsOf(service?.data, 'orphans');
  return first === undefined
    ? undefined
    : `a runner of ${first.slice(0, 8)} lives without its worker: a pass would run that job a second time; end it first`;
}

/** Why the keeper can't be asked; undefined when it can, or when the worker is a process of its own. */
export function keeperMissing(view: StateView, target: Entity): string | undefined {
  const keeper = keeperIn(view.located);
  if (keeper === 'wrong') return 'the setting keeper is none of systemd:UNIT, systemd-user:UNIT, docker:NAME';
  if (keeper.by === 'process') return undefined;
  const place = placeOf(view.located);
  const program = keeperProgram(keeper);
  if (place.programs[program] === undefined) return `no ${program} on this host`;
  const project = projectOf(serviceOf(view, target));
  return place.servedProject === project
    ? undefined
    : `${keeper.name} serves ${place.servedProject ?? 'another project'} alone, not ${project}: its .env decides`;
}

/** What is said to the keeper; undefined where the worker is a process of its own. */
export function keptStep(view: StateView, verb: 'start' | 'stop' | 'restart'): Step | undefined {
  const keeper = keeperIn(view.located);
  if (keeper === 'wrong' || keeper.by === 'process') return undefined;
  const program = placeOf(view.located).programs[keeperProgram(keeper)] ?? '';
  return keeperStep(keeper, verb, { program, cwd: view.located.root, timeoutMs: KEEPER_TIMEOUT_MS });
}

export function startStep(view: StateView, target: Entity): Step {
  const place = placeOf(view.located);
  return {
    type: 'service',
    title: 'start a worker',
    argv: [
      view.located.python ?? '',
      `${place.skill ?? ''}/scripts/worker.py`,
      '--interval',
      String(place.pollMs / 1000),
    ],
    ...queueStep(view, target),
  };
}

export function stopSteps(service: Service | undefined): readonly SignalStep[] {
  return pidsOf(service?.data, 'workers').map(({ pid, startedAt }) => ({
    type: 'signal',
    title: `end worker ${pid}`,
    pid,
    startedAt,
    signal: 'SIGTERM',
  }));
}

export function baselineOf(view: StateView, target: Entity): Json {
  const { data } = serviceOf(view, target) ?? {};
  return {
    workers: getArray(data, 'workers'),
    claimable: idsOf(data, 'claimable').length,
    stale: idsOf(data, 'stale').length,
    commands: getNumber(data, 'commands') ?? 0,
    pollMs: placeOf(view.located).pollMs,
  };
}

export function revisionOf(view: StateView, target: Entity): string {
  const { data } = serviceOf(view, target) ?? {};
  const workers = pidsOf(data, 'workers').map(({ pid, startedAt }) => `${pid}@${startedAt}`);
  const found = ['claimable', 'stale', 'orphans', 'running'].map((name) => idsOf(data, name).join(','));
  return [workers.join(','), ...found, (getNumber(data, 'commands') ?? 0) > 0 ? 'commands' : ''].join('|');
}

/** Pids of the baseline that still work as workers. */
function left(view: StateView, order: ActOrder): readonly Pid[] {
  const now = pidsOf(serviceOf(view, order.target)?.data, 'workers');
  const before = pidsOf(order.baseline, 'workers');
  return before.filter((one) =>
    now.some((other) => other.pid === one.pid && other.startedAt === one.startedAt),
  );
}

/** Workers that were not there before; of one and the wrapper it was started through, the wrapper. */
function fresh(view: StateView, order: ActOrder): readonly Pid[] {
  const before = pidsOf(order.baseline, 'workers');
  const begun = pidsOf(serviceOf(view, order.target)?.data, 'workers').filter(
    (one) => !before.some((other) => other.pid === one.pid && other.startedAt === one.startedAt),
  );
  const parentOf = (pid: number) => view.processes.find((process) => process.pid === pid)?.parentPid;
  return begun.filter((one) => !begun.some(({ pid }) => pid === parentOf(one.pid)));
}

/** Whether the process table was read at all: an empty one proves nobody's end. */
export function isTableRead(view: StateView): boolean {
  return view
    .entities('service')
    .some((service) => isWorkerService(service) && getBoolean(service.data, 'tableRead') === true);
}

function stepsEnd(order: ActOrder): Instant {
  return order.lastStepAt ?? order.startedAt;
}

/** "The workers there were are gone". */
export function goneStage(view: StateView, order: ActOrder, stage: StageState['stage']): StageState {
  const remaining = left(view, order);
  return {
    stage,
    title: 'the worker has ended',
    state: isTableRead(view) && remaining.length === 0 ? 'seen' : 'waiting',
    ...(remaining.length > 0 ? { detail: `${remaining.map(({ pid }) => pid).join(', ')} lives` } : {}),
    deadline: addMs(stepsEnd(order), PROCESS_MS),
    required: true,
  };
}

/** "No other worker comes in its place": known only when the table was read after what keeps it running had its time. */
export function stayStage(view: StateView, order: ActOrder): StageState {
  const [another] = fresh(view, order);
  const isGone = isTableRead(view) && left(view, order).length === 0;
  const until = addMs(stepsEnd(order), RESPAWN_MS);
  return {
    stage: 'done',
    title: 'no other worker comes in its place',
    state: another ? 'contradicted' : isGone && tableReadAt(view, order) >= until ? 'seen' : 'waiting',
    ...(another ? { detail: `worker ${another.pid} was started: something keeps it running` } : {}),
    deadline: addMs(isGone ? until : stepsEnd(order), isGone ? ABSENCE_MS : PROCESS_MS),
    required: true,
  };
}

/** When the process table was read that the queue's service rests on: a late look at an old table proves nothing. */
function tableReadAt(view: StateView, order: ActOrder): Instant {
  return serviceOf(view, order.target)?.observedAt ?? instant(0);
}

/** "A worker that was not there before lives on", and where there is work for it, that it took something up. */
export function startStages(
  view: StateView,
  order: ActOrder,
  stage: StageState['stage'],
): readonly StageState[] {
  const [one, other] = fresh(view, order);
  // One that ends at once is in the table for a moment too.
  const lives = one !== undefined && tableReadAt(view, order) >= addMs(one.startedAt, LIVES_MS);
  const detail = other
    ? `workers ${one?.pid} and ${other.pid} were started: something else keeps it running`
    : `pid ${one?.pid}`;
  const stages: StageState[] = [
    {
      stage,
      title: 'a new worker lives',
      // Two of them claim the jobs of one queue.
      state: other ? 'contradicted' : lives ? 'seen' : 'waiting',
      ...(one ? { detail } : {}),
      deadline: addMs(stepsEnd(order), PROCESS_MS),
      required: true,
    },
  ];
  const work = ['claimable', 'stale', 'commands'].some((name) => (getNumber(order.baseline, name) ?? 0) > 0);
  if (work) stages.push(passStage(view, order));
  return stages;
}

/** "A pass claims, takes back or applies something", by the events it writes. */
export function passStage(view: StateView, order: ActOrder): StageState {
  const { data } = serviceOf(view, order.target) ?? {};
  const signs = [
    ['claimed a job', getNumber(data, 'lastClaim')],
    ['took a stale job back', getNumber(data, 'lastRecovery')],
    ['applied a command', getNumber(data, 'lastDrain')],
  ] as const;
  const sign = signs.find(([, at]) => at !== undefined && at >= order.startedAt);
  const pollMs = getNumber(order.baseline, 'pollMs') ?? 2000;
  return {
    stage: 'done',
    title: 'a pass takes something up',
    state: sign ? 'seen' : 'waiting',
    ...(sign?.[1] === undefined ? {} : { detail: sign[0], seenAt: instant(sign[1]) }),
    deadline: addMs(stepsEnd(order), claimGraceMs(pollMs) + PROCESS_MS),
    required: true,
  };
}

/** Jobs a worker that ends leaves to themselves. */
export function strandedBy(view: StateView, target: Entity): readonly string[] {
  const running = idsOf(serviceOf(view, target)?.data, 'running');
  return running.map(
    (id) =>
      `the runner of ${id.slice(0, 8)} goes on without a worker; the next pass runs that job a second time`,
  );
}
