/**
 * Drives a program in a real terminal: a pseudo-terminal whose bytes are replayed into a terminal emulator. Tests ask
 * what a person would see, never what was written.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants as fsConstants, openSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { type IPty, spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { bytesOfKey } from './keys.ts';

export interface StartOptions {
  readonly command: string;
  readonly args?: readonly string[];
  readonly columns?: number;
  readonly rows?: number;
  /** Added to a small fixed environment; undefined removes a name. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

export interface CellLook {
  readonly text: string;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly inverse: boolean;
  readonly underline: boolean;
  /** Palette index or 0xRRGGBB; undefined for the terminal's own colour. */
  readonly foreground?: number;
  readonly background?: number;
}

export interface TerminalModes {
  readonly alternateScreen: boolean;
  readonly cursorVisible: boolean;
  readonly mouse: 'none' | 'x10' | 'vt200' | 'drag' | 'any';
  readonly paste: boolean;
  readonly focus: boolean;
}

/** The line discipline, as `stty -a` tells it. */
export interface LineModes {
  /** Lines are edited and echoed by the kernel: what a shell expects to find. */
  readonly cooked: boolean;
  readonly echo: boolean;
  readonly raw: boolean;
  readonly columns: number;
  readonly rows: number;
}

export interface DrivenTerminal {
  readonly pid: number;
  /**
   * Presses keys one after the other as a hand does: at a pace no program takes for a paste, and after Escape not until
   * it has had its effect. A name (`enter`, `down`, `ctrl-d`, `alt-x`, `f1`) or one character.
   */
  press(...keys: string[]): Promise<void>;
  /** Text in one go, as type-ahead or a paste without brackets arrives. */
  type(text: string): void;
  /** A paste, in brackets when the program asked for them. */
  paste(text: string): void;
  /** Bytes as they are. */
  send(bytes: string | Uint8Array): void;
  /** Resolves when the screen shows it; rejects with the screen when it does not in time, or the program ended. */
  waitFor(what: Expected, withinMs?: number): Promise<void>;
  waitGone(what: Expected, withinMs?: number): Promise<void>;
  /** The rows of the screen, without blanks at their ends. */
  screen(): string[];
  /** The screen as one text. */
  text(): string;
  cell(column: number, row: number): CellLook;
  resize(columns: number, rows: number): void;
  modes(): TerminalModes;
  lineModes(): LineModes;
  /** Everything the program wrote. */
  output(): Buffer;
  /** Resolves when all that was written so far is on the screen. */
  settled(): Promise<void>;
  readonly exit: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  kill(signal: NodeJS.Signals): void;
  /** Nobody reads the terminal any more, as behind a connection that is half gone; and again. */
  pauseReading(): void;
  resumeReading(): void;
  /** Closes the terminal itself, as a dropped connection does. */
  hangUp(): void;
  close(): Promise<void>;
}

export type Expected = string | RegExp | ((rows: readonly string[]) => boolean);

const DEFAULT_WAIT_MS = 10_000;
/** Between two keys: above the 30 ms under which characters count as pasted. */
const KEY_PACE_MS = 40;
/** After Escape: the wait that tells it from a sequence, and the time in which acts are dead. */
const ESCAPE_PACE_MS = 650;

const running = new Set<DrivenTerminal>();

/** Ends every program still running; for `afterEach`. */
export async function closeTerminals(): Promise<void> {
  await Promise.all([...running].map((terminal) => terminal.close()));
}

/** Starts a program as the leader of a new terminal's session. */
export function startTerminal(options: StartOptions): DrivenTerminal {
  const { columns = 120, rows = 40 } = options;
  const screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 1000 });
  const pty = spawn(options.command, [...(options.args ?? [])], {
    name: options.env?.['TERM'] ?? 'xterm-256color',
    cols: columns,
    rows,
    cwd: options.cwd ?? process.cwd(),
    env: environment(options.env ?? {}),
    // Bytes: the emulator decodes, and a character split between two reads stays whole.
    encoding: null,
  });
  return new PtyTerminal(pty, screen);
}

