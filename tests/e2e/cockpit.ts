/** The built cockpit in a real terminal, on fixture trees or on the live demo of some kinds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DrivenTerminal, startTerminal } from './terminal.ts';

export const mainPath = new URL('../../dist/main.js', import.meta.url).pathname;
/** Where programs of the tests keep their compiled code, whosever home they are shown. */
export const cachePath = new URL('../../node_modules/.cache/tests', import.meta.url).pathname;
const demoPath = new URL('../../dist/demo.js', import.meta.url).pathname;

/** A temporary directory that goes away with `remove`. */
export function temporaryDirectory(name: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `binnacle-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface CockpitOptions {
  readonly args: readonly string[];
  readonly state: string;
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Starts `binnacle` with these arguments. */
export function startCockpit(options: CockpitOptions): DrivenTerminal {
  return startTerminal({
    command: process.execPath,
    args: [mainPath, ...options.args],
    columns: options.columns ?? 120,
    rows: options.rows ?? 40,
    env: {
      BINNACLE_STATE_DIR: options.state,
      BINNACLE_HOST_DIR: '',
      XDG_CACHE_HOME: cachePath,
      ...options.env,
    },
  });
}

/** A live demo of some kinds, as the cockpit would start it. */
export interface RunningDemo {
  readonly dir: string;
  /** `-s` arguments for all of its systems. */
  readonly args: readonly string[];
  readonly systems: readonly {
    readonly kind: string;
    readonly dir: string;
    readonly settings: Record<string, string>;
  }[];
  /** Switches lies of a kind's stand-ins on; none switches them off. */
  lie(kind: string, ...lies: string[]): void;
  close(): Promise<void>;
}

/** Lays out the simulated systems of these kinds and lets them live. */
export async function startDemo(...kinds: string[]): Promise<RunningDemo> {
  const home = temporaryDirectory('e2e-demo');
  const child: ChildProcess = spawn(process.execPath, [demoPath, 'run', home.path, ...kinds], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const laid = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.includes('\n')) resolve(text);
    });
    child.once('close', (code) => reject(new Error(`the demo ended with ${code}`)));
  });
  const systems = (JSON.parse(laid) as { systems: RunningDemo['systems'] }).systems;
  return {
    dir: home.path,
    systems,
    args: systems.flatMap(({ kind, dir, settings }) => [
      '-s',
      [`${kind}=${dir}`, ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)].join(','),
    ]),
    lie(kind, ...lies) {
      const system = systems.find((one) => one.kind === kind);
      if (!system) throw new Error(`no ${kind} in this demo`);
      writeFileSync(join(system.dir, '.lies'), lies.join(' '));
    },
    async close() {
      child.stdin?.end();
      await ended;
      home.remove();
    },
  };
}

/** Rows of the ledger as `ledger --json` prints them. */
export interface LedgerLine {
  readonly seq: number;
  readonly record: {
    readonly phase: string;
    readonly act: string;
    readonly outcome?: string;
    readonly summary?: string;
    readonly reason?: string;
    readonly exitCode?: number | null;
    readonly target: { readonly id: string };
  };
}

/** Reads one JSON value per line. */
export function jsonLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** Text of a file, or nothing while it is not there. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** What the cockpit says of a key of an act that came in one read with another: such a key never acts. */
const TOO_FAST = /typed too fast|too soon after Esc/;

/**
 * Presses a key until it has its effect. On a loaded host keys pressed one after the other may come in one read; then the
 * cockpit asks for the key again, and a hand presses it again.
 */
export async function pressFor(terminal: DrivenTerminal, key: string, effect: RegExp): Promise<void> {
  for (let attempt = 0; attempt < 4; attempt += 1) {
    if (attempt > 0 && effect.test(terminal.text())) return;
    await terminal.press(key);
    // Pressed again while the first is only slow, the second would answer what the first has opened.
    const answered = terminal.waitFor(
      () => [effect, TOO_FAST].some((one) => one.test(terminal.text())),
      20_000,
    );
    await answered.catch(() => {});
    if (effect.test(terminal.text())) return;
    await terminal.waitGone(TOO_FAST, 5_000).catch(() => {});
  }
  await terminal.waitFor(effect);
}

/** Says yes to a dialog or card that is open, and why. Returns once the question is gone. */
export async function giveReason(terminal: DrivenTerminal, reason: string): Promise<void> {
  await pressFor(terminal, 'y', /Reason[^\n]*kept in the ledger/);
  terminal.type(reason);
  await terminal.waitFor(reason);
  await pressFor(terminal, 'enter', /^(?![\s\S]*Reason[^\n]*kept in the ledger)/);
}

/**
 * Moves down the queue until the selected row shows `text`. Newcomers are counted above the list while keys are pressed
 * and come in once the hands rest; a row that is not there yet is looked for again then.
 */
export async function selectRow(terminal: DrivenTerminal, text: string, withinMs = 30_000): Promise<void> {
  const until = performance.now() + withinMs;
  const selected = (): string => terminal.screen().find((row) => row.startsWith('>')) ?? '';
  await terminal.waitFor(() => selected() !== '', withinMs);
  for (;;) {
    await terminal.press('g');
    // The title says which row the cursor is on; without it there is but one page and the first row has the mark.
    await terminal.waitFor((rows) => isOnFirstRow(rows), 5_000);
    for (;;) {
      if (selected().includes(text)) return;
      if (isOnLastRow(terminal.screen())) break;
      const place = (): string | undefined => placeIn(terminal.screen())?.[0] ?? selected();
      const last = place();
      await terminal.press('j');
      // A key that is still on its way would move the cursor off the row it is wanted on.
      const moved = await terminal
        .waitFor(() => place() !== last, 10_000)
        .then(
          () => true,
          () => false,
        );
      // A row that came above it takes its number: from the top again.
      if (!moved) break;
    }
    if (performance.now() > until) throw new Error(`no row shows "${text}"; screen:\n${terminal.text()}`);
    await terminal.waitGone(/\+\d+ new/, 5_000).catch(() => {});
  }
}

/** Place of the cursor and number of rows, from the title of the queue; undefined while all rows fit. */
function placeIn(rows: readonly string[]): readonly [string, string] | undefined {
  const title = rows.find((row) => row.includes('Needs-you')) ?? '';
  const match = /\b(\d+)\/(\d+)\s+since/.exec(title);
  return match?.[1] === undefined || match[2] === undefined ? undefined : [match[1], match[2]];
}

function isOnFirstRow(rows: readonly string[]): boolean {
  const place = placeIn(rows);
  if (place) return place[0] === '1';
  return (rows[rows.findIndex((row) => row.includes('Needs-you')) + 1] ?? '').startsWith('>');
}

function isOnLastRow(rows: readonly string[]): boolean {
  const place = placeIn(rows);
  if (place) return place[0] === place[1];
  const next = rows[rows.findIndex((row) => row.startsWith('>')) + 1] ?? '';
  // A marked row begins with its mark.
  return !/^[ *]\S /.test(next);
}
