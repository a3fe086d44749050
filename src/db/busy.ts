/** True for "another process has the lock": the call did nothing and may be tried again. */
export function isBusy(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'));
}

/** True for a file that is not a database, or one whose pages contradict each other. */
export function isDamage(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB');
}

/** Puts this thread to sleep. For the opening of a database alone, before anything waits for the thread. */
export function sleepMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Runs `task` again while it meets a lock, every 10 ms, at most `tries` times. SQLite's own waiting does not cover the
 * change to WAL mode: four processes that create one file at once would see SQLITE_BUSY there.
 */
export function retryWhileBusy<T>(task: () => T, tries = 500): T {
  for (let left = tries; ; left -= 1) {
    try {
      return task();
    } catch (error) {
      if (!isBusy(error) || left <= 0) throw error;
      sleepMs(10);
    }
  }
}
