/**
 * Entry of the runner: carries out one order and verifies it, then ends. The compile cache must be on before the rest is
 * loaded; without it every act begins by compiling the whole engine.
 */
import { enableCompileCache } from 'node:module';
import { compileCacheDirectory } from './compile-cache.ts';

process.title = 'binnacle';
// Node opens its inspector on SIGUSR1 unless somebody listens; runbooks tell people to send it.
process.on('SIGUSR1', () => {});
process.on('SIGHUP', () => {});

const directory = compileCacheDirectory(process.env, process.getuid?.());
if (directory !== undefined) enableCompileCache(directory);
const { runRunner } = await import('./runner-serve.ts');
process.exitCode = await runRunner(process.argv[2], process.argv[3]);
