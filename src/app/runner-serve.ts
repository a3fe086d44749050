/**
 * What the runner does. Its argument is the order's id; all else is in the order. With the digest of the order's plan as a
 * second one it runs nothing, and watches for the effect of what an earlier runner has run. It belongs to no terminal.
 */
import { hostHands } from '../acts/hands.ts';
import type { OrderPlan } from '../acts/order.ts';
import type { RunnerPorts } from '../acts/ports.ts';
import { runOrder, watchOrder } from '../acts/runner.ts';
import { secretOf } from '../config/systems.ts';
import { toIso } from '../domain/instant.ts';
import { SystemWatch } from '../engine/system-watch.ts';
import { systemClock } from '../host/clock.ts';
import { createPump } from '../ingest/pump.ts';
import { LogStore } from '../logs/log-store.ts';
import { builtInKinds } from '../systems/registry.ts';
import type { SystemKind } from '../systems/system.ts';
import { openActs } from './acts-room.ts';
import { ownMasker } from './secrets.ts';
import { learnSecretsOf } from './system-secrets.ts';
import { programVersion } from './version.ts';

/** The runner has nothing else to do than to wait for a lock. */
const BUSY_MS = 5_000;

/** Carries out the order, or goes on watching for its effect; the exit code. */
export async function runRunner(order: string | undefined, watch: string | undefined): Promise<number> {
  try {
    return await serveOrder(order, watch);
  } catch (error) {
    // Where this goes is kept.
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${ownMasker.text(told)}\n`);
    return 1;
  }
}

async function serveOrder(order: string | undefined, watch: string | undefined): Promise<number> {
  if (order === undefined) {
    process.stderr.write('the runner carries out one order and is started by the cockpit\n');
    return 2;
  }
  const room = openActs('create', BUSY_MS);
  if (!room.ledger.ok) throw new Error(room.ledger.error);
  const row = room.store.orders.get(order);
  const plan = row ? (JSON.parse(row.plan) as OrderPlan) : undefined;
  if (plan) learnSecretsOf(plan.located);
  const kind = plan && (await kindOfPlan(plan));
  const clock = systemClock();
  const ports: RunnerPorts = {
    clock,
    version: programVersion(),
    self: room.self,
    uid: process.geteuid?.(),
    orders: room.store.orders,
    ledger: room.ledger.value,
    output: room.spool,
    hands: hostHands,
    masker: ownMasker,
    kindOf: (name) => (kind?.kind === name ? kind : undefined),
    observe(kind, located, listener) {
      const watch = new SystemWatch(kind, located, {
        clock,
        logs: new LogStore(),
        once: false,
        makePump: createPump,
        secret: (of, name) => secretOf(of, name, process.env),
        budgetDir: room.budgetDir,
        masker: ownMasker,
        onChange: () => {},
        onStatus: () => {},
      });
      watch.observe(listener);
      // What the listener sees before everything was read once could be mistaken for an outcome.
      watch.start().catch(() => {});
      return { close: () => watch.close() };
    },
    secret: (located, name) => secretOf(located, name, process.env),
  };
  const end = await (watch === undefined ? runOrder(order, ports) : watchOrder(order, watch, ports));
  room.close();
  process.stderr.write(`${toIso(clock.now())} order ${order}: ${end}\n`);
  return end === 'done' ? 0 : 1;
}

/** The kind of an order's system: built in, or made again from the description that travels with the order. */
async function kindOfPlan({ located, order }: OrderPlan): Promise<SystemKind | undefined> {
  const [builtIn] = await builtInKinds([located.kind]);
  const { description } = located.extra;
  if (builtIn !== undefined || description === undefined) return builtIn;
  const { customKind } = await import('../systems/custom/index.ts');
  return customKind(located.kind, description, `order ${order}`);
}
