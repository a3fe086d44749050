import { addMs, type Instant, instant } from '../domain/instant.ts';
import type { LogCursor, LogRow } from '../domain/log.ts';
import { type KeptLogView, type LogView, newLogView } from './log-view.ts';
import type { Mode } from './mode.ts';

/** The boxes of the screen. `approvals` and `fatal` are filters of the queue where there is no room for boxes. */
export type PaneId =
  | 'queue'
  | 'approvals'
  | 'fatal'
  | 'pipeline'
  | 'work'
  | 'logs'
  | 'acts'
  | 'card'
  | 'steps';

/** Number of each pane, as its key and in its title. */
export const paneNumbers: { readonly [P in PaneId]: number } = {
  queue: 1,
  approvals: 2,
  fatal: 3,
  pipeline: 4,
  work: 5,
  logs: 6,
  acts: 7,
  card: 8,
  steps: 9,
};

/** Panes in the order of Tab. */
export const paneOrder: readonly PaneId[] = [
  'queue',
  'approvals',
  'fatal',
  'card',
  'steps',
  'pipeline',
  'work',
  'acts',
  'logs',
];

export type QueueFilter = 'all' | 'approvals' | 'fatal';

/** How long the order of the queue stands still after a key. */
const frozenMs = 2000;

/** A message younger than this was not read yet: type-ahead does not take it away. */
const readToastMs = 700;

/** A message that goes by itself. */
export interface Toast {
  readonly text: string;
  readonly tone: 'note' | 'refusal';
  readonly since: Instant;
  readonly until: Instant;
}

/** Where one was before going in, for `[` and `]`. */
export interface Crumb {
  readonly focus: PaneId;
  readonly selected: { readonly [P in PaneId]?: string };
}

/**
 * What the person at this terminal does with the screen. Plain data changed by pure functions; the dispatcher and the
 * reasons why a command is off read it, components keep no state of their own.
 */
export interface Desk {
  readonly columns: number;
  readonly rows: number;
  /** How often the terminal told its size: the picture is drawn from nothing after each. */
  readonly resizes: number;
  readonly focus: PaneId;
  /** The list whose selected row the card, the steps, the lens and the acts are about: the one focused last. */
  readonly subject: PaneId;
  readonly zoom?: PaneId;
  /** Set by `pane NAME`: the whole screen is this pane. */
  readonly only?: PaneId;
  readonly mode: Mode;
  readonly queueFilter: QueueFilter;
  /** Row under the cursor of each pane, by id. */
  readonly selected: { readonly [P in PaneId]?: string };
  /** The order of the queue stands still until then. */
  readonly frozenUntil: Instant;
  /** Scroll of the panes that are read and not chosen from. */
  readonly scroll: { readonly [P in PaneId]?: number };
  readonly filters: { readonly [P in PaneId]?: readonly string[] };
  /** `hit`: the row of the log it led to last. */
  readonly search?: { readonly pane: PaneId; readonly text: string; readonly hit?: LogCursor };
  readonly marks: ReadonlySet<string>;
  /** Where a range began. */
  readonly rangeFrom?: string;
  readonly log: LogView;
  readonly clock: 'utc' | 'local';
  /** Rows added to a pane by `+` and `_`. */
  readonly grow: { readonly [P in PaneId]?: number };
  readonly back: readonly Crumb[];
  readonly forth: readonly Crumb[];
  readonly toast?: Toast;
  /** The act whose end was asked for, and when: once more within three seconds ends it. */
  readonly stopAsked?: { readonly order: string; readonly at: Instant };
  /** When Ctrl-c was pressed with nothing to leave: once more within two seconds quits. */
  readonly quitAskedAt?: Instant;
}

/** True for panes whose rows are things one can act on. */
function isListPane(pane: PaneId): boolean {
  return pane !== 'card' && pane !== 'steps' && pane !== 'logs';
}

/** A desk as it is found at the start. */
export function newDesk(columns: number, rows: number, only?: PaneId, kept?: KeptLogView): Desk {
  return {
    columns,
    rows,
    resizes: 0,
    focus: only ?? 'queue',
    subject: only !== undefined && isListPane(only) ? only : 'queue',
    ...(only ? { only } : {}),
    mode: { type: 'browse' },
    queueFilter: 'all',
    selected: {},
    frozenUntil: instant(0),
    scroll: {},
    filters: {},
    marks: new Set(),
    log: kept ? { ...newLogView, bookmarks: kept.bookmarks, searches: kept.searches } : newLogView,
    clock: 'utc',
    grow: {},
    back: [],
    forth: [],
  };
}

/**
 * A size the terminal was told. A size below one cell, as a terminal that is being torn down reports it, counts as one.
 * The same size again is another desk too: what the terminal did to its rows in between is not known.
 */
export function resized(desk: Desk, columns: number, rows: number): Desk {
  return {
    ...desk,
    columns: Math.max(1, Math.floor(columns) || 1),
    rows: Math.max(1, Math.floor(rows) || 1),
    resizes: desk.resizes + 1,
  };
}

