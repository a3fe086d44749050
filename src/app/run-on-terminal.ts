import { UserError } from '../domain/error.ts';
import { beforeFailure, writeDiagnostics } from './failure.ts';
import { endBySignal } from './job-control.ts';
import { launcherPid } from './private-node.ts';
import { type EndCause, openTerminal, type Terminal, type TerminalOptions } from './terminal.ts';
import { terminalProblem } from './terminal-problem.ts';

/** What was put on the screen. `instance` is what Ink's `render` returns. */
export interface Drawing {
  readonly instance: { unmount(): void; waitUntilExit(): Promise<unknown> };
  /** Closes what the drawing lives on (the engine); waited for at most one and a half seconds. */
  close(): Promise<void>;
}

/** Longest wait for the engine on the way out: whoever sent SIGTERM sends SIGKILL next. */
const CLOSE_WITHIN_MS = 1500;

/**
 * Runs a full-screen program on the operator's terminal from guard to goodbye. Throws UserError (exit 2) where there is
 * no terminal to draw on, before anything is started. Returns the exit code the program left with; throws what it threw,
 * after the screen is left (Ink alone would end with code 0 and not a word); and where a signal ended it, gives the
 * terminal back, says so on stderr and ends by that same signal.
 */
export async function runOnTerminal(
  options: Omit<TerminalOptions, 'diagnose' | 'launcherPid'>,
  draw: (terminal: Terminal) => Drawing | Promise<Drawing>,
): Promise<number> {
  const diagnose = (text: string): void => {
    writeDiagnostics(text);
  };
  const problem = terminalProblem(options.stdin, options.stdout, process.env);
  if (problem !== undefined) throw noScreen(problem);
  // While the terminal is lent or we are stopped nothing else would keep the process alive: input is paused then, and
  // the clock's timers hold nothing.
  const alive = setInterval(() => {}, 2 ** 30);
  const launcher = launcherPid(process.env, process.ppid);
  const terminal = await openTerminal({
    ...options,
    diagnose,
    ...(launcher === undefined ? {} : { launcherPid: launcher }),
  });
  const forget = beforeFailure(() => terminal.close());
  let drawing: Drawing | undefined;
  try {
    const drawn = await draw(terminal);
    drawing = drawn;
    terminal.onClose(() => drawn.instance.unmount());
    const cause = await Promise.race([drawn.instance.waitUntilExit().then(exitCodeOf), terminal.ended]);
    // A terminal that goes is told by its streams and by a signal: whichever comes second must not cut off the closing.
    const stay = (): void => {};
    process.on('SIGHUP', stay);
    terminal.finish(cause.type !== 'orphaned');
    await within(options, drawn.close(), CLOSE_WITHIN_MS);
    process.off('SIGHUP', stay);
    return cause.type === 'left' ? cause.code : endBecause(cause);
  } catch (error) {
    terminal.close();
    if (drawing !== undefined) await within(options, drawing.close(), CLOSE_WITHIN_MS).catch(() => {});
    throw error;
  } finally {
    forget();
    terminal.close();
    clearInterval(alive);
  }
}

/** The program ended by itself, with the code it gave to Ink's `exit`, else 0. */
function exitCodeOf(given: unknown): { readonly type: 'left'; readonly code: number } {
  return { type: 'left', code: typeof given === 'number' ? given : 0 };
}

/** Where the cockpit can't be drawn, the verbs still answer. */
function noScreen(problem: string): UserError {
  return new UserError(`the cockpit can not be drawn here: ${problem}`, [
    'one look as text:  binnacle status',
    'the logs as text:  binnacle logs --follow',
  ]);
}

function endBecause(cause: EndCause): never {
  switch (cause.type) {
    case 'signal':
      say(`ended by ${cause.signal}`);
      return endBySignal(cause.signal);
    case 'hangup':
      // The kernel's word for it may still be under way, or never come where the terminal was not a controlling one.
      return endBySignal('SIGHUP');
    case 'orphaned':
      say('ended: its launcher was killed');
      // Node would set the modes of the beginning on its way out, over those the shell may have set by now.
      process.kill(process.pid, 'SIGKILL');
      throw new Error('unreachable');
  }
}

function say(text: string): void {
  try {
    process.stderr.write(`binnacle: ${text}\n`);
  } catch {
    // The terminal is gone; the way we end tells the rest.
  }
}

async function within(
  options: Pick<TerminalOptions, 'clock'>,
  closing: Promise<void>,
  limitMs: number,
): Promise<void> {
  let cancel = (): void => {};
  const limit = new Promise<void>((resolve) => {
    cancel = options.clock.after(limitMs, resolve);
  });
  try {
    await Promise.race([closing, limit]);
  } finally {
    cancel();
  }
}
