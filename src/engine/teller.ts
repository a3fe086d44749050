import type { EntityDiff } from '../domain/diff.ts';
import { type Entity, type Ref, refKey, refOf } from '../domain/entity.ts';
import type { Clock } from '../host/clock.ts';
import type { StateChanges, SystemSummary } from './protocol.ts';

/** Entities in one slice of a message: cloning 40,000 at once would take 165 ms. */
const SLICE = 1_000;
/** After a quiet time, what moves together is told together. */
const SOON_MS = 4;
/**
 * Messages are at least this far apart. Each one is cloned and makes a frame, and a frame costs ten times what the
 * engine did for it: where systems move all the time they are what watching costs.
 */
const GAP_MS = 200;
/** And this far where they have kept coming for some time: nobody reads faster. */
const LONG_GAP_MS = 500;
const LONG_AFTER_MS = 5_000;
/** What somebody just asked for, or has just opened, is not held up by the systems' own moving. */
const ASKED_GAP_MS = 50;
/**
 * Rows that somebody looks at come at once while they come singly: so many together, and so many a second. What comes
 * faster nobody reads line by line.
 */
const MOST_AT_ONCE = 10;
const AT_ONCE_MS = 200;
const ROWS_GAP_MS = 16;
/** Times of reading alone are no news, and are told at least this often. */
const READ_TIMES_MS = 30_000;

/** Where a message is put together from. */
export interface TellerPorts {
  readonly clock: Clock;
  /** All entities as they are now. */
  entities(): readonly Entity[];
  /** Everything but entities and acts. */
  frame(): StateChanges;
  /** Acts and what belongs to them. */
  acts(): Partial<StateChanges>;
}

/** Tells everybody who listens what moved: at once after a quiet time, else in few messages that leave nothing out. */
export class Teller {
  readonly #ports: TellerPorts;
  readonly #listeners = new Set<(changes: StateChanges) => void>();
  readonly #upserts = new Map<string, Entity>();
  readonly #removed = new Map<string, Ref>();
  #actsMoved = false;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Since when messages have followed each other as closely as they may. */
  #busySince: number | undefined;
  #due = Number.POSITIVE_INFINITY;
  #timer: (() => void) | undefined;
  /** How many more rows may be told at once, as of a time. */
  #atOnce = MOST_AT_ONCE;
  #countedAt = Number.NEGATIVE_INFINITY;
  #systems = '';
  #systemsAt = Number.NEGATIVE_INFINITY;

  constructor(ports: TellerPorts) {
    this.#ports = ports;
  }

  /** The listener gets the whole state at once, in slices, and from then on what moves. */
  subscribe(listener: (changes: StateChanges) => void): () => void {
    const parts = slices(this.#ports.entities());
    for (const [index, upserts] of parts.entries()) {
      const complete = index === parts.length - 1;
      listener({ ...this.#ports.frame(), ...this.#ports.acts(), reset: index === 0, complete, upserts });
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Entities moved. */
  changed({ appeared, changed, gone }: EntityDiff): void {
    if (this.#listeners.size === 0) return;
    for (const entity of [...appeared, ...changed.map(({ after }) => after)]) {
      this.#upserts.set(refKey(entity), entity);
      this.#removed.delete(refKey(entity));
    }
    for (const entity of gone) {
      this.#upserts.delete(refKey(entity));
      this.#removed.set(refKey(entity), refOf(entity));
    }
    this.moved();
  }

  /** Sources, log rows or figures moved. */
  moved(): void {
    const isBusy = this.#busySince !== undefined && this.#now() - this.#busySince > LONG_AFTER_MS;
    this.#tellAfter(isBusy ? LONG_GAP_MS : GAP_MS);
  }

  /** What whoever has just opened waits for is there: what there is to tell is told now, a few times a second at most. */
  firstCame(): void {
    if (this.#listeners.size === 0) return;
    if (this.#now() < this.#toldAt + ASKED_GAP_MS) {
      this.#tellAfter(ASKED_GAP_MS);
      return;
    }
    this.#timer?.();
    this.#tell();
  }

  /** Log rows came that are being looked at. */
  rowsSeen(): void {
    const now = this.#now();
    if (this.#due <= now + ROWS_GAP_MS) return;
    this.#atOnce = Math.min(MOST_AT_ONCE, this.#atOnce + (now - this.#countedAt) / AT_ONCE_MS);
    this.#countedAt = now;
    if (this.#atOnce < 1) {
      this.moved();
      return;
    }
    this.#atOnce -= 1;
    this.#tellAfter(ROWS_GAP_MS);
  }

  /** Acts, or what people do around them, moved. */
  actsMoved(): void {
    this.#actsMoved = true;
    this.#tellAfter(ASKED_GAP_MS);
  }

  /** Tells at once what there is to tell: whoever had something read gets it before the answer that it was read. */
  flush(): void {
    if (this.#timer === undefined) return;
    this.#timer();
    this.#tell();
  }

  close(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#listeners.clear();
  }

  #now(): number {
    return this.#ports.clock.monotonic();
  }

  #tellAfter(gapMs: number): void {
    if (this.#listeners.size === 0) return;
    const due = Math.max(this.#now() + SOON_MS, this.#toldAt + gapMs);
    if (due >= this.#due) return;
    this.#timer?.();
    this.#due = due;
    if (due > this.#now() + SOON_MS) this.#busySince ??= this.#now();
    else this.#busySince = undefined;
    this.#timer = this.#ports.clock.after(due - this.#now(), () => this.#tell());
  }

  #tell(): void {
    this.#timer = undefined;
    this.#due = Number.POSITIVE_INFINITY;
    this.#toldAt = this.#now();
    const { systems = [], ...frame } = this.#ports.frame();
    const rest = {
      ...frame,
      ...(this.#isNewsOf(systems) ? { systems } : {}),
      ...(this.#actsMoved ? this.#ports.acts() : {}),
    };
    const removed = [...this.#removed.values()];
    const parts = slices([...this.#upserts.values()]);
    this.#upserts.clear();
    this.#removed.clear();
    this.#actsMoved = false;
    for (const [index, upserts] of parts.entries()) {
      const changes = index === 0 ? { ...rest, upserts, removed } : { ...frame, upserts };
      for (const listener of this.#listeners) listener(changes);
    }
  }

  /** That sources were read again and found as they were is not worth cloning them all. */
  #isNewsOf(systems: readonly SystemSummary[]): boolean {
    const text = JSON.stringify(systems, (key, value: unknown) => (key === 'lastReadAt' ? undefined : value));
    if (text === this.#systems && this.#now() - this.#systemsAt < READ_TIMES_MS) return false;
    this.#systems = text;
    this.#systemsAt = this.#now();
    return true;
  }
}

function slices<T>(all: readonly T[]): readonly (readonly T[])[] {
  if (all.length <= SLICE) return [all];
  const parts: T[][] = [];
  for (let start = 0; start < all.length; start += SLICE) parts.push(all.slice(start, start + SLICE));
  return parts;
}
