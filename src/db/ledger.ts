import { hash } from 'node:crypto';
import type Database from 'better-sqlite3';
import type { Instant } from '../domain/instant.ts';
import type { LedgerRecord, LedgerRow, LedgerVerdict } from '../domain/ledger.ts';
import { canonicalJson } from './canonical-json.ts';
import { EMPTY_HEAD, type LedgerHead, readHead, writeHead } from './ledger-head.ts';
import { type StoredRow, verifyChain } from './ledger-verify.ts';
import { openDatabase } from './open.ts';

/** `BINL` in ASCII. */
const APPLICATION_ID = 0x42494e4c;

/**
 * `body` is canonical JSON of the record; `hash` is SHA-256 over place, hash before and body. Order and phase are read
 * out of the body by SQLite itself, so that no column can contradict it. One `started` and one `finished` per order.
 */
const MIGRATIONS = [
  `CREATE TABLE ledger (
     seq INTEGER PRIMARY KEY,
     prev TEXT NOT NULL,
     hash TEXT NOT NULL,
     body TEXT NOT NULL,
     order_id TEXT GENERATED ALWAYS AS (json_extract(body, '$.order')) VIRTUAL,
     phase TEXT GENERATED ALWAYS AS (json_extract(body, '$.phase')) VIRTUAL
   ) STRICT;
   CREATE UNIQUE INDEX ledger_once ON ledger (order_id, phase) WHERE phase IN ('started', 'finished');
   CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
   CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;`,
];

/** The append-only record of every act. */
export interface Ledger {
  readonly path: string;
  /** Adds a record. Throws when it can't be written: then the act must not run. */
  append(record: LedgerRecord): LedgerRow;
  /** Adds a record unless one of its phase is there for its order; returns the one that is there then. */
  appendOnce(record: LedgerRecord & { readonly order: string }): LedgerRow;
  find(order: string, phase: LedgerRecord['phase']): LedgerRow | undefined;
  /** Newest rows, oldest first. `before`: only rows with a smaller place. */
  rows(options?: { readonly limit?: number; readonly before?: number }): readonly LedgerRow[];
  verify(): LedgerVerdict;
  close(): void;
}

/** How a ledger is opened. */
export interface LedgerOptions {
  readonly path: string;
  readonly now: Instant;
  /** 50 by default; 5,000 for the runner, which has nothing else to do. */
  readonly busyMs?: number;
  readonly mode?: number;
}

/**
 * Opens or creates a ledger. A damaged one, or a file that is none, is refused and never replaced: the record of what
 * was done must not vanish behind the back of those who rely on it.
 */
export function openLedger(options: LedgerOptions): Ledger {
  const mode = options.mode ?? 0o600;
  const { database } = openDatabase({
    path: options.path,
    title: 'the ledger',
    applicationId: APPLICATION_ID,
    migrations: MIGRATIONS,
    synchronous: 'FULL',
    whenBroken: 'refuse',
    mode,
    now: options.now,
    ...(options.busyMs === undefined ? {} : { busyMs: options.busyMs }),
  });
  return new SqliteLedger(options.path, mode, database);
}

/** Hash of a row. */
export function rowHash(seq: number, prev: string, body: string): string {
  return hash('sha256', `${seq}\n${prev}\n${body}`);
}

class SqliteLedger implements Ledger {
  readonly path: string;
  readonly #mode: number;
  readonly #database: Database.Database;
  readonly #last: Database.Statement;
  readonly #insert: Database.Statement;
  readonly #find: Database.Statement;

