import type { Timer } from './timer.ts';

/** The window after a frame: four times what the last frame cost, within these bounds. */
const frameFactor = 4;
const longestWindowMs = 100;

/** Coalesces any number of requests to draw into few frames. */
export interface Throttle {
  /** Draws at once when the screen was quiet, else at the end of the current window. */
  request(): void;
  /** What the last frame cost, in milliseconds; measured by whoever draws. */
  frameCost(ms: number): void;
  close(): void;
}

/** The one throttle between state and screen. `shortestWindowMs` is 16, and 33 over a slow link. */
export function createThrottle(timer: Timer, draw: () => void, shortestWindowMs = 16): Throttle {
  let costMs = 0;
  let lastDrawnAt = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | undefined;
  let closed = false;
  const windowMs = (): number => Math.min(longestWindowMs, Math.max(shortestWindowMs, costMs * frameFactor));
  const run = (): void => {
    cancel = undefined;
    lastDrawnAt = timer.monotonic();
    draw();
  };
  return {
    request() {
      if (closed || cancel) return;
      const quietMs = timer.monotonic() - lastDrawnAt;
      const left = windowMs() - quietMs;
      if (left <= 0) run();
      else cancel = timer.after(left, run);
    },
    frameCost(ms) {
      costMs = ms;
    },
    close() {
      closed = true;
      cancel?.();
      cancel = undefined;
    },
  };
}
