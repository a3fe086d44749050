/** Plays a Python interpreter for the tests of the simulated Coherence: `node stand-in.ts scripts/x.py ...`. */
import { coherenceSimulator } from '../../../fixtures/demo/coherence/simulator.ts';

process.exitCode = await coherenceSimulator.standIn(process.argv.slice(2), {
  cwd: process.cwd(),
  env: process.env,
  // What runs for long looks itself, each time, which are switched on.
  lies: new Set(),
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
