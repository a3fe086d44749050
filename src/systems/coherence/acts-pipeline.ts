import type { StageState, Step } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import { getBoolean, getNumber, getString, type Json } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { apiDirectory, begunSince, crewIn, marksOf, pipelineRef, signalStep, stageOf } from './act-common.ts';
import { restartStrands } from './acts-restart.ts';
import {
  END_MANAGER_ACT,
  END_ORPHANS_ACT,
  RESTART_ACT,
  START_ACT,
  START_ISSUES,
  STOP_ACT,
  WITHDRAW_ACT,
} from './condition.ts';
import type { Crew } from './derive-process.ts';
import { runningBy } from './derive-restart.ts';
import { REQUEST_PATH } from './expect-restart.ts';
import { apiText, atWork, instantIn, START_JITTER_MS, shellAbove } from './expect-work.ts';
import { healthEveryMs, LOGS, restartTimesOf } from './schema.ts';

/** A process that takes TERM ends within this time, its last request to the API included. */
const ENDED_MS = 30_000;

/** Ways to start: with a watchdog, with the supervisor above it, or once without either. */
const MODES: { readonly [mode: string]: { readonly script: string; readonly words: readonly string[] } } = {
  watchdog: { script: 'scripts/run_overnight_pipeline_watchdog.sh', words: [] },
  autonomous: { script: 'scripts/run_autonomous.sh', words: [] },
  once: { script: 'scripts/run_overnight_pipeline.sh', words: ['--no-watchdog'] },
};

const HOURS: readonly string[] = ['8', '2', '4', '12', '24'];

/** Entities that stand for the pipeline as a whole, and the issues that a start ends. */
const startsOn = (target: Entity): boolean =>
  (target.type === 'service' && ['pipeline', 'watchdog'].includes(target.id)) ||
  (target.type === 'issue' && (START_ISSUES.includes(target.key) || target.key.startsWith('fatal.')));

/** Starts the pipeline by its own script, in a session of its own. */
export const startPipeline: ActSpec = {
  id: START_ACT,
  title: 'start pipeline',
  menu: 'restart',
  risk: 'costly',
  does: 'takes a leftover restart request away and starts the watchdog, which starts the API if it is down, then runner, monitor and project manager',
  runs: 'run_overnight_pipeline_watchdog.sh --hours=8 (or run_autonomous.sh, or once without a watchdog)',
  outcome: 'a newer version, a project manager under a new pipeline shell, its log moves, health 200',
  params: [
    {
      name: 'mode',
      title: 'supervised by',
      form: 'choice',
      required: false,
      choices: Object.keys(MODES),
      hint: 'watchdog if you leave it; autonomous skips a decision after 24 h',
    },
    {
      name: 'hours',
      title: 'hours',
      form: 'choice',
      required: false,
      choices: HOURS,
      hint: '8 if you leave it',
    },
    {
      name: 'commit',
      title: 'commit after each task',
      form: 'choice',
      required: false,
      choices: ['yes', 'no'],
      hint: 'yes if you leave it: git add -A and commit, as the script has it',
    },
  ],
  appliesTo: startsOn,
  precondition(view) {
    const { of, orphans } = crewIn(view);
    const running = [...of.autonomous, ...of.watchdog, ...of.pipeline, ...of.manager];
    if (running.length > 0)
      return of.watchdog.length > 0
        ? `it runs: ${marksText(running)}; request a restart instead`
        : `it runs without a watchdog: ${marksText(running)}; halt it first`;
    if (orphans.length > 0)
      return `orphans of the last one live (${marksText(orphans.map((one) => one.process))}): end them first, or two sets run`;
    return undefined;
  },
  warnings(view) {
    const warnings = [
      'None of this shell’s variables is passed on: PIPELINE_* and keys must stand in api/.env.',
    ];
    const item = getNumber(view.data, 'resetItem');
    if (item)
      warnings.push(
        `The project manager begins at item 0 again instead of ${item} (--reset) and makes tasks twice.`,
      );
    if (getBoolean(view.data, 'requestPresent') === true)
      warnings.push(
        'A restart request is left over: it is removed first, or the new watchdog restarts once more.',
      );
    if (getString(view.data, 'apiState') === 'down' && getNumber(view.data, 'portHolderPid') !== undefined)
      warnings.push(
        `Pid ${getNumber(view.data, 'portHolderPid')} holds the port and does not answer: end it first, or this exits.`,
      );
    return warnings;
  },
  strands: restartStrands,
  revision: (view) =>
    [getNumber(view.data, 'versionStartedAt') ?? '-', getString(view.data, 'apiState') ?? '-'].join('|'),
  baseline: (view): Json => ({ versionStartedAt: getNumber(view.data, 'versionStartedAt') ?? null }),
  plan(view, _target, params): readonly Step[] {
    const mode = MODES[params['mode'] ?? ''] ?? MODES['watchdog'];
    const hours = HOURS.find((one) => one === params['hours']) ?? '8';
    const removed: Step[] =
      getBoolean(view.data, 'requestPresent') === true
        ? [{ type: 'file', title: 'remove the leftover restart request', path: REQUEST_PATH }]
        : [];
    return [
      ...removed,
      {
        type: 'service',
        title: 'start the pipeline',
        // Only "--hours=8" is read: with a space the hours are ignored.
        argv: ['/bin/bash', mode?.script ?? '', ...(mode?.words ?? []), `--hours=${hours}`],
        cwd: apiDirectory(view),
        ...(params['commit'] === 'no' ? { env: { PIPELINE_AUTO_COMMIT: '0' } } : {}),
      },
    ];
  },
  expect: expectStart,
  undo: { act: STOP_ACT, text: 'stop it again; what it made and committed stays', on: pipelineRef },
};

