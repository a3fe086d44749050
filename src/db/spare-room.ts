/** Writing on a full disk: in space that a database of ours has already, or that was set apart for it. */
import type Database from 'better-sqlite3';
import { quietly } from '../lib/quietly.ts';
import { isWriteFailure, releaseBallast } from './ballast.ts';

/**
 * Runs a write once more where it failed for want of space, after what stands in the -wal file was copied to where it
 * belongs: the file is written from its beginning then, and need not grow.
 */
export function writeInWal<T>(database: Database.Database, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (!isWriteFailure(error) || database.inTransaction) throw error;
    quietly(() => database.pragma('wal_checkpoint(RESTART)'), undefined);
    return write();
  }
}

/** The same with each method of a store; what fails even so is tried on the ballast of the file at `path`. */
export function withSpareRoom<T extends object>(store: T, path: string, database: Database.Database): T {
  const guarded =
    (method: (...values: unknown[]) => unknown) =>
    (...values: unknown[]): unknown => {
      const write = (): unknown => method(...values);
      try {
        return writeInWal(database, write);
      } catch (error) {
        if (!isWriteFailure(error) || !releaseBallast(path)) throw error;
        return write();
      }
    };
  return Object.fromEntries(
    Object.entries(store).map(([name, method]) => [
      name,
      typeof method === 'function' ? guarded(method as (...values: unknown[]) => unknown) : method,
    ]),
  ) as T;
}
