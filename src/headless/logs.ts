import { addMs, toIso } from '../domain/instant.ts';
import type { LogCursor, LogPage, LogQuery, LogRow } from '../domain/log.ts';
import type { EnginePort } from '../engine/protocol.ts';
import type { Json } from '../lib/json.ts';
import { safeText } from '../lib/safe-text.ts';
import { dateText } from '../lib/time-text.ts';
import type { Output } from './output.ts';

/** Rows asked for at once. */
const PAGE = 500;
/** Lines of a histogram at most, and the width of its bars. */
const SPANS = 48;
const BAR = 40;

export interface LogsOptions {
  readonly query: LogQuery;
  /** How many of the newest rows; undefined with `since`: all there are. */
  readonly lines: number | undefined;
  readonly follow: boolean;
  readonly json: boolean;
}

/** Prints log rows, then follows until the reader goes or `ended` resolves. */
export async function printLogs(
  engine: EnginePort,
  options: LogsOptions,
  output: Output,
  ended: Promise<void>,
): Promise<number> {
  // What is known now is history; whatever comes in while it is read is told once, here or by the first pull.
  let seq = newestSeq(engine);
  const first = await newestRows(engine, options.query, options.lines);
  for (const row of first) printRow(row, options.json, output);
  if (!options.follow) return 0;
  const printed = new Set(first.map(({ id }) => id));
  let busy = false;
  let again = false;
  const pull = async (): Promise<void> => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    do {
      again = false;
      const next = await engine.call('tail', { query: options.query, seq, rows: PAGE });
      for (const row of next.rows) if (!printed.delete(row.id)) printRow(row, options.json, output);
      seq = next.seq;
      if (next.more) again = true;
    } while (again);
    busy = false;
  };
  let stop = (): void => {};
  const over = new Promise<void>((resolve) => {
    stop = engine.subscribe(() => {
      if (output.closed()) resolve();
      else void pull().catch(() => resolve());
    });
  });
  await Promise.race([over, ended]);
  stop();
  return 0;
}

/** The newest place in the order in which rows came in. */
function newestSeq(engine: EnginePort): number {
  let newest = 0;
  engine.subscribe((changes) => {
    newest = Math.max(newest, changes.logSeq ?? 0);
  })();
  return newest;
}

async function newestRows(
  engine: EnginePort,
  query: LogQuery,
  wanted: number | undefined,
): Promise<readonly LogRow[]> {
  if (wanted === 0) return [];
  const rows: LogRow[] = [];
  let at: LogCursor | 'end' = 'end';
  for (;;) {
    const page: LogPage = await engine.call('page', { query, at, rows: PAGE });
    const known = new Set(rows.map((row) => row.id));
    const fresh = page.rows.filter((row) => !known.has(row.id));
    rows.unshift(...fresh);
    const first = fresh[0];
    const enough = wanted !== undefined && rows.filter((row) => !row.isContext).length >= wanted;
    if (!first || page.atStart || enough) break;
    at = { sortAt: first.sortAt, id: first.id };
  }
  return wanted === undefined ? rows : newestOf(rows, wanted);
}

/** The newest of these rows, with those that stand beside them. */
function newestOf(rows: readonly LogRow[], wanted: number): readonly LogRow[] {
  let first = rows.length;
  for (let left = wanted; first > 0; first -= 1) {
    if (rows[first - 1]?.isContext) continue;
    if (left === 0) break;
    left -= 1;
  }
  return rows.slice(first);
}

/** Prints how many rows match. */
export async function printCount(
  engine: EnginePort,
  query: LogQuery,
  json: boolean,
  output: Output,
): Promise<number> {
  let count = 0;
  let from: string | undefined;
  do {
    const slice = await engine.call('count', { query, ...(from === undefined ? {} : { from }) });
    count += slice.hits;
    from = slice.next;
  } while (from !== undefined && !output.closed());
  if (json) output.json({ count });
  else output.line(safeText(String(count)));
  return 0;
}

/** Prints how many rows there are when, by level: those of the query, or, where it has conditions on lines, of its logs. */
export async function printHistogram(
  engine: EnginePort,
  query: LogQuery,
  json: boolean,
  output: Output,
): Promise<number> {
  const { spanMs, spans, untimed, of } = await engine.call('histogram', { query, spans: SPANS });
  const sums = spans.map(({ counts }) => counts.debug + counts.info + counts.warning + counts.error);
  const most = Math.max(1, ...sums);
  for (const [index, { from, counts }] of spans.entries()) {
    const sum = sums[index] ?? 0;
    if (json) {
      output.json({ from: toIso(from), until: toIso(addMs(from, spanMs)), ...counts });
      continue;
    }
    const graver = [
      counts.error > 0 ? `${counts.error} error` : '',
      counts.warning > 0 ? `${counts.warning} warning` : '',
    ];
    const bar = '#'.repeat(Math.ceil((sum / most) * BAR));
    const words = [bar.padEnd(BAR), ...graver].filter((word) => word !== '').join('  ');
    output.line(safeText(` ${dateText(from)} ${String(sum).padStart(9)}  ${words}`.trimEnd()));
  }
  if (untimed > 0) output.note(safeText(`${untimed} rows stand at no time`));
  if (of === 'logs')
    output.note(safeText('all rows of these logs are counted: what older lines hold is not in their index'));
  return 0;
}

/** A row as `--json` prints it. */
export function rowJson(row: Omit<LogRow, 'id'>): { readonly [field: string]: Json } {
  return {
    time: row.at === undefined ? null : toIso(row.at),
    sortTime: toIso(row.sortAt),
    system: row.system,
    source: row.source,
    path: row.path,
    offset: row.offset,
    form: row.form,
    level: row.level ?? null,
    text: row.text,
    keys: row.keys ?? [],
    count: row.count ?? 1,
    ...(row.twins ? { twins: row.twins.map((twin) => ({ ...twin })) } : {}),
    wiped: row.wiped === true,
    ...(row.isContext ? { isContext: true } : {}),
  };
}

function printRow(row: LogRow, json: boolean, output: Output): void {
  if (json) {
    output.json(rowJson(row));
    return;
  }
  const beside = row.isContext ? '-' : ' ';
  const time = row.at === undefined ? `~${dateText(row.sortAt)}` : `${beside}${dateText(row.at)}`;
  const level = row.form === 'change' ? 'CHANGE' : (row.level ?? '').toUpperCase();
  const times = row.count === undefined || row.count < 2 ? '' : ` (x${row.count})`;
  const wiped = row.wiped ? ' [file since emptied]' : '';
  output.line(
    safeText(`${time} ${row.system} ${row.origin ?? row.source} ${level} ${row.text}${times}${wiped}`),
  );
}
