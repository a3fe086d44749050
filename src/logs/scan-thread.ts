/** Entry of a scanning thread: one job after the other, each until it is over or its flag says stop. */
import { parentPort } from 'node:worker_threads';
import { runScan } from './scan-job.ts';
import type { ScanAnswer, ScanOrder } from './scanner.ts';

/** Told no more often than each so many bytes. */
const TELL_BYTES = 16 * 1024 * 1024;

parentPort?.on('message', (order: ScanOrder) => {
  void work(order);
});

async function work({ id, job, stop }: ScanOrder): Promise<void> {
  const flag = new Int32Array(stop);
  const tell = (answer: ScanAnswer): void => parentPort?.postMessage(answer);
  try {
    let told = 0;
    let last: ScanAnswer | undefined;
    for await (const progress of runScan(job)) {
      if (Atomics.load(flag, 0) !== 0) break;
      last = { type: 'progress', id, progress };
      if (progress.doneBytes - told < TELL_BYTES) continue;
      told = progress.doneBytes;
      tell({ ...last, progress: { ...progress, piece: { ...progress.piece, hits: [] } } });
    }
    if (last) tell(last);
    tell({ type: 'over', id });
  } catch (error) {
    tell({ type: 'failed', id, message: (error as Error).message });
  }
}
