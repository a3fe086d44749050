import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineSplitter, type SplitLine } from '../../src/ingest/line-splitter.ts';
import { costRatio } from '../cost.ts';

function split(bytes: Buffer, cuts: readonly number[] = [], maxLineBytes = 1 << 18): SplitLine[] {
  const splitter = new LineSplitter(maxLineBytes);
  const lines: SplitLine[] = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    // The reader reuses its buffer: what is handed over must not be kept.
    const part = Buffer.from(bytes.subarray(from, to));
    splitter.push(part, lines);
    part.fill(0x21);
    from = to;
  }
  splitter.flush(lines, false);
  return lines;
}

const texts: Record<string, Buffer> = {
  'emoji and CRLF': Buffer.from('a😀é\r\nzweite Zeile ✓\r\n\r\nlast'),
  'a byte order mark': Buffer.from('\ufefffirst\nsecond\n'),
  'UTF-16 with its mark, little endian': Buffer.concat([
    Buffer.from([0xff, 0xfe]),
    Buffer.from('hé😀\nb\u0a00\nx\n', 'utf16le'),
  ]),
  'UTF-16 with its mark, big endian': Buffer.concat([
    Buffer.from([0xfe, 0xff]),
    Buffer.from('hé😀\nb\u0a00\nx\n', 'utf16le').swap16(),
  ]),
  'UTF-16 without a mark': Buffer.from('plain text in wide letters\nsecond\n', 'utf16le'),
  'bytes that are not UTF-8': Buffer.from([0x61, 0xff, 0xfe, 0x62, 0x0a, 0xc3, 0x0a, 0xe2, 0x82, 0x0a]),
};

describe('split at every byte', () => {
  for (const [name, bytes] of Object.entries(texts)) {
    test(`${name} gives the same lines as read whole`, () => {
      const whole = split(bytes);
      for (let cut = 0; cut <= bytes.length; cut += 1) expect(split(bytes, [cut])).toEqual(whole);
      const each = Array.from({ length: bytes.length }, (_, index) => index);
      expect(split(bytes, each)).toEqual(whole);
    });
  }

  test('decodes what it should', () => {
    const lines = (name: string): string[] => split(texts[name] ?? Buffer.alloc(0)).map((line) => line.text);
    expect(lines('emoji and CRLF')).toEqual(['a😀é', 'zweite Zeile ✓', '', 'last']);
    expect(lines('a byte order mark')).toEqual(['first', 'second']);
    expect(lines('UTF-16 with its mark, little endian')).toEqual(['hé😀', 'b\u0a00', 'x']);
    expect(lines('UTF-16 with its mark, big endian')).toEqual(['hé😀', 'b\u0a00', 'x']);
    expect(lines('UTF-16 without a mark')).toEqual(['plain text in wide letters', 'second']);
    expect(lines('bytes that are not UTF-8')).toEqual(['a\ufffd\ufffdb', '\ufffd', '\ufffd']);
  });

  test('row 37: random bytes: cuts never matter, and offsets point at the lines', () => {
    const bytes = fc
      .uint8Array({ maxLength: 300 })
      .map((array) => Buffer.from(array.map((byte) => (byte % 7 === 0 ? 0x0a : byte))));
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.nat(300), { maxLength: 6 }),
        fc.integer({ min: 16, max: 64 }),
        (all, cuts, cap) => {
          const sorted = cuts.filter((cut) => cut <= all.length).sort((a, b) => a - b);
          expect(split(all, sorted, cap)).toEqual(split(all, [], cap));
          for (const line of split(all)) {
            if (line.text === '' || !/^[\x20-\x7e]+$/.test(line.text) || all[1] === 0 || all[0] === 0)
              continue;
            expect(all.toString('latin1', line.offset, line.offset + line.text.length)).toBe(line.text);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('hostile content', () => {
  test('cuts a long line at a character, marks it, and goes on with the next', () => {
    const lines = split(Buffer.from(`${'é'.repeat(50)}\nok\n`), [40], 33);
    expect(lines).toEqual([
      { text: 'é'.repeat(16), offset: 0, cut: true },
      { text: 'ok', offset: 101 },
    ]);
  });

  test('skips a hole of zero bytes before a line quickly', () => {
    const read = (bytes: Buffer): SplitLine[] => {
      const splitter = new LineSplitter(1 << 18);
      const lines: SplitLine[] = [];
      for (let from = 0; from < bytes.length; from += 1 << 18)
        splitter.push(bytes.subarray(from, from + (1 << 18)), lines);
      return lines;
    };
    const hole = Buffer.concat([Buffer.from('a\n'), Buffer.alloc(50_000_000), Buffer.from('b\n')]);
    // Text of the same size, in lines of a kilobyte: a hole is passed over, not taken apart.
    const text = Buffer.from(`${'x'.repeat(999)}\n`.repeat(50_000));
    const ratio = costRatio(
      () => read(text),
      () => read(hole),
      3,
    );
    expect(ratio).toBeLessThan(3);
    expect(read(hole)).toEqual([
      { text: 'a', offset: 0 },
      { text: 'b', offset: 50_000_002 },
    ]);
  });
});
