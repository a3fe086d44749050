import { spawn, spawnSync } from 'node:child_process';
import {
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, isAbsolute, join } from 'node:path';
import { messageOf } from '../domain/error.ts';
import { systemClock } from '../host/clock.ts';
import { saveText } from './save-text.ts';
import type { Terminal } from './terminal.ts';

/** A place a piece of evidence names. */
export interface Place {
  readonly root: string;
  readonly path?: string;
  readonly offset?: number;
  readonly pid?: number;
}

/** What the operator's own host does for the screen beside drawing. */
export interface OperatorHost {
  editText(text: string): Promise<string | undefined>;
  goThere(place: Place): Promise<string>;
  /** Writes a text into the user's own state directory; returns where. Throws where it can't be written. */
  saveText(name: string, suffix: string, text: string): string;
}

/** Longest part of a file looked at to turn a byte offset into a line number. */
const LINE_COUNT_BYTES = 64 * 1024 * 1024;

/** Lends the terminal to $EDITOR and shells, and finds the tmux pane of a program that waits at a terminal. */
export function operatorHost(terminal: Pick<Terminal, 'lend'>): OperatorHost {
  return {
    saveText: (name, suffix, text) => saveText(name, suffix, text, systemClock().now()),
    async editText(text) {
      const dir = mkdtempSync(join(tmpdir(), 'binnacle-edit-'));
      try {
        const file = join(dir, 'text.txt');
        writeFileSync(file, text, { mode: 0o600 });
        const code = await terminal.lend(() => runHere([...editor(), file], dir));
        if (code !== 0) return undefined;
        const saved = readFileSync(file, 'utf8');
        // Editors end the last line; a text that ended without a line feed is given back without.
        return text.endsWith('\n') ? saved : saved.replace(/\n$/, '');
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    },
    async goThere(place) {
      try {
        if (place.pid !== undefined) return goToTerminalOf(place.pid);
        if (place.path === undefined) {
          const shell = process.env['SHELL'] || '/bin/sh';
          await terminal.lend(() => runHere([shell], place.root));
          return `back from a shell in ${place.root}`;
        }
        const file = isAbsolute(place.path) ? place.path : join(place.root, place.path);
        const line = lineAt(file, place.offset ?? 0);
        await terminal.lend(() =>
          runHere([...lookingEditor(editor(), process.env['PATH']), `+${line}`, file], place.root),
        );
        return `back from ${place.path}:${line}`;
      } catch (error) {
        return `can't go there: ${messageOf(error)}`;
      }
    },
  };
}

function editor(): readonly string[] {
  const given = process.env['VISUAL'] || process.env['EDITOR'] || 'vi';
  return given.split(/\s+/).filter((word) => word !== '');
}

/**
 * The editor for a file that is only looked at. Vim and its kin put a swap file beside whatever they open, a watched
 * file too; told so they do not. `vi` may be any of them, or none: what it really is decides.
 */
export function lookingEditor(argv: readonly string[], path = ''): readonly string[] {
  const [program = '', ...rest] = argv;
  return /vim/.test(realName(program, path)) ? [program, '-R', '-n', ...rest] : argv;
}

/** Name of the file a program's name leads to, links followed; the name itself where none is found. */
function realName(program: string, path: string): string {
  const places = program.includes('/') ? [program] : path.split(':').map((dir) => join(dir, program));
  for (const place of places) {
    try {
      return basename(realpathSync(place));
    } catch {
      // Not here: the next directory.
    }
  }
  return basename(program);
}

function runHere(argv: readonly string[], cwd: string): Promise<number> {
  const [program = '', ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { cwd, stdio: 'inherit' });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** Line of a byte offset, counted in the file as it is now. */
function lineAt(file: string, offset: number): number {
  if (offset <= 0 || statSync(file).size > LINE_COUNT_BYTES) return 1;
  let line = 1;
  const bytes = readFileSync(file);
  for (let at = bytes.indexOf(0x0a); at !== -1 && at < offset; at = bytes.indexOf(0x0a, at + 1)) line += 1;
  return line;
}

function goToTerminalOf(pid: number): string {
  const terminal = [0, 1, 2]
    .map((descriptor) => linkOf(pid, descriptor))
    .find((path) => path?.startsWith('/dev/pts/'));
  if (terminal === undefined) return `pid ${pid} has no terminal to go to`;
  if (!process.env['TMUX']) return `pid ${pid} waits at ${terminal}; inside tmux this key goes there`;
  const panes = spawnSync('tmux', ['list-panes', '-a', '-F', '#{pane_tty} #{pane_id}'], { encoding: 'utf8' });
  const pane = panes.stdout
    ?.split('\n')
    .map((row) => row.split(' '))
    .find(([tty]) => tty === terminal)?.[1];
  if (pane === undefined || !/^%\d+$/.test(pane))
    return `pid ${pid} waits at ${terminal}, in no tmux pane of this server`;
  spawnSync('tmux', ['switch-client', '-t', pane]);
  spawnSync('tmux', ['select-window', '-t', pane]);
  spawnSync('tmux', ['select-pane', '-t', pane]);
  return `went to ${pane} (${terminal})`;
}

function linkOf(pid: number, descriptor: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
  } catch {
    return undefined;
  }
}
