import { expect, test } from 'vitest';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import { caseNames, deriveCase, goldenOf, layOutCase } from '../fixture-case.ts';

for (const name of caseNames('openclaw')) {
  test(`derives the entities of ${name} cold from what is on disk`, async () => {
    const laid = await layOutCase('openclaw', name);
    try {
      const derived = await deriveCase(openclawKind, laid.dir, laid.case);
      const { actual, expected } = goldenOf('openclaw', name, derived, laid.dir);
      expect(actual).toEqual(expected);
    } finally {
      laid.remove();
    }
  });
}
