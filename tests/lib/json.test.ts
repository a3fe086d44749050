import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { getField, getNumber, readJson } from '../../src/lib/json.ts';
import { costRatio } from '../cost.ts';

const parsed = (text: string): unknown => {
  const read = readJson(text);
  return read.ok ? read.value : `refused: ${read.error}`;
};

describe('JSON from outside', () => {
  it.each([
    ['nothing', ' \n', /^empty$/],
    ['100,000 levels that are never closed', '['.repeat(100_000), /nested deeper than 200 levels/],
    ['levels of both kinds behind text', `${' '.repeat(5_000)}${'{"a":['.repeat(300)}`, /nested deeper/],
    ['something behind it', '{"jobs": []} {"jobs": [1]}', /JSON/],
    ['half of it', '{"jobs": [{"id": "j-1", "na', /JSON/],
    ['a bare word', 'NaN', /JSON/],
    ['a control character in a string', '"a\u0001b"', /JSON/],
    ['a byte order mark in its middle', '{"a":\ufeff1}', /JSON/],
  ])('row 50: with %s is refused, with the reason', (_what, text, reason) => {
    expect(readJson(text)).toEqual({ ok: false, error: expect.stringMatching(reason) });
  });

  it('row 50: is read with a byte order mark before it, and the last of two fields of a name counts', () => {
    expect(parsed('\ufeff{"a": 1, "a": 2}')).toEqual({ a: 2 });
  });

  it('row 50: has no number where one is too large to be one', () => {
    const value = parsed('{"limit": 1e999, "less": -1e999, "cost": 1e3}');
    expect(['limit', 'less', 'cost'].map((key) => getNumber(value, key))).toEqual([
      undefined,
      undefined,
      1000,
    ]);
  });

  it('row 50: names of prototypes are fields like others, and no prototype is changed', () => {
    const value = parsed('{"__proto__": {"admin": true}, "constructor": {"prototype": {"admin": true}}}');
    expect(getField(value, '__proto__')).toEqual({ admin: true });
    expect(getField(value, 'toString')).toBeUndefined();
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it('row 50: may be nested 200 levels deep, and no deeper, with any number of brackets side by side', () => {
    const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expect(readJson(nested(200)).ok).toBe(true);
    expect(readJson(`{"a": ${nested(200)}}`)).toMatchObject({ error: 'nested deeper than 200 levels' });
    const side = JSON.stringify(Array.from({ length: 300 }, () => [{}]));
    expect(parsed(side)).toEqual(JSON.parse(side));
  });

  it('row 50: brackets in strings are no levels', () => {
    const text = JSON.stringify({ a: '['.repeat(1_000), b: '"'.repeat(500), c: '\\'.repeat(500) });
    expect(parsed(text)).toEqual(JSON.parse(text));
  });

  it('row 50: costs in proportion to its length, however it is built', () => {
    for (const build of [
      (size: number) => '['.repeat(size),
      (size: number) => `"${'['.repeat(size)}`,
      (size: number) => `{${'"a":[],'.repeat(size / 7)}`,
      (size: number) => '\\"'.repeat(size / 2),
    ]) {
      const [small, large] = [build(300_000), build(3_000_000)];
      expect(
        costRatio(
          () => void readJson(small),
          () => void readJson(large),
          3,
        ),
      ).toBeLessThan(40);
    }
  });

  it('row 50: never throws, and gives what is JSON unchanged', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string({ unit: 'binary' })), (text) => {
        const read = readJson(text);
        if (read.ok && !text.startsWith('\ufeff')) expect(read.value).toEqual(JSON.parse(text));
      }),
    );
  });
});
