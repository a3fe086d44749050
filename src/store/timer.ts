import type { Instant } from '../domain/instant.ts';

/** What the screen needs of time; the host's clock has this shape, and so has a test's. */
export interface Timer {
  now(): Instant;
  /** Milliseconds that only grow. */
  monotonic(): number;
  /** Runs `task` once after `ms`; returns the cancellation. */
  after(ms: number, task: () => void): () => void;
  /** Runs `task` every `ms`; returns the cancellation. */
  every(ms: number, task: () => void): () => void;
}
