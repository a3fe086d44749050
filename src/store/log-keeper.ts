import type { LogCursor, LogHistogram, LogQuery, LogRow } from '../domain/log.ts';
import type { EnginePort } from '../engine/protocol.ts';
import { type Counts, type CountWish, createCountKeeper } from './count-keeper.ts';
import { narrowed, searchQuery, selectedLogRow, splitOf } from './lens-query.ts';
import { createLogWindow, type LogWindow, type LogWindowState } from './log-window.ts';
import { createPacedAsk } from './paced-ask.ts';
import type { Snapshot } from './snapshot.ts';
import type { Timer } from './timer.ts';

/** The strip and how far logs are indexed are asked for again at most this often. */
const stripMs = 1000;
const indexMs = 1000;
/** Spans of the strip: more than a screen has columns, so that it is drawn at its best. */
const mostSpans = 400;

/** How far the files of the logs in view are indexed. */
export interface IndexState {
  /** 0 to 1, by bytes. */
  readonly share: number;
  /** Files that are there and can't be read, and why. */
  readonly problems: readonly string[];
}

/** What goes with the rows of the log pane and is asked for beside them. A new object whenever something in it is. */
export interface LogAnswers {
  readonly counts: Counts;
  /** How much came when; undefined while asked for, and where the strip is not shown. */
  readonly strip?: LogHistogram;
  readonly index?: IndexState;
  /** All rows around the one under the cursor, beside the filtered ones. */
  readonly full?: LogWindowState;
  /** What is being looked for now. */
  readonly seeking?: string;
}

export interface LogKeeper {
  state(): LogAnswers;
  /** The pane is set like this now. */
  follow(next: Snapshot): void;
  rowsCame(): void;
  /** Moves the pane to the nearest row of a query, `what` in words. A second one, or {@link stop}, gives the first up. */
  seekNext(what: string, query: LogQuery, direction: 1 | -1): Promise<LogRow | 'none' | 'stopped'>;
  stop(): void;
  close(): void;
}

/** Keeps everything beside the rows supplied: counts of searches and filters, the strip, the index, all lines around. */
export function createLogKeeper(
  port: Pick<EnginePort, 'call'>,
  timer: Timer,
  log: LogWindow,
  redraw: () => void,
): LogKeeper {
  let state: LogAnswers | undefined;
  let seeking: { readonly what: string; readonly abort: AbortController } | undefined;
  let full: LogWindow | undefined;
  let linked: string | undefined;
  let closed = false;

  const changed = (): void => {
    state = undefined;
    redraw();
  };
  const counts = createCountKeeper(port, timer, changed);
  const strip = createPacedAsk(
    timer,
    stripMs,
    (query: LogQuery, signal) => port.call('histogram', { query, spans: mostSpans }, signal),
    changed,
  );
  const index = createPacedAsk(
    timer,
    indexMs,
    async (query: LogQuery, signal): Promise<IndexState> => {
      const { files, problems } = await port.call('parts', { query }, signal);
      const size = files.reduce((sum, file) => sum + file.sizeBytes, 0);
      const done = files.reduce((sum, file) => sum + file.sizeBytes * file.indexed, 0);
      const ofFiles = files.flatMap(({ name, problem }) =>
        problem === undefined ? [] : [`${name}: ${problem}`],
      );
      return { share: size === 0 ? 1 : done / size, problems: [...problems, ...ofFiles] };
    },
    () => {
      if ((index.answer()?.share ?? 1) < 1) index.again();
      changed();
    },
  );

  /** All lines stand where the filtered ones do: the same row under both cursors. */
  const link = (next: Snapshot): void => {
    if (splitOf(next.desk) === undefined) {
      if (!full) return;
      full.close();
      full = undefined;
      linked = undefined;
      changed();
      return;
    }
    full ??= createLogWindow(port, changed);
    const { fields } = next.log.query;
    full.setQuery(fields ? { fields } : {}, true);
    const row = selectedLogRow(next);
    const place = next.log.follow ? 'end' : row?.id;
    if (place === undefined || place === linked) return;
    linked = place;
    if (place === 'end' || !row) full.toEnd();
    else full.seek({ sortAt: row.sortAt, id: row.id });
  };

  return {
    state() {
      const found = strip.answer();
      const indexed = index.answer();
      state ??= {
        counts: counts.state(),
        ...(found ? { strip: found } : {}),
        ...(indexed ? { index: indexed } : {}),
        ...(full ? { full: full.state() } : {}),
        ...(seeking ? { seeking: seeking.what } : {}),
      };
      return state;
    },
    follow(next) {
      if (closed) return;
      const query = narrowed(next.log.query);
      const isLooked = next.desk.focus === 'logs' || next.desk.log.histogram;
      counts.follow(countWishes(next));
      strip.follow(next.desk.log.histogram ? query : undefined);
      index.follow(isLooked ? query : undefined);
      link(next);
    },
    rowsCame() {
      counts.rowsCame();
      strip.again();
      full?.rowsCame();
    },
    async seekNext(what, query, direction) {
      seeking?.abort.abort();
      const abort = new AbortController();
      const mine = { what, abort };
      seeking = mine;
      changed();
      try {
        const { row } = await port.call('find', { query, from: placeOf(log), direction }, abort.signal);
        if (closed || abort.signal.aborted) return 'stopped';
        if (!row) return 'none';
        log.seek({ sortAt: row.sortAt, id: row.id });
        return row;
      } catch (error) {
        if (abort.signal.aborted) return 'stopped';
        throw error;
      } finally {
        if (seeking === mine) {
          seeking = undefined;
          changed();
        }
      }
    },
    stop() {
      if (!seeking) return;
      seeking.abort.abort();
      seeking = undefined;
      changed();
    },
    close() {
      closed = true;
      seeking?.abort.abort();
      counts.close();
      strip.close();
      index.close();
      full?.close();
    },
  };
}

/** Where a search begins: the row under the cursor, or the end. */
function placeOf(log: LogWindow): LogCursor | 'end' {
  const row = selectedLogRow({ log: log.state() });
  const last = log.state().rows.at(-1);
  const from = row ?? last;
  return from ? { sortAt: from.sortAt, id: from.id } : 'end';
}

/** What is counted as things stand: the hits of the search and those behind the cursor, and what an open sheet lists. */
function countWishes({ desk, log }: Snapshot): readonly CountWish[] {
  const { search, mode } = desk;
  const wishes: CountWish[] = [];
  if (search?.pane === 'logs') {
    const query = searchQuery(log.query, search.text);
    wishes.push({ query });
    if (search.hit && search.hit.id === log.selected) wishes.push({ query, behind: search.hit });
  }
  if (mode.type !== 'logSheet') return wishes;
  if (mode.of === 'stack')
    return [...wishes, { query: narrowed(log.query) }, ...stackWishes(desk, log.query)];
  if (mode.of === 'searches')
    return [...wishes, ...desk.log.searches.map(({ text }) => ({ query: searchQuery(log.query, text) }))];
  return wishes;
}

/** How many rows of the lens each filter of the stack is about, whatever the others do. */
export function stackWishes(desk: Snapshot['desk'], query: LogQuery): readonly CountWish[] {
  const { filter: _filter, ...lens } = narrowed(query);
  return desk.log.stack.map(({ condition: { out: _out, ...condition } }) => ({
    query: { ...lens, filter: [condition] },
  }));
}
