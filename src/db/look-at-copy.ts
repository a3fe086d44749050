import { type BigIntStats, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { messageOf, UserError } from '../domain/error.ts';
import { sleepMs } from './busy.ts';

/** What belongs to a database of ours, beside the file itself. */
const PARTS = ['', '-wal', '.head'];
/** How often a copy is taken again that was written to meanwhile; a writer pauses longer than that in between. */
const TRIES = 50;

/**
 * Whether a record of ours is there. Throws UserError (exit 3) where that can't be seen: a directory nobody may look
 * into is not an empty one.
 */
export function isRecordThere(path: string): boolean {
  return stampOf(path) !== undefined;
}

/**
 * Copies databases of ours to a directory of this process, for looking at them where they can't be written to: SQLite
 * itself needs to write beside a file to read it. Each copy is of one moment. Give back the directory with `remove`.
 */
export function copyForLooking(paths: readonly string[]): { readonly directory: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'binnacle-look-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    for (const path of paths) copyDatabase(path, join(directory, basename(path)));
    return { directory, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** The head is taken first: it only ever names rows that are in the database already. */
function copyDatabase(from: string, to: string): void {
  for (let left = TRIES; ; left -= 1) {
    const before = stampsOf(from);
    copyPart(`${from}.head`, `${to}.head`);
    for (const part of ['', '-wal']) copyPart(from + part, to + part);
    if (left === 0 || stampsOf(from) === before) return;
    sleepMs(2);
  }
}

function stampsOf(path: string): string {
  return PARTS.slice(0, 2)
    .map((part) => {
      const stat = stampOf(path + part);
      return stat === undefined ? '-' : `${stat.ino}:${stat.size}:${stat.mtimeNs}`;
    })
    .join(' ');
}

function stampOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false, bigint: true });
  } catch (error) {
    // A file where a directory should be holds no record.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw unreadable(path, error);
  }
}

function copyPart(from: string, to: string): void {
  rmSync(to, { force: true });
  if (stampOf(from) === undefined) return;
  try {
    // Not copied with its permissions: the copy is written to.
    writeFileSync(to, readFileSync(from), { mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(from, error);
  }
}

function unreadable(path: string, error: unknown): UserError {
  return new UserError(`${path} can't be read: ${messageOf(error)}`, ['look as the user it belongs to'], 3);
}
