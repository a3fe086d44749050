/** Entry of the logs' thread. The compile cache is a thread's own, and must be on before the rest is loaded. */
import { enableCompileCache } from 'node:module';
import { systemClock } from '../host/clock.ts';
import { compileCacheDirectory, keepCompiled, LOADED_MS } from './compile-cache.ts';

const directory = compileCacheDirectory(process.env, process.getuid?.());
if (directory !== undefined) enableCompileCache(directory);
await import('./logs-serve.ts');
systemClock().after(LOADED_MS, keepCompiled);
