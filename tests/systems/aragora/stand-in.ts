/** Plays a Python interpreter for the tests of the simulated Aragora: `node stand-in.ts scripts/x.py ...`. */
import { aragoraSimulator } from '../../../fixtures/demo/aragora/simulator.ts';

process.exitCode = await aragoraSimulator.standIn(process.argv.slice(2), {
  cwd: process.cwd(),
  env: process.env,
  // What runs for long looks itself, each time, which are switched on.
  lies: new Set(),
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
