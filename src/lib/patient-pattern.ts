/**
 * Expressions that can take for ever. A repetition within a repetition, or of alternatives, tries ways through a line that
 * grow with each character of it: `(\w+\s?)*$` would hold its thread for years on a line of base64. The engine of regular
 * expressions goes over to one that takes time in proportion to the line once it has tried too many ways
 * ({@link PATIENCE_FLAG}), but not for expressions with the flags `i` or `u`; so such expressions are written without.
 */

/** The option of V8 that makes it so. To be set before the first expression is used. */
export const PATIENCE_FLAG = '--enable-experimental-regexp-engine-on-excessive-backtracks';

/** What has no form without the flags, or is nothing the other engine knows: look-around, back-references, classes by name. */
const NO_OTHER_FORM = /[^\0-\x7f]|\(\?(?!:|<\w)|\(\?<[=!]|\\(?:[1-9kpPxuc])/;

/** The same expression without flags, where it may take for ever and has such a form. Of valid ones (with `u`) alone. */
export function patientForm(pattern: string, ignoreCase: boolean): string | undefined {
  if (NO_OTHER_FORM.test(pattern) || !mayTakeForever(pattern)) return undefined;
  const plain = pattern.replace(/\(\?<\w+>/g, '(');
  return ignoreCase ? inBothCases(plain) : plain;
}

/** Its signs: an escaped one, a class, the beginning of a group, a count, or a character. */
const SIGN = /\\.|\[(?:\\.|[^\]\\])*\]|\(\?(?::|<\w+>)|\{\d+(?:,\d*)?\}|./gs;

function mayTakeForever(pattern: string): boolean {
  /** For each open group: whether there are several ways through it. */
  const groups: boolean[] = [];
  let closed = false;
  for (const [sign] of pattern.matchAll(SIGN)) {
    const repeats = /^(?:[*+]|\{\d+(?:,\d*)?\})$/.test(sign);
    if (repeats && closed) return true;
    if (sign.startsWith('(')) groups.push(false);
    else if ((repeats || sign === '|' || sign === '?') && groups.length > 0) groups[groups.length - 1] = true;
    closed = false;
    if (sign !== ')') continue;
    closed = groups.pop() === true;
    if (closed && groups.length > 0) groups[groups.length - 1] = true;
  }
  return false;
}

function inBothCases(pattern: string): string {
  return pattern.replace(SIGN, (sign) => {
    if (/^[a-z]$/i.test(sign)) return `[${sign.toLowerCase()}${sign.toUpperCase()}]`;
    return /^\[[^\]]/.test(sign) ? classInBothCases(sign) : sign;
  });
}

function classInBothCases(set: string): string {
  let letters = '';
  for (const [, from = '', to = from] of set
    .slice(1, -1)
    .replace(/^\^/, '')
    .matchAll(/(\\.|[^\\])(?:-(\\.|[^\\]))?/gs)) {
    if (/^\\[a-zA-Z0]$/.test(from)) continue;
    const [first, last] = [from, to].map((one) => one.replace(/^\\/, '').charCodeAt(0)) as [number, number];
    for (let code = first; code <= last; code += 1) {
      const letter = String.fromCharCode(code);
      if (/[a-z]/i.test(letter))
        letters += letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
    }
  }
  return `${set.slice(0, -1)}${letters}]`;
}
