import { readSync } from 'node:fs';
import type { LiteralFinder } from './literal-finder.ts';

/** What a piece of a file holds. Pieces that follow each other are added by `foldPieces`. */
export interface ScanPiece {
  /** Lines in which a match begins. */
  readonly lines: number;
  /** Where the first match of each such line begins, in the order of the file. */
  readonly hits: readonly number[];
  readonly hasNewline: boolean;
  /** The first match stands in the line that was open where the piece begins. */
  readonly isHeadHit: boolean;
  /** The line that is open where the piece ends has a match. */
  readonly isTailHit: boolean;
}

export const EMPTY_PIECE: ScanPiece = {
  lines: 0,
  hits: [],
  hasNewline: false,
  isHeadHit: false,
  isTailHit: false,
};

/** Two neighbours as one: a line that runs from one into the other counts once. */
export function foldPieces(a: ScanPiece, b: ScanPiece, maxHits: number): ScanPiece {
  const isShared = a.isTailHit && b.isHeadHit;
  const more = isShared ? b.hits.slice(1) : b.hits;
  const room = Math.max(0, maxHits - a.hits.length);
  return {
    lines: a.lines + b.lines - (isShared ? 1 : 0),
    hits: more.length === 0 || room === 0 ? a.hits : [...a.hits, ...more.slice(0, room)],
    hasNewline: a.hasNewline || b.hasNewline,
    isHeadHit: a.isHeadHit || (!a.hasNewline && b.isHeadHit),
    isTailHit: b.isTailHit || (!b.hasNewline && a.isTailHit),
  };
}

/**
 * Scans an open file for the matches of a literal that begin in [from, to), a slice at a time: each step gives what the
 * next slice holds. A slice fills the finder's window, less the needle's rest. Bytes that vanish meanwhile end the scan.
 */
export function* scanSlices(
  descriptor: number,
  finder: LiteralFinder,
  from: number,
  to: number,
  maxHits: number,
): Generator<ScanPiece> {
  const { window, needleBytes } = finder;
  const reach = needleBytes - 1;
  const most = window.length - reach;
  if (most < 1) throw new RangeError(`a window of ${window.length} bytes has no room for the needle`);
  for (let at = from; at < to; ) {
    const wanted = Math.min(most, to - at) + reach;
    let size = 0;
    while (size < wanted) {
      const read = readSync(descriptor, window, size, wanted - size, at + size);
      if (read === 0) break;
      size += read;
    }
    const stop = Math.min(size, wanted - reach);
    if (stop === 0) return;
    yield searchPiece(finder, stop, size, at, maxHits);
    at += stop;
  }
}

/** Matches that begin in the first `stop` bytes of the window, which holds `size` bytes from `offset` of the file. */
export function searchPiece(
  finder: LiteralFinder,
  stop: number,
  size: number,
  offset: number,
  maxHits: number,
): ScanPiece {
  const hits: number[] = [];
  let lines = 0;
  let isTailHit = false;
  const reach = finder.needleBytes - 1;
  const last = Math.min(size, stop + reach);
  const first = finder.find(0, last);
  for (let found = first; found !== -1; ) {
    lines += 1;
    if (hits.length < maxHits) hits.push(offset + found);
    const end = finder.newline(found, stop);
    if (end === -1) {
      isTailHit = true;
      break;
    }
    found = finder.find(end + 1, last);
  }
  const firstEnd = finder.newline(0, stop);
  return {
    ...{ lines, hits, isTailHit },
    hasNewline: firstEnd !== -1,
    isHeadHit: first !== -1 && (firstEnd === -1 || first <= firstEnd),
  };
}
