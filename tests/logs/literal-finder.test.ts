import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LiteralFinder, literalFinder, MAX_NEEDLE_BYTES } from '../../src/logs/literal-finder.ts';

/** Every match, overlapping ones too, as the finder tells them. */
function placesBy(finder: LiteralFinder, from: number, to: number): number[] {
  const places: number[] = [];
  for (let at = finder.find(from, to); at !== -1; at = finder.find(at + 1, to)) places.push(at);
  return places;
}

function naive(hay: Uint8Array, needle: Uint8Array, from: number, to: number, ignoreCase: boolean): number[] {
  const fold = (byte: number | undefined): number =>
    ignoreCase && byte !== undefined && byte >= 65 && byte <= 90 ? byte + 32 : (byte ?? -1);
  const places: number[] = [];
  for (let at = from; at + needle.length <= to; at += 1)
    if (needle.every((byte, index) => fold(hay[at + index]) === fold(byte))) places.push(at);
  return places;
}

describe('the literal finder', () => {
  it('finds what the naive search finds, at all alignments, for needles of 1 to 64 bytes', () => {
    // Few different bytes, so that first and last fit often and the rest decides.
    const byte = fc.constantFrom(0x41, 0x61, 0x62, 0x0a, 0x40, 0x60, 0xc3, 0x00);
    fc.assert(
      fc.property(
        fc.array(byte, { minLength: 1, maxLength: 64 }),
        fc.array(byte, { maxLength: 300 }),
        fc.nat(40),
        fc.nat(300),
        fc.boolean(),
        (needleBytes, rest, lead, insertAt, ignoreCase) => {
          const needle = Uint8Array.from(needleBytes);
          const cut = Math.min(insertAt, rest.length);
          const hay = Uint8Array.from([...rest.slice(0, cut), ...needle, ...rest.slice(cut)]);
          const finder = literalFinder(needle, ignoreCase, 2048);
          finder.window.fill(0x61);
          finder.window.set(hay, lead);
          const end = lead + hay.length;
          expect(placesBy(finder, lead, end)).toEqual(naive(finder.window, needle, lead, end, ignoreCase));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('finds a needle at each place of a window, and not where its last byte is cut off', () => {
    for (const length of [1, 2, 15, 16, 17, 63, 64]) {
      const needle = Buffer.alloc(length, 'x');
      const finder = literalFinder(needle, false, 256);
      for (let at = 0; at + length <= 200; at += 1) {
        finder.window.fill(0x2e);
        finder.window.set(needle, at);
        expect(finder.find(0, 256)).toBe(at);
        expect(finder.find(at, at + length)).toBe(at);
        expect(finder.find(0, at + length - 1)).toBe(-1);
      }
    }
  });

  it('takes both cases of letters and nothing else for the same', () => {
    const finder = literalFinder(Buffer.from('a@[z'), true, 64);
    finder.window.fill(0);
    finder.window.write('A@[Z a`{z a@[Z');
    expect(placesBy(finder, 0, 64)).toEqual([0, 10]);
  });

  it('refuses nothing and too much', () => {
    expect(() => literalFinder(new Uint8Array(0), false, 64)).toThrow(RangeError);
    expect(() => literalFinder(new Uint8Array(MAX_NEEDLE_BYTES + 1), false, 64)).toThrow(RangeError);
  });
});
