/**
 * What tells whether a file still holds what was read from it: its first kilobyte and the bytes right before the
 * position. Saved as digests: what stands in a log may be somebody's secret, and has no business in a record of ours.
 */
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';

const HEAD_BYTES = 1024;
const MARK_BYTES = 64;
/** Copies with less in common than this are taken for different files that begin alike. */
const TELLING_BYTES = 64;
/** Beginnings of a head that are saved each with its digest: a copy may be shorter than what was read since. */
const SAVED_BYTES = [TELLING_BYTES, 128, 256, 512, HEAD_BYTES];

/** `same`: it begins with what was read. `ahead`: it is a copy taken before the last bytes were read. */
export type Agreement = 'same' | 'ahead' | 'no';

interface SavedBytes {
  readonly bytes: number;
  readonly sha256: string;
}

/** A fingerprint as plain data. */
export interface SavedFingerprint {
  /** Beginnings of the file, ever longer ones. */
  readonly head: readonly SavedBytes[];
  /** The bytes before the position. */
  readonly mark: SavedBytes;
}

export class Fingerprint {
  #head: Buffer = Buffer.alloc(0);
  #mark: Buffer = Buffer.alloc(0);
  #savedHead: { readonly bytes: number; readonly parts: readonly SavedBytes[] } | undefined;

  /** That of an open file whose first `offset` bytes count as read. */
  static of(descriptor: number, offset: number): Fingerprint {
    const print = new Fingerprint();
    print.#head = bytesAt(descriptor, 0, Math.min(HEAD_BYTES, offset));
    const markBytes = Math.min(MARK_BYTES, offset);
    print.#mark = bytesAt(descriptor, offset - markBytes, markBytes);
    return print;
  }

  /** One of its own for a file that goes on from here. */
  copy(): Fingerprint {
    const print = new Fingerprint();
    print.#head = this.#head;
    print.#mark = this.#mark;
    return print;
  }

  /** Enough was read to tell a copy from a file that merely begins alike. */
  get isTelling(): boolean {
    return this.#head.length >= TELLING_BYTES;
  }

  /** Takes in the next bytes read, which stand at `offset`. */
  remember(bytes: Buffer, offset: number): void {
    if (offset < HEAD_BYTES && this.#head.length === offset) {
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, HEAD_BYTES - offset)]);
    }
    const tail = bytes.length >= MARK_BYTES ? bytes : Buffer.concat([this.#mark, bytes]);
    this.#mark = Buffer.from(tail.subarray(Math.max(0, tail.length - MARK_BYTES)));
  }

  /** Whether an open file begins with the `offset` bytes that were read. */
  isHeldBy(descriptor: number, offset: number): boolean {
    return (
      startsWith(descriptor, this.#head) &&
      bytesAt(descriptor, offset - this.#mark.length, this.#mark.length).equals(this.#mark)
    );
  }

  agreesWith(descriptor: number, size: number, offset: number): Agreement {
    if (offset === 0) return 'no';
    if (size >= offset) return this.isHeldBy(descriptor, offset) ? 'same' : 'no';
    const common = Math.min(this.#head.length, size);
    if (common < Math.min(TELLING_BYTES, this.#head.length)) return 'no';
    return startsWith(descriptor, this.#head.subarray(0, common)) ? 'ahead' : 'no';
  }

  save(): SavedFingerprint {
    const head = this.#head;
    if (this.#savedHead?.bytes !== head.length) {
      const lengths = [...SAVED_BYTES.filter((bytes) => bytes < head.length), head.length];
      const parts = lengths.map((bytes) => savedBytes(head.subarray(0, bytes)));
      this.#savedHead = { bytes: head.length, parts };
    }
    return { head: this.#savedHead.parts, mark: savedBytes(this.#mark) };
  }
}

/** How an open file of `size` bytes compares with one of which `offset` bytes were read by an earlier run. */
export function agreementOf(
  saved: SavedFingerprint,
  offset: number,
  descriptor: number,
  size: number,
): Agreement {
  if (offset === 0) return 'no';
  if (size >= offset) {
    const whole = saved.head.at(-1);
    const isHeld = holds(descriptor, 0, whole) && holds(descriptor, offset - saved.mark.bytes, saved.mark);
    return isHeld ? 'same' : 'no';
  }
  const common = saved.head.findLast(({ bytes }) => bytes <= size);
  return common !== undefined && holds(descriptor, 0, common) ? 'ahead' : 'no';
}

/** As many of the bytes at `at` as there are. */
export function bytesAt(descriptor: number, at: number, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  let found = 0;
  while (found < count) {
    const read = readSync(descriptor, bytes, found, count - found, at + found);
    if (read === 0) break;
    found += read;
  }
  return bytes.subarray(0, found);
}

function startsWith(descriptor: number, head: Buffer): boolean {
  return bytesAt(descriptor, 0, head.length).equals(head);
}

function holds(descriptor: number, at: number, saved: SavedBytes | undefined): boolean {
  if (saved === undefined) return false;
  const found = bytesAt(descriptor, at, saved.bytes);
  return found.length === saved.bytes && savedBytes(found).sha256 === saved.sha256;
}

function savedBytes(bytes: Buffer): SavedBytes {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
