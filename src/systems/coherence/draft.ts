import type { Evidence, SystemId } from '../../domain/entity.ts';
import { type Instant, toIso } from '../../domain/instant.ts';
import type { Scene } from './scene.ts';

/** Collects the instants at which a rule would fire by time alone. */
export class DueTimes {
  readonly #now: Instant;
  #next: Instant | undefined;
  constructor(now: Instant) {
    this.#now = now;
  }
  /** Notes `at` when it lies ahead; true when it has come. */
  isPast(at: Instant): boolean {
    if (at <= this.#now) return true;
    if (this.#next === undefined || at < this.#next) this.#next = at;
    return false;
  }
  get next(): Instant | undefined {
    return this.#next;
  }
}

/** The part every entity of this system has. */
export function entityBase(
  scene: Scene,
  id: string,
  observedAt: Instant | undefined,
): { system: SystemId; id: string; observedAt: Instant } {
  return { system: scene.located.system, id, observedAt: observedAt ?? scene.processesAt };
}

/** Evidence that is there, in order; nothing for what is missing. */
export function trailOf(...evidence: readonly (Evidence | undefined)[]): readonly Evidence[] {
  return evidence.filter((one): one is Evidence => one !== undefined);
}

/** `03:14:07Z`, the day before it when it is another than today's. Absolute: a text with an age in it never rests. */
export function clockText(at: Instant, now: Instant): string {
  const iso = toIso(at);
  const time = `${iso.slice(11, 19)}Z`;
  return iso.slice(0, 10) === toIso(now).slice(0, 10) ? time : `${iso.slice(5, 10)} ${time}`;
}

/** `1 issue`, `2 issues`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** The first line of a text, cut to `length` characters. */
export function firstLine(text: string, length: number): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}