/** Any key: the order of the queue stands still for two seconds, and a message about a former key goes. */
export function touched(desk: Desk, now: Instant): Desk {
  const next = { ...desk, frozenUntil: addMs(now, frozenMs) };
  if (!desk.toast || now - desk.toast.since < readToastMs) return next;
  const { toast: _read, ...rest } = next;
  return rest;
}

/** Another pane has the keys. Marks belong to the view that is left. */
export function focused(desk: Desk, pane: PaneId): Desk {
  if (desk.focus === pane) return desk;
  const { rangeFrom: _range, ...rest } = unmarked(desk);
  const crumb: Crumb = { focus: desk.focus, selected: desk.selected };
  return {
    ...rest,
    focus: pane,
    subject: isListPane(pane) ? pane : desk.subject,
    back: [...desk.back.slice(-30), crumb],
    forth: [],
    ...(desk.zoom ? { zoom: pane } : {}),
  };
}

/** One step along the panes one has been in. */
export function wentBack(desk: Desk, direction: 'back' | 'forth'): Desk {
  const from = direction === 'back' ? desk.back : desk.forth;
  const crumb = from[from.length - 1];
  if (!crumb) return desk;
  const here: Crumb = { focus: desk.focus, selected: desk.selected };
  return {
    ...desk,
    focus: crumb.focus,
    subject: isListPane(crumb.focus) ? crumb.focus : desk.subject,
    selected: { ...desk.selected, ...crumb.selected },
    back: direction === 'back' ? desk.back.slice(0, -1) : [...desk.back, here],
    forth: direction === 'back' ? [...desk.forth, here] : desk.forth.slice(0, -1),
  };
}

/** The row under the cursor of a pane. */
export function selectedRow(desk: Desk, pane: PaneId, id: string): Desk {
  return desk.selected[pane] === id
    ? desk
    : { ...desk, selected: { ...desk.selected, [pane]: id }, scroll: { ...desk.scroll, card: 0, steps: 0 } };
}

/** Another thing has the keyboard. */
export function inMode(desk: Desk, mode: Mode): Desk {
  return { ...desk, mode };
}

/** The pane fills the screen, or stops doing so. */
export function zoomed(desk: Desk, pane: PaneId): Desk {
  const { zoom, ...rest } = desk;
  return zoom === pane ? rest : { ...rest, zoom: pane };
}

/** A sentence at the foot for a few seconds. */
export function toasted(desk: Desk, text: string, tone: Toast['tone'], now: Instant, ms = 6000): Desk {
  return { ...desk, toast: { text, tone, since: now, until: addMs(now, ms) } };
}

/** Without a message whose time is over. */
export function settledToast(desk: Desk, now: Instant): Desk {
  if (!desk.toast || now < desk.toast.until) return desk;
  const { toast: _gone, ...rest } = desk;
  return rest;
}

/** A text added to the stack of filters of a pane, or the newest taken off by an empty one. */
export function filtered(desk: Desk, pane: PaneId, text: string): Desk {
  const stack = desk.filters[pane] ?? [];
  const next = text === '' ? stack.slice(0, -1) : [...stack, text];
  return { ...desk, filters: { ...desk.filters, [pane]: next } };
}

/** A mark set or taken off. */
export function marked(desk: Desk, id: string): Desk {
  const marks = new Set(desk.marks);
  if (!marks.delete(id)) marks.add(id);
  return { ...desk, marks };
}

/** All rows from where the range began to here are marked, or the range begins here. */
export function ranged(desk: Desk, ids: readonly string[], here: string): Desk {
  if (desk.rangeFrom === undefined)
    return { ...desk, rangeFrom: here, marks: new Set([...desk.marks, here]) };
  const a = ids.indexOf(desk.rangeFrom);
  const b = ids.indexOf(here);
  const { rangeFrom: _done, ...rest } = desk;
  if (a < 0 || b < 0) return rest;
  return { ...rest, marks: new Set([...desk.marks, ...ids.slice(Math.min(a, b), Math.max(a, b) + 1)]) };
}

/** No marks: after an act, or on leaving the view. */
export function unmarked(desk: Desk): Desk {
  const { rangeFrom: _logRange, ...log } = desk.log;
  if (desk.marks.size === 0 && desk.rangeFrom === undefined && log.marked.size === 0 && !_logRange)
    return desk;
  const { rangeFrom: _range, ...rest } = desk;
  return { ...rest, marks: new Set(), log: { ...log, marked: new Map() } };
}

/** Rows of the log marked, kept as they are: they may be scrolled away before they are used. */
export function markedLogRows(desk: Desk, rows: readonly LogRow[]): Desk {
  const { rangeFrom: _range, ...log } = desk.log;
  const marked = new Map(log.marked);
  for (const row of rows) marked.set(row.id, row);
  return {
    ...desk,
    marks: new Set([...desk.marks, ...rows.map((row) => row.id)]),
    log: { ...log, marked },
  };
}

/** Rows of a pane more or fewer. */
export function grown(desk: Desk, pane: PaneId, by: number): Desk {
  const next = Math.max(-20, Math.min(40, (desk.grow[pane] ?? 0) + by));
  return { ...desk, grow: { ...desk.grow, [pane]: next } };
}
