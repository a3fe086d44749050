import { EventEmitter } from 'node:events';
import { render } from 'ink';
import type { HostPort } from '../../src/commands/command.ts';
import { createDispatcher, type Dispatcher } from '../../src/commands/dispatcher.ts';
import type { Instant } from '../../src/domain/instant.ts';
import { manualClock } from '../../src/host/clock.ts';
import type { KeyEvent, KeyPress } from '../../src/lib/key-event.ts';
import { type Cockpit, createCockpit } from '../../src/store/cockpit.ts';
import type { PaneId } from '../../src/store/desk.ts';
import type { KeptLogView } from '../../src/store/log-view.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import { App } from '../../views/app.tsx';
import { penOf } from '../../views/components/line.ts';
import type { TableComponent } from '../../views/components/still-table.tsx';
import { helpLineCount, helpRows } from '../../views/sheets/help.ts';
import { plainTheme, type Theme } from '../../views/theme.ts';
import { tellShown } from '../../views/wanted.ts';
import { FakeEngine } from './fake-engine.ts';
import { storyNow } from './sample-state.ts';

/** Keeps the newest frame. The testing library's stream is 100 columns wide, and a cockpit is wider. */
class FrameStream extends EventEmitter {
  last = '';
  readonly columns: number;
  readonly rows: number;
  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
  }
  write(frame: string): boolean {
    this.last = frame;
    return true;
  }
}

/** A cockpit on a screen of a given size, driven by keys; time passes only when told to. */
export interface TestScreen {
  readonly engine: FakeEngine;
  readonly cockpit: Cockpit;
  readonly dispatcher: Dispatcher;
  readonly host: HostPort & { readonly copied: string[]; readonly quits: number[] };
  /** Bookmarks and named searches as they were kept. */
  readonly kept: readonly KeptLogView[];
  /** Rows of the newest frame, trailing spaces off. */
  rows(): readonly string[];
  frame(): string;
  snapshot(): Snapshot;
  /** Keys one after the other, each typed by itself, time enough between them. */
  press(...names: readonly string[]): Promise<void>;
  /** Letters typed one by one. */
  type(text: string): Promise<void>;
  event(event: KeyEvent): Promise<void>;
  /** Lets time pass and everything that is due happen. */
  wait(ms: number): Promise<void>;
  close(): void;
}

export interface TestScreenOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly engine?: FakeEngine;
  readonly only?: PaneId;
  readonly theme?: Theme;
  readonly table?: TableComponent;
  readonly now?: Instant;
  readonly host?: Partial<HostPort>;
  /** What an earlier start left of the log pane. */
  readonly remembered?: KeptLogView;
}

/** Opens the screen, and lets the first answers come in. */
export async function openScreen(options: TestScreenOptions = {}): Promise<TestScreen> {
  const engine = options.engine ?? new FakeEngine();
  const kept: KeptLogView[] = [];
  const clock = manualClock(options.now ?? storyNow);
  const cockpit = createCockpit({
    port: engine,
    timer: clock,
    columns: options.columns ?? 120,
    rows: options.rows ?? 40,
    localOffsetMs: -7 * 3_600_000,
    ascii: options.theme?.ascii === true,
    ...(options.only ? { only: options.only } : {}),
    ...(options.remembered ? { kept: options.remembered } : {}),
    keep: (one) => kept.push(one),
  });
  const copied: string[] = [];
  const quits: number[] = [];
  const host = {
    copied,
    quits,
    quit: (code: number) => {
      quits.push(code);
    },
    copy: (text: string) => {
      copied.push(text);
    },
    ...options.host,
  };
  const dispatcher = createDispatcher(cockpit, host);
  const listeners = new Set<(event: KeyEvent) => void>();
  const stdout = new FrameStream(options.columns ?? 120, options.rows ?? 40);
  const pen = penOf(options.theme ?? plainTheme);
  tellShown(cockpit, pen, (snapshot, text) =>
    helpLineCount(pen, helpRows(snapshot, host, dispatcher.keymap, text), snapshot.desk.columns),
  );
  const app = render(
    <App
      cockpit={cockpit}
      dispatcher={dispatcher}
      keys={{
        subscribe(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      }}
      host={host}
      hostName="prod-eu-1"
      theme={options.theme ?? plainTheme}
      table={options.table}
    />,
    { stdout: stdout as unknown as NodeJS.WriteStream, debug: true, exitOnCtrlC: false, patchConsole: false },
  );
  const settle = async (ms: number): Promise<void> => {
    // Answers come as microtasks and frames by timers: a few rounds reach the state in which nothing is due.
    for (let round = 0; round < 4; round += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(ms / 4);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  const event = async (one: KeyEvent): Promise<void> => {
    for (const listener of [...listeners]) listener(one);
    await settle(120);
  };
  const screen: TestScreen = {
    engine,
    cockpit,
    dispatcher,
    host,
    kept,
    frame: () => stdout.last,
    rows: () => stdout.last.split('\n').map((row) => row.trimEnd()),
    snapshot: () => cockpit.fresh(),
    event,
    async press(...names) {
      for (const name of names) await event(keyPress(name));
    },
    async type(text) {
      for (const letter of text) await event(keyPress(letter === ' ' ? 'space' : letter));
    },
    wait: settle,
    close() {
      app.unmount();
      cockpit.close();
    },
  };
  await settle(400);
  return screen;
}

/** A key as the decoder would tell it, typed by hand. */
export function keyPress(name: string, more: Partial<KeyPress> = {}): KeyPress {
  const text = name === 'space' ? ' ' : [...name].length === 1 ? name : undefined;
  return { type: 'key', name, typed: 'alone', ...(text === undefined ? {} : { text }), ...more };
}
