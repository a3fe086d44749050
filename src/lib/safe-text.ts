import { isMark } from './text-width.ts';

/**
 * Text that may be written to a terminal: one line, no control or format character, nothing invisible, nothing whose
 * width terminals disagree about. Made only here; whatever prints accepts nothing else.
 */
export type SafeText = string & { readonly __brand: 'SafeText' };

/** Longest text looked at unless told otherwise, in UTF-16 units. A screen row holds far less. */
const defaultMaxLength = 4000;

/** What nearly all text is: printable ASCII. */
const plain = /^[\x20-\x7e]*$/;

/**
 * What is replaced by notation: control, format, private, unassigned and surrogate code points, line and paragraph
 * separators, default-ignorable ones; and those whose width depends on neighbours in a way terminals do not agree on
 * (regional indicators, emoji modifiers, conjoining jamo, Kirat Rai vowels).
 */
const unsafe =
  /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Regional_Indicator}\p{Emoji_Modifier}\u{1100}-\u{11FF}\u{A960}-\u{A97F}\u{D7B0}-\u{D7FF}\u{16D63}-\u{16D6A}]/u;

/** Marks stacked on one character beyond this many are counted instead of drawn over other rows. */
const maxMarks = 3;
const tabColumns = 4;

/**
 * Makes text from anywhere safe to print. Nothing is dropped: what must not reach the terminal is shown as `\n`,
 * `\x1b` or `\u{202e}`, a run of combining marks is cut to three and a count, a tab becomes spaces up to the next stop
 * of four. Text beyond `maxLength` is cut first, so that a hostile line costs no more than an ordinary one.
 */
export function safeText(raw: string, maxLength = defaultMaxLength): SafeText {
  const capped = raw.length > maxLength ? `${capText(raw, maxLength)}...` : raw;
  return (plain.test(capped) ? capped : escaped(capped)) as SafeText;
}

/** The lines of a text, each made safe. `\r\n` and `\n` end a line; at most `maxLines`, then a line that says so. */
export function safeLines(raw: string, maxLines = 5000): readonly SafeText[] {
  const lines = raw.split('\n');
  if (lines.length > 1 && lines[lines.length - 1] === '') lines.pop();
  const shown = lines
    .slice(0, maxLines)
    .map((line) => safeText(line.endsWith('\r') ? line.slice(0, -1) : line));
  if (lines.length > maxLines) shown.push(safeText(`(${lines.length - maxLines} more lines)`));
  return shown;
}

/** Safe text with everything outside ASCII as notation too, for terminals without UTF-8. */
export function asciiText(text: SafeText): SafeText {
  if (plain.test(text)) return text;
  let out = '';
  for (const character of text) out += character <= '~' ? character : notation(character);
  return out as SafeText;
}

/**
 * The same for words to be read, which keep their sense: an apostrophe within a word, and the dots of a cut at the end of a
 * text. Not for what must be seen character by character.
 */
export function asciiWords(text: SafeText): SafeText {
  return asciiText(text.replace(/(?<=\p{L})\u2019(?=[\p{L} ])/gu, "'").replace(/\u2026$/, '...') as SafeText);
}

function capText(raw: string, maxLength: number): string {
  const last = raw.charCodeAt(maxLength - 1);
  return raw.slice(0, last >= 0xd800 && last <= 0xdbff ? maxLength - 1 : maxLength);
}

function escaped(raw: string): string {
  let out = '';
  let marks = 0;
  let hidden = 0;
  const closeMarks = (): void => {
    if (hidden > 0) out += `<+${hidden} marks>`;
    marks = 0;
    hidden = 0;
  };
  for (const character of raw) {
    if (isMark(character) && !unsafe.test(character)) {
      if (out === '') out += notation(character);
      else if (marks < maxMarks) {
        out += character;
        marks += 1;
      } else hidden += 1;
      continue;
    }
    closeMarks();
    if (character === '\t') out += ' '.repeat(tabColumns - (out.length % tabColumns));
    else out += unsafe.test(character) ? notation(character) : character;
  }
  closeMarks();
  return out;
}

function notation(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
