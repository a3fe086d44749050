import { connectSqlite } from './sqlite.ts';

/** Version of the SQLite in use. Throws UserError where its library can't be loaded. */
export function sqliteVersion(): string {
  const database = connectSqlite(':memory:');
  try {
    return String(database.prepare('select sqlite_version()').pluck().get());
  } finally {
    database.close();
  }
}
