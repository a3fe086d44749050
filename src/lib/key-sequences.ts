/**
 * What complete escape sequences mean: xterm's key encodings, its modifyOtherKeys form, the kitty keyboard protocol,
 * rxvt's and the Linux console's older forms, and the three mouse encodings. Pure tables; the decoder finds the ends.
 */
import type { FocusReport, MouseButton, MouseReport, NamedKey } from './key-event.ts';

/** Meaning of one complete control sequence; undefined for one that says nothing to us (it is swallowed). */
export type SequenceMeaning =
  | { readonly type: 'named'; readonly key: NamedKey; readonly character: boolean }
  | MouseReport
  | FocusReport
  | undefined;

/** Final letters of CSI and SS3: cursor and function keys. */
const LETTER_KEYS: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  E: 'clear',
  F: 'end',
  H: 'home',
  P: 'f1',
  Q: 'f2',
  R: 'f3',
  S: 'f4',
};

/** Numbers before the final `~`. */
const TILDE_KEYS: Readonly<Record<number, string>> = {
  1: 'home',
  2: 'insert',
  3: 'delete',
  4: 'end',
  5: 'pageup',
  6: 'pagedown',
  7: 'home',
  8: 'end',
  11: 'f1',
  12: 'f2',
  13: 'f3',
  14: 'f4',
  15: 'f5',
  17: 'f6',
  18: 'f7',
  19: 'f8',
  20: 'f9',
  21: 'f10',
  23: 'f11',
  24: 'f12',
  25: 'f13',
  26: 'f14',
  28: 'f15',
  29: 'f16',
  31: 'f17',
  32: 'f18',
  33: 'f19',
  34: 'f20',
};

/** Code points with a name of their own (kitty and modifyOtherKeys send them as numbers). */
const NAMED_CODES: Readonly<Record<number, string>> = {
  8: 'backspace',
  9: 'tab',
  13: 'enter',
  27: 'escape',
  32: 'space',
  127: 'backspace',
  57414: 'enter',
  57417: 'left',
  57418: 'right',
  57419: 'up',
  57420: 'down',
  57421: 'pageup',
  57422: 'pagedown',
  57423: 'home',
  57424: 'end',
  57425: 'insert',
  57426: 'delete',
  57427: 'clear',
};

/** Keypad characters of the kitty protocol, from 57399 on: 0 to 9, then the signs. */
const KITTY_KEYPAD = '0123456789./*-+';
const KITTY_KEYPAD_FIRST = 57399;
/** The Unicode private use area where the kitty protocol keeps its functional keys. */
const PRIVATE_USE_FIRST = 0xe000;
const PRIVATE_USE_LAST = 0xf8ff;

const SHIFT = 1;
const ALT = 2;
const CTRL = 4;
/** Meta (32) is what some terminals call Alt. */
const META = 32;
const KITTY_RELEASE = 3;

/** Name of a key under modifier bits, and what it inserts. Shift on a character is part of the character. */
export function modifiedKey(base: string, bits: number, text?: string): NamedKey {
  const ctrl = (bits & CTRL) !== 0;
  const alt = (bits & (ALT | META)) !== 0;
  const shift = (bits & SHIFT) !== 0 && (text === undefined || ctrl || alt);
  const name = `${ctrl ? 'ctrl-' : ''}${alt ? 'alt-' : ''}${shift ? 'shift-' : ''}${base}`;
  return text === undefined || ctrl || alt ? { name } : { name, text };
}

/** The key with Alt held: `ESC` before it. */
export function withAlt(key: NamedKey): NamedKey {
  const bare = key.name.replace(/^ctrl-(?=.)/, '');
  if (bare.startsWith('alt-')) return { name: key.name };
  return { name: bare === key.name ? `alt-${key.name}` : `ctrl-alt-${bare}` };
}

