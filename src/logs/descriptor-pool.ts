import { closeSync } from 'node:fs';

/** Descriptors held open, the least used ones closed first: hosts allow as few as 1024. */
export class DescriptorPool {
  readonly #most: number;
  readonly #open = new Map<object, number>();

  constructor(most = 64) {
    this.#most = most;
  }

  /** The owner's descriptor, opened when it is not at hand. Good until another owner's is asked for. */
  get(owner: object, open: () => number): number {
    const known = this.#open.get(owner);
    if (known !== undefined) {
      this.#open.delete(owner);
      this.#open.set(owner, known);
      return known;
    }
    const descriptor = open();
    this.#open.set(owner, descriptor);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= this.#most) break;
      this.close(oldest);
    }
    return descriptor;
  }

  close(owner: object): void {
    const descriptor = this.#open.get(owner);
    if (descriptor === undefined) return;
    this.#open.delete(owner);
    closeSync(descriptor);
  }

  closeAll(): void {
    for (const owner of [...this.#open.keys()]) this.close(owner);
  }
}
