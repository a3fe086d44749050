/**
 * Records: a line with the lines that go on from it. The records of a block are those whose first line begins in it; the
 * last takes in the continuation lines at the head of the next block. Continuation lines that follow on a block of nothing
 * else begin a record of their own, so that no record is longer than three blocks and all of them can be told from three.
 */
import type { Instant } from '../domain/instant.ts';
import type { LogLevel } from '../domain/log.ts';
import { MAX_LINE_BYTES } from './line-block.ts';
import {
  keepLines,
  LINE_AFTER_HOLE,
  LINE_CUT,
  LINE_OPEN,
  type LineTable,
  type LineText,
  levelOfNumber,
} from './line-reader.ts';
import type { BlockRef, LogChain } from './log-chain.ts';
import type { Pace } from './pace.ts';
import { LATE_MS, runningTime } from './running-time.ts';

/** How far a time is looked for around blocks without any. */
const MOST_UNTIMED_BLOCKS = 16;
const MOST_TEXT = MAX_LINE_BYTES;

/** One record of a block, read as far as asked. */
export interface LogEntry {
  readonly file: string;
  readonly name: string;
  readonly offset: number;
  readonly at?: Instant;
  readonly sortAt: Instant;
  readonly level?: LogLevel;
  /** Its own time is before that of its place: it was written late, or by another clock. */
  readonly late: boolean;
  /** Lines it has. */
  readonly lines: number;
  /** Only its beginning is here: a line or the whole was too long. */
  readonly cut: boolean;
  /** Its last line has no newline yet. */
  readonly open: boolean;
  /** A hole of zero bytes lies before it. */
  readonly afterHole: boolean;
  /** As it stands in the file, its lines joined by newlines; not valid UTF-8 becomes U+FFFD. */
  raw(): string;
  /** What its reader makes of it. */
  text(): LineText;
}

export class RecordBlock {
  readonly ref: BlockRef;
  readonly #chain: LogChain;
  readonly #table: LineTable;
  /** Lines of the next block that belong to the last record. */
  readonly #tail: LineTable | undefined;
  /** Index of the first line of each record. */
  readonly #heads: Uint32Array;
  readonly #places: Float64Array;

  constructor(
    ref: BlockRef,
    chain: LogChain,
    table: LineTable,
    tail: LineTable | undefined,
    heads: Uint32Array,
    places: Float64Array,
  ) {
    this.ref = ref;
    this.#chain = chain;
    this.#table = table;
    this.#tail = tail;
    this.#heads = heads;
    this.#places = places;
  }

  get count(): number {
    return this.#heads.length;
  }

  sortAt(record: number): number {
    return this.#places[this.#heads[record] ?? 0] ?? Number.NaN;
  }

  offset(record: number): number {
    return this.#table.offsets[this.#heads[record] ?? 0] ?? 0;
  }

  /** The first record at or behind a place of the file; `count` when there is none. */
  recordAt(offset: number): number {
    return lowest(this.count, (record) => this.offset(record) >= offset);
  }

  /** The first record that sorts at or behind a time (strictly behind with `isAfter`), or `count`. */
  recordAtTime(at: number, isAfter: boolean): number {
    return lowest(this.count, (record) => (isAfter ? this.sortAt(record) > at : this.sortAt(record) >= at));
  }

  level(record: number): number {
    return this.#table.levels[this.#heads[record] ?? 0] ?? 0;
  }

