import type { Evidence } from '../../domain/entity.ts';
import { type Instant, toIso } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';

/** What a process of this project does. `status-loop` is the forked shell that prints the status every minute. */
export type Role =
  | 'autonomous'
  | 'watchdog'
  | 'pipeline'
  | 'status-loop'
  | 'manager'
  | 'runner'
  | 'monitor'
  | 'api';

/** The processes of one checkout, by what they do. */
export interface Crew {
  readonly of: { readonly [role in Role]: readonly ProcessInfo[] };
  /** Parts of a pipeline whose shell is gone: nobody ends or restarts them. */
  readonly orphans: readonly { readonly role: Role; readonly process: ProcessInfo }[];
  /** Whoever listens on the port of the API. */
  readonly portHolder: ProcessInfo | undefined;
  /** They look like ours, but their directory can't be seen (another user's). */
  readonly unattributed: readonly { readonly role: Role; readonly process: ProcessInfo }[];
}

const SCRIPTS: { readonly [name: string]: Role } = {
  'run_autonomous.sh': 'autonomous',
  'run_overnight_pipeline_watchdog.sh': 'watchdog',
  'run_overnight_pipeline.sh': 'pipeline',
  'project_manager.py': 'manager',
  'agent_runner.py': 'runner',
  'monitor_pipeline.py': 'monitor',
};
/** An editor or a pager with a script's name among its arguments is not that script. */
const INTERPRETER = /^-?(python|pypy|bash|dash|sh$|zsh|node|uv)|python/i;

/**
 * Sorts the process table for the checkout at `root`. The monitor asks `ps` for the whole machine and so takes another
 * checkout's project manager for its own; here only a process whose script lies below `root/api` counts.
 */
export function crewOf(root: string, port: number, processes: readonly ProcessInfo[]): Crew {
  const of: Record<Role, ProcessInfo[]> = {
    autonomous: [],
    watchdog: [],
    pipeline: [],
    'status-loop': [],
    manager: [],
    runner: [],
    monitor: [],
    api: [],
  };
  const unattributed: { role: Role; process: ProcessInfo }[] = [];
  let portHolder: ProcessInfo | undefined;
  for (const process of processes) {
    if (process.state === 'Z') continue;
    if (process.ports.includes(port) && isEarlier(process, portHolder)) portHolder = process;
    const what = roleOf(process);
    if (!what) continue;
    const place = placeOf(process, what.script, root);
    if (place === 'here') of[what.role].push(process);
    else if (place === 'unseen') unattributed.push({ role: what.role, process });
  }
  sortShells(of);
  return { of, orphans: orphansOf(of), portHolder, unattributed };
}

function isEarlier(process: ProcessInfo, than: ProcessInfo | undefined): boolean {
  return than === undefined || process.startedAt < than.startedAt;
}

function roleOf(process: ProcessInfo): { role: Role; script: string } | undefined {
  const [program = ''] = process.argv;
  if (process.argv.includes('app.main:app') && process.argv.some((word) => baseName(word) === 'uvicorn')) {
    return { role: 'api', script: '.' };
  }
  const index = process.argv.findIndex((word) => Object.hasOwn(SCRIPTS, baseName(word)));
  const script = process.argv[index];
  if (script === undefined) return undefined;
  if (index > 0 && !INTERPRETER.test(baseName(program))) return undefined;
  const role = SCRIPTS[baseName(script)];
  return role ? { role, script } : undefined;
}

function placeOf(process: ProcessInfo, script: string, root: string): 'here' | 'elsewhere' | 'unseen' {
  if (!script.startsWith('/') && process.cwd === undefined) return 'unseen';
  const path = normalPath(script.startsWith('/') ? script : `${process.cwd}/${script}`);
  return path === `${root}/api` || path.startsWith(`${root}/api/`) ? 'here' : 'elsewhere';
}

function normalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function baseName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}

/**
 * A forked shell keeps its parent's arguments, so the status loop looks like a second pipeline. It is the one below
 * another pipeline shell, or the one left alone without any part of a pipeline below it.
 */
function sortShells(of: Record<Role, ProcessInfo[]>): void {
  const shells = of.pipeline;
  const pids = new Set(shells.map((shell) => shell.pid));
  const parts = [...of.manager, ...of.runner, ...of.monitor];
  const isLoop = (shell: ProcessInfo): boolean =>
    pids.has(shell.parentPid) ||
    (shell.parentPid === 1 && !parts.some((part) => part.parentPid === shell.pid));
  of['status-loop'] = shells.filter(isLoop);
  of.pipeline = shells.filter((shell) => !isLoop(shell));
}

/** Parts with parent 1 while no project manager lives, or while a pipeline lives that is not theirs. */
function orphansOf(of: Record<Role, ProcessInfo[]>): { role: Role; process: ProcessInfo }[] {
  if (of.manager.length > 0 && of.pipeline.length === 0) return [];
  return (['manager', 'runner', 'monitor', 'status-loop'] as const).flatMap((role) =>
    of[role].filter((process) => process.parentPid === 1).map((process) => ({ role, process })),
  );
}

/** A process as evidence: pid, command line and since when. */
export function processEvidence(process: ProcessInfo): Evidence {
  const ports = process.ports.length > 0 ? `, listens on ${process.ports.join(', ')}` : '';
  const command = process.argv
    .map((word) => baseName(word).slice(0, 60))
    .join(' ')
    .slice(0, 120);
  return {
    source: 'processes',
    pid: process.pid,
    text: `${command}, since ${toIso(process.startedAt)}${ports}`,
    at: process.startedAt,
  };
}

/** The youngest of some processes. */
export function youngest(processes: readonly ProcessInfo[]): ProcessInfo | undefined {
  return processes.reduce<ProcessInfo | undefined>(
    (best, process) => (best && best.startedAt >= process.startedAt ? best : process),
    undefined,
  );
}

/** When the youngest of some processes began. */
export function youngestStart(processes: readonly ProcessInfo[]): Instant | undefined {
  return youngest(processes)?.startedAt;
}
