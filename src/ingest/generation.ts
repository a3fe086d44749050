/**
 * One generation of a log: a file from its creation to its emptying or replacement, held open. A live descriptor keeps
 * its inode from being reused; first kilobyte and the bytes before the read position tell whether it still holds what
 * was read from it.
 */
import { closeSync, fstatSync, readFileSync, readSync, type Stats } from 'node:fs';
import { detectEncoding } from '../host/text-encoding.ts';
import { type Agreement, agreementOf, bytesAt, Fingerprint } from './fingerprint.ts';
import { LineSplitter, type SplitLine } from './line-splitter.ts';
import { fileId, type SavedGeneration } from './log-position.ts';

/** Bytes looked at for the encoding of a file that is read from its middle. */
const ENCODING_BYTES = 1024;

const READ_BYTES = 256 * 1024;
/** Coarsest time stamps of local file systems, with a margin. */
const STAMP_MS = 50;
/** What systems without /proc allow at least. */
const USUAL_LIMIT = 256;
const LOG_SHARE = 0.5;

const buffer = Buffer.allocUnsafe(READ_BYTES);

/** Generations open in this thread, and how many there may be. */
let open = 0;
const MOST_OPEN = Math.floor(descriptorLimit() * LOG_SHARE);

/**
 * Whether logs hold more descriptors than they should: of those this process may have, others need some. Quiet logs are
 * then closed, and opened again when something moved.
 */
export function areDescriptorsShort(): boolean {
  return open > MOST_OPEN;
}

/** How many files this process may have open. Asked at the start: later there may be no descriptor left to ask with. */
function descriptorLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? USUAL_LIMIT : Number(limit);
  } catch {
    return USUAL_LIMIT;
  }
}

export class Generation {
  readonly descriptor: number;
  /** Device and inode. */
  readonly key: string;
  readonly id: string;
  /** Where the next byte is read. */
  offset = 0;
  /** No chunk of it has been told yet. */
  fresh = true;
  /** Its reading began in its middle. */
  partial = false;
  /** It begins anew in a file that was emptied. */
  restarted = false;
  /** A copy made before its original was emptied. */
  isCopy = false;
  /** Name it has after rotation. */
  rotated: string | undefined;
  /** As of the last look. */
  stat: Stats;
  /** Monotonic time of the last byte seen. */
  grewAt = performance.now();
  splitter: LineSplitter;
  #print = new Fingerprint();
  #closed = false;
  /** Wall time of the last look: a write within the same tick of the file system's clock leaves no new time stamp. */
  #lookedAt = 0;
  readonly #maxLineBytes: number;

  /**
   * Takes over an open descriptor. `tailBytes`: read only about that much of its end. `file`: the one it stands for,
   * where that is another one (a compressed file, unpacked).
   */
  constructor(
    descriptor: number,
    stat: Stats,
    maxLineBytes: number,
    tailBytes = Number.POSITIVE_INFINITY,
    file = { key: `${stat.dev}:${stat.ino}`, id: fileId(stat) },
  ) {
    open += 1;
    this.descriptor = descriptor;
    this.key = file.key;
    this.id = file.id;
    this.stat = stat;
    this.#maxLineBytes = maxLineBytes;
    this.splitter = new LineSplitter(maxLineBytes);
    if (stat.size > tailBytes) this.#startAt(stat.size - tailBytes - 1);
  }

  /**
   * Goes on where an earlier run stood, in the open file that run read from or a copy of it. Undefined, and the
   * descriptor left open, when the file no longer holds what was read.
   */
  static resume(
    descriptor: number,
    stat: Stats,
    maxLineBytes: number,
    saved: SavedGeneration,
    file?: { readonly key: string; readonly id: string },
  ): Generation | undefined {
    const { offset, splitter } = saved;
    if (offset > 0 && agreementOf(saved.print, offset, descriptor, stat.size) !== 'same') return undefined;
    const generation = new Generation(descriptor, stat, maxLineBytes, undefined, file);
    generation.offset = offset;
    generation.fresh = saved.fresh === true;
    generation.partial = saved.partial === true;
    generation.restarted = saved.restarted === true;
    generation.#print = Fingerprint.of(descriptor, offset);
    const held = bytesAt(descriptor, offset - splitter.heldBytes, splitter.heldBytes);
    generation.splitter = LineSplitter.resume(maxLineBytes, offset, splitter, held);
    generation.lookAnew();
    generation.grewAt -= Math.max(0, Date.now() - stat.mtimeMs);
    return generation;
  }

  save(): SavedGeneration {
    const { rest } = this.splitter;
    return {
      id: this.id,
      offset: this.offset,
      print: this.#print.save(),
      splitter: this.splitter.state,
      ...(rest === '' ? {} : { rest }),
      sizeBytes: this.stat.size,
      ...(this.stat.nlink === 0 && this.unreadBytes === 0 ? { removed: true } : {}),
      ...(this.rotated === undefined ? {} : { rotated: true }),
      ...(this.fresh ? { fresh: true } : {}),
      ...(this.partial ? { partial: true } : {}),
      ...(this.restarted ? { restarted: true } : {}),
    };
  }

