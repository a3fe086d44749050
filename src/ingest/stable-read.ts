/** Reading a whole file that its writer may be rewriting this moment. */
import { closeSync, readSync, type Stats, statSync } from 'node:fs';
import { explainFileError, type Fence, openFile } from '../host/open-file.ts';
import { decodeBytes, detectEncoding } from '../host/text-encoding.ts';
import type { RawPath } from './raw-path.ts';

/**
 * Bytes of a file at one moment, as far as two looks at its state can tell. `seen`: its state a moment ago, where that
 * was asked for already.
 */
export function readStable(raw: RawPath, fence: Fence, maxBytes: number, seen?: Stats): StableRead {
  const opened = openFile(raw, fence, seen);
  if (!opened.ok) return opened.missing ? { state: 'missing' } : { state: 'failed', error: opened.error };
  const { descriptor, stat } = opened;
  try {
    if (stat.size > maxBytes) {
      return {
        state: 'failed',
        error: `larger than ${megabytes(maxBytes)}: ${megabytes(stat.size)}, not read`,
        stat,
      };
    }
    const bytes = Buffer.allocUnsafe(stat.size + 1);
    let size = 0;
    while (size < bytes.length) {
      const count = readSync(descriptor, bytes, size, bytes.length - size, size);
      if (count === 0) break;
      size += count;
      // What it grew by meanwhile its state tells.
      if (size === stat.size) break;
    }
    // The file of that name is the one that was read, and nothing was done to it.
    const there = statSync(raw, { throwIfNoEntry: false });
    if (size !== stat.size || there === undefined || !isSameState(stat, there)) {
      return { state: 'changing' };
    }
    return { state: 'read', bytes: bytes.subarray(0, size), stat };
  } catch (error) {
    return { state: 'failed', error: explainFileError(error) };
  } finally {
    closeSync(descriptor);
  }
}

export type StableRead =
  | { readonly state: 'read'; readonly bytes: Buffer; readonly stat: Stats }
  | { readonly state: 'changing' }
  | { readonly state: 'missing' }
  | { readonly state: 'failed'; readonly error: string; readonly stat?: Stats };

/** Whether two looks saw the same file in the same state. */
export function isSameState(a: Stats, b: Stats): boolean {
  return (
    a.ino === b.ino &&
    a.dev === b.dev &&
    a.size === b.size &&
    a.mtimeMs === b.mtimeMs &&
    a.ctimeMs === b.ctimeMs
  );
}

/** Text of a whole file, in the encoding its beginning tells. */
export function decodeDocument(bytes: Buffer): string {
  const { encoding, markBytes } = detectEncoding(bytes.subarray(0, 64));
  return decodeBytes(bytes.subarray(markBytes), encoding);
}

/** A text that is surely unfinished: nothing at all, or a JSON value that is opened and not closed. */
export function looksTorn(bytes: Buffer): boolean {
  const text = bytes.toString('latin1').trim();
  if (text === '') return true;
  const last = text.at(-1);
  return (text.startsWith('{') && last !== '}') || (text.startsWith('[') && last !== ']');
}

function megabytes(bytes: number): string {
  return `${Math.round((bytes / 1024 / 1024) * 10) / 10} MiB`;
}
