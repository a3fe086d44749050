import type { LogRow } from '../../src/domain/log.ts';
import { clockText, dateText } from '../../src/lib/time-text.ts';
import { isWidened } from '../../src/store/lens-query.ts';
import { histogramOf, visibleRows } from '../../src/store/log-window.ts';
import type { Line, Pen, Span } from '../components/line.ts';
import type { Tone } from '../theme.ts';
import { framed, hasKeys, type PaneInput, paneLabel, phaseLine, titleLine } from './pane.ts';

const originColumns = 16;

/** Lines of logs and changes of state, on one clock. */
export function logsLines(input: PaneInput): readonly Line[] {
  const { snapshot, pen, columns } = input;
  const { log, desk, state } = snapshot;
  const active = hasKeys(snapshot, 'logs');
  const system = log.query.systems?.[0] ?? '';
  const name = isWidened(snapshot)
    ? columns < 90
      ? `Logs: none of this item, ${system}`
      : `Logs + changes, none of this item: all of ${system} (L: all)`
    : columns < 90
      ? `Logs (L: ${desk.log.lens === 'item' ? 'all' : 'item'})`
      : `Logs + changes, ${desk.log.lens === 'item' ? 'this item (L: all)' : 'all (L: this item)'}`;
  const left: Span[] = [paneLabel(pen, 'logs', name, active)];
  if (desk.log.minLevel) left.push(pen.span(` ${desk.log.minLevel}+`, 'input'));
  for (const text of desk.filters.logs ?? []) left.push(pen.span(` &${text}`, 'input'));
  if (desk.log.context) left.push(pen.span(' context: filters aside (. back)', 'input'));
  const lag = (state.figures.lagMs / 1000).toFixed(1);
  const follow = log.follow ? 'follow' : 'still (F follows)';
  const right =
    columns < 70
      ? `${follow} ${log.unread}${state.figures.badRecords > 0 ? `  bad ${state.figures.badRecords} (U)` : ''}`
      : `${follow}  unread ${log.unread}  bad ${state.figures.badRecords}${state.figures.badRecords > 0 ? ' (U)' : ''}  lag ${lag}s`;
  const title = titleLine(input, active, left, right);
  const extra = desk.log.histogram && input.rows > 3 ? [histogramLine(input)] : [];
  const height = input.rows - 1 - extra.length;
  if (log.rows.length === 0) {
    const text =
      log.phase === 'failed'
        ? `the log cannot be shown: ${log.error ?? 'no reason given'}`
        : log.phase === 'loading'
          ? 'reading the log ...'
          : (desk.filters.logs ?? []).length > 0
            ? 'no row passes the filters; Esc takes one off'
            : desk.log.lens === 'item'
              ? 'no row of this item; L shows all'
              : 'no row yet';
    return framed(input, title, [...extra, phaseLine(input, text)]);
  }
  const { rows, cursor } = visibleRows(log, Math.max(1, height));
  const day = snapshot.now;
  const lines = rows.map((row, index) => {
    const isCursor = index === cursor;
    const isMarked = desk.marks.has(row.id) || desk.bookmark?.id === row.id;
    const sign = isCursor ? '>' : isMarked ? '*' : row.at === undefined ? '~' : ' ';
    return rowLine(
      pen,
      row,
      sign,
      columns,
      snapshot.offsetMs,
      desk.log.fields,
      day,
      searched(input),
      isCursor,
    );
  });
  return framed(input, title, [...extra, ...lines]);
}

function searched(input: PaneInput): string | undefined {
  const { search } = input.snapshot.desk;
  return search?.pane === 'logs' ? search.text.toLowerCase() : undefined;
}

/** Lines of rows, kept with their rows: what scrolls is only looked up again. */
const cache = new WeakMap<LogRow, { readonly key: string; readonly line: Line }>();

