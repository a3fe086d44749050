/**
 * Which rules are worth trying on a text: one look at each of its characters. Three in a row speak for a rule, and nearly
 * all text has none of them.
 */
import { RULES } from './secret-rules.ts';

/** Bits of {@link traitsOf} beside those of the rules. */
export const MAY_HOLD_KEY = 1 << 29;
export const MAY_HOLD_KNOWN = 1 << 30;
/** Terminal colours may cut a secret in two. */
export const HAS_ESCAPE = 1 << 31;

const URL_RULE = RULES.findIndex(({ find }) => find.source.includes(':\\/\\/'));
const BOT_RULE = RULES.findIndex(({ find }) => find.source.includes('[MNO]'));
/** Seen `://`; with an `@` behind it, a password may stand in an address. Shares a bit with nothing the index sets. */
const URL_BIT = 1 << URL_RULE;
const BOT_BIT = 1 << BOT_RULE;

/** Characters by what the index tells apart: letters in any case, digits, `-`, `_`, `:`, and `/` with `.`. */
const CLASSES = classTable();

function classTable(): Uint8Array {
  const table = new Uint8Array(128);
  for (let n = 0; n < 26; n += 1) {
    table[65 + n] = n + 1;
    table[97 + n] = n + 1;
  }
  for (let n = 48; n < 58; n += 1) table[n] = 27;
  for (const [character, value] of [
    ['-', 28],
    ['_', 29],
    [':', 30],
    ['/', 31],
    ['.', 31],
  ] as const)
    table[character.charCodeAt(0)] = value;
  return table;
}

function classOf(code: number): number {
  return code < 128 ? (CLASSES[code] ?? 0) : 0;
}

/** Place in the index of three characters. */
function placeOf(text: string): number {
  return (
    (classOf(text.charCodeAt(0)) << 10) | (classOf(text.charCodeAt(1)) << 5) | classOf(text.charCodeAt(2))
  );
}

/** What three characters in a row speak for. */
export interface SecretIndex {
  /** Rules, by the kinds of the three characters. */
  readonly rules: Int32Array;
  /** 1 where a known value begins with them, by the characters themselves: dates look like the digits of many values. */
  readonly known: Uint8Array;
}

/** The index of all rules, and of `known` values that are to be found as well. */
export function indexOfSecrets(known: readonly string[]): SecretIndex {
  const index = { rules: new Int32Array(1 << 15), known: new Uint8Array(1 << 15) };
  const add = (text: string, bit: number): void => {
    const place = placeOf(text);
    index.rules[place] = (index.rules[place] ?? 0) | bit;
  };
  for (const [rule, { near }] of RULES.entries()) for (const text of near) add(text, 1 << rule);
  // The words PRIVATE KEY.
  add('vat', MAY_HOLD_KEY);
  for (const value of known) {
    let exact = 0;
    for (let at = 0; at < 3; at += 1) exact = nextExact(exact, value.charCodeAt(at));
    index.known[exact] = 1;
  }
  return index;
}

/** The last three characters, folded to 15 bits. */
function nextExact(exact: number, code: number): number {
  return ((exact << 5) ^ code) & 0x7fff;
}

/** Parts of a Discord token before its first dot have this many characters at least. */
const BOT_ID = 24;

/** Which rules may find something in the text: one look at each character. */
export function traitsOf(text: string, { rules, known }: SecretIndex): number {
  let traits = 0;
  let isKnown = 0;
  let exact = 0;
  let place = 0;
  let run = 0;
  let sawAddress = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const kind = code < 128 ? (CLASSES[code] as number) : 0;
    place = ((place << 5) | kind) & 0x7fff;
    exact = nextExact(exact, code);
    traits |= rules[place] as number;
    isKnown |= known[exact] as number;
    if (kind > 0 && kind < 30) run += 1;
    else {
      if (run >= BOT_ID && code === 46) traits |= BOT_BIT;
      run = 0;
      if (place === ADDRESS) sawAddress = true;
      else if (code === 64 && sawAddress) traits |= URL_BIT;
      else if (code === 27) traits |= HAS_ESCAPE;
    }
  }
  return isKnown === 1 ? traits | MAY_HOLD_KNOWN : traits;
}

const ADDRESS = placeOf('://');
