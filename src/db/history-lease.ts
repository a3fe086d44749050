import type Database from 'better-sqlite3';
import { type Instant, instant } from '../domain/instant.ts';
import type { ProcessMark } from '../domain/order.ts';

/** The holder renews as often, in milliseconds: seldom, since each beat is a commit of an idle cockpit. */
export const LEASE_BEAT_MS = 4_000;
/** A holder that is there and does not beat (stopped, swapped out) loses the lease after this. */
const SILENT_MS = 10_000;

/** What came of asking for the lease of one system. */
export type LeaseAnswer =
  | { readonly held: false }
  /** `watchedUntil`: the last beat before ours, where this one took it anew. */
  | { readonly held: true; readonly gained: boolean; readonly watchedUntil?: Instant };

/** Who writes the history of a system: one cockpit, by process number and start time. */
export interface LeaseStore {
  /** Takes or renews. `isAlive` looks whether a process is there. */
  take(
    system: number,
    self: ProcessMark,
    now: Instant,
    isAlive: (holder: ProcessMark) => boolean,
  ): LeaseAnswer;
  /** Whether this process still has it; asked within the transaction that writes. */
  isHeldBy(system: number, self: ProcessMark): boolean;
  /** Renewals in one transaction: one commit however many systems are watched. */
  together(renew: () => void): void;
  /** Who has it, alive or not. */
  holder(system: number): ProcessMark | undefined;
  /** Lets go of all leases of this process. The last beat stays: until then the systems were watched. */
  release(self: ProcessMark, now: Instant): void;
}

interface StoredLease {
  readonly lease_pid: number | null;
  readonly lease_started: number | null;
  readonly lease_at: number | null;
}

/** The store over an open database with the schema of `history-schema.ts`. */
export function createLeaseStore(database: Database.Database): LeaseStore {
  const get = database.prepare('SELECT lease_pid, lease_started, lease_at FROM systems WHERE id = ?');
  const set = database.prepare(
    'UPDATE systems SET lease_pid = ?, lease_started = ?, lease_at = ? WHERE id = ?',
  );
  const letGo = database.prepare(
    'UPDATE systems SET lease_pid = NULL, lease_started = NULL, lease_at = ? WHERE lease_pid = ? AND lease_started = ?',
  );
  const isOurs = (lease: StoredLease | undefined, self: ProcessMark): boolean =>
    lease?.lease_pid === self.pid && lease.lease_started === self.startedAt;

  const mayTake = (lease: StoredLease, now: Instant, isAlive: (holder: ProcessMark) => boolean): boolean => {
    if (lease.lease_pid === null || lease.lease_at === null) return true;
    const holder = holderOf(lease);
    // A clock that was set back makes a beat of the future: as old as one of the past.
    const isSilent = Math.abs(now - lease.lease_at) > SILENT_MS;
    return holder === undefined || isSilent || !isAlive(holder);
  };

  const take = database.transaction(
    (system: number, self: ProcessMark, now: Instant, isAlive: (holder: ProcessMark) => boolean) => {
      const lease = get.get(system) as StoredLease;
      const mine = isOurs(lease, self);
      if (!mine && !mayTake(lease, now, isAlive)) return { held: false } as const;
      set.run(self.pid, self.startedAt, now, system);
      return {
        held: true,
        gained: !mine,
        ...(lease.lease_at === null ? {} : { watchedUntil: instant(lease.lease_at) }),
      } as const;
    },
  );

  return {
    take(system, self, now, isAlive) {
      // Looked at before the write lock is asked for: those who wait do not disturb the one who writes.
      const lease = get.get(system) as StoredLease;
      if (!isOurs(lease, self) && !mayTake(lease, now, isAlive)) return { held: false };
      return take.immediate(system, self, now, isAlive);
    },
    together: (renew) => database.transaction(renew).immediate(),
    holder(system) {
      const lease = get.get(system) as StoredLease | undefined;
      return lease ? holderOf(lease) : undefined;
    },
    isHeldBy: (system, self) => isOurs(get.get(system) as StoredLease | undefined, self),
    release: (self, now) => void letGo.run(now, self.pid, self.startedAt),
  };
}

function holderOf({ lease_pid: pid, lease_started: startedAt }: StoredLease): ProcessMark | undefined {
  return pid === null ? undefined : { pid, startedAt: instant(startedAt ?? 0) };
}
