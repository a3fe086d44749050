import type { StageState } from '../../domain/act.ts';
import { addMs, clockText, type Instant, instant } from '../../domain/instant.ts';
import { getBoolean, getNumber, getObject, getString, type JsonObject } from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';
import { crewOf, youngest } from './derive-process.ts';
import { restartedBy, runningBy, takenBy } from './derive-restart.ts';
import { apiPortOf, healthEveryMs, LOGS, restartTimesOf } from './schema.ts';

/** Where the watchdog looks for a request. */
export const REQUEST_PATH = `${LOGS}/restart_requested.json`;

/**
 * The request file going away proves nothing, nor does the version file alone: the first may be eaten by a watchdog
 * that hangs, the second is written by a start that then finds no API. A restart is a project manager younger than the
 * request, whose log moves, with an API that answers.
 */
export function expectRestart(view: StateView, order: ActOrder): readonly StageState[] {
  const state = restartState(view, order);
  return [acceptedStage(view, order, state), startedStage(view, order, state), doneStage(view, order, state)];
}

interface RestartState {
  readonly isWritten: boolean;
  readonly isRequestThere: boolean;
  readonly goneAt: Instant | undefined;
  /** The new version's time, once it is newer than before the request. */
  readonly newVersion: Instant | undefined;
  readonly oldVersion: Instant | undefined;
  readonly manager: { readonly pid: number; readonly startedAt: Instant } | undefined;
  readonly isManagerNew: boolean;
  readonly oldManagerPid: number | undefined;
}

/** Start times of processes are known to a hundredth of a second, boot time to a second. */
const START_JITTER_MS = 1_000;
/** Until our own file was seen its absence means nothing. */
const SIGHT_MS = 2_000;
/** A request file born later than this after ours is another one: the monitor wrote it where ours had been taken. */
const OURS_MS = 5_000;

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
  const born = getNumber(data, 'requestBornAt');
  const isAnother = born !== undefined && born > order.startedAt + OURS_MS;
  const gone = isAnother ? born : getNumber(data, 'requestGoneAt');
  const oldManagerPid = getNumber(before, 'managerPid');
  const isSame =
    manager !== undefined &&
    manager.pid === oldManagerPid &&
    Math.abs(manager.startedAt - (getNumber(before, 'managerStartedAt') ?? 0)) <= START_JITTER_MS;
  return {
    isWritten: order.stepsDone > 0 && view.now >= order.startedAt + SIGHT_MS,
    isRequestThere: getBoolean(data, 'requestPresent') === true && !isAnother,
    goneAt: gone !== undefined && gone >= order.startedAt ? instant(gone) : undefined,
    newVersion: isNewer ? instant(version) : undefined,
    oldVersion: oldVersion === undefined ? undefined : instant(oldVersion),
    manager: manager ? { pid: manager.pid, startedAt: manager.startedAt } : undefined,
    isManagerNew: manager !== undefined && !isSame && manager.startedAt >= order.startedAt - START_JITTER_MS,
    oldManagerPid: isSame ? oldManagerPid : undefined,
  };
}

function acceptedStage(view: StateView, order: ActOrder, state: RestartState): StageState {
  const base = {
    stage: 'accepted' as const,
    title: 'the watchdog takes the request',
    deadline: takenBy(view.located, order.startedAt),
    required: true,
  };
  if (state.newVersion !== undefined) return { ...base, state: 'seen', detail: 'a new start followed' };
  if (state.isWritten && !state.isRequestThere) {
    const at = state.goneAt;
    return {
      ...base,
      state: 'seen',
      detail: `${REQUEST_PATH} is gone`,
      ...(at === undefined ? {} : { seenAt: at }),
    };
  }
  return { ...base, state: 'waiting', detail: `${REQUEST_PATH} is still there` };
}

function startedStage(view: StateView, order: ActOrder, state: RestartState): StageState {
  const { apiMs, pauseMs, slackMs } = restartTimesOf(view.located);
  const latest = restartedBy(view.located, order.startedAt);
  const eatenAt = state.goneAt === undefined ? latest : addMs(state.goneAt, apiMs + pauseMs + slackMs);
  const deadline = instant(Math.min(latest, eatenAt));
  const base = {
    stage: 'started' as const,
    title: 'the pipeline starts: newer started_at',
    deadline,
    required: true,
  };
  if (state.newVersion !== undefined) {
    const text = `started_at ${clockText(state.newVersion, view.now)}`;
    return { ...base, state: 'seen', detail: text, seenAt: state.newVersion };
  }
  const old =
    state.oldVersion === undefined ? 'there is none' : `is still ${clockText(state.oldVersion, view.now)}`;
  if (state.isWritten && !state.isRequestThere && view.now >= deadline) {
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
  const begin = state.newVersion;
  const latest = runningBy(view.located, order.startedAt);
  // A start that dies is begun again and again, each with a newer version: the request's own time bounds the wait.
  const started = begin === undefined ? latest : instant(Math.min(latest, addMs(begin, startMs + slackMs)));
  const healthMs = hasUrl ? healthEveryMs(view.located) + slackMs : 0;
  const base = {
    stage: 'done' as const,
    title: hasUrl ? 'project manager works, API answers' : 'project manager works (API unchecked: no url)',
    required: true,
  };
  if (begin === undefined) return { ...base, state: 'waiting', deadline: addMs(started, healthMs) };
  const { manager } = state;
  if (!manager || !state.isManagerNew) {
    const what = manager
      ? `version is new, but project manager ${manager.pid} is the old one`
      : `version ${clockText(begin, view.now)} is new, but no project manager lives: ${apiText(view.data)}`;
    const isOver = view.now >= started;
    return { ...base, state: isOver ? 'contradicted' : 'waiting', deadline: started, detail: what };
  }
  const movedAt = getNumber(view.data, 'managerLogMovedAt') ?? 0;
  const deadline = addMs(started, healthMs);
  const pid = `project manager ${manager.pid}`;
  if (movedAt < manager.startedAt - START_JITTER_MS) {
    return { ...base, state: 'waiting', deadline, detail: `${pid} lives, its log has not moved` };
  }
  if (!hasUrl) {
    return {
      ...base,
      state: 'seen',
      deadline,
      seenAt: manager.startedAt,
      detail: `${pid} works; health unchecked`,
    };
  }
  const health = getObject(view.data, 'health');
  const isWell = getBoolean(health, 'ok') === true && (getNumber(health, 'at') ?? 0) >= begin;
  if (!isWell)
    return { ...base, state: 'waiting', deadline, detail: `${pid} works, API: ${apiText(view.data)}` };
  const seenAt = instant(getNumber(health, 'at') ?? manager.startedAt);
  return { ...base, state: 'seen', deadline, seenAt, detail: `${pid} works, health 200` };
}

function apiText(data: JsonObject): string {
  const state = getString(data, 'apiState');
  const why = getString(data, 'apiWhy') ?? '';
  return state === 'up' ? 'the API answers' : state === 'down' ? `API down (${why})` : `API unknown (${why})`;
}
