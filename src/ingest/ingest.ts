/**
 * What ingest hands to the engine, and what the engine asks of it. Each source type has a file of its own beside this
 * one; `pump.ts` runs them.
 */
import type { HostCheck, HostCheckAnswer } from '../domain/host-check.ts';
import type { Instant } from '../domain/instant.ts';
import type { ProcessTable } from '../domain/process.ts';
import type { SourceStatus } from '../domain/source.ts';
import type { Clock } from '../host/clock.ts';
import type { LogPosition } from './log-position.ts';

/** The parts of a source description ingest needs; structurally the `SourceSpec` of `systems/system.ts`. */
export type IngestSpec = { readonly id: string; readonly volatile?: true } & (
  | { readonly type: 'log'; readonly glob: string }
  | { readonly type: 'document'; readonly glob: string; readonly maxBytes?: number }
  | {
      readonly type: 'tree';
      readonly glob: string;
      readonly read: readonly string[];
      readonly maxBytes?: number;
    }
  | {
      readonly type: 'database';
      readonly path: string;
      readonly queries: readonly {
        readonly id: string;
        readonly sql: string;
        readonly params?: readonly (string | number)[];
        readonly optional?: true;
      }[];
    }
  | {
      readonly type: 'http';
      readonly path: string;
      readonly everyMs: number;
      readonly timeoutMs?: number;
      /** Statuses beside 2xx that are answers too. */
      readonly accepts?: readonly number[];
      readonly perMinute?: number;
      readonly headers?: { readonly [name: string]: string };
      readonly secretHeader?: { readonly name: string; readonly variable: string; readonly prefix?: string };
    }
  | {
      readonly type: 'probe';
      readonly argv: readonly string[];
      readonly cwd?: string;
      readonly everyMs: number;
      readonly timeoutMs?: number;
      readonly sideEffects: string;
    }
  | { readonly type: 'stream'; readonly argv: readonly string[]; readonly cwd?: string }
  | {
      readonly type: 'check';
      readonly check: HostCheck;
      readonly everyMs: number;
      readonly timeoutMs?: number;
    }
  | {
      readonly type: 'process';
      readonly match: {
        readonly words: readonly string[];
        readonly ports?: readonly number[];
        readonly pids?: readonly number[];
      };
    }
);

/** Bytes understood as far as their container: lines, a whole document, rows, an answer. */
export type IngestChunk =
  | {
      readonly type: 'lines';
      readonly lines: readonly { readonly text: string; readonly offset: number; readonly cut?: true }[];
      readonly partial?: true;
    }
  | { readonly type: 'document'; readonly text: string }
  | {
      readonly type: 'directory';
      readonly names: readonly string[];
      readonly texts: { readonly [name: string]: string };
      readonly modifiedAt: { readonly [name: string]: Instant };
    }
  | {
      readonly type: 'database';
      readonly results: {
        readonly [queryId: string]: readonly { readonly [column: string]: string | number | null }[];
      };
      readonly failed: { readonly [queryId: string]: string };
    }
  | {
      readonly type: 'http';
      readonly status?: number;
      readonly body?: string;
      readonly error?: string;
      readonly latencyMs: number;
      readonly failures: number;
    }
  | {
      readonly type: 'probe';
      readonly exitCode: number | null;
      readonly stdout: string;
      readonly stderr: string;
      readonly error?: string;
    }
  | { readonly type: 'check'; readonly answer: HostCheckAnswer };

