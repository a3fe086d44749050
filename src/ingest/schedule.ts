/**
 * When to look at what. Looks are short and synchronous; what is found by looking is the truth, notifications only
 * bring a look forward.
 */

import { every } from '../host/clock.ts';

/**
 * `quiet`: nothing new. `changed`: something new was read. `more`: there is more to read now. `again`: not readable
 * as it stands (being written), look again in a moment.
 */
export type LookResult = 'quiet' | 'changed' | 'more' | 'again';

/** Something that is looked at again and again: one file, one directory walk. */
export interface Watched {
  look(): LookResult;
  /**
   * Whether every change of it is sure to bring a {@link Schedule.hint}: it is swept more seldom then. Asked once, and
   * again after each hint and {@link Schedule.lookSoon}; without it nothing is sure.
   */
  isTold?(): boolean;
}

export interface ScheduleOptions {
  /** Everything is looked at until it is quiet, and then never again. */
  readonly once: boolean;
}

const HOT_MS = 5;
/** How long a changed file is looked at every 5 ms: the watcher's own throttle is 50 ms, writers pause less. */
const HOT_QUIET_MS = 120;
const WARM_MS = 250;
const WARM_FOR_MS = 60_000;
const COLD_MS = 1000;
/** What notifications are sure of is swept in so many parts, one each time: for what nobody could foresee. */
const TOLD_PARTS = 10;
/** So many notifications between two sweeps, or so late a sweep: the kernel (16,384 wait there) may have dropped some. */
const MANY_EVENTS = 1000;
const LATE_MS = 250;
const SLICE = 200;
/** Longest stretch without letting other work of this thread run. */
const SLICE_MS = 12;

interface Item {
  temperature: 'hot' | 'warm' | 'cold';
  changedAt: number;
  hotUntil: number;
  /** Everything that was there at the beginning has been read. */
  caughtUp: boolean;
  /** As it said; undefined: to be asked. */
  isTold: boolean | undefined;
  /** It changed once without a notification: whatever it says, nothing is sure. */
  isUntold: boolean;
  /** The part of the sweep it belongs to while it is told. */
  readonly part: number;
}

/** Notifications this thread has got: all watches of a thread share one queue in the kernel. */
let heard = 0;

/** One notification of the kernel came, whatever it is about. */
export function noteHeard(): void {
  heard += 1;
}

/** Looks at things as often as they deserve it. */
export class Schedule {
  readonly #items = new Map<Watched, Item>();
  readonly #hot = new Set<Watched>();
  readonly #warm = new Set<Watched>();
  /** Waiting for a look now, in turn: a file with much to read goes back to the end after each slice. */
  #due = new Set<Watched>();
  readonly #once: boolean;
  #polling = false;
  #part = 0;
  #sweptAt = performance.now();
  #heardAtSweep = heard;
  #closed = false;
  #pumping = false;
  #hotTimer: NodeJS.Timeout | undefined;
  #warmTimer: NodeJS.Timeout | undefined;
  #stopSweep: (() => void) | undefined;

  constructor(options: ScheduleOptions) {
    this.#once = options.once;
    if (!this.#once) this.#startSweep();
  }

  /** Adds something, to be looked at as soon as possible. */
  add(watched: Watched): void {
    if (this.#closed || this.#items.has(watched)) return;
    this.#items.set(watched, {
      temperature: 'cold',
      changedAt: Number.NEGATIVE_INFINITY,
      hotUntil: 0,
      caughtUp: false,
      isTold: undefined,
      isUntold: false,
      part: this.#items.size % TOLD_PARTS,
    });
    this.#enqueue(watched);
  }

  remove(watched: Watched): void {
    this.#items.delete(watched);
    this.#hot.delete(watched);
    this.#warm.delete(watched);
    this.#due.delete(watched);
  }

