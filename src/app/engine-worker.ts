import { Worker } from 'node:worker_threads';
import type { ConfigFile } from '../config/schema.ts';
import { connectEngine } from '../engine/carrier.ts';
import type { EnginePort } from '../engine/protocol.ts';
import type { EnginePlan } from './engine-plan.ts';
import { programEntry } from './entry.ts';

/** What the engine's thread is started with. */
export interface EngineThreadData {
  readonly plan: EnginePlan;
  readonly config: ConfigFile;
}

/** Starts the engine in a thread of its own, so that nothing it does can stop a key from echoing. */
export function startEngineThread(data: EngineThreadData, onEnd: (why: string) => void): EnginePort {
  const worker = new Worker(programEntry('engine'), {
    workerData: data,
    // What libraries print there must not reach the screen.
    stdout: true,
    stderr: true,
  });
  return connectEngine(worker, onEnd);
}
