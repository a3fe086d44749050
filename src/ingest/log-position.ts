/** How far a log was read, as plain data: what is committed together with what was made of the bytes before it. */
import type { Stats } from 'node:fs';
import type { SavedFingerprint } from './fingerprint.ts';
import type { SplitterState } from './line-splitter.ts';

/** Device, inode and time of making of a file: the inode of a removed one is given to a new one. */
export function fileId({ dev, ino, birthtimeMs }: Pick<Stats, 'dev' | 'ino' | 'birthtimeMs'>): string {
  return `${dev}:${ino}@${birthtimeMs}`;
}

/** Raised when the shape below changes: what an older version saved is not used. */
export const POSITION_FORM = 1;

/** Where the reading of one file stands. */
export interface SavedGeneration {
  /** Which file: see {@link fileId}. */
  readonly id: string;
  /** The next byte to read. */
  readonly offset: number;
  readonly print: SavedFingerprint;
  /** The unfinished line before the offset: its bytes are taken from the file, its text is what is left without it. */
  readonly splitter: SplitterState;
  readonly rest?: string;
  readonly sizeBytes: number;
  /** It had no name any more, and was read to its end. */
  readonly removed?: true;
  /** It had been moved away from the path. */
  readonly rotated?: true;
  /** No chunk of it was told. */
  readonly fresh?: true;
  /** Its reading began in its middle. */
  readonly partial?: true;
  /** It began anew in a file that was emptied. */
  readonly restarted?: true;
}

/** Where the reading of one log stands, through its rotations. */
export interface LogPosition {
  readonly form: typeof POSITION_FORM;
  /** Generations that were read to their ends, whose writers may go on in them; oldest first. */
  readonly old: readonly SavedGeneration[];
  /** Those being read; the last one is what stood at the path. */
  readonly queue: readonly SavedGeneration[];
  /** When the file at the path was last written to, as of the last look. */
  readonly knownMtimeMs: number;
  /** Rotated files known to hold nothing unread; see {@link fileId}. */
  readonly seen: readonly string[];
  /** Generations read to their ends and let go, the newest last: copies of them hold nothing new. */
  readonly done: readonly SavedGeneration[];
}

/** A position in which a text of the log, its unfinished line, has passed `mask`. */
export function maskPosition(position: LogPosition, mask: (text: string) => string): LogPosition {
  const masked = (generation: SavedGeneration): SavedGeneration =>
    generation.rest === undefined ? generation : { ...generation, rest: mask(generation.rest) };
  return {
    ...position,
    old: position.old.map(masked),
    queue: position.queue.map(masked),
    done: position.done.map(masked),
  };
}
