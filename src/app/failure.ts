import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ExternalError, UserError } from '../domain/error.ts';
import type { Environment } from './terminal-streams.ts';

/** Exit codes of failures that are no verb's result. */
export const EXIT_EXTERNAL = 3;
/** Our own bug (`EX_SOFTWARE`); apart from 1, which says that something needs a human. */
export const EXIT_BUG = 70;

/** What the operator is told of something thrown, and the code to end with. */
export interface FailureReport {
  readonly lines: readonly string[];
  readonly exitCode: number;
  /** For the diagnostics file, where it is our bug. */
  readonly stack?: string;
}

/** Says whose fault it is and what to do next. Pure. */
export function describeFailure(error: unknown, diagnosticsPath: string | undefined): FailureReport {
  if (error instanceof UserError)
    return {
      lines: [error.message, ...error.nextSteps.map((step) => `  ${step}`)],
      exitCode: error.exitCode,
    };
  if (error instanceof ExternalError)
    return { lines: [`${error.what}: ${error.message}`], exitCode: EXIT_EXTERNAL };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    lines: [
      `a fault of binnacle itself: ${message}`,
      diagnosticsPath === undefined
        ? '  the details could not be written to the state directory'
        : `  details: ${diagnosticsPath}`,
    ],
    exitCode: EXIT_BUG,
    stack: error instanceof Error ? (error.stack ?? message) : message,
  };
}

/** Where our state lives: `BINNACLE_STATE_DIR`, else below `XDG_STATE_HOME`, else below the home directory. */
export function stateDirectory(env: Environment, home: string): string {
  const own = env['BINNACLE_STATE_DIR'];
  if (own !== undefined && own !== '') return own;
  const base = env['XDG_STATE_HOME'];
  return join(base?.startsWith('/') ? base : join(home, '.local', 'state'), 'binnacle');
}

/** The file is begun anew at this size; the one before is kept as `.1`. */
const DIAGNOSTICS_LIMIT_BYTES = 1024 * 1024;

/**
 * Appends to `diagnostics.log` in the state directory, readable by its owner alone. Returns its path, or undefined when
 * nothing could be written: a failure to report a failure must not hide it.
 */
export function writeDiagnostics(text: string, when: string): string | undefined {
  try {
    const directory = stateDirectory(process.env, homedir());
    const path = join(directory, 'diagnostics.log');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > DIAGNOSTICS_LIMIT_BYTES)
      renameSync(path, `${path}.1`);
    appendFileSync(path, `${when} pid ${process.pid} ${text.trimEnd()}\n`, { mode: 0o600 });
    return path;
  } catch {
    return undefined;
  }
}

const before = new Set<() => void>();

/** Runs `leave` before a failure is printed: what is printed while the screen is up is lost. Returns the end of it. */
export function beforeFailure(leave: () => void): () => void {
  before.add(leave);
  return () => before.delete(leave);
}

/** Prints what went wrong on stderr, after the screen is left, and returns the code to end with. Never throws. */
export function reportFailure(error: unknown, when: string): number {
  for (const leave of before) {
    try {
      leave();
    } catch {
      // The failure itself is what must be told.
    }
  }
  const isKnown = error instanceof UserError || error instanceof ExternalError;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const report = describeFailure(error, isKnown ? undefined : writeDiagnostics(stack, when));
  try {
    process.stderr.write(
      `${report.lines.map((line, index) => (index === 0 ? `binnacle: ${line}` : line)).join('\n')}\n`,
    );
  } catch {
    // Nobody is there to read it; the exit code tells.
  }
  return report.exitCode;
}
