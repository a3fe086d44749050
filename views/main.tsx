import { render } from 'ink';
import type { HostPort } from '../src/commands/command.ts';
import { createDispatcher } from '../src/commands/dispatcher.ts';
import type { KeyStream } from '../src/commands/key-stream.ts';
import { type Binding, conflictsOf, defaultKeymap, type Rebinding, rebind } from '../src/commands/keymap.ts';
import { commandsById } from '../src/commands/registry.ts';
import { createCockpit } from '../src/store/cockpit.ts';
import { type PaneId, paneNumbers, resized } from '../src/store/desk.ts';
import type { EnginePort } from '../src/store/state.ts';
import type { Timer } from '../src/store/timer.ts';
import { App } from './app.tsx';
import type { TableComponent } from './components/still-table.tsx';
import type { Theme } from './theme.ts';

/** What the composition hands to the screen. */
export interface ScreenOptions {
  readonly port: EnginePort;
  /** The host's clock. */
  readonly timer: Timer;
  /** Decoded keys; the caller owns the terminal's input and its modes. */
  readonly keys: KeyStream;
  /** The terminal. Its `resize` event is listened to. */
  readonly stdout: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: NodeJS.WriteStream;
  readonly hostName: string;
  readonly theme: Theme;
  /** What local time is ahead of UTC, in milliseconds. */
  readonly localOffsetMs: number;
  /** `binnacle pane NAME`: this pane alone. */
  readonly pane?: string;
  /** Keys changed by configuration. */
  readonly rebindings?: Rebinding;
  /** 33 over SSH. */
  readonly shortestWindowMs?: number;
  /** What the terminal and the host can do; what is missing is shown as off, with the reason. */
  readonly host?: Omit<HostPort, 'quit' | 'suspend' | 'editText'> & {
    /** Stops the process group until `fg`; called while the screen has handed the terminal back. */
    stop?(): Promise<void>;
    /** Runs $EDITOR on a text; called while the screen has handed the terminal back. */
    editText?(text: string): Promise<string | undefined>;
  };
  /** Asks the screen to leave (a signal came); the promise then resolves to `leaveCode`. */
  readonly leave?: AbortSignal;
  /** Exit code when `leave` ended it. Default 0. */
  leaveCode?(): number;
  /** Called when the first frame is on the screen. */
  onFirstFrame?(): void;
  /** What a signal handler needs: hands the terminal back while `work` runs, then draws everything again. */
  onReady?(screen: ScreenControl): void;
}

/** What the owner of the terminal can ask of a running screen. */
export interface ScreenControl {
  /** Leaves the alternate screen and raw mode, runs `work`, takes the terminal back and redraws it whole. */
  away(work: () => Promise<void>): Promise<void>;
  /** The engine has ended: what is known stays, and the first row says so. */
  engineEnded(why: string): void;
}

/** The pane of a name or number as `binnacle pane NAME` takes it, or undefined. */
export function paneOfName(name: string): PaneId | undefined {
  const panes = Object.keys(paneNumbers) as PaneId[];
  return panes.find((pane) => pane === name || String(paneNumbers[pane]) === name);
}

/**
 * Draws the cockpit until it is quit. Resolves to the exit code. Rejects with what went wrong while drawing, after the
 * terminal's screen was left: the renderer itself would end with code 0 and no word.
 */
export async function runCockpit(options: ScreenOptions): Promise<number> {
  const { port, timer, stdout } = options;
  const only = options.pane === undefined ? undefined : paneOfName(options.pane);
  const { keymap, troubles } = keysFor(options.rebindings);
  const cockpit = createCockpit({
    port,
    timer,
    columns: stdout.columns || 80,
    rows: stdout.rows || 24,
    localOffsetMs: options.localOffsetMs,
    ...(only ? { only } : {}),
    ...(options.shortestWindowMs === undefined ? {} : { shortestWindowMs: options.shortestWindowMs }),
  });
  if (options.pane !== undefined && !only) cockpit.toast(`there is no pane ${options.pane}`, 'refusal');
  for (const trouble of troubles) cockpit.toast(trouble, 'refusal');

  let exitCode = 0;
  let isFirst = true;
  const { stop, editText, ...plainHost } = options.host ?? {};
  const away = async (work: () => Promise<void>): Promise<void> => {
    await suspendTerminal?.(work);
  };
  let suspendTerminal: ((work: () => Promise<void>) => Promise<void>) | undefined;
  const host: HostPort = {
    ...plainHost,
    quit(code) {
      exitCode = code;
      instance.unmount();
    },
    ...(stop ? { suspend: () => void away(stop) } : {}),
    ...(editText
      ? {
          editText: async (text: string) => {
            let edited: string | undefined;
            await away(async () => {
              edited = await editText(text);
            });
            return edited;
          },
        }
      : {}),
  };
  const dispatcher = createDispatcher(cockpit, host, keymap);
  const table = await loadTable();
  const instance = render(
    <App
      cockpit={cockpit}
      dispatcher={dispatcher}
      keys={options.keys}
      host={host}
      hostName={options.hostName}
      theme={options.theme}
      table={table}
      onTerminal={(suspend) => {
        suspendTerminal = suspend;
      }}
    />,
    {
      stdout,
      stdin: options.stdin,
      stderr: options.stderr,
      alternateScreen: true,
      incrementalRendering: true,
      // Its own throttles are out of the way: the store's is the only one.
      maxFps: 1000,
      exitOnCtrlC: false,
      patchConsole: false,
      // Whoever calls has made sure that this is a terminal; a CI variable in the environment must not blank it.
      interactive: true,
      onRender({ renderTime }) {
        cockpit.frameCost(renderTime);
        if (isFirst) {
          isFirst = false;
          options.onFirstFrame?.();
        }
      },
    },
  );
  const onResize = (): void =>
    cockpit.update((desk) => resized(desk, stdout.columns || 80, stdout.rows || 24));
  const onLeave = (): void => {
    exitCode = options.leaveCode?.() ?? 0;
    instance.unmount();
  };
  stdout.on('resize', onResize);
  if (options.leave?.aborted) onLeave();
  options.leave?.addEventListener('abort', onLeave, { once: true });
  options.onReady?.({ away, engineEnded: (why) => cockpit.fail(why) });
  try {
    await instance.waitUntilExit();
    return exitCode;
  } finally {
    stdout.off('resize', onResize);
    options.leave?.removeEventListener('abort', onLeave);
    cockpit.close();
    instance.cleanup();
  }
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
    const module = (await import('ink-table')) as unknown as { default: unknown };
    return tableOf(module.default);
  } catch {
    return undefined;
  }
}

/** A CommonJS module's class, however many times it was wrapped on the way here. */
export function tableOf(module: unknown): TableComponent | undefined {
  if (typeof module === 'function') return module as TableComponent;
  const inner =
    typeof module === 'object' && module !== null ? (module as { default?: unknown }).default : undefined;
  return inner === undefined || inner === module ? undefined : tableOf(inner);
}
