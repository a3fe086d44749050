import type { Instant } from '../domain/instant.ts';
import type { Generation } from './generation.ts';
import type { RawPath } from './raw-path.ts';
import type { FailureBook, ReaderContext } from './reader.ts';
import type { Watched } from './schedule.ts';

/** Who has files of one log open. */
export interface LogOwner extends Watched {
  readonly path: string;
  holds(key: string): boolean;
  /** Hands over an old generation to the tail of the path it has now. Undefined while its path is still its own. */
  release(key: string): Generation | undefined;
}

/** What the tails of one source share. */
export interface LogFamily {
  readonly source: string;
  readonly context: ReaderContext;
  readonly failures: FailureBook;
  readonly maxLineBytes: number;
  readonly initialBytes: number;
  /** A path the source's own glob names: it is followed in its own right. */
  follows(raw: RawPath): boolean;
  /** The tail that has this file open, if another one has. */
  ownerOf(key: string): LogOwner | undefined;
  /** This tail has this file open. */
  claim(key: string, owner: LogOwner): void;
  /** Where a file the glob names lies; see {@link fileId}. */
  placeOf(id: string): RawPath | undefined;
  /** A look went beyond finding a log as it was: what the source says of itself may be something else. */
  onLooked(): void;
  /** A look read something or changed what is known. */
  onProgress(at: Instant | undefined): void;
}
