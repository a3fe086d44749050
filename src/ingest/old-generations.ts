import type { Generation } from './generation.ts';

/** An old generation whose writer was silent that long keeps no unfinished line back any more. */
const LATE_MS = 1000;
/** Old generations kept open for writers that go on in a renamed file until they are restarted. */
const MOST_OLD = 3;
const OLD_QUIET_MS = 60_000;

/** How lines of an old generation are read and told. */
export interface OldReader {
  read(generation: Generation): 'end' | 'more' | 'wiped';
  /** Hands on its unfinished line. */
  flush(generation: Generation): void;
  /** It is let go. */
  ended(generation: Generation): void;
}

/**
 * Generations of a log that were read to their ends and are still held open: their writers may not have noticed the
 * rotation. The newest one is kept as long as it is there, since some programs go on in the renamed file until their
 * restart.
 */
export class OldGenerations {
  #all: Generation[] = [];
  readonly #reader: OldReader;

  constructor(reader: OldReader) {
    this.#reader = reader;
  }

  get all(): readonly Generation[] {
    return this.#all;
  }

  get newest(): Generation | undefined {
    return this.#all.at(-1);
  }

  /** No writer added anything for a while. */
  get isQuiet(): boolean {
    const now = performance.now();
    return this.#all.every((generation) => now - generation.grewAt > OLD_QUIET_MS);
  }

  add(generation: Generation): void {
    this.#all.push(generation);
    while (this.#all.length > MOST_OLD) {
      const oldest = this.#all.shift();
      if (oldest) this.end(oldest);
    }
  }

  /** Gives one back that is to be read on under a path. */
  release(key: string): Generation | undefined {
    const at = this.#all.findIndex((generation) => generation.key === key);
    return at < 0 ? undefined : this.#all.splice(at, 1)[0];
  }

  /** Reads what late writers added. True when there was something. */
  readLate(): boolean {
    let late = false;
    const now = performance.now();
    for (const generation of [...this.#all]) {
      const before = generation.offset;
      const read = this.#reader.read(generation);
      if (generation.offset !== before) late = true;
      const quietMs = now - generation.grewAt;
      if (read === 'more') continue;
      if (quietMs > LATE_MS) this.#reader.flush(generation);
      const isNeeded = generation === this.newest && generation.stat.nlink > 0;
      // Emptied after rotation: it is nobody's log any more.
      if (read !== 'wiped' && (isNeeded || quietMs <= OLD_QUIET_MS)) continue;
      this.#all = this.#all.filter((other) => other !== generation);
      this.end(generation);
    }
    return late;
  }

  /** Closes all without another word: they are looked for again from where they stand. */
  park(): void {
    for (const generation of this.#all) generation.close();
    this.#all = [];
  }

  end(generation: Generation): void {
    this.#reader.flush(generation);
    this.#reader.ended(generation);
    generation.close();
  }
}
