import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyDecoder, type KeyEvent } from '../../src/lib/key-decoder.ts';
import { PASTE_LIMIT_BYTES } from '../../src/lib/key-state.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** One read, and everything given up afterwards. */
function decode(input: string | Uint8Array): KeyEvent[] {
  const decoder = createKeyDecoder();
  const read = typeof input === 'string' ? bytes(input) : input;
  return [...decoder.push(read, 1000), ...drain(decoder, 1000)];
}

function drain(decoder: ReturnType<typeof createKeyDecoder>, from: number): KeyEvent[] {
  const events: KeyEvent[] = [];
  for (let at = from, wait = decoder.waiting(); wait !== undefined; wait = decoder.waiting()) {
    at += wait;
    events.push(...decoder.flush(at));
  }
  return events;
}

/** The bytes in the given pieces, each `gapMs` after the one before. */
function decodePieces(pieces: readonly Uint8Array[], gapMs: number): KeyEvent[] {
  const decoder = createKeyDecoder();
  const events: KeyEvent[] = [];
  let at = 1000;
  for (const piece of pieces) {
    events.push(...decoder.push(piece, at));
    at += gapMs;
  }
  return [...events, ...drain(decoder, at - gapMs)];
}

const names = (events: readonly KeyEvent[]): string[] =>
  events.map((event) => (event.type === 'key' ? event.name : `<${event.type}>`));

