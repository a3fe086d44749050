import type { StageState } from '../../domain/act.ts';
import { addMs, clockText, type Instant, instant } from '../../domain/instant.ts';
import { getBoolean, getNumber } from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';
import { crewOf, youngest } from './derive-process.ts';
import { restartedBy, runningBy, takenBy } from './derive-restart.ts';
import { apiText, atWork, instantIn, START_JITTER_MS, shellAbove } from './expect-work.ts';
import { apiPortOf, healthEveryMs, LOGS, restartTimesOf } from './schema.ts';

/** Where the watchdog looks for a request. */
export const REQUEST_PATH = `${LOGS}/restart_requested.json`;

/**
 * What a restart is proven by. The request file going away proves nothing (a watchdog that hangs eats it), nor does a
 * newer version file (a start that finds no API writes it), nor a young project manager: the watchdog starts pipelines
 * of its own, at its own start and after an end, and one of those may come between the yes and the taking. So: the
 * request was taken, a pipeline shell began after that, its project manager lives, its log moves, the API answers. None
 * of it depends on how often or how late one looks.
 */
export function expectRestart(view: StateView, order: ActOrder): readonly StageState[] {
  const state = restartState(view, order);
  return [acceptedStage(view, order, state), startedStage(view, order, state), doneStage(view, order, state)];
}

interface RestartState {
  readonly isRequestThere: boolean;
  /** By then our request had been taken; undefined while that is not known. */
  readonly goneAt: Instant | undefined;
  /** The newest version's time, once it is newer than before the request. */
  readonly newVersion: Instant | undefined;
  readonly oldVersion: Instant | undefined;
  readonly manager: { readonly pid: number; readonly startedAt: Instant } | undefined;
  /** When the pipeline shell above that manager began. */
  readonly shellSince: Instant | undefined;
  readonly isManagerNew: boolean;
  readonly oldManagerPid: number | undefined;
}

/** A file that nobody ever saw is missed only by a look that long after it was written. */
const UNSEEN_MS = 2_000;

function restartState(view: StateView, order: ActOrder): RestartState {
  const { data } = view;
  const before = order.baseline;
  const version = getNumber(data, 'versionStartedAt');
  const oldVersion = getNumber(before, 'versionStartedAt');
  const isNewer =
    version !== undefined &&
    version > (oldVersion ?? 0) &&
    version >= Math.floor((order.startedAt - START_JITTER_MS) / 1000) * 1000;
  const crew = crewOf(view.located.root, apiPortOf(view.located), view.processes);
  const manager = youngest(crew.of.manager);
  const oldManagerPid = getNumber(before, 'managerPid');
  const isSame =
    manager !== undefined &&
    manager.pid === oldManagerPid &&
    Math.abs(manager.startedAt - (getNumber(before, 'managerStartedAt') ?? 0)) <= START_JITTER_MS;
  return {
    isRequestThere: getBoolean(data, 'requestPresent') === true && !isAnotherRequest(view, order),
    goneAt: earlier(takenAtLatest(view, order), seenBefore(order)),
    newVersion: isNewer ? instant(version) : undefined,
    oldVersion: oldVersion === undefined ? undefined : instant(oldVersion),
    manager: manager ? { pid: manager.pid, startedAt: manager.startedAt } : undefined,
    shellSince: manager && shellAbove(manager, crew.of.pipeline, view.processes)?.startedAt,
    isManagerNew: manager !== undefined && !isSame && manager.startedAt >= order.startedAt - START_JITTER_MS,
    oldManagerPid: isSame ? oldManagerPid : undefined,
  };
}

/** A monitor's request in a file born after ours was written: ours had been taken. One born before is ours rewritten. */
function isAnotherRequest(view: StateView, order: ActOrder): boolean {
  const born = getNumber(view.data, 'requestBornAt');
  return (
    order.lastStepAt !== undefined &&
    born !== undefined &&
    born > order.lastStepAt &&
    getBoolean(view.data, 'requestIsOwn') !== true
  );
}

/** A time by which our request was certainly gone; undefined while it may lie there, seen or not seen yet. */
function takenAtLatest(view: StateView, order: ActOrder): Instant | undefined {
  const { data } = view;
  const gone = instantIn(data, 'requestGoneAt');
  const lookedAt = instantIn(data, 'requestLookedAt');
  if (isAnotherRequest(view, order)) return instantIn(data, 'requestBornAt');
  if (getBoolean(data, 'requestPresent') === true || order.stepsDone === 0) return undefined;
  const isOurs =
    getBoolean(data, 'requestIsOwn') === true &&
    getNumber(data, 'requestAt') !== getNumber(order.baseline, 'requestAt');
  if (isOurs && gone !== undefined && gone >= order.startedAt) return gone;
  // It was written, and no look ever found it: taken between two looks.
  const isMissed =
    lookedAt !== undefined && order.lastStepAt !== undefined && lookedAt >= order.lastStepAt + UNSEEN_MS;
  return isMissed ? lookedAt : undefined;
}

function seenBefore(order: ActOrder): Instant | undefined {
  return order.stages?.find((stage) => stage.stage === 'accepted' && stage.state === 'seen')?.seenAt;
}

