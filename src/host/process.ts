/**
 * Starting, letting go and signalling programs: the one place that does. No shell anywhere; arguments are passed as
 * they are, each exactly one argument.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { messageOf } from '../domain/error.ts';
import type { Instant } from '../domain/instant.ts';
import { err, ok, type Result } from '../lib/result.ts';
import { type CapturedOutput, captureOutput } from './output-capture.ts';
import { processFamily } from './process-family.ts';
import { hasProc, processStartedAt, readProcessStat } from './process-stat.ts';

export interface RunOptions {
  /** `argv[0]` is the absolute path of the program. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment of the program: nothing of ours is added. */
  readonly env: { readonly [name: string]: string };
  /** What the program reads on its standard input; without it there is nothing to read. */
  readonly input?: string;
  readonly timeoutMs: number;
  /** Between the group's TERM and its KILL. Default 2,000. */
  readonly graceMs?: number;
  /** Bytes kept of each output stream. Default 1 MiB. */
  readonly maxBytes?: number;
  readonly onOutput?: (stream: 'stdout' | 'stderr', bytes: Buffer) => void;
  /** Called once the program runs, with what identifies it for later signals. */
  readonly onStarted?: (pid: number, startedAt: Instant | undefined) => void;
  /** Ends the program as its deadline would. */
  readonly signal?: AbortSignal;
}

/** How a program ended. */
export interface RunResult {
  readonly pid?: number;
  readonly startedAt?: Instant;
  /** Null when a signal ended it, or when it never ran. */
  readonly exitCode: number | null;
  readonly signal?: string;
  readonly timedOut: boolean;
  /** `options.signal` ended it. */
  readonly aborted: boolean;
  /** Why it could not be started. */
  readonly error?: string;
  readonly stdout: CapturedOutput;
  readonly stderr: CapturedOutput;
  /** Processes it started that still live: those in sessions of their own cannot be ended with it. */
  readonly escaped: readonly number[];
  readonly durationMs: number;
}

/** How long output is waited for after the program itself has ended and something else holds its pipes. */
const PIPE_PATIENCE_MS = 100;
const FAMILY_LOOK_MS = 100;

/** Runs a program to its end or its deadline. Never rejects; it returns at most `graceMs` plus 200 ms after the deadline. */
export async function runProcess(options: RunOptions): Promise<RunResult> {
  const started = performance.now();
  const graceMs = options.graceMs ?? 2000;
  const stdout = captureOutput(options.maxBytes ?? 1024 * 1024);
  const stderr = captureOutput(options.maxBytes ?? 1024 * 1024);
  const result = (rest: Omit<RunResult, 'stdout' | 'stderr' | 'durationMs'>): RunResult => ({
    ...rest,
    stdout: stdout.finish(),
    stderr: stderr.finish(),
    durationMs: Math.round(performance.now() - started),
  });
  const notRun = (error: string): RunResult =>
    result({ exitCode: null, timedOut: false, aborted: false, error, escaped: [] });

  const refusal = refusalOf(options.argv);
  if (refusal !== undefined) return notRun(refusal);
  if (options.signal?.aborted) return { ...notRun('given up before it started'), aborted: true };
  const launched = await launch(options.argv, options.cwd, options.env, 'pipe', options.input !== undefined);
  if (!launched.ok) return notRun(launched.error);
  const { pid, child } = launched.value;
  const startedAt = processStartedAt(pid);
  options.onStarted?.(pid, startedAt);
  const family = processFamily(pid);
  const looks = setInterval(() => family.look(), FAMILY_LOOK_MS);

  // A program that does not read what it is given closes the pipe: its own affair.
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input);
  for (const [name, capture] of [
    ['stdout', stdout],
    ['stderr', stderr],
  ] as const) {
    child[name]?.on('data', (bytes: Buffer) => {
      capture.add(bytes);
      options.onOutput?.(name, bytes);
    });
    child[name]?.on('error', () => {});
  }
  const pipesEnded = Promise.all([ended(child.stdout), ended(child.stderr)]);
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code: number | null, signal: string | null) => resolve({ code, signal }));
  });

  let cause: 'deadline' | 'abort' | undefined;
  const stop = stopAsked(options);
  const cut = await Promise.race([exited.then(() => undefined), stop.asked]);
  stop.forget();
  let left: { code: number | null; signal: string | null } | undefined;
  if (cut === undefined) {
    left = await exited;
    family.look();
    await Promise.race([pipesEnded, pause(PIPE_PATIENCE_MS)]);
  } else {
    cause = cut;
    family.look();
    await endGroup(pid, graceMs);
    left = await Promise.race([exited, pause(PIPE_PATIENCE_MS).then(() => undefined)]);
    await Promise.race([pipesEnded, pause(PIPE_PATIENCE_MS / 2)]);
  }
  clearInterval(looks);
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
  const { inGroup, escaped } = family.survivors();
  return result({
    pid,
    ...(startedAt === undefined ? {} : { startedAt }),
    exitCode: left?.code ?? null,
    ...(left?.signal ? { signal: left.signal } : {}),
    timedOut: cause === 'deadline',
    aborted: cause === 'abort',
    escaped: [...inGroup, ...escaped],
  });
}

export interface ServiceOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: { readonly [name: string]: string };
  /** Output is appended here; without it, it is dropped. */
  readonly outputPath?: string;
}

