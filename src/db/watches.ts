import type Database from 'better-sqlite3';
import type { EntityType, SystemId } from '../domain/entity.ts';
import { refKey } from '../domain/entity.ts';
import { addMs, type Instant, instant } from '../domain/instant.ts';
import type { WatchRecord } from '../domain/watch.ts';

/** How long a watch that ended with its item stays listed, in milliseconds. */
const KEPT_MS = 24 * 3_600_000;

/** Items users want to be told about. Survives a restart of the cockpit, the last state told included. */
export interface WatchStore {
  /** Begins a watch, or begins it anew. */
  set(watch: WatchRecord): void;
  /** False when it was not watched. */
  drop(by: string, key: string): boolean;
  /** Of one user, oldest first; those that ended within a day included. */
  list(by: string, now: Instant): readonly WatchRecord[];
  /**
   * Notes that the item moved on from the state this cockpit knew. Of several cockpits that see the same move one
   * writes it; all get the row as it is then, undefined when the watch is gone.
   */
  move(
    watch: WatchRecord,
    to: { readonly state: string; readonly since: Instant; readonly title: string },
  ): WatchRecord | undefined;
  /** Notes that the item ended. */
  end(watch: WatchRecord, state: string, at: Instant): void;
}

interface StoredWatch {
  readonly who: string;
  readonly key: string;
  readonly system: string;
  readonly type: string;
  readonly id: string;
  readonly title: string;
  readonly state: string;
  readonly since: number;
  readonly set_at: number;
  readonly moves: number;
  readonly ended_at: number | null;
}

/** The store over an open database with the schema of `host-store.ts`. */
export function createWatchStore(database: Database.Database): WatchStore {
  const set = database.prepare(
    `INSERT OR REPLACE INTO watches (who, key, system, type, id, title, state, since, set_at, moves, ended_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, NULL)`,
  );
  const drop = database.prepare('DELETE FROM watches WHERE who = ? AND key = ?');
  const get = database.prepare('SELECT * FROM watches WHERE who = ? AND key = ?');
  const list = database.prepare(
    'SELECT * FROM watches WHERE who = ? AND (ended_at IS NULL OR ended_at > ?) ORDER BY set_at, key',
  );
  const sweep = database.prepare('DELETE FROM watches WHERE ended_at <= ?');
  const move = database.prepare(
    `UPDATE watches SET state = ?, since = ?, title = ?, moves = moves + 1
     WHERE who = ? AND key = ? AND set_at = ? AND state = ? AND ended_at IS NULL`,
  );
  const end = database.prepare(
    'UPDATE watches SET state = ?, ended_at = ? WHERE who = ? AND key = ? AND set_at = ? AND ended_at IS NULL',
  );
  return {
    set(watch) {
      const { ref } = watch;
      sweep.run(addMs(watch.setAt, -KEPT_MS));
      set.run(
        watch.by,
        refKey(ref),
        ref.system,
        ref.type,
        ref.id,
        watch.title,
        watch.state,
        watch.since,
        watch.setAt,
      );
    },
    drop: (by, key) => drop.run(by, key).changes === 1,
    list: (by, now) => (list.all(by, addMs(now, -KEPT_MS)) as StoredWatch[]).map(watchOf),
    move(watch, to) {
      const key = refKey(watch.ref);
      move.run(to.state, to.since, to.title, watch.by, key, watch.setAt, watch.state);
      const row = get.get(watch.by, key) as StoredWatch | undefined;
      return row && watchOf(row);
    },
    end: (watch, state, at) => void end.run(state, at, watch.by, refKey(watch.ref), watch.setAt),
  };
}

function watchOf(row: StoredWatch): WatchRecord {
  return {
    by: row.who,
    ref: { system: row.system as SystemId, type: row.type as EntityType, id: row.id },
    title: row.title,
    state: row.state,
    since: instant(row.since),
    setAt: instant(row.set_at),
    moves: row.moves,
    ...(row.ended_at === null ? {} : { endedAt: instant(row.ended_at) }),
  };
}
