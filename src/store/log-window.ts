import { messageOf } from '../domain/error.ts';
import type { Instant } from '../domain/instant.ts';
import type { LogCursor, LogPage, LogQuery, LogRow, PagePlace } from '../domain/log.ts';
import type { EnginePort } from '../engine/protocol.ts';

/** Rows asked for at a time: several screens, few enough to cross a thread in well under a millisecond. */
const pageRows = 300;
/** Nearer to the edge of what is loaded than this, more is asked for. */
const edgeRows = 60;

/** What the log pane shows. Rows are oldest first. */
export interface LogWindowState {
  readonly phase: 'loading' | 'ready' | 'failed';
  readonly error?: string;
  readonly query: LogQuery;
  readonly rows: readonly LogRow[];
  /** No row that matches is before the first, behind the last. */
  readonly atStart: boolean;
  readonly atEnd: boolean;
  /** How many match before and behind these rows, and altogether, where it was counted. */
  readonly before?: number;
  readonly after?: number;
  readonly total?: number;
  readonly follow: boolean;
  /** `id` of the row under the cursor; the last row when following. */
  readonly selected?: string;
  /** `id` of the row that was the last one when following was left: the view stands still on it. */
  readonly anchor?: string;
  /** Matching rows that came since following was left. */
  readonly unread: number;
}

/** Rows of the merged log around a cursor, fetched as it moves and as rows come in. */
export interface LogWindow {
  state(): LogWindowState;
  /** Other rows are wanted; `keep` tries to stay at the row under the cursor. */
  setQuery(query: LogQuery, keep?: boolean): void;
  /** The engine has taken in rows. */
  rowsCame(): void;
  move(by: number): void;
  toStart(): void;
  /** The end, following what comes. */
  toEnd(): void;
  setFollow(follow: boolean): void;
  seek(cursor: LogCursor): void;
  /** Moves to the nearest row of `query` after or before the cursor. Resolves to whether there was one. */
  find(query: LogQuery, direction: 1 | -1): Promise<boolean>;
  close(): void;
}

/** A window that is following the end. `changed` is called whenever `state()` is another object. */
export function createLogWindow(engine: Pick<EnginePort, 'call'>, changed: () => void): LogWindow {
  let state: LogWindowState = {
    phase: 'loading',
    query: {},
    rows: [],
    atStart: true,
    atEnd: true,
    follow: true,
    unread: 0,
  };
  let closed = false;
  let generation = 0;
  let inFlight = false;
  let isCounting = false;
  let wanted: PagePlace | undefined;
  /** The last row when following was left. */
  let left: LogCursor | undefined;

  const set = (next: LogWindowState): void => {
    state = next;
    changed();
  };
  const here = (): PagePlace => {
    const row = state.rows.find((one) => one.id === state.selected);
    return state.follow || !row ? 'end' : { sortAt: row.sortAt, id: row.id };
  };

  /** One request at a time; the newest wish wins. */
  const want = (at: PagePlace): void => {
    wanted = at;
    if (inFlight || closed) return;
    void fetchWanted();
  };
  const fetchWanted = async (): Promise<void> => {
    while (wanted !== undefined && !closed) {
      const at = wanted;
      const asked = generation;
      wanted = undefined;
      inFlight = true;
      try {
        const page = await engine.call('page', { query: state.query, at, rows: pageRows });
        if (!closed && asked === generation) take(page, at);
        if (left) void countUnread(left);
      } catch (error) {
        if (!closed && asked === generation) set({ ...state, phase: 'failed', error: messageOf(error) });
      } finally {
        inFlight = false;
      }
    }
  };
  /** Rows behind the one that was the last. Counting may go through much of the files: the page does not wait for it. */
  const countUnread = async (behind: LogCursor): Promise<void> => {
    if (isCounting) return;
    isCounting = true;
    const asked = generation;
    let unread = 0;
    let from: string | undefined;
    try {
      do {
        const request = { query: state.query, behind, ...(from === undefined ? {} : { from }) };
        const slice = await engine.call('count', request);
        unread += slice.hits;
        from = slice.next;
        if (closed || asked !== generation || left !== behind) return;
      } while (from !== undefined);
      if (unread !== state.unread) set({ ...state, unread });
    } catch {
      // What can't be counted now is counted with the next rows; the page says what is wrong.
    } finally {
      isCounting = false;
    }
  };
  const take = (page: LogPage, at: PagePlace): void => {
    const { error: _error, selected: _selected, before: _b, after: _a, total: _t, ...rest } = state;
    const { before, after, total } = page;
    const last = page.rows[page.rows.length - 1];
    let selected = state.selected;
    if (state.follow) selected = last?.id;
    else if (at === 'start') selected = page.rows[0]?.id;
    else if (!page.rows.some((row) => row.id === selected)) selected = nearest(page.rows, at)?.id;
    set({
      ...rest,
      phase: 'ready',
      rows: sameRows(state.rows, page.rows),
      atStart: page.atStart,
      atEnd: page.atEnd,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      ...(total === undefined ? {} : { total }),
      unread: state.follow ? 0 : state.unread,
      ...(selected === undefined ? {} : { selected }),
    });
  };
  const leaveFollow = (): void => {
    if (!state.follow) return;
    const last = state.rows[state.rows.length - 1];
    left = last && { sortAt: last.sortAt, id: last.id };
    set({ ...state, follow: false, ...(last ? { anchor: last.id } : {}) });
  };
  const withoutAnchor = (): LogWindowState => {
    const { anchor: _anchor, ...rest } = state;
    return rest;
  };

  return {
    state: () => state,
    setQuery(query, keep = false) {
      if (sameQuery(query, state.query)) return;
      generation += 1;
      const at = keep ? here() : 'end';
      const { selected: _selected, error: _error, ...rest } = withoutAnchor();
      set({
        ...rest,
        ...(keep && state.selected !== undefined ? { selected: state.selected } : {}),
        query,
        phase: 'loading',
        follow: keep ? state.follow : true,
        unread: 0,
      });
      // Rows of another query must not be taken for rows of this one, unless the place is kept while it loads.
      if (!keep) {
        const { before: _b, after: _a, total: _t, ...empty } = state;
        state = { ...empty, rows: [], atStart: true, atEnd: true };
      }
      left = undefined;
      want(at);
    },
    rowsCame() {
      want(here());
    },
    move(by) {
      const index = state.rows.findIndex((row) => row.id === state.selected);
      const from = index < 0 ? state.rows.length - 1 : index;
      const to = Math.max(0, Math.min(state.rows.length - 1, from + by));
      const row = state.rows[to];
      if (!row) return;
      if (by < 0) leaveFollow();
      if (state.follow) return;
      set({ ...state, selected: row.id });
      const nearStart = to < edgeRows && !state.atStart;
      const nearEnd = to >= state.rows.length - edgeRows && !state.atEnd;
      if (nearStart || nearEnd) want({ sortAt: row.sortAt, id: row.id });
    },
    toStart() {
      leaveFollow();
      set(withoutAnchor());
      want('start');
    },
    toEnd() {
      left = undefined;
      set({ ...withoutAnchor(), follow: true, unread: 0 });
      want('end');
    },
    setFollow(follow) {
      if (follow) this.toEnd();
      else leaveFollow();
    },
    seek(cursor) {
      leaveFollow();
      set({ ...withoutAnchor(), selected: cursor.id });
      if (!state.rows.some((row) => row.id === cursor.id)) want(cursor);
    },
    async find(query, direction) {
      const index = state.rows.findIndex((row) => row.id === state.selected);
      const from = state.rows[index < 0 ? state.rows.length - 1 : index];
      const at = from ? { sortAt: from.sortAt, id: from.id } : 'end';
      const { row } = await engine.call('find', { query, from: at, direction });
      if (closed || !row) return false;
      this.seek({ sortAt: row.sortAt, id: row.id });
      return true;
    },
    close() {
      closed = true;
    },
  };
}

