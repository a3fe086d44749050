import { MessageChannel, Worker } from 'node:worker_threads';
import type { ConfigFile } from '../config/schema.ts';
import { connectEngine } from '../engine/engine-client.ts';
import type { EnginePort } from '../engine/protocol.ts';
import type { EnginePlan } from './engine-plan.ts';
import { programEntry } from './entry.ts';
import { YOUNG_MB } from './memory.ts';

/** What the engine's thread works with. */
export interface EngineThreadData {
  readonly plan: EnginePlan;
  readonly config: ConfigFile;
}

/** The engine's thread, which loads its code while nobody knows yet what it is to watch. */
export interface EngineThread {
  /** It goes to work. `onEnd` is told when it ends without being asked to. */
  begin(data: EngineThreadData, onEnd: (why: string) => void): EnginePort;
  /** There is no work for it. */
  abandon(): Promise<void>;
}

/** Starts a thread for the engine, so that nothing it does can stop a key from echoing. */
export function startEngineThread(): EngineThread {
  const { port1: giver, port2: taker } = new MessageChannel();
  const worker = new Worker(programEntry('engine'), {
    workerData: taker,
    transferList: [taker],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    // What libraries print there must not reach the screen.
    stdout: true,
    stderr: true,
  });
  return {
    begin(data, onEnd) {
      giver.postMessage(data);
      giver.close();
      return connectEngine(worker, onEnd);
    },
    async abandon() {
      giver.close();
      await worker.terminate();
    },
  };
}
