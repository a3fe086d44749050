/**
 * Pages of one or many logs, merged by where their records sort. A page is filled from a place onwards; each log is read a
 * block at a time and only as far as the page needs, so the end of a log of any size is there at once, index or not.
 */
import type { LogFilter } from '../domain/log.ts';
import { blockHolding, ChainCursor, type FilePlace } from './chain-cursor.ts';
import type { BlockRef, LogChain } from './log-chain.ts';
import { type LogNames, testOf } from './log-filter.ts';
import { type Pace, paceOf } from './pace.ts';
import { type LogEntry, type RecordBlock, readRecords } from './record-block.ts';
import { foldTwin } from './twins.ts';

/** A log of the view. */
export interface ViewedLog {
  readonly names: LogNames;
  readonly chain: LogChain;
}

/** One record, wherever its file has gone since. */
export interface LogPlace extends FilePlace {
  readonly log: string;
}

/**
 * A gap between records: for each log what lies behind it. Good for the filter it came with; a log that is not named had
 * nothing then.
 */
export interface LogGap {
  readonly [log: string]: FilePlace;
}

/** Where a page begins or ends. */
export type LogPosition =
  | 'start'
  | 'end'
  /** The gap before the first record that sorts at or behind this time (milliseconds since 1970). */
  | { readonly time: number }
  /** The gap before (default) or behind a record. */
  | { readonly place: LogPlace; readonly side?: 'before' | 'behind' }
  | { readonly gap: LogGap };

/**
 * Where each log is to end: what lies at or behind that place is told by somebody else. A log that is not named is left
 * out; without limits all of each is looked at.
 */
export type LogLimits = { readonly [log: string]: FilePlace };

/** What is to be counted. */
export interface LogCountRequest {
  readonly at: LogPosition;
  readonly way: 'forward' | 'backward';
  readonly filter: LogFilter;
  readonly most: number;
  readonly mostMs?: number;
  readonly limits?: LogLimits;
}

export interface LogCount {
  readonly count: number;
  readonly isAll: boolean;
  readonly rest: LogGap;
  readonly share: number;
}

/** A record of a view. */
export interface ViewRow {
  readonly place: LogPlace;
  readonly entry: LogEntry;
  /** Places of records that say the same; see {@link foldTwin}. */
  readonly twins?: readonly LogPlace[];
  /** It did not pass the filter, it is shown for what stands beside it. */
  readonly isContext?: true;
}

/** Records in their order, and the gaps at both ends to go on from. */
export interface ViewPage {
  readonly rows: readonly ViewRow[];
  readonly start: LogGap;
  readonly end: LogGap;
  /** No record that passes lies before the first, behind the last. */
  readonly atStart: boolean;
  readonly atEnd: boolean;
}

/** Blocks whose records are kept, of about 80 KiB each. */
const MOST_BLOCKS = 96;

export class LogView {
  readonly #logs: readonly ViewedLog[];
  readonly #blocks = new Map<string, Promise<RecordBlock>>();

  /** The order of the logs decides between records of the same time. */
  constructor(logs: readonly ViewedLog[]) {
    this.#logs = logs;
  }

  /** Up to `rows` records that pass, behind a position. */
  async forward(
    at: LogPosition,
    rows: number,
    filter: LogFilter,
    pace: Pace,
    limits?: LogLimits,
  ): Promise<ViewPage> {
    const cursors = await this.#cursors(at, filter, 1, pace, limits);
    const start = gapOf(cursors);
    const before = await this.#rowBefore(at);
    const page = before ? [before] : [];
    const atEnd = await this.#fill(page, before ? rows + 1 : rows, cursors, false);
    if (before) page.shift();
    return { rows: page, start, end: gapOf(cursors), atStart: at === 'start', atEnd };
  }

  /** Up to `rows` records that pass, before a position; oldest first. */
  async backward(
    at: LogPosition,
    rows: number,
    filter: LogFilter,
    pace: Pace,
    limits?: LogLimits,
  ): Promise<ViewPage> {
    const cursors = await this.#cursors(at, filter, -1, pace, limits);
    const end = gapOf(cursors);
    const page: ViewRow[] = [];
    const atStart = await this.#fill(page, rows, cursors, true);
    return { rows: page.reverse(), start: gapOf(cursors), end, atStart, atEnd: at === 'end' };
  }

