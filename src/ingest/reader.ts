/** What every source type has in common: its place among the others, its status, its first reading. */
import type { Instant } from '../domain/instant.ts';
import type { SourceState, SourceStatus } from '../domain/source.ts';
import type { DirectoryCache } from './directory-cache.ts';
import type { IngestEvent, IngestSpec, PumpOptions } from './ingest.ts';
import type { LogPosition } from './log-position.ts';
import type { Schedule, Watched } from './schedule.ts';
import type { Watcher } from './watcher.ts';

/** One source being read. */
export interface SourceReader {
  start(): void;
  /** Resolves when it was read once, or is known missing, failed, off or over its limit. Never rejects. */
  readonly settled: Promise<void>;
  /** Goes on with a changed description, without a new start; false where only a new reader can. */
  accept?(spec: IngestSpec): boolean;
  /** Reads it again now. */
  refresh(): Promise<void>;
  status(): SourceStatus;
  /** Where the reading of a log stands, of sources that have such. */
  position?(path: string): LogPosition | undefined;
  close(): void | Promise<void>;
}

/** What a reader is given by the pump. */
export interface ReaderContext {
  readonly options: PumpOptions;
  /** The real directory behind the root, as far as it exists. */
  readonly root: string;
  readonly schedule: Schedule;
  readonly cache: DirectoryCache;
  readonly watcher: Watcher;
  emit(event: IngestEvent): void;
  /** The reader's status may have changed. */
  touched(): void;
}

export type SpecOf<T extends IngestSpec['type']> = Extract<IngestSpec, { readonly type: T }>;

/** The changing part of a source's status; `records` and `badRecords` are counted where lines are understood. */
export class StatusKeeper {
  #state: SourceState = 'waiting';
  #error: string | undefined;
  lastReadAt: Instant | undefined;
  lastChangedAt: Instant | undefined;
  items = 0;
  unreadBytes = 0;
  readShare: number | undefined;
  readonly #spec: IngestSpec;
  readonly #place: string;

  constructor(spec: IngestSpec, place: string) {
    this.#spec = spec;
    this.#place = place;
  }

  set(state: SourceState, error?: string): void {
    this.#state = state;
    this.#error = error;
  }

  /** Notes a change seen at `at`, if it is newer than what is known. */
  changed(at: Instant | undefined): void {
    if (at !== undefined && (this.lastChangedAt === undefined || at > this.lastChangedAt))
      this.lastChangedAt = at;
  }

  status(): SourceStatus {
    return {
      id: this.#spec.id,
      type: this.#spec.type,
      place: this.#place,
      state: this.#state,
      items: this.items,
      ...(this.lastReadAt === undefined ? {} : { lastReadAt: this.lastReadAt }),
      ...(this.lastChangedAt === undefined ? {} : { lastChangedAt: this.lastChangedAt }),
      records: 0,
      badRecords: 0,
      unreadBytes: this.unreadBytes,
      ...(this.readShare === undefined ? {} : { readShare: this.readShare }),
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
  }
}

/** Remembers what failed per path, so that the same failure is told once. */
export class FailureBook {
  readonly #told = new Map<string, string>();
  readonly #source: string;
  readonly #context: ReaderContext;

  constructor(source: string, context: ReaderContext) {
    this.#source = source;
    this.#context = context;
  }

  get size(): number {
    return this.#told.size;
  }

  /** Path and reason of one failure there is now. */
  first(): readonly [string, string] | undefined {
    return this.#told.entries().next().value;
  }

  fail(path: string, error: string): void {
    if (this.#told.get(path) === error) return;
    this.#told.set(path, error);
    this.#context.emit({
      type: 'failed',
      source: this.#source,
      path,
      at: this.#context.options.clock.now(),
      error,
    });
    this.#context.touched();
  }

  clear(path: string): void {
    if (this.#told.delete(path)) this.#context.touched();
  }

  /** Forgets the failures of paths that `keep` does not want. */
  prune(keep: (path: string) => boolean): void {
    for (const path of this.#told.keys()) if (!keep(path)) this.clear(path);
  }
}

/**
 * Status from what there is: fresh with some items, waiting without, error when nothing but failures is there; the
 * failures are named in every case.
 */
export function summarise(keeper: StatusKeeper, failures: FailureBook, waitingFor: string): void {
  const failure = failures.first();
  const more = failures.size > 1 ? ` (and ${failures.size - 1} more)` : '';
  const error = failure === undefined ? undefined : `${failure[0]}: ${failure[1]}${more}`;
  if (keeper.items > 0) keeper.set('fresh', error);
  else if (error !== undefined) keeper.set('error', error);
  else keeper.set('waiting', `not there yet: ${waitingFor}`);
}

/** A promise and what resolves it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** A look that is a plain function, and whether changes are sure to be told; see {@link Watched}. */
export function watchedBy(look: Watched['look'], isTold?: () => boolean): Watched {
  return isTold === undefined ? { look } : { look, isTold };
}
