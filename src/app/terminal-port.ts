import type { Clock } from '../host/clock.ts';
import type { KeyEvent } from '../lib/key-decoder.ts';
import type { TerminalSize } from './terminal-streams.ts';

/** Why the terminal can't be used any longer. */
export type EndCause =
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals }
  /** The other side is gone: input at its end, or output that can't be written. */
  | { readonly type: 'hangup'; readonly detail: string }
  /** The launcher we run under was killed; the shell has the terminal again. */
  | { readonly type: 'orphaned' };

export interface TerminalOptions {
  readonly stdin: NodeJS.ReadStream & { readonly fd: number };
  readonly stdout: NodeJS.WriteStream & { readonly fd: number };
  readonly stderr: NodeJS.WriteStream;
  readonly clock: Clock;
  readonly mouse?: boolean;
  readonly focus?: boolean;
  /** Pid of the launcher that waits for us, when there is one. */
  readonly launcherPid?: number;
  /** Takes what strays to stdout or stderr while the screen is up, and our own remarks. */
  readonly diagnose: (text: string) => void;
}

/** Ink's `suspendTerminal` of `useApp()`: leaves the screen at once, and draws all of it again on `resume`. */
export type SuspendDrawing = () => Promise<{ resume(): Promise<void> }>;

/** The streams and options Ink's `render` needs so that this terminal stays in charge. */
export interface InkOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly exitOnCtrlC: false;
  readonly patchConsole: false;
  readonly interactive: true;
  readonly alternateScreen: true;
  readonly incrementalRendering: true;
  readonly maxFps: number;
}

/** The operator's terminal while the cockpit has it. */
export interface Terminal {
  readonly ink: InkOptions;
  /** Resolves once, when the terminal can't be used any longer; who draws then unmounts and calls `close`. */
  readonly ended: Promise<EndCause>;
  size(): TerminalSize;
  onKey(listener: (event: KeyEvent) => void): () => void;
  onResize(listener: (size: TerminalSize) => void): () => void;
  /** Erases what is drawn, cursor to the first cell. Does nothing while the screen is not the drawing's. */
  erase(): void;
  /** Registers how the drawing is suspended and redrawn. Returns the end of it. */
  onSuspend(suspendDrawing: SuspendDrawing): () => void;
  /** Registers how the drawing is taken down; run at most once, before the terminal is given back. */
  onClose(unmount: () => void): void;
  /** Gives the terminal back to the shell and stops the whole group, as Ctrl-Z does. */
  suspend(): void;
  /** Lends the terminal to another program ($EDITOR, a shell) while `task` runs. */
  lend<T>(task: () => Promise<T>): Promise<T>;
  /** Gives the terminal back as it was. Safe to call twice; does all its work before it returns. */
  close(): void;
  /**
   * The same; with `restoreModes` false the modes are left to the guard. After the launcher's death the shell may have
   * set its own, and only the guard compares.
   */
  finish(restoreModes: boolean): void;
}
