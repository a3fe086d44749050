import { appendFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectories, userStateDirectory } from '../db/state-dir.ts';
import type { ExternalError, UserError } from '../domain/error.ts';
import { toIso } from '../domain/instant.ts';
import { systemClock } from '../host/clock.ts';
import { safeLines } from '../lib/safe-text.ts';
import { ownMasker } from './secrets.ts';

/** Exit codes of failures that are no verb's result. */
export const EXIT_EXTERNAL = 3;
/** Our own bug (`EX_SOFTWARE`); apart from 1, which says that something needs a human. */
export const EXIT_BUG = 70;

/** What the operator is told of something thrown, and the code to end with. */
export interface FailureReport {
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/**
 * Says whose fault it is and what to do next. Pure. Errors are told by name: the launcher is bundled apart from the rest
 * and has classes of its own.
 */
export function describeFailure(error: unknown, diagnosticsPath: string | undefined): FailureReport {
  if (isUserError(error))
    return {
      lines: [error.message, ...error.nextSteps.map((step) => `  ${step}`)],
      exitCode: error.exitCode,
    };
  if (isExternalError(error)) return { lines: [`${error.what}: ${error.message}`], exitCode: EXIT_EXTERNAL };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    lines: [
      `a fault of binnacle itself: ${message}`,
      diagnosticsPath === undefined
        ? '  the details could not be written to the state directory'
        : `  details: ${diagnosticsPath}`,
    ],
    exitCode: EXIT_BUG,
  };
}

function isUserError(error: unknown): error is UserError {
  return error instanceof Error && error.name === 'UserError' && 'nextSteps' in error && 'exitCode' in error;
}

function isExternalError(error: unknown): error is ExternalError {
  return error instanceof Error && error.name === 'ExternalError' && 'what' in error;
}

/** The file is begun anew at this size; the one before is kept as `.1`. */
const DIAGNOSTICS_LIMIT_BYTES = 1024 * 1024;

/**
 * Appends to `diagnostics.log` in the state directory, readable by its owner alone. Returns its path, or undefined when
 * nothing could be written: a failure to report a failure must not hide it.
 */
export function writeDiagnostics(text: string): string | undefined {
  try {
    const directory = userStateDirectory(process.env);
    const path = join(directory, 'diagnostics.log');
    makeDirectories(directory);
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > DIAGNOSTICS_LIMIT_BYTES)
      renameSync(path, `${path}.1`);
    appendFileSync(
      path,
      `${toIso(systemClock().now())} pid ${process.pid} ${ownMasker.text(text.trimEnd())}\n`,
      {
        mode: 0o600,
      },
    );
    return path;
  } catch {
    return undefined;
  }
}

/** One set for all bundles in this process. */
const LEAVING = Symbol.for('binnacle.beforeFailure');

function leaving(): Set<() => void> {
  const shared = globalThis as { [LEAVING]?: Set<() => void> };
  shared[LEAVING] ??= new Set();
  return shared[LEAVING];
}

/** Runs `leave` before a failure is printed: what is printed while the screen is up is lost. Returns the end of it. */
export function beforeFailure(leave: () => void): () => void {
  leaving().add(leave);
  return () => leaving().delete(leave);
}

/** Prints what went wrong on stderr, after the screen is left, and returns the code to end with. Never throws. */
export function reportFailure(error: unknown): number {
  for (const leave of leaving()) {
    try {
      leave();
    } catch {
      // The failure itself is what must be told.
    }
  }
  const isKnown = isUserError(error) || isExternalError(error);
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const report = describeFailure(error, isKnown ? undefined : writeDiagnostics(stack));
  const lines = report.lines.flatMap((line, index) =>
    safeLines(ownMasker.text(index === 0 ? `binnacle: ${line}` : line)),
  );
  try {
    process.stderr.write(`${lines.join('\n')}\n`);
  } catch {
    // Nobody is there to read it; the exit code tells.
  }
  return report.exitCode;
}

/**
 * Catches what nobody else does, for the whole life of the process, and ends with `exit`. A reader of our output that
 * went away (`| head`) is no failure: it ends quietly.
 */
export function listenForFailures(exit: (code: number) => void): void {
  const fail = (error: unknown): void => exit(reportFailure(error));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A screen's owner ends in order when its terminal goes away.
    if (process.stdout.isTTY) return;
    if (error.code === 'EPIPE') exit(Number(process.exitCode ?? 0));
    else {
      const lost = new Error(error.message) as Error & { what: string };
      lost.name = 'ExternalError';
      lost.what = 'standard output';
      fail(lost);
    }
  });
}
