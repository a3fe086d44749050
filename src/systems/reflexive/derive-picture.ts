import type { Evidence } from '../../domain/entity.ts';
import { addMs, dayOf, type Instant, instant } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import { clockText, dateText } from '../../lib/time-text.ts';
import type { DeriveContext, FileFacts } from '../system.ts';
import { defaultConfig, type ReflexiveConfig } from './config.ts';
import type { LifeFact, RunFact, StopFact, UnitFact } from './facts.ts';
import { type Found, findFact, findFamily } from './find-facts.ts';
import { configSources, logSources } from './locate.ts';
import { kindSetting } from './schema.ts';

/** One lifetime of the daemon with its end, where the log tells one. */
export interface Lifetime {
  readonly id: string;
  readonly startedAt: Instant;
  readonly end?: {
    readonly how: 'stopped' | 'error' | 'no trace';
    readonly at?: Instant;
    readonly error?: string;
  };
  readonly fact?: Found<RunFact>;
  readonly process?: ProcessInfo;
}

/**
 * `up`: a process of this checkout runs. `suspended`: it is stopped by a signal. `hidden`: a daemon runs whose directory
 * this user may not see. `stopped`: it ended and said so. `down`: it ended and left no word. `never`: no trace of one.
 */
type DaemonState = 'up' | 'suspended' | 'hidden' | 'stopped' | 'down' | 'never';

/** What several entities need to know, made out once. */
export interface Picture {
  readonly context: DeriveContext;
  readonly now: Instant;
  readonly config: ReflexiveConfig;
  /** The configuration file in force, where one is known. */
  readonly configFile?: FileFacts;
  /** Why the newest text of it can't be used. */
  readonly configError?: string;
  readonly daemon: {
    readonly state: DaemonState;
    readonly processes: readonly ProcessInfo[];
    readonly hidden: readonly ProcessInfo[];
    readonly life?: Found<LifeFact>;
    /** What its keeper (systemd, docker) says of it. */
    readonly unit?: Found<UnitFact>;
  };
  /** Oldest first; the last one is the daemon of now, or the last there was. */
  readonly lifetimes: readonly Lifetime[];
  /** Newest reading of any source. */
  readonly observedAt: Instant;
  /** Notes an instant at which something here changes by itself. */
  wake(at: Instant | undefined): void;
}

/** Is anything of this checkout alive, as far as can be told? */
export function isAlive(picture: Picture): boolean {
  const { state } = picture.daemon;
  return state === 'up' || state === 'suspended' || state === 'hidden';
}

/** The lifetime that runs now, or the last there was. */
export function currentLifetime(picture: Picture): Lifetime | undefined {
  return picture.lifetimes.at(-1);
}

export function drawPicture(context: DeriveContext, wake: Picture['wake']): Picture {
  const { facts, located, now, processes } = context;
  const root = kindSetting(located.settings, 'daemonCwd') ?? located.root;
  const daemons = leaves(processes.processes.filter(isDaemon));
  const mine = daemons.filter((process) => process.cwd !== undefined && sameDirectory(process.cwd, root));
  const hidden = daemons.filter((process) => process.cwd === undefined);
  const configFile = findConfig(context, mine[0]);
  const config = configFile?.facts.get('config') ?? located.extra['config'];
  const life = findFact<LifeFact>(facts, logSources, 'life', (value) => value.at);
  const unit = findFact<UnitFact>(facts, ['keeper'], 'unit', () => 0);
  const lifetimes = lifetimesOf(context, mine, hidden.length > 0, life?.value.at);
  const last = lifetimes.at(-1);
  const picture: Picture = {
    context,
    now,
    config: (config ?? defaultConfig) as ReflexiveConfig,
    daemon: {
      state: stateOf(mine, hidden, last),
      processes: mine,
      hidden,
      ...(life === undefined ? {} : { life }),
      ...(unit === undefined ? {} : { unit }),
    },
    lifetimes,
    observedAt: observedAt(context),
    wake,
    ...(configFile === undefined ? {} : { configFile }),
    ...(configFile?.error === undefined ? {} : { configError: configFile.error }),
  };
  return picture;
}

