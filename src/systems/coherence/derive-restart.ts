import type { DueTimes } from '../../domain/due-times.ts';
import { type Evidence, type Issue, trailOf } from '../../domain/entity.ts';
import { addMs, clockText, type Instant, instant } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import { getNumber } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { Located } from '../system.ts';
import { END_MANAGER_ACT, RESTART_ACT, START_ACT } from './condition.ts';
import { processEvidence, youngest } from './derive-process.ts';
import { entityBase } from './draft.ts';
import type { RestartAsk, Scene } from './scene.ts';
import { restartTimesOf } from './schema.ts';
import { instantOf } from './seen.ts';

/** How restarts go wrong, as seen from what is on disk and in the process table now. */
export interface RestartTroubles {
  readonly issues: readonly Issue[];
  /** The project manager the watchdog waits for, so that it takes no further request. */
  readonly hangsOn: ProcessInfo | undefined;
}

/** By when a watchdog that lives has taken a request written at `at`. */
export function takenBy(located: Located, at: Instant): Instant {
  const { pollMs, slackMs } = restartTimesOf(located);
  return addMs(at, pollMs + slackMs);
}

/** By when `pipeline_version.json` has been written anew after a request of `at`. */
export function restartedBy(located: Located, at: Instant): Instant {
  const { apiMs, pauseMs } = restartTimesOf(located);
  return addMs(takenBy(located, at), apiMs + pauseMs);
}

/** By when a project manager runs after a request of `at`. */
export function runningBy(located: Located, at: Instant): Instant {
  return addMs(restartedBy(located, at), restartTimesOf(located).startMs);
}

/** Joins request file, monitor log, version file and processes. At most one of the three troubles at a time. */
export function restartTroubles(scene: Scene, due: DueTimes): RestartTroubles {
  const none: RestartTroubles = { issues: [], hangsOn: undefined };
  const manager = youngest(scene.crew.of.manager);
  const dead = manager ? undefined : nothingRuns(scene, due);
  if (dead) return { issues: [dead], hangsOn: undefined };
  const hang = manager ? eatenRequest(scene, manager, due) : undefined;
  if (hang) return { issues: [hang], hangsOn: scene.crew.of.watchdog.length > 0 ? manager : undefined };
  const unheard = requestNotTaken(scene, due);
  return unheard ? { issues: [unheard], hangsOn: undefined } : none;
}

/**
 * The project manager's last sign of work. Its log is appended by all runs; a start that ends with "API check failed"
 * is none.
 */
function lastLifeOf(scene: Scene): Instant | undefined {
  const log = scene.managerLog;
  return instantOf(log?.fact('worked'), 'at') ?? instantOf(log?.fact('last'), 'at') ?? log?.file.modifiedAt;
}

/**
 * No project manager lives although restarts were asked or the version file says that one began: the start script
 * writes that file before it looks for the API, and exits when there is none.
 */
function nothingRuns(scene: Scene, due: DueTimes): Issue | undefined {
  const life = lastLifeOf(scene) ?? instant(0);
  const asks = scene.asks.filter((ask) => ask.at > life);
  const firstAsk = asks[0]?.at ?? (scene.restart?.present ? scene.restart.since : undefined);
  const startedInVain =
    scene.version !== undefined && isStartInVain(scene, scene.version.startedAt, life, due);
  if (firstAsk !== undefined && due.isPast(runningBy(scene.located, firstAsk))) {
    return deadIssue(scene, asks, firstAsk, startedInVain);
  }
  return startedInVain ? vainStartIssue(scene) : undefined;
}

/**
 * True for a version newer than any work that has had its time to become a project manager. A start that dies is begun
 * again by the watchdog, each time with a newer version: then the time since the last work, or since the watchdog
 * began, counts, for a whole restart fits in there.
 */
function isStartInVain(scene: Scene, startedAt: Instant, life: Instant, due: DueTimes): boolean {
  const { startMs, slackMs } = restartTimesOf(scene.located);
  if (startedAt <= life + slackMs) return false;
  const watchdog = youngest(scene.crew.of.watchdog);
  const bySelf = addMs(startedAt, startMs);
  if (!watchdog) return due.isPast(bySelf);
  const byWatchdog = runningBy(scene.located, instant(Math.max(life, watchdog.startedAt)));
  return due.isPast(instant(Math.min(bySelf, byWatchdog)));
}

