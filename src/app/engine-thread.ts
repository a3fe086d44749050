/** Entry of the engine's thread: builds the engine of the plan it was given and serves it over its port. */
import { parentPort, workerData } from 'node:worker_threads';
import { serveEngine } from '../engine/carrier.ts';
import { actDeskFor, openActs } from './acts-room.ts';
import { engineOf } from './engine-plan.ts';
import type { EngineThreadData } from './engine-worker.ts';

const { plan, config } = workerData as EngineThreadData;
const acts = openActs('create');
const engine = engineOf({ ...plan, budgetDir: acts.budgetDir }, (watches, clock) =>
  actDeskFor(acts, config, watches, clock),
);
if (parentPort) serveEngine(engine, parentPort);
