import { ageText } from '../../src/lib/time-text.ts';
import { countKey, countText } from '../../src/store/count-keeper.ts';
import { isWidened, searchQuery, splitOf } from '../../src/store/lens-query.ts';
import { conditionText } from '../../src/store/log-view.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import { type Line, lineWidth, type Pen, padLine, type Span } from '../components/line.ts';
import { logRowLines } from './log-rows.ts';
import { stripLines, stripRows } from './log-strip.ts';
import { framed, hasKeys, type PaneInput, paneLabel, phaseLine, titleLine } from './pane.ts';

/** Lines of logs and changes of state, on one clock. */
export function logsLines(input: PaneInput): readonly Line[] {
  const { snapshot, pen, columns } = input;
  const { log } = snapshot;
  const strip = stripLines(snapshot, pen, columns, stripRows(snapshot, input.rows));
  const title = logTitle(input);
  if (log.rows.length === 0) return framed(input, title, [...strip, phaseLine(input, emptyText(snapshot))]);
  const height = input.rows - 1 - strip.length;
  return framed(input, title, [...strip, ...bodyLines(input, Math.max(1, height))]);
}

/** The rows; all lines beside or below the filtered ones where both are shown. */
function bodyLines({ snapshot, pen, columns }: PaneInput, height: number): readonly Line[] {
  const { log, logs, desk } = snapshot;
  const split = splitOf(desk);
  const { full } = logs;
  if (split === undefined || !full || height < 4) return logRowLines(snapshot, pen, log, columns, height);
  const head = (text: string, width: number): Line =>
    titleLine({ pen, columns: width }, false, [pen.span(` ${text}`, 'title')], '');
  const [here, all] = ['filtered', full.phase === 'failed' ? 'all lines: not read' : 'all lines'] as const;
  if (split === 'below') {
    const upper = Math.floor((height - 1) / 2);
    const rows = logRowLines(snapshot, pen, log, columns, upper);
    const gap = new Array<Line>(Math.max(0, upper - rows.length)).fill([]);
    return [
      ...rows,
      ...gap,
      head(all, columns),
      ...logRowLines(snapshot, pen, full, columns, height - upper - 1),
    ];
  }
  const left = Math.floor((columns - 1) / 2);
  const right = columns - left - 1;
  const one = [head(here, left), ...logRowLines(snapshot, pen, log, left, height - 1)];
  const two = [head(all, right), ...logRowLines(snapshot, pen, full, right, height - 1)];
  return Array.from({ length: height }, (_line, index) => [
    ...padLine(one[index] ?? [], left),
    pen.span('|', 'title'),
    ...(two[index] ?? []),
  ]);
}

function emptyText({ log, desk }: Snapshot): string {
  if (log.phase === 'failed') return `the log cannot be shown: ${log.error ?? 'no reason given'}`;
  if (log.phase === 'loading') return 'reading the log ...';
  if (desk.log.stack.some((entry) => !entry.isOff)) return 'no row passes the filters; Esc takes one off';
  return desk.log.lens === 'item' ? 'no row of this item; L shows all' : 'no row yet';
}

/** Name, filters and search at the left; at the right how honest the picture is, as much of it as fits. */
function logTitle(input: PaneInput): Line {
  const { snapshot, pen, columns } = input;
  const active = hasKeys(snapshot, 'logs');
  const label = paneLabel(pen, 'logs', nameOf(snapshot, columns), active);
  const found = searchSpans(snapshot, pen);
  const leftOf = (shortFilters: boolean, shortTrouble: boolean): readonly Span[] => [
    label,
    ...filterSpans(snapshot, pen, shortFilters),
    ...troubleSpans(snapshot, pen, shortTrouble),
    ...found,
  ];
  const rights = figureTexts(snapshot);
  const least = rights[rights.length - 1] ?? '';
  // What leaves no room for the figures is told in short: filters by their number, what stopped without its name.
  const fits = (spans: readonly Span[]): boolean => lineWidth(spans) + least.length + 6 <= columns;
  const left = [leftOf(false, false), leftOf(true, false)].find(fits) ?? leftOf(true, true);
  const right = rights.find((text) => lineWidth(left) + text.length + 4 <= columns) ?? '';
  return titleLine(input, active, left, right);
}

function nameOf(snapshot: Snapshot, columns: number): string {
  const { desk, log } = snapshot;
  const system = log.query.systems?.[0] ?? '';
  if (isWidened(snapshot))
    return columns < 90
      ? `Logs: none of this item, ${system}`
      : `Logs + changes, none of this item: all of ${system} (L: all)`;
  const isItem = desk.log.lens === 'item';
  if (columns < 90) return `Logs (L: ${isItem ? 'all' : 'item'})`;
  return `Logs + changes, ${isItem ? 'this item (L: all)' : 'all (L: this item)'}`;
}