  /** Takes records until the page has so many and no twin of them follows. Says whether there are no more. */
  async #fill(
    page: ViewRow[],
    rows: number,
    cursors: readonly ChainCursor[],
    isOlder: boolean,
  ): Promise<boolean> {
    const systems = new Map(this.#logs.map(({ names }) => [names.id, names.system]));
    const systemOf = (log: string): string | undefined => systems.get(log);
    while (page.length < rows) {
      const cursor = await nearest(cursors);
      if (!cursor) return true;
      const row = rowOf(cursor);
      if (!foldTwin(page, row, systemOf, isOlder)) page.push(row);
    }
    for (let last = page.at(-1); last; last = page.at(-1)) {
      const cursor = await nearest(cursors, last.entry.sortAt);
      if (!cursor || !foldTwin(page, cursor.peek(), systemOf, isOlder)) return false;
      cursor.take();
    }
    return false;
  }

  /** The record a position lies behind: what says the same was shown with it. */
  async #rowBefore(at: LogPosition): Promise<ViewRow | undefined> {
    if (typeof at !== 'object' || !('place' in at) || at.side !== 'behind') return undefined;
    const chain = this.#logs.find(({ names }) => names.id === at.place.log)?.chain;
    const found = chain && (await blockHolding(chain, at.place, (ref) => this.#block(chain, ref)));
    if (!found || found.record >= found.block.count) return undefined;
    return { place: at.place, entry: found.block.entry(found.record) };
  }

  /** The records around a position, `before` of them before it. */
  async around(
    at: LogPosition,
    before: number,
    behind: number,
    filter: LogFilter,
    pace: Pace,
    limits?: LogLimits,
  ): Promise<ViewPage> {
    const first = await this.backward(at, before, filter, pace, limits);
    const second = await this.forward({ gap: first.end }, behind, filter, pace, limits);
    return {
      rows: [...first.rows, ...second.rows],
      start: first.start,
      end: second.end,
      atStart: first.atStart,
      atEnd: second.atEnd,
    };
  }

  /** The rows of a page with up to `lines` records of the same log before and behind each that passed no filter. */
  async withContext(page: ViewPage, lines: number, pace: Pace): Promise<readonly ViewRow[]> {
    const rows = new Map<string, ViewRow>();
    const nameOf = ({ log, file, offset }: LogPlace): string => `${log}\0${file}\0${offset}`;
    for (const row of page.rows) rows.set(nameOf(row.place), row);
    const out: ViewRow[] = [];
    const done = new Set<string>();
    for (const row of page.rows) {
      const { place } = row;
      const own = new LogView(this.#logs.filter(({ names }) => names.id === place.log));
      const before = await own.backward({ place }, lines, [], pace);
      const behind = await own.forward({ place, side: 'behind' }, lines, [], pace);
      for (const one of [...before.rows, row, ...behind.rows]) {
        const name = nameOf(one.place);
        if (done.has(name)) continue;
        const passed = rows.get(name);
        // One that passed has its own turn.
        if (passed && one !== row) continue;
        done.add(name);
        out.push(passed ?? { ...one, isContext: true });
      }
    }
    return out;
  }

  /** How many records that pass lie before or behind a position, in as many slices as it takes. */
  async count(
    { at, way, filter, most, mostMs = Number.POSITIVE_INFINITY, limits }: LogCountRequest,
    pace: Pace,
  ): Promise<LogCount> {
    const until = performance.now() + mostMs;
    const cursors = await this.#cursors(at, filter, way === 'forward' ? 1 : -1, pace, limits);
    let count = 0;
    // Getting to the place may take all the time there is (a compressed part): each slice gets on, by a block or a record.
    let hasGone = false;
    for (const cursor of cursors) {
      while (!cursor.isOver) {
        if (count === most || (hasGone && performance.now() > until)) {
          const share = cursors.reduce((sum, one) => sum + one.share, 0) / cursors.length;
          return { count, isAll: false, rest: gapOf(cursors), share };
        }
        if (!cursor.isFound) {
          if (await cursor.advance(until)) hasGone = true;
          continue;
        }
        cursor.take();
        hasGone = true;
        count += 1;
      }
    }
    return { count, isAll: true, rest: gapOf(cursors), share: 1 };
  }

  async #cursors(
    at: LogPosition,
    filter: LogFilter,
    way: 1 | -1,
    pace: Pace,
    limits?: LogLimits,
  ): Promise<ChainCursor[]> {
    const from = typeof at === 'object' && 'place' in at ? await this.#sortOf(at.place) : undefined;
    const cursors: ChainCursor[] = [];
    for (const [order, { names, chain }] of this.#logs.entries()) {
      const test = testOf(filter, names, chain.reader.showsWritten === true);
      if (!test.wantsLog) continue;
      const blocks = (ref: BlockRef) => this.#block(chain, ref);
      const limit = limits?.[names.id];
      if (limits && !limit) continue;
      const cursor = new ChainCursor({ log: names.id, chain, test, way, order, blocks, pace });
      cursors.push(cursor);
      if (limit) await cursor.endAt(limit);
      if (at === 'start') {
        if (Number.isFinite(test.since)) await cursor.toTime(test.since, false);
        else await cursor.toStart();
      } else if (at === 'end') {
        if (Number.isFinite(test.until)) await cursor.toTime(test.until, false);
        else await cursor.toEnd();
      } else if ('time' in at) await cursor.toTime(at.time, false);
      else if ('gap' in at) await cursor.toGap(at.gap[names.id]);
      else if (at.place.log !== names.id)
        await cursor.toTime(from?.sortAt ?? at.place.sortAt, from !== undefined && order < from.order);
      else if (from) await cursor.toPlace(at.place, at.side === 'behind');
      else await cursor.toTime(at.place.sortAt, at.side === 'behind');
      cursor.keepWithin();
    }
    return cursors;
  }

  /** Where a record sorts now, and its log's order. Undefined when it is gone. */
  async #sortOf(place: LogPlace): Promise<{ sortAt: number; order: number } | undefined> {
    const order = this.#logs.findIndex(({ names }) => names.id === place.log);
    const chain = this.#logs[order]?.chain;
    const found = chain && (await blockHolding(chain, place, (ref) => this.#block(chain, ref)));
    return found && found.record < found.block.count
      ? { sortAt: found.block.sortAt(found.record), order }
      : undefined;
  }

  #block(chain: LogChain, ref: BlockRef): Promise<RecordBlock> {
    const isLate = ref.block + 3 >= ref.segment.blocks;
    const name = `${chain.id}\0${ref.segment.key}\0${ref.block}\0${isLate ? `${chain.version}/${ref.segment.sizeBytes}` : ''}`;
    const known = this.#blocks.get(name);
    if (known) {
      this.#blocks.delete(name);
      this.#blocks.set(name, known);
      return known;
    }
    // Not at the pace of whoever asked first: others may wait for it when that one has gone.
    const read = readRecords(chain, ref, paceOf());
    this.#blocks.set(name, read);
    read.catch(() => this.#blocks.delete(name));
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MOST_BLOCKS) break;
      this.#blocks.delete(oldest);
    }
    return read;
  }
}

function gapOf(cursors: readonly ChainCursor[]): LogGap {
  const gap: { [log: string]: FilePlace } = {};
  for (const cursor of cursors) {
    const place = cursor.gap();
    if (place) gap[cursor.log] = place;
  }
  return gap;
}

/**
 * The cursor whose record comes next, looked for where the order demands it; undefined when none has one. With `sortAt`
 * just among records that sort there.
 */
async function nearest(cursors: readonly ChainCursor[], sortAt?: number): Promise<ChainCursor | undefined> {
  for (;;) {
    let best: ChainCursor | undefined;
    for (const cursor of cursors) if (!cursor.isOver && (!best || cursor.comesBefore(best))) best = cursor;
    if (sortAt !== undefined && best?.key !== sortAt) return undefined;
    if (!best || best.isFound) return best;
    await best.advance();
  }
}

function rowOf(cursor: ChainCursor): ViewRow {
  const row = cursor.peek();
  cursor.take();
  return row;
}