function rowLine(
  pen: Pen,
  row: LogRow,
  sign: string,
  columns: number,
  offsetMs: number,
  fields: boolean,
  now: number,
  wanted: string | undefined,
  isCursor: boolean,
): Line {
  const isOld = Math.abs(now - row.sortAt) > 20 * 3_600_000;
  const key = `${columns}|${offsetMs}|${fields}|${isOld}|${sign}|${wanted ?? ''}|${pen.theme.color}|${pen.theme.ascii}`;
  const known = cache.get(row);
  if (known?.key === key) return known.line;
  const line = formatRow(pen, row, sign, columns, offsetMs, fields, isOld, wanted, isCursor);
  cache.set(row, { key, line });
  return line;
}

function formatRow(
  pen: Pen,
  row: LogRow,
  sign: string,
  columns: number,
  offsetMs: number,
  fields: boolean,
  isOld: boolean,
  wanted: string | undefined,
  isCursor: boolean,
): Line {
  const hasMillis = row.sortAt % 1000 !== 0 && row.at !== undefined;
  const clock = clockText(row.sortAt, offsetMs, hasMillis ? 'millis' : 'seconds');
  const day = isOld ? `${dateText(row.sortAt, offsetMs).slice(5, 10)} ` : '';
  const origin = row.form === 'change' ? 'CHANGE' : (row.origin ?? baseName(row.path) ?? row.source);
  const count = row.count !== undefined && row.count > 1 ? ` (x${row.count})` : '';
  const wiped = row.wiped ? ' [file since emptied]' : '';
  const place = fields
    ? `  {${row.system} ${row.path}@${row.offset}${row.keys?.length ? ` ${row.keys.join(' ')}` : ''}}`
    : '';
  const text = `${levelWord(row)}${row.text}${count}${wiped}${place}`;
  const matches = wanted !== undefined && wanted !== '' && row.text.toLowerCase().includes(wanted);
  const tone = isCursor || matches ? 'strong' : toneOf(row);
  const narrow = columns < 70;
  const head: Span[] = [
    pen.span(sign, sign === ' ' ? undefined : 'strong'),
    pen.cell(day + clock, (isOld ? 6 : 0) + (narrow ? 9 : 13), 'dim'),
  ];
  if (!narrow)
    head.push(pen.cell(origin, originColumns, row.form === 'change' ? 'change' : 'title'), pen.span(' '));
  return pen.line(columns, ...head, pen.span(text, tone));
}

function levelWord(row: LogRow): string {
  if (row.form === 'change' || (row.level !== 'warning' && row.level !== 'error')) return '';
  const word = row.level === 'warning' ? 'WARNING' : 'ERROR';
  return row.text.toUpperCase().startsWith(word.slice(0, 4)) ? '' : `${word} `;
}

function toneOf(row: LogRow): Tone | undefined {
  if (row.form === 'change') return 'change';
  if (row.level === 'error') return 'alarm';
  if (row.level === 'warning') return 'warning';
  return row.level === 'debug' ? 'dim' : undefined;
}

function baseName(path: string): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name === '' ? undefined : name;
}

/** How many of the loaded rows fall when, in ten heights from nothing to most. */
function histogramLine(input: PaneInput): Line {
  const { snapshot, pen, columns } = input;
  const rows = snapshot.log.rows;
  const first = rows[0];
  const last = rows[rows.length - 1];
  if (!first || !last) return pen.line(columns, pen.span(' no row is loaded', 'dim'));
  const from = clockText(first.sortAt, snapshot.offsetMs);
  const to = clockText(last.sortAt, snapshot.offsetMs);
  const buckets = Math.max(1, Math.min(80, columns - 50));
  const counts = histogramOf(rows, buckets);
  const most = Math.max(1, ...counts);
  const heights = ' .:-=+*#%@';
  const bars = counts
    .map((count) => (count === 0 ? ' ' : heights[Math.max(1, Math.round((count / most) * 9))]))
    .join('');
  return pen.line(
    columns,
    ` ${from} |`,
    pen.span(bars, 'strong'),
    `| ${to}  ${rows.length}${snapshot.log.total === undefined ? '' : ` of ${snapshot.log.total}`} rows, most ${most}`,
  );
}
