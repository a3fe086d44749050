/**
 * Entry of the engine's thread. The compile cache is a thread's own, and must be on before the rest is loaded; what it is
 * to watch comes when it is known.
 */
import { once } from 'node:events';
import { enableCompileCache } from 'node:module';
import { type MessagePort, workerData } from 'node:worker_threads';
import { systemClock } from '../host/clock.ts';
import { compileCacheDirectory, keepCompiled, LOADED_MS } from './compile-cache.ts';
import type { EngineThreadData } from './engine-worker.ts';

const told = once(workerData as MessagePort, 'message') as Promise<[EngineThreadData]>;
const directory = compileCacheDirectory(process.env, process.getuid?.());
if (directory !== undefined) enableCompileCache(directory);
const [{ serve }, [data]] = await Promise.all([import('./engine-serve.ts'), told]);
await serve(data);
systemClock().after(LOADED_MS, keepCompiled);