function deadIssue(scene: Scene, asks: readonly RestartAsk[], since: Instant, isVersionNew: boolean): Issue {
  const watchdog = youngest(scene.crew.of.watchdog);
  const count = Math.max(1, asks.length);
  const why = !watchdog
    ? 'no watchdog of this checkout lives to take the request'
    : isVersionNew
      ? 'each start writes a new version, finds no API and exits'
      : 'the watchdog takes it, and no pipeline comes of it';
  const act = { act: watchdog ? RESTART_ACT : START_ACT };
  const apiIsDown = scene.api.state === 'down';
  const playbook = apiIsDown ? 'api-unreachable' : 'runner-pm-not-seen';
  return {
    ...entityBase(scene, 'restart_without_effect', scene.processesAt),
    type: 'issue',
    key: 'restart_without_effect',
    title: `restart asked ${count === 1 ? 'once' : `${count} times`}, nothing runs`,
    severity: 'fatal',
    status: 'open',
    detail: why,
    since,
    suggestedAction: !watchdog
      ? 'Start the pipeline: cd api && ./scripts/run_overnight_pipeline.sh'
      : apiIsDown
        ? 'See that the API can start; the watchdog then starts the pipeline at the next request.'
        : 'Look at the watchdog’s own output for what the start script says.',
    playbook,
    evidence: lastAskEvidence(scene, asks) ?? requestEvidence(scene) ?? noManager(scene),
    trail: trailOf(
      versionEvidence(scene, isVersionNew ? 'started_at is new, but no project manager lives' : undefined),
      requestEvidence(scene),
      lifeEvidence(scene),
      watchdog ? processEvidence(watchdog) : { source: 'processes', text: 'no watchdog of this checkout' },
      scene.api.evidence,
    ),
    logKeys: ['Restart requested'],
    attention: { rank: 2, label: 'FATAL', why, since, playbook, ...act },
  };
}

function vainStartIssue(scene: Scene): Issue {
  const at = scene.version?.startedAt ?? scene.now;
  const why = 'the version file is written before the start looks for the API';
  const isTaken = scene.crew.of.watchdog.length > 0;
  return {
    ...entityBase(scene, 'version_without_manager', scene.processesAt),
    type: 'issue',
    key: 'version_without_manager',
    title: `version says started ${clockText(at, scene.now)}, no project manager lives`,
    severity: 'fatal',
    status: 'open',
    detail: why,
    since: at,
    suggestedAction: isTaken
      ? 'See that the API answers, then request a restart.'
      : 'See that the API answers, then: cd api && ./scripts/run_overnight_pipeline.sh',
    playbook: 'runner-pm-not-seen',
    evidence: versionEvidence(scene) ?? noManager(scene),
    trail: trailOf(noManager(scene), lifeEvidence(scene), scene.api.evidence),
    attention: {
      rank: 2,
      label: 'FATAL',
      why,
      since: at,
      playbook: 'runner-pm-not-seen',
      act: isTaken ? RESTART_ACT : START_ACT,
    },
  };
}

/**
 * A request is gone, the version is as old as before and the old project manager works on. With a live watchdog it is
 * the known hang: bash runs the pipeline's TERM trap only when its foreground child, the project manager, ends.
 */
function eatenRequest(scene: Scene, manager: ProcessInfo, due: DueTimes): Issue | undefined {
  const startedAt = scene.version?.startedAt ?? manager.startedAt;
  const { restart } = scene;
  const open = asksOfAll(scene).filter((ask) => ask.at > startedAt && ask.at > manager.startedAt);
  const goneBefore = restart?.present ? (restart.isBirthKnown ? restart.since - 1000 : 0) : scene.now;
  const first = open.find((ask) => ask.at < goneBefore);
  if (!first || !due.isPast(restartedBy(scene.located, first.at))) return undefined;
  const watchdog = youngest(scene.crew.of.watchdog);
  const asked = clockText(first.at, scene.now);
  const why = watchdog
    ? `watchdog ${watchdog.pid} took it and waits for manager ${manager.pid} to end`
    : 'the request is gone, nothing restarted, and no watchdog lives';
  return {
    ...entityBase(scene, 'restart_hangs', scene.processesAt),
    type: 'issue',
    key: 'restart_hangs',
    title: watchdog
      ? `restart of ${asked} hangs: watchdog waits for manager ${manager.pid}`
      : `restart of ${asked} eaten: nothing restarted, no watchdog`,
    severity: 'error',
    status: 'open',
    detail: `${why}. Old runner, manager and monitor go on; ${counted(open.length, 'request')} since that start.`,
    since: first.at,
    suggestedAction: watchdog
      ? `End the project manager (kill ${manager.pid}): the watchdog then restarts at once. Later requests are not taken before.`
      : 'Start the pipeline anew with its watchdog: cd api && ./scripts/run_overnight_pipeline.sh',
    playbook: 'restart-hangs',
    evidence: askEvidence(scene, first) ?? { source: 'restart' },
    trail: trailOf(
      versionEvidence(scene, 'started_at is older than the request'),
      requestEvidence(scene),
      processEvidence(manager),
      watchdog ? processEvidence(watchdog) : undefined,
    ),
    logKeys: ['Restart requested'],
    attention: {
      rank: 4,
      label: watchdog ? 'HUNG' : 'EATEN',
      why,
      since: first.at,
      ...(watchdog ? { act: END_MANAGER_ACT, menu: 'restart' as const } : { act: START_ACT }),
      playbook: 'restart-hangs',
    },
  };
}