/** What ingest tells. `path` is relative to the root where it lies below it, else absolute; the URL for `http`. */
export type IngestEvent =
  | {
      readonly type: 'chunk';
      readonly source: string;
      readonly path: string;
      readonly chunk: IngestChunk;
      readonly at: Instant;
      readonly modifiedAt?: Instant;
      readonly bornAt?: Instant;
      readonly sizeBytes?: number;
      /** This chunk begins the file anew (first read, rotation, wipe): parser state starts over. */
      readonly fresh: boolean;
      /** Name these bytes of a log have now beside `path`: it was rotated before they were read. */
      readonly rotated?: string;
      /** Device and inode of the file the lines of a log stand in. */
      readonly file?: string;
      /** An earlier run read these lines, and what it made of them holds: they are told to be shown. */
      readonly known?: true;
      /** The end of a long log, told to be shown before the log is read: these lines come again in their turn. */
      readonly ahead?: true;
    }
  /** A log is read on where an earlier run stood; what that one made of its bytes holds. Comes before its chunks. */
  | {
      readonly type: 'resumed';
      readonly source: string;
      readonly path: string;
      readonly at: Instant;
      readonly modifiedAt?: Instant;
      readonly bornAt?: Instant;
      readonly sizeBytes?: number;
    }
  /**
   * Bytes of a log that nobody could read: what was written behind `offset` of a file that is gone, or of a compressed
   * part that is damaged.
   */
  | {
      readonly type: 'gap';
      readonly source: string;
      readonly path: string;
      readonly at: Instant;
      readonly offset: number;
      readonly reason: string;
      /** Name of the rotated part it is about. */
      readonly rotated?: string;
    }
  /** The file, directory or database is no longer there. */
  | { readonly type: 'gone'; readonly source: string; readonly path: string; readonly at: Instant }
  /**
   * A log was emptied or replaced in place by its writer; a `fresh` chunk follows when bytes come. It was read up to
   * `readBytes`; whatever was written behind them before the wipe, nobody could read.
   */
  | {
      readonly type: 'wiped';
      readonly source: string;
      readonly path: string;
      readonly at: Instant;
      readonly readBytes?: number;
    }
  /** An attempt to read failed; what was read before stays. */
  | {
      readonly type: 'failed';
      readonly source: string;
      readonly path: string;
      readonly at: Instant;
      readonly error: string;
    }
  | { readonly type: 'processes'; readonly table: ProcessTable }
  | { readonly type: 'status'; readonly status: SourceStatus };

export interface PumpOptions {
  /** Absolute directory. */
  readonly root: string;
  readonly url?: string;
  readonly clock: Clock;
  /** Read everything once and do not watch (headless verbs). */
  readonly once: boolean;
  /** Value of a secret environment variable: the process's own, else the system's env-file. */
  secret(name: string): string | undefined;
  /** Longest line handed on, in bytes; the rest of such a line is skipped and marked. Default 256 KiB. */
  readonly maxLineBytes?: number;
  /** How much of a log's end is read at first. Default 16 MiB. */
  readonly initialLogBytes?: number;
  /** Of a log that is longer, about so much of its end is told {@link IngestEvent ahead}. Default: nothing is. */
  readonly aheadBytes?: number;
  /** Directory of the host-wide rate records, or undefined: budgets count for this process alone. */
  readonly budgetDir?: string;
  /** Symlinks leading out of the root are refused unless this is set. */
  readonly allowOutside?: boolean;
  /** Judge as if this host ran nothing: for copies of another host's files. */
  readonly hideProcesses?: boolean;
  /** Where an earlier run stood in the logs; undefined: each is read as if for the first time. */
  readonly resume?: ResumeFrom;
  onEvent(event: IngestEvent): void;
}

/** What an earlier run has left. */
export interface ResumeFrom {
  /** Positions of a source's logs, by path. */
  positions(source: string): ReadonlyMap<string, LogPosition>;
  /** About so much of each log's end before its position is told again, to be shown. Default none. */
  readonly replayBytes?: number;
}

/** All sources of one system being read. */
export interface Pump {
  start(): void;
  /** Resolves when each source was read once, or is known missing, failed or over its limit (HTTP: 2 s). */
  settled(): Promise<void>;
  /** Reads all sources, or one, again now. */
  refresh(source?: string): Promise<void>;
  /** New source list; sources with the same id and content go on undisturbed. */
  update(specs: readonly IngestSpec[]): void;
  /**
   * Where the reading of a log stands: behind everything that was told of it. Undefined for a path that is not followed,
   * and for all but `log` sources.
   */
  position(source: string, path: string): LogPosition | undefined;
  /** True when changes are found by looking again and again because the kernel's notifications are not to be had. */
  polling(): boolean;
  close(): Promise<void>;
}
