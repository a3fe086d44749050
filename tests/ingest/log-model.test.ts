import fc from 'fast-check';
import { test } from 'vitest';
import { anyOps, play } from './log-model.ts';

const text = (n: number): string =>
  `${String(n).padStart(6, '0')} an event of the pipeline with enough text to be told apart`;

test('row 55: whatever happens to a log and its reader, each line is committed exactly once, in order, and each loss told', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(anyOps(40), (ops) => play(ops, text)),
    { numRuns: 200 },
  );
});
