/** Reads what a program wrote to a terminal as a terminal does, and tells what it never should have written. */

/** Private modes the program may switch. */
const MODES = new Set(['7', '25', '1000', '1002', '1003', '1004', '1006', '1049', '2004', '2026']);
/** A control sequence: its parameters, what stands between, and its last byte. */
const CONTROL = /\x1b\[([\x30-\x3f]*)([\x20-\x2f]*)([\x40-\x7e])/y;
const KEYPAD_DIGITS = '\x1b>';
/** Controls of both kinds, what is invisible, what turns text around. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
/** The same in JSON, whose values are to stay what they are: letters nobody has assigned do nothing to a terminal. */
const UNSEEN_IN_JSON = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** What is not on the list, each with what stands around it, at most ten. */
export function strayIn(output: Uint8Array, as: 'text' | 'json' = 'text'): readonly string[] {
  const unseen = as === 'json' ? UNSEEN_IN_JSON : UNSEEN;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(output);
  } catch {
    return ['bytes that are no UTF-8'];
  }
  const stray: string[] = [];
  for (let at = 0; at < text.length && stray.length < 10; ) {
    const next = endOfAllowed(text, at, unseen);
    if (next === at) stray.push(JSON.stringify(text.slice(Math.max(0, at - 20), at + 20)));
    at = next === at ? at + 1 : next;
  }
  return stray;
}

/** Where what is allowed at this place ends; the place itself when nothing is. */
function endOfAllowed(text: string, at: number, unseen: RegExp): number {
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
  if (character === '\n' || character === '\r') return at + 1;
  if (character !== '\x1b') return unseen.test(character) ? at : at + character.length;
  if (text.startsWith(KEYPAD_DIGITS, at)) return at + KEYPAD_DIGITS.length;
  CONTROL.lastIndex = at;
  const match = CONTROL.exec(text);
  return match !== null && isAllowed(match) ? CONTROL.lastIndex : at;
}

/** Moves, erasing but for the lines above the screen, looks, modes. */
function isAllowed([, parameters = '', between, last = '']: RegExpExecArray): boolean {
  if (between !== '') return false;
  if (last === 'm') return /^[\d;]*$/.test(parameters);
  if (/[A-H]/.test(last)) return /^\d*(;\d*)?$/.test(parameters);
  if (last === 'K' || last === 'J') return parameters === '';
  return /[hl]/.test(last) && parameters.startsWith('?') && MODES.has(parameters.slice(1));
}
