import { type PaneId, paneNumbers } from '../../src/store/desk.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import { fitRows, type Line, lineWidth, type Pen, padLine, type Span } from '../components/line.ts';

/** What every pane is drawn from: pure functions of this give lines. */
export interface PaneInput {
  readonly snapshot: Snapshot;
  readonly pen: Pen;
  readonly columns: number;
  /** Title line included. A pane of one row has no title. */
  readonly rows: number;
}

/** `-6 Logs ------------ follow`: the rule is of `=` for the pane that has the keys, so that it shows without colour. */
export function titleLine(
  input: Pick<PaneInput, 'pen' | 'columns'>,
  hasKeys: boolean,
  left: readonly Span[],
  right: string,
): Line {
  const rule = hasKeys ? '=' : '-';
  const { pen, columns } = input;
  const start = pen.span(rule, 'title');
  const end = right === '' ? [] : [pen.span(` ${right}`)];
  const used = lineWidth([start, ...left, ...end]) + 1;
  if (used > columns) return padLine([start, ...left], columns);
  return [start, ...left, pen.span(` ${rule.repeat(columns - used)}`, 'title'), ...end];
}

/** Number and name of a pane, as its title begins. */
export function paneLabel(pen: Pen, pane: PaneId, name: string, hasKeys: boolean): Span {
  return pen.span(`${paneNumbers[pane]} ${name}`, hasKeys ? 'strong' : 'title');
}

/** True when keys go to this pane. */
export function hasKeys(snapshot: Snapshot, pane: PaneId): boolean {
  return snapshot.desk.focus === pane;
}

/** A pane: its title, then exactly as many lines as it has rows. */
export function framed(input: PaneInput, title: Line, lines: readonly Line[]): readonly Line[] {
  if (input.rows <= 0) return [];
  if (input.rows === 1) return fitRows(lines.length > 0 ? lines : [title], 1);
  return [title, ...fitRows(lines, input.rows - 1)];
}

/** First row to show so that the cursor is in view, in a list of `count` shown `height` at a time. */
export function firstRow(cursor: number, count: number, height: number): number {
  if (cursor < 0 || count <= height) return 0;
  return Math.max(0, Math.min(count - height, cursor - Math.floor(height / 2)));
}

/** What a pane says while nothing is known yet, or no more will be. */
export function phaseLine(input: PaneInput, empty: string): Line {
  const { state } = input.snapshot;
  const text =
    state.phase === 'loading'
      ? 'reading the sources ...'
      : state.phase === 'failed'
        ? `${empty} when the engine ended; what is so now is not known`
        : empty;
  return input.pen.line(input.columns, input.pen.span(` ${text}`, 'dim'));
}

/** A number, or a question mark while nothing was read yet: nothing known is not none. */
export function countText(snapshot: Snapshot, count: number): string {
  return snapshot.state.phase === 'loading' ? '?' : String(count);
}
