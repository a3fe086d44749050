import type { Evidence } from '../../domain/entity.ts';
import { type Instant, instant } from '../../domain/instant.ts';
import { getArray, getBoolean, getField, getNumber, getString, isObject, type Json } from '../../lib/json.ts';
import type { DeriveContext, FileFacts, Located } from '../system.ts';
import { type Crew, crewOf } from './derive-process.ts';
import { apiPortOf, MONITOR_INTERVAL_S } from './schema.ts';

/** One file's facts with a way to point at it. */
export interface Seen {
  readonly file: FileFacts;
  fact(key: string): Json | undefined;
  /** Evidence at a fact's offset and time, with `text` beside it. */
  at(fact: Json | undefined, text?: string): Evidence;
}

/** A request for a restart that nobody has taken, or that was there before. */
export interface RestartFile {
  readonly present: boolean;
  readonly reason: string;
  readonly at: Instant | undefined;
  /** Since when the file is there without a break. */
  readonly since: Instant;
  /** `since` is its birth; else only the newest rewrite is known. */
  readonly isBirthKnown: boolean;
  /** When it was found gone. */
  readonly goneAt: Instant | undefined;
  readonly seen: Seen;
}

/** A "Restart requested" line of the monitor. */
export interface RestartAsk {
  readonly at: Instant;
  readonly offset: number;
  readonly reason: string;
}

/** Whether the API answers, who says so, since when. */
export interface ApiState {
  readonly state: 'up' | 'down' | 'unknown';
  readonly since: Instant | undefined;
  /** One line: the error, or who said it is up. */
  readonly why: string;
  readonly evidence: Evidence | undefined;
  /** It took the connection or the port and gave no answer, as opposed to nobody listening. */
  readonly hangs: boolean;
}

/** All facts of one checkout as of `now`, read once into plain values. */
export interface Scene {
  readonly located: Located;
  readonly now: Instant;
  readonly crew: Crew;
  readonly processesAt: Instant;
  readonly version: { readonly sha: string; readonly startedAt: Instant; readonly seen: Seen } | undefined;
  readonly restart: RestartFile | undefined;
  readonly asks: readonly RestartAsk[];
  readonly fatal: FatalFile | undefined;
  readonly check: MonitorCheck | undefined;
  readonly monitorLog: Seen | undefined;
  readonly managerLog: Seen | undefined;
  readonly runnerLog: Seen | undefined;
  readonly apiLog: Seen | undefined;
  readonly report: Seen | undefined;
  readonly manager: ManagerState | undefined;
  readonly api: ApiState;
  readonly health: Json | undefined;
  readonly monitorIntervalMs: number;
}

export interface FatalFile {
  readonly reason: string;
  readonly detail: string | undefined;
  readonly at: Instant | undefined;
  readonly seen: Seen;
}

/** `monitor_issues.json` as of its last check. */
export interface MonitorCheck {
  readonly issues: readonly Json[];
  readonly history: readonly {
    readonly condition: string;
    readonly at: Instant;
    readonly severity: string | undefined;
  }[];
  readonly lastCheck: Instant | undefined;
  readonly seen: Seen;
}

/** The project manager's state file, the newer one of its two modes. */
export interface ManagerState {
  readonly parallel: boolean;
  readonly blocked: boolean;
  readonly blockedAt: Instant | undefined;
  readonly next: number | undefined;
  readonly inFlight: readonly {
    readonly task: string;
    readonly phase: string;
    readonly item: number | undefined;
  }[];
  readonly seen: Seen;
}

/** A number fact as an instant. */
export function instantOf(value: unknown, key: string): Instant | undefined {
  const at = getNumber(value, key);
  return at === undefined ? undefined : instant(at);
}

/** The newest present file of a source, else the newest one that was there. */
export function newestOf(files: readonly FileFacts[]): FileFacts | undefined {
  let best: FileFacts | undefined;
  for (const file of files) {
    if (!best || Number(file.present) > Number(best.present)) best = file;
    else if (file.present === best.present && (file.modifiedAt ?? 0) > (best.modifiedAt ?? 0)) best = file;
  }
  return best;
}

