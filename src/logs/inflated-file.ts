import { closeSync } from 'node:fs';
import { type InflateEvent, inflateFrom, type MemberStart } from './inflate.ts';
import type { Pace } from './pace.ts';

const CHUNK_BYTES = 65_536;
/** Content kept in memory of one file: what is scrolled over backwards costs one inflation each so much. */
const MOST_CHUNKS = 256;
/** No more than this many members are remembered as places to begin at. */
const MOST_MEMBERS = 10_000;
const FILE_START: MemberStart = { at: 0, contentAt: 0 };

/**
 * Content of a gzip file by its place. It is inflated forwards only; of what was passed the last 16 MiB are kept, and what
 * lies before is inflated again from the member it is in.
 */
export class InflatedFile {
  /** Known once the end was reached. */
  sizeBytes: number | undefined;
  problem: string | undefined;
  readonly #open: () => number;
  #descriptor: number | undefined;
  readonly #chunks = new Map<number, Buffer>();
  readonly #members: MemberStart[] = [FILE_START];
  #run: AsyncGenerator<InflateEvent> | undefined;
  #at = 0;
  /** What was inflated behind the last whole chunk. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** Content of a member entered in the middle of a chunk that is passed over. */
  #skipBytes = 0;
  /** One use at a time: a page may be wanted while the index is built. */
  #last: Promise<unknown> = Promise.resolve();

  /** `open` gives a descriptor, which is closed here. */
  constructor(open: () => number) {
    this.#open = open;
  }

  /** Content known to exist: the size, or how far the inflation came. */
  get reached(): number {
    return this.sizeBytes ?? this.#at;
  }

  /** What `use` makes of the content from `from` to `to`, as far as it exists; it reads it with `read`, at once. */
  async content<T>(from: number, to: number, pace: Pace, use: () => T): Promise<T> {
    const turn = this.#last.then(async () => {
      await this.#provide(from, to, pace);
      return use();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #provide(from: number, to: number, pace: Pace): Promise<void> {
    const end = Math.min(to, this.sizeBytes ?? to);
    let missing = -1;
    for (let at = from - (from % CHUNK_BYTES); at < end && missing === -1; at += CHUNK_BYTES) {
      const length = this.#chunks.get(at / CHUNK_BYTES)?.length ?? 0;
      if (length < Math.min(CHUNK_BYTES, end - at)) missing = at;
    }
    if (missing === -1) return;
    const isAhead = missing >= this.#at - this.#restBytes;
    if (!isAhead || (this.#run === undefined && missing + 1 > this.#at - this.#restBytes))
      await this.#restart(missing);
    while (this.#run !== undefined && this.#at < end) {
      await this.#step();
      if (pace.isDue()) await pace.rest();
    }
    this.#flush();
  }

  /** Content that was provided; fewer bytes at the end. */
  read(offset: number, length: number): Buffer {
    const parts: Buffer[] = [];
    let at = offset;
    while (at < offset + length) {
      const chunk = Math.floor(at / CHUNK_BYTES);
      const bytes = this.#chunks.get(chunk);
      if (!bytes) break;
      const from = at - chunk * CHUNK_BYTES;
      const part = bytes.subarray(from, from + offset + length - at);
      if (part.length === 0) break;
      parts.push(part);
      at += part.length;
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }

  close(): void {
    void this.#stop();
    this.#chunks.clear();
  }

  async #stop(): Promise<void> {
    const [run, descriptor] = [this.#run, this.#descriptor];
    this.#run = undefined;
    this.#descriptor = undefined;
    await run?.return(undefined);
    if (descriptor !== undefined) closeSync(descriptor);
  }

  async #restart(at: number): Promise<void> {
    await this.#stop();
    const start = this.#members.findLast((member) => chunkBehind(member.contentAt) <= at) ?? FILE_START;
    this.#skipBytes = chunkBehind(start.contentAt) - start.contentAt;
    this.#at = start.contentAt;
    this.#rest = [];
    this.#restBytes = 0;
    this.#descriptor = this.#open();
    this.#run = inflateFrom(this.#descriptor, start);
  }

  async #step(): Promise<void> {
    const { done, value } = (await this.#run?.next()) ?? { done: true, value: undefined };
    if (done || value === undefined) {
      this.#flush();
      this.sizeBytes = this.#at;
      await this.#stop();
      return;
    }
    switch (value.type) {
      case 'member': {
        const last = this.#members.at(-1);
        if (last && value.start.at > last.at && this.#members.length < MOST_MEMBERS)
          this.#members.push(value.start);
        return;
      }
      case 'problem':
        this.problem = value.text;
        return;
      case 'bytes': {
        const skipped = Math.min(this.#skipBytes, value.bytes.length);
        this.#skipBytes -= skipped;
        this.#rest.push(value.bytes.subarray(skipped));
        this.#restBytes += value.bytes.length - skipped;
        this.#at += value.bytes.length;
        if (this.#restBytes >= CHUNK_BYTES) this.#flush();
      }
    }
  }

  /** Puts what is inflated into chunks; the last one may be short, and is replaced when it grows. */
  #flush(): void {
    const all = Buffer.concat(this.#rest);
    const first = this.#at - all.length;
    for (let at = 0; at < all.length; at += CHUNK_BYTES) {
      const part = all.subarray(at, at + CHUNK_BYTES);
      const chunk = (first + at) / CHUNK_BYTES;
      this.#chunks.delete(chunk);
      this.#chunks.set(chunk, Buffer.from(part));
    }
    const whole = all.length - (all.length % CHUNK_BYTES);
    this.#rest = [all.subarray(whole)];
    this.#restBytes = all.length - whole;
    for (const oldest of this.#chunks.keys()) {
      if (this.#chunks.size <= MOST_CHUNKS) break;
      this.#chunks.delete(oldest);
    }
  }
}

/** Where the first chunk begins at or behind a place. */
function chunkBehind(at: number): number {
  return Math.ceil(at / CHUNK_BYTES) * CHUNK_BYTES;
}
