/**
 * How far logs were read, in a file of this user: position and what was made of the bytes before it are committed in one
 * transaction, so that whoever goes on after a kill repeats nothing and leaves nothing out.
 */
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import type { SystemId } from '../domain/entity.ts';
import { UserError } from '../domain/error.ts';
import { type Instant, instant } from '../domain/instant.ts';
import type { ProcessMark } from '../domain/order.ts';
import type { Json } from '../lib/json.ts';
import { isBusy, retryWhileBusy } from './busy.ts';
import type { Migration } from './migration.ts';
import { openDatabase } from './open.ts';

/** Name of the file in its directory. */
export const POSITIONS_FILE = 'positions.db';
/** `BINP` in ASCII. */
const POSITIONS_ID = 0x42494e50;
/** A log nobody read on for that long is forgotten, and so is a reader. */
const FORGET_MS = 30 * 24 * 3_600_000;

/**
 * `readers`: the cockpit, and each name given to `logs --resume`, with the process that has it. `lines`: what a reader
 * has committed and not yet handed on.
 */
const MIGRATIONS: readonly Migration[] = [
  `CREATE TABLE readers (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     next_line INTEGER NOT NULL DEFAULT 1,
     used_at REAL NOT NULL,
     pid INTEGER,
     started REAL
   ) STRICT;
   CREATE TABLE positions (
     reader INTEGER NOT NULL REFERENCES readers (id) ON DELETE CASCADE,
     system TEXT NOT NULL,
     root TEXT NOT NULL,
     source TEXT NOT NULL,
     path TEXT NOT NULL,
     stamp TEXT NOT NULL,
     position TEXT NOT NULL,
     kept TEXT NOT NULL,
     saved_at REAL NOT NULL,
     PRIMARY KEY (reader, system, root, source, path)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE lines (
     reader INTEGER NOT NULL REFERENCES readers (id) ON DELETE CASCADE,
     id INTEGER NOT NULL,
     line TEXT NOT NULL,
     PRIMARY KEY (reader, id)
   ) STRICT, WITHOUT ROWID;`,
];

/** Whose logs. */
export interface KeptSystem {
  readonly system: SystemId;
  readonly root: string;
}

/** One log as it is kept. */
export interface KeptLog {
  readonly source: string;
  readonly path: string;
  /** What `kept` depends on beside the bytes: the version of what made it. */
  readonly stamp: string;
  readonly position: Json;
  /** What was made of the bytes before the position. */
  readonly kept: Json;
}

/** What is committed at once. */
export interface PositionCommit {
  readonly of: KeptSystem;
  readonly logs: readonly KeptLog[];
  /** Logs that are no longer followed. */
  readonly gone: readonly Pick<KeptLog, 'source' | 'path'>[];
  /** Lines to hand on, in order. */
  readonly lines: readonly string[];
}

/** A line with its number in what its reader hands on: 1, 2, 3 and so on, without a hole. */
export interface WaitingLine {
  readonly id: number;
  readonly line: string;
}

/** The positions of one reader. Calls may throw while another process writes. */
export interface PositionStore {
  /** The file that was put aside because it was broken, and why. */
  readonly quarantined?: { readonly path: string; readonly why: string };
  load(of: KeptSystem): readonly KeptLog[];
  /** In one transaction, all or nothing. */
  commit(commit: PositionCommit, now: Instant): void;
  /** Committed lines that are not known to have been handed on, the oldest first. */
  waiting(limit: number): readonly WaitingLine[];
  /** Lines up to this one were handed on. */
  handedOn(id: number): void;
  close(): void;
}

/** How the positions are opened. */
export interface PositionOptions {
  readonly directory: string;
  /** Whose positions: one process at a time has them, where it is named by `self`. */
  readonly reader: string;
  readonly now: Instant;
  readonly self?: ProcessMark;
  isAlive(holder: ProcessMark): boolean;
}

/**
 * Opens or creates the file. A broken one is put aside for a cockpit: what it held can be read again from the logs, as
 * far as they go back. One process alone (`self`) is refused then (exit 3), as it is when another one has this reader
 * (UserError, exit 4).
 */
