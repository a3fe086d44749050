import { render } from 'ink';
import type { HostPort } from '../src/commands/command.ts';
import { createDispatcher } from '../src/commands/dispatcher.ts';
import type { KeyStream } from '../src/commands/key-stream.ts';
import { type Binding, conflictsOf, defaultKeymap, type Rebinding, rebind } from '../src/commands/keymap.ts';
import { commandsById } from '../src/commands/registry.ts';
import { zoneOffsetMs } from '../src/domain/instant.ts';
import type { KeyEvent } from '../src/lib/key-event.ts';
import { ringSequence } from '../src/lib/ring-sequence.ts';
import { createCockpit } from '../src/store/cockpit.ts';
import { type PaneId, paneNumbers, resized } from '../src/store/desk.ts';
import type { KeptLogView } from '../src/store/log-view.ts';
import type { EnginePort } from '../src/store/state.ts';
import type { Timer } from '../src/store/timer.ts';
import { App, type SuspendDrawing } from './app.tsx';
import { penOf } from './components/line.ts';
import type { TableComponent } from './components/still-table.tsx';
import { helpLineCount, helpRows } from './sheets/help.ts';
import { type Theme, themeFrom } from './theme.ts';
import { tellShown } from './wanted.ts';

/** What the screen needs of the terminal: streams for the renderer, decoded keys, sizes, and a way to lend it. */
export interface ScreenTerminal {
  /** Streams and options for the renderer; whoever owns the terminal decides them. */
  readonly ink: {
    readonly stdin: NodeJS.ReadStream;
    readonly stdout: NodeJS.WriteStream;
    readonly stderr: NodeJS.WriteStream;
    readonly exitOnCtrlC: false;
    readonly patchConsole: false;
    readonly interactive: true;
    readonly alternateScreen: true;
    readonly incrementalRendering: true;
    /** Its own throttles must be out of the way (1000): the store's is the only one. */
    readonly maxFps: number;
  };
  size(): { readonly columns: number; readonly rows: number };
  onKey(listener: (event: KeyEvent) => void): () => void;
  onResize(listener: (size: { readonly columns: number; readonly rows: number }) => void): () => void;
  /** Erases what is drawn, cursor to the first cell. Does nothing while the screen is not ours. */
  erase(): void;
  /** Takes how the drawing is suspended and redrawn. */
  onSuspend(suspend: SuspendDrawing): () => void;
  /** Gives the terminal back to the shell until `fg`. */
  suspend(): void;
}

/** What the composition hands to the screen. */
export interface ScreenOptions {
  readonly engine: EnginePort;
  readonly terminal: ScreenTerminal;
  /** The host's clock. */
  readonly clock: Timer;
  readonly hostName: string;
  /** `binnacle pane NAME`: this pane alone. */
  readonly pane?: string;
  /** Default: what the environment says. */
  readonly theme?: Theme;
  /** What local time is ahead of UTC, in milliseconds. Default: this host's zone, now. */
  readonly localOffsetMs?: number;
  /** Keys changed by configuration; what is wrong with them is shown at the start. */
  readonly rebindings?: Rebinding;
  /** What the host can do beside; what is missing is shown as off, with the reason. */
  readonly host?: Pick<HostPort, 'copy' | 'editText' | 'goThere' | 'saveText'>;
  /** Bookmarks and named searches of the last time, and how those of this time are kept. */
  readonly logMemory?: { readonly kept: KeptLogView | undefined; keep(kept: KeptLogView): void };
  /** Called when the first frame is on the screen. */
  onFirstFrame?(): void;
}

/** A screen that is up. */
export interface Drawing {
  /** What the renderer returned: `waitUntilExit` resolves to the exit code, and rejects with what went wrong. */
  readonly instance: { unmount(): void; waitUntilExit(): Promise<unknown> };
  /** The engine has ended: what is known stays on the screen, and the first row says so. */
  engineEnded(why: string): void;
  /** Ends the store and the engine. The terminal belongs to the caller. */
  close(): Promise<void>;
}

/** Longest text put on the clipboard: terminals drop longer ones without a word. */
const longestCopyBytes = 74_000;

/** The pane of a name or number as `binnacle pane NAME` takes it, or undefined. */
export function paneOfName(name: string): PaneId | undefined {
  const panes = Object.keys(paneNumbers) as PaneId[];
  return panes.find((pane) => pane === name || String(paneNumbers[pane]) === name);
}

