import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { messageOf, UserError } from '../domain/error.ts';

/** What belongs to a database of ours, beside the file itself. */
const PARTS = ['', '-wal', '.head'];

/**
 * Whether a record of ours is there. Throws UserError (exit 3) where that can't be seen: a directory nobody may look
 * into is not an empty one.
 */
export function isRecordThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // A file where a directory should be holds no record.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw unreadable(path, error);
  }
}

/**
 * Copies databases of ours to a directory of this process, for looking at them where they can't be written to: SQLite
 * itself needs to write beside a file to read it. Give back the directory with `remove`.
 */
export function copyForLooking(paths: readonly string[]): { readonly directory: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'binnacle-look-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    for (const path of paths) {
      for (const part of PARTS) {
        if (isRecordThere(path + part)) copyPart(path + part, join(directory, basename(path) + part));
      }
    }
    return { directory, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function copyPart(from: string, to: string): void {
  try {
    // Not copied with its permissions: the copy is written to.
    writeFileSync(to, readFileSync(from), { mode: 0o600 });
  } catch (error) {
    throw unreadable(from, error);
  }
}

function unreadable(path: string, error: unknown): UserError {
  return new UserError(`${path} can't be read: ${messageOf(error)}`, ['look as the user it belongs to'], 3);
}
