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

/** Rows that left memory and are kept for a query that few match: more of them are read from their files again. */
const MOST_KEPT = 2_000;

/**
 * The rows that match one query, kept up to date, and from where on in each log they are all of them. What was told of
 * them stays as it was.
 */
export class Matching<Since> {
  readonly text: string;
  readonly #matches: (row: HeldRow) => boolean;
  #rows: readonly HeldRow[];
  #since: ReadonlyMap<string, Since>;
  /** Not among the rows yet. */
  #fresh: HeldRow[] = [];
  /** How many of the rows are in memory for this query alone. */
  #kept = 0;

  constructor(
    text: string,
    matches: (row: HeldRow) => boolean,
    all: readonly HeldRow[],
    since: ReadonlyMap<string, Since>,
  ) {
    this.text = text;
    this.#matches = matches;
    this.#rows = all.filter(matches);
    this.#since = new Map(since);
  }

  get rows(): readonly HeldRow[] {
    if (this.#fresh.length === 0) return this.#rows;
    const rows = [...this.#rows];
    insertSorted(rows, this.#fresh.sort(compareRows));
    this.#fresh = [];
    this.#rows = rows;
    return rows;
  }

  /** Rows came since they were asked for. */
  get hasFresh(): boolean {
    return this.#fresh.length > 0;
  }

  /** For each log from where on its rows are all there. Another object when that moved. */
  get since(): ReadonlyMap<string, Since> {
    return this.#since;
  }

  add(fresh: readonly HeldRow[]): void {
    for (const row of fresh) if (this.#matches(row)) this.#fresh.push(row);
  }

  /** The first rows of a log came. */
  begins(log: string, since: Since): void {
    this.#since = new Map(this.#since).set(log, since);
  }

  /** A row became another in its place. */
  replace(folded: HeldRow): void {
    const rows = this.rows;
    const at = indexOf(rows, folded);
    if (rows[at]?.seq === folded.seq) this.#rows = rows.toSpliced(at, 1);
    this.add([folded]);
  }

  /** These left memory; from `since` on all others are there. What matched stays, unless it is too much. */
  left(
    gone: ReadonlySet<HeldRow>,
    isHeld: (row: HeldRow) => boolean,
    since: ReadonlyMap<string, Since>,
  ): void {
    const { rows } = this;
    this.#kept += rows.reduce((count, row) => (gone.has(row) ? count + 1 : count), 0);
    if (this.#kept <= MOST_KEPT) return;
    this.#kept = 0;
    this.#rows = rows.filter(isHeld);
    this.#since = new Map(since);
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
