/**
 * Follows one log through everything writers and rotators do to it: renamed away, copied and emptied, emptied,
 * rewritten, removed, put back. Every line is handed on once, in the order of its generation.
 */
import { closeSync, existsSync, type Stats, statSync } from 'node:fs';
import { explainFileError, type Fence, isMissing, openFile } from '../host/open-file.ts';
import { areDescriptorsShort, Generation } from './generation.ts';
import type { LogFamily } from './log-family.ts';
import { LogGenerations } from './log-generations.ts';
import { fileId, type LogPosition } from './log-position.ts';
import { endOf, replayOf } from './log-replay.ts';
import { MOVED, NO_DESCRIPTOR, type Resumed } from './log-rotation.ts';
import { LogTeller } from './log-teller.ts';
import { type RawPath, splitRaw } from './raw-path.ts';
import type { LookResult, Watched } from './schedule.ts';

/** How long a path may be missing before it counts as gone: a rotation renames first and creates then. */
const GONE_MS = 1000;
/** Coarsest time stamps of local file systems, with a margin. */
const SETTLED_MS = 50;
/** How soon a parked log whose writer may go on in a rotated part is looked at as a whole again. */
const PARKED_MS = 5000;
/** How long a lack of descriptors counts as passing. */
const SHORT_MS = 15_000;

