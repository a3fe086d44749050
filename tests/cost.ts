/** What an operation costs, told in a way that a busy machine does not change. */

/** Below this a cost is noise of the clock. */
const LEAST_MS = 0.2;

/**
 * How many times as much processor time `large` takes as `small`: the best of several rounds of each, in turn. A tenfold
 * input gives about 10 where the cost is in proportion, and about 100 where it grows with the square.
 */
export function costRatio(small: () => void, large: () => void, rounds = 6): number {
  let [least, leastLarge] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round += 1) {
    least = Math.min(least, processorMs(small));
    leastLarge = Math.min(leastLarge, processorMs(large));
  }
  return leastLarge / Math.max(LEAST_MS, least);
}

/** Processor time of this program while it does something, in milliseconds. */
export function processorMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const MOST_TRIES = 25;

/**
 * Whether an attempt ever takes less than `limitMs`: it is made again while it does not. One that is held up by the
 * machine succeeds the next time; a program that is slow is slow each time. `before` each attempt things come to rest.
 * Resolves with the last duration.
 */
export async function quickest(
  limitMs: number,
  attempt: () => Promise<unknown>,
  { before }: { readonly before?: () => Promise<void> } = {},
): Promise<number> {
  let tookMs = Number.POSITIVE_INFINITY;
  for (let count = 0; count < MOST_TRIES && tookMs >= limitMs; count += 1) {
    await before?.();
    const startedAt = performance.now();
    await attempt();
    tookMs = performance.now() - startedAt;
  }
  return tookMs;
}