function marksText(processes: readonly ProcessInfo[]): string {
  return processes.map((one) => `pid ${one.pid}`).join(', ');
}

/** The version file alone proves nothing: it is written before the API is looked for. */
function expectStart(view: StateView, order: ActOrder): readonly StageState[] {
  const { of } = crewIn(view);
  const { startMs, slackMs } = restartTimesOf(view.located);
  const latest = addMs(runningBy(view.located, order.startedAt), healthEveryMs(view.located) + slackMs);
  const version = instantIn(view.data, 'versionStartedAt');
  const before = getNumber(order.baseline, 'versionStartedAt') ?? 0;
  const isNew =
    version !== undefined && version > before && version >= Math.floor(order.startedAt / 1000) * 1000;
  const manager = begunSince(order, of.manager);
  const shell = manager && shellAbove(manager, of.pipeline, view.processes);
  const started = {
    ...stageOf(order, 'started', 'the pipeline starts: newer started_at', startMs + 2 * slackMs),
    state: isNew ? ('seen' as const) : ('waiting' as const),
    detail: isNew ? 'started_at is new' : 'started_at is as it was',
  };
  const done = { ...stageOf(order, 'done', 'project manager works, API answers', 0), deadline: latest };
  if (!manager || !shell || shell.startedAt < order.startedAt - START_JITTER_MS) {
    const died = isNew && view.now >= addMs(order.startedAt, startMs + 2 * slackMs);
    const detail = manager
      ? `project manager ${manager.pid} has no new pipeline shell above it`
      : `no project manager lives: ${apiText(view.data)}`;
    return [started, { ...done, state: died ? 'contradicted' : 'waiting', detail }];
  }
  return [started, atWork(view, done, manager, shell.startedAt)];
}

/** Those that start others first, so that nothing is started anew; the shell ends by itself after its manager. */
function stopOrder(crew: Crew): readonly (readonly [ProcessInfo, string])[] {
  const { of } = crew;
  const named = (name: string, all: readonly ProcessInfo[]) => all.map((one) => [one, name] as const);
  return [
    ...named('run_autonomous.sh', of.autonomous),
    ...named('watchdog', of.watchdog),
    ...named('runner', of.runner),
    ...named('monitor', of.monitor),
    ...named('project manager', of.manager),
  ];
}

/** Everything whose life means that the pipeline is not stopped: what is signalled, and the shell, which follows. */
function partsOf(crew: Crew): readonly ProcessInfo[] {
  return [...stopOrder(crew).map(([process]) => process), ...crew.of.pipeline];
}

