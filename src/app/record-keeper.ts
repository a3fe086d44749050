/** What a cockpit does, while it is open, that the records of its host do not grow for ever. */
import type { ConfigFile } from '../config/schema.ts';
import { addMs } from '../domain/instant.ts';
import type { Clock } from '../host/clock.ts';
import { quietly } from '../lib/quietly.ts';
import type { ActsRoom } from './acts-room.ts';
import { keptMs } from './history-room.ts';

/** How often what is too old or too much is looked for, in milliseconds. */
const LOOK_MS = 3_600_000;
/** The pause between two slices: others write, too. */
const SLICE_PAUSE_MS = 2_000;
/** The first look waits until the cockpit is up. */
const FIRST_LOOK_MS = 10_000;

/**
 * Takes away, slice by slice, acts and steps that ended longer ago than `history: keep:` says, and what those acts printed.
 * Returns how to stop.
 */
export function keepRecords(
  { spool, store }: Pick<ActsRoom, 'spool' | 'store'>,
  config: ConfigFile,
  clock: Clock,
): () => void {
  const keepMs = keptMs(config);
  let stop = (): void => {};
  const look = (): void => {
    const now = clock.now();
    const before = addMs(now, -keepMs);
    // While another process writes, or the disk is full, it is done at the next look.
    const more = quietly(() => {
      const pruned = store.pruner.prune(before, now);
      spool.remove(pruned.orders);
      if (!pruned.more) {
        const { all: known, open } = store.pruner.orders();
        spool.prune({ known, open, before });
      }
      return pruned.more;
    }, false);
    stop = clock.after(more ? SLICE_PAUSE_MS : LOOK_MS, look);
  };
  stop = clock.after(FIRST_LOOK_MS, look);
  return () => stop();
}
