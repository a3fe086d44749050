import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { messageOf, UserError } from '../domain/error.ts';
import type { Instant } from '../domain/instant.ts';
import type { ChainRow, LedgerRecord, LedgerRow, LedgerState, LedgerVerdict } from '../domain/ledger.ts';
import { hasBallast, hasRoom, isDiskFull, isWriteFailure, layBallast, releaseBallast } from './ballast.ts';
import { checkArchives } from './ledger-archive.ts';
import { LedgerChain } from './ledger-chain.ts';
import { readHead, writeHead } from './ledger-head.ts';
import { type LedgerJournal, openJournal } from './ledger-journal.ts';
import { refuseUnfinishedRepair } from './ledger-repair-mark.ts';
import { LEDGER_ID, LEDGER_MIGRATIONS } from './ledger-schema.ts';
import { type SealOrder, type SealResult, sealRows } from './ledger-seal.ts';
import { newestSealed, verifyChain } from './ledger-verify.ts';
import { enterWaiting, findWaiting } from './ledger-waiting.ts';
import { openDatabase } from './open.ts';

/** The append-only record of every act. */
export interface Ledger {
  readonly path: string;
  /**
   * Adds a record; where the disk is full, on the ballast, else in the journal. Throws when it can't be written at all:
   * then the act must not run.
   */
  append(record: LedgerRecord): LedgerRow;
  /** Adds a record unless one of its phase is there for its order; returns the one that is there then. */
  appendOnce(record: LedgerRecord & { readonly order: string }): LedgerRow;
  find(order: string, phase: LedgerRecord['phase']): LedgerRow | undefined;
  /** Newest rows, oldest first. `before`: only rows with a smaller place. */
  rows(options?: { readonly limit?: number; readonly before?: number }): readonly LedgerRow[];
  /** All rows as stored, oldest first. */
  chain(): Iterable<ChainRow>;
  /** Time of the oldest row still in the chain. */
  oldest(): Instant | undefined;
  verify(): LedgerVerdict;
  /** Moves rows to a sealed archive beside the ledger. Throws UserError when that must not be done. */
  seal(order: SealOrder): SealResult | undefined;
  /** Where a new record would go. */
  state(): LedgerState;
  /**
   * Enters what waits in the journal, and lays the ballast, where there is room again; how many records came into the
   * chain. Also done with each new record.
   */
  enterJournal(now: Instant): number;
  close(): void;
}

/** How a ledger is opened. */
export interface LedgerOptions {
  readonly path: string;
  readonly now: Instant;
  /** 50 by default; 5,000 for the runner, which has nothing else to do. */
  readonly busyMs?: number;
  /** 0640 in the directory shared by the operators of a host, whose ledgers are listed together; default 0600. */
  readonly mode?: number;
  /** In a directory others may write to: a file of another user is refused. */
  readonly oursAlone?: boolean;
  /** Where the ledger truly lies, when this is a copy of it: its archives lie there. */
  readonly archivesOf?: string;
  /** Directories for the journal, best on other disks; the first that takes a record has it. */
  readonly journalIn?: readonly string[];
}

/** A -wal file beyond this is told: somebody has been reading an old view of the ledger for long. */
const WAL_BYTES = 64 * 1024 * 1024;

/**
 * Opens or creates a ledger. A damaged one, or a file that is none, is refused and never replaced: the record of what
 * was done must not vanish behind the back of those who rely on it.
 */
export function openLedger(options: LedgerOptions): Ledger {
  const mode = options.mode ?? 0o600;
  refuseUnfinishedRepair(options.path);
  const { database } = openDatabase({
    path: options.path,
    title: 'the ledger',
    applicationId: LEDGER_ID,
    migrations: LEDGER_MIGRATIONS,
    synchronous: 'FULL',
    whenBroken: 'refuse',
    mend: '`binnacle ledger` shows what can be read; `binnacle ledger repair` begins anew, and keeps this file',
    mode,
    ...(options.oursAlone ? { oursAlone: true } : {}),
    now: options.now,
    ...(options.busyMs === undefined ? {} : { busyMs: options.busyMs }),
  });
  return new SqliteLedger(options, mode, database);
}

