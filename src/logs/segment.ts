/** One file of a log: the one being written, or one that was rotated away, compressed or not. */
import { closeSync, fstatSync, readSync, type Stats } from 'node:fs';
import { crc32 } from 'node:zlib';
import { type Fence, openFile } from '../host/open-file.ts';
import { detectEncoding } from '../host/text-encoding.ts';
import { BlockIndex } from './block-index.ts';
import type { DescriptorPool } from './descriptor-pool.ts';
import { InflatedFile } from './inflated-file.ts';
import {
  BLOCK_BYTES,
  BLOCK_READ_BYTES,
  blockCount,
  blockReach,
  MOST_LINES,
  readBlock,
  type TextForm,
} from './line-block.ts';
import { createLineTable, LINE_OPEN, type LineReader, type LineTable } from './line-reader.ts';
import { type Pace, paceOf } from './pace.ts';

/** The beginning of a file, up to the end of its first line or this, tells it from others. */
const HEAD_BYTES = 256;
/** So much of what was the end is compared when the file was written to. */
const TAIL_BYTES = 64;
/** What two files are compared by that begin alike. */
const COMPARED_BYTES = 1024;
const GZIP = Buffer.from([0x1f, 0x8b]);

const scratch = Buffer.alloc(BLOCK_READ_BYTES);
const table = createLineTable(MOST_LINES);

/** Thrown where a file is not there any more, or another one took its name: the log is to be looked at anew. */
export class SegmentGone extends Error {}

export interface SegmentSource {
  readonly path: string;
  /** The name it is shown by. */
  readonly name: string;
  readonly fence: Fence;
  readonly reader: LineReader;
  readonly pool: DescriptorPool;
}

export class Segment {
  readonly index = new BlockIndex();
  readonly device: string;
  #source: SegmentSource;
  #stat: Stats;
  #head = '';
  #tail = 0;
  #form: TextForm = { encoding: 'utf8', markBytes: 0 };
  #sizeBytes = 0;
  #problem: string | undefined;
  #inflated: InflatedFile | undefined;
  #measuring: Promise<void> | undefined;

  /** Throws an Error that says why where the file can't be opened or is not to be read. */
  constructor(source: SegmentSource) {
    this.#source = source;
    const { descriptor, stat } = openOrThrow(source);
    this.#stat = stat;
    this.device = `${stat.dev}:${stat.ino}`;
    try {
      const head = bytesAt(descriptor, 0, HEAD_BYTES);
      if (head.subarray(0, 2).equals(GZIP)) {
        this.#inflated = new InflatedFile(() => this.openDescriptor());
      } else {
        this.#sizeBytes = stat.size;
        this.#takeHead(head);
        this.#tail = this.#tailSum(descriptor);
      }
    } finally {
      closeSync(descriptor);
    }
  }

  /** Tells this file from others: device, inode, and its beginning as it is uncompressed. */
  get key(): string {
    return `${this.device}:${this.#head}`;
  }

  get head(): string {
    return this.#head;
  }

  get name(): string {
    return this.#source.name;
  }

  get path(): string {
    return this.#source.path;
  }

  get fence(): Fence {
    return this.#source.fence;
  }

  get mtimeMs(): number {
    return this.#stat.mtimeMs;
  }

  get isCompressed(): boolean {
    return this.#inflated !== undefined;
  }

  /** Of its content; of a compressed file only known once it is `measured`. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get isMeasured(): boolean {
    // At its end not every block is in the index yet.
    if (this.#measuring !== undefined) return false;
    return this.#inflated === undefined || this.#inflated.sizeBytes !== undefined;
  }

  get blocks(): number {
    return blockCount(this.#sizeBytes);
  }

  /** What is wrong with it: a compressed file that is cut off, a check sum. */
  get problem(): string | undefined {
    return this.#problem ?? this.#inflated?.problem;
  }

