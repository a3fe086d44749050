import type { Clock } from '../host/clock.ts';
import { createKeyDecoder, type KeyEvent } from '../lib/key-decoder.ts';

/** Turns what is read from a terminal into keys, and gives up in time what was held too long. */
export interface KeyReader {
  read(chunk: Uint8Array): void;
  /** Nothing is told afterwards. */
  stop(): void;
}

/** A reader that tells `tell` the keys as they are known. */
export function keyReader(clock: Clock, tell: (events: readonly KeyEvent[]) => void): KeyReader {
  const decoder = createKeyDecoder();
  let cancel = (): void => {};
  let stopped = false;
  /** When the decoder is due to give up, while it has not been asked to. */
  let dueAt: number | undefined;
  const flushLater = (): void => {
    cancel();
    const wait = decoder.waiting();
    dueAt = wait === undefined ? undefined : clock.monotonic() + wait;
    if (wait === undefined || stopped) return;
    cancel = clock.after(wait, () => {
      // Timers run before input is read: after a stall the rest of a sequence may lie there unread.
      setImmediate(() => {
        if (stopped) return;
        tell(decoder.flush(clock.monotonic()));
        flushLater();
      });
    });
  };
  return {
    read(chunk) {
      if (stopped) return;
      const now = clock.monotonic();
      // Past the time to give up, and not asked: we stood still, and the bytes have been lying there. The gap is ours.
      tell(decoder.push(chunk, dueAt === undefined ? now : Math.min(now, dueAt - 1)));
      flushLater();
    },
    stop() {
      stopped = true;
      cancel();
    },
  };
}
