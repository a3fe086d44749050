/** What a log source says of itself is summed up when something moved alone: it is what a sum of all logs would be. */
import {
  appendFileSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { collect, pause, temporary } from './collector.ts';

const names = ['a.log', 'b.log', 'c.log', 'd.log'];

const op = fc.record({
  what: fc.constantFrom('append', 'rotate', 'empty', 'remove', 'park'),
  name: fc.constantFrom(...names),
  thenMs: fc.constantFrom(0, 0, 5, 120),
});

/** What was done is in the message where it fails. */
async function survives(ops: readonly { what: string; name: string; thenMs: number }[]): Promise<void> {
  const place = temporary();
  const path = (name: string): string => join(place.dir, name);
  writeFileSync(path('a.log'), 'first\n');
  const seen = await collect(place.dir, [{ id: 'log', type: 'log', glob: '*.log' }]);
  try {
    for (const { what, name, thenMs } of ops) {
      const isThere = existsSync(path(name));
      if (what === 'append' || !isThere) appendFileSync(path(name), `${name} grows\n`);
      else if (what === 'rotate') renameSync(path(name), path(`${name}.1`));
      else if (what === 'empty') truncateSync(path(name), 0);
      else if (what === 'remove') rmSync(path(name));
      else renameSync(path(name), path(`moved-${name}`));
      if (thenMs > 0) await pause(thenMs);
    }
    // What is gone counts for a second more: before that one that came could make up for it.
    await pause(1_500);
    const there = (): number => readdirSync(place.dir).filter((name) => name.endsWith('.log')).length;
    await seen.until(() => {
      const status = seen.status('log');
      return status?.items === there() && status.unreadBytes === 0;
    });
    // And it stays so.
    await pause(150);
    expect({ ops, ...seen.status('log') }).toMatchObject({ items: there(), unreadBytes: 0 });
  } finally {
    await seen.pump.close();
    place.remove();
  }
}

test('as many logs as there are, and nothing unread once all was told, whatever became of them', async () => {
  // Side by side: each waits most of its time.
  await Promise.all(fc.sample(fc.array(op, { minLength: 4, maxLength: 14 }), 12).map(survives));
});
