import { bytesAt } from './fingerprint.ts';
import type { Generation } from './generation.ts';
import { LineSplitter, type SplitLine } from './line-splitter.ts';

/** Lines of one generation that an earlier run has told. */
export interface Replay {
  readonly generation: Generation;
  readonly lines: readonly SplitLine[];
  /** They begin in the middle of their file. */
  readonly partial: boolean;
}

/** The last whole lines of a file that is longer than `bytes`, about so much of it. */
export function endOf(
  { descriptor, stat, splitter }: Generation,
  bytes: number,
  maxLineBytes: number,
): SplitLine[] {
  const start = stat.size - bytes;
  const even = start - (start % 2);
  const lines: SplitLine[] = [];
  const last = new LineSplitter(maxLineBytes, even, true, splitter.state.encoding);
  last.push(bytesAt(descriptor, even, stat.size - even), lines);
  return lines;
}

/** The newest lines before the positions of resumed generations, about `bytes` of them; oldest first. */
export function replayOf(
  generations: readonly Generation[],
  bytes: number,
  maxLineBytes: number,
): readonly Replay[] {
  const replays: Replay[] = [];
  let left = bytes;
  for (const generation of [...generations].reverse()) {
    if (left <= 0) break;
    const { heldBytes, encoding } = generation.splitter.state;
    const end = generation.offset - heldBytes;
    const partial = end > left;
    const start = partial ? end - left : 0;
    const lines: SplitLine[] = [];
    const splitter = partial
      ? new LineSplitter(maxLineBytes, start - (start % 2), true, encoding)
      : new LineSplitter(maxLineBytes);
    splitter.push(bytesAt(generation.descriptor, start - (partial ? start % 2 : 0), end - start), lines);
    if (lines.length > 0) replays.unshift({ generation, lines, partial });
    left -= end - start;
  }
  return replays;
}