/** The rows a pane of that height shows: the selected one among them, the end when following. */
export function visibleRows(
  window: LogWindowState,
  height: number,
): { readonly rows: readonly LogRow[]; readonly cursor: number } {
  const { rows } = window;
  if (height <= 0 || rows.length === 0) return { rows: [], cursor: -1 };
  const index = rows.findIndex((row) => row.id === window.selected);
  if (window.follow || index < 0) {
    const shown = rows.slice(-height);
    return { rows: shown, cursor: window.follow ? -1 : shown.length - 1 };
  }
  const bottom = window.anchor === undefined ? -1 : rows.findIndex((row) => row.id === window.anchor);
  if (bottom >= 0 && index <= bottom) {
    // Rows that come below move nothing; above the former view the cursor takes it along.
    const top = Math.max(0, Math.min(index, bottom - height + 1));
    return { rows: rows.slice(top, top + height), cursor: index - top };
  }
  // The cursor stands at two thirds, so that what led to a line is seen more than what followed.
  const first = Math.max(0, Math.min(rows.length - height, index - Math.floor((height * 2) / 3)));
  return { rows: rows.slice(first, first + height), cursor: index - first };
}

function nearest(rows: readonly LogRow[], at: PagePlace): LogRow | undefined {
  if (typeof at === 'string') return rows[rows.length - 1];
  const place = 'time' in at ? at.time : at.sortAt;
  return rows.reduce<LogRow | undefined>(
    (best, row) =>
      best === undefined || distance(row.sortAt, place) < distance(best.sortAt, place) ? row : best,
    undefined,
  );
}

function distance(sortAt: Instant, at: Instant): number {
  return Math.abs(sortAt - at);
}

/** Rows already here keep their objects: what was cut and coloured for them stays of use. */
function sameRows(before: readonly LogRow[], after: readonly LogRow[]): readonly LogRow[] {
  const known = new Map(before.map((row) => [row.id, row]));
  const merged = after.map((row) => {
    const old = known.get(row.id);
    return old &&
      old.text === row.text &&
      old.count === row.count &&
      old.wiped === row.wiped &&
      old.sortAt === row.sortAt &&
      JSON.stringify(old.fields) === JSON.stringify(row.fields)
      ? old
      : row;
  });
  return merged.length === before.length && merged.every((row, index) => row === before[index])
    ? before
    : merged;
}

function sameQuery(a: LogQuery, b: LogQuery): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
