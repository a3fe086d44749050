import type Database from 'better-sqlite3';
import { addMs, type Instant, instant } from '../domain/instant.ts';

/** A hold lapses when its holder has pressed no key for so long, in milliseconds. */
export const HOLD_MS = 90_000;

/** "I have this item", seen by every operator of the host. */
export interface HoldStore {
  /** Takes or renews. `held` is false when another has it: `by` says who. */
  take(
    key: string,
    who: string,
    now: Instant,
  ): { readonly held: boolean; readonly by: string; readonly until: Instant };
  /** Renews all holds of one holder: called when they press a key. */
  renew(who: string, now: Instant): void;
  release(key: string, who: string): void;
  /** Lets go everything of one holder: their cockpit closes. */
  releaseAll(who: string): void;
  holderOf(key: string, now: Instant): { readonly by: string; readonly until: Instant } | undefined;
  list(now: Instant): readonly { readonly key: string; readonly by: string; readonly until: Instant }[];
}

interface StoredHold {
  readonly key: string;
  readonly holder: string;
  readonly until: number;
}

/** The store over an open database with the schema of `host-store.ts`. */
export function createHoldStore(database: Database.Database): HoldStore {
  const select = database.prepare('SELECT * FROM holds WHERE key = ? AND until > ?');
  const upsert = database.prepare(
    'INSERT INTO holds (key, holder, until) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, until = excluded.until',
  );
  const sweep = database.prepare('DELETE FROM holds WHERE until <= ?');
  const take = database.transaction((key: string, who: string, now: Instant) => {
    const other = select.get(key, now) as StoredHold | undefined;
    if (other && other.holder !== who) return { held: false, by: other.holder, until: instant(other.until) };
    sweep.run(now);
    upsert.run(key, who, addMs(now, HOLD_MS));
    return { held: true, by: who, until: addMs(now, HOLD_MS) };
  });
  const renew = database.prepare('UPDATE holds SET until = ? WHERE holder = ? AND until > ?');
  const release = database.prepare('DELETE FROM holds WHERE key = ? AND holder = ?');
  const releaseAll = database.prepare('DELETE FROM holds WHERE holder = ?');
  const list = database.prepare('SELECT * FROM holds WHERE until > ? ORDER BY key');
  return {
    take: (key, who, now) => take.immediate(key, who, now),
    renew: (who, now) => void renew.run(addMs(now, HOLD_MS), who, now),
    release: (key, who) => void release.run(key, who),
    releaseAll: (who) => void releaseAll.run(who),
    holderOf: (key, now) => {
      const hold = select.get(key, now) as StoredHold | undefined;
      return hold && { by: hold.holder, until: instant(hold.until) };
    },
    list: (now) =>
      (list.all(now) as StoredHold[]).map((hold) => ({
        key: hold.key,
        by: hold.holder,
        until: instant(hold.until),
      })),
  };
}
