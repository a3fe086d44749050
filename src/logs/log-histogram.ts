/** How many records stand at what time: what the indexes of files have counted, put together. */
import { BLOCK_BYTES } from './line-block.ts';
import type { LogHistogram, LogRequest } from './log-protocol.ts';
import type { Pace } from './pace.ts';
import type { Segment } from './segment.ts';
import { TimeCounts } from './time-counts.ts';

const MINUTE_MS = 60_000;

/** Records of these files by time and level, from their indexes. */
export async function histogramOf(
  segments: readonly Segment[],
  { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY, spans }: LogRequest<'histogram'>,
  pace: Pace,
): Promise<LogHistogram> {
  const sums: TimeCounts[] = [];
  let isComplete = true;
  let untimed = 0;
  for (const segment of segments) {
    if (!segment.isMeasured || segment.index.known < segment.blocks) isComplete = false;
    sums.push(segment.index.counts);
    sums.push(await openCounts(segment, pace));
  }
  let spanMs = MINUTE_MS;
  for (const counts of sums) {
    spanMs = Math.max(spanMs, counts.spanMs);
    untimed += counts.untimed;
  }
  for (;;) {
    const joined = joinSpans(sums, since, until, spanMs);
    if (joined.length <= Math.max(1, spans) || spanMs > 2 ** 50)
      return { spanMs, spans: joined, untimed, isComplete };
    spanMs *= 2;
    if (pace.isDue()) await pace.rest();
  }
}

/** Records of the blocks at a segment's end that may still grow: they are not in the counts of its index. */
async function openCounts(segment: Segment, pace: Pace): Promise<TimeCounts> {
  const counts = new TimeCounts();
  for (
    let block = segment.blocks - 1;
    block >= 0 && (block + 3) * BLOCK_BYTES > segment.sizeBytes;
    block -= 1
  ) {
    if (!segment.index.isCounted(block))
      await segment.lines(block, pace, (table) => {
        if (!segment.index.isCounted(block)) counts.add(table);
      });
  }
  return counts;
}

function joinSpans(
  sums: readonly TimeCounts[],
  since: number,
  until: number,
  spanMs: number,
): { from: number; counts: number[] }[] {
  const joined = new Map<number, number[]>();
  for (const sum of sums) {
    for (const { from, counts } of sum.spans(since, until)) {
      const start = Math.floor(from / spanMs) * spanMs;
      const total = joined.get(start);
      if (total) for (const [level, count] of counts.entries()) total[level] = (total[level] ?? 0) + count;
      else joined.set(start, [...counts]);
    }
  }
  return [...joined].map(([from, counts]) => ({ from, counts })).sort((a, b) => a.from - b.from);
}
