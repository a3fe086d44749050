import type { Ref, SystemId } from './entity.ts';
import type { Instant } from './instant.ts';

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

/** What a parser makes of one line (or a line and its continuation). Texts are raw. */
export interface LogRecord {
  /** Byte offset of the first line in its file. */
  readonly offset: number;
  /** Undefined when the line has no time of its own; its place is then its neighbours'. */
  readonly at?: Instant;
  readonly level?: LogLevel;
  /** What to print: the message with the fields worth reading. */
  readonly text: string;
  /** Ids this line is about (run, card, task, trace); see `logKeys` of an entity. */
  readonly keys?: readonly string[];
  /** Who wrote it, shorter than the file name where there is something better. */
  readonly origin?: string;
}

/** A record in the merged view. */
export interface LogRow extends LogRecord {
  /** Grows with each row the engine takes in; identifies the row. */
  readonly seq: number;
  readonly system: SystemId;
  readonly source: string;
  readonly path: string;
  /** The log this row was written to, where `path` is the name a rotation gave to it since. */
  readonly log?: string;
  /** Where it sorts: its own time, else that of its nearest neighbour. */
  readonly sortAt: Instant;
  /** `log` is a line of a file or stream; `change` is a state change, an act or a wipe, told by us. */
  readonly form: 'log' | 'change';
  /** Identical lines of the same origin folded into this row, itself included. */
  readonly count?: number;
  /** The file this came from has since been emptied or replaced by its writer. */
  readonly wiped?: boolean;
  /** For changes: the entity that changed. */
  readonly ref?: Ref;
}

/** Which rows are wanted. All conditions hold together. */
export interface LogQuery {
  readonly systems?: readonly SystemId[];
  readonly sources?: readonly string[];
  readonly minLevel?: LogLevel;
  /** Regular expression source, case-insensitive when it has no capital letter. */
  readonly grep?: string;
  readonly since?: Instant;
  readonly until?: Instant;
  /** Rows with one of these keys, or of one of these files, or that mention one of the keys in their text. */
  readonly keys?: readonly string[];
  readonly files?: readonly string[];
  readonly changes?: boolean;
}

/** Position in the merged view. */
export interface LogCursor {
  readonly sortAt: Instant;
  readonly seq: number;
}

/** A page of rows, oldest first. */
export interface LogPage {
  readonly rows: readonly LogRow[];
  /** Rows that match before the first and after the last of this page. */
  readonly before: number;
  readonly after: number;
  readonly total: number;
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warning', 'error'];

/** True when `level` is at least `min`; a line without a level counts as info. */
export function isAtLeast(level: LogLevel | undefined, min: LogLevel): boolean {
  return levels.indexOf(level ?? 'info') >= levels.indexOf(min);
}

/** Level names as the watched programs write them, to ours. */
export function parseLevel(text: string | undefined): LogLevel | undefined {
  switch (text?.trim().toLowerCase()) {
    case 'debug':
    case 'trace':
      return 'debug';
    case 'info':
    case 'notice':
      return 'info';
    case 'warn':
    case 'warning':
      return 'warning';
    case 'error':
    case 'err':
    case 'critical':
    case 'fatal':
      return 'error';
    default:
      return undefined;
  }
}

/** Builds the test of a query against one row. Throws a SyntaxError for a bad regular expression. */
export function matcherOf(query: LogQuery): (row: LogRow) => boolean {
  const grep =
    query.grep === undefined || query.grep === ''
      ? undefined
      : new RegExp(query.grep, /[A-Z]/.test(query.grep) ? 'u' : 'iu');
  const systems = query.systems ? new Set<string>(query.systems) : undefined;
  const sources = query.sources ? new Set<string>(query.sources) : undefined;
  const files = query.files ? new Set(query.files) : undefined;
  const keys = query.keys?.filter((key) => key !== '');
  const keySet = keys ? new Set(keys) : undefined;
  return (row) => {
    if (systems && !systems.has(row.system)) return false;
    if (sources && !sources.has(row.source)) return false;
    if (query.changes === false && row.form === 'change') return false;
    if (query.minLevel && row.form === 'log' && !isAtLeast(row.level, query.minLevel)) return false;
    if (query.since !== undefined && row.sortAt < query.since) return false;
    if (query.until !== undefined && row.sortAt > query.until) return false;
    if (keySet || files) {
      const mine =
        files?.has(row.path) === true ||
        (row.log !== undefined && files?.has(row.log) === true) ||
        row.keys?.some((key) => keySet?.has(key)) === true ||
        keys?.some((key) => row.text.includes(key)) === true;
      if (!mine) return false;
    }
    return grep ? grep.test(row.text) : true;
  };
}