/** `python -m src.cli [-c FILE] start [--mode M]`: the words stand alone, so a shell that holds them in one is not it. */
function isDaemon(process: ProcessInfo): boolean {
  const cli = process.argv.findIndex((word) => word === 'src.cli' || word.endsWith('src/cli.py'));
  return cli >= 0 && process.argv.indexOf('start', cli) > cli && process.state !== 'Z';
}

/** `sudo`, `nohup` and their like carry the same words: of a parent and its child only the child is the daemon. */
function leaves(processes: readonly ProcessInfo[]): ProcessInfo[] {
  const parents = new Set(processes.map((process) => process.parentPid));
  return processes
    .filter((process) => !parents.has(process.pid))
    .sort((a, b) => a.startedAt - b.startedAt || a.pid - b.pid);
}

function sameDirectory(a: string, b: string): boolean {
  return a.replace(/\/+$/, '') === b.replace(/\/+$/, '');
}

function stateOf(
  mine: readonly ProcessInfo[],
  hidden: readonly ProcessInfo[],
  last: Lifetime | undefined,
): DaemonState {
  if (mine.length > 0) return mine.every((process) => process.state === 'T') ? 'suspended' : 'up';
  if (hidden.length > 0) return 'hidden';
  if (!last) return 'never';
  return last.end?.how === 'stopped' ? 'stopped' : 'down';
}

/** The file the daemon names on its command line, else the first of the places the program looks into. */
function findConfig(context: DeriveContext, daemon: ProcessInfo | undefined): FileFacts | undefined {
  const named = configArgument(daemon);
  for (const source of configSources) {
    if (source === 'config.daemon' && named === undefined) continue;
    const file = context.facts.files(source).find((one) => one.present);
    if (file) return file;
  }
  return undefined;
}

/** `-c PATH` or `--config PATH` of the daemon's command line. */
export function configArgument(daemon: ProcessInfo | undefined): string | undefined {
  if (!daemon) return undefined;
  for (const [index, word] of daemon.argv.entries()) {
    if (word === 'start') return undefined;
    const value =
      word === '-c' || word === '--config'
        ? daemon.argv[index + 1]
        : word.startsWith('--config=')
          ? word.slice('--config='.length)
          : undefined;
    // A pattern would make a source look for files all over the host.
    if (value !== undefined && value !== '' && !/[\u0000-\u001f*?[\]{}!]/.test(value)) return value;
  }
  return undefined;
}

const startSlackMs = 1500;
/** Imports, git and GitHub are set up between the start of the process and its first line. */
const startupMs = 10 * 60_000;

function lifetimesOf(
  context: DeriveContext,
  processes: readonly ProcessInfo[],
  mayBeHidden: boolean,
  lastLineAt: Instant | undefined,
): Lifetime[] {
  const { facts } = context;
  const found = [...findFamily<RunFact>(facts, logSources, 'run:', runTime).values()].sort(
    (a, b) => a.value.at - b.value.at,
  );
  const stops = [
    findFact<StopFact>(facts, logSources, 'stop', (stop) => stop.at)?.value,
    findFact<StopFact>(facts, ['audit.log'], 'stopped', (stop) => stop.at)?.value,
  ].filter((stop) => stop !== undefined);
  const lifetimes: Lifetime[] = [];
  const taken = new Set<number>();
  for (const [index, fact] of found.entries()) {
    const run = fact.value;
    const next = found[index + 1]?.value;
    // One that said goodbye before the next began is none of those that live.
    const isOver = next !== undefined && run.stoppedAt !== undefined;
    const process = processes.find(
      (one) =>
        !isOver &&
        !taken.has(one.pid) &&
        run.at >= one.startedAt - startSlackMs &&
        run.at <= one.startedAt + startupMs,
    );
    if (process) taken.add(process.pid);
    const stop = stops.find((one) => one.at >= run.at && (next === undefined || one.at < next.at));
    const told = process ? undefined : endOf(run, stop, next === undefined ? lastLineAt : undefined);
    // A daemon whose directory is hidden may be this one: it has not ended as far as is known.
    const end = told?.how === 'no trace' && mayBeHidden && next === undefined ? undefined : told;
    lifetimes.push({
      id: `daemon-${compact(run.at)}`,
      startedAt: run.at,
      fact,
      ...(process ? { process } : {}),
      ...(end ? { end } : {}),
    });
  }
  // A daemon whose beginning is no longer in the log (or at a level that keeps it out) is told by its process.
  for (const process of processes) {
    if (taken.has(process.pid)) continue;
    lifetimes.push({ id: `daemon-pid-${process.pid}`, startedAt: process.startedAt, process });
  }
  return lifetimes.sort(
    (a, b) => Number(a.process !== undefined) - Number(b.process !== undefined) || a.startedAt - b.startedAt,
  );
}

