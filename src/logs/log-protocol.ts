/** What can be asked of the logs: plain data, so that a thread lies between. */
import type { LogFilter, LogLevel } from '../domain/log.ts';
import type { Fence } from '../host/open-file.ts';
import type { LogCount, LogCountRequest, LogGap, LogLimits, LogPlace, LogPosition } from './log-view.ts';

/** A log to be looked at. */
export interface LogSpec {
  /** Unique among them. */
  readonly id: string;
  readonly system: string;
  readonly source: string;
  /** Absolute path of the file that is written. */
  readonly path: string;
  readonly fence: Fence;
  /** Name of its reader, and the zone (IANA) of times without one. */
  readonly reader: string;
  readonly zone?: string;
  /** The path as its kind's parser knows it. */
  readonly shownPath?: string;
  /** What is kept elsewhere of what its writer emptied away, oldest first. */
  readonly kept?: readonly KeptPart[];
  /** Device and inode of a rotated part from which on all but what is kept is told by somebody else: that comes before. */
  readonly keptBefore?: string;
}

/** Lines that stood in a log until its writer emptied it, in a file of ours. It may grow. */
export interface KeptPart {
  readonly path: string;
  /** The name it is shown by. */
  readonly name: string;
  readonly fence: Fence;
  /** When it was last added to, in milliseconds since 1970: its place among what was rotated away. */
  readonly until: number;
}

/** A record as it is shown. */
export interface LogLine {
  readonly place: LogPlace;
  readonly system: string;
  readonly source: string;
  /** The file's name now: `app.log.2.gz`. */
  readonly name: string;
  /** Milliseconds since 1970; none for a line without a time of its own. */
  readonly at?: number;
  readonly sortAt: number;
  readonly level?: LogLevel;
  readonly text: string;
  readonly keys?: readonly string[];
  readonly origin?: string;
  /** How many lines it has, where there are more than one. */
  readonly lines?: number;
  /** Its own time is well before its place: it was written late, or by another clock. */
  readonly late?: true;
  /** Longer than what is shown. */
  readonly cut?: true;
  /** Where records stand that say the same, and are not told for themselves. */
  readonly twins?: readonly LogPlace[];
  /** Its end is not written yet. */
  readonly open?: true;
  /** A hole of zero bytes lies before it. */
  readonly afterHole?: true;
  /** It did not pass the filter, it stands beside one that did. */
  readonly isContext?: true;
  /** As it stands in its file, secrets too: where it was asked for. */
  readonly written?: string;
}

export interface LogPageAnswer {
  readonly lines: readonly LogLine[];
  /** To go on before the first and behind the last, with the same filter. */
  readonly start: LogGap;
  readonly end: LogGap;
  readonly atStart: boolean;
  readonly atEnd: boolean;
}

/** A file of a log. */
export interface LogPart {
  readonly log: string;
  /** `Segment.key`. */
  readonly file: string;
  readonly path: string;
  readonly name: string;
  readonly device: string;
  readonly fence: Fence;
  readonly isCompressed: boolean;
  /** Of its content; 0 for a compressed one nobody has looked into. */
  readonly sizeBytes: number;
  /** Lines and blocks that the index has, and blocks there are. */
  readonly lines: number;
  readonly knownBlocks: number;
  readonly blocks: number;
  readonly indexBytes: number;
  readonly problem?: string;
}

/** Requests and their answers. Each can be cancelled; it then fails. */
export interface LogCalls {
  /** These logs and no others, from now on. Files are looked at; what they hold is indexed in the background. */
  open: {
    readonly request: { readonly logs: readonly LogSpec[] };
    readonly answer: { readonly opened: number };
  };
  /** Looks at the files again: `changed` are the logs that grew or were rotated. */
  refresh: {
    readonly request: { readonly logs?: readonly string[] };
    readonly answer: { readonly changed: readonly string[] };
  };
  /** At most 500 records. `around`: a third of them before the position. `context`: records shown beside each that passed. */
  page: {
    readonly request: {
      readonly at: LogPosition;
      readonly rows: number;
      readonly way: 'forward' | 'backward' | 'around';
      readonly filter: LogFilter;
      readonly context?: number;
      readonly limits?: LogLimits;
      /** Lines come as they are written too. */
      readonly written?: true;
    };
    readonly answer: LogPageAnswer;
  };
  /**
   * How many records that pass lie before or behind a position: `most` at the most, and no more than are found in
   * `mostMs`; where that is not all of them, `rest` is the position to go on from. `share`: how much was looked through.
   */
  count: {
    readonly request: LogCountRequest;
    readonly answer: LogCount;
  };
  /** The record that is `lines` lines before the end of a log (1 is the last line); undefined where it has fewer. */
  lineFromEnd: {
    readonly request: { readonly log: string; readonly lines: number };
    readonly answer: { readonly place?: LogPlace };
  };
  /** Records by time and level in [since, until), in at most `spans` spans. */
  histogram: {
    readonly request: {
      readonly logs?: readonly string[];
      readonly since?: number;
      readonly until?: number;
      readonly spans: number;
    };
    readonly answer: LogHistogram;
  };
  /** The files there are, how far they are indexed, what is wrong with them. */
  parts: {
    readonly request: { readonly logs?: readonly string[] };
    readonly answer: { readonly parts: readonly LogPart[]; readonly problems: readonly string[] };
  };
  /** Resolves when everything there is now is indexed. */
  settle: { readonly request: Record<never, never>; readonly answer: { readonly settled: true } };
}

export interface LogHistogram {
  /** Length of a span: a minute, or that doubled some times. */
  readonly spanMs: number;
  /** Spans with records, oldest first; `counts` by level: none, debug, info, warning, error. */
  readonly spans: readonly { readonly from: number; readonly counts: readonly number[] }[];
  /** Records of blocks without any time. */
  readonly untimed: number;
  /** False while the index is being built: there will be more. */
  readonly isComplete: boolean;
}

export type LogCallName = keyof LogCalls;
export type LogRequest<C extends LogCallName> = LogCalls[C]['request'];
export type LogAnswer<C extends LogCallName> = LogCalls[C]['answer'];

/** What asks for logs holds this: the desk itself, or its thread's other end. */
export interface LogPort {
  /** Rejects with `Cancelled` when the signal says so, with a SyntaxError's message for a bad expression. */
  call<C extends LogCallName>(name: C, request: LogRequest<C>, signal?: AbortSignal): Promise<LogAnswer<C>>;
  close(): Promise<void>;
}

/** To the logs' thread. */
export type LogMessage =
  | { readonly type: 'call'; readonly id: number; readonly name: LogCallName; readonly request: unknown }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'close' };

/** From the logs' thread. */
export type LogReply =
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly message: string }
  | { readonly type: 'closed' };
