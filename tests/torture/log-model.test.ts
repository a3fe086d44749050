import fc from 'fast-check';
import { test } from 'vitest';
import { anyOps, play } from '../ingest/log-model.ts';

const SEQUENCES = 10_000;

test('row 55: ten thousand histories of a log and its reader end in what the model says', async ({
  task,
}) => {
  let ops = 0;
  let kills = 0;
  await fc.assert(
    fc.asyncProperty(anyOps(60), async (list) => {
      ops += list.length;
      kills += list.filter((op) => op === 'kill').length;
      await play(
        list,
        (n) => `${n} an event of the pipeline with enough text to be told apart from all others`,
      );
    }),
    { numRuns: SEQUENCES },
  );
  task.meta.figures = { histories: SEQUENCES, operations: ops, 'of them kills of the reader': kills };
});
