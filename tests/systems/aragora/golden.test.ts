import { describe, expect, it } from 'vitest';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import { caseNames, deriveCase, goldenOf, layOutCase } from '../fixture-case.ts';

describe('aragora goldens', () => {
  for (const name of caseNames('aragora')) {
    it(`derives what the files of ${name} mean`, async () => {
      const laid = await layOutCase('aragora', name);
      try {
        const derived = await deriveCase(aragoraKind, laid.dir, laid.case);
        const { actual, expected } = goldenOf('aragora', name, derived, laid.dir);
        expect(actual).toEqual(expected);
      } finally {
        laid.remove();
      }
    });
  }
});
