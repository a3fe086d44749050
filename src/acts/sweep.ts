import type { Instant } from '../domain/instant.ts';
import type { FinishedRecord, LedgerRecord } from '../domain/ledger.ts';
import type { OrderRow } from '../domain/order.ts';

/** How long an order may wait for its runner, in milliseconds: a loaded host takes seconds to start one. */
const READY_MS = 20_000;
/** How long the process that placed an order may take to enter it into the ledger, in milliseconds. */
const PLACED_MS = 60_000;
/** Without a beat for so long, a runner whose process is gone has been ended, in milliseconds. */
const BEAT_MS = 5_000;

/** What became of an order nobody works on any more. */
export interface Abandoned {
  readonly outcome: FinishedRecord['outcome'];
  readonly summary: string;
}

/**
 * Judges an order without an outcome. Undefined while somebody works on it, or may. What is not known is said to be
 * unknown: that a runner is gone says nothing about the program it had started.
 */
export function judgeAbandoned(
  row: OrderRow,
  now: Instant,
  isAlive: (mark: { readonly pid: number; readonly startedAt: Instant }) => boolean,
  finished: () => LedgerRecord | undefined,
): Abandoned | undefined {
  switch (row.status) {
    case 'finished':
      return undefined;
    case 'placed':
      if (isAlive(row.placedBy) && now - row.createdAt < PLACED_MS) return undefined;
      return {
        outcome: 'failed',
        summary: 'nothing was started: the cockpit ended before the order was recorded',
      };
    case 'ready':
      if (now - row.createdAt < READY_MS) return undefined;
      return { outcome: 'failed', summary: 'nothing was started: its runner never began' };
    case 'running': {
      if (row.runner && isAlive(row.runner)) return undefined;
      if (now - (row.beatAt ?? row.createdAt) < BEAT_MS) return undefined;
      const record = finished();
      if (record?.phase === 'finished') return { outcome: record.outcome, summary: record.summary };
      const { stepsBegun, stepsDone, exitCode } = row.progress;
      if (stepsBegun === 0)
        return { outcome: 'failed', summary: 'nothing was started: its runner was ended first' };
      const exit = exitCode === undefined || exitCode === null ? '' : ` (exit ${exitCode})`;
      const ran = stepsDone < stepsBegun ? `during step ${stepsBegun}` : `after step ${stepsDone}${exit}`;
      return {
        outcome: 'unknown',
        summary: `its runner was ended ${ran}: look whether it took effect, then settle it`,
      };
    }
  }
}