/** Ends every part of the pipeline by its pid. The API goes on. */
export const stopPipeline: ActSpec = {
  id: STOP_ACT,
  title: 'stop pipeline',
  menu: 'pause',
  risk: 'costly',
  does: 'TERM to supervisor, watchdog, runner, monitor and project manager of this checkout, by pid and in that order; the API goes on',
  runs: 'TERM by pid',
  outcome: 'no part of the pipeline lives, its shell included',
  params: [],
  appliesTo: (target) => target.type === 'service' && ['pipeline', 'watchdog'].includes(target.id),
  precondition: (view) => (stopOrder(crewIn(view)).length === 0 ? 'nothing of it runs' : undefined),
  warnings: () => [
    'The programs of running tasks are cut loose, not ended: abort those tasks first.',
    'Nothing is noticed and nothing restarts until it is started again.',
  ],
  strands: restartStrands,
  revision: (view) => marksOf(stopOrder(crewIn(view)).map(([process]) => process)),
  baseline: (view): Json => partsOf(crewIn(view)).map((one) => one.pid),
  plan: (view): readonly Step[] =>
    stopOrder(crewIn(view)).map(([process, name]) => signalStep(process, name)),
  expect(view, order): readonly StageState[] {
    const left = partsOf(crewIn(view));
    // One that was signalled and stays was not started in its own place, however young it is.
    const before = Array.isArray(order.baseline) ? order.baseline : [];
    const again = begunSince(
      order,
      left.filter((one) => !before.includes(one.pid)),
    );
    const base = stageOf(order, 'done', 'no part of the pipeline lives', ENDED_MS);
    if (order.stepsDone === 0) return [{ ...base, state: 'waiting', detail: marksText(left) }];
    if (left.length === 0) return [{ ...base, state: 'seen', detail: 'none is left' }];
    return again
      ? [{ ...base, state: 'contradicted', detail: `pid ${again.pid} was started in its place` }]
      : [{ ...base, state: 'waiting', detail: `${marksText(left)} still there` }];
  },
  undo: { act: START_ACT, text: 'start it again: the project manager then begins at item 0' },
};

/** The way out of a restart that hangs: bash runs the shell's TERM trap when its project manager has ended. */
export const endManager: ActSpec = {
  id: END_MANAGER_ACT,
  title: 'end the project manager the watchdog waits for',
  menu: 'restart',
  risk: 'costly',
  does: 'TERM to the project manager by its pid: the pipeline’s shell then ends, and the watchdog restarts the pipeline at once',
  runs: 'TERM by pid',
  outcome: 'it is gone, and a younger project manager works under a new pipeline shell, health 200',
  params: [],
  appliesTo: (target) =>
    (target.type === 'issue' && ['restart_hangs', 'restart_not_taken'].includes(target.key)) ||
    (target.type === 'service' && ['watchdog', 'project-manager'].includes(target.id)),
  precondition: (view) =>
    getNumber(view.data, 'hangsOnPid') === undefined
      ? 'no watchdog waits for it: request a restart instead'
      : undefined,
  warnings: (view) => {
    const item = getNumber(view.data, 'resetItem');
    return item
      ? [`The new one begins at item 0 again instead of ${item} (--reset) and makes tasks twice.`]
      : [];
  },
  strands: restartStrands,
  revision: (view) => marksOf(crewIn(view).of.manager),
  baseline: (view): Json => ({ pid: getNumber(view.data, 'hangsOnPid') ?? null }),
  plan: (view): readonly Step[] =>
    crewIn(view)
      .of.manager.filter((one) => one.pid === getNumber(view.data, 'hangsOnPid'))
      .map((one) => signalStep(one, 'project manager')),
  expect(view, order): readonly StageState[] {
    const { of } = crewIn(view);
    const { startMs, pauseMs, apiMs, slackMs } = restartTimesOf(view.located);
    const old = of.manager.find((one) => one.pid === getNumber(order.baseline, 'pid'));
    const isGone = order.stepsDone > 0 && !(old && old.startedAt < order.startedAt);
    const gone = {
      ...stageOf(order, 'accepted', 'the old project manager is gone', ENDED_MS),
      state: isGone ? ('seen' as const) : ('waiting' as const),
    };
    const within = ENDED_MS + apiMs + pauseMs + startMs + healthEveryMs(view.located) + slackMs;
    const done = stageOf(order, 'done', 'a new project manager works, API answers', within);
    const manager = begunSince(order, of.manager);
    const shell = manager && shellAbove(manager, of.pipeline, view.processes);
    if (!manager || !shell || shell.startedAt < order.startedAt - START_JITTER_MS)
      return [gone, { ...done, state: 'waiting', detail: `no new one lives: ${apiText(view.data)}` }];
    return [gone, atWork(view, done, manager, shell.startedAt)];
  },
  undo: { text: 'cannot be undone: the new one begins anew' },
};

