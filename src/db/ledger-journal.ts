/**
 * Where records wait that could not be written into the ledger for want of space: a text file on another disk, to
 * which lines are only added. Each line is the SHA-256 of the record's text, a blank, and that text.
 */
import { hash } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { LedgerRecord } from '../domain/ledger.ts';
import { canonicalJson } from './canonical-json.ts';
import { ensurePrivateDirectory } from './state-dir.ts';

/** A line of the journal. A record that can't be read is told of, and not dropped in silence. */
export interface JournalLine {
  /** SHA-256 of the line's text. */
  readonly line: string;
  readonly record: LedgerRecord | undefined;
}

/** The journal of one ledger. */
export interface LedgerJournal {
  /** Adds a record to the first place that takes it; on disk when this returns. Throws when none does. */
  add(record: LedgerRecord): JournalLine;
  /** Oldest first. */
  lines(): readonly JournalLine[];
  /** Whether there is one: costs 2 µs. */
  isThere(): boolean;
  /** Removes it: all its lines are in the chain. */
  remove(): void;
}

/** The journal of the ledger at this path, in the first of these directories that takes it. */
export function openJournal(ledgerPath: string, directories: readonly string[]): LedgerJournal {
  const name = `ledger-journal-${hash('sha256', ledgerPath).slice(0, 12)}.jsonl`;
  const paths = directories.map((directory) => ({ directory, path: join(directory, name) }));
  const read = (path: string): string => {
    try {
      // Somebody else's file, or a link to one, is nothing that we wrote.
      const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        return fstatSync(descriptor).uid === process.geteuid?.() ? readFileSync(descriptor, 'utf8') : '';
      } finally {
        closeSync(descriptor);
      }
    } catch {
      return '';
    }
  };
  return {
    add(record) {
      const body = canonicalJson(record);
      let failure: unknown = new Error('there is no place for a journal');
      for (const { directory, path } of paths) {
        try {
          ensurePrivateDirectory(directory);
          addLine(path, body);
          return { line: hash('sha256', body), record };
        } catch (error) {
          failure = error;
        }
      }
      throw failure;
    },
    lines: () => paths.flatMap(({ path }) => readLines(read(path))),
    isThere: () => paths.some(({ path }) => isOwnFile(path)),
    remove() {
      for (const { path } of paths) if (isOwnFile(path)) rmSync(path, { force: true });
    },
  };
}

/** A directory that can't be looked into holds nothing that we wrote. */
function isOwnFile(path: string): boolean {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    return stat?.isFile() === true && stat.size > 0 && stat.uid === process.geteuid?.();
  } catch {
    return false;
  }
}

function addLine(path: string, body: string): void {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  const descriptor = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile() || stat.uid !== process.geteuid?.()) throw new Error(`${path} is not ours`);
    fchmodSync(descriptor, 0o600);
    // One write: lines of two processes don't mix. A line that was cut short is ended by the next one's beginning.
    const bytes = Buffer.from(`\n${hash('sha256', body)} ${body}\n`);
    if (writeSync(descriptor, bytes) < bytes.length) {
      // Half a line is no record, and must not look like one that was damaged.
      ftruncateSync(descriptor, stat.size);
      throw new Error(`${path} takes no more`);
    }
    fdatasyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readLines(text: string): JournalLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const body = line.slice(65);
      const own = hash('sha256', body);
      if (line.slice(0, 64) !== own) return { line: hash('sha256', line), record: undefined };
      return { line: own, record: JSON.parse(body) as LedgerRecord };
    });
}
