/** Plays a Python interpreter for the tests of the simulated Orket: `node stand-in.ts main.py ...`. */
import { orketSimulator } from '../../../fixtures/demo/orket/simulator.ts';

process.exitCode = await orketSimulator.standIn(process.argv.slice(2), {
  cwd: process.cwd(),
  env: process.env,
  lies: new Set((process.env['DEMO_LIES'] ?? '').split(',')),
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
