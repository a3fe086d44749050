/** What must not break, by number. Tests carry the numbers in their titles: `row 26: ...`, `rows 19 and 66: ...`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROWS: Readonly<Record<number, string>> = {
  1: 'killed while it follows rotating logs',
  2: 'ten rotations in quick succession',
  3: 'rename, copy-truncate, delete under load',
  4: 'rewrite in place, same size',
  5: 'rewrite in place, larger',
  6: 'inode used again while stopped',
  7: 'writer keeps its old file',
  8: 'lines only the copy has',
  9: 'burst and two renames',
  10: 'two writes milliseconds apart',
  11: 'busy document',
  12: 'torn JSON',
  13: 'hostile text in a terminal',
  14: 'hostile text inside tmux',
  15: 'sequences put together by stripping',
  16: 'screen killed: terminal restored',
  17: 'every way to end: terminal and exit code',
  18: 'connection drops in an act',
  19: 'four say yes at once',
  20: 'cockpit or runner killed in an act',
  21: 'stale approval',
  22: 'deadline with children that hold on',
  23: 'hostile ids as arguments',
  24: 'ledger tampered with',
  25: 'damaged databases',
  26: 'full disk',
  27: 'four cockpits, one record',
  28: 'inotify overflow',
  29: 'inotify limits',
  30: 'descriptor limit',
  31: 'event loop under load',
  32: 'permission taken and given',
  33: 'directory goes and returns',
  34: 'link switched',
  35: 'partial line and rename',
  36: 'partial line across a restart',
  37: 'characters split at every byte',
  38: 'invalid text and holes',
  39: '100 MB without an end of line',
  40: 'compressed rotation while stopped',
  41: 'thousands of files',
  42: 'secrets in every place',
  43: 'environment of children',
  44: 'flood of output',
  45: 'stopped and continued',
  46: 'storm of resizes',
  47: 'no terminal, closed pipes',
  48: 'a paste confirms nothing',
  49: 'hostile file names',
  50: 'hostile JSON',
  51: 'pipes and devices as logs',
  52: 'links out of the root',
  53: 'modes of our files',
  54: 'files that move while listed',
  55: 'random sequences against a model',
  56: 'clocks and times that jump',
  57: 'reader that does not end',
  58: 'retention of a million rows',
  59: 'writer killed: another takes over',
  60: 'older and newer schema',
  61: 'native library missing',
  62: 'read-only state, no home',
  63: 'children that escape',
  64: 'half an hour of everything',
  65: 'keys split at every byte',
  66: 'two users of one host',
  67: 'databases of others: no trace',
  68: 'terminal nobody reads',
  69: 'signals meant for others',
  70: 'looked at afterwards',
};

/** The numbers a title carries. */
export function rowsIn(title: string): readonly number[] {
  return [...title.matchAll(/\brows? (\d+(?:(?:, | and )\d+)*):/gi)].flatMap(([, list = '']) =>
    (list.match(/\d+/g) ?? []).map(Number).filter((row) => row in ROWS),
  );
}

/** Files whose titles carry a row's number, below `tests`. */
export function filesByRow(tests: string): ReadonlyMap<number, readonly string[]> {
  const found = new Map<number, string[]>();
  for (const name of readdirSync(tests, { recursive: true, encoding: 'utf8' })) {
    if (!/\.test\.tsx?$/.test(name) || name.startsWith('bench/')) continue;
    // Titles begin a string: a table of cases may stand between `test.each(` and its title.
    const titles = readFileSync(join(tests, name), 'utf8').match(/(?<=['"`])rows? [\d, and]+:/gi) ?? [];
    for (const row of new Set(titles.flatMap(rowsIn))) found.set(row, [...(found.get(row) ?? []), name]);
  }
  return found;
}
