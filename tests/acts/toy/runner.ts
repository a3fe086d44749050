/** The runner's process of the tests. TOY_KILL_AT names the point at which it kills itself, for real. */
import type { RunnerPorts } from '../../../src/acts/ports.ts';
import { runOrder, watchOrder } from '../../../src/acts/runner.ts';
import { runnerPorts } from './ports.ts';

const id = process.argv[2] ?? '';
const ports = runnerPorts(process.env['TOY_STATE'] ?? '');
const killAt = process.env['TOY_KILL_AT'];

function die(point: string): void {
  if (killAt === point) process.kill(process.pid, 'SIGKILL');
}

die('start');
const { orders, ledger, hands } = ports;
const watch = process.argv[3];
const given: RunnerPorts = {
  ...ports,
  orders: {
    ...orders,
    take: (...given) => {
      const taken = orders.take(...given);
      die('taken');
      return taken;
    },
    takeOver: (...given) => {
      const taken = orders.takeOver(...given);
      if (taken) die('taken over');
      return taken;
    },
    progress: (order, progress) => {
      orders.progress(order, progress);
      if (progress.stepsBegun === 1 && progress.stepsDone === 0) die('step begun');
      if (progress.stepsDone === 1 && !progress.watch) die('step done');
      if (progress.watch) die('steps over');
      if (progress.doing.startsWith('watching')) die('watching');
    },
    finish: (...given) => {
      die('recorded');
      return orders.finish(...given);
    },
  },
  ledger: {
    append: (record) => ledger.append(record),
    find: (order, phase) => ledger.find(order, phase),
    appendOnce: (record) => {
      die('result known');
      return ledger.appendOnce(record);
    },
  },
  hands: {
    ...hands,
    run: (options) => hands.run({ ...options, onStarted: () => setTimeout(() => die('spawned'), 100) }),
  },
};
const end = await (watch === undefined ? runOrder(id, given) : watchOrder(id, watch, given));
console.log(id, end);
ports.close();