export function openPositions(options: PositionOptions): PositionStore {
  const { directory, now } = options;
  const { database, quarantined } = openDatabase({
    path: join(directory, POSITIONS_FILE),
    title: 'the positions in logs',
    applicationId: POSITIONS_ID,
    migrations: MIGRATIONS,
    // A power loss may undo the newest commits, each as a whole: they are then made again.
    synchronous: 'NORMAL',
    // Numbered lines would begin anew without a word; a cockpit reads the logs once more.
    whenBroken: options.self ? 'refuse' : 'quarantine',
    mend: 'move it away: every `logs --resume` then begins anew',
    now,
  });
  try {
    database.pragma('foreign_keys = ON');
    const take = database.transaction(() => takeReader(database, options));
    const reader = retryWhileBusy(() => take.immediate());
    return storeOf(database, reader, options.self, quarantined);
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw new UserError('the positions in logs stay locked: another process writes all the time', [], 3);
  }
}

interface StoredReader {
  readonly id: number;
  readonly pid: number | null;
  readonly started: number | null;
}

function takeReader(
  database: Database.Database,
  { reader, now, self, isAlive }: PositionOptions,
): StoredReader['id'] {
  database.prepare('DELETE FROM readers WHERE used_at < ? AND name <> ?').run(now - FORGET_MS, reader);
  database.prepare('DELETE FROM positions WHERE saved_at < ?').run(now - FORGET_MS);
  database.prepare('INSERT OR IGNORE INTO readers (name, used_at) VALUES (?, ?)').run(reader, now);
  const { id, pid, started } = database
    .prepare('SELECT id, pid, started FROM readers WHERE name = ?')
    .get(reader) as StoredReader;
  if (self && pid !== null && isAlive({ pid, startedAt: instant(started ?? 0) }))
    throw new UserError(
      `another process goes on from "${reader}": pid ${pid}`,
      ['end it', 'or choose another name'],
      4,
    );
  database
    .prepare('UPDATE readers SET used_at = ?, pid = ?, started = ? WHERE id = ?')
    .run(now, self?.pid ?? null, self?.startedAt ?? null, id);
  return id;
}

function storeOf(
  database: Database.Database,
  reader: number,
  self: ProcessMark | undefined,
  quarantined: PositionStore['quarantined'],
): PositionStore {
  const load = database.prepare(
    'SELECT source, path, stamp, position, kept FROM positions WHERE reader = ? AND system = ? AND root = ?',
  );
  const put = database.prepare(
    `INSERT OR REPLACE INTO positions (reader, system, root, source, path, stamp, position, kept, saved_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const drop = database.prepare(
    'DELETE FROM positions WHERE reader = ? AND system = ? AND root = ? AND source = ? AND path = ?',
  );
  const nextLine = database.prepare('SELECT next_line FROM readers WHERE id = ?').pluck();
  const setNextLine = database.prepare('UPDATE readers SET next_line = ?, used_at = ? WHERE id = ?');
  const addLine = database.prepare('INSERT INTO lines (reader, id, line) VALUES (?, ?, ?)');
  const waiting = database.prepare('SELECT id, line FROM lines WHERE reader = ? ORDER BY id LIMIT ?');
  const dropLines = database.prepare('DELETE FROM lines WHERE reader = ? AND id <= ?');
  const release = database.prepare('UPDATE readers SET pid = NULL, started = NULL WHERE id = ?');

  const commit = database.transaction(({ of, logs, gone, lines }: PositionCommit, now: Instant) => {
    for (const { source, path } of gone) drop.run(reader, of.system, of.root, source, path);
    for (const { source, path, stamp, position, kept } of logs)
      put.run(
        reader,
        of.system,
        of.root,
        source,
        path,
        stamp,
        JSON.stringify(position),
        JSON.stringify(kept),
        now,
      );
    if (lines.length === 0) return;
    const first = Number(nextLine.get(reader));
    for (const [index, line] of lines.entries()) addLine.run(reader, first + index, line);
    setNextLine.run(first + lines.length, now, reader);
  });

  return {
    ...(quarantined ? { quarantined } : {}),
    load: ({ system, root }) =>
      (load.all(reader, system, root) as { [K in keyof KeptLog]: string }[]).map((row) => ({
        ...row,
        position: JSON.parse(row.position) as Json,
        kept: JSON.parse(row.kept) as Json,
      })),
    commit: (all, now) => commit.immediate(all, now),
    waiting: (limit) => waiting.all(reader, limit) as WaitingLine[],
    handedOn: (id) => void dropLines.run(reader, id),
    close() {
      try {
        if (self) release.run(reader);
      } catch (error) {
        // A process that is gone has no reader, whether it said so or not.
        if (!isBusy(error)) throw error;
      } finally {
        database.close();
      }
    },
  };
}
