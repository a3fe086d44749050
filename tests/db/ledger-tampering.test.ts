import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLedger } from '../../src/db/ledger.ts';
import { rowHash } from '../../src/db/ledger-verify.ts';
import { addMs } from '../../src/domain/instant.ts';
import type { ChainRow, LedgerVerdict } from '../../src/domain/ledger.ts';
import { copyLedger, ledgerOf, STAMP, started } from './ledger-records.ts';
import { NIGHT, temporaryDirectory } from './temporary.ts';

const ROWS = 12;

/** A whole ledger; in the second one rows 1 to 5 are sealed away and row 13 says so. */
function bases() {
  const plain = ledgerOf(ROWS);
  plain.ledger.close();
  const sealed = ledgerOf(ROWS);
  sealed.ledger.seal({ ...STAMP, before: addMs(NIGHT, 6 * 60_000), isIdle: () => true });
  for (const order of ['p1', 'p2', 'p3']) sealed.ledger.append(started(order, 2_000));
  sealed.ledger.close();
  return {
    plain: { path: plain.path, first: 1, last: ROWS, sealedAt: 0 },
    sealed: { path: sealed.path, first: 6, last: ROWS + 4, sealedAt: ROWS + 1 },
  };
}

/** What somebody does to the rows, and what must be told of it. */
type Tampering = { readonly rows: readonly ChainRow[]; readonly bad?: number; readonly cutFrom?: number };

function chained(rows: readonly ChainRow[], from: number): ChainRow[] {
  const done: ChainRow[] = [];
  for (const row of rows) {
    if (row.seq < from) {
      done.push(row);
      continue;
    }
    const prev = done.at(-1)?.hash ?? row.prev;
    done.push({ ...row, prev, hash: rowHash(row.seq, prev, row.body) });
  }
  return done;
}

const edited = (body: string): string => body.replace('alice', 'mallory');

/** Each way, given two places in the chain (the first not after the second) and the last one. */
const WAYS: Readonly<
  Record<string, (rows: readonly ChainRow[], a: number, b: number, last: number) => Tampering>
> = {
  'edits a text': (rows, a) => ({
    rows: rows.map((row) => (row.seq === a ? { ...row, body: edited(row.body) } : row)),
    bad: a,
  }),
  'edits a text and takes its hash again': (rows, a, _b, last) => ({
    rows: rows.map((row) => {
      if (row.seq !== a) return row;
      const body = edited(row.body);
      return { ...row, body, hash: rowHash(row.seq, row.prev, body) };
    }),
    bad: a === last ? a : a + 1,
  }),
  'edits a hash': (rows, a) => ({
    rows: rows.map((row) => (row.seq === a ? { ...row, hash: 'f'.repeat(64) } : row)),
    bad: a,
  }),
  'edits the hash before': (rows, a) => ({
    rows: rows.map((row) => (row.seq === a ? { ...row, prev: 'f'.repeat(64) } : row)),
    bad: a,
  }),
  'deletes rows': (rows, a, b, last) => ({
    rows: rows.filter((row) => row.seq < a || row.seq > b),
    ...(b === last ? { cutFrom: a } : { bad: a }),
  }),
  'deletes a row and moves the rest up': (rows, a, _b, last) => ({
    rows: rows
      .filter((row) => row.seq !== a)
      .map((row) => (row.seq > a ? { ...row, seq: row.seq - 1 } : row)),
    cutFrom: last,
    ...(a === last ? {} : { bad: a }),
  }),
  'puts a row in between': (rows, a) => ({
    rows: rows.flatMap((row) => {
      if (row.seq < a) return [row];
      const moved = { ...row, seq: row.seq + 1 };
      return row.seq === a
        ? [{ seq: a, prev: '0'.repeat(63).concat('1'), hash: 'e'.repeat(64), body: '{}' }, moved]
        : [moved];
    }),
    bad: a,
  }),
  'puts a row in between that follows the one before': (rows, a) => ({
    rows: rows.flatMap((row) => {
      if (row.seq < a) return [row];
      const moved = { ...row, seq: row.seq + 1 };
      const body = edited(row.body).replace(/"order":"[^"]*"/, '"order":"new"');
      return row.seq === a
        ? [{ seq: a, prev: row.prev, hash: rowHash(a, row.prev, body), body }, moved]
        : [moved];
    }),
    bad: a + 1,
  }),
  'exchanges two rows': (rows, a, b, last) => {
    const other = a === b ? (a === last ? a - 1 : a + 1) : b;
    const place = new Map([
      [a, other],
      [other, a],
    ]);
    return {
      rows: rows.map((row) => ({ ...row, seq: place.get(row.seq) ?? row.seq })),
      bad: Math.min(a, other),
    };
  },
  'cuts the end': (rows, a) => ({ rows: rows.filter((row) => row.seq < a), cutFrom: a }),
  'writes the chain anew from a row on': (rows, a, _b, last) => ({
    rows: chained(
      rows.map((row) => (row.seq >= a ? { ...row, body: edited(row.body) } : row)),
      a,
    ),
    bad: last,
  }),
};

