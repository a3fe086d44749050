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
  /** Identifies the row as long as what it was read from is there; for nothing else. */
  readonly id: string;
  /** Order in which rows came in while they were watched, for followers; a row that was only looked up has none. */
  readonly seq?: number;
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
  /** Where the others of them stand, as far as there are not too many. */
  readonly twins?: readonly LogTwin[];
  /** The file this came from has since been emptied or replaced by its writer. */
  readonly wiped?: boolean;
  /** For changes: the entity that changed. */
  readonly ref?: Ref;
  /** How many lines it has, where there are more than one (a traceback). */
  readonly lines?: number;
  /** Its log had well later times before it: it was written late, or by another clock. */
  readonly late?: true;
  /** Longer than what is here. */
  readonly cut?: true;
  /** Its end is not written yet. */
  readonly open?: true;
  /** It does not pass the query, it stands beside one that does. */
  readonly isContext?: true;
  /** Values of the fields the query wants, of those that its line as it was written has. */
  readonly fields?: { readonly [name: string]: string };
}

/** A line that says what another one says, of the same time: its writer logs it twice. */
export interface LogTwin {
  readonly source: string;
  /** The log it was written to. */
  readonly path: string;
  readonly offset: number;
}

/** Twins that are named; the others are counted. */
export const MOST_TWINS = 16;

/** One condition. Plain data: it crosses threads and is kept by its name. */
export type LogCondition = { readonly out?: true } & (
  | { readonly is: 'text'; readonly text: string; readonly ignoreCase?: true }
  /** A regular expression over the line as it stands, case-insensitive when it has no capital letter. */
  | { readonly is: 'match'; readonly pattern: string }
  /** That level or a worse one; a line without a level counts as info. */
  | { readonly is: 'level'; readonly least: LogLevel }
  /** Where it sorts, in milliseconds since 1970: since inclusive, until exclusive. */
  | { readonly is: 'time'; readonly since?: number; readonly until?: number }
  | { readonly is: 'system'; readonly systems: readonly string[] }
  | { readonly is: 'source'; readonly sources: readonly string[] }
  /** Logs by their paths, as rows have them: what was rotated away from one is of it. */
  | { readonly is: 'log'; readonly logs: readonly string[] }
  /** A run, job, trace: one of the line's keys, or a mention in its text; `logs`: or any line of these. */
  | { readonly is: 'about'; readonly keys: readonly string[]; readonly logs?: readonly string[] }
  /** A field of a JSON object or a `name=value` pair in the line. */
  | { readonly is: 'field'; readonly name: string; readonly value: string }
);

/** A stack of conditions: each takes rows in or, with `out`, leaves them out; all hold together. */
export type LogFilter = readonly LogCondition[];

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
  /** A stack of conditions beside those above. */
  readonly filter?: LogFilter;
  /** So many rows of the same log before and behind each one that passes come with it. */
  readonly context?: number;
  /** Fields of its line that each row of a page comes with. */
  readonly fields?: readonly string[];
}

/** A row's place in the merged view. One whose row is gone (or is no row's: `id` '') is the place where it would sort. */
export interface LogCursor {
  readonly sortAt: Instant;
  readonly id: string;
}

/** Where a page is wanted: a cursor or a time becomes its middle. */
export type PagePlace = LogCursor | { readonly time: Instant } | 'end' | 'start';

/** A page of rows, oldest first. */
export interface LogPage {
  readonly rows: readonly LogRow[];
  /** No row that matches is before the first, behind the last of this page. */
  readonly atStart: boolean;
  readonly atEnd: boolean;
  /** Rows that match before the first and behind the last, and all of them, where they were counted. */
  readonly before?: number;
  readonly after?: number;
  readonly total?: number;
}

/** Rows by time and level. */
export interface LogHistogram {
  readonly spanMs: number;
  /** Spans with rows in them, oldest first. Rows without a level count as info. */
  readonly spans: readonly {
    readonly from: Instant;
    readonly counts: { readonly [L in LogLevel]: number };
  }[];
  /** Rows that stand at no time. */
  readonly untimed: number;
  /** False while logs are still being indexed: there will be more. */
  readonly isComplete: boolean;
  /** What was counted: the rows of the query, or all rows of the logs it wants, without its conditions on lines. */
  readonly of: 'query' | 'logs';
}

/** A file of a log. */
export interface LogFile {
  readonly system: SystemId;
  readonly source: string;
  /** The log's path, as rows have it, and the name of this file of it: `app.log.2.gz`. */
  readonly path: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly isCompressed: boolean;
  /** Lines in the part that is indexed, and how large that part is, 0 to 1. */
  readonly lines: number;
  readonly indexed: number;
  readonly problem?: string;
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
