import type { Instant } from './instant.ts';

/** Collects the instants at which a rule would fire by time alone; the earliest is when to derive again. */
export class DueTimes {
  readonly #now: Instant;
  #next: Instant | undefined;

  constructor(now: Instant) {
    this.#now = now;
  }

  /** True when `at` has come; else it is noted as an instant at which something changes. */
  isPast(at: Instant): boolean {
    if (at <= this.#now) return true;
    if (this.#next === undefined || at < this.#next) this.#next = at;
    return false;
  }

  /** The earliest instant that lies ahead. */
  get next(): Instant | undefined {
    return this.#next;
  }
}
