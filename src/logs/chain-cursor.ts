import { isAscii } from 'node:buffer';
import { BLOCK_BYTES, BLOCK_READ_BYTES } from './line-block.ts';
import type { BlockRef, LogChain } from './log-chain.ts';
import type { FilterTest } from './log-filter.ts';
import type { Pace } from './pace.ts';
import { type LogEntry, type RecordBlock, restAt } from './record-block.ts';

/** A place in one file of a log. */
export interface FilePlace {
  /** `Segment.key`. */
  readonly file: string;
  readonly offset: number;
  /** Where it sorts: what it is found by when the file is gone. */
  readonly sortAt: number;
}

export type Blocks = (ref: BlockRef) => Promise<RecordBlock>;

const BACKSLASH = 0x5c;
/** What is read of the last line behind a block for a quick look at it. */
const LINE_REST_BYTES = 4096;
/** Quick looks that are remembered; each block is looked at for itself and for the one before. */
const MOST_LOOKS = 16;

interface CursorSource {
  readonly log: string;
  readonly chain: LogChain;
  readonly test: FilterTest;
  /** 1 goes to newer records, -1 to older ones. */
  readonly way: 1 | -1;
  /** The place of its log among those merged. */
  readonly order: number;
  readonly blocks: Blocks;
  readonly pace: Pace;
}

/** A gap in one log, moving one way over the records that pass. */
export class ChainCursor {
  /** Its next record is known to pass. */
  isFound = false;
  /** Nothing that passes is left. */
  isOver = false;
  readonly #source: CursorSource;
  /** The gap lies before this record, whose index may be `count`. */
  #block: RecordBlock | undefined;
  #record = 0;
  /** Where its next record sorts; while it is not read, a bound of that. */
  #key: number;
  #entry: LogEntry | undefined;
  readonly #looks = new Map<string, number>();
  /** Before which record it ends, going to newer ones; undefined: at the log's end. */
  #limit: { readonly block: RecordBlock; readonly record: number } | undefined;

  constructor(source: CursorSource) {
    this.#source = source;
    this.#key = source.way === 1 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  get log(): string {
    return this.#source.log;
  }

