import { afterEach, describe, expect, it } from 'vitest';
import { reflexiveKind } from '../../../src/systems/reflexive/index.ts';
import { caseNames, deriveCase, goldenOf, layOutCase } from '../fixture-case.ts';

describe('reflexive fixtures', () => {
  let remove = (): void => {};
  afterEach(() => remove());

  it.each(caseNames('reflexive'))('derives %s cold from its files', async (name) => {
    const laid = await layOutCase('reflexive', name);
    remove = laid.remove;
    const derived = await deriveCase(reflexiveKind, laid.dir, laid.case);
    const { actual, expected } = goldenOf('reflexive', name, derived, laid.dir);
    expect(actual).toEqual(expected);
  });
});
