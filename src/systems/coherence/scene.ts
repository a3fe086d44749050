import { type Instant, instant } from '../../domain/instant.ts';
import { getArray, getBoolean, getNumber, getString, isObject, type Json } from '../../lib/json.ts';
import type { DeriveContext, Located } from '../system.ts';
import { type Crew, crewOf } from './derive-process.ts';
import { checkOf, type MonitorCheck } from './monitor-check.ts';
import { type ApiState, apiStateOf } from './scene-api.ts';
import { apiPortOf, MONITOR_INTERVAL_S } from './schema.ts';
import { instantOf, newestOf, type Seen, seenOf } from './seen.ts';

/** A request for a restart that nobody has taken, or that was there before. */
interface RestartFile {
  readonly present: boolean;
  readonly reason: string;
  readonly at: Instant | undefined;
  /** Since when the file is there without a break. */
  readonly since: Instant;
  /** `since` is its birth; else only the newest rewrite is known. */
  readonly isBirthKnown: boolean;
  /** A Binnacle wrote it, not the monitor. */
  readonly isOwn: boolean;
  /** When it was found gone. */
  readonly goneAt: Instant | undefined;
  readonly seen: Seen;
}

/** A "Restart requested" line of the monitor, or an operator's request, which has no line (no `offset`). */
export interface RestartAsk {
  readonly at: Instant;
  readonly offset: number | undefined;
  readonly reason: string;
}

/** All facts of one checkout as of `now`, read once into plain values. */
export interface Scene {
  readonly located: Located;
  readonly now: Instant;
  readonly crew: Crew;
  readonly processesAt: Instant;
  readonly version: { readonly sha: string; readonly startedAt: Instant; readonly seen: Seen } | undefined;
  readonly restart: RestartFile | undefined;
  /** When the place of the restart request was last looked at, whether or not it was there. */
  readonly restartLookedAt: Instant | undefined;
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
  /** The answer of `/api/ready`, where it was asked. */
  readonly ready: Seen | undefined;
  readonly monitorIntervalMs: number;
}

interface FatalFile {
  readonly reason: string;
  readonly detail: string | undefined;
  readonly at: Instant | undefined;
  readonly seen: Seen;
}

/** The project manager's state file, the newer one of its two modes. */
interface ManagerState {
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
    restartLookedAt: facts.status('restart')?.lastReadAt,
    asks: asksOf(monitorLog),
    fatal: facts.files('fatal').length > 0 ? fatalOf(present('fatal')) : fatalOf(present('api.fatal')),
    managerLog: seen('project_manager.log'),
    runnerLog: seen('agent_runner.log'),
    apiLog: seen('autonomous_api.log'),
    report: present('report') ?? present('report.txt') ?? seen('report'),
    manager: managerOf(present('manager.overnight'), present('manager')),
    api: apiStateOf(healthSeen, base),
    health: healthSeen?.fact('health'),
    ready: located.url ? present('api.ready') : undefined,
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
    isOwn: getBoolean(fact, 'own') === true,
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
