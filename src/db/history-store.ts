import { statSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import type { EntityType, Evidence, SystemId } from '../domain/entity.ts';
import { entityKey } from '../domain/entity.ts';
import {
  changeOf,
  GONE,
  isSameTraits,
  type KnownState,
  knownAfter,
  type Sighting,
  type StateChange,
  type Traits,
  usualStay,
  type Weight,
} from '../domain/history.ts';
import { type Instant, instant } from '../domain/instant.ts';
import type { ProcessMark } from '../domain/order.ts';
import { createLeaseStore, type LeaseStore } from './history-lease.ts';
import { createRemarkStore, type RemarkStore } from './history-remarks.ts';
import { HISTORY_ID, HISTORY_MIGRATIONS } from './history-schema.ts';
import { openDatabase } from './open.ts';
import { writeInWal } from './spare-room.ts';

/** Name of the file in its directory. */
export const HISTORY_FILE = 'history.db';
/** Longest text kept of a title, an evidence or a detail: a hostile one must not fill the disk. */
const MAX_TEXT = 500;
const MAX_KEYS = 20;
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

interface StoredState {
  readonly state: string;
  readonly traits: string;
  readonly since: number | null;
  readonly changed_at: number | null;
  readonly seen_at: number;
}

interface StoredChange {
  readonly seq: number;
  readonly name: string;
  readonly type: EntityType;
  readonly id: string;
  readonly title: string;
  readonly at: number;
  readonly seen_at: number;
  readonly not_before: number | null;
  readonly from_state: string | null;
  readonly from_since: number | null;
  readonly to_state: string;
  readonly detail: string | null;
  readonly weight: Weight;
  readonly evidence: string;
  readonly log_keys: string;
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
    if (!row) return undefined;
    return {
      state: row.state,
      traits: JSON.parse(row.traits) as Traits,
      ...(row.since === null ? {} : { since: instant(row.since) }),
      ...(row.changed_at === null ? {} : { changedAt: instant(row.changed_at) }),
      seenAt: instant(row.seen_at),
    };
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
    const { ref, evidence } = sighting;
    const known = this.known(system, ref);
    if (known?.state === sighting.state && isSameTraits(known.traits, sighting.traits)) return undefined;
    if (!known && sighting.state === GONE) return undefined;
    const change = changeOf(known, sighting, watchedUntil);
    const next = knownAfter(known, sighting, change);
    const title = cut(sighting.title);
    this.#putState.run({
      system,
      type: ref.type,
      id: ref.id,
      title,
      state: next.state,
      traits: JSON.stringify(next.traits),
      since: next.since ?? null,
      changedAt: next.changedAt ?? null,
      seenAt: next.seenAt,
      source: evidence.source,
    });
    if (!change) return undefined;
    const added = this.#addChange.run({
      system,
      type: ref.type,
      id: ref.id,
      title,
      at: change.at,
      seenAt: change.seenAt,
      notBefore: change.notBefore ?? null,
      from: change.from ?? null,
      fromSince: change.fromSince ?? null,
      to: change.to,
      detail: change.detail === undefined ? null : cut(change.detail),
      weight: change.weight,
      evidence: JSON.stringify(shortEvidence(evidence)),
      logKeys: JSON.stringify(sighting.logKeys.slice(0, MAX_KEYS).map(cut)),
    });
    return added.changes === 1 ? { ...change, seq: Number(added.lastInsertRowid) } : undefined;
  }

  present(system: number, after: KnownThing | undefined, limit: number): readonly KnownThing[] {
    return this.#database
      .prepare(
        `SELECT type, id, title, source FROM states
         WHERE system = ? AND (type, id) > (?, ?) AND state <> '${GONE}' ORDER BY type, id LIMIT ?`,
      )
      .all(system, after?.type ?? '', after?.id ?? '', limit) as KnownThing[];
  }

  changes(query: ChangeQuery): readonly StateChange[] {
    const systems = query.systems;
    const rows = this.#database
      .prepare(
        `SELECT changes.*, systems.name FROM changes JOIN systems ON systems.id = changes.system
         WHERE at >= ? AND at <= ? ${systems ? `AND changes.system IN (${systems.map(() => '?').join(',')})` : ''}
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
    const isTooBig = this.#usedBytes() > maxBytes;
    const removed = (sql: string, ...values: number[]): number =>
      this.#database.prepare(sql).run(...values).changes;
    return this.#database
      .transaction(() => {
        const limitTime = isTooBig ? Number.MAX_SAFE_INTEGER : before;
        // The subquery ends after `limit` rows: one that looked for old rows would read them all.
        const changes = removed(
          `DELETE FROM changes WHERE seen_at < ? AND seq IN (SELECT seq FROM changes ORDER BY seq LIMIT ?)`,
          limitTime,
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

  #usedBytes(): number {
    const pragma = (name: string): number => Number(this.#database.pragma(name, { simple: true }));
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
  }

  walBytes(): number {
    return statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  close(): void {
    this.#database.close();
  }
}

function cut(text: string): string {
  return text.slice(0, MAX_TEXT);
}

function shortEvidence(evidence: Evidence): Evidence {
  return evidence.text === undefined ? evidence : { ...evidence, text: cut(evidence.text) };
}

function changeFrom(row: StoredChange): StateChange {
  return {
    seq: row.seq,
    ref: { system: row.name as SystemId, type: row.type, id: row.id },
    title: row.title,
    at: instant(row.at),
    seenAt: instant(row.seen_at),
    ...(row.not_before === null ? {} : { notBefore: instant(row.not_before) }),
    ...(row.from_state === null ? {} : { from: row.from_state }),
    ...(row.from_since === null ? {} : { fromSince: instant(row.from_since) }),
    to: row.to_state,
    ...(row.detail === null ? {} : { detail: row.detail }),
    weight: row.weight,
    evidence: JSON.parse(row.evidence) as Evidence,
    logKeys: JSON.parse(row.log_keys) as readonly string[],
  };
}

/** Key of a thing as it is stored: text that is no Unicode is stored with replacement characters. */
export function storedKey(thing: { readonly type: EntityType; readonly id: string }): string {
  return entityKey({ type: thing.type, id: thing.id.toWellFormed() });
}
