import { hash } from 'node:crypto';
import type { ChainRow, LedgerRecord, LedgerVerdict, SealedRecord } from '../domain/ledger.ts';
import { EMPTY_HEAD, type LedgerHead } from './ledger-head.ts';

/** A row that is not what was written, and why. */
export type BadRow = NonNullable<LedgerVerdict['firstBad']>;

/** What a walk along a chain found. */
export interface ChainWalk {
  readonly count: number;
  /** Place and hash before the first row, as that row says; undefined for a chain without rows. */
  readonly start: LedgerHead | undefined;
  readonly last: LedgerHead;
  /** First row that does not follow the one before it, or is not what its hash says. */
  readonly firstBad: BadRow | undefined;
  /** Rows that tell of damage noticed before they were written. */
  readonly damages: readonly BadRow[];
  /** Records of rows moved to archives, oldest first; `trusted` when the row that holds it is one of the good ones. */
  readonly sealed: readonly { readonly record: SealedRecord; readonly trusted: boolean }[];
  /** Hash of the row at `marked`, if it was met. */
  readonly hashAtMark: string | undefined;
}

/** Hash of a row; see {@link ChainRow}. */
export function rowHash(seq: number, prev: string, body: string): string {
  return hash('sha256', `${seq}\n${prev}\n${body}`);
}

/** Walks rows in their order. `marked`: the place whose hash is wanted. */
export function walkChain(rows: Iterable<ChainRow>, marked?: number): ChainWalk {
  let start: LedgerHead | undefined;
  let last: LedgerHead = EMPTY_HEAD;
  let count = 0;
  let firstBad: BadRow | undefined;
  let hashAtMark: string | undefined;
  const damages: BadRow[] = [];
  const sealed: { record: SealedRecord; trusted: boolean }[] = [];
  for (const row of rows) {
    count += 1;
    if (start === undefined) {
      start = { seq: row.seq - 1, hash: row.prev };
      last = start;
    }
    if (firstBad === undefined) {
      const why = faultOf(row, last);
      if (why !== undefined) firstBad = { seq: row.seq === last.seq + 1 ? row.seq : last.seq + 1, why };
    }
    const record = recordAboutRecord(row.body);
    if (record?.phase === 'damage' && firstBad === undefined)
      damages.push({ seq: row.seq, why: `damage was noticed here: ${record.note}` });
    if (record?.phase === 'sealed') sealed.push({ record, trusted: firstBad === undefined });
    if (row.seq === marked) hashAtMark = row.hash;
    last = row;
  }
  return { count, start, last, firstBad, damages, sealed, hashAtMark };
}

/**
 * Walks the chain of a ledger and compares its ends: the first row with the newest record of rows sealed away, the last
 * one with the head kept outside. Names the first row that is not what was written, and the rows missing at the end.
 */
export function verifyChain(
  rows: Iterable<ChainRow>,
  head: LedgerHead | undefined,
): { readonly verdict: LedgerVerdict; readonly walk: ChainWalk } {
  const walk = walkChain(rows, head?.seq);
  const { count, last } = walk;
  const notes: string[] = [];
  let firstBad = earlier(badStart(walk), walk.firstBad);
  let cutTail: LedgerVerdict['cutTail'];
  if (!head) {
    if (count > 0)
      notes.push('the head file is missing or unreadable: whether rows at the end are missing is not known');
  } else if (head.seq > last.seq) {
    cutTail = { from: last.seq + 1, to: head.seq };
  } else if (head.hash !== (head.seq === 0 ? EMPTY_HEAD.hash : walk.hashAtMark)) {
    firstBad ??= { seq: head.seq, why: 'not the row the head file names: the end was replaced' };
  } else if (head.seq < last.seq) {
    notes.push(
      `the head file is ${last.seq - head.seq} behind: its writer was ended early; the next row puts it right`,
    );
  }
  const [firstDamage, ...otherDamages] = walk.damages;
  // What was tampered with is told before damage that was noticed and written down at its time.
  const told = firstBad ?? firstDamage;
  for (const damage of firstBad ? walk.damages : otherDamages) notes.push(`row ${damage.seq}: ${damage.why}`);
  return {
    walk,
    verdict: {
      ok: told === undefined && cutTail === undefined && (head !== undefined || count === 0),
      rows: count,
      ...(told ? { firstBad: told } : {}),
      ...(cutTail ? { cutTail } : {}),
      notes,
    },
  };
}

/** The newest record of rows sealed away that is one of the good rows. */
export function newestSealed(walk: ChainWalk): SealedRecord | undefined {
  return walk.sealed
    .filter((one) => one.trusted)
    .map((one) => one.record)
    .sort((a, b) => b.to - a.to)[0];
}

/** Whether the chain begins where rows sealed away end; where none were, with row 1. */
function badStart(walk: ChainWalk): BadRow | undefined {
  const { start, sealed } = walk;
  if (start === undefined) return undefined;
  const vouched = newestSealed(walk);
  // The row that vouches is a bad one itself: that is told, and what it says of the start is nothing to go by.
  if (!vouched && sealed.length > 0) return undefined;
  const wanted = vouched ? { seq: vouched.to, hash: vouched.lastHash } : EMPTY_HEAD;
  if (start.seq > wanted.seq)
    return { seq: wanted.seq + 1, why: `missing: row ${start.seq + 1} is the first one` };
  if (start.seq < wanted.seq)
    return {
      seq: start.seq + 1,
      why: vouched ? 'it was sealed away, and stands here again' : 'no row has its place before row 1',
    };
  return start.hash === wanted.hash
    ? undefined
    : { seq: start.seq + 1, why: 'does not follow the row before it' };
}

function earlier(one: BadRow | undefined, other: BadRow | undefined): BadRow | undefined {
  if (!one || !other) return one ?? other;
  return one.seq <= other.seq ? one : other;
}

function faultOf(row: ChainRow, last: LedgerHead): string | undefined {
  if (row.seq !== last.seq + 1) return `missing: row ${row.seq} follows row ${last.seq}`;
  if (row.prev !== last.hash) return 'does not follow the row before it';
  if (row.hash !== rowHash(row.seq, row.prev, row.body)) return 'its text is not what was written';
  return undefined;
}

/** Read only where the text may be one: parsing each row would take three times as long as hashing it. */
function recordAboutRecord(body: string): Extract<LedgerRecord, { phase: 'damage' | 'sealed' }> | undefined {
  if (!body.includes('"phase":"damage"') && !body.includes('"phase":"sealed"')) return undefined;
  try {
    const record = JSON.parse(body) as LedgerRecord;
    return record.phase === 'damage' || record.phase === 'sealed' ? record : undefined;
  } catch {
    return undefined;
  }
}