function earlier(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  return a === undefined ? b : b === undefined ? a : instant(Math.min(a, b));
}

/**
 * Whether a pipeline that began at `begin` began after the request was taken. Seen later than it happened, the taking
 * may seem to follow a start it caused; but a watchdog that starts a pipeline sleeps a whole poll before it looks for a
 * request, so a taking less than a poll after a start came before it.
 */
function isAfterTaking(view: StateView, state: RestartState, begin: Instant): boolean {
  const { pollMs } = restartTimesOf(view.located);
  return state.goneAt !== undefined && state.goneAt < begin + Math.max(0, pollMs - START_JITTER_MS);
}

function acceptedStage(view: StateView, order: ActOrder, state: RestartState): StageState {
  const base = {
    stage: 'accepted' as const,
    title: 'the watchdog takes the request',
    deadline: takenBy(view.located, fromReady(view, order)),
    required: true,
  };
  if (state.goneAt !== undefined)
    return { ...base, state: 'seen', detail: `${REQUEST_PATH} is gone`, seenAt: state.goneAt };
  if (state.isRequestThere) return { ...base, state: 'waiting', detail: `${REQUEST_PATH} is still there` };
  return { ...base, state: 'waiting', detail: `${REQUEST_PATH} not looked at since` };
}

/** When the watchdog begins to look: one that is about to start a pipeline does not before that has begun. */
function fromReady(view: StateView, order: ActOrder): Instant {
  const isStarting = getNumber(order.baseline, 'shellPid') === undefined;
  return isStarting ? addMs(order.startedAt, restartTimesOf(view.located).startMs) : order.startedAt;
}

function startedStage(view: StateView, order: ActOrder, state: RestartState): StageState {
  const { apiMs, pauseMs, slackMs } = restartTimesOf(view.located);
  const latest = restartedBy(view.located, fromReady(view, order));
  const eatenAt = state.goneAt === undefined ? latest : addMs(state.goneAt, apiMs + pauseMs + slackMs);
  const deadline = instant(Math.min(latest, eatenAt));
  const base = {
    stage: 'started' as const,
    title: 'the pipeline starts: newer started_at',
    deadline,
    required: true,
  };
  const begin = beginOf(view, state);
  if (begin !== undefined) {
    const text = `started_at ${clockText(begin, view.now)}`;
    return { ...base, state: 'seen', detail: text, seenAt: begin };
  }
  const old =
    state.newVersion !== undefined
      ? `${clockText(state.newVersion, view.now)} is of a start that came before the request was taken`
      : state.oldVersion === undefined
        ? 'there is none'
        : `is still ${clockText(state.oldVersion, view.now)}`;
  if (state.goneAt !== undefined && view.now >= deadline) {
    const hang =
      state.oldManagerPid === undefined
        ? 'nothing restarted'
        : `the old project manager ${state.oldManagerPid} works on; end it (kill ${state.oldManagerPid}) to release the watchdog`;
    return {
      ...base,
      state: 'contradicted',
      detail: `request eaten: it is gone, started_at ${old}; ${hang}`,
    };
  }
  return { ...base, state: 'waiting', detail: `started_at ${old}` };
}

function doneStage(view: StateView, order: ActOrder, state: RestartState): StageState {
  const { startMs, slackMs } = restartTimesOf(view.located);
  const hasUrl = view.located.url !== undefined;
  const begin = beginOf(view, state);
  const latest = runningBy(view.located, fromReady(view, order));
  // A start that dies is begun again and again, each with a newer version: the request's own time bounds the wait.
  const started = begin === undefined ? latest : instant(Math.min(latest, addMs(begin, startMs + slackMs)));
  const healthMs = hasUrl ? healthEveryMs(view.located) + slackMs : 0;
  const base = {
    stage: 'done' as const,
    title: hasUrl ? 'project manager works, API answers' : 'project manager works (API unchecked: no url)',
    required: true,
  };
  if (begin === undefined) return { ...base, state: 'waiting', deadline: addMs(started, healthMs) };
  const { manager, shellSince } = state;
  const isOurs = shellSince !== undefined && isAfterTaking(view, state, shellSince);
  if (!manager || !state.isManagerNew || !isOurs) {
    const what = manager
      ? state.isManagerNew
        ? `version is new, but project manager ${manager.pid} ${shellSince === undefined ? 'has no pipeline shell above it' : 'came before the request was taken'}`
        : `version is new, but project manager ${manager.pid} is the old one`
      : `version ${clockText(begin, view.now)} is new, but no project manager lives: ${apiText(view.data)}`;
    const isOver = view.now >= started;
    return { ...base, state: isOver ? 'contradicted' : 'waiting', deadline: started, detail: what };
  }
  const deadline = addMs(started, healthMs);
  if (state.isRequestThere)
    return { ...base, state: 'waiting', deadline, detail: `${REQUEST_PATH} is there again` };
  return atWork(view, { ...base, deadline }, manager, begin);
}

/** The newer version's time, where its start came after the taking; a version's time is cut to the second. */
function beginOf(view: StateView, state: RestartState): Instant | undefined {
  const { newVersion } = state;
  return newVersion !== undefined && isAfterTaking(view, state, newVersion) ? newVersion : undefined;
}
