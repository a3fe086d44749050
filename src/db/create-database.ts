/** How a database of ours comes to be: whole, or not at all. */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fchmodSync, linkSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Migration, migrate } from './migration.ts';
import { connectSqlite } from './sqlite.ts';
import { syncDirectory } from './sync-directory.ts';

/**
 * Makes it under another name, with its schema, and gives it its own name then: a file of ours that is empty or without
 * its marks is damaged, and never one that was just begun. Does nothing where another process was faster. Throws as the
 * file system and SQLite do, and leaves nothing behind then.
 */
export function createDatabase(spec: {
  readonly path: string;
  readonly applicationId: number;
  readonly migrations: readonly Migration[];
  readonly mode: number;
}): void {
  const made = `${spec.path}.new-${randomBytes(6).toString('hex')}`;
  try {
    // Made before SQLite would make it with the umask's mode.
    const descriptor = openSync(made, 'wx', spec.mode);
    fchmodSync(descriptor, spec.mode);
    closeSync(descriptor);
    const database = connectSqlite(made);
    try {
      migrate(database, spec.applicationId, spec.migrations);
      database.pragma('journal_mode = WAL');
    } finally {
      database.close();
    }
    giveName(made, spec.path);
    syncDirectory(dirname(spec.path));
  } finally {
    for (const part of ['', '-journal', '-wal', '-shm']) rmSync(made + part, { force: true });
  }
}

/** Never over a file that is there. */
function giveName(made: string, path: string): void {
  try {
    linkSync(made, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    // Some file systems have no second names.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code ?? '')) throw error;
    if (!existsSync(path)) renameSync(made, path);
  }
}
