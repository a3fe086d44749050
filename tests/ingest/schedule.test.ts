import { afterEach, expect, test } from 'vitest';
import { type LookResult, Schedule } from '../../src/ingest/schedule.ts';
import { until } from './collector.ts';

let schedule: Schedule | undefined;
afterEach(() => schedule?.close());

test('once, what is not readable yet is looked at until it is, although the thread was busy meanwhile', async () => {
  schedule = new Schedule({ once: true });
  const results: LookResult[] = [];
  schedule.add({
    look() {
      const result = results.length < 3 ? 'again' : 'quiet';
      results.push(result);
      if (results.length === 1) {
        // Longer than a file is looked at without a sign of life.
        setImmediate(() => {
          const end = performance.now() + 300;
          while (performance.now() < end);
        });
      }
      return result;
    },
  });
  await until(() => results.includes('quiet'), 20_000);
  expect(results).toEqual(['again', 'again', 'again', 'quiet']);
});