function filterSpans({ desk, offsetMs }: Snapshot, pen: Pen, isShort: boolean): readonly Span[] {
  const { stack, around, context } = desk.log;
  const on = stack.filter((entry) => !entry.isOff);
  const off = stack.length - on.length;
  const texts = isShort
    ? on.length === 0
      ? []
      : [` &${on.length} ${on.length === 1 ? 'filter' : 'filters'}`]
    : on.map(({ condition }) => ` &${conditionText(condition, offsetMs)}`);
  return [
    ...texts.map((text) => pen.span(text, 'input')),
    ...(off > 0 && !isShort ? [pen.span(` (${off} off)`, 'dim')] : []),
    ...(around > 0 && on.length > 0 ? [pen.span(` +-${around}`, 'input')] : []),
    ...(context && splitOf(desk) === undefined
      ? [pen.span(' context: filters aside (. back)', 'input')]
      : []),
  ];
}

/** `/disk full 12 of 1,240 ...`: which hit the cursor is on, and how many there are so far. */
function searchSpans({ desk, log, logs }: Snapshot, pen: Pen): readonly Span[] {
  if (logs.seeking !== undefined) return [pen.span(` looking for ${logs.seeking} ... (Esc stops)`, 'input')];
  const { search } = desk;
  if (search?.pane !== 'logs') return [];
  const query = searchQuery(log.query, search.text);
  const total = logs.counts.get(countKey({ query }));
  const hit = search.hit?.id === log.selected ? search.hit : undefined;
  const behind = hit && logs.counts.get(countKey({ query, behind: hit }));
  const place =
    total?.isDone && behind?.isDone ? `${countText({ ...total, hits: total.hits - behind.hits })} of ` : '';
  return [pen.span(` /${search.text} ${place}${countText(total)}`, 'input')];
}

/** Sources of the logs in view that stopped, and how far the logs are indexed. */
function troubleSpans(snapshot: Snapshot, pen: Pen, isShort: boolean): readonly Span[] {
  const { state, log, logs, now } = snapshot;
  const { systems } = log.query;
  const stopped = state.systems
    .filter(({ id }) => systems === undefined || systems.includes(id))
    .flatMap((system) => system.sources.map((source) => ({ system, source })))
    .filter(({ source }) => source.type === 'log' || source.type === 'stream')
    .filter(({ source }) => source.state === 'stale' || source.state === 'error');
  const [first] = stopped;
  const share = logs.index?.share ?? 1;
  const silentMs = first?.source.lastReadAt === undefined ? 0 : now - first.source.lastReadAt;
  const age = silentMs < 10_000 ? '' : ` ${ageText(silentMs)}`;
  const word = first?.source.state === 'error' ? 'UNREADABLE' : 'STALE';
  const which = stopped.length === 1 ? `${first?.system.id} ${first?.source.id}` : `${stopped.length} logs`;
  const problems = logs.index?.problems.length ?? 0;
  return [
    ...(first ? [pen.span(` ${word}${age}${isShort ? '' : `: ${which}`}`, 'warning')] : []),
    ...(share < 1
      ? [pen.span(`${isShort ? ' idx' : ' indexing'} ${Math.floor(share * 100)}%`, 'input')]
      : []),
    ...(problems > 0 ? [pen.span(` ${problems} not readable`, 'warning')] : []),
  ];
}

/** The figures of the intake, the most telling way first, then with less and less. */
function figureTexts({ log, state }: Snapshot): readonly string[] {
  const { lagMs, unreadBytes, badRecords, linesPerSecond, gaps } = state.figures;
  const follow = log.follow
    ? 'follow'
    : log.unread > 0
      ? `still, ${log.unread} new (F)`
      : 'still (F follows)';
  const bad = `bad ${badRecords}${badRecords > 0 ? ' (U)' : ''}`;
  const lost = gaps === undefined ? [] : [`lost ${gaps}`];
  const lag = `lag ${(lagMs / 1000).toFixed(1)}s`;
  const texts = [
    [follow, `${linesPerSecond}/s`, `unread ${bytesText(unreadBytes)}`, bad, ...lost, lag],
    [follow, `${linesPerSecond}/s`, bad, ...lost, lag],
    [follow, bad, ...(gaps ? lost : []), lag],
    [follow, ...(badRecords > 0 ? [bad] : []), ...(gaps ? lost : [])],
    [follow],
  ];
  return texts.map((parts) => parts.join('  '));
}

function bytesText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} B`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1_000_000)} MB`;
}
