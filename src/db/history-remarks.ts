import type Database from 'better-sqlite3';
import type { SystemId } from '../domain/entity.ts';
import type { Remark, RemarkKind } from '../domain/history.ts';
import { type Instant, instant } from '../domain/instant.ts';

/** Longest text of a remark: a hand-over is a page, not a book. */
const MAX_TEXT = 64 * 1024;
/** A hand-over nobody read in this time was for a shift long over. */
const FRESH_MS = 3 * 24 * 3_600_000;

/** What operators and the cockpit itself did that no system records. Any cockpit may write them. */
export interface RemarkStore {
  add(remark: Omit<Remark, 'seq'>): Remark;
  /** Oldest first. */
  list(query: { readonly since?: Instant; readonly until?: Instant }): readonly Remark[];
  get(seq: number): Remark | undefined;
  /** Hand-overs of the last three days this reader has not read, newest first. */
  unread(reader: string, now: Instant): readonly Remark[];
  markRead(seq: number, reader: string): void;
}

interface StoredRemark {
  readonly seq: number;
  readonly at: number;
  readonly kind: RemarkKind;
  readonly by_whom: string;
  readonly system: string | null;
  readonly item: string | null;
  readonly text: string;
}

/** The store over an open database with the schema of `history-schema.ts`. */
export function createRemarkStore(database: Database.Database): RemarkStore {
  const insert = database.prepare(
    'INSERT INTO remarks (at, kind, by_whom, system, item, text) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const list = database.prepare(
    'SELECT * FROM remarks WHERE at >= ? AND at <= ? ORDER BY at, seq LIMIT 10000',
  );
  const get = database.prepare('SELECT * FROM remarks WHERE seq = ?');
  const unread = database.prepare(
    `SELECT * FROM remarks WHERE kind = 'hand-over' AND at > ? AND seq NOT IN
       (SELECT seq FROM remarks_read WHERE reader = ?) ORDER BY at DESC, seq DESC LIMIT 20`,
  );
  const read = database.prepare('INSERT OR IGNORE INTO remarks_read (seq, reader) VALUES (?, ?)');
  return {
    add(remark) {
      const text = remark.text.slice(0, MAX_TEXT);
      const { lastInsertRowid } = insert.run(
        remark.at,
        remark.kind,
        remark.by,
        remark.system ?? null,
        remark.item ?? null,
        text,
      );
      return { ...remark, text, seq: Number(lastInsertRowid) };
    },
    list: ({ since, until }) =>
      (list.all(since ?? 0, until ?? Number.MAX_SAFE_INTEGER) as StoredRemark[]).map(remarkFrom),
    get(seq) {
      const row = get.get(seq) as StoredRemark | undefined;
      return row && remarkFrom(row);
    },
    unread: (reader, now) => (unread.all(now - FRESH_MS, reader) as StoredRemark[]).map(remarkFrom),
    markRead: (seq, reader) => void read.run(seq, reader),
  };
}

function remarkFrom(row: StoredRemark): Remark {
  return {
    seq: row.seq,
    at: instant(row.at),
    kind: row.kind,
    by: row.by_whom,
    ...(row.system === null ? {} : { system: row.system as SystemId }),
    ...(row.item === null ? {} : { item: row.item }),
    text: row.text,
  };
}
