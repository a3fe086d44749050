/**
 * Follows one log through everything writers and rotators do to it: renamed away, copied and emptied, emptied,
 * rewritten, removed, put back. Every line is handed on once, in the order of its generation.
 */
import { closeSync, fstatSync, type Stats, statSync } from 'node:fs';
import { type Instant, instant } from '../domain/instant.ts';
import { explainFileError, type Fence, isMissing, openFile } from '../host/open-file.ts';
import { compareSiblings } from '../lib/rotated-name.ts';
import { Generation } from './generation.ts';
import type { IngestEvent } from './ingest.ts';
import type { SplitLine } from './line-splitter.ts';
import { isCopyOf, openPast, openSegments, type Segment } from './log-segments.ts';
import { listSiblings } from './log-siblings.ts';
import { OldGenerations } from './old-generations.ts';
import { type RawPath, showRaw, splitRaw } from './raw-path.ts';
import type { FailureBook, ReaderContext } from './reader.ts';
import type { LookResult, Watched } from './schedule.ts';

/** Bytes read in one look before others get their turn. */
const LOOK_BYTES = 1024 * 1024;
/** How long a path may be missing before it counts as gone: a rotation renames first and creates then. */
const GONE_MS = 1000;

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
  ownerOf(key: string): LogTail | undefined;
  /** A look read something or changed what is known. */
  onProgress(at: Instant | undefined): void;
}

export class LogTail implements Watched {
  readonly path: string;
  readonly raw: RawPath;
  /** Everything that was there at the first look was read. */
  settled = false;
  /** The path is there, and is read. */
  present = false;
  /** It is the same file as this other path. */
  aliasOf: string | undefined;
  /** Generations in order; the last one is the file at the path, those before it are being read to their ends. */
  #queue: Generation[] = [];
  readonly #old: OldGenerations;
  /** Siblings that are known not to hold anything unread, by device and inode. */
  readonly #seen = new Set<string>();
  #opened = false;
  #looking = false;
  /** Modification time when the path was last seen to lead to the file being read. */
  #knownMtimeMs = 0;
  #missingSince: number | undefined;
  #goneTold = true;
  readonly #fence: Fence;
  readonly #family: LogFamily;
  /** Newest time of what a former follower of this path has read. */
  readonly #readUntilMs: number;

