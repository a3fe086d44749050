import { ageText } from '../../src/lib/time-text.ts';
import { isWatched } from '../../src/store/selectors/watches.ts';
import { selectWork } from '../../src/store/selectors/work.ts';
import type { Line } from '../components/line.ts';
import {
  countText,
  firstRow,
  framed,
  hasKeys,
  type PaneInput,
  paneLabel,
  phaseLine,
  titleLine,
} from './pane.ts';

const systemColumns = 10;

/** What works, and what should and does not. */
export function workLines(input: PaneInput): readonly Line[] {
  const { snapshot, pen, columns } = input;
  const active = hasKeys(snapshot, 'work');
  const rows = selectWork(snapshot.state.lists);
  const fine = rows.filter((row) => row.alarm === undefined).length;
  const title = titleLine(
    input,
    active,
    [paneLabel(pen, 'work', 'Work', active)],
    `${countText(snapshot, fine)} running`,
  );
  if (rows.length === 0) return framed(input, title, [phaseLine(input, 'nothing runs')]);
  const selected = snapshot.desk.selected.work ?? rows[0]?.key;
  const cursor = active ? rows.findIndex((row) => row.key === selected) : -1;
  const first = firstRow(cursor, rows.length, input.rows - 1);
  const lines = rows.slice(first, first + input.rows - 1).map((row, index): Line => {
    const isCursor = first + index === cursor;
    const age =
      row.beatAt !== undefined && row.alarm === undefined
        ? `beat ${ageText(snapshot.now - row.beatAt)}`
        : row.since === undefined
          ? ''
          : ageText(snapshot.now - row.since);
    const right =
      row.alarm === undefined ? age : `${row.alarm}${columns >= 60 && age !== '' ? ` ${age}` : ''}`;
    const rightColumns = Math.min(columns >= 60 ? 18 : 12, Math.max(6, right.length + 1));
    return [
      pen.span(isCursor ? '>' : ' ', 'strong'),
      pen.cell(row.ref.system, systemColumns),
      pen.cell(
        isWatched(snapshot.state, row.ref) ? `@${row.text}` : row.text,
        columns - 1 - systemColumns - rightColumns,
        isCursor ? 'strong' : undefined,
      ),
      pen.cell(right, rightColumns, row.alarm === undefined ? undefined : 'warning', 'right'),
    ];
  });
  return framed(input, title, lines);
}
