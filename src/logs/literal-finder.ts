import { instantiateFind, SLACK_BYTES } from './simd-module.ts';

/** Longer needles are refused: a line of a log that is looked for by more than this is looked for by mistake. */
export const MAX_NEEDLE_BYTES = 1024;
/** Needle, its masks, and a newline with its mask lie before the window. */
const NEEDLE_AT = 0;
const MASKS_AT = MAX_NEEDLE_BYTES;
const NEWLINE_AT = 2 * MAX_NEEDLE_BYTES;
const NEWLINE_MASK_AT = NEWLINE_AT + 1;
const WINDOW_AT = 4 * MAX_NEEDLE_BYTES;

/** Finds a literal in bytes that lie in its own `window`: files are read straight into it. */
export interface LiteralFinder {
  /** What is searched. Its content is the caller's; it stays the same buffer. */
  readonly window: Buffer;
  readonly needleBytes: number;
  /** First match that lies within [from, to) of the window as a whole, or -1. */
  find(from: number, to: number): number;
  /** First newline in [from, to), or -1. */
  newline(from: number, to: number): number;
}

/**
 * A finder for one needle. `ignoreCase` is for ASCII letters only: other bytes count as they are. Throws a RangeError for
 * an empty needle or one above `MAX_NEEDLE_BYTES`.
 */
export function literalFinder(needle: Uint8Array, ignoreCase: boolean, windowBytes: number): LiteralFinder {
  if (needle.length === 0 || needle.length > MAX_NEEDLE_BYTES) {
    throw new RangeError(
      `what is searched has ${needle.length} bytes, 1 to ${MAX_NEEDLE_BYTES} are possible`,
    );
  }
  const { find, memory } = instantiateFind(WINDOW_AT + windowBytes + SLACK_BYTES + MAX_NEEDLE_BYTES);
  const bytes = new Uint8Array(memory);
  for (const [index, byte] of needle.entries()) {
    const letter = ignoreCase && /[a-z]/i.test(String.fromCharCode(byte));
    bytes[NEEDLE_AT + index] = letter ? byte | 0x20 : byte;
    bytes[MASKS_AT + index] = letter ? 0x20 : 0;
  }
  bytes[NEWLINE_AT] = 0x0a;
  const { length } = needle;
  const seek = (from: number, to: number, at: number, masks: number, size: number): number => {
    const found = find(WINDOW_AT + from, WINDOW_AT + to, at, masks, size);
    return found === -1 ? -1 : found - WINDOW_AT;
  };
  return {
    needleBytes: length,
    window: Buffer.from(memory, WINDOW_AT, windowBytes),
    find: (from, to) => seek(from, to, NEEDLE_AT, MASKS_AT, length),
    newline: (from, to) => seek(from, to, NEWLINE_AT, NEWLINE_MASK_AT, 1),
  };
}
