import type Database from 'better-sqlite3';

/** SQL that brings a database from the version before to this one. */
export type Migration = string;

/** Schema version of an open database; 0 for a new one. */
export function schemaVersion(database: Database.Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

/**
 * Applies what is missing, all in one transaction, so that a kill leaves the old version or the new one. Safe when
 * several processes come at once: the version is read again under the lock.
 */
export function migrate(
  database: Database.Database,
  applicationId: number,
  migrations: readonly Migration[],
): void {
  if (schemaVersion(database) === migrations.length) return;
  database
    .transaction(() => {
      for (const sql of migrations.slice(schemaVersion(database))) database.exec(sql);
      database.pragma(`application_id = ${applicationId}`);
      database.pragma(`user_version = ${migrations.length}`);
    })
    .immediate();
}
