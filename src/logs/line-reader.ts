/**
 * The port between the log engine and what knows a format. The engine finds lines in blocks of a file and keeps their
 * places; a reader tells each line's time, level and whether it goes on with the line before, and, for the lines that are
 * shown, what to print and which ids they are about.
 */
import type { LogLevel, LogRecord } from '../domain/log.ts';

/** Levels as numbers, for tables of lines: 0 is none. */
export const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warning', 'error'];
/** How many numbers there are. */
export const LEVEL_COUNT = LEVELS.length + 1;

export function levelNumber(level: LogLevel | undefined): number {
  return level === undefined ? 0 : LEVELS.indexOf(level) + 1;
}

export function levelOfNumber(number: number): LogLevel | undefined {
  return LEVELS[number - 1];
}

/** A reader looks at so much of a line's beginning for time and level: what is known of it is then the same however much of it was read. */
export const JUDGED_BYTES = 512;

/** The line was longer than the cap; only its beginning is there. */
export const LINE_CUT = 1;
/** No newline yet: the end of a file that is being written. */
export const LINE_OPEN = 2;
/** Zero bytes lie before it, the hole an appending writer leaves after somebody emptied its file. */
export const LINE_AFTER_HOLE = 4;

/** The lines that begin in one block of a file. Arrays hold `count` entries, those of the reader included. */
export interface LineTable {
  /** UTF-8. `starts` and `ends` are places in it; `ends` lie before the newline. */
  bytes: Buffer;
  count: number;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** Of each line's first byte in its file. */
  readonly offsets: Float64Array;
  /** `LINE_CUT`, `LINE_OPEN`, `LINE_AFTER_HOLE`. */
  readonly flags: Uint8Array;
  /** Set by the reader: milliseconds since 1970, NaN for a line without a time. */
  readonly ats: Float64Array;
  /** Set by the reader, see {@link levelNumber}. */
  readonly levels: Uint8Array;
  /** Set by the reader: 1 for a line that belongs to the one before it (the rest of a traceback). */
  readonly continues: Uint8Array;
}

/** What a reader makes of a line that is shown; offset, time and level are in the table. */
export type LineText = Pick<LogRecord, 'text' | 'keys' | 'origin'>;

/** Knows one format. Never throws, whatever the bytes. */
export interface LineReader {
  /** What it shows of a line is a piece of it, but for what a backslash in it stands for. */
  readonly showsWritten?: true;
  /** Fills `ats`, `levels` and `continues` for the `count` lines of a table, by their first `JUDGED_BYTES` at most. */
  judge(table: LineTable): void;
  /** What to show of a line with its continuation lines, which follow on lines of their own. */
  describe(text: string): LineText;
}

/** A table with room for `capacity` lines. */
export function createLineTable(capacity: number): LineTable {
  return {
    bytes: Buffer.alloc(0),
    count: 0,
    starts: new Uint32Array(capacity),
    ends: new Uint32Array(capacity),
    offsets: new Float64Array(capacity),
    flags: new Uint8Array(capacity),
    ats: new Float64Array(capacity),
    levels: new Uint8Array(capacity),
    continues: new Uint8Array(capacity),
  };
}

/** A copy of just the lines there are, with bytes of its own: to be kept while the table is used again. */
export function keepLines(table: LineTable): LineTable {
  const { count } = table;
  return {
    bytes: Buffer.from(table.bytes),
    count,
    starts: table.starts.slice(0, count),
    ends: table.ends.slice(0, count),
    offsets: table.offsets.slice(0, count),
    flags: table.flags.slice(0, count),
    ats: table.ats.slice(0, count),
    levels: table.levels.slice(0, count),
    continues: table.continues.slice(0, count),
  };
}
