import type { Clock } from '../host/clock.ts';
import type { WatchedSystem } from './engine.ts';
import type { SystemSummary } from './protocol.ts';

const LOOK_MS = 2_000;

/** A system that was named and is not there: a disk that did not mount, a checkout still to be made. */
export interface AbsentSystem {
  /** How it is shown meanwhile. */
  readonly summary: SystemSummary;
  /** The system, when it has come. */
  look(): WatchedSystem | undefined;
}

/** Systems that are not there; with a clock they are waited for, looking every two seconds. */
export class AbsentSystems {
  #waiting: readonly AbsentSystem[];
  readonly #onCome: (system: WatchedSystem) => void;
  readonly #stop: () => void;

  constructor(
    waiting: readonly AbsentSystem[],
    clock: Clock | undefined,
    onCome: (system: WatchedSystem) => void,
  ) {
    this.#waiting = waiting;
    this.#onCome = onCome;
    this.#stop = (waiting.length > 0 && clock?.every(LOOK_MS, () => this.#look())) || (() => {});
  }

  /** Those that are not there yet. */
  get summaries(): readonly SystemSummary[] {
    return this.#waiting.map(({ summary }) => summary);
  }

  close(): void {
    this.#stop();
  }

  #look(): void {
    for (const one of this.#waiting) {
      const come = one.look();
      if (!come) continue;
      this.#waiting = this.#waiting.filter((other) => other !== one);
      if (this.#waiting.length === 0) this.#stop();
      this.#onCome(come);
    }
  }
}
