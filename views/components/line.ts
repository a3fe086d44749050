import { asciiWords, type SafeText, safeText } from '../../src/lib/safe-text.ts';
import { cutText, fitText, widthOf, wrapText } from '../../src/lib/text-width.ts';
import type { Theme, Tone } from '../theme.ts';

/** A piece of a line, safe to print. */
export interface Span {
  readonly text: SafeText;
  readonly tone?: Tone;
}

/** One row of a pane. */
export type Line = readonly Span[];

/** Makes lines for a theme: the one place where raw text becomes text for the screen. */
export interface Pen {
  readonly theme: Theme;
  /** Raw text made safe. */
  safe(raw: string): SafeText;
  span(raw: string, tone?: Tone): Span;
  /** Raw text cut or filled to exactly `columns`. */
  cell(raw: string, columns: number, tone?: Tone, align?: 'left' | 'right'): Span;
  /** A line with raw text cut to `columns`. */
  line(columns: number, ...parts: readonly (string | Span)[]): Line;
  /** Raw text over as many lines as it needs, `indent` before each but the first, at most `most`. */
  wrapped(raw: string, columns: number, tone?: Tone, most?: number, indent?: number): readonly Line[];
}

const pens = new Map<string, Pen>();

/** The pen of a theme; one object per theme. */
export function penOf(theme: Theme): Pen {
  const key = `${theme.color}|${theme.ascii}`;
  const known = pens.get(key);
  if (known) return known;
  const safe = (raw: string): SafeText => (theme.ascii ? asciiWords(safeText(raw)) : safeText(raw));
  const span = (raw: string, tone?: Tone): Span => toSpan(safe(raw), tone);
  const pen: Pen = {
    theme,
    safe,
    span,
    cell: (raw, columns, tone, align) => toSpan(fitText(safe(raw), columns, align), tone),
    line: (columns, ...parts) =>
      cutLine(
        parts.map((part) => (typeof part === 'string' ? span(part) : part)),
        columns,
      ),
    wrapped(raw, columns, tone, most = 50, indent = 0) {
      const lines = wrapText(safe(raw), Math.max(1, columns - indent));
      const shown = lines.slice(0, most);
      const last = shown.length - 1;
      return shown.map((text, index) => {
        const cut =
          index === last && lines.length > most ? cutText(`${text}...` as SafeText, columns - indent) : text;
        return [
          toSpan((index === 0 || indent === 0 ? cut : `${' '.repeat(indent)}${cut}`) as SafeText, tone),
        ];
      });
    },
  };
  pens.set(key, pen);
  return pen;
}

function toSpan(text: SafeText, tone: Tone | undefined): Span {
  return tone === undefined ? { text } : { text, tone };
}

/** Columns a line takes. */
export function lineWidth(line: Line): number {
  let width = 0;
  for (const span of line) width += widthOf(span.text);
  return width;
}

/** The beginning of a line that fits. */
export function cutLine(line: Line, columns: number): Line {
  if (lineWidth(line) <= columns) return line;
  const out: Span[] = [];
  let left = Math.max(0, columns);
  for (const span of line) {
    const width = widthOf(span.text);
    if (width <= left) {
      out.push(span);
      left -= width;
      continue;
    }
    if (left > 0) out.push({ ...span, text: cutText(span.text, left) });
    break;
  }
  return out;
}

/** A line filled with spaces up to `columns`. */
export function padLine(line: Line, columns: number): Line {
  const cut = cutLine(line, columns);
  const gap = columns - lineWidth(cut);
  return gap > 0 ? [...cut, { text: ' '.repeat(gap) as SafeText }] : cut;
}

/** Left and right part on one line of exactly `columns`; the right one gives way when there is no room. */
export function splitLine(left: Line, right: Line, columns: number): Line {
  const rightWidth = lineWidth(right);
  if (rightWidth + 8 > columns) return padLine(left, columns);
  return [...padLine(left, columns - rightWidth), ...right];
}

/** Lines cut or filled up to exactly `rows`. */
export function fitRows(lines: readonly Line[], rows: number): readonly Line[] {
  if (lines.length >= rows) return lines.slice(0, Math.max(0, rows));
  return [...lines, ...new Array<Line>(rows - lines.length).fill([])];
}

/** True when two blocks would look the same. */
export function sameLines(a: readonly Line[], b: readonly Line[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let row = 0; row < a.length; row += 1) {
    const lineA = a[row] as Line;
    const lineB = b[row] as Line;
    if (lineA === lineB) continue;
    if (lineA.length !== lineB.length) return false;
    for (let index = 0; index < lineA.length; index += 1) {
      if (lineA[index]?.text !== lineB[index]?.text || lineA[index]?.tone !== lineB[index]?.tone)
        return false;
    }
  }
  return true;
}
