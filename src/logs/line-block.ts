/**
 * Lines of one block of a file. A block holds the lines that begin in it, so blocks can be read in any order, by anybody,
 * and each line is in exactly one of them.
 */
import { decodeBytes, type Encoding } from '../host/text-encoding.ts';
import { LINE_AFTER_HOLE, LINE_CUT, LINE_OPEN, type LineReader, type LineTable } from './line-reader.ts';

/** Blocks begin at multiples of this. */
export const BLOCK_BYTES = 65_536;
/** A line is shown up to this length. */
export const MAX_LINE_BYTES = 65_536;
/** So many zero bytes are a hole, which ends a line as a newline does; fewer belong to their line. */
export const HOLE_BYTES = 64;
/** No more lines than this can begin in a block. */
export const MOST_LINES = BLOCK_BYTES + 1;
/** What is read of the last line behind its block before more is asked for. */
const FIRST_REST_BYTES = 4096;
/** The longest last line, with zeros before it and its newline. */
const LAST_LINE_BYTES = HOLE_BYTES + MAX_LINE_BYTES + 2;
/** The most that is read for a block. */
export const BLOCK_READ_BYTES = HOLE_BYTES + BLOCK_BYTES + LAST_LINE_BYTES;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const zeros = Buffer.alloc(HOLE_BYTES);

/** Gives bytes of a file: fewer than asked for only at its end. What it gives is good until it is asked again. */
export type ReadBytes = (offset: number, length: number) => Buffer;

/** What has to be known of a file to find its lines. */
export interface TextForm {
  readonly encoding: Encoding;
  /** Length of the byte order mark, which belongs to no line. */
  readonly markBytes: number;
}

/** How many blocks a file of that size has. */
export function blockCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES);
}

/** Bytes that have to be at hand for `readBlock`: from before the block, for what ended there, to the longest last line. */
export function blockReach(block: number): { readonly from: number; readonly to: number } {
  const at = block * BLOCK_BYTES;
  return { from: Math.max(0, at - HOLE_BYTES), to: at + BLOCK_BYTES + LAST_LINE_BYTES };
}

/** Fills `table` with the lines that begin in `block`, judged by the reader. */
export function readBlock(
  read: ReadBytes,
  block: number,
  form: TextForm,
  reader: LineReader,
  table: LineTable,
): void {
  const at = block * BLOCK_BYTES;
  const from = Math.max(0, at - HOLE_BYTES);
  const span = { from, at, stop: at + BLOCK_BYTES, first: form.markBytes };
  let bytes = read(from, at + BLOCK_BYTES + FIRST_REST_BYTES - from);
  if (form.encoding === 'utf8') {
    const isDone = splitUtf8(bytes, span, table, bytes.length < at + BLOCK_BYTES + FIRST_REST_BYTES - from);
    if (!isDone) {
      bytes = read(from, at + BLOCK_BYTES + LAST_LINE_BYTES - from);
      splitUtf8(bytes, span, table, true);
    }
  } else {
    bytes = read(from, at + BLOCK_BYTES + LAST_LINE_BYTES - from);
    splitWide(bytes, span, form.encoding, table);
  }
  reader.judge(table);
}

interface Span {
  /** Place of the first byte in the file. */
  readonly from: number;
  /** The block. */
  readonly at: number;
  readonly stop: number;
  /** Where the file's first line begins. */
  readonly first: number;
}

function isHole(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === 0 &&
    at + HOLE_BYTES <= bytes.length &&
    bytes.compare(zeros, 0, HOLE_BYTES, at, at + HOLE_BYTES) === 0
  );
}

/** Place behind the zeros that begin at `at`. */
function behindZeros(bytes: Buffer, at: number): number {
  let next = at;
  while (next + HOLE_BYTES <= bytes.length && isHole(bytes, next)) next += HOLE_BYTES;
  while (next < bytes.length && bytes[next] === 0) next += 1;
  return next;
}

/** Where the first hole begins in [from, to), or -1. `to` lies `HOLE_BYTES` before the end of what is there, or at it. */
function findHole(bytes: Buffer, from: number, to: number): number {
  for (let at = bytes.indexOf(0, from); at !== -1 && at < to; ) {
    if (isHole(bytes, at)) return at;
    at = bytes.indexOf(0, behindZeros(bytes, at));
  }
  return -1;
}

