import { createRequire } from 'node:module';
import * as ink from 'ink';
import * as react from 'react';
import { tableOf } from '../../views/main.tsx';

/**
 * ink-table `require`s Ink, an ES module with top-level await, which Node refuses. The bundle has both in one module
 * graph; here the modules are put where `require` looks first, so that the very same component is tested.
 */
const require = createRequire(import.meta.url);
for (const [name, exports] of [
  ['ink', ink],
  ['react', react],
] as const) {
  const path = require.resolve(name);
  require.cache[path] = { id: path, filename: path, loaded: true, exports, children: [], paths: [] } as never;
}

/** The table component as the bundle has it. */
export const inkTable = tableOf(require('ink-table'));
