/** How old rows leave the history. */
import type Database from 'better-sqlite3';
import type { Instant } from '../domain/instant.ts';
import { GONE } from '../domain/sighting.ts';

/** What is to go. */
export interface SweepOrder {
  readonly before: Instant;
  /** Used bytes of the file beyond which the oldest changes go, however young. */
  readonly maxBytes: number;
  readonly limit: number;
}

/** Removes up to `limit` rows of each sort in one transaction; how many went. */
export function sweepHistory(database: Database.Database, { before, maxBytes, limit }: SweepOrder): number {
  const changesBefore = usedBytes(database) > maxBytes ? Number.MAX_SAFE_INTEGER : before;
  const removed = (sql: string, ...values: number[]): number => database.prepare(sql).run(...values).changes;
  return database
    .transaction(() => {
      // The subquery ends after `limit` rows: one that looked for old rows would read them all.
      const changes = removed(
        'DELETE FROM changes WHERE seen_at < ? AND seq IN (SELECT seq FROM changes ORDER BY seq LIMIT ?)',
        changesBefore,
        limit,
      );
      const remarks = removed(
        'DELETE FROM remarks WHERE at < ? AND seq IN (SELECT seq FROM remarks ORDER BY seq LIMIT ?)',
        before,
        limit,
      );
      // What is known of things that went away; few at a time, and found by a walk over them all.
      const states =
        changes + remarks > 0
          ? 0
          : removed(
              `DELETE FROM states WHERE (system, type, id) IN (SELECT system, type, id FROM states
                 WHERE state = '${GONE}' AND seen_at < ? LIMIT ?)`,
              before,
              limit,
            );
      if (remarks > 0) removed('DELETE FROM remarks_read WHERE seq NOT IN (SELECT seq FROM remarks)');
      return changes + remarks + states;
    })
    .immediate();
}

function usedBytes(database: Database.Database): number {
  const pragma = (name: string): number => Number(database.pragma(name, { simple: true }));
  return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
}
