/** The generations of one log that are open: which are being read, and which were and may still grow. */
import type { Fence } from '../host/open-file.ts';
import type { Generation } from './generation.ts';
import type { SplitLine } from './line-splitter.ts';
import type { LogFamily } from './log-family.ts';
import { type LogPosition, POSITION_FORM } from './log-position.ts';
import { type Resumed, Rotation } from './log-rotation.ts';
import type { LogTeller } from './log-teller.ts';
import { OldGenerations } from './old-generations.ts';
import type { RawPath } from './raw-path.ts';
import type { LookResult } from './schedule.ts';

/** Read in one look: what is made of it takes some 10 ms where the code is new to the machine, and others wait meanwhile. */
const LOOK_BYTES = 128 * 1024;

/** Whose generations. */
interface GenerationsOptions {
  readonly raw: RawPath;
  readonly fence: Fence;
  readonly family: LogFamily;
  readonly teller: LogTeller;
  /** A file was opened. */
  claim(key: string): void;
}

export class LogGenerations {
  /** Modification time of the file at the path when it was last read: whatever came since is not older. */
  knownMtimeMs = 0;
  /** Compressed parts are being unpacked. */
  isWaiting = false;
  /** In order; the last one is the file at the path, those before it are being read to their ends. */
  #queue: Generation[] = [];
  readonly #old: OldGenerations;
  readonly #rotation: Rotation;
  readonly #teller: LogTeller;
  readonly #options: GenerationsOptions;

  constructor(options: GenerationsOptions) {
    const { raw, fence, family, teller } = options;
    this.#options = options;
    this.#teller = teller;
    this.#old = new OldGenerations({
      read: (generation) => this.#readOn(generation),
      flush: (generation) => teller.flush(generation, true),
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
      isHeld: (key) => this.hold(key) || family.ownerOf(key) !== undefined,
      onDamage: (rotated, offset, reason) => teller.gap(offset, reason, rotated),
    });
  }

  get all(): readonly Generation[] {
    return [...this.#old.all, ...this.#queue];
  }

  /** How many are being read. */
  get queued(): number {
    return this.#queue.length;
  }

  /** The newest that is being read. */
  get current(): Generation | undefined {
    return this.#queue.at(-1);
  }

  /** The newest that was read to its end. */
  get last(): Generation | undefined {
    return this.#old.newest;
  }

  /** None but the current one is open. */
  get isSingle(): boolean {
    return this.#queue.length === 1 && this.#old.all.length === 0;
  }

  /** None is being read, and no writer added anything to the others for a while. */
  get isQuiet(): boolean {
    return this.#queue.length === 0 && this.#old.isQuiet;
  }

  get unreadBytes(): number {
    return this.#queue.reduce((sum, generation) => sum + generation.unreadBytes, 0);
  }

  /** Where their reading stands: behind everything that was told. */
  get position(): LogPosition {
    return {
      form: POSITION_FORM,
      old: this.#old.all.map((generation) => generation.save()),
      queue: this.#queue.map((generation) => generation.save()),
      knownMtimeMs: this.knownMtimeMs,
      ...this.#rotation.saved,
    };
  }

  /** Whether one of them is this file. */
  hold(key: string): boolean {
    const isIt = (generation: Generation): boolean => generation.key === key;
    return this.#queue.some(isIt) || this.#old.all.some(isIt);
  }

  /** Finds those of a position; see {@link Rotation.resume}. They are not open here before {@link take}. */
  find(position: LogPosition): Resumed | undefined {
    const resumed = this.#rotation.resume(position);
    this.isWaiting = resumed === undefined;
    return resumed;
  }

  take({ old, queue }: Resumed, knownMtimeMs: number): void {
    this.knownMtimeMs = knownMtimeMs;
    for (const generation of old) this.#old.add(generation);
    this.#queue = [...queue];
    for (const { key } of this.all) this.#options.claim(key);
  }

  /** Takes one to be read behind all others. */
  push(generation: Generation): void {
    this.#queue.push(generation);
    this.#options.claim(generation.key);
  }

  /** Gives an old one away. */
  release(key: string): Generation | undefined {
    return this.#old.release(key);
  }

  /** Whether the second of two files, the one at the path now, goes on where the first was read; see {@link Rotation}. */
  isReplacedBy(last: Generation, next: Generation): boolean {
    return this.#rotation.isReplacedBy(last, next);
  }

  /** Reads what late writers added to old ones. True when there was something. */
  readLate(): boolean {
    return this.#old.readLate();
  }

  /** Closes all without another word: they are looked for again from their position. */
  park(): void {
    for (const generation of this.#queue) generation.close();
    this.#queue = [];
    this.#old.park();
  }

  close(): void {
    this.park();
    this.#rotation.close();
  }

  /** Reads the queue's generations in their order. */
  read(): LookResult {
    let result: LookResult = 'quiet';
    for (let round = 0; round < 32; round += 1) {
      const [generation] = this.#queue;
      if (generation === undefined) return result;
      const isLast = this.#queue.length === 1;
      // It may have been filled, copied and emptied since it was seen empty; nothing in it would tell but its time.
      if (isLast && generation.offset === 0 && generation.hasMoved()) {
        if (!this.isPrepared()) return result;
        this.queueUnread(generation, undefined, true);
        if (this.#queue[0] !== generation) continue;
      }
      const before = generation.offset;
      const read = this.#readOn(generation);
      if (generation.offset !== before) result = 'changed';
      if (read === 'more') return 'more';
      if (read === 'wiped') {
        if (!this.isPrepared()) {
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

  #readOn(generation: Generation): 'end' | 'more' | 'wiped' {
    const lines: SplitLine[] = [];
    const read = generation.read(LOOK_BYTES, (more) => {
      for (const line of more) lines.push(line);
    });
    if (read !== 'wiped' || lines.length > 0) this.#teller.lines(generation, lines);
    return read;
  }

  /** The file was emptied or rewritten in place. A copy made just before holds what was not read yet. */
  #recoverWiped(generation: Generation): void {
    const copied = this.queueUnread(generation, undefined, true);
    if (!copied) {
      this.#teller.flush(generation, true);
      if (!generation.fresh) {
        this.#teller.wiped(generation.offset);
      }
    }
    generation.restart();
  }

  /** Compressed parts that hold something unread are unpacked; false while that takes its time. */
  isPrepared(): boolean {
    this.isWaiting = !this.#rotation.prepare(this.knownMtimeMs);
    return !this.isWaiting;
  }

  /** Queues what a rotation moved away before the log was looked at for the first time. */
  queuePast(first: Generation, readUntilMs: number): void {
    const past = this.#rotation.past(first, readUntilMs);
    for (const { key } of past) this.#options.claim(key);
    this.#queue.push(...past);
  }

  /**
   * Queues segments that a rotation made since the last look: before `last` when it was emptied in place, after it when
   * the path leads to another file now. Says whether `last` was copied before it was emptied.
   */
  queueUnread(last: Generation | undefined, next: Generation | undefined, emptied: boolean): boolean {
    const held = this.#old.all.map((generation) => generation.save());
    const { segments, copied } = this.#rotation.unread(last, next, emptied, this.knownMtimeMs, held);
    for (const { key } of segments) this.#options.claim(key);
    if (emptied && last) this.#queue.splice(this.#queue.indexOf(last), 0, ...segments);
    else this.#queue.push(...segments);
    return copied;
  }

  /** Nothing is at the path any more that could be read on; what was open is kept for late writers. */
  dismiss(): void {
    for (const generation of this.#queue) this.#old.add(generation);
    this.#queue = [];
  }
}
