/**
 * One generation of a log: a file from its creation to its emptying or replacement, held open. A live descriptor keeps
 * its inode from being reused; first kilobyte and the bytes before the read position tell whether it still holds what
 * was read from it.
 */
import { closeSync, fstatSync, readSync, type Stats } from 'node:fs';
import { detectEncoding } from '../host/text-encoding.ts';
import { LineSplitter, type SplitLine } from './line-splitter.ts';

const HEAD_BYTES = 1024;
const MARK_BYTES = 64;
const READ_BYTES = 256 * 1024;
/** Coarsest time stamps of local file systems, with a margin. */
const STAMP_MS = 50;
/** Copies with less in common than this are taken for different files that begin alike. */
const TELLING_BYTES = 64;

const buffer = Buffer.allocUnsafe(READ_BYTES);

export class Generation {
  readonly descriptor: number;
  readonly device: number;
  readonly inode: number;
  readonly bornMs: number;
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
  #head = Buffer.alloc(0);
  #mark = Buffer.alloc(0);
  #closed = false;
  /** Wall time of the last look: a write within the same tick of the file system's clock leaves no new time stamp. */
  #lookedAt = 0;
  readonly #maxLineBytes: number;

  /** Takes over an open descriptor. `tailBytes`: read only about that much of its end. */
  constructor(descriptor: number, stat: Stats, maxLineBytes: number, tailBytes = Number.POSITIVE_INFINITY) {
    this.descriptor = descriptor;
    this.device = stat.dev;
    this.inode = stat.ino;
    this.bornMs = stat.birthtimeMs;
    this.stat = stat;
    this.#maxLineBytes = maxLineBytes;
    this.splitter = new LineSplitter(maxLineBytes);
    if (stat.size > tailBytes) this.#startAt(stat.size - tailBytes - 1);
  }

  get key(): string {
    return `${this.device}:${this.inode}`;
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
    if (size === this.offset && untouched) return 'end';
    if (!this.#holdsWhatWasRead(this.descriptor)) return 'wiped';
    let left = budgetBytes;
    while (left > 0 && this.offset < size) {
      const wanted = Math.min(READ_BYTES, size - this.offset);
      const count = readSync(this.descriptor, buffer, 0, wanted, this.offset);
      const after = fstatSync(this.descriptor);
      // Emptied between the look and the read: what came may be a mixture.
      if (after.size < this.offset + count || count === 0) {
        this.stat = after;
        return 'wiped';
      }
      const bytes = buffer.subarray(0, count);
      this.#remember(bytes);
      const lines: SplitLine[] = [];
      this.splitter.push(bytes, lines);
      this.offset += count;
      this.grewAt = performance.now();
      left -= count;
      if (lines.length > 0) take(lines);
    }
    return this.offset < size ? 'more' : 'end';
  }

  /** Whether anything was done to it since the last look. */
  hasMoved(): boolean {
    const now = fstatSync(this.descriptor);
    return (
      now.size !== this.stat.size || now.mtimeMs !== this.stat.mtimeMs || now.ctimeMs !== this.stat.ctimeMs
    );
  }

  /** Starts over with the same descriptor, after its writer emptied or rewrote it. */
  restart(): void {
    this.offset = 0;
    this.fresh = true;
    this.partial = false;
    this.restarted = true;
    this.#head = Buffer.alloc(0);
    this.#mark = Buffer.alloc(0);
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
    copy.#head = this.#head;
    copy.#mark = this.#mark;
    // Nothing of the copy has been looked at.
    copy.stat = { ...copy.stat, mtimeMs: -1 } as Stats;
  }

  /**
   * Whether another open file begins with what was read from this one. `ahead`: it is a copy taken before the last
   * lines were read, so everything in it is known.
   */
  agreesWith(descriptor: number, size: number): 'same' | 'ahead' | 'no' {
    if (this.offset === 0) return 'no';
    if (size >= this.offset) return this.#holdsWhatWasRead(descriptor) ? 'same' : 'no';
    const common = Math.min(this.#head.length, size);
    if (common < Math.min(TELLING_BYTES, this.#head.length)) return 'no';
    return startsWith(descriptor, this.#head.subarray(0, common)) ? 'ahead' : 'no';
  }

  /** Enough was read to tell a copy from a file that merely begins alike. */
  get isTelling(): boolean {
    return this.#head.length >= TELLING_BYTES;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.descriptor);
  }

  #holdsWhatWasRead(descriptor: number): boolean {
    if (this.offset === 0) return true;
    if (!startsWith(descriptor, this.#head)) return false;
    const mark = Buffer.alloc(this.#mark.length);
    const count = readSync(descriptor, mark, 0, mark.length, this.offset - mark.length);
    return count === mark.length && mark.equals(this.#mark);
  }

  #remember(bytes: Buffer): void {
    if (this.offset < HEAD_BYTES && this.#head.length === this.offset) {
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, HEAD_BYTES - this.offset)]);
    }
    const tail = bytes.length >= MARK_BYTES ? bytes : Buffer.concat([this.#mark, bytes]);
    this.#mark = Buffer.from(tail.subarray(Math.max(0, tail.length - MARK_BYTES)));
  }

  #startAt(position: number): void {
    const head = Buffer.alloc(HEAD_BYTES);
    const count = readSync(this.descriptor, head, 0, HEAD_BYTES, 0);
    this.#head = head.subarray(0, count);
    const { encoding, markBytes } = detectEncoding(this.#head);
    const aligned = encoding === 'utf8' ? position : position - ((position - markBytes) % 2);
    this.offset = Math.max(0, aligned);
    this.partial = true;
    const mark = Buffer.alloc(Math.min(MARK_BYTES, this.offset));
    readSync(this.descriptor, mark, 0, mark.length, this.offset - mark.length);
    this.#mark = mark;
    this.splitter = new LineSplitter(this.#maxLineBytes, this.offset, true, encoding);
  }
}

function startsWith(descriptor: number, head: Buffer): boolean {
  const found = Buffer.alloc(head.length);
  const count = readSync(descriptor, found, 0, found.length, 0);
  return count === head.length && found.equals(head);
}
