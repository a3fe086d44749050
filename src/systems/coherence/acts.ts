import type { StageState, Step } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { addMs, type Instant, instant, toIso } from '../../domain/instant.ts';
import { getBoolean, getNumber, getObject, getString, type JsonObject } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { answerTask } from './acts-answer.ts';
import { RESTART_ACT, RESTART_REASONS } from './condition.ts';
import { crewOf, youngest } from './derive-process.ts';
import { restartedBy, runningBy, takenBy } from './derive-restart.ts';
import { clockText } from './draft.ts';
import { apiPortOf, healthEveryMs, LOGS, restartTimesOf } from './schema.ts';
import { pidOf } from './tasks.ts';

const REQUEST_PATH = `${LOGS}/restart_requested.json`;

/** Services, layers and issues that a restart of the pipeline may help. */
const SERVICES = ['pipeline', 'project-manager', 'agent-runner', 'monitor', 'watchdog', 'api'];
const LAYERS = ['orchestration', 'execution'];
const ISSUES = [
  ...Object.keys(RESTART_REASONS),
  'manager_lost_task',
  'monitor_overdue',
  'restart_not_taken',
  'restart_hangs',
];

const pipelineRestart: ActSpec = {
  id: RESTART_ACT,
  title: 'restart pipeline',
  menu: 'restart',
  risk: 'costly',
  does: 'writes the restart request that the watchdog looks for; the watchdog ends the pipeline and starts it anew',
  params: [],
  appliesTo(target) {
    switch (target.type) {
      case 'service':
        return SERVICES.includes(target.id);
      case 'layer':
        return LAYERS.includes(target.id);
      case 'issue':
        return ISSUES.includes(target.key) || target.key.startsWith('fatal.');
      default:
        return false;
    }
  },
  precondition(view) {
    const { data } = view;
    if (getNumber(data, 'watchdogPid') === undefined) {
      return 'no watchdog of this checkout lives to take the request: cd api && ./scripts/run_overnight_pipeline.sh';
    }
    const hangsOn = getNumber(data, 'hangsOnPid');
    if (hangsOn !== undefined) {
      return `the watchdog waits for project manager ${hangsOn} to end and takes no request: kill ${hangsOn}, it then restarts`;
    }
    return undefined;
  },
  warnings: restartWarnings,
  strands: restartStrands,
  revision(view, target) {
    const { data } = view;
    const parts = ['watchdogPid', 'managerPid', 'managerStartedAt'].map((key) => getNumber(data, key) ?? '-');
    return [...parts, restartReason(view, target), strandedTasks(view).join(',')].join('|');
  },
  baseline(view) {
    const { data } = view;
    return {
      versionStartedAt: getNumber(data, 'versionStartedAt') ?? null,
      managerPid: getNumber(data, 'managerPid') ?? null,
      managerStartedAt: getNumber(data, 'managerStartedAt') ?? null,
      requestedAt: view.now,
    };
  },
  plan(view, target): readonly Step[] {
    const reason = restartReason(view, target);
    return [
      {
        type: 'file',
        title: `request a restart (${reason})`,
        path: REQUEST_PATH,
        // The monitor writes it with an indent of 2 and a time in UTC.
        text: JSON.stringify({ reason, at: toIso(view.now).replace('Z', '+00:00') }, null, 2),
      },
    ];
  },
  expect: expectRestart,
  undo: {
    text: `cannot be undone once taken; before that, removing ${REQUEST_PATH} withdraws it`,
  },
};

/**
 * The reason decides what the watchdog does: only `api_unreachable` (and `effectiveness_404`) makes it start the API
 * too. While the API is down any other reason gives a pipeline that exits at once.
 */
function restartReason(view: StateView, target: Entity): string {
  if (getString(view.data, 'apiState') === 'down') return 'api_unreachable';
  const key = target.type === 'issue' ? target.key : target.id;
  const named = Object.hasOwn(RESTART_REASONS, key) ? RESTART_REASONS[key] : undefined;
  // An issue that says the API is down while it answers is yesterday's news.
  return named === undefined || named === 'api_unreachable' ? 'stale_version' : named;
}

function restartWarnings(view: StateView, target: Entity): readonly string[] {
  const { data } = view;
  const warnings: string[] = [];
  const reason = restartReason(view, target);
  const item = getNumber(data, 'resetItem');
  if (getBoolean(data, 'isParallel') === true) {
    warnings.push(
      `The start resets the project manager (--reset): it begins at item 0 again${item ? ` instead of ${item}` : ''} and makes tasks twice.`,
    );
  }
  const manager = getNumber(data, 'managerPid');
  if (manager !== undefined) {
    warnings.push(
      `The watchdog can hang: the pipeline's shell ends only after project manager ${manager}. If the request vanishes and no new version comes, end ${manager}.`,
    );
  }
  if (reason === 'api_unreachable' || reason === 'effectiveness_404') {
    warnings.push(
      'It ends every "uvicorn app.main" of this machine, other checkouts’ too, and starts this one.',
    );
    const holder = getNumber(data, 'portHolderPid');
    if (getString(data, 'apiState') === 'down' && holder !== undefined) {
      warnings.push(
        `Pid ${holder} holds port ${apiPortOf(view.located)}: if it ignores TERM the new API can't start, and neither does the pipeline. End it first.`,
      );
    }
  }
  const pending = getString(data, 'requestReason');
  if (getBoolean(data, 'requestPresent') === true) {
    warnings.push(`A request is there already (${pending || 'no reason'}); this one replaces it.`);
  }
  const version = view.entity('issue', 'stale_version');
  if (reason === 'stale_version' && version?.cautions?.[0]) warnings.push(version.cautions[0]);
  if (view.located.url === undefined) {
    warnings.push('No url is configured: whether the API answers afterwards stays unchecked.');
  }
  return warnings;
}

/** Tasks bound to the name of the runner that a restart ends. */
function strandedTasks(view: StateView): readonly string[] {
  const waiting = view
    .entities('approval')
    .filter((one) => one.status === 'pending' && workerOf(one) !== undefined);
  return waiting.map((one) => one.id);
}

function workerOf(entity: Entity): string | undefined {
  return getString(entity.data, 'worker');
}

/** A runner calls itself `host:pid` unless AGENT_WORKER_ID names it; nobody else can take what it claimed. */
function restartStrands(view: StateView): readonly string[] {
  const strands = view.entities('approval').flatMap((approval): string[] => {
    const worker = workerOf(approval);
    if (approval.status !== 'pending' || worker === undefined) return [];
    if (pidOf(worker) === undefined) {
      return [
        `${approval.id} waits for an answer and for worker ${worker}: only a runner started under that name takes it`,
      ];
    }
    return [
      `${approval.id} waits for an answer: its worker ${worker} ends, nobody can take it again; decide it first`,
    ];
  });
  const running = view.entities('job').filter((job) => job.status === 'running');
  for (const job of running.slice(0, 20)) {
    strands.push(
      `${job.id} runs now: it is cut off and stays "running" until the monitor fails it after 30 min`,
    );
  }
  if (running.length > 20) strands.push(`${running.length - 20} more running tasks`);
  return strands;
}

/**
 * The request file going away proves nothing, nor does the version file alone: the first may be eaten by a watchdog
 * that hangs, the second is written by a start that then finds no API. A restart is a project manager younger than the
 * request, whose log moves, with an API that answers.
 */
function expectRestart(view: StateView, order: ActOrder): readonly StageState[] {
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

/** Acts of this kind. */
export const coherenceActs: readonly ActSpec[] = [pipelineRestart, answerTask];