  get unreadBytes(): number {
    return Math.max(0, this.stat.size - this.offset);
  }

  /**
   * Reads on, at most about `budgetBytes`. `end`: everything there is was read. `wiped`: the file no longer holds what
   * was read from it; nothing was consumed.
   */
  read(budgetBytes: number, take: (lines: SplitLine[]) => void): 'end' | 'more' | 'wiped' {
    const before = this.stat;
    this.stat = fstatSync(this.descriptor);
    const { size } = this.stat;
    if (size < this.offset) return 'wiped';
    const settled = this.#lookedAt - before.mtimeMs > STAMP_MS;
    const untouched = settled && this.stat.mtimeMs === before.mtimeMs && this.stat.ctimeMs === before.ctimeMs;
    this.#lookedAt = Date.now();
    if (size === this.offset) return untouched || this.#isWhatWasRead() ? 'end' : 'wiped';
    let left = budgetBytes;
    while (left > 0 && this.offset < size) {
      const wanted = Math.min(READ_BYTES, left, size - this.offset);
      const count = readSync(this.descriptor, buffer, 0, wanted, this.offset);
      const after = fstatSync(this.descriptor);
      // Looked at behind the read: were it emptied or rewritten meanwhile, what came would be a mixture.
      if (after.size < this.offset + count || count === 0 || !this.#isWhatWasRead()) {
        this.stat = after;
        return 'wiped';
      }
      const bytes = buffer.subarray(0, count);
      this.#print.remember(bytes, this.offset);
      const lines: SplitLine[] = [];
      this.splitter.push(bytes, lines);
      this.offset += count;
      this.grewAt = performance.now();
      left -= count;
      if (lines.length > 0) take(lines);
    }
    return this.offset < size ? 'more' : 'end';
  }

  /** Whether its file, as it is now, is the one that was read to its end, by times that can be relied on. */
  isAsRead(now: Stats): boolean {
    const { size, mtimeMs, ctimeMs, dev, ino } = this.stat;
    return (
      now.ino === ino &&
      now.dev === dev &&
      now.size === this.offset &&
      size === this.offset &&
      now.mtimeMs === mtimeMs &&
      now.ctimeMs === ctimeMs &&
      this.#lookedAt - mtimeMs > STAMP_MS
    );
  }

  /** Whether anything was done to it since the last look. */
  hasMoved(): boolean {
    const now = fstatSync(this.descriptor);
    const { size, mtimeMs, ctimeMs } = this.stat;
    return now.size !== size || now.mtimeMs !== mtimeMs || now.ctimeMs !== ctimeMs;
  }

  /** Starts over with the same descriptor, after its writer emptied or rewrote it. */
  restart(): void {
    this.offset = 0;
    this.fresh = true;
    this.partial = false;
    this.restarted = true;
    this.#print = new Fingerprint();
    this.splitter = new LineSplitter(this.#maxLineBytes);
    this.stat = { ...this.stat, size: 0, mtimeMs: -1 } as Stats;
  }

  /** Goes on in another file that holds the same bytes, from this one's position; an unfinished line goes along. */
  continueIn(copy: Generation): void {
    copy.offset = this.offset;
    copy.fresh = this.fresh;
    copy.partial = this.partial;
    copy.restarted = this.restarted;
    copy.splitter = this.splitter;
    this.splitter = new LineSplitter(this.#maxLineBytes, this.offset);
    copy.#print = this.#print.copy();
    copy.lookAnew();
  }

  /** The next look compares everything, whatever the time stamps say. */
  lookAnew(): void {
    this.stat = { ...this.stat, mtimeMs: -1 } as Stats;
  }

  /** How another open file compares with what was read from this one. */
  agreesWith(descriptor: number, size: number): Agreement {
    return this.#print.agreesWith(descriptor, size, this.offset);
  }

  /** Enough was read to tell a copy from a file that merely begins alike. */
  get isTelling(): boolean {
    return this.#print.isTelling;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    open -= 1;
    closeSync(this.descriptor);
  }

  #isWhatWasRead(): boolean {
    return this.offset === 0 || this.#print.isHeldBy(this.descriptor, this.offset);
  }

  #startAt(position: number): void {
    const { encoding, markBytes } = detectEncoding(bytesAt(this.descriptor, 0, ENCODING_BYTES));
    const aligned = encoding === 'utf8' ? position : position - ((position - markBytes) % 2);
    this.offset = Math.max(0, aligned);
    this.partial = true;
    this.#print = Fingerprint.of(this.descriptor, this.offset);
    this.splitter = new LineSplitter(this.#maxLineBytes, this.offset, true, encoding);
  }
}
