import type { OrderBook, OrderProgress } from '../domain/order.ts';

/** How far an order is: in the runner's mind, and on disk for everybody else. */
export class ProgressNote {
  readonly #orders: Pick<OrderBook, 'progress'>;
  readonly #order: string;
  #current: OrderProgress;

  constructor(orders: Pick<OrderBook, 'progress'>, order: string, current: OrderProgress) {
    this.#orders = orders;
    this.#order = order;
    this.#current = current;
  }

  get current(): OrderProgress {
    return this.#current;
  }

  /** False when it could not be stored: before a step that is the reason not to run it. */
  tell(change: Partial<OrderProgress>): boolean {
    const next = { ...this.#current, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#current)) return true;
    try {
      this.#orders.progress(this.#order, next);
      this.#current = next;
      return true;
    } catch {
      // What has happened is kept in mind all the same, for the last row.
      if (change.stepsBegun === undefined) this.#current = next;
      return false;
    }
  }
}