class SqliteLedger implements Ledger {
  readonly path: string;
  readonly #archivesOf: string;
  readonly #mode: number;
  readonly #database: Database.Database;
  readonly #journal: LedgerJournal;
  readonly #chain: LedgerChain;
  #unusable: string | undefined;

  constructor({ path, journalIn, archivesOf }: LedgerOptions, mode: number, database: Database.Database) {
    this.path = path;
    this.#archivesOf = archivesOf ?? path;
    this.#mode = mode;
    this.#database = database;
    this.#journal = openJournal(path, journalIn ?? []);
    this.#chain = new LedgerChain(path, database);
  }

  append(record: LedgerRecord): LedgerRow {
    return this.#record(record, () => undefined);
  }

  appendOnce(record: LedgerRecord & { readonly order: string }): LedgerRow {
    return this.#record(record, () => this.find(record.order, record.phase));
  }

  find(order: string, phase: LedgerRecord['phase']): LedgerRow | undefined {
    const row = this.#chain.find(order, phase);
    if (row) return rowOf(row);
    return findWaiting(this.#journal, order, phase);
  }

  rows(options: { readonly limit?: number; readonly before?: number } = {}): readonly LedgerRow[] {
    const rows = this.#database
      .prepare('SELECT seq, prev, hash, body FROM ledger WHERE seq < ? ORDER BY seq DESC LIMIT ?')
      .all(options.before ?? Number.MAX_SAFE_INTEGER, options.limit ?? -1) as ChainRow[];
    return rows.map(rowOf).reverse();
  }

  chain(): Iterable<ChainRow> {
    return this.#database
      .prepare('SELECT seq, prev, hash, body FROM ledger ORDER BY seq')
      .iterate() as IterableIterator<ChainRow>;
  }

  oldest(): Instant | undefined {
    const first = this.#database.prepare('SELECT body FROM ledger ORDER BY seq LIMIT 1').get() as
      | Pick<ChainRow, 'body'>
      | undefined;
    return first && (JSON.parse(first.body) as LedgerRecord).at;
  }

  verify(): LedgerVerdict {
    // One statement, so that rows added meanwhile don't look like a head that is ahead of its chain. The head is read
    // first for the same reason: it only ever names rows that are committed.
    const head = readHead(this.path);
    const { verdict, walk } = verifyChain(this.chain(), head);
    const newest = newestSealed(walk);
    const { archives, firstBad } = checkArchives(
      this.#archivesOf,
      newest ? walk.sealed.map((one) => one.record) : [],
    );
    const notes = [...verdict.notes, ...this.#notes()];
    for (const { state, file, from, to } of archives) {
      if (state === 'elsewhere')
        notes.push(`rows ${from} to ${to} are in ${file}, which can't be read here: they were not checked`);
    }
    const bad =
      firstBad && (!verdict.firstBad || firstBad.seq < verdict.firstBad.seq) ? firstBad : verdict.firstBad;
    return {
      ...verdict,
      ok: verdict.ok && bad === undefined,
      ...(bad ? { firstBad: bad } : {}),
      ...(archives.length > 0 ? { archives } : {}),
      notes,
    };
  }

  seal(order: SealOrder): SealResult | undefined {
    const sealed = sealRows(this.path, order, {
      database: this.#database,
      add: (record) => this.#write(record),
    });
    if (sealed) this.#tidy();
    return sealed;
  }

  state(): LedgerState {
    if (this.#unusable !== undefined) return { state: 'unusable', why: this.#unusable };
    if (this.#journal.isThere())
      return {
        state: 'journal only',
        why: 'the disk of the ledger is full: records wait in a journal elsewhere and come into the chain later',
      };
    if (isDiskFull(this.path) || (readHead(this.path) && !hasBallast(this.path) && !hasRoom(this.path)))
      return {
        state: 'on ballast',
        why: 'the disk of the ledger is full: records are written to the space kept for that, which is small',
      };
    return { state: 'ok' };
  }

  enterJournal(now: Instant): number {
    if (!this.#journal.isThere()) {
      layBallast(this.path);
      return 0;
    }
    let entered = 0;
    this.#retried(() =>
      this.#database
        .transaction(() => {
          this.#chain.refuseReplaced();
          entered = this.#enterWaiting(now);
        })
        .immediate(),
    );
    this.#tidy();
    return entered;
  }

  close(): void {
    this.#database.close();
  }

  #record(record: LedgerRecord, present: () => LedgerRow | undefined): LedgerRow {
    try {
      const row = this.#retried(() =>
        this.#database.transaction(() => present() ?? this.#write(record)).immediate(),
      );
      this.#unusable = undefined;
      this.#tidy();
      return row;
    } catch (error) {
      if (!isWriteFailure(error)) throw error;
      return this.#toJournal(record, present, error);
    }
  }

  /** A write that fails for want of space is tried once more on the space that was kept for it. */
  #retried<T>(write: () => T): T {
    try {
      return write();
    } catch (error) {
      if (!isWriteFailure(error) || !releaseBallast(this.path)) throw error;
      return write();
    }
  }

