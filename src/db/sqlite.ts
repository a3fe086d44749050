/** The SQLite library: native code that is there only where the installation is whole. */
import { createRequire } from 'node:module';
import type Database from 'better-sqlite3';
import { messageOf, UserError } from '../domain/error.ts';

/**
 * Opens a file. The library is loaded now and not at start, so that without it everything that needs no record of ours
 * still works. Throws a UserError (exit 3) that names what is missing.
 */
export function connectSqlite(path: string, options: Database.Options = {}): Database.Database {
  try {
    const Sqlite = createRequire(import.meta.url)('better-sqlite3') as typeof Database;
    return new Sqlite(path, options);
  } catch (error) {
    if (!isMissingLibrary(error)) throw error;
    throw new UserError(
      `better-sqlite3 can't be loaded: ${messageOf(error).split('\n')[0]}`,
      ['its files are no longer whole, or are those of another machine: install Binnacle again'],
      3,
    );
  }
}

function isMissingLibrary(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'MODULE_NOT_FOUND' || code === 'ERR_DLOPEN_FAILED' || code === 'ERR_MODULE_NOT_FOUND';
}
