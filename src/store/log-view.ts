/** How the log pane is set: the stack of filters, what is marked, what was kept. Plain data and pure functions. */
import type { SystemId } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import type { LogCondition, LogCursor, LogFilter, LogRow } from '../domain/log.ts';
import { clockText } from '../lib/time-text.ts';

/** Most lines shown around each line that passes the filters. */
export const mostAround = 20;

/** A filter of the stack. One that is off stays in its place and narrows nothing. */
export interface StackEntry {
  readonly condition: LogCondition;
  readonly isOff?: true;
}

/** A line to come back to, known by where it was written: rows have other names after a restart. */
export interface Bookmark {
  readonly sortAt: Instant;
  readonly system: SystemId;
  /** The log it was written to, whatever a rotation called its file since. */
  readonly path: string;
  readonly offset: number;
  /** How it reads. */
  readonly text: string;
}

/** A search with a name: its hits carry the name in the rows, whatever else is searched for. */
export interface NamedSearch {
  readonly name: string;
  readonly text: string;
  /** Not shown in the rows for now. */
  readonly isOff?: true;
}

/** A run whose lines are walked. */
export interface WalkedRun {
  readonly system: SystemId;
  readonly keys: readonly string[];
}

/** How the log pane is set. */
export interface LogView {
  readonly lens: 'item' | 'all';
  readonly stack: readonly StackEntry[];
  /** Lines of the same log shown before and behind each one that passes. */
  readonly around: number;
  /** Names of the fields that stand as columns before the text, in this order. */
  readonly columns: readonly string[];
  readonly pretty: boolean;
  /** The strip of how much came when stands above the rows. */
  readonly histogram: boolean;
  /** Filters left aside: all lines around the one under the cursor, beside the filtered ones where there is room. */
  readonly context: boolean;
  readonly run?: WalkedRun;
  readonly bookmarks: readonly Bookmark[];
  readonly searches: readonly NamedSearch[];
  /** Where a range of rows began. */
  readonly rangeFrom?: LogCursor;
  /** The marked rows as they were when they were marked: they may have been scrolled away since. */
  readonly marked: ReadonlyMap<string, LogRow>;
}

/** As it is found at the start. */
export const newLogView: LogView = {
  lens: 'item',
  stack: [],
  around: 0,
  columns: [],
  pretty: false,
  histogram: false,
  context: false,
  bookmarks: [],
  searches: [],
  marked: new Map(),
};

/** What of it is kept for the next start. */
export interface KeptLogView {
  readonly version: 2;
  readonly bookmarks: readonly Bookmark[];
  readonly searches: readonly NamedSearch[];
}

/** A filter added on top: one that is there is switched on again, a level or a span of time takes the place of the one before. */
export function withCondition(view: LogView, condition: LogCondition): LogView {
  const isSame = ({ condition: other }: StackEntry): boolean =>
    JSON.stringify(other) === JSON.stringify(condition);
  const replaces = (entry: StackEntry): boolean =>
    isSame(entry) ||
    ((condition.is === 'level' || condition.is === 'time') &&
      entry.condition.is === condition.is &&
      entry.condition.out === condition.out);
  const place = view.stack.findIndex(replaces);
  const stack = view.stack.filter((entry, index) => index === place || !replaces(entry));
  const at = place < 0 ? stack.length : place;
  return { ...view, stack: [...stack.slice(0, at), { condition }, ...stack.slice(at + 1)] };
}

/** A filter switched off, or on again. */
export function switchedEntry(view: LogView, index: number): LogView {
  return changedEntry(view, index, ({ isOff, ...entry }) => (isOff ? entry : { ...entry, isOff: true }));
}

/** A filter that takes rows in leaves them out, and the other way round. */
export function turnedEntry(view: LogView, index: number): LogView {
  return changedEntry(view, index, (entry) => {
    const { out, ...condition } = entry.condition;
    return { ...entry, condition: out ? condition : { ...condition, out: true } };
  });
}

function changedEntry(view: LogView, index: number, change: (entry: StackEntry) => StackEntry): LogView {
  return { ...view, stack: view.stack.map((entry, place) => (place === index ? change(entry) : entry)) };
}

/** Without a filter. */
export function withoutEntry(view: LogView, index: number): LogView {
  return { ...view, stack: view.stack.filter((_entry, place) => place !== index) };
}

/** A filter one place up (-1) or down (1). */
export function movedEntry(view: LogView, index: number, by: 1 | -1): LogView {
  const entry = view.stack[index];
  const other = view.stack[index + by];
  if (!entry || !other) return view;
  const stack = [...view.stack];
  stack[index] = other;
  stack[index + by] = entry;
  return { ...view, stack };
}

