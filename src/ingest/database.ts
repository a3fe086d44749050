/** Queries on SQLite databases: on private copies, so that their owners never notice. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { messageOf } from '../domain/error.ts';
import type { SpecOf } from './reader.ts';
import type { SqliteCopy } from './sqlite-copy.ts';

/** Rows taken of one query; a result that long is not a cockpit's. */
const MOST_ROWS = 50_000;

type Queries = SpecOf<'database'>['queries'];
type Row = { [column: string]: string | number | null };
/** Rows by query; `error` says why there are none. */
export type QueryOutcome = {
  readonly results: { [id: string]: Row[] };
  readonly failed: { [id: string]: string };
  readonly error?: string;
};

/** Runs queries on a copy, which is opened in memory, or from a private directory when a log belongs to it. */
export function queryCopy(copy: SqliteCopy, queries: Queries): QueryOutcome {
  if (copy.wal === undefined && copy.journal === undefined) {
    // Without its log a database in WAL mode can't be opened in memory: versions 1 say rollback journal.
    if (copy.database.length > 19) {
      copy.database[18] = 1;
      copy.database[19] = 1;
    }
    return query(() => connect(copy.database), queries);
  }
  const directory = mkdtempSync(join(tmpdir(), 'binnacle-'));
  try {
    const path = join(directory, 'copy.db');
    writeFileSync(path, copy.database, { mode: 0o600 });
    if (copy.wal) writeFileSync(`${path}-wal`, copy.wal, { mode: 0o600 });
    if (copy.journal) writeFileSync(`${path}-journal`, copy.journal, { mode: 0o600 });
    return query(() => connect(path, { fileMustExist: true, timeout: 50 }), queries);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Runs queries on a database where it lies, over one short read-only connection. Only for one that somebody has open in
 * WAL mode, by its owner or root: then nothing is created beside it and no writer waits.
 */
export function queryInPlace(path: string, queries: Queries): QueryOutcome {
  return query(() => connect(path, { readonly: true, fileMustExist: true, timeout: 50 }), queries);
}

/** The library is native code, loaded when it is needed: without it all other sources are still read. */
function connect(what: string | Buffer, options: Database.Options = {}): Database.Database {
  const Sqlite = createRequire(import.meta.url)('better-sqlite3') as typeof Database;
  return new Sqlite(what, options);
}

function query(open: () => Database.Database, queries: Queries): QueryOutcome {
  const results: { [id: string]: Row[] } = {};
  const failed: { [id: string]: string } = {};
  let database: Database.Database | undefined;
  try {
    database = open();
    database.pragma('trusted_schema = OFF');
    for (const one of queries) {
      try {
        results[one.id] = rowsOf(database, one.sql, one.params ?? []);
      } catch (error) {
        const reason = messageOf(error);
        if (!/^no such (table|column)|has no column/.test(reason)) throw error;
        if (one.optional !== true) {
          return {
            results,
            failed,
            error: `of another shape than expected: ${reason} (query ${one.id})`,
          };
        }
        failed[one.id] = reason;
      }
    }
    return { results, failed };
  } catch (error) {
    return { results, failed, error: explainSqlite(error) };
  } finally {
    database?.close();
  }
}

/** Rows with integers as numbers and blobs as text. */
function rowsOf(database: Database.Database, sql: string, params: readonly (string | number)[]): Row[] {
  const rows: Row[] = [];
  for (const row of database.prepare(sql).iterate(...params)) {
    const plain: Row = {};
    for (const [column, value] of Object.entries(row as object)) plain[column] = plainValue(value);
    rows.push(plain);
    if (rows.length >= MOST_ROWS) break;
  }
  return rows;
}

function plainValue(value: unknown): string | number | null {
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  return null;
}

function explainSqlite(error: unknown): string {
  const { code } = error as { readonly code?: string };
  if (code === 'SQLITE_NOTADB') return 'not a SQLite database (or an encrypted one)';
  if (code === 'SQLITE_CORRUPT')
    return 'damaged: SQLite can not read it; its owner should run PRAGMA integrity_check';
  if (code === 'SQLITE_BUSY') return 'locked by its owner; tried again';
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_DLOPEN_FAILED')
    return `better-sqlite3 can't be loaded: ${messageOf(error).split('\n')[0]}`;
  return messageOf(error);
}