  /** How much of its log lies behind it, as it goes, 0 to 1. */
  get share(): number {
    if (this.isOver || !this.#block) return 1;
    const { chain, way } = this.#source;
    let [before, all] = [0, 0];
    const own = this.#indexOf(this.#block);
    for (const [index, { blocks }] of chain.segments.entries()) {
      all += blocks;
      if (index < own) before += blocks;
    }
    const at = (before + this.#block.ref.block) / Math.max(1, all);
    return way === 1 ? at : 1 - at;
  }

  /** Where its log ends for it: before a place of a file; where that is gone, before the time there. */
  async endAt(place: FilePlace): Promise<void> {
    const { chain, blocks } = this.#source;
    this.#limit = await blockHolding(chain, place, blocks);
    if (this.#limit) return;
    await this.toTime(place.sortAt, false);
    if (this.#block) this.#limit = { block: this.#block, record: this.#record };
    this.#block = undefined;
  }

  /** Wherever it was put, it is not behind its end. */
  keepWithin(): void {
    const limit = this.#limit;
    if (limit && this.#block && this.#isAtLimit(this.#block, this.#record))
      this.#stand(limit.block, limit.record);
  }

  #indexOf({ ref }: RecordBlock): number {
    return this.#source.chain.segments.indexOf(ref.segment);
  }

  #isAtLimit(block: RecordBlock, record: number): boolean {
    if (!this.#limit) return false;
    const { block: end, record: endRecord } = this.#limit;
    const [own, last] = [this.#indexOf(block), this.#indexOf(end)];
    if (own !== last) return own > last;
    if (block.ref.block !== end.ref.block) return block.ref.block > end.ref.block;
    return record >= endRecord;
  }

  async toStart(): Promise<void> {
    const ref = await this.#source.chain.first();
    if (ref) this.#stand(await this.#source.blocks(ref), 0);
  }

  async toEnd(): Promise<void> {
    const ref = await this.#source.chain.last();
    if (!ref) return;
    const block = await this.#source.blocks(ref);
    this.#stand(block, block.count);
  }

  /** Before (behind) a record; where its file is gone, where it would sort. */
  async toPlace(place: FilePlace, isBehind: boolean): Promise<void> {
    const { chain, blocks } = this.#source;
    const found = await blockHolding(chain, place, blocks);
    if (found) this.#stand(found.block, isBehind ? found.record + 1 : found.record);
    else await this.toTime(place.sortAt, isBehind);
  }

  /** To what `gap` gave; a log that had nothing then is at its start. */
  async toGap(place: FilePlace | undefined): Promise<void> {
    if (place) await this.toPlace(place, false);
    else await this.toStart();
  }

  /** Before the first record that sorts at that time or behind it; with `isAfter` behind those of that time. */
  async toTime(at: number, isAfter: boolean): Promise<void> {
    const { chain, blocks, pace } = this.#source;
    const ref = await blockAtTime(chain, at, isAfter, pace);
    if (!ref) {
      await this.toEnd();
      return;
    }
    const block = await blocks(ref);
    this.#stand(block, block.recordAtTime(at, isAfter));
  }

  /** What lies behind the gap; undefined for a log without anything. */
  gap(): FilePlace | undefined {
    const block = this.#block;
    if (!block) return undefined;
    const { segment, block: number } = block.ref;
    const file = segment.key;
    if (this.#record < block.count)
      return { file, offset: block.offset(this.#record), sortAt: block.sortAt(this.#record) };
    const sortAt = Number.isFinite(this.#key) ? this.#key : segment.mtimeMs;
    // Of a block in which no record begins, the side it is left by.
    const side = this.#source.way === -1 && this.#record === 0 ? number : number + 1;
    return { file, offset: Math.min(segment.sizeBytes, side * BLOCK_BYTES), sortAt };
  }

  /** Whether its next record comes before another's, going its way. */
  comesBefore(other: ChainCursor): boolean {
    const { way, order } = this.#source;
    if (this.#key !== other.#key) return way === 1 ? this.#key < other.#key : this.#key > other.#key;
    return way === 1 ? order < other.#source.order : order > other.#source.order;
  }

  /**
   * Looks on for a record that passes, to the end of its block or over to the next that may have one. Blocks are passed
   * over up to `until` (milliseconds of `performance.now`). Resolves to whether the gap lies behind anything it did not lie
   * behind before.
   */
  async advance(until = Number.POSITIVE_INFINITY): Promise<boolean> {
    const { test, way, chain, blocks, pace } = this.#source;
    const block = this.#block;
    let hasGone = false;
    if (!block) {
      this.isOver = true;
      return hasGone;
    }
    for (;;) {
      const record = way === 1 ? this.#record : this.#record - 1;
      if (record < 0 || record >= block.count) break;
      const sortAt = block.sortAt(record);
      if (way === 1 && this.#isAtLimit(block, record)) {
        this.isOver = true;
        return hasGone;
      }
      if (way === 1 ? sortAt >= test.until : sortAt < test.since) {
        this.isOver = true;
        return hasGone;
      }
      const entry = block.entry(record);
      if (test.passes(entry)) {
        this.#entry = entry;
        this.#key = sortAt;
        this.isFound = true;
        return hasGone;
      }
      this.#record += way;
      hasGone = true;
      if (pace.isDue()) await pace.rest();
    }
    let ref: BlockRef | undefined = block.ref;
    let mayHold = false;
    do {
      ref = way === 1 ? await chain.next(ref) : await chain.previous(ref);
      if (!ref) {
        this.isOver = true;
        // The gap moves too: whoever goes on from it must not look through the same blocks again.
        if (way === 1) await this.toEnd();
        else await this.toStart();
        return hasGone;
      }
      mayHold = await this.#mayHold(ref);
      hasGone ||= !mayHold;
    } while (!mayHold && performance.now() < until);
    const next = await blocks(ref);
    // One that can hold nothing is left at its far side.
    this.#stand(next, mayHold === (way === 1) ? 0 : next.count);
    return hasGone;
  }

  /** Where its next record sorts; while it is not read, a bound of that. */
  get key(): number {
    return this.#key;
  }

  /** The record found, and its place. */
  peek(): { readonly place: FilePlace & { readonly log: string }; readonly entry: LogEntry } {
    const entry = this.#entry;
    if (!entry) throw new Error('nothing was found');
    const { file, offset, sortAt } = entry;
    return { place: { log: this.log, file, offset, sortAt }, entry };
  }

  /** The gap moves over the record found. */
  take(): void {
    this.#record += this.#source.way;
    this.isFound = false;
    this.#entry = undefined;
    this.#expect();
  }

  #stand(block: RecordBlock, record: number): void {
    this.#block = block;
    this.#record = record;
    this.#expect();
  }

  /** What the next record sorts by, as far as it is known without reading on. */
  #expect(): void {
    const { way } = this.#source;
    const block = this.#block;
    if (!block || block.count === 0) return;
    const record = way === 1 ? this.#record : this.#record - 1;
    this.#key = block.sortAt(Math.max(0, Math.min(block.count - 1, record)));
  }

  /** A quick look: false when nothing in a block can pass. What a record holds lies in its block or at the head of the next. */
  async #mayHold(ref: BlockRef): Promise<boolean> {
    const { test, pace, chain } = this.#source;
    if (pace.isDue()) await pace.rest();
    if (!test.mayBeIn((level) => ref.segment.index.atLeast(ref.block, level))) return false;
    const all = 2 ** (test.needles.length + test.patterns.length) - 1;
    if (all === 0) return true;
    const here = this.#look(ref);
    if (here === all) return true;
    const next = await chain.next(ref);
    return (next ? here | this.#look(next) : here) === all;
  }

  /** A bit for each needle and pattern that lines beginning in a block hold. */
  #look({ segment, block }: BlockRef): number {
    const { needles, patterns } = this.#source.test;
    const all = 2 ** (needles.length + patterns.length) - 1;
    const name = `${segment.key}/${block}`;
    const known = this.#looks.get(name);
    if (known !== undefined) return known;
    if (segment.form.encoding !== 'utf8' || segment.isCompressed) return all;
    const at = block * BLOCK_BYTES;
    let bytes = segment.raw(at, BLOCK_BYTES + LINE_REST_BYTES) ?? Buffer.alloc(0);
    if (bytes.length > BLOCK_BYTES) {
      const end = bytes.indexOf(0x0a, BLOCK_BYTES - 1);
      if (end !== -1) bytes = bytes.subarray(0, end);
      else bytes = segment.raw(at, BLOCK_READ_BYTES) ?? bytes;
    }
    // What is shown may be what a backslash stands for.
    if (bytes.includes(BACKSLASH)) return all;
    let found = 0;
    for (const [bit, needle] of needles.entries()) if (bytes.includes(needle)) found |= 1 << bit;
    if (patterns.length > 0) {
      const text = isAscii(bytes) ? bytes.toString('latin1') : bytes.toString();
      for (const [bit, pattern] of patterns.entries())
        if (pattern.test(text)) found |= 1 << (needles.length + bit);
    }
    if (this.#looks.size >= MOST_LOOKS) this.#looks.clear();
    this.#looks.set(name, found);
    return found;
  }
}

/** The block and the index of the first record at or behind a place; undefined where its file is gone. */
export async function blockHolding(
  chain: LogChain,
  { file, offset }: { readonly file: string; readonly offset: number },
  blocks: Blocks,
): Promise<{ readonly block: RecordBlock; readonly record: number } | undefined> {
  const segment = await chain.find(file, offset);
  if (!segment || segment.blocks === 0) return undefined;
  const number = Math.min(segment.blocks - 1, Math.floor(offset / BLOCK_BYTES));
  const block = await blocks({ segment, block: number });
  return { block, record: block.recordAt(offset) };
}

/** The first block at whose end the time stands at `at` or later (later, with `isAfter`); undefined when none does. */
async function blockAtTime(
  chain: LogChain,
  at: number,
  isAfter: boolean,
  pace: Pace,
): Promise<BlockRef | undefined> {
  const isReached = (rest: number): boolean => (isAfter ? rest > at : rest >= at);
  let found: BlockRef['segment'] | undefined;
  let hasTimes = false;
  for (const segment of chain.segments.toReversed()) {
    // Nothing in a file is younger than its last write, an hour granted to clocks that disagree.
    if (!segment.isMeasured && segment.mtimeMs < at - 3_600_000) break;
    await segment.measure();
    let rest = Number.NaN;
    for (let block = segment.blocks - 1; block >= 0 && Number.isNaN(rest); block -= 1)
      rest = await restAt({ segment, block }, pace);
    if (Number.isNaN(rest)) continue;
    hasTimes = true;
    if (!isReached(rest)) break;
    found = segment;
  }
  if (!found && !hasTimes) {
    // Lines of a log that has no times stand at the last write of their file.
    const segment = chain.segments.find(({ mtimeMs }) => isReached(Math.floor(mtimeMs)));
    return segment && segment.blocks > 0 ? { segment, block: 0 } : undefined;
  }
  if (!found) return undefined;
  let [low, high] = [0, found.blocks - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    let timed = middle;
    let rest = Number.NaN;
    for (; timed >= low; timed -= 1) {
      rest = await restAt({ segment: found, block: timed }, pace);
      if (!Number.isNaN(rest)) break;
    }
    if (timed >= low && isReached(rest)) high = timed;
    else low = middle + 1;
  }
  return { segment: found, block: low };
}
