import { dateText } from '../../src/lib/time-text.ts';
import { type Count, countText } from '../../src/store/count-keeper.ts';
import { conditionText } from '../../src/store/log-view.ts';
import type { LogSheetMode } from '../../src/store/mode.ts';
import { type LogSheetRow, logSheetRows, passingCount } from '../../src/store/selectors/log-sheet.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import { fitRows, type Line, type Pen } from '../components/line.ts';
import { searchTones } from '../panes/log-rows.ts';
import { firstRow } from '../panes/pane.ts';

const countColumns = 12;

/** What a list of the log is called, and what stands at the right of its title. */
export function logSheetTitle(
  snapshot: Snapshot,
  mode: LogSheetMode,
): readonly [name: string, right: string] {
  const { log } = snapshot.desk;
  switch (mode.of) {
    case 'stack': {
      const around = log.around > 0 ? `, ${log.around} lines around each` : '';
      return ['Filters of the log', `${countText(passingCount(snapshot))} rows pass${around}`];
    }
    case 'bookmarks':
      return ['Lines remembered', String(log.bookmarks.length)];
    case 'searches':
      return ['Searches of the log', String(log.searches.length)];
    case 'fields':
      return ['Fields of this line', log.columns.length === 0 ? '' : `columns: ${log.columns.join(' ')}`];
  }
}

/** A list that belongs to the log, its cursor in view, with a line at the foot on how it is used. */
export function logSheetLines(
  snapshot: Snapshot,
  pen: Pen,
  mode: LogSheetMode,
  columns: number,
  height: number,
): readonly Line[] {
  const rows = logSheetRows(snapshot, mode);
  const foot = footText(mode);
  const footRows = foot === '' || height < 6 ? 0 : 1;
  const lines: Line[] = [];
  let cursorLine = 0;
  rows.forEach((row, index) => {
    if (row.is === 'offer' && rows[index - 1]?.is !== 'offer')
      lines.push(pen.line(columns, pen.span(' from the line under the cursor:', 'dim')));
    if (index === mode.index) cursorLine = lines.length;
    lines.push(rowLine(snapshot, pen, row, index === mode.index, columns));
  });
  if (rows.length === 0) lines.push(pen.line(columns, pen.span(` ${emptyText(mode)}`, 'dim')));
  const room = height - footRows;
  const first = firstRow(cursorLine, lines.length, room);
  const shown = fitRows(lines.slice(first, first + room), room);
  return footRows === 0 ? shown : [...shown, pen.line(columns, pen.span(` ${foot}`, 'dim'))];
}

function rowLine(snapshot: Snapshot, pen: Pen, row: LogSheetRow, isCursor: boolean, columns: number): Line {
  const sign = pen.span(isCursor ? '>' : ' ', 'strong');
  const tone = isCursor ? 'strong' : undefined;
  const counted = (count: Count | undefined): ReturnType<Pen['cell']> =>
    pen.cell(countText(count), countColumns, undefined, 'right');
  switch (row.is) {
    case 'filter': {
      const { condition, isOff } = row.entry;
      const { out, ...plain } = condition;
      return pen.line(
        columns,
        sign,
        pen.span(isOff ? '[ ] ' : '[x] ', tone),
        pen.cell(out ? 'out' : 'in', 4, out ? 'warning' : 'good'),
        counted(row.count),
        pen.span(`  ${conditionText(plain, snapshot.offsetMs)}`, isOff ? 'off' : tone),
      );
    }
    case 'offer':
      return pen.line(
        columns,
        sign,
        pen.span(`    + ${conditionText(row.condition, snapshot.offsetMs)}`, tone),
      );
    case 'bookmark': {
      const { sortAt, system, path, text } = row.bookmark;
      const place = columns < 80 ? '' : ` ${system} ${path}`;
      return pen.line(
        columns,
        sign,
        pen.span(`' ${dateText(sortAt, snapshot.offsetMs)}`, 'dim'),
        pen.span(place, 'title'),
        pen.span(`  ${text.split('\n', 1)[0] ?? ''}`, tone),
      );
    }
    case 'current':
      return pen.line(
        columns,
        sign,
        pen.span('/   ', tone),
        counted(row.count),
        pen.span(`  ${row.text}`, tone),
        pen.span('  (Enter gives it a name)', 'dim'),
      );
    case 'search': {
      const { name, text, isOff } = row.search;
      const look = searchTones[row.index % searchTones.length];
      return pen.line(
        columns,
        sign,
        pen.span(isOff ? '[ ] ' : '[x] ', tone),
        counted(row.count),
        pen.span(`  [${name}]`, isOff ? 'off' : look),
        pen.span(` ${text}`, isOff ? 'off' : tone),
      );
    }
    case 'field':
      return pen.line(
        columns,
        sign,
        pen.span(row.isColumn ? '[x] ' : '[ ] ', tone),
        pen.cell(row.name, Math.min(30, Math.floor(columns / 3)), 'title'),
        pen.span(` ${row.value}`, tone),
      );
  }
}

function emptyText(mode: LogSheetMode): string {
  switch (mode.of) {
    case 'stack':
      return 'no filter: & types one';
    case 'bookmarks':
      return 'no line is remembered';
    case 'searches':
      return 'no search has a name';
    case 'fields':
      return 'this line has no fields';
  }
}

function footText(mode: LogSheetMode): string {
  if (mode.of === 'stack')
    return '& types one: text, expression, !text out, level:error system:S source:S file:F run:ID field:name=value';
  return mode.of === 'fields'
    ? 'Names with a dot before them are known of the line, the others stand in it'
    : '';
}

/** The line on which a search is given its name. */
export function nameLines(
  pen: Pen,
  mode: { readonly search: string; readonly text: string },
  columns: number,
  height: number,
): readonly Line[] {
  return fitRows(
    [
      pen.line(columns, ' ', pen.span(`/${mode.search}`, 'strong')),
      pen.line(
        columns,
        pen.span(' The name stands in every row that has it. It is kept for the next time.', 'dim'),
      ),
      [],
      pen.line(columns, pen.span(` > ${mode.text}_`, 'input')),
    ],
    height,
  );
}