/** The filters that are on. */
export function filterOf(view: LogView): LogFilter {
  return view.stack.filter((entry) => !entry.isOff).map((entry) => entry.condition);
}

/** A filter in few words: `disk full`, `!/^GET /`, `error+`, `run 3c4d`, `status=500`, `03:05:00-03:09:00`. */
export function conditionText(condition: LogCondition, offsetMs: number): string {
  return `${condition.out ? '!' : ''}${wordsOf(condition, offsetMs)}`;
}

function wordsOf(condition: LogCondition, offsetMs: number): string {
  switch (condition.is) {
    case 'text':
      return condition.text;
    case 'match':
      return `/${condition.pattern}/`;
    case 'level':
      return `${condition.least}+`;
    case 'time': {
      const clock = (at: number | undefined): string => (at === undefined ? '' : clockText(at, offsetMs));
      return `${clock(condition.since)}-${clock(condition.until)}`;
    }
    case 'system':
      return `system ${condition.systems.join(' ')}`;
    case 'source':
      return `source ${condition.sources.join(' ')}`;
    case 'log':
      return `file ${condition.logs.join(' ')}`;
    case 'about':
      return `run ${condition.keys.join(' ')}`;
    case 'field':
      return `${condition.name}=${condition.value}`;
  }
}

/** What is typed as a search or filter, as a condition; `note` tells what was made of it where that is not plain. */
export function textCondition(typed: string): { readonly condition: LogCondition; readonly note?: string } {
  const ignoreCase = /[A-Z]/.test(typed) ? {} : { ignoreCase: true as const };
  if (!/[\\^$.*+?()[\]{}|]/.test(typed)) return { condition: { is: 'text', text: typed, ...ignoreCase } };
  try {
    new RegExp(typed, 'u');
    return { condition: { is: 'match', pattern: typed } };
  } catch {
    return {
      condition: { is: 'text', text: typed, ...ignoreCase },
      note: 'no regular expression: taken as text',
    };
  }
}

/**
 * What is typed as a filter: a text or an expression, with `!` before it to leave rows out; or `level:error`,
 * `system:orket`, `source:api`, `file:api.log`, `run:3c4d`, `field:status=500`.
 */
export function filterCondition(typed: string): ReturnType<typeof textCondition> {
  const isOut = typed.startsWith('!') && typed.length > 1;
  const plain = isOut ? typed.slice(1) : typed;
  const { condition, note } = namedCondition(plain) ?? textCondition(plain);
  return {
    condition: isOut ? { ...condition, out: true } : condition,
    ...(note === undefined ? {} : { note }),
  };
}

function namedCondition(typed: string): ReturnType<typeof textCondition> | undefined {
  const [, name, value = ''] = /^(level|system|source|file|run|field):\s*(\S.*)$/.exec(typed) ?? [];
  switch (name) {
    case 'level': {
      const least = (['debug', 'info', 'warning', 'error'] as const).find((one) => one.startsWith(value));
      return least ? { condition: { is: 'level', least } } : undefined;
    }
    case 'system':
      return { condition: { is: 'system', systems: [value] } };
    case 'source':
      return { condition: { is: 'source', sources: [value] } };
    case 'file':
      return { condition: { is: 'log', logs: [value] } };
    case 'run':
      return { condition: { is: 'about', keys: [value] } };
    case 'field': {
      const equals = value.indexOf('=');
      if (equals <= 0) return undefined;
      return { condition: { is: 'field', name: value.slice(0, equals), value: value.slice(equals + 1) } };
    }
    default:
      return undefined;
  }
}

function bookmarkOf({ sortAt, system, path, log = path, offset, text }: LogRow): Bookmark {
  return { sortAt, system, path: log, offset, text: text.slice(0, 200) };
}

/** Tells the rows of remembered lines. */
export function bookmarkTest(bookmarks: readonly Bookmark[]): (row: LogRow) => boolean {
  if (bookmarks.length === 0) return () => false;
  const nameOf = ({ system, path, offset, text }: Bookmark): string =>
    JSON.stringify([system, path, offset, text]);
  const names = new Set(bookmarks.map(nameOf));
  return (row) => names.has(nameOf(bookmarkOf(row)));
}

/** The row's line remembered, or forgotten where it was. */
export function bookmarked(view: LogView, row: LogRow): LogView {
  const others = view.bookmarks.filter((one) => !bookmarkTest([one])(row));
  if (others.length < view.bookmarks.length) return { ...view, bookmarks: others };
  return { ...view, bookmarks: [...others, bookmarkOf(row)].sort((a, b) => a.sortAt - b.sortAt) };
}

/** A search kept under a name; one of that name before is replaced. */
export function withSearch(view: LogView, search: NamedSearch): LogView {
  return { ...view, searches: [...view.searches.filter((one) => one.name !== search.name), search] };
}
