#!/usr/bin/env node
/**
 * The launcher. It answers `--version`, sees that Node is new enough, else goes on with the one that lies beside the
 * program, and sets the exit code: nothing else does. It runs on Node 18, so it loads the rest only after it looked.
 */
import { readFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

/** Set by the bundler. */
declare const BINNACLE_VERSION: string | undefined;

// Node opens its inspector on SIGUSR1 where nobody listens; a runbook tells people to send it to a watched program.
process.on('SIGUSR1', () => {});
// Not the path of a watched checkout: a runbook's `pkill -f` must pass us by.
process.title = 'binnacle';

function version(): string {
  if (typeof BINNACLE_VERSION === 'string') return BINNACLE_VERSION;
  const told = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return told.version;
}

async function launch(): Promise<void> {
  const args = process.argv.slice(2);
  if (args[0] === '--version' || args[0] === '-V') {
    process.stdout.write(`${version()}\n`);
    return;
  }
  const { isNodeEnough } = await import('./app/private-node.ts');
  if (isNodeEnough(process.versions.node)) await run(args);
  else await goOn(args);
}

/** The program itself, on this Node. */
async function run(args: readonly string[]): Promise<void> {
  await enableCompileCache();
  const { reportFailure, listenForFailures } = await import('./app/failure.ts');
  listenForFailures((code) => process.exit(code));
  const { limitSearches } = await import('./app/patience.ts');
  limitSearches();
  let code: number;
  try {
    const { main } = await import('./cli.ts');
    code = await main([...args]);
  } catch (error) {
    code = reportFailure(error);
  }
  process.exitCode = code;
  // What was written reaches its reader first; what is left open (a server's connection, a thread) is not waited for.
  process.stdout.write('', (error) => {
    // Output that can't be written is a failure of its own, which ends the process with its own code.
    if (error == null || process.stdout.isTTY) process.exit(code);
  });
}

/** The program under the Node that came with it. */
async function goOn(args: readonly string[]): Promise<void> {
  const { handOver, launcherPid, noNodeMessage, privateNodes } = await import('./app/private-node.ts');
  const program = fileURLToPath(import.meta.url);
  // Handed over already, and still too old: what lies there is no newer Node.
  const isSecond = launcherPid(process.env, process.ppid) !== undefined;
  const nodes = isSecond ? [] : privateNodes(program, process.platform, process.arch);
  const end = await handOver({ nodes, argv: [program, ...args], env: process.env });
  switch (end.type) {
    case 'ended':
      process.exitCode = end.code;
      break;
    case 'signalled':
      process.removeAllListeners(end.signal);
      process.kill(process.pid, end.signal);
      break;
    case 'none':
      process.stderr.write(noNodeMessage(process.versions.node, process.platform, process.arch, end.tried));
      process.exitCode = 2;
  }
}

async function enableCompileCache(): Promise<void> {
  const { enableCompileCache: enable } = nodeModule as {
    enableCompileCache?: (directory: string) => unknown;
  };
  if (enable === undefined) return;
  const { compileCacheDirectory } = await import('./app/compile-cache.ts');
  const directory = compileCacheDirectory(process.env, process.getuid?.());
  if (directory !== undefined) enable(directory);
}

await launch();
