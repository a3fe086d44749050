import { describe, expect, it } from 'vitest';
import { coherenceKind } from '../../../src/systems/coherence/index.ts';
import { caseNames, deriveCase, goldenOf, layOutCase } from '../fixture-case.ts';

describe('coherence goldens', () => {
  for (const name of caseNames('coherence')) {
    it(`derives what the files of ${name} mean`, async () => {
      const laid = await layOutCase('coherence', name);
      try {
        const derived = await deriveCase(coherenceKind, laid.dir, laid.case);
        const { actual, expected } = goldenOf('coherence', name, derived, laid.dir);
        expect(actual).toEqual(expected);
      } finally {
        laid.remove();
      }
    });
  }
});