/** Parts of a dead pipeline, which no restart ends. */
export const endOrphans: ActSpec = {
  id: END_ORPHANS_ACT,
  title: 'end the orphans',
  menu: 'cancel',
  risk: 'costly',
  does: 'TERM to each part of a dead pipeline by its pid',
  runs: 'TERM by pid',
  outcome: 'none of them lives',
  params: [],
  appliesTo: (target) => target.type === 'issue' && target.key === 'orphans',
  precondition: (view) => (crewIn(view).orphans.length === 0 ? 'no orphans are left' : undefined),
  strands: restartStrands,
  revision: (view) => marksOf(crewIn(view).orphans.map((one) => one.process)),
  baseline: (view): Json => crewIn(view).orphans.map((one) => one.process.pid),
  plan: (view): readonly Step[] => crewIn(view).orphans.map(({ process, role }) => signalStep(process, role)),
  expect(view, order): readonly StageState[] {
    const before = Array.isArray(order.baseline) ? order.baseline : [];
    const left = view.processes.filter((one) => before.includes(one.pid) && one.startedAt < order.startedAt);
    const base = stageOf(order, 'done', 'none of them lives', ENDED_MS);
    const isSeen = order.stepsDone > 0 && left.length === 0;
    return [
      {
        ...base,
        state: isSeen ? 'seen' : 'waiting',
        ...(isSeen ? {} : { detail: `${marksText(left)} still there` }),
      },
    ];
  },
  undo: { text: 'cannot be undone: a start makes a new set' },
};

/** Takes a restart request back before the watchdog takes it. */
export const withdrawRequest: ActSpec = {
  id: WITHDRAW_ACT,
  title: 'withdraw the restart request',
  menu: 'cancel',
  risk: 'reversible',
  does: 'removes restart_requested.json, so that no watchdog restarts for it',
  runs: `rm ${REQUEST_PATH}`,
  outcome: 'the file is gone, and no start came of it meanwhile',
  params: [],
  appliesTo: (target) =>
    (target.type === 'issue' && target.key === 'restart_not_taken') ||
    (target.type === 'service' && ['watchdog', 'pipeline'].includes(target.id)),
  precondition: (view) =>
    getBoolean(view.data, 'requestPresent') === true ? undefined : 'there is no restart request',
  warnings: () => ['A monitor that still finds the condition asks again at its next check.'],
  revision: (view) =>
    [getString(view.data, 'requestReason') ?? '', getNumber(view.data, 'requestAt') ?? '-'].join('|'),
  baseline: (view): Json => ({ versionStartedAt: getNumber(view.data, 'versionStartedAt') ?? null }),
  plan: (): readonly Step[] => [{ type: 'file', title: 'remove the restart request', path: REQUEST_PATH }],
  expect(view, order): readonly StageState[] {
    const isThere = getBoolean(view.data, 'requestPresent') === true;
    const isNewer =
      (getNumber(view.data, 'versionStartedAt') ?? 0) > (getNumber(order.baseline, 'versionStartedAt') ?? 0);
    const base = stageOf(order, 'done', 'the request is gone', ENDED_MS);
    if (isNewer)
      return [{ ...base, state: 'contradicted', detail: 'the watchdog had taken it: a start followed' }];
    const isSeen = order.stepsDone > 0 && !isThere;
    return [
      { ...base, state: isSeen ? 'seen' : 'waiting', detail: isThere ? 'it is there' : `${LOGS} has none` },
    ];
  },
  undo: { act: RESTART_ACT, text: 'request the restart again', on: pipelineRef },
};
