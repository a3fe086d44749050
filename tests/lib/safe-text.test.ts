import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { asciiText, asciiWords, safeLines, safeText } from '../../src/lib/safe-text.ts';
import { widthOf } from '../../src/lib/text-width.ts';

const forbidden = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

describe('safe text', () => {
  it('row 13: leaves nothing a terminal would obey, for every code point there is', () => {
    for (let code = 0; code <= 0x10ffff; code += 1) {
      const text = safeText(`a${String.fromCodePoint(code)}b`);
      if (forbidden.test(text) || text.length < 3)
        expect.fail(`U+${code.toString(16)} became ${JSON.stringify(text)}`);
    }
  });

  it('agrees with the renderer on the columns of every code point that is shown', () => {
    for (let code = 0x20; code <= 0x10ffff; code += 1) {
      const text = safeText(`a${String.fromCodePoint(code)}b`);
      if (widthOf(text) !== stringWidth(text)) {
        expect.fail(`U+${code.toString(16)}: ours ${widthOf(text)}, theirs ${stringWidth(text)}`);
      }
    }
  });

  it('agrees with the renderer on whole texts, whatever stands beside what', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.string({ unit: 'binary', maxLength: 20 }),
        (a, b) => {
          const text = safeText(a + b);
          expect(widthOf(text)).toBe(stringWidth(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('row 15: shows escape sequences as notation and keeps the letters around them', () => {
    expect(safeText('\x1b[2Jrm -rf\x07')).toBe('\\x1b[2Jrm -rf\\x07');
    expect(safeText('\x1b\x1b[0m]52;c;eA==')).toBe('\\x1b\\x1b[0m]52;c;eA==');
    expect(safeText('pay\u202eload')).toBe('pay\\u{202e}load');
    expect(safeText('a\u2028b\nc\rd')).toBe('a\\u{2028}b\\nc\\rd');
    expect(safeText('\ud800x')).toBe('\\u{d800}x');
  });

  it('caps a run of combining marks and says how many there were', () => {
    expect(safeText(`Z${'\u0301'.repeat(40)}algo`)).toBe('Z\u0301\u0301\u0301<+37 marks>algo');
    expect(safeText('\u0301x')).toBe('\\u{301}x');
  });

  it('cuts a long text first and never in the middle of a character', () => {
    expect(safeText('x'.repeat(50), 10)).toBe(`${'x'.repeat(10)}...`);
    expect(safeText('\u{1f600}'.repeat(10), 5)).toBe('\u{1f600}\u{1f600}...');
  });

  it('turns tabs into spaces up to the next stop', () => {
    expect(safeText('a\tb')).toBe('a   b');
    expect(safeText('\tb')).toBe('    b');
  });

  it('splits lines before it escapes, and counts those beyond the cap', () => {
    expect(safeLines('a\r\nb\n')).toEqual(['a', 'b']);
    expect(safeLines('a\nb\nc', 2)).toEqual(['a', 'b', '(1 more lines)']);
    expect(safeLines('')).toEqual(['']);
  });

  it('leaves printable ASCII as it is, the same object', () => {
    const text = 'Restart requested: api_unreachable';
    expect(safeText(text)).toBe(text);
  });

  it('has a form for terminals without UTF-8', () => {
    expect(asciiText(safeText('caf\u00e9 \u{1f600}'))).toBe('caf\\xe9 \\u{1f600}');
    const said = safeText('the worker\u2019s name, others\u2019 too \u201cx\u201d and mo\u2026');
    expect(asciiWords(said)).toBe("the worker's name, others' too \\u{201c}x\\u{201d} and mo...");
    expect(asciiText(said)).not.toContain("'");
  });
});