  constructor(path: string, mode: number, database: Database.Database) {
    this.path = path;
    this.#mode = mode;
    this.#database = database;
    this.#last = database.prepare('SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1');
    this.#insert = database.prepare('INSERT INTO ledger (seq, prev, hash, body) VALUES (?, ?, ?, ?)');
    this.#find = database.prepare(
      'SELECT * FROM ledger WHERE order_id = ? AND phase = ? ORDER BY seq DESC LIMIT 1',
    );
  }

  append(record: LedgerRecord): LedgerRow {
    const row = this.#database.transaction(() => this.#write(record)).immediate();
    this.#keepHead();
    return row;
  }

  appendOnce(record: LedgerRecord & { readonly order: string }): LedgerRow {
    const row = this.#database
      .transaction(() => this.find(record.order, record.phase) ?? this.#write(record))
      .immediate();
    this.#keepHead();
    return row;
  }

  find(order: string, phase: LedgerRecord['phase']): LedgerRow | undefined {
    const row = this.#find.get(order, phase) as StoredRow | undefined;
    return row && rowOf(row);
  }

  rows(options: { readonly limit?: number; readonly before?: number } = {}): readonly LedgerRow[] {
    const rows = this.#database
      .prepare('SELECT seq, prev, hash, body FROM ledger WHERE seq < ? ORDER BY seq DESC LIMIT ?')
      .all(options.before ?? Number.MAX_SAFE_INTEGER, options.limit ?? 500) as StoredRow[];
    return rows.map(rowOf).reverse();
  }

  verify(): LedgerVerdict {
    // One read transaction, so that rows added meanwhile don't look like a head that is ahead of its chain. The head is
    // read first for the same reason: it only ever names rows that are committed.
    const head = readHead(this.path);
    const rows = this.#database
      .prepare('SELECT seq, prev, hash, body FROM ledger ORDER BY seq')
      .iterate() as IterableIterator<StoredRow>;
    return verifyChain(rows, head, rowHash);
  }

  close(): void {
    this.#database.close();
  }

  /** Inside a transaction that has the write lock. */
  #write(record: LedgerRecord): LedgerRow {
    let last = (this.#last.get() as LedgerHead | undefined) ?? EMPTY_HEAD;
    const damage = this.#damage(last);
    if (damage !== undefined) {
      const { at, who, version } = record;
      last = this.#add(last, { phase: 'damage', at, who, version, note: damage });
    }
    const { seq, hash: rowHashText } = this.#add(last, record);
    return { seq, hash: rowHashText, record };
  }

  #add(last: LedgerHead, record: LedgerRecord): LedgerHead {
    const seq = last.seq + 1;
    const body = canonicalJson(record);
    const own = rowHash(seq, last.hash, body);
    this.#insert.run(seq, last.hash, own, body);
    return { seq, hash: own };
  }

  /** What the head outside the database says that the database does not bear out. A head that lags is in order. */
  #damage(last: LedgerHead): string | undefined {
    const head = readHead(this.path);
    if (!head)
      return last.seq === 0 ? undefined : `no head file, ${last.seq} rows found: an end may be missing`;
    if (head.seq > last.seq)
      return `rows ${last.seq + 1} to ${head.seq} are missing: the head names row ${head.seq}, ${head.hash}`;
    if (head.seq === 0) return undefined;
    const row = this.#database.prepare('SELECT hash FROM ledger WHERE seq = ?').get(head.seq) as
      | { hash: string }
      | undefined;
    return row?.hash === head.hash
      ? undefined
      : `row ${head.seq} is not the one the head names, ${head.hash}`;
  }

  /**
   * Under the write lock, so that of two processes the one with the older row never writes last. Reads the newest row
   * again: it may be somebody else's. Not being able to is no failure of the act: the row is there, the head lags.
   */
  #keepHead(): void {
    try {
      this.#database
        .transaction(() => {
          const last = this.#last.get() as LedgerHead | undefined;
          if (last) writeHead(this.path, last, this.#mode);
        })
        .immediate();
    } catch {
      // The next row writes it.
    }
  }
}

function rowOf(row: StoredRow): LedgerRow {
  return { seq: row.seq, hash: row.hash, record: JSON.parse(row.body) as LedgerRecord };
}
