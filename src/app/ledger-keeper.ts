/** What a cockpit does for the ledger while it is open. */
import type { ConfigFile } from '../config/schema.ts';
import { UserError } from '../domain/error.ts';
import { addMs } from '../domain/instant.ts';
import type { Clock } from '../host/clock.ts';
import type { ActsRoom } from './acts-room.ts';
import { programVersion } from './version.ts';

const DAY_MS = 24 * 3_600_000;
/** How often a full disk is tried again, in milliseconds. */
const RETRY_MS = 30_000;

/**
 * Sets space apart for records, enters what waits in the journal as soon as there is room, and seals rows older than `ledger: keep:` says, now and
 * once a day. An act under way puts it off. Returns how to stop.
 */
export function keepLedger(room: ActsRoom, config: ConfigFile, clock: Clock): () => void {
  const { ledger } = room;
  if (!ledger.ok) return () => {};
  const days = /^(\d+)d$/.exec(config.ledger?.keep ?? '')?.[1];
  let sealAt = clock.now();
  const work = (): void => {
    const now = clock.now();
    try {
      room.store.keepRoom();
      ledger.value.enterJournal(now);
      if (days === undefined || now < sealAt) return;
      const before = addMs(now, -Number(days) * DAY_MS);
      if ((ledger.value.oldest() ?? now) < before) {
        const isIdle = (): boolean => room.store.orders.open().every((order) => order.user !== room.who.user);
        ledger.value.seal({ before, at: now, who: room.who, version: programVersion(), isIdle });
      }
      sealAt = addMs(now, DAY_MS);
    } catch (error) {
      // The disk is still full, another process writes, or an act is under way: soon again. Rows that are not what was
      // written stay where they are, and `ledger verify` names them.
      if (error instanceof UserError && error.exitCode === 3) sealAt = addMs(now, DAY_MS);
    }
  };
  work();
  return clock.every(RETRY_MS, work);
}
