import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instant } from '../../../src/domain/instant.ts';
import { logParser } from '../../../src/systems/orket/parse-log.ts';
import type { ParseContext } from '../../../src/systems/system.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/orket');
const lines = readdirSync(FIXTURES, { recursive: true })
  .map(String)
  .filter((path) => path.endsWith('.log') || path.endsWith('.jsonl'))
  .flatMap((path) => readFileSync(join(FIXTURES, path), 'utf8').split('\n'));

const context: ParseContext = {
  located: { system: 'orket' as never, kind: 'orket', root: '/', timezone: 'UTC', settings: {}, extra: {} },
  source: 'orket.log',
  path: 'orket.log',
  now: instant(0),
  fact: () => undefined,
};

/** Time and level of the record that the whole parser makes of a line, the slow way. */
function folded(text: string): object | undefined {
  const { records = [] } = logParser.fold(null, { type: 'lines', lines: [{ text, offset: 0 }] }, context);
  const [record] = records;
  if (!record) return undefined;
  const { at, level } = record;
  return { ...(at === undefined ? {} : { at }), ...(level === undefined ? {} : { level }) };
}

describe('judging a line of orket.log by itself', () => {
  it('says of every line of the fixtures what the parser says', () => {
    expect(lines.length).toBeGreaterThan(100);
    for (const line of lines) expect({ line, ...logParser.judge?.(line) }).toEqual({ line, ...folded(line) });
    expect(new Set(lines.map((line) => logParser.judge?.(line)?.level)).size).toBeGreaterThan(3);
  });

  it('says the same of lines that are cut, glued, written over or nested deep', () => {
    const whole = fc.constantFrom(...lines.filter((line) => line !== ''));
    const piece = fc
      .tuple(whole, fc.nat(), fc.nat())
      .map(([line, a, b]) => line.slice(Math.min(a, b) % line.length, 1 + (Math.max(a, b) % line.length)));
    const noise = fc.constantFrom(
      '',
      ' ',
      '\t',
      '[',
      '{"',
      '[['.repeat(150),
      '"level": "error", ',
      '\u2028',
      '}',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(whole, piece, noise), { minLength: 1, maxLength: 3 }), (parts) => {
        const line = parts.join('');
        expect(logParser.judge?.(line)).toEqual(folded(line));
      }),
      { numRuns: 2000 },
    );
  });
});
