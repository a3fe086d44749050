/** Longest work at a stretch: what waits in the thread's queue (a page, a cancellation) is then let through. */
const SLICE_MS = 8;

/** Thrown by work that was told to stop. */
export class Cancelled extends Error {
  constructor() {
    super('cancelled');
    this.name = 'Cancelled';
  }
}

/** Long work in slices. Ask it between steps of well under a millisecond. */
export interface Pace {
  /** True when the slice is over, or the work is to stop: then `rest` is to be awaited. */
  isDue(): boolean;
  /** Lets others run; throws `Cancelled` when the work is to stop. */
  rest(): Promise<void>;
}

export function paceOf(signal?: AbortSignal): Pace {
  let since = performance.now();
  return {
    isDue: () => signal?.aborted === true || performance.now() - since >= SLICE_MS,
    async rest() {
      if (signal?.aborted) throw new Cancelled();
      await new Promise((resolve) => setImmediate(resolve));
      if (signal?.aborted) throw new Cancelled();
      since = performance.now();
    },
  };
}
