/** One run of a verb of the built program, as a shell would start it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cachePath, mainPath } from './cockpit.ts';

export interface EndedVerb {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface VerbOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Runs it as this user; for root alone. */
  readonly uid?: number;
  /** Another installation than the one that was built. */
  readonly program?: string;
  /** Another Node than the one the tests run on. */
  readonly node?: string;
}

/** Starts it without a terminal. Nothing of this host's own configuration or state is seen by it. */
export function startVerb(args: readonly string[], options: VerbOptions = {}): ChildProcess {
  return spawn(options.node ?? process.execPath, [options.program ?? mainPath, ...args], {
    cwd: options.cwd ?? '/',
    env: {
      PATH: process.env['PATH'],
      TZ: 'UTC',
      // Nothing can be kept below it.
      HOME: '/dev/null',
      XDG_CACHE_HOME: cachePath,
      BINNACLE_HOST_DIR: '',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
}

/** Runs it to its end. */
export function runVerb(args: readonly string[], options: VerbOptions = {}): Promise<EndedVerb> {
  return endOf(startVerb(args, options));
}

/** What a started verb wrote, and how it ended. */
export function endOf(child: ChildProcess): Promise<EndedVerb> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    stdout += part;
  });
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
