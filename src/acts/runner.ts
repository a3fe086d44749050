/**
 * The runner: one order from its row to its last line in the ledger, in a process of its own. It outlives the cockpit,
 * the terminal and the SSH session that asked for it.
 */
import type { OrderRow } from '../domain/order.ts';
import { isAlive } from './hands.ts';
import type { OrderPlan } from './order.ts';
import { OrderRun, type RunEnd } from './order-run.ts';
import type { RunnerPorts } from './ports.ts';
import { mayTakeOver } from './sweep.ts';
import { takeInTurn } from './turn.ts';

/** `not-taken`: another runner has it or had it, or it was given up; nothing was run. */
export type RunnerEnd = RunEnd | 'not-taken' | 'absent';

/** Runs the order with this id, if nobody has, as soon as it is its turn. Resolves when its outcome is recorded. */
export async function runOrder(id: string, ports: RunnerPorts): Promise<RunnerEnd> {
  const row = ports.orders.get(id);
  if (!row) return 'absent';
  return await awake(async () => {
    const turn = await takeInTurn(id, JSON.parse(row.plan) as OrderPlan, ports);
    if (!turn.taken) return 'not-taken';
    const taken: OrderRow = { ...row, status: 'running', runner: ports.self };
    return await new OrderRun(taken, ports, turn.waited ? 'waited' : 'at once').toItsEnd();
  });
}

/**
 * Goes on watching for the effect of an order all of whose steps have run and whose runner was ended. Runs nothing.
 * `digest`: of the plan as whoever started this knows it; an order that differs is left alone.
 */
export async function watchOrder(id: string, digest: string, ports: RunnerPorts): Promise<RunnerEnd> {
  const { clock, hands, orders, self } = ports;
  const row = orders.get(id);
  if (!row) return 'absent';
  const { runner } = row;
  if (!runner || !mayTakeOver(row) || isAlive(hands, runner) || row.digest !== digest) return 'not-taken';
  return await awake(async () => {
    if (!orders.takeOver(id, runner, self, clock.now())) return 'not-taken';
    return await new OrderRun(orders.get(id) ?? { ...row, runner: self }, ports, 'taken over').toItsEnd();
  });
}

/** The clock's timers don't keep a process alive, and between the last step and the last look nothing else would. */
async function awake<T>(task: () => Promise<T>): Promise<T> {
  const alive = new MessageChannel();
  alive.port1.on('message', () => {});
  try {
    return await task();
  } finally {
    alive.port1.close();
  }
}
