import { statSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import type { EntityType, SystemId } from '../domain/entity.ts';
import { entityKey } from '../domain/entity.ts';
import { changeOf, type KnownState, knownAfter, type StateChange, usualStay } from '../domain/history.ts';
import type { Instant } from '../domain/instant.ts';
import type { ProcessMark } from '../domain/order.ts';
import { GONE, isSameTraits, type Sighting } from '../domain/sighting.ts';
import { createLeaseStore, type LeaseStore } from './history-lease.ts';
import { createRemarkStore, type RemarkStore } from './history-remarks.ts';
import {
  changeFrom,
  changeRow,
  knownFrom,
  type StoredChange,
  type StoredState,
  stateRow,
} from './history-rows.ts';
import { HISTORY_ID, HISTORY_MIGRATIONS } from './history-schema.ts';
import { sweepHistory } from './history-sweep.ts';
import { openDatabase } from './open.ts';
import { writeInWal } from './spare-room.ts';

/** Name of the file in its directory. */
export const HISTORY_FILE = 'history.db';
/** Stays looked at for what is usual: the newest ones. */
const STAYS = 200;
/** Copied from the -wal file at once: a quarter of what is usual, for 7 ms instead of 17 at worst while old rows go. */
const CHECKPOINT_PAGES = 250;

/** Which changes are wanted; all conditions hold together. */
export interface ChangeQuery {
  /** Rows of {@link HistoryStore.systemId}; default all. */
  readonly systems?: readonly number[];
  readonly since?: Instant;
  readonly until?: Instant;
  /** The newest so many; default 10,000. */
  readonly limit?: number;
}

/** Something the record holds to be there. */
export interface KnownThing {
  readonly type: EntityType;
  readonly id: string;
  readonly title: string;
  readonly source: string;
  /** When its newest change was seen. */
  readonly seenAt: Instant;
}

/** What happened on the watched systems, across cockpits and their restarts. Calls may throw while another writes. */
export interface HistoryStore {
  readonly path: string;
  readonly lease: LeaseStore;
  readonly remarks: RemarkStore;
  /** The file that was put aside because it was broken, and why. */
  readonly quarantined?: { readonly path: string; readonly why: string };
  /** The row of a system, made where there is none. */
  systemId(name: SystemId, root: string): number;
  /** The same without making it: undefined for a system nobody ever watched. */
  findSystem(name: SystemId, root: string): number | undefined;
  known(system: number, thing: { readonly type: EntityType; readonly id: string }): KnownState | undefined;
  /**
   * Records what is new in these sightings, in one transaction; returns the changes. Undefined when this process does
   * not have the lease (any more): nothing was written then.
   */
  record(
    system: number,
    self: ProcessMark,
    sightings: readonly Sighting[],
    watchedUntil: Instant | undefined,
  ): readonly StateChange[] | undefined;
  /** What is held to be there, in order of key, behind `after`. */
  present(system: number, after: KnownThing | undefined, limit: number): readonly KnownThing[];
  /** Oldest first. */
  changes(query: ChangeQuery): readonly StateChange[];
  /** How long a thing of this type usually stays in this state, in milliseconds. See {@link usualStay}. */
  usualStayMs(system: number, type: EntityType, state: string): number | undefined;
  /** Removes up to `limit` of the oldest rows that are older than `before`, or make the file pass `maxBytes`. */
  sweep(before: Instant, maxBytes: number, limit: number): number;
  /** Size of the write-ahead file, in bytes. */
  walBytes(): number;
  close(): void;
}

/** How the history is opened. */
export interface HistoryOptions {
  readonly directory: string;
  readonly now: Instant;
  readonly busyMs?: number;
  /** 0660 in a directory shared by operators; default 0600. */
  readonly mode?: number;
  /** Opened to look into: a broken file is refused and left where it is. */
  readonly toLook?: boolean;
}

/** Opens or creates the history. A broken file is put aside and told: what it held is on disk in the systems' own files. */
export function openHistory(options: HistoryOptions): HistoryStore {
  const path = join(options.directory, HISTORY_FILE);
  const { database, quarantined } = openDatabase({
    path,
    title: 'the history',
    applicationId: HISTORY_ID,
    migrations: HISTORY_MIGRATIONS,
    synchronous: 'NORMAL',
    whenBroken: options.toLook === true ? 'refuse' : 'quarantine',
    now: options.now,
    ...(options.busyMs === undefined ? {} : { busyMs: options.busyMs }),
    ...(options.mode === undefined ? {} : { mode: options.mode }),
  });
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  return new SqliteHistory(path, database, quarantined);
}

class SqliteHistory implements HistoryStore {
  readonly path: string;
  readonly lease: LeaseStore;
  readonly remarks: RemarkStore;
  readonly quarantined?: { readonly path: string; readonly why: string };
  readonly #database: Database.Database;
  readonly #findSystem: Database.Statement;
  readonly #known: Database.Statement;
  readonly #putState: Database.Statement;
  readonly #addChange: Database.Statement;
  readonly #record: Database.Transaction<HistoryStore['record']>;
  readonly #stays: Database.Statement;

  constructor(path: string, database: Database.Database, quarantined: HistoryStore['quarantined']) {
    this.path = path;
    this.#database = database;
    if (quarantined) this.quarantined = quarantined;
    this.lease = createLeaseStore(database);
    this.remarks = createRemarkStore(database);
    this.#findSystem = database.prepare('SELECT id FROM systems WHERE name = ? AND root = ?').pluck();
    this.#known = database.prepare(
      'SELECT state, traits, since, changed_at, seen_at FROM states WHERE system = ? AND type = ? AND id = ?',
    );
    this.#putState = database.prepare(
      `INSERT OR REPLACE INTO states (system, type, id, title, state, traits, since, changed_at, seen_at, source)
       VALUES (@system, @type, @id, @title, @state, @traits, @since, @changedAt, @seenAt, @source)`,
    );
    this.#addChange = database.prepare(
      `INSERT OR IGNORE INTO changes (system, type, id, title, at, seen_at, not_before, from_state, from_since, to_state,
         detail, weight, evidence, log_keys)
       VALUES (@system, @type, @id, @title, @at, @seenAt, @notBefore, @from, @fromSince, @to, @detail, @weight, @evidence,
         @logKeys)`,
    );
    this.#stays = database
      .prepare(
        `SELECT at - from_since FROM changes
         WHERE system = ? AND type = ? AND from_state = ? AND from_since IS NOT NULL
           AND to_state <> from_state AND not_before IS NULL AND at > from_since
         ORDER BY seq DESC LIMIT ${STAYS}`,
      )
      .pluck();
    this.#record = database.transaction((system, self, sightings, watchedUntil) => {
      if (!this.lease.isHeldBy(system, self)) return undefined;
      return sightings.flatMap((sighting) => this.#take(system, sighting, watchedUntil) ?? []);
    });
  }

  systemId(name: SystemId, root: string): number {
    const found = this.findSystem(name, root);
    if (found !== undefined) return found;
    this.#database.prepare('INSERT OR IGNORE INTO systems (name, root) VALUES (?, ?)').run(name, root);
    return this.findSystem(name, root) as number;
  }

  findSystem(name: SystemId, root: string): number | undefined {
    return this.#findSystem.get(name, root) as number | undefined;
  }

  known(system: number, thing: { readonly type: EntityType; readonly id: string }): KnownState | undefined {
    const row = this.#known.get(system, thing.type, thing.id) as StoredState | undefined;
    return row && knownFrom(row);
  }

  record(
    system: number,
    self: ProcessMark,
    sightings: readonly Sighting[],
    watchedUntil: Instant | undefined,
  ): readonly StateChange[] | undefined {
    return writeInWal(this.#database, () => this.#record.immediate(system, self, sightings, watchedUntil));
  }

  #take(system: number, sighting: Sighting, watchedUntil: Instant | undefined): StateChange | undefined {
    const known = this.known(system, sighting.ref);
    if (known?.state === sighting.state && isSameTraits(known.traits, sighting.traits)) return undefined;
    if (!known && sighting.state === GONE) return undefined;
    const change = changeOf(known, sighting, watchedUntil);
    this.#putState.run(stateRow(system, sighting, knownAfter(known, sighting, change)));
    if (!change) return undefined;
    const added = this.#addChange.run(changeRow(system, change));
    return added.changes === 1 ? { ...change, seq: Number(added.lastInsertRowid) } : undefined;
  }

  present(system: number, after: KnownThing | undefined, limit: number): readonly KnownThing[] {
    return this.#database
      .prepare(
        `SELECT type, id, title, source, seen_at AS seenAt FROM states
         WHERE system = ? AND (type, id) > (?, ?) AND state <> '${GONE}' ORDER BY type, id LIMIT ?`,
      )
      .all(system, after?.type ?? '', after?.id ?? '', limit) as KnownThing[];
  }

  changes(query: ChangeQuery): readonly StateChange[] {
    const systems = query.systems;
    // The sign keeps SQLite to the index of times: by the system it would read and sort all there is of it.
    const rows = this.#database
      .prepare(
        `SELECT changes.*, systems.name FROM changes JOIN systems ON systems.id = changes.system
         WHERE at >= ? AND at <= ? ${systems ? `AND +changes.system IN (${systems.map(() => '?').join(',')})` : ''}
         ORDER BY at DESC, seq DESC LIMIT ?`,
      )
      .all(
        query.since ?? 0,
        query.until ?? Number.MAX_SAFE_INTEGER,
        ...(systems ?? []),
        query.limit ?? 10_000,
      ) as StoredChange[];
    return rows.map(changeFrom).reverse();
  }

  usualStayMs(system: number, type: EntityType, state: string): number | undefined {
    return usualStay(this.#stays.all(system, type, state) as number[]);
  }

  sweep(before: Instant, maxBytes: number, limit: number): number {
    return writeInWal(this.#database, () => sweepHistory(this.#database, { before, maxBytes, limit }));
  }

  walBytes(): number {
    return statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  close(): void {
    this.#database.close();
  }
}

/** Key of a thing as it is stored: text that is no Unicode is stored with replacement characters. */
export function storedKey(thing: { readonly type: EntityType; readonly id: string }): string {
  return entityKey({ type: thing.type, id: thing.id.toWellFormed() });
}
