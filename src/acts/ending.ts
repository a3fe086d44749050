/** The end of an order: its last line in the ledger, its outcome in its row, and whether it may be tried again. */

import type { Instant } from '../domain/instant.ts';
import type { FinishedRecord, LedgerRow, Who } from '../domain/ledger.ts';
import type { OrderProgress } from '../domain/order.ts';
import type { Clock } from '../host/clock.ts';
import type { ActSpec } from '../systems/system.ts';
import type { OrderPlan } from './order.ts';
import { pause } from './run-step.ts';
import type { Outcome } from './verify.ts';

/** How long the last row is tried to be written, in milliseconds: a disk may be full for a while. */
const RECORDING_MS = 60_000;

/** The last line about an order, by whoever writes it: its runner, or a cockpit that found it abandoned. */
export function finishedRecord(end: {
  readonly order: string;
  readonly plan: OrderPlan;
  readonly at: Instant;
  readonly who: Who;
  readonly version: string;
  readonly outcome: Outcome;
  readonly progress: OrderProgress;
  readonly outputs: FinishedRecord['outputs'];
}): FinishedRecord {
  const { plan, progress, ...rest } = end;
  return {
    phase: 'finished',
    ...rest,
    act: plan.act,
    target: plan.target,
    revision: plan.revision,
    attempt: plan.attempt,
    summary: progress.summary ?? '',
    ...(progress.exitCode === undefined ? {} : { exitCode: progress.exitCode }),
    stages: progress.stages,
    undo: plan.undo,
    ...(plan.undoes === undefined ? {} : { undoes: plan.undoes }),
  };
}

/** Which outcomes free the key for a next attempt. An act whose answer is its proof only asks, and may ask again. */
export function mayTryAgain(outcome: Outcome, spec: Pick<ActSpec, 'answerIsProof'> | undefined): boolean {
  switch (outcome) {
    case 'failed':
    case 'not-seen':
    case 'timed-out':
    case 'cancelled':
      return true;
    case 'verified':
      return spec?.answerIsProof === true;
    case 'unknown':
      return false;
  }
}

/** Writes, and tries again for a minute while it can't be written. Undefined when it never could. */
export async function persist<T extends LedgerRow | boolean>(
  clock: Clock,
  write: () => T,
): Promise<T | undefined> {
  for (const since = clock.monotonic(); ; ) {
    try {
      return write();
    } catch {
      if (clock.monotonic() - since > RECORDING_MS) return undefined;
      await pause(clock, 500);
    }
  }
}
