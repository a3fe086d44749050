import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { safeText } from '../../src/lib/safe-text.ts';
import { cutText, fitText, widthOf, wrapText } from '../../src/lib/text-width.ts';

const anyText = fc.string({ unit: 'grapheme', maxLength: 60 }).map((text) => safeText(text));

describe('columns', () => {
  it('counts wide characters twice and marks not at all', () => {
    expect(widthOf('abc')).toBe(3);
    expect(widthOf('日本')).toBe(4);
    expect(widthOf('e\u0301')).toBe(1);
    expect(widthOf('✅ok')).toBe(4);
  });

  it('cuts to a width and leaves out a wide character that would stick out', () => {
    expect(cutText('abcdef', 4)).toBe('ab..');
    expect(cutText('日本語', 5)).toBe('日..');
    expect(cutText('abc', 3)).toBe('abc');
    expect(cutText('abc', 1)).toBe('a');
    expect(cutText('abc', 0)).toBe('');
  });

  it('fits any text to exactly the columns asked for', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.integer({ min: 0, max: 50 }),
        fc.constantFrom('left' as const, 'right' as const),
        (text, columns, align) => {
          expect(widthOf(fitText(text, columns, align))).toBe(columns);
        },
      ),
    );
  });

  it('wraps without losing a character and without a line that is too long', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 30 }), (text, columns) => {
        const lines = wrapText(text, columns);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      }),
    );
  });

  it('breaks at spaces where it can', () => {
    expect(wrapText('the API must answer first', 12)).toEqual(['the API must', 'answer first']);
  });
});
