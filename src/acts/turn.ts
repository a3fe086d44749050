/** A runner waits until it is its order's turn, and checks then that the order still fits. */
import type { Instant } from '../domain/instant.ts';
import type { OrderRow } from '../domain/order.ts';
import type { ActSpec, StateView } from '../systems/system.ts';
import { isAlive } from './hands.ts';
import type { OrderPlan } from './order.ts';
import type { RunnerPorts } from './ports.ts';
import { DEFAULT_AT_ONCE, isWorkedOn, standingOf } from './queue.ts';
import { retryWhileLocked } from './retry.ts';
import { pause } from './run-step.ts';

const LOOK_MS = 200;
const BEAT_MS = 1_000;

/** `waited`: others went first, so what was confirmed is of then, not of now. */
export type Turn = { readonly taken: false } | { readonly taken: true; readonly waited: boolean };

/**
 * Takes the order as soon as it is its turn. An order that is cancelled meanwhile is taken at once, to be ended. Not
 * taken: it was given up, or another runner has it.
 */
export async function takeInTurn(
  order: string,
  plan: Pick<OrderPlan, 'atOnce'>,
  ports: Pick<RunnerPorts, 'beatSilenceMs' | 'clock' | 'hands' | 'orders' | 'self'>,
): Promise<Turn> {
  const { clock, hands, orders, self } = ports;
  const workedOn = (row: OrderRow): boolean =>
    isWorkedOn(row, clock.now(), (mark) => isAlive(hands, mark), ports.beatSilenceMs);
  let toldAt = Number.NEGATIVE_INFINITY;
  let told = '';
  for (let waited = false; ; waited = true) {
    let behind: OrderRow | undefined;
    const mayBegin = (open: readonly OrderRow[]): boolean => {
      const own = open.find((row) => row.id === order);
      if (!own || own.cancel) return own !== undefined;
      const standing = standingOf(own, open, plan.atOnce ?? DEFAULT_AT_ONCE, workedOn);
      if (!standing.begins) behind = standing.behind;
      return standing.begins;
    };
    // Looked at without the lock first: many may wait, and only one that may begin needs it.
    const taken = await retryWhileLocked(
      clock,
      () => mayBegin(orders.open()) && orders.take(order, self, clock.now(), mayBegin),
    );
    if (taken) return { taken, waited };
    if (!behind) return { taken: false };
    const doing = queuedText(behind);
    if (doing !== told || clock.monotonic() - toldAt >= BEAT_MS) {
      const isOurs = await retryWhileLocked(clock, () => orders.wait(order, self, clock.now(), doing));
      if (!isOurs) return { taken: false };
      told = doing;
      toldAt = clock.monotonic();
    }
    await pause(clock, LOOK_MS);
  }
}

/** What the pane of acts says of an order that waits. */
export function queuedText(behind: Pick<OrderRow, 'act' | 'plan' | 'id'>): string {
  const { targetTitle } = JSON.parse(behind.plan) as Pick<OrderPlan, 'targetTitle'>;
  return `queued behind ${behind.act} on ${targetTitle} (order ${behind.id})`;
}

/**
 * Why an order that had to wait must not run any more; undefined when it still is what was confirmed. The act that went
 * first may have changed what this one depends on.
 */
export function changedWhileWaiting(plan: OrderPlan, spec: ActSpec, view: StateView): string | undefined {
  const target = view.entity(plan.target.type, plan.target.id);
  if (!target) return `it is not there any more: it went while this waited for its turn`;
  try {
    if (spec.revision(view, target) !== plan.revision) return 'it changed while this waited for its turn';
    if (target.type === 'approval' && target.payloadDigest !== plan.payloadDigest)
      return 'what was to be decided changed while this waited for its turn';
    return spec.precondition(view, target);
  } catch {
    return 'whether it can still be done is not known';
  }
}

/** A clock's time that no setting of the clock moves: where the clock stood at first, and what has passed since. */
export function steadyTime(clock: RunnerPorts['clock']): () => Instant {
  const origin = clock.now() - clock.monotonic();
  return () => (origin + clock.monotonic()) as Instant;
}
