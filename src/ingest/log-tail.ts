/**
 * Follows one log through everything writers and rotators do to it: renamed away, copied and emptied, emptied,
 * rewritten, removed, put back. Every line is handed on once, in the order of its generation.
 */
import { closeSync, existsSync, type Stats, statSync } from 'node:fs';
import type { Instant } from '../domain/instant.ts';
import { explainFileError, type Fence, isMissing, openFile } from '../host/open-file.ts';
import { areDescriptorsShort, Generation } from './generation.ts';
import type { SplitLine } from './line-splitter.ts';
import { fileId, type LogPosition, POSITION_FORM } from './log-position.ts';
import { replayOf } from './log-replay.ts';
import { NO_DESCRIPTOR, type Resumed, Rotation } from './log-rotation.ts';
import { LogTeller } from './log-teller.ts';
import { OldGenerations } from './old-generations.ts';
import { type RawPath, splitRaw } from './raw-path.ts';
import type { FailureBook, ReaderContext } from './reader.ts';
import type { LookResult, Watched } from './schedule.ts';

/** Bytes read in one look before others get their turn. */
const LOOK_BYTES = 1024 * 1024;
/** How long a path may be missing before it counts as gone: a rotation renames first and creates then. */
const GONE_MS = 1000;
/** Coarsest time stamps of local file systems, with a margin. */
const SETTLED_MS = 50;
/** How soon a parked log whose writer may go on in a rotated part is looked at as a whole again. */
const PARKED_MS = 5000;
/** How long a lack of descriptors counts as passing. */
const SHORT_MS = 15_000;

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
  /** This tail has this file open. */
  claim(key: string, owner: LogTail): void;
  /** Where a file the glob names lies; see {@link fileId}. */
  placeOf(id: string): RawPath | undefined;
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
  readonly #rotation: Rotation;
  readonly #teller: LogTeller;
  /** Where an earlier run stood, or this one before it was parked, until it has gone on from there. */
  #position: LogPosition | undefined;
  /** Nothing of it is open: there are more logs than descriptors, and it was quiet. */
  #isParked = false;
  #parkedAt = 0;
  #shortSince: number | undefined;
  /** Compressed parts are being unpacked. */
  #waiting = false;
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
    position?: LogPosition,
  ) {
    this.path = path;
    this.raw = raw;
    this.#fence = fence;
    this.#family = family;
    this.#readUntilMs = readUntilMs;
    this.#position = position;
    this.#teller = new LogTeller(path, family);
    this.#old = new OldGenerations({
      read: (generation) => this.#read(generation),
      flush: (generation) => this.#teller.flush(generation, true),
      ended: (generation) => this.#rotation.noteDone(generation.save()),
    });
    this.#rotation = new Rotation({
      raw,
      fence,
      cache: family.context.cache,
      maxLineBytes: family.maxLineBytes,
      initialBytes: family.initialBytes,
      follows: (sibling) => family.follows(sibling),
      placeOf: (id) => family.placeOf(id),
      isHeld: (key) => this.holds(key) || family.ownerOf(key) !== undefined,
      onDamage: (rotated, offset, reason) => this.#teller.gap(offset, reason, rotated),
    });
  }

  /** Where its reading stands: behind everything that was told. */
  get position(): LogPosition {
    if (this.#position) return this.#position;
    return {
      form: POSITION_FORM,
      old: this.#old.all.map((generation) => generation.save()),
      queue: this.#queue.map((generation) => generation.save()),
      knownMtimeMs: this.#knownMtimeMs,
      ...this.#rotation.saved,
    };
  }

  /** Compressed parts are being made readable: it goes on when they are. */
  get isUnpacking(): boolean {
    return this.#waiting;
  }

  get unreadBytes(): number {
    return this.#queue.reduce((sum, generation) => sum + generation.unreadBytes, 0);
  }

  /** Nothing of it is left: gone, and no writer added anything for a while. */
  get isOver(): boolean {
    return (
      this.#position === undefined &&
      this.#goneTold &&
      this.#queue.length === 0 &&
      this.aliasOf === undefined &&
      this.#old.isQuiet
    );
  }

  /** Newest modification time of what it has read. */
  get readUntilMs(): number {
    return Math.max(this.#readUntilMs, ...this.#all.map(({ stat }) => stat.mtimeMs), this.#knownMtimeMs);
  }

  holds(key: string): boolean {
    const isIt = (generation: Generation): boolean => generation.key === key;
    if (this.#queue.some(isIt) || this.#old.all.some(isIt)) return true;
    const { old = [], queue = [] } = this.#position ?? {};
    return this.#isParked && [...old, ...queue].some(({ id }) => id.startsWith(`${key}@`));
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
    this.#waiting = false;
    try {
      if (this.#isParked ? this.#isUnmoved() : this.#isAtRest()) return 'quiet';
      if (!this.resume()) {
        this.settled ||= !this.#waiting;
        return this.#waiting ? 'again' : 'quiet';
      }
      const late = this.#old.readLate();
      const read = this.#readQueue();
      if (read === 'more') return 'more';
      if (this.#waiting) return 'again';
      this.settled = true;
      if (areDescriptorsShort()) this.#park();
      if (read === 'changed' || late) return 'changed';
      // In the middle of a rotation: its other half comes within milliseconds.
      return this.#missingSince !== undefined && this.#queue.length > 0 ? 'again' : 'quiet';
    } catch (error) {
      this.#fail(explainFileError(error));
      this.settled = true;
      return 'quiet';
    } finally {
      this.#looking = false;
    }
  }

  /** Goes on where an earlier run stood. False while that has to wait: until something is unpacked, or can be read. */
  resume(): boolean {
    const position = this.#position;
    if (position === undefined) return true;
    try {
      // Not mounted, or away for a moment: nothing of it is lost.
      if (!existsSync(splitRaw(this.raw).directory)) return false;
      const resumed = this.#rotation.resume(position);
      this.#waiting = resumed === undefined;
      if (resumed) this.#goOn(position, resumed);
      return resumed !== undefined;
    } catch (error) {
      this.#fail(explainFileError(error));
      return false;
    }
  }

  #goOn(position: LogPosition, { old, queue, lost }: Resumed): void {
    this.#position = undefined;
    this.#opened = true;
    this.#knownMtimeMs = position.knownMtimeMs;
    this.#goneTold = position.queue.length === 0;
    const stat = statSync(this.raw, { throwIfNoEntry: false }) ?? [...old, ...queue].at(-1)?.stat;
    if (!this.#isParked) {
      if (stat) this.#teller.resumed(stat);
      const { replayBytes = 0 } = this.#family.context.options.resume ?? {};
      const replays = replayOf([...old, ...queue], replayBytes, this.#family.maxLineBytes);
      for (const { generation, lines, partial } of replays) this.#teller.again(generation, lines, partial);
    }
    this.#isParked = false;
    for (const one of lost) this.#teller.lost(one);
    for (const generation of old) this.#old.add(generation);
    this.#queue = [...queue];
    for (const { key } of this.#all) this.#family.claim(key, this);
  }

  /** Hands on unfinished lines: the source was to be read once, or is no longer wanted. */
  finish(): void {
    if (this.#isParked) this.resume();
    for (const generation of this.#all) this.#teller.flush(generation, false);
  }

  close(): void {
    for (const generation of this.#all) generation.close();
    this.#queue = [];
    this.#rotation.close();
  }

  /** Nothing was done to the only file it has open, which stands at its path: one look for most logs most of the time. */
  #isAtRest(): boolean {
    const [generation] = this.#queue;
    if (generation === undefined || this.#queue.length > 1 || this.#old.all.length > 0) return false;
    if (this.#missingSince !== undefined) return false;
    const there = statSync(this.raw, { throwIfNoEntry: false });
    const isAtRest = there !== undefined && this.present && generation.isAsRead(there);
    // As the whole look would: a failure of the moment before is over.
    if (isAtRest) this.#family.failures.clear(this.path);
    return isAtRest && !areDescriptorsShort();
  }

  /** Closes all it has open, to look for it again when something has moved. */
  #park(): void {
    // Within a tick of the file system's clock a write may leave no new time.
    const isSettled =
      this.present && this.#missingSince === undefined && Date.now() - this.#knownMtimeMs > SETTLED_MS;
    if (!isSettled || this.#queue.length !== 1) return;
    this.#parkedAt = performance.now();
    this.#position = this.position;
    this.#isParked = true;
    for (const generation of this.#queue) generation.close();
    this.#queue = [];
    this.#old.park();
  }

  /** Whether the path still leads to what was read there, and nothing was done to it. */
  #isUnmoved(): boolean {
    const { old = [], queue = [] } = this.#position ?? {};
    if (old.length > 0 && performance.now() - this.#parkedAt > PARKED_MS) return false;
    const saved = queue.at(-1);
    const there = statSync(this.raw, { throwIfNoEntry: false });
    return (
      saved !== undefined &&
      there !== undefined &&
      fileId(there) === saved.id &&
      there.size === saved.offset &&
      there.mtimeMs === this.#knownMtimeMs
    );
  }

  /** Too few descriptors are told when they stay too few: quiet logs give theirs up within moments. */
  #fail(reason: string): void {
    if (reason === NO_DESCRIPTOR) {
      this.#shortSince ??= performance.now();
      if (performance.now() - this.#shortSince < SHORT_MS) return;
    }
    this.#family.failures.fail(this.path, reason);
  }

  #readQueue(): LookResult {
    let result: LookResult = 'quiet';
    // Rounds: a rotation found in one is read in the next. A writer that rotates faster than we read ends a look.
    for (let round = 0; round < 4; round += 1) {
      const read = this.#readGenerations();
      if (read !== 'quiet') result = read;
      if (read === 'more') return 'more';
      if (this.#waiting) return result;
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
        if (!this.#isPrepared()) return result;
        this.#queueUnread(generation, undefined, true);
        if (this.#queue[0] !== generation) continue;
      }
      const before = generation.offset;
      const read = this.#read(generation);
      if (generation.offset !== before) result = 'changed';
      if (read === 'more') return 'more';
      if (read === 'wiped') {
        if (!this.#isPrepared()) {
          generation.lookAnew();
          return result;
        }
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
    if (read !== 'wiped' || lines.length > 0) this.#teller.lines(generation, lines);
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
        this.#fail(explainFileError(error));
        return false;
      }
    }
    if (there === undefined) return this.#noteMissing();
    this.#missingSince = undefined;
    if (current?.key === `${there.dev}:${there.ino}`) {
      this.present = true;
      this.#shortSince = undefined;
      this.#knownMtimeMs = there.mtimeMs;
      this.#family.failures.clear(this.path);
      return false;
    }
    return this.#takeUp();
  }

  /** Opens what is at the path now, with everything a rotation put between it and what was read last. */
  #takeUp(): boolean {
    const { failures } = this.#family;
    if (this.#opened && !this.#isPrepared()) return false;
    this.#dismiss();
    const opened = openFile(this.raw, this.#fence);
    if (!opened.ok) {
      if (opened.missing) return this.#noteMissing();
      this.#fail(opened.error);
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
    const last = this.#old.newest;
    try {
      if (first) this.#queuePast(next);
      else this.#queueUnread(last, next, false);
    } catch (error) {
      next.close();
      throw error;
    }
    if (!first && last !== undefined && this.#rotation.isReplacedBy(last, next)) last.continueIn(next);
    this.#opened = true;
    this.#queue.push(next);
    this.#family.claim(next.key, this);
    return this.#arrived();
  }

  #queuePast(first: Generation): void {
    const past = this.#rotation.past(first, this.#readUntilMs);
    for (const { key } of past) this.#family.claim(key, this);
    this.#queue.push(...past);
  }

  #arrived(): true {
    this.present = true;
    this.#goneTold = false;
    this.aliasOf = undefined;
    return true;
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
    this.#family.claim(key, this);
    this.#arrived();
    return true;
  }

  /** The file was emptied or rewritten in place. A copy made just before holds what was not read yet. */
  #recoverWiped(generation: Generation): void {
    const copied = this.#queueUnread(generation, undefined, true);
    if (!copied) {
      this.#teller.flush(generation, true);
      if (!generation.fresh) {
        this.#teller.wiped(generation.offset);
      }
    }
    generation.restart();
  }

  /** Compressed parts that hold something unread are unpacked; false while that takes its time. */
  #isPrepared(): boolean {
    this.#waiting = !this.#rotation.prepare(this.#knownMtimeMs);
    return !this.#waiting;
  }

  /**
   * Queues segments that a rotation made since the last look: before `last` when it was emptied in place, after it when
   * the path leads to another file now. Says whether `last` was copied before it was emptied.
   */
  #queueUnread(last: Generation | undefined, next: Generation | undefined, emptied: boolean): boolean {
    const held = this.#old.all.map((generation) => generation.save());
    const { segments, copied } = this.#rotation.unread(last, next, emptied, this.#knownMtimeMs, held);
    for (const { key } of segments) this.#family.claim(key, this);
    if (emptied && last) this.#queue.splice(this.#queue.indexOf(last), 0, ...segments);
    else this.#queue.push(...segments);
    return copied;
  }

  #noteMissing(): boolean {
    const now = performance.now();
    this.#missingSince ??= now;
    const before = this.#queue.length;
    if (this.#opened && !this.#goneTold) {
      if (!this.#isPrepared()) return false;
      // Rotated more than once, and nothing new at the path yet.
      this.#queueUnread(this.#queue.at(-1) ?? this.#old.newest, undefined, false);
      if (this.#queue.length > before) return true;
    }
    if (now - this.#missingSince < GONE_MS && this.#queue.length > 0) return false;
    this.#dismiss();
    this.present = false;
    this.#family.failures.clear(this.path);
    if (!this.#goneTold) {
      this.#goneTold = true;
      this.#teller.gone();
    }
    return false;
  }

  /** Nothing is at the path any more that could be read on; what was open is kept for late writers. */
  #dismiss(): void {
    for (const generation of this.#queue) this.#old.add(generation);
    this.#queue = [];
  }
}
