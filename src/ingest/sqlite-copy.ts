/**
 * The bytes of somebody else's SQLite database as of one moment, taken without opening it: no lock its owner would wait
 * for, no `-wal` or `-shm` of ours beside it. File formats: sqlite.org/fileformat2.html.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';

const JOURNAL_MAGIC = Buffer.from('d9d505f920a163d7', 'hex');
const SQLITE_MAGIC = Buffer.from('SQLite format 3\0', 'latin1');
const WAL_HEADER_BYTES = 32;
const DB_HEADER_BYTES = 100;
const SLICE_BYTES = 8 * 1024 * 1024;

/** A consistent set of files to open as a private copy. */
export interface SqliteCopy {
  readonly database: Buffer;
  readonly wal?: Buffer;
  /** A rollback journal that is in use, or was left by a crash: opening the copy rolls it back. */
  readonly journal?: Buffer;
}

export type CopyResult =
  | { readonly state: 'copied'; readonly copy: SqliteCopy }
  /** Its owner is writing: try again in a moment. */
  | { readonly state: 'busy'; readonly journalHot: boolean }
  | { readonly state: 'missing' }
  | { readonly state: 'failed'; readonly error: string };

/** What tells whether a database moved since it was read: cheap, without opening anything. */
export function databaseState(path: string): {
  readonly signature: string;
  readonly stat?: Stats;
  readonly wal?: Stats;
} {
  const stat = statSync(path, { throwIfNoEntry: false });
  const wal = statSync(`${path}-wal`, { throwIfNoEntry: false });
  const journal = statSync(`${path}-journal`, { throwIfNoEntry: false });
  const signature = [stat, wal, journal]
    .map((s) => (s === undefined ? '-' : `${s.ino}:${s.size}:${s.mtimeMs}:${s.ctimeMs}`))
    .join(' ');
  return { signature, ...(stat ? { stat } : {}), ...(wal ? { wal } : {}) };
}

/** True when the rollback journal holds a transaction: under way, or left by a crash. */
function isJournalHot(path: string): boolean {
  const head = readHead(`${path}-journal`, JOURNAL_MAGIC.length);
  return head?.equals(JOURNAL_MAGIC) === true;
}

/**
 * Copies database and write-ahead log. While the log is not restarted, a database file copied before its log is
 * consistent with it even during a checkpoint, since every page the checkpoint moves is in the log still. In the other
 * modes the copy counts only when no journal was there before or after and neither the change counter nor the file
 * times moved. With `withJournal` a hot journal is copied along, after the database: it then holds the old content of
 * every page that may have been half way.
 */
export async function copyDatabase(path: string, withJournal: boolean): Promise<CopyResult> {
  const before = databaseState(path);
  if (before.stat === undefined) return { state: 'missing' };
  const hotBefore = isJournalHot(path);
  if (hotBefore && !withJournal) return { state: 'busy', journalHot: true };
  const headBefore = readHead(path, DB_HEADER_BYTES);
  const walBefore = readHead(`${path}-wal`, WAL_HEADER_BYTES);
  const database = await readWhole(path);
  if (database === undefined) return { state: 'busy', journalHot: false };
  if (
    database.length > 0 &&
    !database.subarray(0, 16).equals(SQLITE_MAGIC.subarray(0, Math.min(16, database.length)))
  ) {
    return { state: 'failed', error: 'not a SQLite database: it begins otherwise' };
  }
  const usesWal = walBefore !== undefined && walBefore.length === WAL_HEADER_BYTES;
  if (usesWal) {
    const wal = await readWhole(`${path}-wal`);
    const walAfter = readHead(`${path}-wal`, WAL_HEADER_BYTES);
    const there = databaseState(path);
    const sameLog =
      wal !== undefined && walAfter?.equals(walBefore) === true && wal.length >= WAL_HEADER_BYTES;
    const sameFile = there.stat?.ino === before.stat.ino && there.wal?.ino === before.wal?.ino;
    if (!sameLog || !sameFile || !wal.subarray(0, WAL_HEADER_BYTES).equals(walBefore)) {
      return { state: 'busy', journalHot: false };
    }
    return { state: 'copied', copy: { database, wal } };
  }
  const journal = hotBefore ? await readWhole(`${path}-journal`) : undefined;
  const after = databaseState(path);
  const headAfter = readHead(path, DB_HEADER_BYTES);
  const hotAfter = isJournalHot(path);
  if (hotBefore) {
    const sameJournal = hotAfter && after.stat?.ino === before.stat.ino && journal !== undefined;
    if (!sameJournal || !startsAlike(journal, `${path}-journal`))
      return { state: 'busy', journalHot: hotAfter };
    return { state: 'copied', copy: { database, journal } };
  }
  const unmoved =
    !hotAfter &&
    after.signature === before.signature &&
    headBefore !== undefined &&
    headAfter?.equals(headBefore) === true;
  if (!unmoved) return { state: 'busy', journalHot: hotAfter };
  return { state: 'copied', copy: { database } };
}

/** The journal is still the one that was copied: its header with the nonce of this transaction stands. */
function startsAlike(journal: Buffer, path: string): boolean {
  const head = readHead(path, 28);
  return head?.equals(journal.subarray(0, 28)) === true;
}

function readHead(path: string, bytes: number): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const head = Buffer.alloc(bytes);
    const count = readSync(descriptor, head, 0, bytes, 0);
    return head.subarray(0, count);
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** All bytes of a file, other work let in between slices; undefined when it shrank or vanished meanwhile. */
async function readWhole(path: string): Promise<Buffer | undefined> {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return undefined;
    const bytes = Buffer.allocUnsafe(stat.size);
    for (let at = 0; at < stat.size; ) {
      const count = readSync(descriptor, bytes, at, Math.min(SLICE_BYTES, stat.size - at), at);
      if (count === 0) return undefined;
      at += count;
      if (at < stat.size) await new Promise((resolve) => setImmediate(resolve));
    }
    return bytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') throw error;
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
