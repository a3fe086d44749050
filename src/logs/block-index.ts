/**
 * What is known of the blocks of one file: times, lines and levels, at 69 bytes a block of 64 KiB. Blocks are entered in
 * any order, each as soon as it was read by whomever; a file that grows has its last block entered again.
 */
import { LEVEL_COUNT, type LineTable } from './line-reader.ts';
import { runningTime } from './running-time.ts';
import { TimeCounts } from './time-counts.ts';

/** The block was read. */
const KNOWN = 1;
/** A line in it does not go on with the one before. */
const HAS_HEAD = 2;
/** A line has a time before that of a line above it. */
const HAS_LATE = 4;
/** A line has no time. */
const HAS_UNTIMED = 8;
/** Its records are in the counts by time. */
const COUNTED = 16;

const TIMES = 5;

/** One block, as the index has it. */
export interface BlockFacts {
  /** Lines that begin in it. */
  readonly lines: number;
  /** Of the first, last, earliest and latest line with a time; NaN without one. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly minAt: number;
  readonly maxAt: number;
  /** Where the time stands at its end, see `runningTime`; NaN without one. */
  readonly restAt: number;
  readonly hasHead: boolean;
  readonly hasLate: boolean;
  readonly hasUntimed: boolean;
}

export class BlockIndex {
  /** Lines with a time by the minute (or a multiple of it) and level, of all blocks entered as complete. */
  readonly counts = new TimeCounts();
  #capacity = 0;
  #times = new Float64Array(0);
  #lines = new Uint32Array(0);
  #levels = new Uint32Array(0);
  #flags = new Uint8Array(0);
  #known = 0;
  #lineCount = 0;

  /** Blocks entered. */
  get known(): number {
    return this.#known;
  }

  /** Lines of all blocks entered. */
  get lines(): number {
    return this.#lineCount;
  }

  /** Memory it takes, in bytes. */
  get sizeBytes(): number {
    return (
      this.#times.byteLength +
      this.#lines.byteLength +
      this.#levels.byteLength +
      this.#flags.byteLength +
      this.counts.sizeBytes
    );
  }

  isKnown(block: number): boolean {
    return ((this.#flags[block] ?? 0) & KNOWN) !== 0;
  }

  /** What is known of a block, or undefined. */
  facts(block: number): BlockFacts | undefined {
    if (!this.isKnown(block)) return undefined;
    const flags = this.#flags[block] ?? 0;
    const at = block * TIMES;
    return {
      lines: this.#lines[block] ?? 0,
      firstAt: this.#times[at] ?? Number.NaN,
      lastAt: this.#times[at + 1] ?? Number.NaN,
      minAt: this.#times[at + 2] ?? Number.NaN,
      maxAt: this.#times[at + 3] ?? Number.NaN,
      restAt: this.#times[at + 4] ?? Number.NaN,
      hasHead: (flags & HAS_HEAD) !== 0,
      hasLate: (flags & HAS_LATE) !== 0,
      hasUntimed: (flags & HAS_UNTIMED) !== 0,
    };
  }

  /** Lines of a block with at least that level number (see `levelNumber`); undefined where it was not read. */
  atLeast(block: number, level: number): number | undefined {
    if (!this.isKnown(block)) return undefined;
    let count = 0;
    for (let number = level; number < LEVEL_COUNT; number += 1)
      count += this.#levels[block * LEVEL_COUNT + number] ?? 0;
    return count;
  }

  /** Enters a block. `isWhole`: nothing will be added to it; only then its lines are counted by time, once. */
  enter(block: number, table: LineTable, isWhole: boolean): void {
    if (this.isKnown(block)) {
      this.#lineCount -= this.#lines[block] ?? 0;
    } else {
      this.#reserve(block + 1);
      this.#known += 1;
    }
    const base = block * LEVEL_COUNT;
    this.#levels.fill(0, base, base + LEVEL_COUNT);
    let [first, last, min, max] = [
      Number.NaN,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ];
    let flags = KNOWN | ((this.#flags[block] ?? 0) & COUNTED);
    const { ats, levels, continues, count } = table;
    for (let line = 0; line < count; line += 1) {
      if (continues[line] === 0) {
        flags |= HAS_HEAD;
        const place = base + (levels[line] ?? 0);
        this.#levels[place] = (this.#levels[place] ?? 0) + 1;
      }
      const at = ats[line] ?? Number.NaN;
      if (Number.isNaN(at)) {
        flags |= HAS_UNTIMED;
        continue;
      }
      if (Number.isNaN(first)) first = at;
      last = at;
      if (at < max) flags |= HAS_LATE;
      if (at < min) min = at;
      if (at > max) max = at;
    }
    if (Number.isNaN(first)) min = max = first;
    this.#times.set([first, last, min, max, runningTime(table, Number.NaN)], block * TIMES);
    this.#lines[block] = count;
    this.#lineCount += count;
    if (isWhole && (flags & COUNTED) === 0) {
      this.counts.add(table);
      flags |= COUNTED;
    }
    this.#flags[block] = flags;
  }

  /** Whether the records of a block are in `counts`. */
  isCounted(block: number): boolean {
    return ((this.#flags[block] ?? 0) & COUNTED) !== 0;
  }

  /** A block has to be read again: its file has grown. */
  forget(block: number): void {
    if (!this.isKnown(block)) return;
    this.#flags[block] = (this.#flags[block] ?? 0) & ~KNOWN;
    this.#known -= 1;
    this.#lineCount -= this.#lines[block] ?? 0;
  }

  /** Forgets everything: the file is another one. */
  clear(): void {
    this.#flags.fill(0);
    this.#known = 0;
    this.#lineCount = 0;
    this.counts.clear();
  }

  #reserve(blocks: number): void {
    if (blocks <= this.#capacity) return;
    const capacity = Math.max(blocks, Math.min(this.#capacity * 2, this.#capacity + 4096));
    const grow = <T extends Float64Array | Uint32Array | Uint8Array>(old: T, next: T): T => {
      next.set(old as never);
      return next;
    };
    this.#times = grow(this.#times, new Float64Array(capacity * TIMES));
    this.#lines = grow(this.#lines, new Uint32Array(capacity));
    this.#levels = grow(this.#levels, new Uint32Array(capacity * LEVEL_COUNT));
    this.#flags = grow(this.#flags, new Uint8Array(capacity));
    this.#capacity = capacity;
  }
}
