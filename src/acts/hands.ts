import { askHttp } from '../host/http.ts';
import { allowedEnv, runProcess, signalProcess, startService } from '../host/process.ts';
import { processStartedAt } from '../host/process-stat.ts';
import { ownerOf, readBelow, removeBelow, writeBelow } from '../host/root-files.ts';
import type { Hands } from './ports.ts';

/** The hands of this host. */
export const hostHands: Hands = {
  run: runProcess,
  ask: askHttp,
  startService,
  signal: signalProcess,
  read: readBelow,
  write: writeBelow,
  remove: removeBelow,
  ownerOf,
  startedAt: processStartedAt,
  environment: () => allowedEnv(),
};

/** The kernel may move its idea of the boot time by a second; a number is not used again that fast. */
const START_TOLERANCE_MS = 1_500;

/** True while the very process of this mark lives. */
export function isAlive(
  hands: Pick<Hands, 'startedAt'>,
  mark: { readonly pid: number; readonly startedAt: number },
): boolean {
  const startedAt = hands.startedAt(mark.pid);
  return startedAt !== undefined && Math.abs(startedAt - mark.startedAt) <= START_TOLERANCE_MS;
}