  entry(record: number): LogEntry {
    const { segment } = this.ref;
    const head = this.#heads[record] ?? 0;
    const isLast = record + 1 === this.count;
    const end = isLast ? this.#table.count : (this.#heads[record + 1] ?? this.#table.count);
    const tail = isLast ? this.#tail : undefined;
    const at = this.#table.ats[head] ?? Number.NaN;
    const sortAt = this.sortAt(record);
    const level = levelOfNumber(this.level(record));
    let flags = this.#table.flags[head] ?? 0;
    for (let line = head + 1; line < end; line += 1)
      flags |= (this.#table.flags[line] ?? 0) & ~LINE_AFTER_HOLE;
    for (let line = 0; line < (tail?.count ?? 0); line += 1)
      flags |= (tail?.flags[line] ?? 0) & ~LINE_AFTER_HOLE;
    const sizeBytes = spanOf(this.#table, head, end) + (tail ? spanOf(tail, 0, tail.count) : 0);
    let raw: string | undefined;
    let text: LineText | undefined;
    const entry: LogEntry = {
      file: segment.key,
      name: segment.name,
      offset: this.offset(record),
      ...(Number.isNaN(at) ? {} : { at: at as Instant }),
      sortAt: sortAt as Instant,
      ...(level === undefined ? {} : { level }),
      late: at < sortAt - LATE_MS,
      lines: end - head + (tail?.count ?? 0),
      cut: (flags & LINE_CUT) !== 0 || sizeBytes > MOST_TEXT,
      open: (flags & LINE_OPEN) !== 0,
      afterHole: (flags & LINE_AFTER_HOLE) !== 0,
      raw: () => {
        raw ??= textOf(this.#table, head, end, tail);
        return raw;
      },
      text: () => {
        text ??= this.#chain.reader.describe(entry.raw());
        return text;
      },
    };
    return entry;
  }
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

function spanOf({ starts, ends }: LineTable, from: number, to: number): number {
  return to > from ? (ends[to - 1] ?? 0) - (starts[from] ?? 0) : 0;
}

function textOf(table: LineTable, from: number, to: number, tail: LineTable | undefined): string {
  const lines: string[] = [];
  let left = MOST_TEXT;
  const take = ({ bytes, starts, ends }: LineTable, first: number, end: number): void => {
    for (let line = first; line < end && left > 0; line += 1) {
      const start = starts[line] ?? 0;
      const stop = Math.min(ends[line] ?? 0, start + left);
      lines.push(bytes.toString('utf8', start, stop));
      left -= stop - start + 1;
    }
  };
  take(table, from, to);
  if (tail) take(tail, 0, tail.count);
  return lines.join('\n');
}

/** Reads the records of a block. */
export async function readRecords(chain: LogChain, ref: BlockRef, pace: Pace): Promise<RecordBlock> {
  const { segment, block } = ref;
  const table = await segment.lines(block, pace, keepLines);
  const previous = await chain.previous(ref);
  const isContinued = table.count > 0 && table.continues[0] === 1 && previous !== undefined;
  const before = previous ? await factsOf(previous, pace) : undefined;
  const heads = new Uint32Array(table.count);
  let count = 0;
  let isOpen = isContinued && before?.hasHead === true;
  for (let line = 0; line < table.count; line += 1) {
    if (table.continues[line] === 1 && (isOpen || count > 0)) continue;
    heads[count] = line;
    count += 1;
    isOpen = false;
  }
  const places = new Float64Array(table.count);
  const end = runningTime(table, before?.restAt ?? Number.NaN, places);
  if (table.count > 0 && Number.isNaN(places[0] ?? Number.NaN)) {
    const start = await neighbourTime(chain, ref, Number.isNaN(end) ? undefined : places, pace);
    for (let line = 0; line < table.count && Number.isNaN(places[line] ?? 0); line += 1) places[line] = start;
  }
  const hasHead = table.continues.includes(0);
  const tail = hasHead ? await leadingRun(chain, ref, pace) : undefined;
  return new RecordBlock(ref, chain, table, tail, heads.slice(0, count), places);
}

/** The continuation lines a block begins with, where it is the next one. */
async function leadingRun(chain: LogChain, ref: BlockRef, pace: Pace): Promise<LineTable | undefined> {
  const next = await chain.next(ref);
  if (!next) return undefined;
  return next.segment.lines(next.block, pace, (table) => {
    let count = 0;
    while (count < table.count && table.continues[count] === 1) count += 1;
    return count === 0 ? undefined : keepLines({ ...table, count });
  });
}

async function factsOf({ segment, block }: BlockRef, pace: Pace) {
  const known = segment.index.facts(block);
  if (known) return known;
  await segment.lines(block, pace, () => undefined);
  return segment.index.facts(block);
}

/** Where the time stands at the end of a block: its own, else what the blocks before it say, else NaN. */
export async function restAt(ref: BlockRef, pace: Pace): Promise<number> {
  return (await factsOf(ref, pace))?.restAt ?? Number.NaN;
}

/** The time at lines that have none and no predecessor near: an earlier block's, their block's first, a later block's, that of the last write. */
async function neighbourTime(
  chain: LogChain,
  ref: BlockRef,
  places: Float64Array | undefined,
  pace: Pace,
): Promise<number> {
  let at: BlockRef | undefined = ref;
  for (let count = 0; count < MOST_UNTIMED_BLOCKS; count += 1) {
    at = await chain.previous(at);
    if (!at) break;
    const rest = await restAt(at, pace);
    if (!Number.isNaN(rest)) return rest;
  }
  const own = places?.find((place) => !Number.isNaN(place));
  if (own !== undefined) return own;
  at = ref;
  for (let count = 0; count < MOST_UNTIMED_BLOCKS; count += 1) {
    at = await chain.next(at);
    if (!at) break;
    const first = (await factsOf(at, pace))?.firstAt ?? Number.NaN;
    if (!Number.isNaN(first)) return first;
  }
  return Math.floor(ref.segment.mtimeMs);
}