function rewrite(path: string, change: (rows: readonly ChainRow[]) => readonly ChainRow[]): void {
  const database = new Database(path);
  database.exec('DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete; DROP INDEX ledger_once;');
  const rows = database.prepare('SELECT seq, prev, hash, body FROM ledger ORDER BY seq').all() as ChainRow[];
  database.transaction(() => {
    database.exec('DELETE FROM ledger');
    const insert = database.prepare('INSERT INTO ledger (seq, prev, hash, body) VALUES (?, ?, ?, ?)');
    for (const row of change(rows)) insert.run(row.seq, row.prev, row.hash, row.body);
  })();
  database.close();
}

function verdictOf(path: string): LedgerVerdict {
  const ledger = openLedger({ path, now: NIGHT });
  const verdict = ledger.verify();
  ledger.close();
  return verdict;
}

describe('row 24: whatever is done to the rows of a ledger', () => {
  it('is noticed, and the first row that is not what was written is named', () => {
    const { plain, sealed } = bases();
    const directory = temporaryDirectory();
    let count = 0;
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(WAYS)),
        fc.boolean(),
        fc.nat({ max: 11 }),
        fc.nat({ max: 11 }),
        (way, isSealed, one, two) => {
          const base = isSealed ? sealed : plain;
          const size = base.last - base.first + 1;
          const [a, b] = [base.first + (one % size), base.first + (two % size)].sort((x, y) => x - y) as [
            number,
            number,
          ];
          count += 1;
          const path = join(directory, `${base.sealedAt}-${count}.db`);
          copyLedger(base.path, path);
          let told: Tampering = { rows: [] };
          rewrite(path, (rows) => {
            told = (WAYS[way] as (typeof WAYS)[string])(rows, a, b, base.last);
            return told.rows;
          });
          // Without the record of sealing nothing says that the rows before the first one were not simply removed.
          const isVouched =
            !isSealed ||
            told.rows.length === 0 ||
            told.rows.some((row) => row.body.includes('"phase":"sealed"'));
          const verdict = verdictOf(path);
          seen.add(way);
          expect(verdict.ok).toBe(false);
          expect(verdict.cutTail?.from).toBe(told.rows.length === 0 ? 1 : told.cutFrom);
          expect(verdict.firstBad?.seq).toBe(isVouched ? told.bad : 1);
        },
      ),
      { numRuns: 250, seed: 20_261_121 },
    );
    expect(seen.size).toBe(Object.keys(WAYS).length);
  });

  it('leaves a ledger that nobody touched whole, sealed or not', () => {
    const { plain, sealed } = bases();
    expect(verdictOf(plain.path)).toEqual({ ok: true, rows: ROWS, notes: [] });
    expect(verdictOf(sealed.path)).toMatchObject({
      ok: true,
      rows: ROWS - 5 + 4,
      notes: [],
      archives: [{ from: 1, to: 5, state: 'whole' }],
    });
  });
});
