/** How records that wait in the journal of a ledger are found, and come into its chain. */
import type { Instant } from '../domain/instant.ts';
import type { LedgerRecord, LedgerRow } from '../domain/ledger.ts';
import type { JournalLine, LedgerJournal } from './ledger-journal.ts';

/** What entering needs of the chain, all inside one transaction that has the write lock. */
interface ChainPorts {
  readonly now: Instant;
  /** Whether this line came into the chain already. */
  hasEntered(line: string): boolean;
  find(order: string, phase: LedgerRecord['phase']): boolean;
  last(): LedgerRecord | undefined;
  add(record: LedgerRecord): void;
}

/** The newest record of an order and phase that waits. It has no place in the chain: 0. */
export function findWaiting(
  journal: LedgerJournal,
  order: string,
  phase: LedgerRecord['phase'],
): LedgerRow | undefined {
  if (!journal.isThere()) return undefined;
  const waiting = journal
    .lines()
    .findLast(({ record }) => record?.phase === phase && 'order' in record && record.order === order);
  return waiting?.record && { seq: 0, hash: waiting.line, record: waiting.record };
}

/** Enters what waits, in its order; how many records that were. The journal stays: its end comes after the commit. */
export function enterWaiting(journal: LedgerJournal, chain: ChainPorts): number {
  let entered = 0;
  for (const waiting of journal.lines()) {
    if (chain.hasEntered(waiting.line)) continue;
    chain.add(lateRecord(waiting, chain));
    entered += 1;
  }
  return entered;
}

function lateRecord({ line, record }: JournalLine, { now, find, last }: ChainPorts): LedgerRecord {
  const late = { enteredAt: now, line };
  if (record === undefined) {
    const { who, version } = last() ?? { who: { user: '', host: '' }, version: '' };
    return { phase: 'damage', at: now, who, version, late, note: 'a line of the journal could not be read' };
  }
  if (record.phase !== 'finished' || !find(record.order, 'finished')) return { ...record, late };
  // The order has its end in the chain already; what the journal says of it is not dropped.
  const { at, who, version, order, act, target, outcome, summary } = record;
  const note = `a second end of this order stood in the journal: ${outcome}: ${summary}`;
  return { phase: 'settled', at, who, version, late, order, act, target, note };
}
