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

/** The process that may be carrying out a run begun at `startedAt`: it must be no younger than the run. */
export function runnerOf(
  programs: Programs,
  startedAt: Instant | undefined,
  apiTasks: number | undefined,
): ProcessInfo | undefined {
  const mayBe = (process: ProcessInfo): boolean =>
    startedAt === undefined || process.startedAt <= startedAt + CLOCK_SLACK_MS;
  const runners = programs.runners.filter(mayBe);
  const youngest = runners.reduce<ProcessInfo | undefined>(
    (best, process) => (!best || process.startedAt > best.startedAt ? process : best),
    undefined,
  );
  if (youngest) return youngest;
  // The API says how many runs it has under way; none means that this one is not among them.
  const servers =
    apiTasks === 0 ? programs.servers.filter((process) => process === programs.webhook) : programs.servers;
  return servers.find(mayBe);
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
