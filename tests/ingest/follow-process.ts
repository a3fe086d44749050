/** Follows the logs of a directory and prints what is told, as JSON a line. */
import { systemClock } from '../../src/host/clock.ts';
import { createPump } from '../../src/ingest/pump.ts';

const pump = createPump([{ id: 'log', type: 'log', glob: '*.log' }], {
  root: process.argv[2] ?? '',
  clock: systemClock(),
  once: false,
  secret: () => undefined,
  onEvent(event) {
    if (event.type === 'failed') console.log(JSON.stringify({ error: event.error }));
    if (event.type === 'gap') console.log(JSON.stringify({ error: event.reason }));
    if (event.type === 'chunk' && event.chunk.type === 'lines')
      console.log(JSON.stringify({ lines: event.chunk.lines.map(({ text }) => text) }));
  },
});
pump.start();
setInterval(() => console.log(JSON.stringify({ polling: pump.polling() })), 100);