/** A file with its facts, or undefined when there are none. */
export function seenOf(file: FileFacts | undefined): Seen | undefined {
  if (!file) return undefined;
  return {
    file,
    fact: (key) => file.facts.get(key),
    at(fact, text) {
      const offset = getNumber(fact, 'offset');
      const at = instantOf(fact, 'at') ?? file.modifiedAt;
      const quoted = text ?? getString(fact, 'text');
      return {
        source: file.source,
        ...(file.path.startsWith('/api/') || file.path.startsWith('http')
          ? { url: file.path }
          : { path: file.path }),
        ...(offset === undefined ? {} : { offset }),
        ...(quoted === undefined ? {} : { text: quoted }),
        ...(at === undefined ? {} : { at }),
      };
    },
  };
}

/** Reads the facts of a derivation into a scene. */
export function sceneOf(context: DeriveContext): Scene {
  const { located, facts, now, processes } = context;
  const seen = (source: string): Seen | undefined => seenOf(newestOf(facts.files(source)));
  const present = (source: string): Seen | undefined => {
    const found = seen(source);
    return found?.file.present ? found : undefined;
  };
  const crew = crewOf(located.root, apiPortOf(located), processes.processes);
  const monitorLog = seen('monitor.log');
  const check = checkOf(seen('issues'));
  const monitorIntervalMs =
    1000 * (getNumber(monitorLog?.fact('started'), 'intervalS') ?? MONITOR_INTERVAL_S);
  const healthSeen = located.url ? present('api.health') : undefined;
  const base = { now, crew, check, monitorLog, monitorIntervalMs };
  return {
    located,
    ...base,
    processesAt: processes.readAt,
    version: versionOf(present('version')),
    restart: restartOf(seen('restart')),
    asks: asksOf(monitorLog),
    fatal: facts.files('fatal').length > 0 ? fatalOf(present('fatal')) : fatalOf(present('api.fatal')),
    managerLog: seen('project_manager.log'),
    runnerLog: seen('agent_runner.log'),
    apiLog: seen('autonomous_api.log'),
    report: seen('report'),
    manager: managerOf(present('manager.overnight'), present('manager')),
    api: apiStateOf(healthSeen, base),
    health: healthSeen?.fact('health'),
    monitorIntervalMs,
  };
}

function versionOf(seen: Seen | undefined): Scene['version'] {
  const fact = seen?.fact('version');
  const startedAt = instantOf(fact, 'startedAt');
  if (!seen || startedAt === undefined) return undefined;
  return { sha: getString(fact, 'sha') ?? 'unknown', startedAt, seen };
}

function restartOf(seen: Seen | undefined): RestartFile | undefined {
  if (!seen) return undefined;
  const { file } = seen;
  const fact = seen.fact('request');
  const at = instantOf(fact, 'at');
  // The file is rewritten on the same inode at each check; only its birth tells since when nobody took it.
  const since = Math.min(file.bornAt ?? Number.POSITIVE_INFINITY, at ?? Number.POSITIVE_INFINITY);
  return {
    present: file.present,
    reason: getString(fact, 'reason') ?? 'unreadable',
    at,
    isBirthKnown: file.bornAt !== undefined,
    since: Number.isFinite(since) ? instant(since) : (file.modifiedAt ?? file.readAt),
    goneAt: file.present ? undefined : file.readAt,
    seen,
  };
}

function asksOf(monitorLog: Seen | undefined): readonly RestartAsk[] {
  return getArray(monitorLog?.fact('requests'), 'list').flatMap((entry): RestartAsk[] => {
    const at = instantOf(entry, 'at');
    if (at === undefined) return [];
    return [{ at, offset: getNumber(entry, 'offset') ?? 0, reason: getString(entry, 'reason') ?? '' }];
  });
}

function fatalOf(seen: Seen | undefined): FatalFile | undefined {
  const fact = seen?.fact('fatal');
  if (!seen) return undefined;
  const reason = getString(fact, 'reason') ?? (seen.file.error === undefined ? undefined : 'unreadable');
  if (reason === undefined) return undefined;
  return {
    reason,
    detail: getString(fact, 'detail') ?? seen.file.error,
    at: instantOf(fact, 'at') ?? seen.file.modifiedAt,
    seen,
  };
}

function checkOf(seen: Seen | undefined): MonitorCheck | undefined {
  const fact = seen?.fact('check');
  if (!seen || !isObject(fact)) return undefined;
  const history = getArray(fact, 'history').flatMap((entry): MonitorCheck['history'][number][] => {
    const condition = getString(entry, 'condition');
    const at = instantOf(entry, 'at');
    if (condition === undefined || at === undefined) return [];
    return [{ condition, at, severity: getString(entry, 'severity') }];
  });
  return { issues: getArray(fact, 'issues'), history, lastCheck: instantOf(fact, 'lastCheck'), seen };
}

