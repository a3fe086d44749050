import { clockText, dateText } from '../../src/lib/time-text.ts';
import { type AsideRow, asidesShown } from '../../src/store/selectors/asides.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import { fitRows, type Line, type Pen } from '../components/line.ts';
import { firstRow } from '../panes/pane.ts';

const untilColumns = 18;
const byColumns = 12;

/** What is set aside: what it is, by whom, until when and why. The chosen one is brought back. */
export function asidesLines(
  pen: Pen,
  snapshot: Snapshot,
  index: number,
  columns: number,
  height: number,
): readonly Line[] {
  const rows = asidesShown(snapshot.state);
  if (rows.length === 0) {
    return fitRows([pen.line(columns, pen.span(' nothing is set aside any more', 'dim'))], height);
  }
  const cursor = Math.min(index, rows.length - 1);
  const chosen = rows[cursor];
  const isWide = columns >= 60;
  const footRows = height >= 6 ? 3 : 0;
  const room = Math.max(1, height - footRows);
  const first = firstRow(cursor, rows.length, room);
  const lines = rows.slice(first, first + room).map((row, offset): Line => {
    const isCursor = first + offset === cursor;
    const right = isWide
      ? [pen.cell(row.by, byColumns), pen.cell(untilText(row, snapshot), untilColumns, undefined, 'right')]
      : [];
    return [
      pen.span(isCursor ? '>' : ' ', 'strong'),
      pen.cell(
        row.title,
        columns - 2 - (isWide ? byColumns + untilColumns + 1 : 0),
        row.isThere ? (isCursor ? 'strong' : undefined) : 'dim',
      ),
      pen.span(' '),
      ...right,
    ];
  });
  if (!chosen || footRows === 0) return fitRows(lines, height);
  const what = chosen.isThere
    ? 'Enter brings it back into the queue of everybody at this host.'
    : 'It needs nobody now; Enter lets it come to the queue when it does again.';
  const why = `${chosen.by}, ${untilText(chosen, snapshot)}${chosen.reason === undefined ? '' : `: ${chosen.reason}`}`;
  return [
    ...fitRows(lines, height - footRows),
    [],
    pen.line(columns, pen.span(` set aside by ${why}`, 'dim')),
    pen.line(columns, pen.span(` ${what}`, 'dim')),
  ];
}

function untilText({ until }: AsideRow, { offsetMs, now }: Snapshot): string {
  if (until === 'changed') return 'until it changes';
  if (until === 'for good') return 'for good';
  return `until ${until - now < 86_400_000 ? clockText(until, offsetMs) : dateText(until, offsetMs).slice(5, 16)}`;
}
