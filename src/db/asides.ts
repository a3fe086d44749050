import type Database from 'better-sqlite3';
import type { Aside } from '../domain/aside.ts';
import { type Instant, instant } from '../domain/instant.ts';

/** What is set aside on this host: until it changes, until a time, or for good with a reason. */
export interface AsideStore {
  put(aside: Aside, now: Instant): void;
  /** False when it was not aside. */
  back(key: string): boolean;
  /** Those whose time has not come. Whether the item changed is judged by `domain/aside.ts`. */
  list(now: Instant): readonly Aside[];
}

interface StoredAside {
  readonly key: string;
  readonly revision: string;
  readonly until: number | null;
  readonly for_good: number;
  readonly reason: string | null;
  readonly by_whom: string;
}

/** The store over an open database with the schema of `host-store.ts`. */
export function createAsideStore(database: Database.Database): AsideStore {
  const put = database.prepare(
    'INSERT OR REPLACE INTO asides (key, revision, until, for_good, reason, by_whom, at) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const back = database.prepare('DELETE FROM asides WHERE key = ?');
  const list = database.prepare(
    'SELECT * FROM asides WHERE for_good = 1 OR until IS NULL OR until > ? ORDER BY at, key',
  );
  return {
    put(aside, now) {
      if (aside.forGood && !aside.reason?.trim())
        throw new RangeError('setting an item aside for good needs a reason');
      put.run(
        aside.key,
        aside.revision,
        aside.until ?? null,
        aside.forGood ? 1 : 0,
        aside.reason ?? null,
        aside.by,
        now,
      );
    },
    back: (key) => back.run(key).changes === 1,
    list: (now) =>
      (list.all(now) as StoredAside[]).map((row) => ({
        key: row.key,
        revision: row.revision,
        forGood: row.for_good === 1,
        by: row.by_whom,
        ...(row.until === null ? {} : { until: instant(row.until) }),
        ...(row.reason === null ? {} : { reason: row.reason }),
      })),
  };
}
