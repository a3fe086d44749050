import type { LedgerVerdict } from '../domain/ledger.ts';
import { EMPTY_HEAD, type LedgerHead } from './ledger-head.ts';

/** A row of the ledger's table. */
export interface StoredRow {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
  readonly body: string;
}

/**
 * Walks the chain from its first row and compares its end with the head kept outside. Names the first row that is not
 * what was written, and the rows missing at the end.
 */
export function verifyChain(
  rows: Iterable<StoredRow>,
  head: LedgerHead | undefined,
  hashOf: (seq: number, prev: string, body: string) => string,
): LedgerVerdict {
  let last: LedgerHead = EMPTY_HEAD;
  let count = 0;
  let firstBad: LedgerVerdict['firstBad'];
  let hashAtHead = head?.seq === 0 ? EMPTY_HEAD.hash : undefined;
  for (const row of rows) {
    count += 1;
    if (firstBad === undefined) {
      const why = faultOf(row, last, hashOf);
      if (why !== undefined) firstBad = { seq: row.seq === last.seq + 1 ? row.seq : last.seq + 1, why };
    }
    if (row.seq === head?.seq) hashAtHead = row.hash;
    last = row;
  }
  const notes: string[] = [];
  let cutTail: LedgerVerdict['cutTail'];
  if (!head) {
    if (count > 0)
      notes.push('the head file is missing or unreadable: whether rows at the end are missing is not known');
  } else if (head.seq > last.seq) {
    cutTail = { from: last.seq + 1, to: head.seq };
  } else if (hashAtHead !== head.hash) {
    firstBad ??= { seq: head.seq, why: 'not the row the head file names: the end was replaced' };
  } else if (head.seq < last.seq) {
    notes.push(
      `the head file is ${last.seq - head.seq} behind: its writer was ended early; the next row puts it right`,
    );
  }
  return {
    ok: firstBad === undefined && cutTail === undefined && (head !== undefined || count === 0),
    rows: count,
    ...(firstBad ? { firstBad } : {}),
    ...(cutTail ? { cutTail } : {}),
    notes,
  };
}

function faultOf(
  row: StoredRow,
  last: LedgerHead,
  hashOf: (seq: number, prev: string, body: string) => string,
): string | undefined {
  if (row.seq !== last.seq + 1) return `missing: row ${row.seq} follows row ${last.seq}`;
  if (row.prev !== last.hash) return 'does not follow the row before it';
  if (row.hash !== hashOf(row.seq, row.prev, row.body)) return 'its text is not what was written';
  if (row.body.startsWith('{') && row.body.includes('"phase":"damage"') && isDamage(row.body))
    return `damage was noticed here: ${noteOf(row.body)}`;
  return undefined;
}

function isDamage(body: string): boolean {
  return (JSON.parse(body) as { phase?: unknown }).phase === 'damage';
}

function noteOf(body: string): string {
  return String((JSON.parse(body) as { note?: unknown }).note);
}
