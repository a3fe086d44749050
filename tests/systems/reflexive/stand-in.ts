/** Plays a Python interpreter for the tests of the simulated orchestrator: `node stand-in.ts -m src.cli ...`. */
import { existsSync, readFileSync } from 'node:fs';
import { runStandIn } from '../../../fixtures/demo/reflexive/stand-in.ts';

const told = existsSync('.lies') ? readFileSync('.lies', 'utf8') : '';

process.exitCode = await runStandIn(process.argv.slice(2), {
  cwd: process.cwd(),
  env: process.env,
  lies: new Set(told.split(' ')),
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
