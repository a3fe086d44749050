/** Private keys in the form of PEM: many lines that are one secret. */
import { MASK } from './secret-rules.ts';

const KEY_BEGIN = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----/g;
const KEY_END = /-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----/g;
/** No character of a key's lines: they hold base64, a few headers, and line ends that may be written as `\n`. */
const OUTSIDE_KEY = /[^A-Za-z0-9+/=\s\\,:-]/g;
/** The longest private keys of use have some 13,000 characters. */
export const LONGEST_KEY = 20_000;

/**
 * Masks private keys over all their lines. One whose end is missing is masked as far as the text looks like a key: what
 * follows a mere mention of one stays. No place is looked at twice by the same search.
 */
export function maskPrivateKeys(text: string): string {
  let masked = '';
  let at = 0;
  let end = { from: 0, to: 0 };
  for (let begin = find(KEY_BEGIN, text, 0); begin.from < text.length; begin = find(KEY_BEGIN, text, at)) {
    if (end.from < begin.to) end = find(KEY_END, text, begin.to);
    const isWhole = end.from < text.length && end.from - begin.from <= LONGEST_KEY;
    masked += text.slice(at, begin.from) + MASK;
    at = isWhole
      ? end.to
      : begin.to + text.slice(begin.to, find(OUTSIDE_KEY, text, begin.to).from).trimEnd().length;
  }
  return at === 0 ? text : masked + text.slice(at);
}

/** Where the expression is met next, else the end of the text. */
function find(
  expression: RegExp,
  text: string,
  after: number,
): { readonly from: number; readonly to: number } {
  expression.lastIndex = after;
  const found = expression.exec(text);
  if (!found) return { from: text.length, to: text.length };
  return { from: found.index, to: found.index + found[0].length };
}

/** Whether a line could be one of a key's own: base64 alone or behind a logger's prefix, or a header of an encrypted key. */
export function isKeyLine(line: string): boolean {
  return /^\s*(?:[A-Za-z0-9+/]{1,80}={0,2}|[A-Za-z-]{1,30}: .{0,100})?\s*$|\s[A-Za-z0-9+/]{16,80}={0,2}\s*$/.test(
    line,
  );
}

/** Whether the text ends inside a key. */
export function entersKey(text: string): boolean {
  const begin = text.search(KEY_BEGIN);
  return begin >= 0 && text.slice(begin).search(KEY_END) < 0;
}

/** Where the first end of a key is over, if there is one. */
export function endsKey(text: string): number | undefined {
  const { from, to } = find(KEY_END, text, 0);
  return from < text.length ? to : undefined;
}