/** Every sequence below with what it means; `[]` is swallowed whole. */
const SEQUENCES: readonly (readonly [string, readonly string[]])[] = [
  ['\x1b[A', ['up']],
  ['\x1b[B', ['down']],
  ['\x1b[C', ['right']],
  ['\x1b[D', ['left']],
  ['\x1b[H', ['home']],
  ['\x1b[F', ['end']],
  ['\x1b[E', ['clear']],
  ['\x1bOA', ['up']],
  ['\x1bOB', ['down']],
  ['\x1bOC', ['right']],
  ['\x1bOD', ['left']],
  ['\x1bOH', ['home']],
  ['\x1bOF', ['end']],
  ['\x1bOP', ['f1']],
  ['\x1bOS', ['f4']],
  ['\x1bOM', ['enter']],
  ['\x1bOj', []],
  ['\x1bO5A', ['ctrl-up']],
  ['\x1bO1;2P', ['shift-f1']],
  ['\x1bOa', ['ctrl-up']],
  ['\x1b[1;2A', ['shift-up']],
  ['\x1b[1;5C', ['ctrl-right']],
  ['\x1b[1;3D', ['alt-left']],
  ['\x1b[1;8B', ['ctrl-alt-shift-down']],
  ['\x1b[1;2R', ['shift-f3']],
  ['\x1b[12;40R', []],
  ['\x1b[1~', ['home']],
  ['\x1b[2~', ['insert']],
  ['\x1b[3~', ['delete']],
  ['\x1b[4~', ['end']],
  ['\x1b[5~', ['pageup']],
  ['\x1b[6~', ['pagedown']],
  ['\x1b[7~', ['home']],
  ['\x1b[8~', ['end']],
  ['\x1b[15~', ['f5']],
  ['\x1b[24~', ['f12']],
  ['\x1b[24;5~', ['ctrl-f12']],
  ['\x1b[99~', []],
  ['\x1b[5^', ['ctrl-pageup']],
  ['\x1b[5@', ['ctrl-shift-pageup']],
  ['\x1b[5$', ['shift-pageup']],
  ['\x1b[b', ['shift-down']],
  ['\x1b[Z', ['shift-tab']],
  ['\x1b[[A', ['f1']],
  ['\x1b[[E', ['f5']],
  ['\x1b[[y', []],
  ['\x1b\x1b[A', ['alt-up']],
  ['\x1b\x1bOP', ['alt-f1']],
  ['\x1bx', ['alt-x']],
  ['\x1bX', ['alt-X']],
  ['\x1b\r', ['alt-enter']],
  ['\x1b\x7f', ['alt-backspace']],
  ['\x1b\x04', ['ctrl-alt-d']],
  ['\x1b ', ['alt-space']],
  ['\x1bé', ['alt-é']],
  ['\x1b[97u', ['a']],
  ['\x1b[97;1:3u', []],
  ['\x1b[97;1:2u', ['a']],
  ['\x1b[97;2u', ['A']],
  ['\x1b[97:65;2u', ['A']],
  ['\x1b[49:33;2u', ['!']],
  ['\x1b[97;2;65u', ['A']],
  ['\x1b[100;5u', ['ctrl-d']],
  ['\x1b[97;6u', ['ctrl-shift-a']],
  ['\x1b[97;7u', ['ctrl-alt-a']],
  ['\x1b[27u', ['escape']],
  ['\x1b[13u', ['enter']],
  ['\x1b[13;2u', ['shift-enter']],
  ['\x1b[9;2u', ['shift-tab']],
  ['\x1b[127u', ['backspace']],
  ['\x1b[57414u', ['enter']],
  ['\x1b[57400u', ['1']],
  ['\x1b[57441;2u', []],
  ['\x1b[?7u', []],
  ['\x1b[1;1:3A', []],
  ['\x1b[1;1:1A', ['up']],
  ['\x1b[27;5;100~', ['ctrl-d']],
  ['\x1b[27;6;68~', ['ctrl-shift-d']],
  ['\x1b[27;2;13~', ['shift-enter']],
  ['\x1b[I', ['<focus>']],
  ['\x1b[O', ['<focus>']],
  ['\x1b[<0;10;5M', ['<mouse>']],
  ['\x1b[<0;10;5m', ['<mouse>']],
  ['\x1b[<64;1;1M', ['<mouse>']],
  ['\x1b[32;10;5M', ['<mouse>']],
  ['\x1b[M !!', ['<mouse>']],
  ['\x1b[Mayy', ['<mouse>']],
  ['\x1b[<0;10;5D', []],
  ['\x1b[?64;1;2c', []],
  ['\x1b[>0;276;0c', []],
  ['\x1b[?2026;2$y', []],
  ['\x1b[4;1$y', []],
  ['\x1b[0n', []],
  ['\x1b[8;24;80t', []],
  ['\x1b[200~y\n\x1b[201~', ['<paste>']],
  ['\x1b[201~', []],
  ['\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\', []],
  ['\x1b]52;c;eWVz\x07', []],
  ['\x1bP>|XTerm(380)\x1b\\', []],
  ['\x1bP1$r0 q\x1b\\', []],
  ['\x1b_Gi=1;OK\x1b\\', []],
  ['é', ['é']],
  ['漢', ['漢']],
  ['👍', ['👍']],
];

describe('a key decoder', () => {
  it('names the plain keys', () => {
    const typed: readonly (readonly [string, string, string?])[] = [
      ['a', 'a', 'a'],
      ['A', 'A', 'A'],
      [' ', 'space', ' '],
      ['\r', 'enter'],
      ['\n', 'ctrl-j', '\n'],
      ['\t', 'tab'],
      ['\x7f', 'backspace'],
      ['\b', 'backspace'],
      ['\x04', 'ctrl-d'],
      ['\x15', 'ctrl-u'],
      ['\x00', 'ctrl-space'],
      ['\x1a', 'ctrl-z'],
      ['\x1c', 'ctrl-\\'],
      ['\x1f', 'ctrl-_'],
      ['+', '+', '+'],
      ['ß', 'ß', 'ß'],
    ];
    for (const [input, name, text] of typed)
      expect(decode(input)).toEqual([
        { type: 'key', name, typed: 'alone', ...(text === undefined ? {} : { text }) },
      ]);
  });

  it.each(SEQUENCES)('understands %j', (sequence, expected) => {
    expect(names(decode(sequence))).toEqual(expected);
  });

  it.each(SEQUENCES)(
    'reads %j the same split at every byte, with gaps up to 300 ms',
    (sequence, expected) => {
      const whole = bytes(sequence);
      for (const gapMs of [0, 1, 29, 60, 150, 299, 300]) {
        for (let split = 1; split < whole.length; split += 1)
          expect(names(decodePieces([whole.slice(0, split), whole.slice(split)], gapMs))).toEqual(expected);
        expect(
          names(
            decodePieces(
              Array.from(whole, (byte) => Uint8Array.of(byte)),
              gapMs,
            ),
          ),
        ).toEqual(expected);
      }
    },
  );

  it('row 65: gives no letter that could act, however slowly a sequence arrives', () => {
    for (const [sequence, expected] of SEQUENCES) {
      const whole = bytes(sequence);
      if (whole[0] !== 0x1b || whole.length < 3) continue;
      for (const gapMs of [301, 400, 599]) {
        for (let split = 1; split < whole.length; split += 1) {
          const events = decodePieces([whole.slice(0, split), whole.slice(split)], gapMs);
          const alive = events.filter(
            (event) =>
              event.type === 'key' &&
              event.name.length === 1 &&
              event.typed === 'alone' &&
              event.sinceEscapeMs === undefined,
          );
          if (alive.length > 0) expect(names(alive)).toEqual(expected);
        }
      }
    }
  });

  it('takes a lone ESC for Escape after the wait, and says when to ask', () => {
    const decoder = createKeyDecoder();
    expect(decoder.waiting()).toBeUndefined();
    expect(decoder.push(bytes('\x1b'), 1000)).toEqual([]);
    expect(decoder.waiting()).toBe(301);
    expect(decoder.flush(1200)).toEqual([]);
    expect(decoder.waiting()).toBe(101);
    expect(decoder.flush(1301)).toEqual([{ type: 'key', name: 'escape', typed: 'alone' }]);
    expect(decoder.waiting()).toBeUndefined();
  });

  it('gives up on its own when the next read comes late, though nobody called flush', () => {
    const decoder = createKeyDecoder();
    decoder.push(bytes('\x1b'), 1000);
    expect(names(decoder.push(bytes('j'), 5000))).toEqual(['escape', 'j']);
  });

  it('marks the keys that follow an unfinished ESC for 300 ms', () => {
    const decoder = createKeyDecoder();
    decoder.push(bytes('\x1b'), 1000);
    decoder.flush(1301);
    expect(decoder.push(bytes('B'), 1400)).toMatchObject([{ name: 'B', sinceEscapeMs: 99 }]);
    expect(decoder.push(bytes('y'), 1602)).toEqual([{ type: 'key', name: 'y', text: 'y', typed: 'alone' }]);
  });

  it('does not mark a letter typed after a whole arrow', () => {
    const decoder = createKeyDecoder();
    decoder.push(bytes('\x1b[B'), 1000);
    expect(decoder.push(bytes('a'), 1100)).toEqual([{ type: 'key', name: 'a', text: 'a', typed: 'alone' }]);
  });

  it('says how long before an Alt key its ESC came', () => {
    const decoder = createKeyDecoder();
    decoder.push(bytes('\x1b'), 1000);
    expect(decoder.push(bytes('j'), 1200)).toMatchObject([{ name: 'alt-j', sinceEscapeMs: 200 }]);
  });

  it('takes ESC pressed twice and three times for as many Escapes', () => {
    expect(names(decode('\x1b\x1b'))).toEqual(['escape', 'escape']);
    expect(names(decode('\x1b\x1b\x1b'))).toEqual(['escape', 'escape', 'escape']);
  });

  it('keeps a broken mouse report back and swallows it', () => {
    const decoder = createKeyDecoder();
    expect(decoder.push(bytes('\x1b[<'), 1000)).toEqual([]);
    expect(decoder.push(bytes('0;10'), 1900)).toEqual([]);
    expect(decoder.flush(2400)).toEqual([]);
    expect(decoder.flush(2901)).toEqual([]);
    expect(decoder.waiting()).toBeUndefined();
    expect(decoder.push(bytes('M'), 2950)).toMatchObject([{ name: 'M', sinceEscapeMs: 49 }]);
  });

  it('goes on with the key that breaks a sequence off', () => {
    expect(names(decode('\x1b[1\r'))).toEqual(['enter']);
    expect(names(decode('\x1b[1;\x1b[A'))).toEqual(['up']);
    expect(names(decode('\x1bO\x1b[B'))).toEqual(['down']);
    expect(names(decode('\x1b]11;rgb\x1b[A'))).toEqual(['up']);
    expect(names(decode('\x1b[é'))).toEqual(['é']);
  });

  it('tells Alt with an opening bracket or a capital P from a terminal answering', () => {
    expect(names(decode('\x1b['))).toEqual(['alt-[']);
    expect(names(decode('\x1b]'))).toEqual(['alt-]']);
    expect(names(decode('\x1bP'))).toEqual(['alt-P']);
    expect(names(decode('\x1bO'))).toEqual(['alt-O']);
    expect(names(decode('\x1bPj'))).toEqual(['alt-P', 'j']);
  });

  it('lets typing through again when the end of a terminal answer was lost', () => {
    const decoder = createKeyDecoder();
    decoder.push(bytes('\x1b]11;rgb:0'), 0);
    expect(names(decoder.push(bytes('\r'), 500))).toEqual(['enter']);
    decoder.push(bytes('\x1b]11;rgb:0'), 1000);
    expect(names(decoder.push(bytes('j'), 2001))).toEqual(['j']);
  });

  it('marks what was not typed key by key', () => {
    const typed = (events: KeyEvent[]): string[] =>
      events.map((event) => (event.type === 'key' ? `${event.name}:${event.typed}` : event.type));
    expect(typed(decode('ay'))).toEqual(['a:burst', 'y:burst']);
    expect(typed(decode('y\r'))).toEqual(['y:burst', 'enter:burst']);
    expect(typed(decode('\x1b[By'))).toEqual(['down:alone', 'y:burst']);
    expect(typed(decode('\x1b[B\x1b[B'))).toEqual(['down:alone', 'down:alone']);
    expect(typed(decode('\x1b[97u\x1b[121u'))).toEqual(['a:burst', 'y:burst']);
    expect(typed(decode('y'))).toEqual(['y:alone']);
  });

  it('marks a character that follows another faster than a hand types', () => {
    const decoder = createKeyDecoder();
    expect(decoder.push(bytes('y'), 1000)).toMatchObject([{ typed: 'alone' }]);
    expect(decoder.push(bytes('\r'), 1029)).toMatchObject([{ name: 'enter', typed: 'burst' }]);
    expect(decoder.push(bytes('y'), 1059)).toMatchObject([{ name: 'y', typed: 'alone' }]);
  });

  it('swallows bytes that are no text, and goes on', () => {
    expect(names(decode(Uint8Array.of(0xff, 0xc0, 0x80, 0xfe, 0x9b, 0x41)))).toEqual(['A']);
    expect(names(decode(Uint8Array.of(0xe2, 0x82, 0x41)))).toEqual(['A']);
    expect(names(decode(Uint8Array.of(0xc2, 0x9b)))).toEqual([]);
    expect(names(decode(Uint8Array.of(0xed, 0xa0, 0x80)))).toEqual([]);
    const decoder = createKeyDecoder();
    decoder.push(Uint8Array.of(0xe6), 0);
    expect(names(decoder.push(bytes('y'), 400))).toEqual(['y']);
  });

  it('reads mouse reports of three encodings', () => {
    const click = { type: 'mouse', x: 10, y: 5, button: 'left', action: 'press' };
    expect(decode('\x1b[<0;10;5M')).toEqual([click]);
    expect(decode('\x1b[32;10;5M')).toEqual([click]);
    expect(decode('\x1b[M\x20\x2a\x25')).toEqual([click]);
    expect(decode('\x1b[<0;10;5m')).toEqual([{ ...click, action: 'release' }]);
    expect(decode('\x1b[<35;10;5M')).toEqual([{ ...click, button: 'none', action: 'move' }]);
    expect(decode('\x1b[<34;10;5M')).toEqual([{ ...click, button: 'right', action: 'drag' }]);
    expect(decode('\x1b[<65;10;5M')).toEqual([{ ...click, button: 'wheel-down' }]);
    expect(decode('\x1b[M#**')).toMatchObject([{ action: 'release' }]);
    expect(decode('\x1b[<0;0;5M')).toEqual([]);
  });
});

describe('a bracketed paste', () => {
  const pasteOf = (events: KeyEvent[]): string[] =>
    events.map((e) => (e.type === 'paste' ? e.text : `KEY ${e.type}`));

  it('row 48: is one event, wherever it is split, and never a key', () => {
    const whole = bytes('\x1b[200~yes\r\n漢字\x1b[A \x1b[201\x1b\x1b[201~');
    const expected = ['yes\n漢字\x1b[A \x1b[201\x1b'];
    for (let split = 1; split < whole.length; split += 1)
      expect(pasteOf(decodePieces([whole.slice(0, split), whole.slice(split)], 250))).toEqual(expected);
  });

  it('that never ends is closed after a silence, and what comes late can not act', () => {
    const decoder = createKeyDecoder();
    expect(decoder.push(bytes('\x1b[200~half'), 1000)).toEqual([]);
    expect(decoder.waiting()).toBe(2001);
    expect(decoder.flush(3001)).toEqual([{ type: 'paste', text: 'half' }]);
    expect(decoder.push(bytes('y'), 4000)).toMatchObject([{ name: 'y', typed: 'burst' }]);
    expect(decoder.push(bytes('\x1b[201~'), 4100)).toEqual([]);
    expect(decoder.push(bytes('y'), 9000)).toMatchObject([{ name: 'y', typed: 'alone' }]);
  });

  it('is cut at the limit and says so', () => {
    const decoder = createKeyDecoder();
    decoder.push(bytes('\x1b[200~'), 0);
    decoder.push(new Uint8Array(PASTE_LIMIT_BYTES + 5000).fill(0x61), 0);
    const [paste] = decoder.push(bytes('\x1b[201~'), 0);
    expect(paste).toMatchObject({ type: 'paste', cut: true });
    expect(paste?.type === 'paste' && paste.text.length).toBe(PASTE_LIMIT_BYTES);
  });

  it('leaves a key that came in the same read unable to confirm', () => {
    expect(decode('\x1b[200~text\x1b[201~y')).toMatchObject([
      { type: 'paste' },
      { name: 'y', typed: 'burst' },
    ]);
  });
});

describe('any input', () => {
  const sequence = fc.constantFrom(...SEQUENCES.filter(([text]) => !text.startsWith('\x1b[M')));
  const cuts = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 40 });

  function pieces(whole: Uint8Array, sizes: readonly number[]): Uint8Array[] {
    const result: Uint8Array[] = [];
    for (let from = 0, index = 0; from < whole.length; index += 1) {
      const size = sizes[index % sizes.length] ?? 1;
      result.push(whole.slice(from, from + size));
      from += size;
    }
    return result;
  }

  it('made of whole sequences means the same in whatever pieces it arrives', () => {
    fc.assert(
      fc.property(
        fc.array(sequence, { minLength: 1, maxLength: 12 }),
        cuts,
        fc.integer({ min: 0, max: 300 }),
        (parts, sizes, gapMs) => {
          const whole = bytes(parts.map(([text]) => text).join(''));
          const expected = parts.flatMap(([, meaning]) => meaning);
          expect(names(decodePieces(pieces(whole, sizes), gapMs))).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('never throws, never leaves anything held, and gives only well-formed events', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.integer({ min: 0, max: 3000 })), {
          maxLength: 20,
        }),
        (reads) => {
          const decoder = createKeyDecoder();
          const events: KeyEvent[] = [];
          let at = 0;
          for (const [read, gapMs] of reads) {
            at += gapMs;
            events.push(...decoder.push(read, at));
          }
          events.push(...drain(decoder, at));
          expect(decoder.waiting()).toBeUndefined();
          for (const event of events) {
            if (event.type === 'key') expect(event.name).not.toBe('');
            if (event.type === 'key' && event.text !== undefined && event.text !== '\n')
              expect(event.text).not.toMatch(/\p{Cc}/u);
            if (event.type === 'mouse') expect(Math.min(event.x, event.y)).toBeGreaterThanOrEqual(1);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('row 48: pasted without brackets in one read has no key that may act', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 2, maxLength: 30 }), (text) => {
        for (const event of decode(text)) expect(event).toMatchObject({ type: 'key', typed: 'burst' });
      }),
    );
  });
});