  /** Something may have happened there: look now, and again until it is quiet. */
  hint(watched: Watched): void {
    const item = this.#items.get(watched);
    if (item === undefined || this.#closed) return;
    const now = performance.now();
    item.hotUntil = now + HOT_QUIET_MS;
    item.isTold = undefined;
    // A sweep was quicker than the notification of what it found.
    if (now - item.changedAt < COLD_MS) item.isUntold = false;
    this.#heat(watched, item);
    this.#enqueue(watched);
  }

  /** One look as soon as possible: how it is watched may have changed. */
  lookSoon(watched: Watched): void {
    const item = this.#items.get(watched);
    if (item === undefined) return;
    item.isTold = undefined;
    this.#enqueue(watched);
  }

  /** Without notifications from the kernel everything is looked at four times a second. */
  setPolling(polling: boolean): void {
    if (this.#polling === polling || this.#once || this.#closed) return;
    this.#polling = polling;
    this.#stopSweep?.();
    this.#startSweep();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#hotTimer);
    clearInterval(this.#warmTimer);
    this.#stopSweep?.();
    this.#items.clear();
    this.#due.clear();
    this.#hot.clear();
    this.#warm.clear();
  }

  #startSweep(): void {
    this.#stopSweep = every(this.#polling ? WARM_MS : COLD_MS, () => this.#sweep());
  }

  /** Everything that is quiet is looked at; a part of it where notifications can be relied on. */
  #sweep(): void {
    const now = performance.now();
    const isSure =
      !this.#polling && heard - this.#heardAtSweep < MANY_EVENTS && now - this.#sweptAt < COLD_MS + LATE_MS;
    this.#sweptAt = now;
    this.#heardAtSweep = heard;
    this.#part = (this.#part + 1) % TOLD_PARTS;
    for (const [watched, item] of this.#items) {
      if (item.temperature !== 'cold') continue;
      if (!isSure || item.part === this.#part || !this.#isTold(watched, item)) this.#due.add(watched);
    }
    if (this.#due.size > 0) this.#pump();
  }

  #isTold(watched: Watched, item: Item): boolean {
    if (item.isUntold || watched.isTold === undefined) return false;
    item.isTold ??= watched.isTold();
    return item.isTold;
  }

  #enqueue(watched: Watched): void {
    this.#due.add(watched);
    this.#pump();
  }

  #pump(): void {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    setImmediate(() => this.#slice());
  }

  #slice(): void {
    this.#pumping = false;
    const started = performance.now();
    let looks = 0;
    for (const watched of this.#due) {
      this.#due.delete(watched);
      this.#look(watched);
      looks += 1;
      if (looks >= SLICE || performance.now() - started > SLICE_MS) break;
    }
    if (this.#due.size > 0) this.#pump();
  }

  #look(watched: Watched): void {
    const item = this.#items.get(watched);
    if (item === undefined) return;
    const result = watched.look();
    // It may have been removed by what it found.
    if (!this.#items.has(watched)) return;
    if (result === 'more') {
      this.#due.add(watched);
      return;
    }
    // What is found at first is no sign of life: two hundred old files are not to be looked at all the time.
    const isNews = result === 'again' || (result === 'changed' && item.caughtUp);
    if (result !== 'again') item.caughtUp = true;
    if (!isNews || (this.#once && result !== 'again')) return;
    const now = performance.now();
    if (result === 'changed') {
      item.changedAt = now;
      if (item.temperature === 'cold') item.isUntold = true;
    }
    item.hotUntil = now + HOT_QUIET_MS;
    this.#heat(watched, item);
  }

  #heat(watched: Watched, item: Item): void {
    item.temperature = 'hot';
    this.#warm.delete(watched);
    this.#hot.add(watched);
    if (this.#hotTimer !== undefined) return;
    this.#hotTimer = setInterval(() => this.#hotTick(), HOT_MS);
    // Once, this timer is what a verb waits for; watching, it must not hold the program.
    if (!this.#once) this.#hotTimer.unref();
  }

  #hotTick(): void {
    const now = performance.now();
    for (const watched of this.#hot) {
      const item = this.#items.get(watched);
      // Read once, what is not readable yet is looked at until it is, however late this timer comes.
      const isAwaited = this.#once && item?.caughtUp === false;
      if (item === undefined || (now > item.hotUntil && !isAwaited)) {
        this.#hot.delete(watched);
        if (item) this.#cool(watched, item, now);
      } else this.#due.add(watched);
    }
    if (this.#hot.size === 0) {
      clearInterval(this.#hotTimer);
      this.#hotTimer = undefined;
    }
    if (this.#due.size > 0) this.#pump();
  }

  #cool(watched: Watched, item: Item, now: number): void {
    if (this.#once || now - item.changedAt > WARM_FOR_MS) {
      item.temperature = 'cold';
      return;
    }
    item.temperature = 'warm';
    this.#warm.add(watched);
    if (this.#warmTimer !== undefined) return;
    this.#warmTimer = setInterval(() => this.#warmTick(), WARM_MS);
    this.#warmTimer.unref();
  }

  #warmTick(): void {
    const now = performance.now();
    for (const watched of this.#warm) {
      const item = this.#items.get(watched);
      if (item === undefined || now - item.changedAt > WARM_FOR_MS) {
        this.#warm.delete(watched);
        if (item) item.temperature = 'cold';
      } else this.#due.add(watched);
    }
    if (this.#warm.size === 0) {
      clearInterval(this.#warmTimer);
      this.#warmTimer = undefined;
    }
    if (this.#due.size > 0) this.#pump();
  }
}
