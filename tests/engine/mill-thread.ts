/** An engine in a thread of its own, as the cockpit has it. `workerData.root` is the mill it watches. */
import { parentPort, workerData } from 'node:worker_threads';
import { serveEngine } from '../../src/engine/carrier.ts';
import { millAt, millEngine } from './mill.ts';

const { root } = workerData as { root: string };
if (parentPort) {
  // What no message can ask for: the thread dying under its client.
  parentPort.on('message', (message: unknown) => {
    if (message === 'die') process.exit(3);
  });
  serveEngine(millEngine(millAt(root)), parentPort);
}
