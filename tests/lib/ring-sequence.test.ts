import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ringSequence } from '../../src/lib/ring-sequence.ts';

const PLAIN = { tmux: false, ascii: false };

describe('ringSequence', () => {
  it('is one BEL for a bell and one OSC 9 for a notification', () => {
    expect(ringSequence({ bell: true }, PLAIN)).toBe('\x07');
    expect(ringSequence({ notify: 'the mill stands' }, PLAIN)).toBe('\x1b]9;binnacle: the mill stands\x1b\\');
    expect(ringSequence({}, PLAIN)).toBe('');
  });

  it('never begins its text with what a terminal takes for an order of its own', () => {
    expect(ringSequence({ notify: '4;1;50' }, PLAIN)).toMatch(/^\x1b\]9;binnacle: 4;1;50/);
  });

  it('holds no control character but its own, whatever the text, wrapped for tmux or not', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constant('\x1b\\\x1b]0;x\x07\u009c\u009d\x1bPtmux;'),
    );
    fc.assert(
      fc.property(text, fc.boolean(), fc.boolean(), (notify, tmux, ascii) => {
        const bytes = ringSequence({ notify }, { tmux, ascii });
        const [start, end] = tmux ? ['\x1bPtmux;\x1b\x1b]9;', '\x1b\x1b\\\x1b\\'] : ['\x1b]9;', '\x1b\\'];
        expect(bytes.startsWith(start) && bytes.endsWith(end)).toBe(true);
        const inner = bytes.slice(start.length, bytes.length - end.length);
        expect(inner).not.toMatch(/\p{C}/u);
        expect(inner.length).toBeLessThan(500);
        if (ascii) expect(inner).toMatch(/^[\x20-\x7e]*$/);
      }),
      { numRuns: 60 },
    );
  });
});
