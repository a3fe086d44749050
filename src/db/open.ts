import {
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from 'node:fs';
import type Database from 'better-sqlite3';
import { messageOf, UserError } from '../domain/error.ts';
import { type Instant, toIso } from '../domain/instant.ts';
import { isDamage, retryWhileBusy } from './busy.ts';
import { createDatabase } from './create-database.ts';
import { type Migration, migrate, schemaVersion } from './migration.ts';
import { connectSqlite } from './sqlite.ts';

/** What a database of ours is and how it is opened. */
export interface DatabaseSpec {
  readonly path: string;
  /** What it holds, for messages: "the ledger". */
  readonly title: string;
  /** SQLite's application id: tells our file from a foreign one under our name. */
  readonly applicationId: number;
  /** One entry per schema version, oldest first. Entries are never edited, only added. */
  readonly migrations: readonly Migration[];
  /** FULL survives a power loss to the last commit; NORMAL may lose the newest ones and stays whole. */
  readonly synchronous: 'NORMAL' | 'FULL';
  /** What to do with a file that is damaged or not ours: put it aside and begin anew, or refuse to go on. */
  readonly whenBroken: 'quarantine' | 'refuse';
  /** How long a call may wait for another process, in milliseconds. Default 50: the engine's thread must not sleep. */
  readonly busyMs?: number;
  /** File mode; default 0600. 0660 in the directory shared by the operators of a host. */
  readonly mode?: number;
  /** What to do about a file that is refused as broken; told with the refusal. */
  readonly mend?: string;
  /** In a directory others may write to: a file of another user is refused. */
  readonly oursAlone?: boolean;
  readonly now: Instant;
}

/** A file was refused because it is damaged or none of ours; nothing was changed in it. */
export class DamagedError extends UserError {
  readonly #parts: readonly [title: string, why: string, mend: string];

  constructor(title: string, path: string, why: string, mend: string) {
    super(`${title} can't be used: ${path}: ${why}`, ['nothing was changed in it', mend], 3);
    this.#parts = [title, why, mend];
  }

  /** The same of another file: what is wrong with a copy is wrong with what was copied. */
  of(path: string): DamagedError {
    const [title, why, mend] = this.#parts;
    return new DamagedError(title, path, why, mend);
  }
}

/** An open database, and what had to be put aside for it. */
export interface OpenedDatabase {
  readonly database: Database.Database;
  /** The file that was put aside, and why: to be told on the screen. */
  readonly quarantined?: { readonly path: string; readonly why: string };
}

/** How long opening may wait for other processes that are creating the same file, in milliseconds. */
const OPENING_MS = 5_000;
/** `quick_check` reads the whole file; 32 MiB take about 50 ms. */
const CHECKED_BYTES = 32 * 1024 * 1024;
/** What a -wal file keeps of its size. */
const WAL_BYTES = 4 * 1024 * 1024;
/** Where SQLite's file format keeps these numbers, in the first 100 bytes. */
const HEADER = { bytes: 100, userVersion: 60, applicationId: 68, magic: 'SQLite format 3\u0000' };

const FOREIGN = 'an SQLite database of another program';

/** The file is not a database of ours, or a damaged one. */
class BrokenDatabase extends Error {
  readonly inode: number;
  constructor(message: string, inode: number) {
    super(message);
    this.inode = inode;
  }
}

/**
 * Opens or creates a database of ours, brought to the newest schema. Throws a UserError (exit 3) for a file written by
 * a newer version, which is left untouched, and for a broken one where `whenBroken` says so.
 */
export function openDatabase(spec: DatabaseSpec): OpenedDatabase {
  try {
    return { database: openOnce(spec) };
  } catch (error) {
    if (!(error instanceof BrokenDatabase)) throw error;
    if (spec.whenBroken === 'refuse')
      throw new DamagedError(spec.title, spec.path, error.message, spec.mend ?? 'move it away');
    const aside = putAside(spec, error.inode);
    return { database: openOnce(spec), quarantined: { path: aside, why: error.message } };
  }
}

function openOnce(spec: DatabaseSpec): Database.Database {
  const inode = checkFile(spec);
  const database = connect(spec, inode);
  try {
    retryWhileBusy(() => checkContents(database, spec, inode));
    retryWhileBusy(() => database.pragma('journal_mode = WAL'));
    database.pragma(`synchronous = ${spec.synchronous}`);
    database.pragma('trusted_schema = OFF');
    // Grown by a burst, or while somebody read an old view, it is cut back once it begins anew.
    database.pragma(`journal_size_limit = ${WAL_BYTES}`);
    retryWhileBusy(() => migrate(database, spec.applicationId, spec.migrations));
    database.pragma(`busy_timeout = ${spec.busyMs ?? 50}`);
    return database;
  } catch (error) {
    database.close();
    if (isDamage(error)) throw new BrokenDatabase(messageOf(error), inode);
    throw error instanceof Error && 'code' in error ? unopened(spec, error) : error;
  }
}

function connect(spec: DatabaseSpec, inode: number): Database.Database {
  try {
    return connectSqlite(spec.path, { timeout: OPENING_MS });
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (isDamage(error)) throw new BrokenDatabase(messageOf(error), inode);
    throw unopened(spec, error);
  }
}

function unopened({ title, path }: DatabaseSpec, error: unknown): UserError {
  const { code } = error as { readonly code?: string };
  // SQLite writes beside a file to read it.
  const why =
    code?.startsWith('SQLITE_CANTOPEN') || code?.startsWith('SQLITE_READONLY')
      ? ', its directory must be writable'
      : '';
  return new UserError(`${title} can't be opened: ${path}: ${messageOf(error)}${why}`, [], 3);
}

/**
 * Makes the file where there is none, and reads the header by hand, so that a file of a newer version is refused before
 * anything is opened that could write to it. Returns the inode.
 */
function checkFile(spec: DatabaseSpec): number {
  let descriptor: number;
  try {
    refuseLink(spec);
    if (!existsSync(spec.path)) createDatabase({ ...spec, mode: spec.mode ?? 0o600 });
    descriptor = openSync(spec.path, 'r');
  } catch (error) {
    throw error instanceof UserError ? error : unopened(spec, error);
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new UserError(`${spec.title} is not a file: ${spec.path}`, [], 3);
    if (spec.oursAlone && stat.uid !== process.geteuid?.())
      throw new UserError(
        `${spec.title} belongs to another user: ${spec.path}`,
        [`look at it: ls -l ${spec.path}`],
        3,
      );
    if ((stat.mode & 0o777) !== (spec.mode ?? 0o600) && stat.uid === process.getuid?.())
      fchmodSync(descriptor, spec.mode ?? 0o600);
    if (stat.size === 0) throw new BrokenDatabase('empty, and it was not when it was made', stat.ino);
    const header = Buffer.alloc(HEADER.bytes);
    const read = readSync(descriptor, header, 0, HEADER.bytes, 0);
    if (read < HEADER.bytes || header.toString('latin1', 0, 16) !== HEADER.magic)
      throw new BrokenDatabase('not an SQLite database', stat.ino);
    const id = header.readUInt32BE(HEADER.applicationId);
    if (id !== spec.applicationId) throw new BrokenDatabase(FOREIGN, stat.ino);
    refuseNewer(header.readUInt32BE(HEADER.userVersion), spec);
    return stat.ino;
  } finally {
    closeSync(descriptor);
  }
}

function checkContents(database: Database.Database, spec: DatabaseSpec, inode: number): void {
  // What was written last may still stand in the -wal file, and not in the header.
  if (Number(database.pragma('application_id', { simple: true })) !== spec.applicationId)
    throw new BrokenDatabase(FOREIGN, inode);
  refuseNewer(schemaVersion(database), spec);
  if (statSync(spec.path).size <= CHECKED_BYTES) {
    const found = String(database.pragma('quick_check(1)', { simple: true }));
    if (found !== 'ok')
      throw new BrokenDatabase(
        found.replace('*** in database main ***', '').replace(/\s+/g, ' ').trim(),
        inode,
      );
  }
}

/** Through a link every file we may write to could be meant. */
function refuseLink({ path, title }: DatabaseSpec): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
    throw new UserError(
      `${title} is a link, which is not followed: ${path}`,
      [`look where it leads: ls -l ${path}`],
      3,
    );
}

function refuseNewer(version: number, spec: DatabaseSpec): void {
  if (version <= spec.migrations.length) return;
  throw new UserError(
    `${spec.title} was written by a newer Binnacle: ${spec.path} has schema ${version}, this one knows ${spec.migrations.length}`,
    ['use the newer version', 'or name another directory with BINNACLE_STATE_DIR'],
    3,
  );
}

/** Renames file, -wal and -shm out of the way. Another process may have done so already: then nothing is renamed. */
function putAside(spec: DatabaseSpec, inode: number): string {
  const stamp = toIso(spec.now).replace(/[-:]/g, '').replace(/\..*/, 'Z');
  const aside = `${spec.path}.broken-${stamp}`;
  if (statSync(spec.path, { throwIfNoEntry: false })?.ino !== inode) return aside;
  for (const suffix of ['', '-wal', '-shm'])
    if (existsSync(spec.path + suffix)) renameSync(spec.path + suffix, freeName(aside) + suffix);
  return aside;
}

function freeName(path: string): string {
  let name = path;
  for (let count = 2; existsSync(name); count += 1) name = `${path}-${count}`;
  return name;
}
