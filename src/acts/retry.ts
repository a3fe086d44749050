import type { Clock } from '../host/clock.ts';
import { pause } from './run-step.ts';

/** How long a lock held by other processes is waited for, in milliseconds. */
const PATIENCE_MS = 5_000;

/** Runs a short database call again while another process has the lock, without putting the thread to sleep. */
export async function retryWhileLocked<T>(clock: Clock, task: () => T): Promise<T> {
  for (const since = clock.monotonic(); ; ) {
    try {
      return task();
    } catch (error) {
      const code = (error as { code?: unknown } | null)?.code;
      const isLocked = typeof code === 'string' && code.startsWith('SQLITE_BUSY');
      if (!isLocked || clock.monotonic() - since > PATIENCE_MS) throw error;
      await pause(clock, 15);
    }
  }
}
