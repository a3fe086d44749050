import type { Clock } from '../host/clock.ts';
import type { SourceSpec } from '../systems/system.ts';
import type { SourceBook } from './source-book.ts';

/** Sources that are waited for before anything is told: a server or program that does not answer must not keep the rest. */
const LOCAL: ReadonlySet<string> = new Set(['log', 'document', 'tree', 'database', 'process']);
/** Soon, not at once: the state of a source may be told before what was read of it. */
const LOOK_MS = 20;

/**
 * When the entities of a system may be told for the first time. Made from half of the sources they could be wrong ones:
 * nothing is told before all local sources were read once, those included that the first facts name.
 */
export class FirstLook {
  readonly #clock: Clock;
  readonly #book: SourceBook;
  readonly #specs: () => readonly SourceSpec[];
  readonly #derive: () => void;
  #timer: (() => void) | undefined;
  #isOver = false;

  /** `derive` makes entities of what is known; it tells them only once the look is over. */
  constructor(clock: Clock, book: SourceBook, specs: () => readonly SourceSpec[], derive: () => void) {
    this.#clock = clock;
    this.#book = book;
    this.#specs = specs;
    this.#derive = derive;
  }

  /** What is derived may be told. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Some source was read: it may have been the last one. */
  sourceMoved(): void {
    if (this.#isOver || this.#timer) return;
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#timer = undefined;
      if (this.#isOver || !this.#isLocalRead()) return;
      // The facts may name further sources, and those are waited for too.
      this.#derive();
      if (this.#isOver || !this.#isLocalRead()) return;
      this.end();
      this.#derive();
    });
  }

  /** Everything was read, or need not be waited for any longer. */
  end(): void {
    this.#isOver = true;
    this.close();
  }

  close(): void {
    this.#timer?.();
    this.#timer = undefined;
  }

  #isLocalRead(): boolean {
    return this.#specs().every((spec) => !LOCAL.has(spec.type) || this.#book.isRead(spec.id));
  }
}
