/**
 * Compressed parts of a log, unpacked into files without a name: they are read like the log itself, from any offset,
 * and are gone with their descriptors. Only parts nobody has read are unpacked, so this is rare: a log that was rotated
 * and compressed while nobody looked.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, futimesSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { explainFileError, type Fence, openFile } from '../host/open-file.ts';
import { bytesAt } from './fingerprint.ts';
import { fileId } from './log-position.ts';
import type { RawPath } from './raw-path.ts';

/** Longest part that is unpacked: a few kilobytes can hold as many zeros as they like. */
const MOST_BYTES = 4 * 1024 ** 3;
const PIECE_BYTES = 64 * 1024;
/** Sum and size at the end of a gzip file (RFC 1952). */
const TRAILER_BYTES = 8;
const PACKED = /\.(gz|bz2|xz|zst|lz4|Z|zip)$/;

/** A compressed file; `id` tells it from others that had its path. */
interface PackedFile {
  readonly id: string;
  readonly name: string;
  readonly raw: RawPath;
}

/** What came of a compressed file. */
export interface Unpacked {
  /** Of the file without a name; undefined when nothing of it can be had. Whoever takes it closes it. */
  readonly descriptor: number | undefined;
  /** What is wrong with it: its end is missing from what was unpacked, or all of it. */
  readonly damage?: string;
}

/** The name a compressed file had before; undefined for one that is not compressed. */
export function unpackedName(name: string): string | undefined {
  return PACKED.test(name) ? name.replace(PACKED, '') : undefined;
}

/** Unpacks in the background. */
export class Unpacker {
  readonly #jobs = new Map<string, Unpacked | 'pending'>();
  #closed = false;

  /** Begins with the first call; `pending` until it is done. */
  look(segment: PackedFile, fence: Fence): Unpacked | 'pending' {
    const { id } = segment;
    const known = this.#jobs.get(id);
    if (known !== undefined) return known;
    this.#jobs.set(id, 'pending');
    void unpack(segment, fence).then((unpacked) => {
      // Moved meanwhile: it is looked for under its new name.
      if (unpacked === undefined) this.#jobs.delete(id);
      else if (this.#closed && unpacked.descriptor !== undefined) closeSync(unpacked.descriptor);
      else this.#jobs.set(id, unpacked);
    });
    return 'pending';
  }

  /** What came of it; undefined while that is not known. The descriptor stays here. */
  peek(id: string): Unpacked | undefined {
    const known = this.#jobs.get(id);
    return known === 'pending' ? undefined : known;
  }

  /** Gives a descriptor away, once. */
  take(id: string): Unpacked | undefined {
    const known = this.peek(id);
    if (known !== undefined) this.#jobs.delete(id);
    return known;
  }

  close(): void {
    this.#closed = true;
    for (const job of this.#jobs.values())
      if (job !== 'pending' && job.descriptor !== undefined) closeSync(job.descriptor);
    this.#jobs.clear();
  }
}

async function unpack({ id, raw, name }: PackedFile, fence: Fence): Promise<Unpacked | undefined> {
  const decompress = name.endsWith('.gz')
    ? createGunzip()
    : name.endsWith('.zst')
      ? createZstdDecompress()
      : undefined;
  if (decompress === undefined)
    return { descriptor: undefined, damage: 'compressed in a way that is not read here' };
  const opened = openFile(raw, fence);
  if (!opened.ok) return opened.missing ? undefined : { descriptor: undefined, damage: opened.error };
  if (fileId(opened.stat) !== id) {
    closeSync(opened.descriptor);
    return undefined;
  }
  let descriptor: number;
  try {
    descriptor = openNameless();
  } catch (error) {
    closeSync(opened.descriptor);
    return { descriptor: undefined, damage: `it can't be unpacked: ${explainFileError(error)}` };
  }
  let written = 0;
  const file = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        if (written + chunk.length > MOST_BYTES) throw new Error('longer than is unpacked');
        for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
        written += chunk.length;
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  let damage: string | undefined;
  try {
    await pipeline(() => piecesOf(opened.descriptor, opened.stat.size), decompress, file);
  } catch (error) {
    damage = `damaged behind byte ${written} of what it holds: ${explainFileError(error)}`;
  } finally {
    closeSync(opened.descriptor);
  }
  try {
    futimesSync(descriptor, opened.stat.atime, opened.stat.mtime);
  } catch {
    // Its time is then that of the unpacking.
  }
  return damage === undefined ? { descriptor } : { descriptor, damage };
}

/** A file's bytes; what ends it, where sums stand, by itself: all before it is then given out, though it be wrong. */
async function* piecesOf(descriptor: number, sizeBytes: number): AsyncGenerator<Buffer> {
  const end = Math.max(0, sizeBytes - TRAILER_BYTES);
  for (let at = 0; at < sizeBytes; ) {
    const piece = bytesAt(descriptor, at, Math.min(PIECE_BYTES, (at < end ? end : sizeBytes) - at));
    if (piece.length === 0) return;
    yield piece;
    at += piece.length;
  }
}

/** A file for this process alone, without a name from its first moment on. */
function openNameless(): number {
  const path = join(tmpdir(), `binnacle-${process.pid}-${randomBytes(8).toString('hex')}`);
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  unlinkSync(path);
  return descriptor;
}