/** Draws the cockpit on a terminal that is already taken. */
export function drawCockpit(options: ScreenOptions): Drawing {
  const { engine, terminal, clock } = options;
  const env = process.env;
  const only = options.pane === undefined ? undefined : paneOfName(options.pane);
  const { keymap, troubles } = keysFor(options.rebindings);
  const theme = options.theme ?? themeFrom(env);
  // Of the panes in a split window one rings for all: the one with the queue.
  const rings = only === undefined || only === 'queue';
  const ringPlace = { tmux: Boolean(env['TMUX']), ascii: theme.ascii };
  const cockpit = createCockpit({
    port: engine,
    timer: clock,
    ...terminal.size(),
    localOffsetMs: options.localOffsetMs ?? hostOffsetMs(clock),
    ascii: theme.ascii,
    shortestWindowMs: env['SSH_CONNECTION'] === undefined ? 16 : 33,
    ...(only ? { only } : {}),
    ...(options.logMemory?.kept ? { kept: options.logMemory.kept } : {}),
    ...(options.logMemory ? { keep: options.logMemory.keep } : {}),
    onSignal(signal) {
      const bytes = rings ? ringSequence(signal, ringPlace) : '';
      if (bytes !== '') terminal.ink.stdout.write(bytes);
    },
  });
  if (options.pane !== undefined && !only) {
    cockpit.toast(
      `there is no pane ${options.pane}; names: ${Object.keys(paneNumbers).join(' ')}`,
      'refusal',
    );
  }
  if (troubles.length > 0) cockpit.toast(troubles.join('; '), 'refusal');
  const host: HostPort = {
    copy: (text) => terminal.ink.stdout.write(copySequence(text)),
    ...options.host,
    suspend: () => terminal.suspend(),
    quit: (code) => exit(code),
  };
  const dispatcher = createDispatcher(cockpit, host, keymap);
  let isFirst = true;
  let exit = (_code: number): void => {};
  const keys: KeyStream = { subscribe: (listener) => terminal.onKey(listener) };
  const onTerminal = (suspend: SuspendDrawing, leave: (code: number) => void): (() => void) => {
    exit = leave;
    return terminal.onSuspend(suspend);
  };
  const screen = (table: TableComponent | undefined) => (
    <App {...{ cockpit, dispatcher, keys, host, theme, table, onTerminal }} hostName={options.hostName} />
  );
  let isUp = true;
  // Before the renderer hears of it: the first frame of a new size finds an empty screen, and compares with nothing.
  let resizes = 0;
  cockpit.subscribe(() => {
    const { desk } = cockpit.snapshot();
    if (desk.resizes === resizes) return;
    resizes = desk.resizes;
    instance.clear();
    terminal.erase();
  });
  const pen = penOf(theme);
  tellShown(cockpit, pen, (snapshot, text) =>
    helpLineCount(pen, helpRows(snapshot, host, dispatcher.keymap, text), snapshot.desk.columns),
  );
  const instance = render(screen(undefined), {
    ...terminal.ink,
    onRender({ renderTime }) {
      cockpit.frameCost(renderTime);
      if (!isFirst) return;
      isFirst = false;
      options.onFirstFrame?.();
    },
  });
  // Nothing on the first screen is such a table: it must not wait for the component.
  void loadTable().then((table) => {
    if (isUp && table) instance.rerender(screen(table));
  });
  const offResize = terminal.onResize((size) =>
    cockpit.update((desk) => resized(desk, size.columns, size.rows)),
  );
  return {
    instance,
    engineEnded: (why) => cockpit.fail(why),
    async close() {
      isUp = false;
      offResize();
      cockpit.close();
      await engine.close();
    },
  };
}

/**
 * Draws the cockpit until it is quit and resolves to the exit code. Rejects with what went wrong while drawing: the
 * renderer itself would end with code 0 and no word.
 */
export async function runCockpit(options: ScreenOptions): Promise<number> {
  const drawing = drawCockpit(options);
  try {
    const code = await drawing.instance.waitUntilExit();
    return typeof code === 'number' ? code : 0;
  } finally {
    await drawing.close();
  }
}

function hostOffsetMs(clock: Timer): number {
  return zoneOffsetMs(clock.now(), Intl.DateTimeFormat().resolvedOptions().timeZone);
}

/** OSC 52: the terminal itself puts the text on the clipboard, through SSH and tmux alike. */
export function copySequence(text: string): string {
  const bytes = new TextEncoder().encode(text).slice(0, longestCopyBytes);
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `\x1b]52;c;${btoa(binary)}\x07`;
}

function keysFor(rebindings: Rebinding | undefined): {
  readonly keymap: readonly Binding[];
  readonly troubles: readonly string[];
} {
  if (!rebindings)
    return { keymap: defaultKeymap, troubles: conflictsOf(defaultKeymap).map((one) => one.text) };
  const { keymap, conflicts } = rebind(defaultKeymap, rebindings, new Set(commandsById.keys()));
  return { keymap, troubles: conflicts.map((one) => one.text) };
}

/**
 * The table component, where it loads: it `require`s an ES module with top-level await, which works in the bundle and
 * not from source. Without it the same tables are drawn as plain lines.
 */
async function loadTable(): Promise<TableComponent | undefined> {
  try {
    return tableOf(await import('ink-table'));
  } catch {
    return undefined;
  }
}

/** A CommonJS module's class, however many times it was wrapped on the way here. */
export function tableOf(module: unknown): TableComponent | undefined {
  if (typeof module === 'function') return module as TableComponent;
  if (typeof module !== 'object' || module === null) return undefined;
  const inner = (module as { default?: unknown }).default;
  return inner === undefined || inner === module ? undefined : tableOf(inner);
}