function managerOf(overnight: Seen | undefined, sequential: Seen | undefined): ManagerState | undefined {
  const newer =
    (overnight?.file.modifiedAt ?? 0) >= (sequential?.file.modifiedAt ?? 0)
      ? (overnight ?? sequential)
      : sequential;
  const state = getObjectFact(newer, 'state');
  if (!newer || !state) return undefined;
  return {
    parallel: getBoolean(state, 'parallel') === true,
    blocked: getBoolean(state, 'blocked') === true,
    blockedAt: instantOf(state, 'blockedAt'),
    next: getNumber(state, 'next'),
    inFlight: getArray(state, 'inFlight').flatMap((entry) => {
      const task = getString(entry, 'task');
      if (task === undefined) return [];
      return [{ task, phase: getString(entry, 'phase') ?? 'unknown', item: getNumber(entry, 'item') }];
    }),
    seen: newer,
  };
}

function getObjectFact(seen: Seen | undefined, key: string): Json | undefined {
  const fact = seen?.fact(key);
  return isObject(fact) ? fact : undefined;
}

/** True when the monitor's last check is too long ago to say anything about now. */
export function isMonitorOverdue(scene: Pick<Scene, 'check' | 'monitorIntervalMs' | 'now'>): boolean {
  const last = scene.check?.lastCheck;
  return last !== undefined && scene.now >= last + overdueMs(scene);
}

/** A check may wait for several requests of 10 s each, so it is overdue after three intervals. */
export function overdueMs(scene: Pick<Scene, 'monitorIntervalMs'>): number {
  return 3 * scene.monitorIntervalMs;
}

/**
 * Our own question to the API decides where there is one; else the monitor's last check, while that is not overdue.
 * One missed answer after good ones is not "down" yet, unless nobody listens or the monitor says so too.
 */
function apiStateOf(
  health: Seen | undefined,
  scene: Pick<Scene, 'now' | 'check' | 'monitorLog' | 'monitorIntervalMs' | 'crew'>,
): ApiState {
  const said = monitorOnApi(scene);
  const fact = health?.fact('health');
  if (health && fact !== undefined) {
    const evidence = health.at(
      fact,
      getString(fact, 'error') ?? `answered 200 in ${getNumber(fact, 'latencyMs')} ms`,
    );
    if (getBoolean(fact, 'ok') === true) {
      return { state: 'up', since: instantOf(fact, 'startedAt'), why: 'health 200', evidence, hangs: false };
    }
    const error = getString(fact, 'error') ?? 'no answer';
    const refused = /refused|ECONNREFUSED/i.test(error);
    const isDown =
      refused ||
      (getNumber(fact, 'failures') ?? 0) >= 3 ||
      instantOf(fact, 'okAt') === undefined ||
      said?.state === 'down';
    const since = instantOf(fact, 'failingSince');
    return {
      state: isDown ? 'down' : 'unknown',
      since: said?.state === 'down' ? earliest(said.since, since) : since,
      why: error,
      evidence,
      hangs: !refused && scene.crew.portHolder !== undefined,
    };
  }
  return (
    said ?? { state: 'unknown', since: undefined, why: 'nobody asked it', evidence: undefined, hangs: false }
  );
}

function earliest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  return a === undefined ? b : b === undefined ? a : instant(Math.min(a, b));
}

function monitorOnApi(
  scene: Pick<Scene, 'now' | 'check' | 'monitorLog' | 'monitorIntervalMs' | 'crew'>,
): ApiState | undefined {
  const { check } = scene;
  if (!check || check.lastCheck === undefined || isMonitorOverdue(scene)) return undefined;
  const down = check.issues.find((issue) => getString(issue, 'condition') === 'api_unreachable');
  if (!down) {
    const evidence = check.seen.at({ at: check.lastCheck }, 'the monitor reached it');
    return { state: 'up', since: undefined, why: 'the monitor reached it', evidence, hangs: false };
  }
  const fact = scene.monitorLog?.fact('unreachable');
  const open = getField(scene.monitorLog?.fact('open'), 'api_unreachable');
  const message = getString(down, 'message') ?? 'api_unreachable';
  return {
    state: 'down',
    since: instantOf(fact, 'since') ?? instantOf(open, 'since') ?? instantOf(down, 'createdAt'),
    why: message,
    evidence: check.seen.at({ at: check.lastCheck }, message),
    hangs: !/refused/i.test(message) && scene.crew.portHolder !== undefined,
  };
}
