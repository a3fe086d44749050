import type { KeyEvent } from '../lib/key-decoder.ts';
import { isForeground, stopGroup } from './job-control.ts';
import { startTerminalGuard, type TerminalGuard } from './terminal-guard.ts';
import { type KeyReader, keyReader } from './terminal-input.ts';
import {
  ENTER_ALTERNATE,
  ERASE_SCREEN,
  everythingOff,
  type ModeChoice,
  modesOff,
  modesOn,
} from './terminal-modes.ts';
import type { EndCause, InkOptions, SuspendDrawing, Terminal, TerminalOptions } from './terminal-port.ts';
import { DrawnOutput, divertWrites, keepPlain, SilentInput, type TerminalSize } from './terminal-streams.ts';

export type * from './terminal-port.ts';

const END_SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;
const LAUNCHER_LOOK_MS = 500;
/** A signal that came along with the continue (`kill` of a stopped job) is served before we look at the terminal. */
const CONTINUE_GRACE_MS = 30;
const FOREGROUND_LOOK_MS = 500;
/** Ctrl-C reaches us and the program that has the terminal; we may hear of its end before we hear the signal. */
const LATE_SIGNAL_MS = 250;

/** Takes the terminal: guard first, then raw mode, bracketed paste and the signals. */
export async function openTerminal(options: TerminalOptions): Promise<Terminal> {
  const { stdin, stdout, clock, diagnose } = options;
  const guard = await startTerminalGuard(stdin.fd, stdout.fd, clock, diagnose);
  return new OperatorTerminal(options, guard);
}

class OperatorTerminal implements Terminal {
  readonly ink: InkOptions;
  readonly ended: Promise<EndCause>;
  private readonly options: TerminalOptions;
  private readonly guard: TerminalGuard;
  private readonly modes: ModeChoice;
  private readonly output: DrawnOutput;
  private readonly keys: KeyReader;
  private readonly keyListeners = new Set<(event: KeyEvent) => void>();
  private readonly resizeListeners = new Set<(size: TerminalSize) => void>();
  private readonly undo: (() => void)[] = [];
  /** `ours`: raw and drawn on. `away`: the shell or a lent-to program has it. */
  private state: 'ours' | 'away' | 'lent' | 'closed' = 'ours';
  private suspendDrawing: SuspendDrawing | undefined;
  private resumeDrawing: Promise<{ resume(): Promise<void> }> | undefined;
  private unmount: (() => void) | undefined;
  private resolveEnded: (cause: EndCause) => void = () => {};
  private stoppedUnasked = false;
  private ending = false;
  /** When another program last gave the terminal back. */
  private givenBackAt = Number.NEGATIVE_INFINITY;
  private cancelReturn = (): void => {};

  constructor(options: TerminalOptions, guard: TerminalGuard) {
    this.options = options;
    this.guard = guard;
    this.modes = { mouse: options.mouse ?? false, focus: options.focus ?? false };
    this.output = new DrawnOutput(options.stdout);
    this.keys = keyReader(options.clock, (events) => this.tell(events));
    this.ink = {
      stdin: new SilentInput() as unknown as NodeJS.ReadStream,
      stdout: this.output as unknown as NodeJS.WriteStream,
      stderr: options.stderr,
      exitOnCtrlC: false,
      patchConsole: false,
      interactive: true,
      alternateScreen: true,
      incrementalRendering: true,
      maxFps: 1000,
    };
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
    this.listenToStreams();
    this.listenToSignals();
    this.watchLauncher();
    this.undo.push(
      divertWrites(options.stdout, options.diagnose),
      divertWrites(options.stderr, options.diagnose),
    );
    this.take();
  }

  size(): TerminalSize {
    return { columns: this.output.columns, rows: this.output.rows };
  }

  onKey(listener: (event: KeyEvent) => void): () => void {
    this.keyListeners.add(listener);
    return () => this.keyListeners.delete(listener);
  }

  onResize(listener: (size: TerminalSize) => void): () => void {
    this.resizeListeners.add(listener);
    return () => this.resizeListeners.delete(listener);
  }

  erase(): void {
    if (this.state === 'ours' && this.output.isAlternate) this.output.writeLast(ERASE_SCREEN);
  }

