/** Rows in memory, in their order, and those of them that match a query. */
import type { LogRow } from '../domain/log.ts';

/** A row with its place in the order in which they came in. */
export type HeldRow = LogRow & { readonly seq: number; readonly file?: string };

type Placed = Pick<HeldRow, 'sortAt' | 'seq'>;

/** By time, then by arrival. */
export function compareRows(a: Placed, b: Placed): number {
  return a.sortAt === b.sortAt ? a.seq - b.seq : a.sortAt - b.sortAt;
}

/** Index of the first row at or behind the cursor. */
export function indexOf(rows: readonly HeldRow[], cursor: Placed): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = rows[middle];
    if (row && compareRows(row, cursor) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts sorted rows among others: what comes is newer than nearly all that is there. */
export function insertSorted(rows: HeldRow[], fresh: readonly HeldRow[]): void {
  const [head] = fresh;
  const last = rows.at(-1);
  const tail = head && last && compareRows(last, head) > 0 ? rows.splice(indexOf(rows, head)) : [];
  for (const row of mergeSorted(tail, fresh)) rows.push(row);
}

/** The rows that match one query, kept up to date. What was told of them stays as it was. */
export class Matching {
  readonly text: string;
  readonly #matches: (row: HeldRow) => boolean;
  #rows: readonly HeldRow[];
  /** Not among them yet. */
  #fresh: HeldRow[] = [];

  constructor(text: string, matches: (row: HeldRow) => boolean, all: readonly HeldRow[]) {
    this.text = text;
    this.#matches = matches;
    this.#rows = all.filter(matches);
  }

  get rows(): readonly HeldRow[] {
    if (this.#fresh.length === 0) return this.#rows;
    const rows = [...this.#rows];
    insertSorted(rows, this.#fresh.sort(compareRows));
    this.#fresh = [];
    this.#rows = rows;
    return rows;
  }

  add(fresh: readonly HeldRow[]): void {
    for (const row of fresh) if (this.#matches(row)) this.#fresh.push(row);
  }

  /** A row became another in its place. */
  replace(folded: HeldRow): void {
    const rows = this.rows;
    const at = indexOf(rows, folded);
    const isThere = rows[at]?.seq === folded.seq;
    if (isThere) this.#rows = rows.toSpliced(at, 1);
    this.add([folded]);
  }

  /** Only these are left. */
  keep(kept: ReadonlySet<HeldRow>): void {
    this.#rows = this.rows.filter((row) => kept.has(row));
  }
}

function mergeSorted(a: readonly HeldRow[], b: readonly HeldRow[]): HeldRow[] {
  const merged: HeldRow[] = [];
  let left = 0;
  let right = 0;
  while (left < a.length || right < b.length) {
    const rowA = a[left];
    const rowB = b[right];
    if (rowA && (!rowB || compareRows(rowA, rowB) <= 0)) {
      merged.push(rowA);
      left += 1;
    } else if (rowB) {
      merged.push(rowB);
      right += 1;
    }
  }
  return merged;
}
