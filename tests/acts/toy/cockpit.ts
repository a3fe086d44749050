/**
 * A cockpit's process of the tests. Waits for the file GO, then says yes to each of KEYS jobs in an order of its own.
 * TOY_KILL_AT names the point at which it kills itself, for real. Prints how many orders it got.
 */
import { existsSync } from 'node:fs';
import { runOrder } from '../../../src/acts/runner.ts';
import { createActService } from '../../../src/acts/service.ts';
import type { SystemId } from '../../../src/domain/entity.ts';
import { keepAlive } from '../../../src/host/clock.ts';
import type { Located } from '../../../src/systems/system.ts';
import { cockpit, runnerPorts, spawnRunner } from './ports.ts';

const [root = '', state = '', keys = '1', go = '', runners = 'processes'] = process.argv.slice(2);
const located: Located = {
  system: 'toy' as SystemId,
  kind: 'toy',
  root,
  timezone: 'UTC',
  settings: {},
  extra: {},
};
const killAt = process.env['TOY_KILL_AT'];
// The runners it starts have points of that name too.
delete process.env['TOY_KILL_AT'];

function die(point: string): void {
  if (killAt === point) process.kill(process.pid, 'SIGKILL');
}

const { ports, host, ledger, close } = cockpit(located, state);
const inside = runners === 'inside' ? runnerPorts(state, { lookMs: 300 }) : undefined;
const running: Promise<unknown>[] = [];
const service = createActService({
  ...ports,
  orders: {
    ...ports.orders,
    place: (order) => {
      die('before');
      const placed = host.orders.place(order);
      if (placed.placed) die('placed');
      return placed;
    },
    ready: (id) => {
      const ready = host.orders.ready(id);
      die('ready');
      return ready;
    },
  },
  ledger: {
    ok: true,
    value: {
      append: (record) => ledger.append(record),
      find: (order, phase) => ledger.find(order, phase),
      appendOnce: (record) => {
        const row = ledger.appendOnce(record);
        die('entered');
        return row;
      },
    },
  },
  spawnRunner: ({ order, watch }) => {
    if (inside) running.push(runOrder(order, inside));
    else spawnRunner(state, order, {}, watch);
    die('spawned');
  },
});

// The clock's timers keep no process alive, and a cockpit may be waiting for a lock alone.
const release = keepAlive();
while (!existsSync(go)) await new Promise((resolve) => setTimeout(resolve, 1));
const ids = Array.from({ length: Number(keys) }, (_, n) => `j${n}`);
// Two of four begin at the other end: keys are met in the middle and at both ends.
if (process.pid % 2 === 0) ids.reverse();
const won: string[] = [];
const refusals: string[] = [];
async function sayYes(id: string): Promise<void> {
  const target = { system: located.system, type: 'job', id } as const;
  const { revision } = service.preview({ act: 'job.run', target, params: {} });
  const answer = await service.start({
    act: 'job.run',
    target,
    params: {},
    revision,
    confirmedBy: 'yes',
    reason: 'test',
  });
  if (answer.order === undefined) {
    refusals.push(answer.refused ?? '');
    return;
  }
  won.push(answer.order);
  // Each runner is a process of 50 MB: a few at a time.
  while (!inside && host.orders.get(answer.order)?.status !== 'finished')
    await new Promise((resolve) => setTimeout(resolve, 50));
}
const hands = Array.from({ length: inside ? ids.length : 2 }, async () => {
  for (let id = ids.shift(); id !== undefined; id = ids.shift()) await sayYes(id);
});
await Promise.all(hands);
await Promise.all(running);
// What everybody did is seen by everybody.
while (host.orders.open().length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
const seen = host.orders.list(10_000).filter((row) => row.outcome === 'verified');
console.log(
  JSON.stringify({
    won,
    refusals,
    seenOf: [...new Set(seen.map((row) => row.user))].sort(),
    seen: seen.length,
  }),
);
service.close();
inside?.close();
close();
release();
