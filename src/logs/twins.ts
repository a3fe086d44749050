/** Records that say what another one says: a program that logs each line twice, to two files or to one. */
import type { ViewRow } from './log-view.ts';

/**
 * Counts a record on its twin at the end of a page, if it has one there: a record of the same system, time and text.
 * `isOlder`: the page goes to older records, and of twins the oldest is shown. Says whether it had one.
 */
export function foldTwin(
  page: ViewRow[],
  row: ViewRow,
  systemOf: (log: string) => string | undefined,
  isOlder: boolean,
): boolean {
  const { entry, place } = row;
  if (entry.at === undefined) return false;
  for (let index = page.length - 1; index >= 0; index -= 1) {
    const other = page[index];
    if (other?.entry.sortAt !== entry.sortAt) return false;
    if (other.entry.at !== entry.at || systemOf(other.place.log) !== systemOf(place.log)) continue;
    if (other.entry.text().text !== entry.text().text) continue;
    if (isOlder) {
      page.splice(index, 1);
      page.push({ ...row, twins: [other.place, ...(other.twins ?? [])] });
    } else page[index] = { ...other, twins: [...(other.twins ?? []), place] };
    return true;
  }
  return false;
}
