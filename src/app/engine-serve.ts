/** The engine's thread: builds the engine of the plan it was given and serves it over its port. */
import { parentPort, workerData } from 'node:worker_threads';
import { serveEngine } from '../engine/carrier.ts';
import { actDeskFor, tryOpenActs } from './acts-room.ts';
import { engineOf } from './engine-plan.ts';
import type { EngineThreadData } from './engine-worker.ts';

const { plan, config } = workerData as EngineThreadData;
const opened = tryOpenActs('create');
const acts = opened.ok ? opened.value : undefined;
const engine = engineOf(
  {
    ...plan,
    ...(acts ? { budgetDir: acts.budgetDir } : {}),
    // A cockpit that can record nothing still shows everything.
    ...(opened.ok
      ? {}
      : { actsOff: opened.error, notices: [...plan.notices, "ACTS OFF: records can't be written"] }),
  },
  acts ? (watches, clock) => actDeskFor(acts, config, watches, clock) : undefined,
);
if (parentPort) serveEngine(engine, parentPort);
