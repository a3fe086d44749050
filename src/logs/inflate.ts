/**
 * Content of a gzip file, a member at a time. The frame is read here and not by zlib, so that a wrong check sum at the end
 * of a member costs nothing of what it holds, and members can be entered by their place. RFC 1952.
 */
import { read as readFile } from 'node:fs';
import { promisify } from 'node:util';
import { constants, crc32, createInflateRaw } from 'node:zlib';

const INPUT_BYTES = 65_536;
const OUTPUT_BYTES = 65_536;
const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
/** Extra field, name and comment of a member may take so much. */
const MOST_HEADER_BYTES = 65_536 + 8192;

const readAt = promisify(readFile);

/** A place to begin at: a member's first byte in the file, and that of its content. */
export interface MemberStart {
  readonly at: number;
  readonly contentAt: number;
}

export type InflateEvent =
  | { readonly type: 'bytes'; readonly bytes: Buffer }
  | { readonly type: 'member'; readonly start: MemberStart }
  /** What is wrong with the file; content goes on where it can. */
  | { readonly type: 'problem'; readonly text: string };

/** Inflates from a member on to the end of the file, as it is asked for. */
export async function* inflateFrom(descriptor: number, start: MemberStart): AsyncGenerator<InflateEvent> {
  let { at, contentAt } = start;
  for (;;) {
    const header = await headerAt(descriptor, at);
    if (header === 'end') return;
    if (header === 'none') {
      yield { type: 'problem', text: at === 0 ? 'not a gzip file' : `something else follows at byte ${at}` };
      return;
    }
    if (header === 'cut') {
      yield { type: 'problem', text: `cut off in the header at byte ${at}` };
      return;
    }
    yield { type: 'member', start: { at, contentAt } };
    const inflate = createInflateRaw({ chunkSize: OUTPUT_BYTES, finishFlush: constants.Z_SYNC_FLUSH });
    const feeding = feed(descriptor, at + header, inflate);
    let sum = 0;
    let length = 0;
    try {
      for await (const bytes of inflate as AsyncIterable<Buffer>) {
        sum = crc32(bytes, sum);
        length += bytes.length;
        contentAt += bytes.length;
        yield { type: 'bytes', bytes };
      }
    } catch (error) {
      const { message } = error as Error;
      yield { type: 'problem', text: `damaged after ${contentAt} bytes of content: ${message}` };
      return;
    } finally {
      inflate.destroy();
      await feeding;
    }
    const trailerAt = at + header + inflate.bytesWritten;
    const trailer = await bytesAt(descriptor, trailerAt, TRAILER_BYTES);
    if (trailer.length < TRAILER_BYTES) {
      yield { type: 'problem', text: `cut off after ${contentAt} bytes of content` };
      return;
    }
    if (trailer.readUInt32LE(0) !== sum || trailer.readUInt32LE(4) !== length % 2 ** 32)
      yield { type: 'problem', text: `wrong check sum of what ends after ${contentAt} bytes of content` };
    at = trailerAt + TRAILER_BYTES;
  }
}

/** Writes the file from `from` into the inflater until it has enough or the file ends. */
async function feed(
  descriptor: number,
  from: number,
  inflate: ReturnType<typeof createInflateRaw>,
): Promise<void> {
  let at = from;
  let isOver = false;
  let wake = (): void => {};
  const stop = (): void => {
    isOver = true;
    wake();
  };
  inflate.once('end', stop).once('close', stop).once('error', stop);
  inflate.on('drain', () => wake());
  try {
    while (!isOver) {
      const bytes = await bytesAt(descriptor, at, INPUT_BYTES);
      if (isOver) return;
      if (bytes.length === 0) {
        inflate.end();
        return;
      }
      at += bytes.length;
      if (inflate.write(bytes)) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (isOver) resolve();
      });
    }
  } catch (error) {
    inflate.destroy(error as Error);
  }
}

async function bytesAt(descriptor: number, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let size = 0;
  while (size < length) {
    const { bytesRead } = await readAt(descriptor, buffer, size, length - size, at + size);
    if (bytesRead === 0) break;
    size += bytesRead;
  }
  return buffer.subarray(0, size);
}

/** Length of the header at a place, or why there is none. Zeros behind the last member are padding of tapes. */
async function headerAt(descriptor: number, at: number): Promise<number | 'end' | 'none' | 'cut'> {
  const head = await bytesAt(descriptor, at, HEADER_BYTES);
  if (head.length === 0 || (at > 0 && head.every((byte) => byte === 0))) return 'end';
  if (head[0] !== 0x1f || (head.length > 1 && head[1] !== 0x8b)) return 'none';
  if (head.length < HEADER_BYTES) return 'cut';
  if (head[2] !== 8) return 'none';
  const flags = head[3] ?? 0;
  if ((flags & 0x1e) === 0) return HEADER_BYTES;
  const bytes = await bytesAt(descriptor, at, MOST_HEADER_BYTES);
  let length = HEADER_BYTES;
  if (flags & 4) length += bytes.length >= length + 2 ? 2 + bytes.readUInt16LE(length) : 2;
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const end = bytes.indexOf(0, length);
    if (end === -1) return 'cut';
    length = end + 1;
  }
  if (flags & 2) length += 2;
  return length <= bytes.length ? length : 'cut';
}