/** Starts a long-lived program in its own session and lets it go: it outlives this process and its terminal. */
export async function startService(
  options: ServiceOptions,
): Promise<Result<{ readonly pid: number; readonly startedAt?: Instant }>> {
  const refusal = refusalOf(options.argv);
  if (refusal !== undefined) return err(refusal);
  let descriptor: number | undefined;
  try {
    if (options.outputPath !== undefined) {
      // Not through a link somebody placed there, and never a pipe that would block us.
      const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
      descriptor = openSync(options.outputPath, flags | constants.O_NONBLOCK, 0o640);
    }
    const launched = await launch(options.argv, options.cwd, options.env, descriptor ?? 'ignore');
    if (!launched.ok) return launched;
    const { pid, child } = launched.value;
    child.unref();
    const startedAt = processStartedAt(pid);
    return ok({ pid, ...(startedAt === undefined ? {} : { startedAt }) });
  } catch (error) {
    return err(messageOf(error));
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The kernel may move its idea of the boot time by a second; a pid is not reused that fast. */
const START_TOLERANCE_MS = 1500;

/**
 * Signals one process, named by pid and start time, so that a program which got the same pid later is never hit.
 * `group` signals its whole process group where it leads one.
 */
export function signalProcess(target: {
  readonly pid: number;
  readonly startedAt: Instant;
  readonly signal: NodeJS.Signals;
  readonly group?: boolean;
}): Result<'signalled'> {
  if (!Number.isInteger(target.pid) || target.pid <= 1) return err(`no process can have pid ${target.pid}`);
  if (target.pid === process.pid) return err('that is this program itself');
  if (hasProc()) {
    const startedAt = processStartedAt(target.pid);
    if (startedAt === undefined) return err(`process ${target.pid} has ended`);
    if (Math.abs(startedAt - target.startedAt) > START_TOLERANCE_MS) {
      return err(`process ${target.pid} is another one now, started later`);
    }
  }
  const leads = target.group === true && readProcessStat(target.pid)?.groupId === target.pid;
  try {
    process.kill(leads ? -target.pid : target.pid, target.signal);
    return ok('signalled');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ESRCH') return err(`process ${target.pid} has ended`);
    if (code === 'EPERM') return err(`not permitted: process ${target.pid} belongs to another user`);
    return err(messageOf(error));
  }
}

/** The variables of `from` that a watched system's program may have; everything else stays with us. */
export function allowedEnv(
  from: Readonly<Record<string, string | undefined>> = process.env,
  more: { readonly [name: string]: string } = {},
): { [name: string]: string } {
  const env: { [name: string]: string } = {};
  for (const name of ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR']) {
    const value = from[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...more };
}

function refusalOf(argv: readonly string[]): string | undefined {
  const program = argv[0];
  if (program === undefined || !isAbsolute(program)) return `not an absolute program: ${program ?? '(none)'}`;
  if (argv.some((word) => word.includes('\0'))) return 'an argument holds a NUL character';
  return undefined;
}

type Launched = { readonly pid: number; readonly child: ChildProcess };

/** Starts the program as leader of its own session and waits until the kernel has taken or refused it. */
async function launch(
  argv: readonly string[],
  cwd: string,
  env: { readonly [name: string]: string },
  output: 'pipe' | 'ignore' | number,
  isGivenInput = false,
): Promise<Result<Launched>> {
  try {
    // Loaded with the first program: most verbs start none.
    const { execa } = await import('execa');
    const started = execa(argv[0] ?? '', argv.slice(1), {
      cwd,
      env: { ...env },
      extendEnv: false,
      detached: true,
      shell: false,
      preferLocal: false,
      cleanup: false,
      buffer: false,
      reject: false,
      stdin: isGivenInput ? 'pipe' : 'ignore',
      // A descriptor number is passed on as it is; the types know the standard ones only.
      stdout: output as 'pipe',
      stderr: output as 'pipe',
    });
    // Its own promise waits for pipes that a grandchild may hold for ever; we wait for the program's end instead.
    Promise.resolve(started).catch(() => {});
    const { pid, nodeChildProcess: child } = started;
    if (pid !== undefined) return ok({ pid, child });
    const failed = await started;
    return err(`could not start ${argv[0]}: ${failed.code ?? failed.originalMessage ?? 'refused'}`);
  } catch (error) {
    return err(messageOf(error));
  }
}

function stopAsked(options: RunOptions): {
  readonly asked: Promise<'deadline' | 'abort'>;
  readonly forget: () => void;
} {
  const { promise, resolve } = Promise.withResolvers<'deadline' | 'abort'>();
  const timer = setTimeout(() => resolve('deadline'), options.timeoutMs);
  const abort = (): void => resolve('abort');
  options.signal?.addEventListener('abort', abort, { once: true });
  const forget = (): void => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', abort);
  };
  return { asked: promise, forget };
}

/** TERM to everyone in the group, KILL to who is left after the grace. Returns as soon as nobody is. */
async function endGroup(leader: number, graceMs: number): Promise<void> {
  const until = performance.now() + graceMs;
  if (!signalGroup(leader, 'SIGTERM')) return;
  while (performance.now() < until) {
    await pause(Math.min(20, Math.max(1, until - performance.now())));
    if (!signalGroup(leader, 0)) return;
  }
  signalGroup(leader, 'SIGKILL');
}

/** False when the group has no member left. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function ended(stream: NodeJS.ReadableStream | null | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (!stream) return resolve();
    stream.once('close', () => resolve());
    stream.once('end', () => resolve());
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
