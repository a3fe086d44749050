import type { Instant } from '../../domain/instant.ts';
import { type ProcessInfo, type ProcessTable, runsProgram } from '../../domain/process.ts';

/** Programs of one checkout that are alive. */
export interface Programs {
  /** `main.py` started to run something. */
  readonly runners: readonly ProcessInfo[];
  /** The process that answers requests and runs what it is asked to: server.py, or the child its reloader started. */
  readonly servers: readonly ProcessInfo[];
  readonly api: ProcessInfo | undefined;
  readonly webhook: ProcessInfo | undefined;
}

/** `main.py` with one of these runs nothing: it prints or archives and ends. */
const PRINTS_ONLY = ['--replay-turn', '--board', '--archive-card', '--archive-build', '--archive-related'];
/** Whether a run is a program of its own or a task inside a server. */
export function carrierOf(process: ProcessInfo): 'main.py' | 'server' {
  return runsProgram(process, 'main.py') ? 'main.py' : 'server';
}

/** A ledger row is written a moment after its process began; clocks of the two agree this far. */
const CLOCK_SLACK_MS = 5_000;

/** Picks out the processes of the checkout at `root`. */
export function programsOf(table: ProcessTable, root: string): Programs {
  const own = table.processes.filter((process) => belongsTo(process, root));
  const runners = own.filter(
    (process) =>
      runsProgram(process, 'main.py') &&
      !process.argv.some((word) => PRINTS_ONLY.includes(word.split('=')[0] ?? '')),
  );
  const api = own.find(
    (process) => runsProgram(process, 'server.py') || names(process, 'orket.interfaces.api'),
  );
  const webhook = own.find((process) => names(process, 'orket.webhook_server'));
  const servers: ProcessInfo[] = [];
  if (api) servers.push(workerOf(table, api));
  if (webhook) servers.push(webhook);
  return { runners, servers, api, webhook };
}

/** What the API process says of the runs it has under way, where it was asked and has answered. */
export interface ApiWord {
  /** How many they are. */
  readonly tasks: number | undefined;
  /** Whether this run is one of them. */
  carries(run: string): boolean | undefined;
}

/** A run that says it is running. */
export interface OpenRun {
  readonly id: string;
  readonly name: string;
  readonly startedAt: Instant | undefined;
}

/**
 * Which process may be carrying out which run. A process is no younger than its run. One started with `--epic X` belongs
 * to the oldest open run of that name and to no other; a rock, or an epic whose file has another name than the run, may
 * carry any run that has no process of its own; so may a server.
 */
export function carriersOf(
  programs: Programs,
  runs: readonly OpenRun[],
  api: ApiWord,
): ReadonlyMap<string, ProcessInfo> {
  const carriers = new Map<string, ProcessInfo>();
  const youngestFirst = [...programs.runners].sort((a, b) => b.startedAt - a.startedAt);
  const taken = new Set<ProcessInfo>();
  const names = new Set(runs.map((run) => run.name));
  for (const run of [...runs].sort((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0))) {
    const own = youngestFirst.find(
      (process) => !taken.has(process) && epicOf(process) === run.name && mayCarry(process, run),
    );
    if (!own) continue;
    taken.add(own);
    carriers.set(run.id, own);
  }
  const others = youngestFirst.filter((process) => !taken.has(process) && !names.has(epicOf(process) ?? ''));
  // The API says how many runs it has under way; none means that these are not among them.
  const servers = programs.servers.filter((process) => api.tasks !== 0 || process === programs.webhook);
  for (const run of runs) {
    const says = api.carries(run.id);
    const able = servers.filter((process) => says !== false || process === programs.webhook);
    const other = (says === true ? able : [...others, ...able]).find((process) => mayCarry(process, run));
    if (other && !carriers.has(run.id)) carriers.set(run.id, other);
  }
  return carriers;
}

function mayCarry(process: ProcessInfo, run: OpenRun): boolean {
  return run.startedAt === undefined || process.startedAt <= run.startedAt + CLOCK_SLACK_MS;
}

/** The value of `--epic`, written as one word or as two. */
function epicOf(process: ProcessInfo): string | undefined {
  const at = process.argv.findIndex((word) => word === '--epic' || word.startsWith('--epic='));
  const word = process.argv[at];
  return word?.startsWith('--epic=') ? word.slice(7) : at === -1 ? undefined : process.argv[at + 1];
}

/** A process whose directory is hidden from us may be one of ours; one that stands elsewhere is not. */
function belongsTo(process: ProcessInfo, root: string): boolean {
  if (process.argv.some((word) => word.startsWith(`${root}/`))) return true;
  return process.cwd === undefined || process.cwd === root;
}

function names(process: ProcessInfo, module: string): boolean {
  return process.argv.some((word) => word === module || word.startsWith(`${module}:`));
}

/** uvicorn's reloader restarts its child whenever a file changes: runs die with the child, not with server.py. */
function workerOf(table: ProcessTable, server: ProcessInfo): ProcessInfo {
  const children = table.processes.filter(
    (process) => process.parentPid === server.pid && process.argv.some((word) => word.includes('spawn_main')),
  );
  return children.reduce((best, child) => (child.startedAt > best.startedAt ? child : best), server);
}
