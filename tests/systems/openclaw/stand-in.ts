/** Plays a Python interpreter for the tests of the simulated OpenClaw, and notes in `.begun` with which lies it began. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { openclawSimulator } from '../../../fixtures/demo/openclaw/simulator.ts';

const told = existsSync('.lies') ? readFileSync('.lies', 'utf8') : '';
appendFileSync('.begun', `${told}\n`);

process.exitCode = await openclawSimulator.standIn(process.argv.slice(2), {
  cwd: process.cwd(),
  env: process.env,
  lies: new Set(told.split(' ')),
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
});