  /** Inflates a compressed file to its end once, entering its blocks into the index. */
  async measure(): Promise<void> {
    if (this.isMeasured) return;
    // Not at the pace of whoever asked first: others may wait for it when that one has gone.
    this.#measuring ??= this.#measure(paceOf()).finally(() => {
      this.#measuring = undefined;
    });
    await this.#measuring;
  }

  async #measure(pace: Pace): Promise<void> {
    const inflated = this.#inflated;
    if (!inflated) return;
    const head = await inflated.content(0, HEAD_BYTES, pace, () => inflated.read(0, HEAD_BYTES));
    this.#takeHead(Buffer.from(head));
    for (let block = 0; ; block += 1) {
      const { from, to } = blockReach(block);
      await inflated.content(from, to, pace, () => undefined);
      this.#sizeBytes = inflated.reached;
      if (block >= this.blocks) break;
      await this.lines(block, pace, () => undefined);
    }
  }

  /** What `use` makes of the lines of a block, at once: their table is used again for the next one. */
  async lines<T>(block: number, pace: Pace, use: (table: LineTable) => T): Promise<T> {
    if (pace.isDue()) await pace.rest();
    const inflated = this.#inflated;
    if (inflated) {
      const { from, to } = blockReach(block);
      return inflated.content(from, to, pace, () =>
        use(this.#read(block, (offset, length) => inflated.read(offset, length))),
      );
    }
    const descriptor = this.#descriptor();
    return use(
      this.#read(block, (offset, length) => {
        const most = Math.min(length, scratch.length, Math.max(0, this.#sizeBytes - offset));
        return readFully(descriptor, scratch, offset, most);
      }),
    );
  }

  /** Bytes of a plain file as they are; at most 128 KiB, good until the next read. Undefined for compressed ones. */
  raw(offset: number, length: number): Buffer | undefined {
    if (this.#inflated) return undefined;
    const most = Math.min(length, scratch.length, Math.max(0, this.#sizeBytes - offset));
    return readFully(this.#descriptor(), scratch, offset, most);
  }

  /** A descriptor for reading a plain file at a stretch; the caller closes it. */
  openDescriptor(): number {
    return openOrThrow(this.#source).descriptor;
  }

  get form(): TextForm {
    return this.#form;
  }

  /**
   * Looks at the file again under the name it has now. `same`: nothing came. `other`: what was read is not in it any more,
   * it is to be opened as a new one.
   */
  refresh(path: string, name: string): 'same' | 'grown' | 'other' {
    this.#source = { ...this.#source, path, name };
    let descriptor: number;
    try {
      descriptor = this.#descriptor();
    } catch {
      return 'other';
    }
    const stat = fstatSync(descriptor);
    const was = this.#stat;
    this.#stat = stat;
    if (stat.size === was.size && stat.mtimeMs === was.mtimeMs && stat.ctimeMs === was.ctimeMs) return 'same';
    if (this.#inflated) return stat.size === was.size ? 'same' : 'other';
    if (stat.size < was.size) return 'other';
    if (this.#head !== '' && headOf(bytesAt(descriptor, 0, HEAD_BYTES)) !== this.#head) return 'other';
    if (this.#tailSum(descriptor) !== this.#tail) return 'other';
    if (stat.size === was.size) return 'same';
    const last = Math.max(0, blockCount(was.size) - 1);
    // A line that was open may have begun a block or two before the last.
    for (let block = Math.max(0, last - 2); block <= last; block += 1) this.index.forget(block);
    this.#sizeBytes = stat.size;
    if (this.#head === '') this.#takeHead(bytesAt(descriptor, 0, HEAD_BYTES));
    this.#tail = this.#tailSum(descriptor);
    return 'grown';
  }

  /** Whether this file begins with what another one holds, by that one's end. */
  holds(other: Segment): boolean {
    const length = Math.min(COMPARED_BYTES, other.sizeBytes);
    const at = other.sizeBytes - length;
    const theirs = Buffer.from(other.raw(at, length) ?? []);
    return this.raw(at, length)?.equals(theirs) === true;
  }

  close(): void {
    this.#source.pool.close(this);
    this.#inflated?.close();
  }

  #takeHead(head: Buffer): void {
    this.#head = headOf(head);
    this.#form = detectEncoding(head);
  }

  #tailSum(descriptor: number): number {
    const at = Math.max(0, this.#sizeBytes - TAIL_BYTES);
    return crc32(bytesAt(descriptor, at, this.#sizeBytes - at));
  }

  #read(block: number, read: (offset: number, length: number) => Buffer): LineTable {
    readBlock(read, block, this.#form, this.#source.reader, table);
    if (!this.index.isKnown(block)) {
      const isOpen = ((table.flags[table.count - 1] ?? 0) & LINE_OPEN) !== 0;
      const isWhole = this.isCompressed || ((block + 1) * BLOCK_BYTES <= this.#sizeBytes && !isOpen);
      this.index.enter(block, table, isWhole);
    }
    return table;
  }

  #descriptor(): number {
    return this.#source.pool.get(this, () => {
      const { descriptor, stat } = openOrThrow(this.#source);
      if (`${stat.dev}:${stat.ino}` === this.device) return descriptor;
      closeSync(descriptor);
      throw new SegmentGone(`${this.name} is another file now`);
    });
  }
}

function openOrThrow({ path, name, fence }: SegmentSource): { descriptor: number; stat: Stats } {
  const opened = openFile(path, fence);
  if (opened.ok) return opened;
  throw opened.missing ? new SegmentGone(`${name} is gone`) : new Error(`${name}: ${opened.error}`);
}

function headOf(bytes: Buffer): string {
  const newline = bytes.indexOf(0x0a);
  if (newline === -1 && bytes.length < HEAD_BYTES) return '';
  return crc32(newline === -1 ? bytes : bytes.subarray(0, newline)).toString(16);
}

function bytesAt(descriptor: number, at: number, length: number): Buffer {
  return readFully(descriptor, Buffer.alloc(length), at, length);
}

function readFully(descriptor: number, into: Buffer, at: number, length: number): Buffer {
  let size = 0;
  while (size < length) {
    const read = readSync(descriptor, into, size, length - size, at + size);
    if (read === 0) break;
    size += read;
  }
  return into.subarray(0, size);
}
