/**
 * Where lines sort. A log is never put in another order than its writer's: a line's place in time is the latest time seen
 * before it, looking back over its block and the block before. So a line that comes late stands where it was written, and a
 * wrong clock moves what follows by two blocks at most. Each place can be told from two blocks, whoever reads them.
 */
import type { LineTable } from './line-reader.ts';

/** A jump ahead of more than this which the next line takes back was no time of this log's clock. */
export const SPIKE_MS = 3_600_000;
/** Threads write a little out of order; a line that is more than this behind its place is late. */
export const LATE_MS = 1000;

/**
 * Goes over the lines of a table with the time that stands at each of them, beginning with `restAt` (NaN: none yet), and
 * gives the one at the end. `places`, one for each line, takes them.
 */
export function runningTime(table: LineTable, restAt: number, places?: Float64Array): number {
  const { ats, count } = table;
  let running = restAt;
  for (let line = 0; line < count; line += 1) {
    const at = ats[line] ?? Number.NaN;
    // A line without a time compares as false.
    if (at > (Number.isNaN(running) ? Number.NEGATIVE_INFINITY : running)) {
      if (!isSpike(table, line, at, running)) running = at;
    }
    if (places) places[line] = running;
  }
  return running;
}

function isSpike({ ats, count }: LineTable, line: number, at: number, running: number): boolean {
  if (at <= running + SPIKE_MS) return false;
  for (let next = line + 1; next < count; next += 1) {
    const then = ats[next] ?? Number.NaN;
    if (!Number.isNaN(then)) return then < at - SPIKE_MS;
  }
  return false;
}
