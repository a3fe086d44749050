import { wideRanges } from './wide-ranges.ts';

const ascii = /^[\x20-\x7e]*$/;
const mark = /^[\p{Mn}\p{Me}]$/u;

/** True for a character that is drawn over the one before it and takes no column. */
export function isMark(character: string): boolean {
  return character > '\u02ff' && mark.test(character);
}

/** Columns one code point takes: 0, 1 or 2. Meant for text that was made safe; anything unprintable counts as 1. */
function characterWidth(character: string): 0 | 1 | 2 {
  if (character <= '\u02ff') return 1;
  if (isMark(character)) return 0;
  return isWide(character.codePointAt(0) ?? 0) ? 2 : 1;
}

/** Columns a safe text takes. */
export function widthOf(text: string): number {
  if (ascii.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/**
 * The beginning of a text that fits into `columns`; `ending` (ASCII) marks that something was cut. A wide character
 * that would stick out by half is left out.
 */
export function cutText<T extends string>(text: T, columns: number, ending = '..'): T {
  if (columns <= 0) return '' as T;
  if (ascii.test(text)) {
    if (text.length <= columns) return text;
    return (
      columns <= ending.length ? text.slice(0, columns) : text.slice(0, columns - ending.length) + ending
    ) as T;
  }
  if (widthOf(text) <= columns) return text;
  const room = columns <= ending.length ? columns : columns - ending.length;
  let width = 0;
  let out = '';
  for (const character of text) {
    const next = characterWidth(character);
    if (width + next > room) break;
    width += next;
    out += character;
  }
  return (columns <= ending.length ? out : out + ending) as T;
}

/** Cut or filled with spaces to exactly `columns`. */
export function fitText<T extends string>(text: T, columns: number, align: 'left' | 'right' = 'left'): T {
  const cut = cutText(text, columns);
  const gap = columns - widthOf(cut);
  if (gap <= 0) return cut;
  return (align === 'left' ? cut + ' '.repeat(gap) : ' '.repeat(gap) + cut) as T;
}

/**
 * A text broken into lines of at most `columns`, at spaces where there is one in the second half of the line. Every
 * character stays; a space at which a line was broken stays at its end where it fits, else it is the break.
 */
export function wrapText<T extends string>(text: T, columns: number): readonly T[] {
  if (columns <= 0) return [];
  if (widthOf(text) <= columns) return [text];
  const lines: T[] = [];
  let line = '';
  let width = 0;
  let lastSpace = -1;
  for (const character of text) {
    const next = characterWidth(character);
    if (width + next > columns) {
      if (character === ' ') {
        lines.push(line as T);
        line = '';
        width = 0;
        lastSpace = -1;
        continue;
      }
      if (lastSpace >= columns / 2) {
        lines.push(line.slice(0, lastSpace) as T);
        line = line.slice(lastSpace + 1);
        width = widthOf(line);
      } else {
        lines.push(line as T);
        line = '';
        width = 0;
      }
      lastSpace = -1;
    }
    if (character === ' ') lastSpace = line.length;
    line += character;
    width += next;
  }
  lines.push(line as T);
  return lines;
}

function isWide(code: number): boolean {
  if (code < 0x1100) return false;
  let low = 0;
  let high = wideRanges.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (code < (wideRanges[middle * 2] ?? 0)) high = middle - 1;
    else if (code > (wideRanges[middle * 2 + 1] ?? 0)) low = middle + 1;
    else return true;
  }
  return false;
}
