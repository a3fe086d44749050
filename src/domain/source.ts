import type { Instant } from './instant.ts';

/** Where facts come from. */
export type SourceType =
  | 'log'
  | 'document'
  | 'tree'
  | 'database'
  | 'http'
  | 'probe'
  | 'stream'
  | 'process'
  | 'check';

/**
 * `waiting`: not there yet, waited for. `fresh`: read. `stale`: has not answered or moved as it should.
 * `error`: there, and can't be read. `limited`: not asked, its own limit is used up. `off`: needs a setting.
 */
export type SourceState = 'waiting' | 'fresh' | 'stale' | 'error' | 'limited' | 'off';

/** One source as the screen and `list sources` show it. */
export interface SourceStatus {
  readonly id: string;
  readonly type: SourceType;
  /** Path or URL as an operator would name it. */
  readonly place: string;
  readonly state: SourceState;
  /** Files, rows or answers it has now. */
  readonly items: number;
  readonly lastReadAt?: Instant;
  /** Newest change of what it watches: modification time, newest row, newest answer. */
  readonly lastChangedAt?: Instant;
  readonly records: number;
  readonly badRecords: number;
  /** The newest of the bad records: where it is and what is wrong with it. */
  readonly lastBad?: BadRecord;
  /** Bytes known to be there and not read yet. */
  readonly unreadBytes: number;
  /** What is wrong and what to do next. */
  readonly error?: string;
  /** `http`: by how much the server's clock is ahead of ours (below zero: behind), where they are seconds apart. */
  readonly clockAheadMs?: number;
}

/** A piece of a source that could not be understood: counted, kept, reachable. */
export interface BadRecord {
  readonly path: string;
  readonly offset?: number;
  readonly reason: string;
  /** The beginning of it, raw. */
  readonly excerpt?: string;
}
