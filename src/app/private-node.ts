/**
 * Going on with a newer Node than the one that started us. Hosts in incidents run old ones; the platform packages of
 * the npm `node` family bring one along. Everything here must run on Node 18.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '../host/clock.ts';
import { isForeground } from './job-control.ts';

/** Oldest Node the program itself runs on; older ones crash in the SQLite addon. */
export const NEEDED_NODE = { major: 22, minor: 22 } as const;

/** Names the process that waits for us, so that we can end when it is killed. */
export const LAUNCHER_VARIABLE = 'BINNACLE_LAUNCHER_PID';

/** Whether a version as in `process.versions.node` is new enough. */
export function isNodeEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > NEEDED_NODE.major || (major === NEEDED_NODE.major && minor >= NEEDED_NODE.minor);
}

/** The packages that hold a Node for a platform; the first is the one installed by default. */
export function nodePackages(platform: string, arch: string): readonly string[] {
  return [`node-${platform}-${arch}`, `node-bin-${platform}-${arch}`];
}

/** Every Node that lies beside the program: in its folder's `node_modules`, or in one of a folder above. */
export function privateNodes(programPath: string, platform: string, arch: string): readonly string[] {
  const found: string[] = [];
  for (let directory = dirname(programPath); ; directory = dirname(directory)) {
    const modules = join(directory, 'node_modules');
    for (const name of nodePackages(platform, arch)) found.push(join(modules, name, 'bin', 'node'));
    found.push(join(modules, '.bin', 'node'));
    if (dirname(directory) === directory) break;
  }
  return found.filter((path) => existsSync(path));
}

/** Pid of the launcher that waits for this very process; undefined when there is none. */
export function launcherPid(
  env: Readonly<Record<string, string | undefined>>,
  parentPid: number,
): number | undefined {
  return parentPid > 0 && env[LAUNCHER_VARIABLE] === String(parentPid) ? parentPid : undefined;
}

/** The words for a host without a Node that is new enough. */
export function noNodeMessage(
  version: string,
  platform: string,
  arch: string,
  tried: readonly string[],
): string {
  const packageName = nodePackages(platform, arch)[0] ?? 'node';
  return [
    `binnacle: this is Node ${version}; Node ${NEEDED_NODE.major}.${NEEDED_NODE.minor} or later is needed.`,
    tried.length === 0
      ? `  Its own Node 24 (package ${packageName}) is not installed: it is an optional dependency, so install without --omit=optional,`
      : `  Its own Node could not be started: ${tried.join(', ')}.`,
    '  or start binnacle with a newer Node.',
    '',
  ].join('\n');
}

export interface HandOver {
  /** Nodes to try, best first. */
  readonly nodes: readonly string[];
  /** The program and its arguments. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How the program ended under the other Node. */
export type HandOverEnd =
  | { readonly type: 'ended'; readonly code: number }
  | { readonly type: 'signalled'; readonly signal: NodeJS.Signals }
  | { readonly type: 'none'; readonly tried: readonly string[] };

/**
 * Runs the program under the first of the Nodes that starts, on our terminal, and waits for its end. Signals sent to us
 * reach it; stopped and continued, we are so together.
 */
export async function handOver(what: HandOver): Promise<HandOverEnd> {
  const tried: string[] = [];
  for (const node of what.nodes) {
    const child = spawn(node, [...what.argv], {
      stdio: 'inherit',
      env: { ...what.env, [LAUNCHER_VARIABLE]: String(process.pid) },
    });
    const stopListening = passSignals(child);
    const end = await endOf(child);
    stopListening();
    if (end instanceof Error) tried.push(`${node} (${end.message})`);
    else return end;
  }
  return { type: 'none', tried };
}

function endOf(child: ChildProcess): Promise<HandOverEnd | Error> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error));
    child.once('exit', (code, signal) =>
      resolve(signal === null ? { type: 'ended', code: code ?? 1 } : { type: 'signalled', signal }),
    );
  });
}

const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR2'] as const;
/** What the terminal itself sends to the whole group on Ctrl-c and Ctrl-\\. */
const FROM_KEYS = ['SIGINT', 'SIGQUIT'] as const;
const STOP_LOOK_MS = 20;
/** A child that has not stopped by then is not going to. */
const STOP_WITHIN_MS = 1000;

function passSignals(child: ChildProcess): () => void {
  const undo: (() => void)[] = [];
  const on = (signal: NodeJS.Signals, listener: () => void): void => {
    process.on(signal, listener);
    undo.push(() => process.off(signal, listener));
  };
  for (const signal of PASSED_ON) on(signal, () => child.kill(signal));
  // Passed on as well, it would reach the program twice, and the second ends one that is closing in order.
  for (const signal of FROM_KEYS) on(signal, () => keysSendSignals() || child.kill(signal));
  const clock = systemClock();
  let isStopping = false;
  let stopLooking = (): void => {};
  on('SIGTSTP', () => {
    if (isStopping) return;
    isStopping = true;
    if (stateOf(child.pid) !== 'T') child.kill('SIGTSTP');
    // The shell takes the terminal as soon as we stop, so the child must have left the screen and stopped before.
    const deadline = clock.monotonic() + STOP_WITHIN_MS;
    stopLooking = clock.every(STOP_LOOK_MS, () => {
      const state = stateOf(child.pid);
      if (state !== 'T' && state !== undefined && clock.monotonic() < deadline) return;
      stopLooking();
      process.kill(process.pid, 'SIGSTOP');
      // Here again: continued. The child stopped its whole group, and that signal may still wait to be read in this turn
      // of the loop: it belongs to the stop that is over, and must not stop us again.
      setImmediate(() => {
        isStopping = false;
      });
    });
  });
  on('SIGCONT', () => {
    if (stateOf(child.pid) === 'T') child.kill('SIGCONT');
  });
  return () => {
    stopLooking();
    for (const stop of undo) stop();
  };
}

/** Whether Ctrl-c would send a signal to our group now: we are in the foreground of a terminal that is not raw. */
function keysSendSignals(): boolean {
  if (!process.stdin.isTTY || !isForeground()) return false;
  const told =
    spawnSync('stty', ['-a'], { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' }).stdout ?? '';
  return /(^|\s)isig(\s|;|$)/m.test(told);
}

/** The kernel's letter for what a process does: `T` when stopped. Undefined where the system does not say. */
function stateOf(pid: number | undefined): string | undefined {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
