import type Database from 'better-sqlite3';
import type { Instant } from '../domain/instant.ts';
import type { ProcessMark } from '../domain/order.ts';

/** A cockpit that has not said "here" for so long is taken for gone, in milliseconds. */
const GONE_MS = 15_000;

/** Who sits at a cockpit of this host. */
export interface PresenceStore {
  /** Says "here"; every 5 s. */
  beat(cockpit: ProcessMark, who: string, terminal: string, now: Instant): void;
  leave(cockpit: ProcessMark): void;
  /** The others, `self` left out, in order of name. */
  others(self: ProcessMark, now: Instant): readonly { readonly who: string; readonly terminal: string }[];
}

/** The store over an open database with the schema of `host-store.ts`. */
export function createPresenceStore(database: Database.Database): PresenceStore {
  const upsert = database.prepare(
    'INSERT INTO presence (pid, started, who, terminal, beat_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (pid, started) DO UPDATE SET beat_at = excluded.beat_at, who = excluded.who, terminal = excluded.terminal',
  );
  const sweep = database.prepare('DELETE FROM presence WHERE beat_at < ?');
  const beat = database.transaction((cockpit: ProcessMark, who: string, terminal: string, now: Instant) => {
    sweep.run(now - GONE_MS);
    upsert.run(cockpit.pid, cockpit.startedAt, who, terminal, now);
  });
  const leave = database.prepare('DELETE FROM presence WHERE pid = ? AND started = ?');
  const others = database.prepare(
    'SELECT who, terminal FROM presence WHERE beat_at >= ? AND NOT (pid = ? AND started = ?) ORDER BY who, terminal',
  );
  const synchronous = Number(database.pragma('synchronous', { simple: true }));
  return {
    beat(cockpit, who, terminal, now) {
      // A beat that a power loss takes back is missed by nobody: the disk need not be waited for.
      database.pragma('synchronous = NORMAL');
      try {
        beat.immediate(cockpit, who, terminal, now);
      } finally {
        database.pragma(`synchronous = ${synchronous}`);
      }
    },
    leave: (cockpit) => void leave.run(cockpit.pid, cockpit.startedAt),
    others: (self, now) =>
      others.all(now - GONE_MS, self.pid, self.startedAt) as readonly { who: string; terminal: string }[],
  };
}
