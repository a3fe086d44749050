/** What is asked of logs, answered from rows in memory: ordered by `sortAt`, equal ones by when they came in. */
import { type Instant, instant } from './instant.ts';
import type { LogCursor, LogHistogram, LogLevel, LogPage, LogQuery, LogRow, PagePlace } from './log.ts';
import { matcherOf, type RawOf } from './log-filter.ts';

const MINUTE_MS = 60_000;

/** Index of the row a cursor is at; where it is not among them, of the first one behind its time. */
function indexOfCursor(rows: readonly LogRow[], { sortAt, id }: LogCursor): number {
  const first = lowest(rows.length, (index) => (rows[index]?.sortAt ?? 0) >= sortAt);
  for (let index = first; rows[index]?.sortAt === sortAt; index += 1)
    if (rows[index]?.id === id) return index;
  return first;
}

/** Index of the first row at or behind a place. */
export function indexOfPlace(rows: readonly LogRow[], at: PagePlace): number {
  if (at === 'start') return 0;
  return at === 'end' ? rows.length : indexOfCursor(rows, cursorOf(at));
}

/** A page of the rows that match: `matching`, where they are known. */
export function pageOfRows(
  all: readonly LogRow[],
  query: LogQuery,
  at: PagePlace,
  count: number,
  matching: readonly LogRow[] = all.filter(matcherOf(query)),
): LogPage & { readonly before: number; readonly after: number; readonly total: number } {
  const before = at === 'start' ? 0 : at === 'end' ? count : Math.floor(count / 2);
  const wanted = indexOfPlace(matching, at) - before;
  const first = Math.max(0, Math.min(wanted, matching.length - count));
  const rows = matching.slice(first, first + count);
  const after = matching.length - first - rows.length;
  return {
    rows: query.context ? withContext(all, rows, query.context) : rows,
    atStart: first === 0,
    atEnd: after === 0,
    before: first,
    after,
    total: matching.length,
  };
}

/** The nearest row that matches, behind or before a place. */
export function findInRows(
  all: readonly LogRow[],
  query: LogQuery,
  from: PagePlace,
  direction: 1 | -1,
  rawOf?: RawOf,
): LogRow | undefined {
  const matches = matcherOf(query, rawOf);
  let index = indexOfPlace(all, from);
  if (direction === -1) index -= 1;
  else if (isRow(all[index], from)) index += 1;
  for (; index >= 0 && index < all.length; index += direction) {
    const row = all[index];
    if (row && matches(row)) return row;
  }
  return undefined;
}

/** How many rows match, or do so behind a row. */
export function countInRows(
  all: readonly LogRow[],
  query: LogQuery,
  behind: LogCursor | undefined,
  rawOf?: RawOf,
): number {
  const matches = matcherOf(query, rawOf);
  let from = behind === undefined ? 0 : indexOfCursor(all, behind);
  if (behind && isRow(all[from], behind)) from += 1;
  let count = 0;
  for (let index = from; index < all.length; index += 1) {
    const row = all[index];
    if (row && matches(row)) count += 1;
  }
  return count;
}

/** Rows that match by time and level; folded ones count as often as they stand for. */
export function histogramOfRows(
  all: readonly LogRow[],
  query: LogQuery,
  {
    since = -Infinity,
    until = Infinity,
    spans,
  }: { readonly since?: number; readonly until?: number; readonly spans: number },
  rawOf?: RawOf,
): LogHistogram {
  const matches = matcherOf(query, rawOf);
  const rows = all.filter((row) => row.sortAt >= since && row.sortAt < until && matches(row));
  let spanMs = MINUTE_MS;
  for (;;) {
    const counted = new Map<number, { [L in LogLevel]: number }>();
    for (const { sortAt, level = 'info', count = 1 } of rows) {
      const from = Math.floor(sortAt / spanMs) * spanMs;
      const counts = counted.get(from) ?? { debug: 0, info: 0, warning: 0, error: 0 };
      counts[level] += count;
      counted.set(from, counts);
    }
    if (counted.size <= Math.max(1, spans)) {
      const ordered = [...counted].sort(([a], [b]) => a - b);
      return {
        spanMs,
        spans: ordered.map(([from, counts]) => ({ from: instant(from), counts })),
        untimed: 0,
        isComplete: true,
        of: 'query',
      };
    }
    spanMs *= 2;
  }
}

function cursorOf(at: LogCursor | { readonly time: Instant }): LogCursor {
  return 'time' in at ? { sortAt: at.time, id: '' } : at;
}

function isRow(row: LogRow | undefined, at: PagePlace): boolean {
  return row !== undefined && typeof at === 'object' && 'id' in at && at.id === row.id;
}

/** Rows with up to `lines` others of the same log on either side of each. */
export function withContext(
  all: readonly LogRow[],
  rows: readonly LogRow[],
  lines: number,
): readonly LogRow[] {
  const own = new Set(rows);
  const beside = new Set<LogRow>();
  const step = (from: number, by: 1 | -1, { system, source, path }: LogRow): void => {
    let left = lines;
    for (let index = from + by; left > 0 && index >= 0 && index < all.length; index += by) {
      const row = all[index];
      if (!row || row.system !== system || row.source !== source || row.path !== path) continue;
      left -= 1;
      if (!own.has(row)) beside.add(row);
    }
  };
  for (const row of rows) {
    const index = indexOfCursor(all, row);
    step(index, -1, row);
    step(index, 1, row);
  }
  return all.flatMap((row) => (own.has(row) ? [row] : beside.has(row) ? [{ ...row, isContext: true }] : []));
}

function lowest(count: number, holds: (index: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