  onSuspend(suspendDrawing: SuspendDrawing): () => void {
    this.suspendDrawing = suspendDrawing;
    return () => {
      if (this.suspendDrawing === suspendDrawing) this.suspendDrawing = undefined;
    };
  }

  onClose(unmount: () => void): void {
    this.unmount = unmount;
  }

  suspend(): void {
    if (this.state !== 'ours' || this.ending) return;
    this.state = 'away';
    this.release();
    // Our own listener would keep us running: the default is what stops.
    process.off('SIGTSTP', this.onStop);
    stopGroup('SIGTSTP');
    this.comeBackSoon();
  }

  async lend<T>(task: () => Promise<T>): Promise<T> {
    if (this.state !== 'ours') throw new Error('the terminal is not ours to lend now');
    this.state = 'lent';
    this.release();
    // Stopped from its keys, the other program stops us too: the shell waits for both.
    process.off('SIGTSTP', this.onStop);
    try {
      return await task();
    } finally {
      if ((this.state as string) === 'lent') {
        this.state = 'ours';
        this.givenBackAt = this.options.clock.monotonic();
        this.stopWhenAsked();
        this.take();
        this.redraw();
      }
    }
  }

  close(): void {
    this.finish(true);
  }

  finish(restoreModes: boolean): void {
    if (this.state === 'closed') return;
    const wasOurs = this.state === 'ours';
    if (!wasOurs) this.output.goDeaf();
    attempt(() => this.unmount?.());
    this.state = 'closed';
    this.keys.stop();
    this.cancelReturn();
    this.output.goDeaf();
    if (wasOurs) {
      this.output.writeLast(this.output.isAlternate ? everythingOff() : modesOff());
      if (restoreModes) attempt(() => this.options.stdin.setRawMode(false));
    }
    for (const undo of this.undo.reverse()) attempt(undo);
    keepPlain(this.options.stderr);
    attempt(() => this.options.stdin.pause());
    attempt(() => this.options.stdin.unref());
    if (restoreModes) this.guard.dismiss();
  }

  /** Raw mode first: from the background this is where the kernel stops us, before anything is written. */
  private take(): void {
    attempt(() => this.options.stdin.setRawMode(true));
    this.guard.holds();
    this.output.listen();
    this.output.writeLast(modesOn(this.modes));
    this.options.stdin.resume();
  }

  private release(): void {
    this.resumeDrawing = this.suspendDrawing?.();
    this.resumeDrawing?.catch((error: unknown) =>
      this.options.diagnose(`suspending the screen: ${String(error)}`),
    );
    this.output.goDeaf();
    this.output.writeLast(this.output.isAlternate ? everythingOff() : modesOff());
    attempt(() => this.options.stdin.setRawMode(false));
    this.options.stdin.pause();
    this.guard.lets();
  }

  /** The whole screen again, at the size the terminal has now. */
  private redraw(): void {
    refreshSize(this.options.stdout);
    const suspended = this.resumeDrawing;
    this.resumeDrawing = undefined;
    suspended
      ?.then((drawing) => drawing.resume())
      .catch((error: unknown) => this.options.diagnose(`redrawing the screen: ${String(error)}`));
    this.tellSize();
  }

  private comeBackSoon(): void {
    this.cancelReturn();
    this.cancelReturn = this.options.clock.after(CONTINUE_GRACE_MS, () => this.comeBack());
  }

  /** Takes the terminal again once it listens to us; as a background job, stops as any full-screen program does. */
  private comeBack(): void {
    if (this.state !== 'away' || this.ending) return;
    if (!isForeground()) {
      stopGroup('SIGTTOU');
      this.cancelReturn = this.options.clock.after(FOREGROUND_LOOK_MS, () => this.comeBack());
      return;
    }
    this.cancelReturn();
    this.state = 'ours';
    this.stopWhenAsked();
    if (this.stoppedUnasked) this.reclaim();
    this.take();
    this.redraw();
  }

  /**
   * Stopped without having been asked (SIGSTOP): the shell has had the terminal in the meantime and left it cooked, and
   * libuv would not set a mode it believes is set. The screen may be the shell's by now, and is drawn from nothing.
   */
  private reclaim(): void {
    this.stoppedUnasked = false;
    attempt(() => this.options.stdin.setRawMode(false));
    this.output.listen();
    this.output.writeLast(ENTER_ALTERNATE);
    this.resumeDrawing = this.suspendDrawing?.();
  }

