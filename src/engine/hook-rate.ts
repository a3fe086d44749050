import type { Alert } from '../domain/alert.ts';
import { type FoldedAlert, folded } from '../domain/hook.ts';

/** At most one firing in this time, in milliseconds ... */
const GAP_MS = 10_000;
/** ... and at most so many in an hour. */
const PER_HOUR = 20;
const HOUR_MS = 3_600_000;

/**
 * Keeps one hook from firing too often. What comes while it may not is folded into one event, told with its count as
 * soon as it may. Times are milliseconds of a clock that only grows.
 */
export class HookRate {
  readonly #firedAt: number[] = [];
  #waiting: FoldedAlert | undefined;

  add(alert: Alert): void {
    this.#waiting = folded(this.#waiting, alert);
  }

  /** When what waits may be fired; undefined when nothing waits. */
  dueAt(): number | undefined {
    if (this.#waiting === undefined) return undefined;
    const newest = this.#firedAt.at(-1);
    const afterGap = newest === undefined ? Number.NEGATIVE_INFINITY : newest + GAP_MS;
    const oldestOfHour = this.#firedAt.at(-PER_HOUR);
    const inHour = oldestOfHour === undefined ? Number.NEGATIVE_INFINITY : oldestOfHour + HOUR_MS;
    return Math.max(afterGap, inHour);
  }

  /** What is to be fired now, counted as fired; undefined while nothing is. */
  take(now: number): FoldedAlert | undefined {
    const due = this.dueAt();
    return due === undefined || due > now ? undefined : this.takeEarly(now);
  }

  /** What waits, before its time: there will be no other. */
  takeEarly(now: number): FoldedAlert | undefined {
    const event = this.#waiting;
    if (event === undefined) return undefined;
    this.#waiting = undefined;
    this.#firedAt.push(now);
    if (this.#firedAt.length > PER_HOUR) this.#firedAt.shift();
    return event;
  }
}