/** Name of a control byte (0 to 31 and 127). The byte 27 is the decoder's own affair. */
export function controlKey(byte: number): NamedKey {
  if (byte === 0x0d) return { name: 'enter' };
  if (byte === 0x09) return { name: 'tab' };
  if (byte === 0x08 || byte === 0x7f) return { name: 'backspace' };
  if (byte === 0x0a) return { name: 'ctrl-j', text: '\n' };
  if (byte === 0x00) return { name: 'ctrl-space' };
  if (byte <= 0x1a) return { name: `ctrl-${String.fromCharCode(byte + 0x60)}` };
  return { name: `ctrl-${String.fromCharCode(byte + 0x40)}` };
}

/** Name of a printable character; undefined for a control character that came in UTF-8. */
export function characterKey(character: string): NamedKey | undefined {
  if (character === ' ') return { name: 'space', text: ' ' };
  return /^\p{Cc}$/u.test(character) ? undefined : { name: character, text: character };
}

/** Meaning of `ESC O` and what followed: an optional modifier digit and the final letter. */
export function meaningOfSs3(body: string): SequenceMeaning {
  const final = body.slice(-1);
  const bits = modifierBits(body.slice(0, -1));
  if (final === 'M') return named(modifiedKey('enter', bits));
  if (/^[abcd]$/.test(final)) return named(modifiedKey(arrowOf(final), CTRL));
  const base = LETTER_KEYS[final];
  return base === undefined ? undefined : named(modifiedKey(base, bits));
}

/** Meaning of the Linux console's `ESC [ [ A` to `E`. */
export function meaningOfConsoleKey(final: string): SequenceMeaning {
  const index = 'ABCDE'.indexOf(final);
  return index < 0 || final === '' ? undefined : named({ name: `f${index + 1}` });
}

/** Meaning of a complete CSI sequence: what stood between `ESC [` and its final character, and that character. */
export function meaningOfCsi(body: string, final: string): SequenceMeaning {
  if (body.startsWith('<')) return sgrMouse(body.slice(1), final);
  if (/[^0-9;:]/.test(body)) return undefined;
  const groups = body.split(';').map((group) => group.split(':').map(toNumber));
  const first = groups[0]?.[0];
  const modifier = groups[1]?.[0];
  const released = groups[1]?.[1] === KITTY_RELEASE;
  if (released) return undefined;
  const bits = modifier === undefined ? 0 : Math.max(0, modifier - 1);
  switch (final) {
    case '~':
      return meaningOfTilde(first, bits, groups);
    case 'u':
      return meaningOfCode(first, bits, groups[0]?.[1], groups[2]);
    case 'Z':
      return named(modifiedKey('tab', bits | SHIFT));
    case 'I':
    case 'O':
      return body === '' ? { type: 'focus', focused: final === 'I' } : undefined;
    case 'M':
      return groups.length === 3
        ? mouse((first ?? 0) - 32, groups[1]?.[0], groups[2]?.[0], false)
        : undefined;
    case '^':
      return numbered(first, CTRL);
    case '@':
      return numbered(first, CTRL | SHIFT);
    case '$':
      return numbered(first, SHIFT);
    case 'a':
    case 'b':
    case 'c':
    case 'd':
      return body === '' ? named(modifiedKey(arrowOf(final), SHIFT)) : undefined;
    default: {
      const base = LETTER_KEYS[final];
      // A number other than 1 before the letter is a report (`ESC [ 12 ; 40 R` is a cursor position), not a key.
      return base === undefined || (first !== undefined && first !== 1)
        ? undefined
        : named(modifiedKey(base, bits));
    }
  }
}

/** Meaning of an X10 mouse report: the three bytes after `ESC [ M`. */
export function meaningOfX10Mouse(bytes: readonly number[]): SequenceMeaning {
  const [code = 32, x = 33, y = 33] = bytes;
  return mouse(code - 32, x - 32, y - 32, false);
}

function meaningOfTilde(
  first: number | undefined,
  bits: number,
  groups: readonly (readonly (number | undefined)[])[],
): SequenceMeaning {
  if (first === 27) return meaningOfCode(groups[2]?.[0], bits, undefined, undefined);
  return numbered(first, bits);
}

