import { statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { Instant } from '../domain/instant.ts';
import type { SourceStatus } from '../domain/source.ts';
import { absoluteGlob } from './discover.ts';
import type { LogOwner } from './log-family.ts';
import { fileId, type LogPosition } from './log-position.ts';
import { LogTail } from './log-tail.ts';
import { Places } from './places.ts';
import { type RawPath, showRaw } from './raw-path.ts';
import {
  FailureBook,
  gate,
  type ReaderContext,
  type SourceReader,
  type SpecOf,
  StatusKeeper,
  summarise,
  watchedBy,
} from './reader.ts';
import type { Watched } from './schedule.ts';

const LINE_BYTES = 256 * 1024;
const INITIAL_BYTES = 16 * 1024 * 1024;
/** Paths nobody follows any more of which it is remembered how far they were read. */
const MOST_DROPPED = 1000;

/** A `log` source: every file its glob matches is followed. */
export function logReader(spec: SpecOf<'log'>, context: ReaderContext): SourceReader {
  return new LogReader(spec, context);
}

class LogReader implements SourceReader {
  readonly settled: Promise<void>;
  readonly #spec: SpecOf<'log'>;
  readonly #context: ReaderContext;
  readonly #places: Places;
  readonly #keeper: StatusKeeper;
  readonly #failures: FailureBook;
  readonly #tails = new Map<string, { readonly tail: LogTail; readonly watched: Watched }>();
  /** Who has a file open, by device and inode; some have let it go since. */
  readonly #owners = new Map<string, LogOwner>();
  /** Those that may not have read what was there at first. */
  readonly #unsettled = new Set<LogTail>();
  /** Paths the glob names now, as the file system has them. */
  #named: ReadonlySet<string> = new Set();
  /** Paths that were followed once: newest time of what was read. */
  readonly #dropped = new Map<string, number>();
  /** Where an earlier run stood, by path. */
  readonly #saved: ReadonlyMap<string, LogPosition>;
  readonly #walk: Watched = watchedBy(() => this.#discover());
  readonly #gate = gate();
  #walked = false;
  #isSettled = false;
  /** The figures in the keeper are those of the logs as they are. */
  #isSummed = false;
  /** Before everything that was there at first was read: the most that there was to read. */
  #mostUnread = 0;

  constructor(spec: SpecOf<'log'>, context: ReaderContext) {
    this.#spec = spec;
    this.#context = context;
    this.#keeper = new StatusKeeper(spec, spec.glob);
    this.#failures = new FailureBook(spec.id, context);
    this.#places = new Places(spec.glob, 'file', context, this.#failures);
    this.#saved = context.options.resume?.positions(spec.id) ?? new Map();
    this.settled = this.#gate.opened;
  }

  start(): void {
    this.#context.schedule.add(this.#walk);
  }

  async refresh(): Promise<void> {
    this.#discover();
    for (const { tail, watched } of this.#tails.values()) {
      while (tail.look() === 'more') await new Promise((resolve) => setImmediate(resolve));
      this.#context.schedule.lookSoon(watched);
    }
  }

  status(): SourceStatus {
    if (!this.#isSummed) this.#sum();
    this.#keeper.readShare = this.#readShare();
    summarise(this.#keeper, this.#failures, absoluteGlob(this.#context.options.root, this.#spec.glob));
    return this.#keeper.status();
  }

  #sum(): void {
    let items = 0;
    let unreadBytes = 0;
    for (const { tail } of this.#tails.values()) {
      if (tail.present) items += 1;
      unreadBytes += tail.unreadBytes;
    }
    this.#keeper.items = items;
    this.#keeper.unreadBytes = unreadBytes;
    this.#isSummed = true;
  }

  /** Whoever waits for the facts of long logs sees how far their reading is; of short ones it is over at once. */
  #readShare(): number | undefined {
    const { unreadBytes } = this.#keeper;
    this.#mostUnread = Math.max(this.#mostUnread, unreadBytes);
    if (this.#isSettled || this.#mostUnread === 0) return undefined;
    return Math.floor(100 * (1 - unreadBytes / this.#mostUnread)) / 100;
  }

  close(): void {
    this.#context.schedule.remove(this.#walk);
    this.#context.watcher.forget(this.#walk);
    for (const { tail, watched } of this.#tails.values()) {
      this.#context.schedule.remove(watched);
      this.#context.watcher.forget(watched);
      tail.close();
    }
    this.#tails.clear();
    this.#gate.open();
  }

  /** Where the reading of the log at a path stands. */
  position(path: string): LogPosition | undefined {
    return this.#tails.get(path)?.tail.position;
  }

  #discover(): 'quiet' {
    const found = this.#places.look(
      this.#walk,
      (path, there) => this.#tails.has(path) || there.found.some((one) => one.path === path),
    )?.found;
    this.#noteRead();
    if (found === undefined) {
      this.#dropGone();
      return 'quiet';
    }
    this.#named = new Set(found.map(({ raw }) => showRaw(raw)));
    const first = !this.#walked;
    for (const { path, raw } of found) if (!this.#tails.has(path)) this.#follow(path, raw);
    if (first) this.#resumeAll();
    this.#walked = true;
    this.#noteRead();
    if (!this.#isSettled) this.#checkSettled();
    this.#dropGone();
    return 'quiet';
  }

  #follow(path: string, raw: RawPath): void {
    const position = this.#walked ? undefined : this.#saved.get(path);
    const tail = new LogTail(
      path,
      raw,
      this.#places.fence,
      {
        source: this.#spec.id,
        context: this.#context,
        failures: this.#failures,
        maxLineBytes: this.#context.options.maxLineBytes ?? LINE_BYTES,
        initialBytes: this.#context.options.initialLogBytes ?? INITIAL_BYTES,
        follows: (sibling) => this.#named.has(showRaw(sibling)),
        ownerOf: (key) => this.#ownerOf(key),
        claim: (key, owner) => this.#owners.set(key, owner),
        placeOf: (id) => this.#placeOf(id),
        onLooked: () => {
          this.#isSummed = false;
        },
        onProgress: (at) => this.#progress(at),
      },
      this.#dropped.get(path),
      position,
    );
    const watched = watchedBy(
      () => {
        const result = tail.look();
        this.#noteRead();
        if (!this.#isSettled) this.#checkSettled();
        return result;
      },
      () => tail.isPlain && this.#context.watcher.isTold(raw),
    );
    this.#tails.set(path, { tail, watched });
    this.#isSummed = false;
    if (!this.#isSettled) this.#unsettled.add(tail);
    this.#context.schedule.add(watched);
    this.#context.watcher.watchFile(raw, watched);
    this.#context.touched();
  }

  /**
   * Logs an earlier run had open are found before any file is read as a new one: it may be one of those under another
   * name. One that is gone is looked for beside its path.
   */
  #resumeAll(): void {
    for (const path of this.#saved.keys()) {
      if (this.#tails.has(path)) continue;
      this.#follow(path, isAbsolute(path) ? path : join(this.#context.root, path));
    }
    for (const { tail } of this.#tails.values()) tail.resume();
    this.#isSummed = false;
  }

  #placeOf(id: string): RawPath | undefined {
    return this.#places.found.find(({ raw }) => {
      const stat = statSync(raw, { throwIfNoEntry: false });
      return stat !== undefined && fileId(stat) === id;
    })?.raw;
  }

  /** Forgets tails whose file is gone for good, so that a directory of short-lived logs does not grow in here. */
  #dropGone(): void {
    // Whatever the glob names is followed: of as many nobody is left over.
    if (this.#tails.size === this.#places.found.length) return;
    const there = new Set(this.#places.found.map(({ path }) => path));
    for (const [path, { tail, watched }] of this.#tails) {
      if (there.has(path) || !tail.isOver) continue;
      this.#context.schedule.remove(watched);
      this.#context.watcher.forget(watched);
      this.#remember(path, tail.readUntilMs);
      this.#unsettled.delete(tail);
      tail.close();
      this.#tails.delete(path);
      this.#isSummed = false;
    }
  }

  /** What was read of a path must not be read again when the path comes back and its past lies beside it. */
  #remember(path: string, readUntilMs: number): void {
    this.#dropped.delete(path);
    this.#dropped.set(path, readUntilMs);
    const [oldest] = this.#dropped.keys();
    if (this.#dropped.size > MOST_DROPPED && oldest !== undefined) this.#dropped.delete(oldest);
  }

  #ownerOf(key: string): LogOwner | undefined {
    const owner = this.#owners.get(key);
    if (owner === undefined || owner.holds(key)) return owner;
    this.#owners.delete(key);
    return undefined;
  }

  #progress(at: Instant | undefined): void {
    this.#keeper.changed(at);
    this.#context.touched();
  }

  /** The source as a whole was read: not before everything that was there at first was. */
  #noteRead(): void {
    if (this.#isSettled) this.#keeper.lastReadAt = this.#context.options.clock.now();
  }

  #checkSettled(): void {
    if (!this.#walked) return;
    for (const tail of this.#unsettled) {
      if (!tail.settled) return;
      this.#unsettled.delete(tail);
    }
    this.#isSettled = true;
    this.#noteRead();
    // Whoever goes on from here another time waits for the end of an unfinished line.
    const { once, resume } = this.#context.options;
    if (once && resume === undefined) for (const { tail } of this.#tails.values()) tail.finish();
    this.#context.touched();
    this.#gate.open();
  }
}
