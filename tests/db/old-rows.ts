import Database from 'better-sqlite3';
import type { Instant } from '../../src/domain/instant.ts';

/** Changes of long ago, put into the history at `path` at once, and on the disk when this returns. */
export function makeOldRows(
  path: string,
  { rows, system, from, everyMs }: { rows: number; system: number; from: Instant; everyMs: number },
): void {
  const database = new Database(path);
  database
    .prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @rows)
       INSERT INTO changes (system, type, id, title, at, seen_at, from_state, from_since, to_state, weight, evidence, log_keys)
       SELECT @system, 'job', 'job-' || (i % 5000), 'nightly import number ' || (i % 5000), @from + i * @everyMs,
         @from + i * @everyMs, 'queued', @from + i * @everyMs - 5000, 'running', 'info',
         '{"source":"board","path":"board.json","offset":0}', '["job"]' FROM n`,
    )
    .run({ rows, system, from, everyMs });
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
}