/**
 * An interactive shell with job control in a new terminal, as an operator has one. Its prompt is `ready> `; programs are
 * started by typing their command line.
 */
export async function startShell(
  options: Omit<StartOptions, 'command' | 'args'> = {},
): Promise<DrivenTerminal> {
  const shell = startTerminal({
    ...options,
    command: '/bin/sh',
    args: ['-i'],
    env: { PS1: 'ready> ', ENV: undefined, ...options.env },
  });
  await shell.waitFor('ready>');
  return shell;
}

function environment(extra: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const base: Record<string, string | undefined> = {
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    HOME: process.env['HOME'],
    TMPDIR: process.env['TMPDIR'],
    LANG: 'C.UTF-8',
    ...extra,
  };
  return Object.fromEntries(
    Object.entries(base).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

class PtyTerminal implements DrivenTerminal {
  readonly exit: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  private readonly pty: IPty;
  private readonly emulator: InstanceType<typeof xterm.Terminal>;
  private readonly chunks: Buffer[] = [];
  private readonly watchers = new Set<() => void>();
  private cursorVisible = true;
  private lastSentAt = 0;
  private ended: { readonly code: number | null; readonly signal: string | null } | undefined;

  constructor(pty: IPty, emulator: InstanceType<typeof xterm.Terminal>) {
    this.pty = pty;
    this.emulator = emulator;
    for (const [final, visible] of [
      ['h', true],
      ['l', false],
    ] as const)
      emulator.parser.registerCsiHandler({ prefix: '?', final }, (params) => {
        if (params.includes(25)) this.cursorVisible = visible;
        return false;
      });
    // The emulator answers what the program asks, as a terminal does.
    emulator.onData((answer) => this.send(answer));
    pty.onData((data) => {
      const chunk = Buffer.from(data as unknown as Uint8Array);
      this.chunks.push(chunk);
      emulator.write(chunk, () => this.look());
    });
    this.exit = new Promise((resolve) => {
      pty.onExit(({ exitCode, signal }) => {
        const name = signal ? signalName(signal) : null;
        const ended = { code: name === null ? exitCode : null, signal: name };
        this.emulator.write('', () => {
          this.ended = ended;
          running.delete(this);
          this.look();
          resolve(ended);
        });
      });
    });
    running.add(this);
  }

  get pid(): number {
    return this.pty.pid;
  }

  async press(...keys: string[]): Promise<void> {
    const sinceLastMs = performance.now() - this.lastSentAt;
    if (sinceLastMs < KEY_PACE_MS) await pause(KEY_PACE_MS - sinceLastMs);
    for (const key of keys) {
      this.send(bytesOfKey(key));
      await pause(key === 'escape' ? ESCAPE_PACE_MS : KEY_PACE_MS);
    }
  }

  type(text: string): void {
    this.send(text);
  }

  paste(text: string): void {
    const body = text.replace(/\n/g, '\r');
    this.send(this.emulator.modes.bracketedPasteMode ? `\x1b[200~${body}\x1b[201~` : body);
  }

  send(bytes: string | Uint8Array): void {
    this.lastSentAt = performance.now();
    if (this.ended === undefined)
      this.pty.write(typeof bytes === 'string' ? bytes : (Buffer.from(bytes) as never));
  }

  waitFor(what: Expected, withinMs = DEFAULT_WAIT_MS): Promise<void> {
    return this.wait(`to see ${describeExpected(what)}`, () => this.shows(what), withinMs);
  }

  waitGone(what: Expected, withinMs = DEFAULT_WAIT_MS): Promise<void> {
    return this.wait(`no longer to see ${describeExpected(what)}`, () => !this.shows(what), withinMs);
  }

  screen(): string[] {
    const buffer = this.emulator.buffer.active;
    return Array.from(
      { length: this.emulator.rows },
      (_, row) => buffer.getLine(buffer.baseY + row)?.translateToString(true) ?? '',
    );
  }

  text(): string {
    return this.screen().join('\n');
  }

  cell(column: number, row: number): CellLook {
    const buffer = this.emulator.buffer.active;
    const cell = buffer.getLine(buffer.baseY + row)?.getCell(column);
    if (cell === undefined) throw new Error(`no cell at column ${column}, row ${row}`);
    return {
      text: cell.getChars(),
      bold: cell.isBold() !== 0,
      dim: cell.isDim() !== 0,
      inverse: cell.isInverse() !== 0,
      underline: cell.isUnderline() !== 0,
      ...(cell.isFgDefault() ? {} : { foreground: cell.getFgColor() }),
      ...(cell.isBgDefault() ? {} : { background: cell.getBgColor() }),
    };
  }

  resize(columns: number, rows: number): void {
    this.emulator.resize(columns, rows);
    this.pty.resize(columns, rows);
  }

  modes(): TerminalModes {
    return {
      alternateScreen: this.emulator.buffer.active.type === 'alternate',
      cursorVisible: this.cursorVisible,
      mouse: this.emulator.modes.mouseTrackingMode,
      paste: this.emulator.modes.bracketedPasteMode,
      focus: this.emulator.modes.sendFocusMode,
    };
  }

  lineModes(): LineModes {
    const path = (this.pty as unknown as { ptsName: string }).ptsName;
    const slave = openSync(path, fsConstants.O_RDWR | fsConstants.O_NOCTTY);
    try {
      const told = spawnSync('stty', ['-a'], { stdio: [slave, 'pipe', 'pipe'], encoding: 'utf8' }).stdout;
      const has = (flag: string): boolean => new RegExp(`(^|\\s)${flag}(\\s|;|$)`, 'm').test(told);
      return {
        cooked: has('icanon') && has('echo') && has('isig') && has('icrnl') && has('opost'),
        echo: has('echo'),
        raw: has('-icanon') && has('-echo') && has('-isig'),
        columns: Number(/columns (\d+)/.exec(told)?.[1] ?? Number.NaN),
        rows: Number(/rows (\d+)/.exec(told)?.[1] ?? Number.NaN),
      };
    } finally {
      closeSync(slave);
    }
  }

  output(): Buffer {
    return Buffer.concat(this.chunks);
  }

  settled(): Promise<void> {
    return new Promise((resolve) => this.emulator.write('', resolve));
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(this.pty.pid, signal);
  }

  pauseReading(): void {
    this.pty.pause();
  }

  resumeReading(): void {
    this.pty.resume();
  }

  hangUp(): void {
    (this.pty as unknown as { destroy(): void }).destroy();
  }

  async close(): Promise<void> {
    if (this.ended === undefined) {
      try {
        process.kill(this.pty.pid, 'SIGKILL');
      } catch {
        // It ended a moment ago.
      }
      await this.exit;
    }
    this.emulator.dispose();
  }

  private shows(what: Expected): boolean {
    if (typeof what === 'function') return what(this.screen());
    return typeof what === 'string' ? this.text().includes(what) : what.test(this.text());
  }

  private look(): void {
    for (const watcher of [...this.watchers]) watcher();
  }

  private wait(what: string, holds: () => boolean, withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.watchers.delete(check);
        settle();
      };
      const fail = (why: string): void =>
        finish(() => reject(new Error(`${why}, waiting ${what}. The screen:\n${framed(this.screen())}`)));
      const check = (): void => {
        if (holds()) finish(resolve);
        else if (this.ended !== undefined) fail(`the program ended (${JSON.stringify(this.ended)})`);
      };
      // What came in time may not have been read yet, where this thread was held up: it is read before the verdict.
      const atEnd = (): void =>
        void setImmediate(() =>
          this.emulator.write('', () => {
            check();
            fail(`not within ${withinMs} ms`);
          }),
        );
      const timer = setTimeout(atEnd, withinMs);
      this.watchers.add(check);
      check();
    });
  }
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}

function describeExpected(what: Expected): string {
  return typeof what === 'function'
    ? 'what the test asks for'
    : typeof what === 'string'
      ? `"${what}"`
      : String(what);
}

function framed(rows: readonly string[]): string {
  const last = rows.findLastIndex((row) => row !== '');
  return rows
    .slice(0, last + 1)
    .map((row) => `| ${row}`)
    .join('\n');
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