export class LogTail implements Watched {
  readonly path: string;
  readonly raw: RawPath;
  /** Everything that was there at the first look was read. */
  settled = false;
  /** The path is there, and is read. */
  present = false;
  /** It is the same file as this other path. */
  aliasOf: string | undefined;
  readonly #generations: LogGenerations;
  readonly #teller: LogTeller;
  /** Where an earlier run stood, or this one before it was parked, until it has gone on from there. */
  #position: LogPosition | undefined;
  /** Nothing of it is open: there are more logs than descriptors, and it was quiet. */
  #isParked = false;
  #parkedAt = 0;
  #shortSince: number | undefined;
  #opened = false;
  #looking = false;
  #missingSince: number | undefined;
  /** What the path was seen to lead to instead of the file being read, by device and inode; '' is nothing. */
  #leadsTo: string | undefined;
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
    this.#generations = new LogGenerations({
      raw,
      fence,
      family,
      teller: this.#teller,
      claim: (key) => family.claim(key, this),
    });
  }

  /** Where its reading stands: behind everything that was told. */
  get position(): LogPosition {
    return this.#position ?? this.#generations.position;
  }

  /** Compressed parts are being made readable: it goes on when they are. */
  get isUnpacking(): boolean {
    return this.#generations.isWaiting;
  }

  get unreadBytes(): number {
    return this.#generations.unreadBytes;
  }

  /** All there is to it is the file at its path, read and held open: old parts and what is missing are looked after. */
  get isPlain(): boolean {
    const { current, isSingle } = this.#generations;
    return current !== undefined && isSingle && this.present && this.#missingSince === undefined;
  }

  /** Nothing of it is left: gone, and no writer added anything for a while. */
  get isOver(): boolean {
    return (
      this.#position === undefined &&
      this.#goneTold &&
      this.aliasOf === undefined &&
      this.#generations.isQuiet
    );
  }

  /** Newest modification time of what it has read. */
  get readUntilMs(): number {
    const { all, knownMtimeMs } = this.#generations;
    return Math.max(this.#readUntilMs, ...all.map(({ stat }) => stat.mtimeMs), knownMtimeMs);
  }

  holds(key: string): boolean {
    if (this.#generations.hold(key)) return true;
    const { old = [], queue = [] } = this.#position ?? {};
    return this.#isParked && [...old, ...queue].some(({ id }) => id.startsWith(`${key}@`));
  }

  /** Hands over an old generation to the tail of the path it has now. Undefined while this path is still its own. */
  release(key: string): Generation | undefined {
    return this.#generations.release(key);
  }

  look(): LookResult {
    // Two tails that take files over from each other ask each other to look.
    if (this.#looking) return 'again';
    this.#looking = true;
    this.#generations.isWaiting = false;
    try {
      if (this.#isParked ? this.#isUnmoved() : this.#isAtRest()) return 'quiet';
      this.#family.onLooked();
      if (!this.resume()) {
        this.settled ||= !this.isUnpacking;
        return this.isUnpacking ? 'again' : 'quiet';
      }
      const late = this.#generations.readLate();
      const read = this.#readQueue();
      if (read === 'more') return 'more';
      if (this.isUnpacking) return 'again';
      this.settled = true;
      if (areDescriptorsShort()) this.#park();
      if (read === 'changed' || late) return 'changed';
      // In the middle of a rotation: its other half comes within milliseconds.
      return this.#missingSince !== undefined && this.#generations.queued > 0 ? 'again' : 'quiet';
    } catch (error) {
      const reason = explainFileError(error);
      this.#fail(reason);
      if (reason === MOVED) return 'again';
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
      const resumed = this.#generations.find(position);
      if (resumed) this.#goOn(position, resumed);
      return resumed !== undefined;
    } catch (error) {
      const reason = explainFileError(error);
      this.#fail(reason);
      this.#generations.isWaiting = reason === MOVED;
      return false;
    }
  }

  #goOn(position: LogPosition, resumed: Resumed): void {
    const { old, queue, lost } = resumed;
    this.#position = undefined;
    this.#opened = true;
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
    this.#generations.take(resumed, position.knownMtimeMs);
  }

  /** Hands on unfinished lines: the source was to be read once, or is no longer wanted. */
  finish(): void {
    if (this.#isParked) this.resume();
    for (const generation of this.#generations.all) this.#teller.flush(generation, false);
  }

  close(): void {
    this.#generations.close();
  }

  /** Nothing was done to the only file it has open, which stands at its path: one look for most logs most of the time. */
  #isAtRest(): boolean {
    if (!this.isPlain) return false;
    const there = statSync(this.raw, { throwIfNoEntry: false });
    const isAtRest = there !== undefined && this.#generations.current?.isAsRead(there) === true;
    // As the whole look would: a failure of the moment before is over.
    if (isAtRest) this.#family.failures.clear(this.path);
    return isAtRest && !areDescriptorsShort();
  }

  /** Closes all it has open, to look for it again when something has moved. */
  #park(): void {
    // Within a tick of the file system's clock a write may leave no new time.
    const isSettled =
      this.present &&
      this.#missingSince === undefined &&
      Date.now() - this.#generations.knownMtimeMs > SETTLED_MS;
    if (!isSettled || this.#generations.queued !== 1) return;
    this.#parkedAt = performance.now();
    this.#position = this.position;
    this.#isParked = true;
    this.#generations.park();
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
      there.mtimeMs === this.#generations.knownMtimeMs
    );
  }

  /** What passes by itself is told when it does not: quiet logs give descriptors up, rotations end. */
  #fail(reason: string): void {
    if (reason === NO_DESCRIPTOR || reason === MOVED) {
      this.#shortSince ??= performance.now();
      if (performance.now() - this.#shortSince < SHORT_MS) return;
    }
    this.#family.failures.fail(this.path, reason);
  }

  #readQueue(): LookResult {
    let result: LookResult = 'quiet';
    // Rounds: a rotation found in one is read in the next. A writer that rotates faster than we read ends a look.
    for (let round = 0; round < 8; round += 1) {
      const read = this.#generations.read();
      if (read !== 'quiet') result = read;
      if (read === 'more') return 'more';
      if (this.isUnpacking) return result;
      const switched = this.#compareWithPath();
      if (!switched) return result;
      result = 'changed';
    }
    return 'more';
  }

  /** True when the path leads to another file than the one being read, which is then in the queue. */
  #compareWithPath(): boolean {
    const { current } = this.#generations;
    let there: Stats | undefined;
    try {
      there = statSync(this.raw, { throwIfNoEntry: false });
    } catch (error) {
      if (!isMissing(error)) {
        this.#fail(explainFileError(error));
        return false;
      }
    }
    const key = there === undefined ? '' : `${there.dev}:${there.ino}`;
    if (there !== undefined && current?.key === key) {
      this.#missingSince = undefined;
      this.#leadsTo = undefined;
      this.present = true;
      this.#shortSince = undefined;
      // Not the time of this look: it may have been copied and emptied since it was read.
      this.#generations.knownMtimeMs = current.stat.mtimeMs;
      this.#family.failures.clear(this.path);
      return false;
    }
    // Since it was read to its end it may have been written to, copied and emptied. Moved away from its path it is not
    // emptied any more: it is read once more before anything else.
    if (current !== undefined && this.#leadsTo !== key) {
      this.#leadsTo = key;
      return true;
    }
    if (there === undefined) return this.#noteMissing();
    this.#missingSince = undefined;
    return this.#takeUp();
  }

  /** Opens what is at the path now, with everything a rotation put between it and what was read last. */
  #takeUp(): boolean {
    const { failures } = this.#family;
    this.#leadsTo = undefined;
    if (this.#opened && !this.#generations.isPrepared()) return false;
    this.#generations.dismiss();
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
      this.#generations.push(back);
      return this.#arrived();
    }
    if (this.#adopt(key)) {
      closeSync(opened.descriptor);
      return this.aliasOf === undefined;
    }
    const first = !this.#opened;
    const tailBytes = first ? this.#family.initialBytes : undefined;
    const next = new Generation(opened.descriptor, opened.stat, this.#family.maxLineBytes, tailBytes);
    const { last } = this.#generations;
    try {
      if (first) this.#tellEnd(next);
      if (first) this.#generations.queuePast(next, this.#readUntilMs);
      else this.#generations.queueUnread(last, next, false);
    } catch (error) {
      next.close();
      throw error;
    }
    if (!first && last !== undefined && this.#generations.isReplacedBy(last, next)) last.continueIn(next);
    this.#opened = true;
    this.#generations.push(next);
    return this.#arrived();
  }

  /** What is written last is looked at first: it need not wait for all that is read before it. */
  #tellEnd(generation: Generation): void {
    const { aheadBytes = Number.POSITIVE_INFINITY } = this.#family.context.options;
    if (generation.stat.size <= aheadBytes) return;
    this.#teller.ahead(generation, endOf(generation, aheadBytes, this.#family.maxLineBytes));
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
    this.#generations.push(generation);
    this.#arrived();
    return true;
  }

  #noteMissing(): boolean {
    const now = performance.now();
    this.#missingSince ??= now;
    const before = this.#generations.queued;
    if (this.#opened) {
      if (!this.#generations.isPrepared()) return false;
      // Rotated more than once, and nothing new at the path yet.
      const { current, last } = this.#generations;
      this.#generations.queueUnread(current ?? last, undefined, false);
      if (this.#generations.queued > before) return true;
    }
    if (now - this.#missingSince < GONE_MS && this.#generations.queued > 0) return false;
    this.#generations.dismiss();
    this.present = false;
    this.#family.failures.clear(this.path);
    if (!this.#goneTold) {
      this.#goneTold = true;
      this.#teller.gone();
    }
    return false;
  }
}