  /** Under the ledger's lock where it can be had: a journal that is being entered must not grow behind the reader. */
  #toJournal(record: LedgerRecord, present: () => LedgerRow | undefined, cause: unknown): LedgerRow {
    const add = (): LedgerRow => {
      const there = present();
      if (there) return there;
      const { line } = this.#journal.add(record);
      return { seq: 0, hash: line, record };
    };
    try {
      return this.#locked(add);
    } catch (error) {
      this.#unusable = `${messageOf(cause)}; no journal either: ${messageOf(error)}`;
      throw new UserError(`the ledger can't be written: ${this.path}: ${this.#unusable}`, ['make room'], 3);
    }
  }

  #locked<T>(task: () => T): T {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
    } catch (error) {
      if (!isWriteFailure(error)) throw error;
      return task();
    }
    try {
      return task();
    } finally {
      this.#database.exec('ROLLBACK');
    }
  }

  /** Inside a transaction that has the write lock. */
  #write(record: LedgerRecord): LedgerRow {
    this.#chain.refuseReplaced();
    const damage = this.#chain.damage();
    if (damage !== undefined) {
      const { at, who, version } = record;
      this.#chain.add({ phase: 'damage', at, who, version, note: damage });
    }
    if (this.#journal.isThere()) this.#enterWaiting(record.at);
    const { seq, hash } = this.#chain.add(record);
    return { seq, hash, record };
  }

  #enterWaiting(now: Instant): number {
    return enterWaiting(this.#journal, {
      now,
      hasEntered: (line) => this.#chain.hasEntered(line),
      find: (order, phase) => this.#chain.find(order, phase) !== undefined,
      last: () => this.rows({ limit: 1 })[0]?.record,
      add: (record) => this.#chain.add(record),
    });
  }

  /**
   * Writes the head under the write lock, so that of two processes the one with the older row never writes last. Reads
   * the newest row again: it may be somebody else's. A journal whose lines are all in the chain goes, and the ballast
   * comes back where there is room. Failing at this is no failure of the act: the row is there, the head lags.
   */
  #tidy(): void {
    try {
      this.#database
        .transaction(() => {
          const last = this.#chain.newest();
          if (last.seq > 0) writeHead(this.path, last, this.#mode);
          if (
            this.#journal.isThere() &&
            this.#journal.lines().every(({ line }) => this.#chain.hasEntered(line))
          )
            this.#journal.remove();
        })
        .immediate();
      layBallast(this.path);
    } catch {
      // The next row does it.
    }
  }

  #notes(): string[] {
    const notes: string[] = [];
    const waiting = this.#journal.lines().length;
    if (waiting > 0) notes.push(`${waiting} records wait in the journal for room in the ledger`);
    const walBytes = statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    if (walBytes > WAL_BYTES)
      notes.push(
        `${this.path}-wal has grown to ${Math.round(walBytes / 2 ** 20)} MiB: some program reads an old view of the ledger`,
      );
    return notes;
  }
}

function rowOf(row: Pick<ChainRow, 'seq' | 'hash' | 'body'>): LedgerRow {
  return { seq: row.seq, hash: row.hash, record: JSON.parse(row.body) as LedgerRecord };
}
