import type { LogRow } from '../../src/domain/log.ts';
import { matcherOf, patternOf } from '../../src/domain/log-filter.ts';
import { clockText, dateText } from '../../src/lib/time-text.ts';
import { bookmarkTest, textCondition } from '../../src/store/log-view.ts';
import { type LogWindowState, visibleRows } from '../../src/store/log-window.ts';
import { namedValues } from '../../src/store/selectors/log-sheet.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import { type Line, lineWidth, type Pen, type Span } from '../components/line.ts';
import type { Tone } from '../theme.ts';

const originColumns = 16;
/** A row older than this is told with its day. */
const oldMs = 20 * 3_600_000;

/** Looks of named searches, in the order they were named; the name stands in the row beside. */
export const searchTones: readonly Tone[] = ['good', 'title', 'change', 'warning', 'alarm'];

/** Where a search hits in a text: from and to. */
type HitFinder = (text: string) => readonly [from: number, to: number] | undefined;

const finders = new Map<string, HitFinder>();

/** Finds the first hit of what is searched for. One per text: an expression is built once. */
function finderOf(search: string): HitFinder {
  const known = finders.get(search);
  if (known) return known;
  if (finders.size > 100) finders.clear();
  const { condition } = textCondition(search);
  const find: HitFinder =
    condition.is === 'match'
      ? expressionFinder(condition.pattern)
      : wordFinder(search, !/[A-Z]/.test(search));
  finders.set(search, find);
  return find;
}

function expressionFinder(source: string): HitFinder {
  const pattern = patternOf(source);
  return (text) => {
    const match = pattern.exec(text);
    return match ? [match.index, match.index + match[0].length] : undefined;
  };
}

function wordFinder(word: string, ignoreCase: boolean): HitFinder {
  const wanted = ignoreCase ? word.toLowerCase() : word;
  return (text) => {
    const at = (ignoreCase ? text.toLowerCase() : text).indexOf(wanted);
    return at < 0 ? undefined : [at, at + word.length];
  };
}

/** What the rows of a frame have in common. */
interface RowLook {
  readonly pen: Pen;
  readonly columns: number;
  readonly offsetMs: number;
  readonly now: number;
  /** What is searched for. */
  readonly search: string | undefined;
  readonly names: readonly {
    readonly name: string;
    readonly text: string;
    readonly tone: Tone | undefined;
  }[];
  readonly fields: readonly string[];
  /** Tells looks apart. */
  readonly key: string;
}

/** The rows of a window as lines of a box of that size. */
export function logRowLines(
  snapshot: Snapshot,
  pen: Pen,
  window: LogWindowState,
  columns: number,
  height: number,
): readonly Line[] {
  const { rows, cursor } = visibleRows(window, Math.max(1, height));
  const look = lookOf(snapshot, pen, columns);
  const signs = signsOf(snapshot, window.rows);
  return rows.map((row, index) => rowLine(look, row, index === cursor ? '>' : signs(row), index === cursor));
}

function lookOf({ desk, offsetMs, now }: Snapshot, pen: Pen, columns: number): RowLook {
  const search = desk.search?.pane === 'logs' && desk.search.text !== '' ? desk.search.text : undefined;
  const names = desk.log.searches.flatMap(({ name, text, isOff }, index) =>
    isOff ? [] : [{ name, text, tone: searchTones[index % searchTones.length] }],
  );
  const fields = desk.log.columns;
  const key = JSON.stringify([columns, offsetMs, search, names, fields, pen.theme.color, pen.theme.ascii]);
  return { pen, columns, offsetMs, now, search, names, fields, key };
}

/**
 * The sign before a row: `*` marked, `'` remembered, `/` a hit, `|` of the run that is walked, `:` without an id and
 * between lines of that run, `.` beside a row that passes the filters, `<` late, `~` without a time of its own.
 */
function signsOf({ desk }: Snapshot, all: readonly LogRow[]): (row: LogRow) => string {
  const isKept = bookmarkTest(desk.log.bookmarks);
  const inRun = runSigns(desk.log.run, all);
  const find = desk.search?.pane === 'logs' ? finderOf(desk.search.text) : undefined;
  return (row) => {
    if (desk.marks.has(row.id)) return '*';
    if (isKept(row)) return "'";
    if (find?.(row.text)) return '/';
    const ofRun = inRun(row);
    if (ofRun !== undefined) return ofRun;
    if (row.isContext) return '.';
    if (row.late) return '<';
    return row.at === undefined ? '~' : ' ';
  };
}

