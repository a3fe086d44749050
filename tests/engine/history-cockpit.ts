/** A cockpit's engine with its history, as a process of its own that prints what it sees. Arguments: the mill's directory, the record's. */
import { openHistory } from '../../src/db/history-store.ts';
import { instant } from '../../src/domain/instant.ts';
import { createHistoryDesk } from '../../src/engine/history-desk.ts';
import { keepAlive, systemClock } from '../../src/host/clock.ts';
import { processStartedAt } from '../../src/host/process-stat.ts';
import { millAt, millEngine } from './mill.ts';

const [millDirectory = '', directory = ''] = process.argv.slice(2);
const clock = systemClock();
const store = openHistory({ directory, now: clock.now() });
const located = millAt(millDirectory);
const engine = millEngine(located, {
  makeHistory: (logs, onChange) =>
    createHistoryDesk({
      room: {
        store,
        self: { pid: process.pid, startedAt: processStartedAt(process.pid) ?? instant(0) },
        me: 'alice',
        host: 'here',
        keepMs: 3_600_000,
        mask: (text) => text,
        isAlive: ({ pid, startedAt }) => processStartedAt(pid) === startedAt,
        saveHandOver: () => '/nowhere',
      },
      clock,
      logs,
      systems: [located],
      onChange,
    }),
});
keepAlive();
await engine.call('settle', {});
engine.subscribe(({ upserts }) => {
  for (const entity of upserts)
    if (entity.type === 'job') process.stdout.write(`${entity.id} ${entity.status}\n`);
});
process.stdout.write('watching\n');
process.once('SIGTERM', () => {
  void engine.close().then(() => {
    store.close();
    process.exit(0);
  });
});
