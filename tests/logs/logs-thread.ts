/** A thread that serves logs of generic lines: what tests and measurements start. */
import { parentPort } from 'node:worker_threads';
import { serveLogs } from '../../src/logs/log-carrier.ts';
import { plainLines } from '../../src/logs/plain-lines.ts';

if (parentPort) serveLogs({ plain: ({ zone }) => plainLines(zone) }, parentPort);