  constructor(
    path: string,
    raw: RawPath,
    fence: Fence,
    family: LogFamily,
    readUntilMs = Number.NEGATIVE_INFINITY,
  ) {
    this.path = path;
    this.raw = raw;
    this.#fence = fence;
    this.#family = family;
    this.#readUntilMs = readUntilMs;
    this.#old = new OldGenerations({
      read: (generation) => this.#read(generation),
      flush: (generation) => this.#flush(generation, true),
    });
  }

  get unreadBytes(): number {
    return this.#queue.reduce((sum, generation) => sum + generation.unreadBytes, 0);
  }

  /** Nothing of it is left: gone, and no writer added anything for a while. */
  get isOver(): boolean {
    return this.#goneTold && this.#queue.length === 0 && this.aliasOf === undefined && this.#old.isQuiet;
  }

  /** Newest modification time of what it has read. */
  get readUntilMs(): number {
    return Math.max(this.#readUntilMs, ...this.#all.map(({ stat }) => stat.mtimeMs), this.#knownMtimeMs);
  }

  holds(key: string): boolean {
    return this.#all.some((generation) => generation.key === key);
  }

  get #all(): readonly Generation[] {
    return [...this.#old.all, ...this.#queue];
  }

  /** Hands over an old generation to the tail of the path it has now. Undefined while this path is still its own. */
  release(key: string): Generation | undefined {
    return this.#old.release(key);
  }

  look(): LookResult {
    // Two tails that take files over from each other ask each other to look.
    if (this.#looking) return 'again';
    this.#looking = true;
    try {
      const late = this.#old.readLate();
      const read = this.#readQueue();
      if (read === 'more') return 'more';
      this.settled = true;
      if (read === 'changed' || late) return 'changed';
      // In the middle of a rotation: its other half comes within milliseconds.
      return this.#missingSince !== undefined && this.#queue.length > 0 ? 'again' : 'quiet';
    } catch (error) {
      this.#family.failures.fail(this.path, explainFileError(error));
      this.settled = true;
      return 'quiet';
    } finally {
      this.#looking = false;
    }
  }

  /** Hands on unfinished lines: the source was to be read once, or is no longer wanted. */
  finish(): void {
    for (const generation of this.#all) this.#flush(generation, false);
  }

  close(): void {
    for (const generation of this.#all) generation.close();
    this.#queue = [];
  }

  #readQueue(): LookResult {
    let result: LookResult = 'quiet';
    // Rounds: a rotation found in one is read in the next. A writer that rotates faster than we read ends a look.
    for (let round = 0; round < 4; round += 1) {
      const read = this.#readGenerations();
      if (read !== 'quiet') result = read;
      if (read === 'more') return 'more';
      const switched = this.#compareWithPath();
      if (!switched) return result;
      result = 'changed';
    }
    return 'more';
  }

  /** Reads the queue's generations in their order. */
  #readGenerations(): LookResult {
    let result: LookResult = 'quiet';
    for (let round = 0; round < 32; round += 1) {
      const [generation] = this.#queue;
      if (generation === undefined) return result;
      const isLast = this.#queue.length === 1;
      // It may have been filled, copied and emptied since it was seen empty; nothing in it would tell but its time.
      if (isLast && generation.offset === 0 && generation.hasMoved()) {
        this.#queueUnread(generation, undefined, true);
        if (this.#queue[0] !== generation) continue;
      }
      const before = generation.offset;
      const read = this.#read(generation);
      if (generation.offset !== before) result = 'changed';
      if (read === 'more') return 'more';
      if (read === 'wiped') {
        this.#recoverWiped(generation);
        result = 'changed';
        continue;
      }
      if (isLast) return result;
      this.#queue.shift();
      // Nobody writes to a copy.
      if (generation.isCopy) this.#old.end(generation);
      else this.#old.add(generation);
    }
    return 'more';
  }

  #read(generation: Generation): 'end' | 'more' | 'wiped' {
    const lines: SplitLine[] = [];
    const read = generation.read(LOOK_BYTES, (more) => {
      for (const line of more) lines.push(line);
    });
    if (read !== 'wiped' || lines.length > 0) this.#tell(generation, lines);
    return read;
  }

  /** True when the path leads to another file than the one being read, which is then in the queue. */
  #compareWithPath(): boolean {
    const current = this.#queue.at(-1);
    let there: Stats | undefined;
    try {
      there = statSync(this.raw, { throwIfNoEntry: false });
    } catch (error) {
      if (!isMissing(error)) {
        this.#family.failures.fail(this.path, explainFileError(error));
        return false;
      }
    }
    if (there === undefined) return this.#noteMissing();
    this.#missingSince = undefined;
    if (current && there.dev === current.device && there.ino === current.inode) {
      this.present = true;
      this.#knownMtimeMs = there.mtimeMs;
      this.#family.failures.clear(this.path);
      return false;
    }
    return this.#takeUp();
  }

  /** Opens what is at the path now, with everything a rotation put between it and what was read last. */
  #takeUp(): boolean {
    const { failures } = this.#family;
    this.#dismiss();
    const opened = openFile(this.raw, this.#fence);
    if (!opened.ok) {
      if (opened.missing) return this.#noteMissing();
      failures.fail(this.path, opened.error);
      this.present = false;
      return false;
    }
    failures.clear(this.path);
    const key = `${opened.stat.dev}:${opened.stat.ino}`;
    const back = this.release(key);
    if (back) {
      closeSync(opened.descriptor);
      back.rotated = undefined;
      this.#queue.push(back);
      return this.#arrived();
    }
    if (this.#adopt(key)) {
      closeSync(opened.descriptor);
      return this.aliasOf === undefined;
    }
    const first = !this.#opened;
    const tailBytes = first ? this.#family.initialBytes : undefined;
    const next = new Generation(opened.descriptor, opened.stat, this.#family.maxLineBytes, tailBytes);
    if (first) this.#queuePast(next);
    else {
      const last = this.#old.newest;
      if (last !== undefined) this.#queueUnread(last, next, false);
      if (last !== undefined && this.#isCopyOf(last, next)) last.continueIn(next);
    }
    this.#opened = true;
    this.#queue.push(next);
    return this.#arrived();
  }

  #arrived(): true {
    this.present = true;
    this.#goneTold = false;
    this.aliasOf = undefined;
    return true;
  }

  /** Before its first file, what a rotation moved away shortly before it was looked at for the first time. */
  #queuePast(first: Generation): void {
    const { before } = this.#splitSiblings(first);
    const segments = before.filter(({ raw }) => !this.#family.follows(raw));
    const { past, copies } = openPast(showRaw(splitRaw(this.raw).name), first, segments, {
      fence: this.#fence,
      maxLineBytes: this.#family.maxLineBytes,
      bytes: this.#family.initialBytes,
      readUntilMs: this.#readUntilMs,
    });
    for (const { key } of before) if (!copies.has(key)) this.#seen.add(key);
    this.#queue.push(...past);
  }

  /** Takes a file over that another path of this source was following: it was renamed to this one. */
  #adopt(key: string): boolean {
    const owner = this.#family.ownerOf(key);
    if (owner === undefined || owner === this) return false;
    let generation = owner.release(key);
    if (generation === undefined) {
      owner.look();
      generation = owner.release(key);
    }
    if (generation === undefined) {
      // Two names of one file: it is read under the first.
      this.aliasOf = owner.path;
      this.present = false;
      return owner.holds(key);
    }
    generation.rotated = undefined;
    generation.fresh = true;
    generation.partial = generation.offset > 0;
    this.#opened = true;
    this.#queue.push(generation);
    this.#arrived();
    return true;
  }

  /** A new file at the path that goes on where the last one, gone from everywhere, was read. */
  #isCopyOf(last: Generation, next: Generation): boolean {
    if (!last.isTelling || this.#siblings().some((sibling) => sibling.key === last.key)) return false;
    if (fstatSync(last.descriptor).nlink > 0) return false;
    return last.agreesWith(next.descriptor, next.stat.size) === 'same';
  }

  /** The file was emptied or rewritten in place. A copy made just before holds what was not read yet. */
  #recoverWiped(generation: Generation): void {
    const copied = this.#queueUnread(generation, undefined, true);
    if (!copied) {
      this.#flush(generation, true);
      if (!generation.fresh) {
        this.#emit({ type: 'wiped', source: this.#family.source, path: this.path, at: this.#now() });
      }
    }
    generation.restart();
  }

  /**
   * Queues segments that a rotation made since the last look: before `last` when it was emptied in place (the copies
   * made then, the first of them from where it was read), after it when the path leads to another file now. Says
   * whether `last` was copied before it was emptied.
   */
  #queueUnread(last: Generation, next: Generation | undefined, emptied: boolean): boolean {
    const { before, after } = this.#splitSiblings(last);
    const chosen = emptied ? before : [...before, ...after];
    const candidates = chosen.filter(
      ({ key, mtimeMs }) =>
        key !== next?.key &&
        !this.#seen.has(key) &&
        !this.holds(key) &&
        // Whatever was written since the last look is not older than what was seen then.
        mtimeMs >= this.#knownMtimeMs &&
        this.#family.ownerOf(key) === undefined,
    );
    const { segments, copied } = openSegments(
      last,
      candidates,
      emptied,
      this.#fence,
      this.#family.maxLineBytes,
    );
    for (const { key } of chosen) this.#seen.add(key);
    if (emptied) this.#queue.splice(this.#queue.indexOf(last), 0, ...segments);
    else this.#queue.push(...segments);
    return copied;
  }

  /** Siblings older and newer than what a generation holds now, oldest first. */
  #splitSiblings(last: Generation): { readonly before: Segment[]; readonly after: Segment[] } {
    const siblings = this.#siblings().sort(compareSiblings);
    const own = siblings.findIndex(({ key }) => key === last.key);
    if (own >= 0) {
      last.rotated = siblings[own]?.name;
      return { before: siblings.slice(0, own), after: siblings.slice(own + 1) };
    }
    const there = statSync(this.raw, { throwIfNoEntry: false });
    if (there?.dev === last.device && there.ino === last.inode) return { before: siblings, after: [] };
    const { mtimeMs } = fstatSync(last.descriptor);
    // It was removed: what holds its lines is a copy made before, however close the times are.
    const isBefore = (segment: Segment): boolean =>
      segment.mtimeMs < mtimeMs || isCopyOf(last, segment, this.#fence);
    return { before: siblings.filter(isBefore), after: siblings.filter((segment) => !isBefore(segment)) };
  }

  #siblings(): Segment[] {
    const found: Segment[] = [];
    for (const { name, raw } of listSiblings(this.raw, this.#family.context.cache)) {
      const stat = statSync(raw, { throwIfNoEntry: false });
      if (stat?.isFile()) found.push({ key: `${stat.dev}:${stat.ino}`, name, raw, mtimeMs: stat.mtimeMs });
    }
    return found;
  }

  #noteMissing(): boolean {
    const now = performance.now();
    this.#missingSince ??= now;
    if (now - this.#missingSince < GONE_MS && this.#queue.length > 0) return false;
    this.#dismiss();
    this.present = false;
    this.#family.failures.clear(this.path);
    const last = this.#old.newest;
    if (!this.#goneTold && last !== undefined) {
      // Rotated more than once, and nothing new at the path.
      this.#queueUnread(last, undefined, false);
      if (this.#queue.length > 0) return true;
    }
    if (!this.#goneTold) {
      this.#goneTold = true;
      this.#emit({ type: 'gone', source: this.#family.source, path: this.path, at: this.#now() });
    }
    return false;
  }

  /** Nothing is at the path any more that could be read on; what was open is kept for late writers. */
  #dismiss(): void {
    for (const generation of this.#queue) this.#old.add(generation);
    this.#queue = [];
  }

  #flush(generation: Generation, unfinished: boolean): void {
    const lines: SplitLine[] = [];
    generation.splitter.flush(lines, unfinished);
    if (lines.length > 0) this.#tell(generation, lines);
  }

  #tell(generation: Generation, lines: readonly SplitLine[]): void {
    // An emptied file is told of when bytes come; a new one at once, so that its being there is known.
    if (lines.length === 0 && (!generation.fresh || generation.restarted)) return;
    const { stat } = generation;
    const modifiedAt = stat.mtimeMs > 0 ? instant(stat.mtimeMs) : undefined;
    const bornAt = generation.bornMs > 0 ? instant(generation.bornMs) : undefined;
    this.#emit({
      type: 'chunk',
      source: this.#family.source,
      path: this.path,
      chunk:
        generation.fresh && generation.partial
          ? { type: 'lines', lines, partial: true }
          : { type: 'lines', lines },
      at: this.#now(),
      ...(modifiedAt === undefined ? {} : { modifiedAt }),
      ...(bornAt === undefined ? {} : { bornAt }),
      sizeBytes: stat.size,
      fresh: generation.fresh,
      ...(generation.rotated === undefined ? {} : { rotated: generation.rotated }),
    });
    generation.fresh = false;
    this.#family.onProgress(modifiedAt);
  }

  #emit(event: IngestEvent): void {
    this.#family.context.emit(event);
  }

  #now(): Instant {
    return this.#family.context.options.clock.now();
  }
}
