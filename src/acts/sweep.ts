import type { Instant } from '../domain/instant.ts';
import type { FinishedRecord, LedgerRecord } from '../domain/ledger.ts';
import type { OrderRow } from '../domain/order.ts';
import { isWithin, isWorkedOn } from './queue.ts';

/** How long the process that placed an order may take to enter it into the ledger, in milliseconds. */
const PLACED_MS = 60_000;
/** How often a watch may be taken over: a runner that dies of what it sees must not be followed by others for ever. */
const TAKEOVERS = 3;

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
  beatSilenceMs?: number,
): Abandoned | undefined {
  switch (row.status) {
    case 'finished':
      return undefined;
    case 'placed':
      if (isAlive(row.placedBy) && isWithin(row.createdAt, now, PLACED_MS)) return undefined;
      return {
        outcome: 'failed',
        summary: 'nothing was started: the cockpit ended before the order was recorded',
      };
    case 'ready':
      if (isWorkedOn(row, now, isAlive, beatSilenceMs)) return undefined;
      return {
        outcome: 'failed',
        summary: row.runner
          ? 'nothing was started: its runner was ended while it waited for its turn'
          : 'nothing was started: its runner never began',
      };
    case 'running': {
      if (isWorkedOn(row, now, isAlive, beatSilenceMs)) return undefined;
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

/** What became of an order that nobody could go on watching, and why nobody could. */
export function notWatchedOn(row: OrderRow, { outcome, summary }: Abandoned): Abandoned {
  const why = mayTakeOver(row)
    ? 'no runner that was to go on watching has begun'
    : `${row.progress.watch?.takeovers ?? 0} runners that went on watching were ended too`;
  return { outcome, summary: `${why}; ${summary}` };
}

/**
 * Whether another runner may go on watching for the effect of an order whose own runner was ended: all its steps have
 * run, how each ended is known, and nothing is left to do but to look. Nothing is ever run a second time.
 */
export function mayTakeOver(row: OrderRow): boolean {
  const { watch } = row.progress;
  return row.status === 'running' && watch !== undefined && watch.takeovers < TAKEOVERS;
}
