import { type LogRow, MOST_TWINS } from './log.ts';

/**
 * Rows with those folded that say what another one says, of the same system and time: the one is in memory, the other in
 * a file, or they stood on two pages. Ordered as they were; of twins the first is shown.
 */
export function withTwinsFolded(rows: readonly LogRow[]): readonly LogRow[] {
  const folded: LogRow[] = [];
  for (const row of rows) {
    const index = twinIndex(folded, row);
    const twin = folded[index];
    if (twin) folded[index] = foldedRow(twin, row);
    else folded.push(row);
  }
  return folded.length === rows.length ? rows : folded;
}

type TwinRow = Pick<LogRow, 'source' | 'path' | 'log' | 'offset' | 'count' | 'twins'>;

/** A row with another one counted on it. */
export function foldedRow<R extends LogRow>(row: R, twin: TwinRow): R {
  const { source, path, log = path, offset } = twin;
  const twins = [...(row.twins ?? []), { source, path: log, offset }, ...(twin.twins ?? [])];
  return { ...row, count: (row.count ?? 1) + (twin.count ?? 1), twins: twins.slice(0, MOST_TWINS) };
}

/** The row of a list, ordered by where they sort, that says the same; -1 for none. */
function twinIndex(rows: readonly LogRow[], { at, sortAt, system, text, form, isContext }: LogRow): number {
  if (at === undefined || form !== 'log' || isContext) return -1;
  for (let index = rows.length - 1; index >= 0 && rows[index]?.sortAt === sortAt; index -= 1) {
    const other = rows[index];
    if (other?.form !== 'log' || other.isContext) continue;
    if (other.at === at && other.system === system && other.text === text) return index;
  }
  return -1;
}
