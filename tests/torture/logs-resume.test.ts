import { expect, test } from 'vitest';
import { killAndResume } from '../e2e/resumed-log.ts';

test('rows 1, 36 and 40: a reader killed 12 times while its log is written, renamed, copied and compressed', async ({
  task,
}) => {
  const log = await killAndResume(12, Math.random);
  try {
    const { lines, again } = log.received();
    task.meta.figures = {
      'lines written': log.written.length,
      rotations: log.rotations,
      'SIGKILLs of the reader': log.kills,
      'lines that came again under their numbers': again,
    };
    expect(lines.map(({ text }) => text).sort()).toEqual([...log.written].sort());
    expect(lines.map(({ id }) => id)).toEqual(lines.map((_, index) => index + 1));
    expect(lines.every(({ form }) => form === 'log')).toBe(true);
  } finally {
    log.remove();
  }
});