function numbered(number: number | undefined, bits: number): SequenceMeaning {
  const base = number === undefined ? undefined : TILDE_KEYS[number];
  return base === undefined ? undefined : named(modifiedKey(base, bits));
}

/** A key sent as a code point: kitty's `code:shifted;modifiers;text u` and modifyOtherKeys' `27;modifiers;code ~`. */
function meaningOfCode(
  code: number | undefined,
  bits: number,
  shifted: number | undefined,
  textCodes: readonly (number | undefined)[] | undefined,
): SequenceMeaning {
  if (code === undefined) return undefined;
  const keypad = KITTY_KEYPAD[code - KITTY_KEYPAD_FIRST];
  if (keypad !== undefined) return named(modifiedKey(keypad, bits, keypad), true);
  const special = NAMED_CODES[code];
  if (special !== undefined)
    return named(modifiedKey(special, bits, special === 'space' ? ' ' : undefined), true);
  if (code < 32 || code > 0x10ffff || (code >= PRIVATE_USE_FIRST && code <= PRIVATE_USE_LAST))
    return undefined;
  if (code >= 0xd800 && code <= 0xdfff) return undefined;
  const plain = String.fromCodePoint(code);
  const text = isCharacter(textCodes?.[0])
    ? String.fromCodePoint(textCodes?.[0] ?? 0)
    : (bits & SHIFT) === 0
      ? plain
      : isCharacter(shifted)
        ? String.fromCodePoint(shifted ?? 0)
        : plain.toUpperCase();
  const plainKey = (bits & (CTRL | ALT | META)) === 0;
  const key = plainKey ? characterKey(text) : modifiedKey(plain.toLowerCase(), shiftOf(bits, plain), plain);
  return key === undefined ? undefined : named(key, true);
}

/** modifyOtherKeys sends the shifted letter itself; kitty sends the unshifted one and the bit. */
function shiftOf(bits: number, plain: string): number {
  return plain !== plain.toLowerCase() ? bits | SHIFT : bits;
}

function isCharacter(code: number | undefined): boolean {
  return code !== undefined && code >= 32 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

function sgrMouse(body: string, final: string): SequenceMeaning {
  if (final !== 'M' && final !== 'm') return undefined;
  if (!/^\d{1,6};\d{1,6};\d{1,6}$/.test(body)) return undefined;
  const [code, x, y] = body.split(';').map(Number);
  return mouse(code ?? 0, x, y, final === 'm');
}

function mouse(
  code: number,
  x: number | undefined,
  y: number | undefined,
  released: boolean,
): SequenceMeaning {
  if (x === undefined || y === undefined || code < 0 || x < 1 || y < 1) return undefined;
  const button = mouseButton(code);
  const moving = (code & 32) !== 0;
  // The older encodings say "some button was released" with the bits of "no button".
  const letGo = released || (!moving && button === 'none');
  const action = letGo ? 'release' : moving ? (button === 'none' ? 'move' : 'drag') : 'press';
  return { type: 'mouse', x, y, button, action };
}

function mouseButton(code: number): MouseButton {
  const low = code & 3;
  if ((code & 128) !== 0) return 'other';
  if ((code & 64) !== 0)
    return (['wheel-up', 'wheel-down', 'wheel-left', 'wheel-right'] as const)[low] ?? 'other';
  return (['left', 'middle', 'right', 'none'] as const)[low] ?? 'other';
}

function modifierBits(digits: string): number {
  return /^\d{1,3}$/.test(digits) ? Math.max(0, Number(digits) - 1) : 0;
}

function arrowOf(letter: string): string {
  return LETTER_KEYS[letter.toUpperCase()] ?? 'up';
}

function toNumber(digits: string): number | undefined {
  return /^\d{1,7}$/.test(digits) ? Number(digits) : undefined;
}

function named(key: NamedKey, character = false): SequenceMeaning {
  return { type: 'named', key, character };
}
