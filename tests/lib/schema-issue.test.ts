import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { issueText } from '../../src/lib/schema-issue.ts';

const schema = z.strictObject({
  name: z.string().check(z.minLength(1), z.maxLength(5)),
  on: z.optional(z.boolean()),
  theme: z.optional(z.enum(['color', 'mono'])),
  list: z.optional(z.array(z.string())),
  map: z.optional(z.record(z.string(), z.string())),
  both: z.optional(z.union([z.string(), z.number()])),
});

describe('a complaint of a schema', () => {
  it.each([
    [{}, 'is missing'],
    [{ name: 3 }, 'a text is wanted'],
    [{ name: '' }, 'is empty'],
    [{ name: 'too long' }, 'is longer than 5'],
    [{ name: 'a', on: 'yes' }, 'true or false is wanted'],
    [{ name: 'a', theme: 'pink' }, 'one of these is wanted: color, mono'],
    [{ name: 'a', list: 'x' }, 'a list is wanted'],
    [{ name: 'a', map: [] }, 'a mapping of keys is wanted'],
    [{ name: 'a', both: true }, 'is not of a form that is known'],
    ['text', 'a mapping of keys is wanted'],
  ])('%j: %s', (given, words) => {
    expect(issueText(schema.safeParse(given).error?.issues[0], given)).toBe(words);
  });
});