/** What the monitor asked for, and the newest request of an operator, which stands in no log. */
function asksOfAll(scene: Scene): readonly RestartAsk[] {
  const { restart } = scene;
  if (!restart?.isOwn || restart.at === undefined) return scene.asks;
  const own: RestartAsk = { at: restart.at, offset: undefined, reason: restart.reason };
  return [...scene.asks, own].sort((a, b) => a.at - b.at);
}

function askEvidence(scene: Scene, ask: RestartAsk): Evidence | undefined {
  const text = `Restart requested: ${ask.reason}`;
  if (ask.offset === undefined) return scene.restart?.seen.at({ at: ask.at }, `${text} (by an operator)`);
  return scene.monitorLog?.at({ at: ask.at, offset: ask.offset }, text);
}

/** A request lies there longer than a living watchdog would let it. */
function requestNotTaken(scene: Scene, due: DueTimes): Issue | undefined {
  const { restart } = scene;
  if (!restart?.present || !due.isPast(takenBy(scene.located, restart.since))) return undefined;
  const watchdog = youngest(scene.crew.of.watchdog);
  const why = watchdog
    ? `watchdog ${watchdog.pid} lives and does not look`
    : 'no watchdog of this checkout lives';
  return {
    ...entityBase(scene, 'restart_not_taken', restart.seen.file.readAt),
    type: 'issue',
    key: 'restart_not_taken',
    title: `restart request (${restart.reason || 'no reason'}) not taken: ${watchdog ? `watchdog ${watchdog.pid} silent` : 'no watchdog'}`,
    severity: 'error',
    status: 'open',
    detail: why,
    since: restart.since,
    suggestedAction: watchdog
      ? 'It may wait for the project manager to end; see whether an earlier request was taken.'
      : 'Start the pipeline with its watchdog (api/scripts/run_overnight_pipeline.sh); remove the file first for a clean start.',
    playbook: watchdog ? 'restart-hangs' : 'no-watchdog',
    evidence: requestEvidence(scene) ?? { source: 'restart' },
    trail: trailOf(
      versionEvidence(scene),
      lastAskEvidence(scene, scene.asks),
      watchdog ? processEvidence(watchdog) : undefined,
    ),
    logKeys: ['Restart requested'],
    attention: {
      rank: 4,
      label: 'UNHEARD',
      why,
      since: restart.since,
      ...(watchdog ? {} : { act: START_ACT }),
      playbook: watchdog ? 'restart-hangs' : 'no-watchdog',
    },
  };
}

function requestEvidence(scene: Scene): Evidence | undefined {
  const { restart } = scene;
  if (!restart?.present) return undefined;
  return {
    source: 'restart',
    path: restart.seen.file.path,
    text: `${restart.reason || 'no reason'}, there since ${clockText(restart.since, scene.now)}`,
    ...(restart.at === undefined ? {} : { at: restart.at }),
  };
}

function lastAskEvidence(scene: Scene, asks: readonly RestartAsk[]): Evidence | undefined {
  const last = asks.at(-1);
  if (!last || !scene.monitorLog) return undefined;
  return askEvidence(scene, last);
}

/** `pipeline_version.json` as evidence. */
function versionEvidence(scene: Scene, note?: string): Evidence | undefined {
  const { version } = scene;
  if (!version) return undefined;
  const text = `started_at ${clockText(version.startedAt, scene.now)}, commit ${version.sha.slice(0, 8)}`;
  return version.seen.at({ at: version.startedAt }, note ? `${text}: ${note}` : text);
}

function lifeEvidence(scene: Scene): Evidence | undefined {
  const last = scene.managerLog?.fact('last');
  return getNumber(last, 'at') === undefined ? undefined : scene.managerLog?.at(last);
}

function noManager(scene: Scene): Evidence {
  return { source: 'processes', text: 'no project manager of this checkout', at: scene.processesAt };
}
