import { describe, expect, it } from 'vitest';
import { deriveCase, goldenOf, layOutCase } from '../fixture-case.ts';
import { describedKind } from './described.ts';

describe('the worked examples of described kinds', () => {
  it.each(['transcripts', 'units'])('%s gives the entities its description promises', async (name) => {
    const laid = await layOutCase('custom', name);
    try {
      const { actual, expected } = goldenOf(
        'custom',
        name,
        await deriveCase(describedKind(name), laid.dir, laid.case),
        laid.dir,
      );
      expect(actual).toEqual(expected);
    } finally {
      laid.remove();
    }
  });
});
