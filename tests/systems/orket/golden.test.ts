import { afterAll, describe, expect, it } from 'vitest';
import { orketKind } from '../../../src/systems/orket/index.ts';
import { caseNames, deriveCase, goldenOf, layOutCase } from '../fixture-case.ts';

describe('entities derived from an Orket installation on disk', () => {
  const cleanups: (() => void)[] = [];
  afterAll(() => {
    for (const remove of cleanups) remove();
  });

  it.each(caseNames('orket'))('gives exactly the expected entities for %s', async (name) => {
    const laid = await layOutCase('orket', name);
    cleanups.push(laid.remove);
    const derived = await deriveCase(orketKind, laid.dir, laid.case);
    const { actual, expected } = goldenOf('orket', name, derived, laid.dir);
    expect(actual).toEqual(expected);
  });
});