function runTime(run: RunFact): number {
  return run.stoppedAt ?? run.errorAt ?? run.lastAt ?? run.at;
}

function endOf(
  run: RunFact,
  stop: StopFact | undefined,
  lastLineAt: Instant | undefined,
): NonNullable<Lifetime['end']> {
  const stoppedAt = run.stoppedAt ?? stop?.at;
  // `stop()` runs in a finally: an error writes its own line first and then the same goodbye.
  const error = run.error ?? stop?.error;
  if (error !== undefined) return { how: 'error', at: stoppedAt ?? run.errorAt ?? run.at, error };
  if (stoppedAt !== undefined) return { how: 'stopped', at: stoppedAt };
  const at = run.lastAt ?? lastLineAt;
  return { how: 'no trace', ...(at === undefined || at < run.at ? {} : { at }) };
}

function compact(at: Instant): string {
  return dateText(at).replaceAll('-', '').replaceAll(':', '').replace(' ', 'T').concat('Z');
}

function observedAt(context: DeriveContext): Instant {
  let newest: number = context.processes.readAt;
  for (const source of ['orchestrator.log', 'audit.log', 'analytics.db', 'cost']) {
    for (const file of context.facts.files(source)) newest = Math.max(newest, file.readAt);
  }
  return instant(newest);
}

// ---------------------------------------------------------------- words

/** `09:36Z`, or `02-24 09:36Z` when it was not today. */
export function timeWord(at: Instant, now: Instant): string {
  const clock = `${clockText(at, 0, 'minutes')}Z`;
  return dayOf(at) === dayOf(now) ? clock : `${dateText(at).slice(5, 10)} ${clock}`;
}

/** The next midnight UTC. */
export function nextMidnight(now: Instant): Instant {
  const dayMs = 24 * 3_600_000;
  return instant((Math.floor(now / dayMs) + 1) * dayMs);
}

/** Evidence for a fact of a file. */
export function evidence(
  found: { readonly file: FileFacts },
  more: { readonly offset?: number; readonly at?: Instant; readonly text?: string; readonly query?: string },
): Evidence {
  return {
    source: found.file.source,
    path: found.file.path,
    ...(more.offset === undefined ? {} : { offset: more.offset }),
    ...(more.query === undefined ? {} : { query: more.query }),
    ...(more.text === undefined ? {} : { text: more.text }),
    ...(more.at === undefined ? {} : { at: more.at }),
  };
}

/** True while `since` is less than `ms` ago; wakes when that ends. */
export function isRecent(picture: Picture, since: Instant, ms: number): boolean {
  const until = addMs(since, ms);
  if (until <= picture.now) return false;
  picture.wake(until);
  return true;
}

/** What is worth a row in the queue fades after a day: nobody is paged for last week's failure. */
export const dayMs = 24 * 3_600_000;
