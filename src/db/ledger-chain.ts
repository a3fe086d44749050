/** The rows of an open ledger as a chain: each new one carries the hash of the one before. */
import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { UserError } from '../domain/error.ts';
import type { ChainRow, LedgerRecord } from '../domain/ledger.ts';
import { canonicalJson } from './canonical-json.ts';
import { EMPTY_HEAD, type LedgerHead, readHead } from './ledger-head.ts';
import { rowHash } from './ledger-verify.ts';

/** How many of the newest rows are searched for a line of the journal that came into the chain already. */
const ENTERED_LOOK = 1_000;

/** What is added is added within a transaction that has the write lock. */
export class LedgerChain {
  readonly #path: string;
  readonly #inode: number;
  readonly #database: Database.Database;
  readonly #last: Database.Statement;
  readonly #insert: Database.Statement;
  readonly #find: Database.Statement;

  constructor(path: string, database: Database.Database) {
    this.#path = path;
    this.#inode = statSync(path).ino;
    this.#database = database;
    this.#last = database.prepare('SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1');
    this.#insert = database.prepare('INSERT INTO ledger (seq, prev, hash, body) VALUES (?, ?, ?, ?)');
    this.#find = database.prepare(
      'SELECT seq, hash, body FROM ledger WHERE order_id = ? AND phase = ? ORDER BY seq DESC LIMIT 1',
    );
  }

  /** Place and hash of the newest row; place 0 where there is none. */
  newest(): LedgerHead {
    return (this.#last.get() as LedgerHead | undefined) ?? EMPTY_HEAD;
  }

  add(record: LedgerRecord): LedgerHead {
    const last = this.newest();
    const seq = last.seq + 1;
    const body = canonicalJson(record);
    const own = rowHash(seq, last.hash, body);
    this.#insert.run(seq, last.hash, own, body);
    return { seq, hash: own };
  }

  find(order: string, phase: LedgerRecord['phase']): Omit<ChainRow, 'prev'> | undefined {
    return this.#find.get(order, phase) as Omit<ChainRow, 'prev'> | undefined;
  }

  /** Whether this line of the journal came into the chain already. */
  hasEntered(line: string): boolean {
    return (
      this.#database
        .prepare("SELECT 1 FROM ledger WHERE seq > ? AND json_extract(body, '$.late.line') = ?")
        .get(this.newest().seq - ENTERED_LOOK, line) !== undefined
    );
  }

  /** What is written to a file that has no name any more is lost: somebody put another in its place. */
  refuseReplaced(): void {
    if (statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode) return;
    throw new UserError(
      `the ledger was moved or replaced while it was open: ${this.#path}`,
      ['start anew'],
      3,
    );
  }

  /** What the head outside the database says that the database does not bear out. A head that lags is in order. */
  damage(): string | undefined {
    const last = this.newest();
    const head = readHead(this.#path);
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
}
