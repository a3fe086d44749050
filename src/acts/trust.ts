import type { OrderRow } from '../domain/order.ts';
import type { OrderPlan } from './order.ts';
import type { RunnerPorts } from './ports.ts';

/** Whether the user this process runs as is the one who said yes. */
export function isOurs({ who }: OrderPlan, uid: number | undefined): boolean {
  return who.uid === undefined || who.uid === uid;
}

/**
 * Why an order must not be carried out; undefined when it may. The store of orders may be shared by several users; the
 * ledger of who said yes is written by them alone.
 */
export function distrustOf(
  row: OrderRow,
  plan: OrderPlan,
  { ledger, uid }: Pick<RunnerPorts, 'ledger' | 'uid'>,
): string | undefined {
  const started = ledger.find(row.id, 'started')?.record;
  if (started?.phase !== 'started') return 'the ledger does not know this order: nothing was run';
  if (started.planDigest !== row.digest)
    return 'the order is not the one that was confirmed: nothing was run';
  return isOurs(plan, uid) ? undefined : `the order is ${plan.who.user}'s: nothing was run`;
}
