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
  /** While long logs are read for the first time: how much of what is to be read of them was, 0 to 1. */
  readonly readShare?: number;
  /** What is wrong and what to do next. */
  readonly error?: string;
  /** `http`: by how much the server's clock is ahead of ours (below zero: behind), where they are seconds apart. */
  readonly clockAheadMs?: number;
}

/** How a source stands, in words: `fresh`, `reading 34 %`. */
export function sourceWord({ state, readShare }: Pick<SourceStatus, 'state' | 'readShare'>): string {
  return readShare === undefined ? state : `reading ${Math.floor(readShare * 100)} %`;
}

/** A piece of a source that could not be understood: counted, kept, reachable. */
export interface BadRecord {
  readonly path: string;
  readonly offset?: number;
  readonly reason: string;
  /** The beginning of it, raw. */
  readonly excerpt?: string;
}
