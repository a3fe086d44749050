import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markdownText } from '../../src/lib/markdown.ts';

describe('text of others in Markdown', () => {
  it('stays as it is where nothing in it means anything', () => {
    expect(markdownText('run failed (3 of 4), see part 2.')).toBe('run failed (3 of 4), see part 2.');
    expect(markdownText('the pipeline’s own Überwachung')).toBe('the pipeline’s own Überwachung');
  });

  it('is a code span where anything in it does', () => {
    expect(markdownText('[a](http://b)')).toBe('`[a](http://b)`');
    expect(markdownText('see http://b')).toBe('`see http://b`');
    expect(markdownText('WWW.b.c')).toBe('`WWW.b.c`');
    expect(markdownText('<img src=x onerror=y>')).toBe('`<img src=x onerror=y>`');
    expect(markdownText('a@b.c')).toBe('`a@b.c`');
    expect(markdownText('a `` b ` c')).toBe('```a `` b ` c```');
    expect(markdownText('`')).toBe('`` ` ``');
    expect(markdownText('a | b \\| c')).toBe('`a \\x7c b \\\\x7c c`');
    expect(markdownText('one\ntwo')).toBe('`one\\ntwo`');
  });

  it('never leaves its line, its cell or its span, whatever it is', () => {
    const signs = fc.constantFrom(
      '`',
      '``',
      '|',
      '\\',
      '<b>',
      '](',
      'http://',
      '\n',
      '\u001b[2J',
      '\u202e',
      '&lt;',
      ' ',
      'a',
    );
    const texts = fc.oneof(
      fc
        .array(fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code)))
        .map((all) => all.join('')),
      fc.array(signs).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (raw) => {
        const text = markdownText(raw);
        expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f|\u2028\u202e]/);
        if (!text.startsWith('`')) {
          expect(text).not.toMatch(/[<>[\]`*_~\\#@&!{}]|:\/\/|www\./i);
          return;
        }
        const fence = /^`+/.exec(text)?.[0] ?? '';
        const inner = text.slice(fence.length, -fence.length);
        expect(text.endsWith(fence)).toBe(true);
        expect(inner.match(/`+/g) ?? []).not.toContain(fence);
        expect(inner).not.toMatch(/^`|`$/);
      }),
    );
  });
});
