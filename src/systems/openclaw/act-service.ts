import type { SignalStep, StageState, Step, StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Entity, Service } from '../../domain/entity.ts';
import { addMs, type Instant, instant } from '../../domain/instant.ts';
import { getArray, getBoolean, getNumber, getString, type Json } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { claimGraceMs, isSafeProject, JOB_TIMEOUT_MS, keeperOf, placeOf } from './schema.ts';
import { headline } from './words.ts';

/** How long a worker may take to show in the process table, or to go from it. */
const PROCESS_MS = 20_000;
/** Without a worker the state is looked at anew every half minute, if nothing else moves it. */
const ABSENCE_MS = 45_000;
/** How long a worker must have lived to count as started. */
export const LIVES_MS = 3_000;
/** A unit that restarts what ends does so within seconds. */
const RESPAWN_MS = 6_000;
/** What a pass needs beside its jobs. */
const PASS_SLACK_MS = 120_000;
const KEEPER_TIMEOUT_MS = 60_000;

/** The service acts on a whole queue apply to. */
export function isWorkerService(target: Entity): target is Service {
  return target.type === 'service' && (target.id === 'worker' || target.id.startsWith('worker@'));
}

/** The queue's service as it is now. */
function serviceOf(view: StateView, target: { readonly id: string }): Service | undefined {
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

function pidsOf(value: Json | undefined, name: string): readonly Pid[] {
  return getArray(value, name).flatMap((one) => {
    const [pid, startedAt] = [getNumber(one, 'pid'), getNumber(one, 'startedAt')];
    return pid === undefined || startedAt === undefined ? [] : [{ pid, startedAt: instant(startedAt) }];
  });
}

function idsOf(value: Json | undefined, name: string): readonly string[] {
  return getArray(value, name).filter((id) => typeof id === 'string');
}

/** Why a pass must not begin: it would run a job a second time beside a runner that lives. */
function doubled(service: Service | undefined): string | undefined {
  const [first] = idsOf(service?.data, 'orphans');
  return first === undefined
    ? undefined
    : `a runner of ${first.slice(0, 8)} lives without its worker: a pass would run that job a second time; end it first`;
}

/** Why the keeper can't be asked; undefined when it can, or when the worker is a process of its own. */
function keeperMissing(view: StateView, target: Entity): string | undefined {
  const keeper = keeperOf(view.located);
  if (keeper === 'wrong') return 'the setting keeper is none of systemd:UNIT, systemd-user:UNIT, docker:NAME';
  if (keeper.by === 'process') return undefined;
  const place = placeOf(view.located);
  const program = keeper.by === 'docker' ? 'docker' : 'systemctl';
  if (place.programs[program] === undefined) return `no ${program} on this host`;
  const project = projectOf(serviceOf(view, target));
  return place.servedProject === project
    ? undefined
    : `${keeper.name} serves ${place.servedProject ?? 'another project'} alone, not ${project}: its .env decides`;
}

/** `systemctl VERB UNIT` or `docker VERB NAME`; undefined where the worker is a process of its own. */
function keeperStep(view: StateView, verb: 'start' | 'stop' | 'restart'): Step | undefined {
  const keeper = keeperOf(view.located);
  if (keeper === 'wrong' || keeper.by === 'process') return undefined;
  const { programs } = placeOf(view.located);
  const argv =
    keeper.by === 'docker'
      ? [programs['docker'] ?? '', verb, '--', keeper.name]
      : [
          programs['systemctl'] ?? '',
          ...(keeper.by === 'systemd-user' ? ['--user'] : []),
          verb,
          '--',
          keeper.name,
        ];
  return {
    type: 'process',
    title: `${verb} ${keeper.name}`,
    argv,
    cwd: view.located.root,
    timeoutMs: KEEPER_TIMEOUT_MS,
  };
}

function startStep(view: StateView, target: Entity): Step {
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

function stopSteps(service: Service | undefined): readonly SignalStep[] {
  return pidsOf(service?.data, 'workers').map(({ pid, startedAt }) => ({
    type: 'signal',
    title: `end worker ${pid}`,
    pid,
    startedAt,
    signal: 'SIGTERM',
  }));
}

function baselineOf(view: StateView, target: Entity): Json {
  const { data } = serviceOf(view, target) ?? {};
  return {
    workers: getArray(data, 'workers'),
    claimable: idsOf(data, 'claimable').length,
    stale: idsOf(data, 'stale').length,
    commands: getNumber(data, 'commands') ?? 0,
    pollMs: placeOf(view.located).pollMs,
  };
}

function revisionOf(view: StateView, target: Entity): string {
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

function fresh(view: StateView, order: ActOrder): Pid | undefined {
  const before = pidsOf(order.baseline, 'workers');
  return pidsOf(serviceOf(view, order.target)?.data, 'workers').find(
    (one) => !before.some((other) => other.pid === one.pid && other.startedAt === one.startedAt),
  );
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
function goneStage(view: StateView, order: ActOrder, stage: StageState['stage']): StageState {
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
function stayStage(view: StateView, order: ActOrder): StageState {
  const another = fresh(view, order);
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
function startStages(view: StateView, order: ActOrder, stage: StageState['stage']): readonly StageState[] {
  const one = fresh(view, order);
  // One that ends at once is in the table for a moment too.
  const lives = one !== undefined && tableReadAt(view, order) >= addMs(one.startedAt, LIVES_MS);
  const stages: StageState[] = [
    {
      stage,
      title: 'a new worker lives',
      state: lives ? 'seen' : 'waiting',
      ...(one ? { detail: `pid ${one.pid}` } : {}),
      deadline: addMs(stepsEnd(order), PROCESS_MS),
      required: true,
    },
  ];
  const work = ['claimable', 'stale', 'commands'].some((name) => (getNumber(order.baseline, name) ?? 0) > 0);
  if (work) stages.push(passStage(view, order));
  return stages;
}

/** "A pass claims, takes back or applies something", by the events it writes. */
function passStage(view: StateView, order: ActOrder): StageState {
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
function strandedBy(view: StateView, target: Entity): readonly string[] {
  const running = idsOf(serviceOf(view, target)?.data, 'running');
  return running.map(
    (id) =>
      `the runner of ${id.slice(0, 8)} goes on without a worker; the next pass runs that job a second time`,
  );
}

const startAct: ActSpec = {
  id: 'worker.start',
  title: 'start a worker',
  menu: 'restart',
  risk: 'costly',
  does: 'starts worker.py for this queue and lets it go: it claims jobs and runs agents from then on',
  runs: 'worker.py --interval N, or the keeper starts its unit',
  outcome: 'a new worker in the process table, and a pass where there is work',
  params: [],
  appliesTo: isWorkerService,
  precondition(view, target) {
    const service = serviceOf(view, target);
    const [pid] = pidsOf(service?.data, 'workers');
    return (
      unreachableQueue(view, target, 'scripts/worker.py') ??
      keeperMissing(view, target) ??
      (pid === undefined ? doubled(service) : `worker ${pid.pid} serves this queue already`)
    );
  },
  warnings(view, target) {
    const { data } = serviceOf(view, target) ?? {};
    const claimable = idsOf(data, 'claimable').length;
    return [
      ...(claimable > 0 ? [`${counted(claimable, 'job')} will be claimed at once`] : []),
      ...((getNumber(data, 'commands') ?? 0) > 0
        ? ['commands left among the signals are applied again, a cancel or revise too']
        : []),
      ...(keeperOf(view.located) !== 'wrong' && keeperStep(view, 'start') === undefined
        ? ['nothing restarts this worker when it ends: a unit of systemd would']
        : []),
    ];
  },
  revision: revisionOf,
  baseline: baselineOf,
  plan: (view, target) => [keeperStep(view, 'start') ?? startStep(view, target)],
  expect: (view, order) => startStages(view, order, 'started'),
  undo: { act: 'worker.stop', text: 'worker.stop ends it; what its runners have begun goes on' },
};

const stopAct: ActSpec = {
  id: 'worker.stop',
  title: 'stop the worker',
  menu: 'pause',
  risk: 'costly',
  does: 'ends the worker: nothing is claimed any more; a runner at work is NOT ended with it',
  runs: 'SIGTERM to the worker, or the keeper stops its unit',
  outcome: 'the worker leaves the process table and none comes in its place',
  params: [],
  appliesTo: isWorkerService,
  precondition(view, target) {
    const workers = pidsOf(serviceOf(view, target)?.data, 'workers');
    return workers.length === 0 ? 'no worker of this queue runs on this host' : keeperMissing(view, target);
  },
  warnings(view, target) {
    const running = idsOf(serviceOf(view, target)?.data, 'running');
    return running.length === 0
      ? []
      : [`${counted(running.length, 'job')} at work: stop when its run is over, or stop the job first`];
  },
  strands: strandedBy,
  revision: revisionOf,
  baseline: baselineOf,
  plan: (view, target) => {
    const step = keeperStep(view, 'stop');
    return step ? [step] : stopSteps(serviceOf(view, target));
  },
  expect: (view, order) => [goneStage(view, order, 'started'), stayStage(view, order)],
  undo: { act: 'worker.start', text: 'worker.start starts one again' },
};

const restartAct: ActSpec = {
  id: 'worker.restart',
  title: 'restart the worker',
  menu: 'restart',
  risk: 'costly',
  does: 'ends the worker and starts another; a runner at work is NOT ended, and the new worker may run its job twice',
  runs: 'SIGTERM, then worker.py --interval N; or the keeper restarts its unit',
  outcome: 'the old worker is gone, a new one lives',
  params: [],
  appliesTo: isWorkerService,
  precondition(view, target) {
    const service = serviceOf(view, target);
    const running = idsOf(service?.data, 'running');
    const [first] = running;
    return (
      unreachableQueue(view, target, 'scripts/worker.py') ??
      keeperMissing(view, target) ??
      (pidsOf(service?.data, 'workers').length === 0 ? 'no worker runs: start one' : undefined) ??
      doubled(service) ??
      (first === undefined
        ? undefined
        : `${first.slice(0, 8)} is at work: its runner would outlive the worker and the new one run the job a second time`)
    );
  },
  revision: revisionOf,
  baseline: baselineOf,
  plan(view, target) {
    const step = keeperStep(view, 'restart');
    return step ? [step] : [...stopSteps(serviceOf(view, target)), startStep(view, target)];
  },
  expect: (view, order) => [goneStage(view, order, 'accepted'), ...startStages(view, order, 'started')],
  undo: { text: 'there is nothing to undo: a worker keeps no state of its own' },
};

const passAct: ActSpec = {
  id: 'worker.pass',
  title: 'run one worker pass',
  menu: 'resume',
  risk: 'costly',
  does: 'applies pending commands, takes stale jobs back, claims up to two jobs and runs them to their ends',
  runs: 'worker.py --once',
  outcome: 'a claim, a recovery or an applied command in the events',
  params: [],
  appliesTo: isWorkerService,
  precondition(view, target) {
    const service = serviceOf(view, target);
    const { data } = service ?? {};
    const work =
      idsOf(data, 'claimable').length + idsOf(data, 'stale').length + (getNumber(data, 'commands') ?? 0);
    return (
      unreachableQueue(view, target, 'scripts/worker.py') ??
      doubled(service) ??
      (work === 0
        ? 'there is nothing for a pass to take up: no claimable or stale job, no command'
        : undefined)
    );
  },
  warnings(view, target) {
    const [worker] = pidsOf(serviceOf(view, target)?.data, 'workers');
    return [
      'it ends only when the jobs it claims have ended: up to 40 minutes, with agents really at work',
      ...(worker === undefined ? [] : [`worker ${worker.pid} makes passes of its own`]),
    ];
  },
  revision: revisionOf,
  baseline: baselineOf,
  plan(view, target) {
    const { skill } = placeOf(view.located);
    return [
      {
        type: 'process',
        title: 'one worker pass',
        argv: [view.located.python ?? '', `${skill ?? ''}/scripts/worker.py`, '--once'],
        ...queueStep(view, target),
        timeoutMs: JOB_TIMEOUT_MS + PASS_SLACK_MS,
      },
    ];
  },
  read: readPass,
  expect: (view, order) => [passStage(view, order)],
  undo: { text: 'what a pass has claimed runs to its end; job.stop ends one' },
};

/** worker.py prints nothing and exits 0 whatever happened; what broke in its loop goes to stderr as one line of JSON. */
function readPass(outputs: readonly StepOutput[]): StepAnswer {
  const [output] = outputs;
  const text = `${output?.stdout ?? ''}${output?.stderr ?? ''}`.trim();
  return {
    ok: output?.exitCode === 0 && text === '',
    summary: text === '' ? 'the pass ended and said nothing' : headline(text, 200),
    ...(text === '' ? {} : { sections: [{ title: 'worker.py', text }] }),
  };
}

/** Acts on the worker of a queue. */
export const workerActs: readonly ActSpec[] = [startAct, restartAct, passAct, stopAct];
