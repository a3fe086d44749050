/** Orders whose cockpit or runner was ended: they get a truthful outcome, and the ledger its line. */
import type { FinishedRecord } from '../domain/ledger.ts';
import type { OrderProgress, OrderRow } from '../domain/order.ts';
import { isAlive } from './hands.ts';
import type { OrderPlan } from './order.ts';
import type { ActServicePorts, LedgerBook } from './ports.ts';
import { mayTryAgain } from './runner.ts';
import { type Abandoned, judgeAbandoned } from './sweep.ts';

type RecoveryPorts = Pick<
  ActServicePorts,
  'clock' | 'hands' | 'ledger' | 'orders' | 'system' | 'version' | 'who'
>;

/** How many of the newest orders are looked through for a missing line. */
const REPAIRED = 100;

/** Gives outcomes to this user's orders that nobody works on. Throws while another process has the lock. */
export function sweepOrders(ports: RecoveryPorts): void {
  const { ledger, orders, who } = ports;
  for (const row of orders.open()) {
    // The ledger of another user can't be read here, and it may know the outcome.
    if (row.user !== who.user) continue;
    const abandoned = abandonedOf(ports, row, () =>
      ledger.ok ? ledger.value.find(row.id, 'finished')?.record : undefined,
    );
    if (abandoned) endOrder(ports, row, abandoned);
  }
}

/** What became of an order whose workers are gone; undefined while there is one. */
export function abandonedOf(
  { clock, hands }: Pick<RecoveryPorts, 'clock' | 'hands'>,
  row: OrderRow,
  finished: Parameters<typeof judgeAbandoned>[3] = () => undefined,
): Abandoned | undefined {
  return judgeAbandoned(row, clock.now(), (mark) => isAlive(hands, mark), finished);
}

/**
 * Ends an order: its row first, since of several who try only one wins there, and a runner that has taken it meanwhile
 * wins over all of them. False when this call did not win.
 */
export function endOrder(ports: RecoveryPorts, row: OrderRow, end: Abandoned): boolean {
  const { clock, ledger, orders, system } = ports;
  const { outcome, summary } = end;
  const progress: OrderProgress = { ...row.progress, doing: 'ended', summary };
  const plan = JSON.parse(row.plan) as OrderPlan;
  const spec = system(plan.target.system)?.kind.acts.find((act) => act.id === row.act);
  const at = clock.now();
  if (!orders.finish(row, { outcome, at, progress, release: mayTryAgain(outcome, spec) })) return false;
  if (ledger.ok) recordEnd(ports, ledger.value, { ...row, outcome, endedAt: at, progress });
  return true;
}

/** Enters ends that are in the orders' rows and not in the ledger: whoever wrote the row was ended before the line. */
export function repairLedger(ports: RecoveryPorts): void {
  const { ledger, orders, who } = ports;
  if (!ledger.ok) return;
  for (const row of orders.list(REPAIRED)) {
    if (row.status !== 'finished' || row.user !== who.user) continue;
    if (!ledger.value.find(row.id, 'finished')) recordEnd(ports, ledger.value, row);
  }
}

function recordEnd({ clock, version, who }: RecoveryPorts, ledger: LedgerBook, row: OrderRow): void {
  // An order that never came into the ledger has started nothing, and leaves nothing there.
  if (!ledger.find(row.id, 'started')) return;
  const plan = JSON.parse(row.plan) as OrderPlan;
  const { exitCode, stages, summary } = row.progress;
  const record: FinishedRecord = {
    phase: 'finished',
    at: row.endedAt ?? clock.now(),
    who,
    version,
    order: row.id,
    act: plan.act,
    target: plan.target,
    revision: plan.revision,
    attempt: plan.attempt,
    outcome: row.outcome === undefined || row.outcome === 'settled' ? 'unknown' : row.outcome,
    summary: summary ?? '',
    ...(exitCode === undefined ? {} : { exitCode }),
    stages,
    outputs: [],
    undo: plan.undo,
  };
  ledger.appendOnce(record);
}
