/** Plays a Python interpreter for the tests of the simulated Orket: `node stand-in.ts main.py ...`. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { orketSimulator } from '../../../fixtures/demo/orket/simulator.ts';

const written = join(process.cwd(), '.lies');
const told = `${process.env['DEMO_LIES'] ?? ''} ${existsSync(written) ? readFileSync(written, 'utf8') : ''}`;

process.exitCode = await orketSimulator.standIn(process.argv.slice(2), {
  cwd: process.cwd(),
  env: process.env,
  lies: new Set(told.split(/[\s,]+/)),
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
