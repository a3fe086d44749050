import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { patternOf } from '../../src/domain/log-filter.ts';
import { requiredLiteral } from '../../src/logs/required-literal.ts';
import { EMPTY_PIECE, foldPieces, type ScanPiece } from '../../src/logs/scan-file.ts';
import { runScan, type Wanted } from '../../src/logs/scan-job.ts';

const directory = mkdtempSync(join(tmpdir(), 'binnacle-lines-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Searches content in parts that are cut anywhere, and adds them up. */
async function search(
  content: Buffer,
  wanted: Wanted,
  cuts: readonly number[] = [],
  gz = false,
): Promise<ScanPiece> {
  const path = join(directory, 'app.log');
  writeFileSync(path, gz ? gzipSync(content) : content);
  const { dev, ino } = statSync(path);
  const borders = [
    0,
    ...cuts.map((cut) => Math.min(cut, content.length)).sort((a, b) => a - b),
    content.length,
  ];
  let whole = EMPTY_PIECE;
  for (let part = 1; part < borders.length; part += 1) {
    const [from, to] = [borders[part - 1] ?? 0, borders[part] ?? 0];
    let piece = EMPTY_PIECE;
    const job = {
      path,
      fence: [directory],
      device: `${dev}:${ino}`,
      isCompressed: gz,
      from,
      to,
      wanted,
      maxHits: 1000,
    };
    for await (const progress of runScan(job)) piece = progress.piece;
    whole = foldPieces(whole, piece, 1000);
  }
  return whole;
}

/** Byte places of the first match in each line. */
function naive(content: string, pattern: RegExp): number[] {
  const hits: number[] = [];
  let at = 0;
  const lines = content.split('\n');
  for (const [index, line] of lines.entries()) {
    const isEnd = index === lines.length - 1 && line === '';
    const match = pattern.exec(line);
    if (match && !isEnd) hits.push(at + Buffer.byteLength(line.slice(0, match.index)));
    at += Buffer.byteLength(line) + 1;
  }
  return hits;
}

const patterns = [
  'abc',
  'a.*c',
  '^b',
  'c$',
  '[^a]c',
  'a\\s*b',
  'abc|ü',
  'bab?c',
  'aab{2}',
  'x?',
  'A',
  'ü+',
  '(?:ab)+c',
  '^$',
];

describe('a search for a regular expression', () => {
  it('finds in each line what the line by itself holds, whatever the parts', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'ü', ' ', '\n', 'A'), maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.constantFrom(...patterns),
        fc.array(fc.nat(120), { maxLength: 3 }),
        async (content, pattern, cuts) => {
          const piece = await search(Buffer.from(content), { is: 'match', pattern }, cuts);
          expect(piece.hits).toEqual(naive(content, patternOf(pattern)));
          expect(piece.lines).toBe(piece.hits.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('finds the same in a compressed file, and for a text', async () => {
    const lines = Array.from(
      { length: 60_000 },
      (_, index) => `${index} ${index % 977 === 0 ? 'budget ünder 50' : 'accepted'} run`,
    );
    const content = `${lines.join('\n')}\n`;
    const expected = naive(content, /budget .nder \d+/u);
    expect(expected.length).toBe(62);
    for (const gz of [false, true]) {
      const wanted: Wanted = { is: 'match', pattern: 'budget .nder [0-9]+' };
      expect((await search(Buffer.from(content), wanted, [], gz)).hits).toEqual(expected);
      const found = await search(Buffer.from(content), { is: 'text', text: 'budget' }, [], gz);
      expect(found.hits).toEqual(expected);
    }
  });

  it('goes over a line longer than a batch to the next one intact', async () => {
    const content = Buffer.concat([
      Buffer.from('first needle\n'),
      Buffer.alloc(3_000_000, 'x'),
      Buffer.from('\nlast needle\n'),
    ]);
    const { hits } = await search(content, { is: 'match', pattern: 'ne+dle' });
    expect(hits).toEqual([6, 13 + 3_000_001 + 5]);
  });
});

describe('what every match of an expression holds', () => {
  it('is its longest plain run that is not optional', () => {
    const literalOf = (pattern: string): string | undefined => requiredLiteral(patternOf(pattern))?.text;
    expect(literalOf('worker-[35] .* Budget_[a-z]+ed in')).toBe(' Budget_');
    expect(literalOf('Abcd?e')).toBe('Abc');
    expect(literalOf('Abcd+efghi')).toBe('efghi');
    expect(literalOf('Abc(def|ghij)')).toBe('Abc');
    expect(literalOf('(Error)?')).toBeUndefined();
    expect(literalOf('Error|Fatal')).toBeUndefined();
    expect(literalOf('\\x41bcd')).toBeUndefined();
    expect(literalOf('a\\.log\\.1')).toBe('a.log.1');
    expect(literalOf('[0-9]{4}')).toBeUndefined();
  });
});