function runSigns(
  run: Snapshot['desk']['log']['run'],
  all: readonly LogRow[],
): (row: LogRow) => string | undefined {
  if (!run) return () => undefined;
  const isOf = matcherOf({ systems: [run.system], keys: run.keys });
  const own = all.filter((row) => isOf(row));
  const from = own[0]?.sortAt ?? 0;
  const to = own[own.length - 1]?.sortAt ?? 0;
  const logs = new Set(own.map((row) => row.log ?? row.path));
  const mine = new Set(own);
  return (row) => {
    if (mine.has(row)) return '|';
    const isBetween = row.sortAt >= from && row.sortAt <= to && logs.has(row.log ?? row.path);
    return isBetween && (row.keys ?? []).length === 0 && row.form === 'log' ? ':' : undefined;
  };
}

/** Lines of rows, kept with their rows: what scrolls is only looked up again. */
const cache = new WeakMap<LogRow, { readonly key: string; readonly line: Line }>();

function rowLine(look: RowLook, row: LogRow, sign: string, isCursor: boolean): Line {
  const isOld = Math.abs(look.now - row.sortAt) > oldMs;
  const key = `${sign}${isOld}${isCursor}${look.key}`;
  const known = cache.get(row);
  if (known?.key === key) return known.line;
  const line = formatRow(look, row, sign, isOld, isCursor);
  cache.set(row, { key, line });
  return line;
}

function formatRow(look: RowLook, row: LogRow, sign: string, isOld: boolean, isCursor: boolean): Line {
  const { pen, columns, offsetMs } = look;
  const narrow = columns < 70;
  const hasMillis = !narrow && row.sortAt % 1000 !== 0 && row.at !== undefined;
  const clock = clockText(row.sortAt, offsetMs, hasMillis ? 'millis' : 'seconds');
  const day = isOld ? `${dateText(row.sortAt, offsetMs).slice(5, 10)} ` : '';
  const origin = row.form === 'change' ? 'CHANGE' : (row.origin ?? baseName(row.path) ?? row.source);
  const head: Span[] = [
    pen.span(sign, sign === ' ' ? undefined : 'strong'),
    pen.cell(day + clock, (isOld ? 6 : 0) + (narrow ? 9 : 13), 'dim'),
  ];
  if (!narrow)
    head.push(pen.cell(origin, originColumns, row.form === 'change' ? 'change' : 'title'), pen.span(' '));
  const notes = notesOf(row, narrow);
  if (notes === '') return pen.line(columns, ...head, ...textSpans(look, row, isCursor));
  // Where both have no room the text is cut: that it is not all of it must be seen.
  const told = pen.span(notes, 'dim');
  return pen.line(
    columns,
    ...pen.line(columns - lineWidth([told]), ...head, ...textSpans(look, row, isCursor)),
    told,
  );
}

/** Names of searches that hit, chosen fields, then the text with its hit marked. */
function textSpans({ pen, search, names, fields }: RowLook, row: LogRow, isCursor: boolean): readonly Span[] {
  const tone = isCursor ? 'strong' : row.isContext ? 'dim' : toneOf(row);
  const [first = ''] = row.text.split('\n', 1);
  const hits = names.filter(({ text }) => finderOf(text)(row.text) !== undefined);
  const values = fields.length > 0 ? new Map(namedValues(row)) : undefined;
  const chosen = fields.map((name) => `${name}=${row.fields?.[name] ?? values?.get(name) ?? '-'}  `).join('');
  const level = levelWord(row);
  const before = [
    ...hits.map((one) => pen.span(`[${one.name}] `, one.tone)),
    ...(chosen === '' ? [] : [pen.span(chosen, 'title')]),
    ...(level === '' ? [] : [pen.span(level, tone)]),
  ];
  const hit = search === undefined ? undefined : finderOf(search)(first);
  if (!hit || hit[1] === hit[0]) return [...before, pen.span(first, tone)];
  return [
    ...before,
    pen.span(first.slice(0, hit[0]), tone),
    pen.span(first.slice(...hit), 'cursor'),
    pen.span(first.slice(hit[1]), tone),
  ];
}

/** What is to be known of a row beside its text. */
function notesOf(row: LogRow, isShort: boolean): string {
  const lines = row.lines ?? row.text.split('\n').length;
  const notes = [
    row.count !== undefined && row.count > 1 ? `(x${row.count})` : '',
    lines > 1 ? (isShort ? `(+${lines - 1})` : `(+${lines - 1} ${lines === 2 ? 'line' : 'lines'})`) : '',
    row.cut ? (isShort ? '[cut]' : '[cut: Enter shows more]') : '',
    row.open ? (isShort ? '[open]' : '[still being written]') : '',
    row.late ? '[late]' : '',
    row.wiped ? (isShort ? '[emptied]' : '[file since emptied]') : '',
  ].filter((note) => note !== '');
  return notes.length === 0 ? '' : `${row.text === '' ? '' : ' '}${notes.join(' ')}`;
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
