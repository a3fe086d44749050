import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Programs of ours that are started as threads or processes of their own. */
export type EntryName = 'engine' | 'logs' | 'runner' | 'demo';

const SOURCES: Readonly<Record<EntryName, string>> = {
  engine: 'engine-thread.ts',
  logs: 'logs-thread.ts',
  runner: 'runner.ts',
  demo: '../../fixtures/demo/main.ts',
};

/**
 * Path of an entry: beside this file in the bundle (`dist/engine.js`), or its source when run from source, where Node
 * strips the types.
 */
export function programEntry(name: EntryName): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const bundled = join(here, `${name}.js`);
  return existsSync(bundled) ? bundled : join(here, SOURCES[name]);
}