/** False when the last line goes on behind what was read; with `isAll` there is no more of it. */
function splitUtf8(bytes: Buffer, span: Span, table: LineTable, isAll: boolean): boolean {
  const { from } = span;
  const stop = span.stop - from;
  const hasZeros = bytes.indexOf(0) !== -1;
  table.bytes = bytes;
  let count = 0;
  let at = firstStart(bytes, span, hasZeros);
  while (at < stop && at < bytes.length) {
    let flags = 0;
    let start = at;
    if (hasZeros && bytes[at] === 0) {
      start = behindZeros(bytes, at);
      // A hole without anything behind it is not a line.
      if (start >= bytes.length) break;
      if (start - at >= HOLE_BYTES) {
        // The line behind a hole begins there, in whichever block that is.
        if (start >= stop) break;
        flags |= LINE_AFTER_HOLE;
        at = start;
      }
    } else if (hasZeros && at > 0 && bytes[at - 1] === 0) flags |= LINE_AFTER_HOLE;
    const newline = bytes.indexOf(NEWLINE, start);
    let end = newline === -1 ? bytes.length : newline;
    let next = end + 1;
    const hole = hasZeros ? findHole(bytes, start, end) : -1;
    if (hole !== -1) {
      end = hole;
      next = hole;
    } else if (newline === -1) {
      if (!isAll) return false;
      flags |= end - start > MAX_LINE_BYTES ? LINE_CUT : LINE_OPEN;
    }
    if (end - start > MAX_LINE_BYTES) {
      flags |= LINE_CUT;
      end = characterEnd(bytes, start, start + MAX_LINE_BYTES);
    }
    table.starts[count] = start;
    table.ends[count] = end > start && bytes[end - 1] === RETURN ? end - 1 : end;
    table.offsets[count] = from + start;
    table.flags[count] = flags;
    count += 1;
    at = next;
  }
  table.count = count;
  return true;
}

/** The first place of the block at which a line begins; places in `bytes`. */
function firstStart(bytes: Buffer, { from, at, stop, first }: Span, hasZeros: boolean): number {
  const here = at - from;
  if (at === 0) return first;
  if (bytes[here - 1] === NEWLINE) return here;
  if (hasZeros && isHole(bytes, here - HOLE_BYTES)) return here;
  const newline = bytes.indexOf(NEWLINE, here);
  const end = newline === -1 ? bytes.length : newline;
  const hole = hasZeros ? findHole(bytes, Math.max(0, here - HOLE_BYTES), Math.min(end, stop - from)) : -1;
  if (hole !== -1) return behindZeros(bytes, hole);
  return newline === -1 ? bytes.length : newline + 1;
}

/** The last border of a character at or before `end`. */
function characterEnd(bytes: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && ((bytes[at] ?? 0) & 0xc0) === 0x80) at -= 1;
  return at;
}

/** UTF-16: lines end with a newline of two bytes at an even place; they become UTF-8 for the reader. */
function splitWide(
  bytes: Buffer,
  { from, at, stop, first }: Span,
  encoding: Encoding,
  table: LineTable,
): void {
  const newline = encoding === 'utf16le' ? Buffer.from([NEWLINE, 0]) : Buffer.from([0, NEWLINE]);
  const findEnd = (start: number): number => {
    let found = bytes.indexOf(newline, start);
    while (found !== -1 && (found + from) % 2 !== 0) found = bytes.indexOf(newline, found + 1);
    return found;
  };
  let place = at === 0 ? first : at - from;
  if (at !== 0 && !bytes.subarray(place - 2, place).equals(newline)) {
    const end = findEnd(place);
    place = end === -1 ? bytes.length : end + 2;
  }
  const texts: Buffer[] = [];
  let length = 0;
  let count = 0;
  while (place + from < stop && place < bytes.length) {
    const newlineAt = findEnd(place);
    let end = newlineAt === -1 ? bytes.length & ~1 : newlineAt;
    let flags = newlineAt === -1 ? LINE_OPEN : 0;
    if (end - place > MAX_LINE_BYTES) {
      end = place + MAX_LINE_BYTES;
      flags = LINE_CUT;
    }
    const text = Buffer.from(decodeBytes(bytes.subarray(place, end), encoding).replace(/\r$/, ''));
    table.starts[count] = length;
    table.ends[count] = length + text.length;
    table.offsets[count] = from + place;
    table.flags[count] = flags;
    texts.push(text);
    length += text.length;
    count += 1;
    place = newlineAt === -1 ? bytes.length : newlineAt + 2;
  }
  table.bytes = Buffer.concat(texts);
  table.count = count;
}
