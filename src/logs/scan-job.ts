/** One search through one part of a file: what a scanning thread is given, and how it is done there. */
import { closeSync } from 'node:fs';
import { patternOf } from '../domain/log-filter.ts';
import { type Fence, openFile } from '../host/open-file.ts';
import { inflateFrom } from './inflate.ts';
import { literalFinder } from './literal-finder.ts';
import { EMPTY_PIECE, foldPieces, type ScanPiece, scanSlices, searchPiece } from './scan-file.ts';
import { BATCH_BYTES, linePattern, lineSlices, searchLines, windowOf } from './scan-lines.ts';

/** What is looked for. A pattern is a regular expression as in the filter `match`. */
export type Wanted =
  | { readonly is: 'text'; readonly text: string; readonly ignoreCase?: true }
  | { readonly is: 'match'; readonly pattern: string };

export interface ScanJob {
  readonly path: string;
  readonly fence: Fence;
  /** Device and inode the file must have. */
  readonly device: string;
  readonly isCompressed: boolean;
  /** For a text the places where a match begins, for a pattern those where its line begins. */
  readonly from: number;
  readonly to: number;
  readonly wanted: Wanted;
  readonly maxHits: number;
}

/** How far a job has come. */
export interface ScanProgress {
  /** All there is so far of it. */
  readonly piece: ScanPiece;
  readonly doneBytes: number;
}

/**
 * Runs a job, a slice of about a megabyte each step. Throws where the file can't be read, is another one, or what is
 * wanted is none.
 */
export async function* runScan(job: ScanJob): AsyncGenerator<ScanProgress> {
  const opened = openFile(job.path, job.fence);
  if (!opened.ok) throw new Error(opened.missing ? `${job.path} is gone` : opened.error);
  const { descriptor, stat } = opened;
  try {
    if (`${stat.dev}:${stat.ino}` !== job.device) throw new Error(`${job.path} is another file now`);
    if (job.isCompressed) yield* scanInflated(descriptor, job);
    else yield* scanPlain(descriptor, job);
  } finally {
    closeSync(descriptor);
  }
}

function* scanPlain(descriptor: number, { wanted, from, to, maxHits }: ScanJob): Generator<ScanProgress> {
  let piece = EMPTY_PIECE;
  if (wanted.is === 'match') {
    const pattern = linePattern(patternOf(wanted.pattern), BATCH_BYTES);
    for (const slice of lineSlices(descriptor, pattern, from, to, maxHits - piece.hits.length)) {
      piece = foldPieces(piece, slice.piece, maxHits);
      yield { piece, doneBytes: Math.min(slice.at, to) - from };
    }
    return;
  }
  const finder = literalFinder(Buffer.from(wanted.text), wanted.ignoreCase === true, BATCH_BYTES);
  let doneBytes = 0;
  for (const slice of scanSlices(descriptor, finder, from, to, maxHits)) {
    piece = foldPieces(piece, slice, maxHits);
    doneBytes = Math.min(to - from, doneBytes + BATCH_BYTES - finder.needleBytes + 1);
    yield { piece, doneBytes };
  }
}

/** Compressed content is searched by whole lines as it comes; a line longer than the window is searched in parts. */
async function* scanInflated(descriptor: number, { wanted, maxHits }: ScanJob): AsyncGenerator<ScanProgress> {
  const finder =
    wanted.is === 'text'
      ? literalFinder(Buffer.from(wanted.text), wanted.ignoreCase === true, 2 * BATCH_BYTES)
      : undefined;
  const pattern = wanted.is === 'match' ? linePattern(patternOf(wanted.pattern), 2 * BATCH_BYTES) : undefined;
  const window = finder?.window ?? (pattern ? windowOf(pattern, 2 * BATCH_BYTES) : Buffer.alloc(0));
  let piece = EMPTY_PIECE;
  let offset = 0;
  let size = 0;
  const search = (stop: number): ScanProgress => {
    const found = finder
      ? searchPiece(finder, stop, stop, offset, maxHits)
      : pattern
        ? searchLines(pattern, window.subarray(0, stop), offset, maxHits)
        : EMPTY_PIECE;
    piece = foldPieces(piece, found, maxHits);
    window.copyWithin(0, stop, size);
    offset += stop;
    size -= stop;
    return { piece, doneBytes: offset };
  };
  for await (const event of inflateFrom(descriptor, { at: 0, contentAt: 0 })) {
    if (event.type !== 'bytes') continue;
    event.bytes.copy(window, size);
    size += event.bytes.length;
    if (size < BATCH_BYTES) continue;
    const last = window.lastIndexOf(0x0a, size - 1);
    yield search(last === -1 ? size : last + 1);
  }
  if (size > 0) yield search(size);
}
