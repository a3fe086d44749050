import type Database from 'better-sqlite3';
import type { Instant } from '../domain/instant.ts';

/** How long it is remembered that an event was fired, in milliseconds. */
const KEPT_MS = 30 * 24 * 3_600_000;

/** Which events were handed to which program or address: of several cockpits of a host one fires, once. */
export interface AlertClaims {
  /**
   * True for the first who asks, for this event and this hook. With `repeatMs` an older claim than that counts no more:
   * for events whose later occasions can't be told apart by their id.
   */
  claim(event: string, hook: string, now: Instant, repeatMs?: number): boolean;
}

/** The store over an open database with the schema of `host-store.ts`. */
export function createAlertClaims(database: Database.Database): AlertClaims {
  const insert = database.prepare(
    `INSERT INTO alert_claims (event, hook, at) VALUES (?, ?, ?)
     ON CONFLICT (event, hook) DO UPDATE SET at = excluded.at WHERE alert_claims.at <= ?`,
  );
  const sweep = database.prepare('DELETE FROM alert_claims WHERE at < ?');
  const claim = database.transaction(
    (event: string, hook: string, now: Instant, repeatMs: number | undefined) => {
      const isFirst = insert.run(event, hook, now, now - (repeatMs ?? KEPT_MS)).changes === 1;
      if (isFirst) sweep.run(now - KEPT_MS);
      return isFirst;
    },
  );
  return { claim: (event, hook, now, repeatMs) => claim.immediate(event, hook, now, repeatMs) };
}