  private stopWhenAsked(): void {
    process.off('SIGTSTP', this.onStop);
    process.on('SIGTSTP', this.onStop);
  }

  private readonly onStop = (): void => this.suspend();

  private readonly onContinue = (): void => {
    if (this.ending) return;
    if (this.state === 'ours') {
      this.state = 'away';
      this.stoppedUnasked = true;
      this.output.goDeaf();
      if (isForeground()) this.comeBack();
    }
    if (this.state === 'away') this.comeBackSoon();
  };

  private end(cause: EndCause): void {
    if (this.isMeantForAnother(cause)) return;
    if (this.ending || this.state === 'closed') return;
    this.ending = true;
    this.cancelReturn();
    this.resolveEnded(cause);
  }

  /** While another program has the terminal, Ctrl-C there is meant for that program. In raw mode it is no signal. */
  private isMeantForAnother(cause: EndCause): boolean {
    if (cause.type !== 'signal' || !/^SIG(INT|QUIT)$/.test(cause.signal)) return false;
    return this.state === 'lent' || this.options.clock.monotonic() - this.givenBackAt < LATE_SIGNAL_MS;
  }

  private hangUp(detail: string): void {
    const { launcherPid } = this.options;
    // A background job's read fails too, once nobody is left to continue it.
    if (launcherPid !== undefined && process.ppid !== launcherPid) this.end({ type: 'orphaned' });
    else this.end({ type: 'hangup', detail });
  }

  private listenToStreams(): void {
    const { stdin, stdout, stderr } = this.options;
    this.listen(stdin, 'data', (chunk) => this.keys.read(chunk as Uint8Array));
    this.listen(stdin, 'end', () => this.hangUp('input ended'));
    this.listen(stdin, 'error', (error) => this.hangUp(`input: ${String(error)}`));
    this.listen(stdout, 'close', () => this.hangUp('output closed'));
    // These stay: a write queued before the end may fail after it.
    stdout.on('error', (error) => this.hangUp(`output: ${String(error)}`));
    stderr.on('error', () => {});
    stdin.on('error', () => {});
  }

  private listenToSignals(): void {
    for (const signal of END_SIGNALS) {
      this.listen(process, signal, () => this.end({ type: 'signal', signal }));
    }
    // The signal, not the stream's `resize`: a window that went small and back before we looked has the size it had, the
    // stream says nothing, and the rows it lost on the way would stay blank.
    this.listen(process, 'SIGWINCH', () => {
      refreshSize(this.options.stdout);
      this.tellSize();
    });
    this.listen(process, 'SIGCONT', this.onContinue);
    this.stopWhenAsked();
    this.undo.push(() => process.off('SIGTSTP', this.onStop));
    this.listen(process, 'exit', () => this.close());
  }

  private watchLauncher(): void {
    const { launcherPid, clock } = this.options;
    if (launcherPid === undefined) return;
    this.undo.push(
      clock.every(LAUNCHER_LOOK_MS, () => {
        if (process.ppid !== launcherPid) this.end({ type: 'orphaned' });
      }),
    );
  }

  private listen(
    on: {
      on(name: string, listener: (value: unknown) => void): unknown;
      off(name: string, listener: (value: unknown) => void): unknown;
    },
    name: string,
    listener: (value: unknown) => void,
  ): void {
    on.on(name, listener);
    this.undo.push(() => on.off(name, listener));
  }

  private tell(events: readonly KeyEvent[]): void {
    for (const event of events) {
      if (event.type === 'key' && event.name === 'ctrl-z') this.suspend();
      else if (this.state === 'ours') for (const listener of [...this.keyListeners]) listener(event);
    }
  }

  private tellSize(): void {
    if (this.state !== 'ours') return;
    this.output.emit('resize');
    for (const listener of [...this.resizeListeners]) listener(this.size());
  }
}

/** Reads the size from the kernel again; a size set while we were stopped was told to nobody. */
function refreshSize(stdout: NodeJS.WriteStream): void {
  const refresh = (stdout as unknown as { _refreshSize?: () => void })._refreshSize;
  if (typeof refresh === 'function') attempt(() => refresh.call(stdout));
}

/** On the way out every step is tried, whatever became of the one before. */
function attempt(step: () => unknown): void {
  try {
    step();
  } catch {
    // The terminal is gone, or was never ours: the next step still counts.
  }
}
