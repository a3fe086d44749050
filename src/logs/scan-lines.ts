import { isAscii } from 'node:buffer';
import { readSync } from 'node:fs';
import { type LiteralFinder, literalFinder } from './literal-finder.ts';
import { requiredLiteral } from './required-literal.ts';
import type { ScanPiece } from './scan-file.ts';

/** Lines are searched in batches of about this size. */
export const BATCH_BYTES = 1024 * 1024;
/** With more candidates than this in a batch, it is cheaper to try the expression on the batch as a whole. */
const MOST_CANDIDATES = 1000;
const NEWLINE = 0x0a;

/** A regular expression that is looked for in each line of a batch. */
export interface LinePattern {
  /** For a batch: with `g` and `m`. */
  readonly batch: RegExp;
  /** For a line by itself. */
  readonly line: RegExp;
  /** Finds what every match holds, where there is such; batches lie in its window. */
  readonly finder?: LiteralFinder;
}

/** Makes an expression of `patternOf` ready for batches of up to `windowBytes`. */
export function linePattern(pattern: RegExp, windowBytes: number): LinePattern {
  const flags = pattern.flags.replace(/[gmy]/g, '');
  const literal = requiredLiteral(pattern);
  return {
    ...(literal ? { finder: literalFinder(Buffer.from(literal.text), literal.ignoreCase, windowBytes) } : {}),
    batch: new RegExp(pattern.source, `${flags}gm`),
    line: new RegExp(pattern.source, flags),
  };
}

/** What batches are read into. */
export function windowOf({ finder }: LinePattern, windowBytes: number): Buffer {
  return finder?.window ?? Buffer.allocUnsafe(windowBytes);
}

/**
 * Lines of a batch in which the pattern matches. `bytes` are the beginning of its window, begin and end with a line, and lie
 * at `offset` of the file.
 */
export function searchLines(pattern: LinePattern, bytes: Buffer, offset: number, maxHits: number): ScanPiece {
  const { finder, line } = pattern;
  if (!finder) return searchBatch(pattern, bytes, offset, maxHits);
  const size = bytes.length;
  const hits: number[] = [];
  let [lines, candidates] = [0, 0];
  for (let found = finder.find(0, size); found !== -1; ) {
    candidates += 1;
    if (candidates > MOST_CANDIDATES) return searchBatch(pattern, bytes, offset, maxHits);
    const start = bytes.lastIndexOf(NEWLINE, found) + 1;
    const newline = finder.newline(found, size);
    const end = newline === -1 ? size : newline;
    const text = bytes.toString('utf8', start, end);
    const match = line.exec(text);
    if (match) {
      lines += 1;
      if (hits.length < maxHits) hits.push(offset + start + Buffer.byteLength(text.slice(0, match.index)));
    }
    found = newline === -1 ? -1 : finder.find(newline + 1, size);
  }
  return { lines, hits, hasNewline: bytes.includes(NEWLINE), isHeadHit: false, isTailHit: false };
}

/** The same over the batch as a whole. A match that reaches over a line's end proves nothing: the line is tried by itself. */
function searchBatch(pattern: LinePattern, bytes: Buffer, offset: number, maxHits: number): ScanPiece {
  const ascii = isAscii(bytes);
  const text = ascii ? bytes.toString('latin1') : bytes.toString('utf8');
  const { batch, line } = pattern;
  const hits: number[] = [];
  let lines = 0;
  // Characters are not bytes where the text is not ASCII: the bytes up to here are counted as hits come.
  let counted = 0;
  let countedBytes = 0;
  batch.lastIndex = 0;
  for (let match = batch.exec(text); match; match = batch.exec(text)) {
    const newline = text.indexOf('\n', match.index);
    const end = newline === -1 ? text.length : newline;
    // An empty match behind the last newline is in no line.
    if (match.index >= text.length && text.endsWith('\n')) break;
    const reachesOver = match.index + match[0].length > end;
    const start = reachesOver ? text.lastIndexOf('\n', match.index - 1) + 1 : 0;
    if (!reachesOver || line.test(text.slice(start, end))) {
      lines += 1;
      if (hits.length < maxHits) {
        countedBytes += ascii ? match.index - counted : Buffer.byteLength(text.slice(counted, match.index));
        counted = match.index;
        hits.push(offset + countedBytes);
      }
    }
    if (newline === -1) break;
    batch.lastIndex = newline + 1;
  }
  return { lines, hits, hasNewline: text.includes('\n'), isHeadHit: false, isTailHit: false };
}

/**
 * Searches the lines of an open file that begin in [from, to), a batch at a time. Of a line longer than a batch its
 * beginning is searched.
 */
export function* lineSlices(
  descriptor: number,
  pattern: LinePattern,
  from: number,
  to: number,
  maxHits: number,
): Generator<{ readonly piece: ScanPiece; readonly at: number }> {
  const window = windowOf(pattern, BATCH_BYTES);
  let at = from;
  // A range begins behind the line that is open there.
  let isInside = from > 0;
  if (isInside) at -= 1;
  while (at < to) {
    const size = readSync(descriptor, window, 0, BATCH_BYTES, at);
    if (size === 0) return;
    const bytes = window.subarray(0, size);
    if (isInside) {
      const end = bytes.indexOf(NEWLINE);
      at += end === -1 ? size : end + 1;
      isInside = end === -1;
      continue;
    }
    let stop = size;
    if (at + size > to) {
      // The last line is the one that is open at `to`.
      const end = bytes.indexOf(NEWLINE, Math.max(0, to - at - 1));
      if (end !== -1) stop = end + 1;
    }
    if (stop === size && size === BATCH_BYTES && bytes[size - 1] !== NEWLINE) {
      const last = bytes.lastIndexOf(NEWLINE);
      if (last === -1) isInside = true;
      else stop = last + 1;
    }
    const piece = searchLines(pattern, bytes.subarray(0, stop), at, maxHits);
    at += stop;
    yield { piece, at };
  }
}
