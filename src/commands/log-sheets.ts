import type { LogPage, LogRow, PagePlace } from '../domain/log.ts';
import { inMode } from '../store/desk.ts';
import { selectedLogRow } from '../store/lens-query.ts';
import {
  type Bookmark,
  bookmarkTest,
  type LogView,
  mostAround,
  movedEntry,
  switchedEntry,
  turnedEntry,
  withCondition,
  withoutEntry,
  withSearch,
} from '../store/log-view.ts';
import type { LogSheetMode, Mode } from '../store/mode.ts';
import { conditionOfField, type LogSheetRow, logSheetRows } from '../store/selectors/log-sheet.ts';
import type { Snapshot } from '../store/snapshot.ts';
import { isInFile, writtenLine } from '../store/written-line.ts';
import type { Command, CommandContext } from './command.ts';
import { walkSearch } from './log-search.ts';

/** Changes how the log pane is set. */
export function setLog(
  { cockpit }: Pick<CommandContext, 'cockpit'>,
  change: (log: LogView) => LogView,
): void {
  cockpit.update((desk) => {
    const log = change(desk.log);
    return log === desk.log ? desk : { ...desk, log };
  });
}

/** Opens a list of the log, with the row that is under the cursor. */
export function openLogSheet({ cockpit, snapshot }: CommandContext, of: LogSheetMode['of']): void {
  const row = selectedLogRow(snapshot());
  cockpit.update((desk) => inMode(desk, { type: 'logSheet', of, index: 0, ...(row ? { row } : {}) }));
  if (row && isInFile(row) && (of === 'stack' || of === 'fields')) void showWritten(cockpit, row);
}

/** Fields are those of the line as it was written, which may have more of them than what is told of it. */
async function showWritten(cockpit: CommandContext['cockpit'], row: LogRow): Promise<void> {
  try {
    const line = await writtenLine(cockpit, row);
    cockpit.update((desk) =>
      desk.mode.type === 'logSheet' && desk.mode.row === row && 'written' in line
        ? inMode(desk, { ...desk.mode, ...line })
        : desk,
    );
  } catch {
    // The fields of its text stand there.
  }
}

/** Pages that are looked through for a remembered line: so many rows stand at one moment where lines have no time. */
const mostPages = 100;

/** Goes to a remembered line, or to where it stood. */
export async function toBookmark({ cockpit, snapshot }: CommandContext, bookmark: Bookmark): Promise<void> {
  const { query } = snapshot().log;
  const is = bookmarkTest([bookmark]);
  let row = snapshot().log.rows.find(is);
  let at: PagePlace = { time: bookmark.sortAt };
  for (let page = 0; !row && page < mostPages; page += 1) {
    const { rows, atEnd }: LogPage = await cockpit.call('page', { query, at, rows: 500 });
    row = rows.find(is);
    const last = rows.at(-1);
    if (!last || atEnd || last.sortAt > bookmark.sortAt) break;
    at = { sortAt: last.sortAt, id: last.id };
  }
  cockpit.log.seek(row ?? { sortAt: bookmark.sortAt, id: '' });
  if (!row) cockpit.toast('that line is not in this view: here is its time');
}

function open(snapshot: Snapshot): LogSheetMode | undefined {
  const { mode } = snapshot.desk;
  return mode.type === 'logSheet' ? mode : undefined;
}

/** The row of the list that is under its cursor. */
function rowHere(snapshot: Snapshot): LogSheetRow | undefined {
  const mode = open(snapshot);
  return mode && logSheetRows(snapshot, mode)[mode.index];
}

async function pick(context: CommandContext): Promise<void> {
  const { cockpit, snapshot } = context;
  const row = rowHere(snapshot());
  if (!row) return;
  switch (row.is) {
    case 'filter':
      setLog(context, (log) => switchedEntry(log, row.index));
      return;
    case 'offer':
      setLog(context, (log) => withCondition(log, row.condition));
      return;
    case 'bookmark':
      cockpit.update((desk) => inMode(desk, { type: 'browse' }));
      await toBookmark(context, row.bookmark);
      return;
    case 'current':
      cockpit.update((desk) => inMode(desk, { type: 'name', search: row.text, text: '' }));
      return;
    case 'search':
      cockpit.update((desk) => inMode(desk, { type: 'browse' }));
      await walkSearch(context, row.search.text);
      return;
    case 'field':
      setLog(context, (log) => ({
        ...log,
        columns: row.isColumn ? log.columns.filter((name) => name !== row.name) : [...log.columns, row.name],
      }));
      return;
  }
}

/** A filter is turned round; what is offered, and a field, is added as one that takes rows in or leaves them out. */
function filterBy(context: CommandContext, out: boolean): void {
  const snapshot = context.snapshot();
  const row = rowHere(snapshot);
  const from = open(snapshot)?.row;
  if (row?.is === 'filter') {
    if ((row.entry.condition.out === true) !== out) setLog(context, (log) => turnedEntry(log, row.index));
    return;
  }
  const condition =
    row?.is === 'offer'
      ? row.condition
      : row?.is === 'field' && from
        ? conditionOfField(from, row.name, row.value)
        : undefined;
  if (!condition) return;
  setLog(context, (log) => withCondition(log, out ? { ...condition, out: true } : condition));
  if (row?.is === 'field')
    context.cockpit.toast(`filter ${out ? 'leaves out' : 'takes in'} what has this: & lists the filters`);
}

function remove(context: CommandContext): void {
  const row = rowHere(context.snapshot());
  setLog(context, (log) => {
    switch (row?.is) {
      case 'filter':
        return withoutEntry(log, row.index);
      case 'bookmark':
        return { ...log, bookmarks: log.bookmarks.filter((one) => one !== row.bookmark) };
      case 'search':
        return { ...log, searches: log.searches.filter((one) => one !== row.search) };
      default:
        return log;
    }
  });
  context.cockpit.update((desk) => {
    const { mode } = desk;
    if (mode.type !== 'logSheet') return desk;
    const count = logSheetRows({ ...context.snapshot(), desk }, mode).length;
    return inMode(desk, { ...mode, index: Math.max(0, Math.min(mode.index, count - 1)) });
  });
}

/** A filter goes up or down in the stack, the cursor with it. */
function reorder(context: CommandContext, by: 1 | -1): void {
  const row = rowHere(context.snapshot());
  if (row?.is !== 'filter') return;
  context.cockpit.update((desk) => {
    const log = movedEntry(desk.log, row.index, by);
    if (log === desk.log || desk.mode.type !== 'logSheet') return desk;
    return { ...desk, log, mode: { ...desk.mode, index: row.index + by } };
  });
}

/** A search is shown in the rows, or not, without being walked. */
function show(context: CommandContext): void {
  const row = rowHere(context.snapshot());
  if (row?.is === 'filter') setLog(context, (log) => switchedEntry(log, row.index));
  if (row?.is !== 'search') return;
  setLog(context, (log) => ({
    ...log,
    searches: log.searches.map((one) => {
      if (one !== row.search) return one;
      const { isOff, ...rest } = one;
      return isOff ? rest : { ...rest, isOff: true };
    }),
  }));
}

/** Enter after the name of a search. */
export function keepSearch(context: CommandContext, mode: Extract<Mode, { type: 'name' }>): void {
  const name = mode.text.trim();
  if (name === '') {
    context.cockpit.toast('a name is needed', 'refusal');
    return;
  }
  setLog(context, (log) => withSearch(log, { name, text: mode.search }));
  openLogSheet(context, 'searches');
}

/** Why a key of the lists does nothing on this row. */
function offUnless(...kinds: readonly LogSheetRow['is'][]): (snapshot: Snapshot) => string | undefined {
  return (snapshot) => {
    const row = rowHere(snapshot);
    if (!row) return 'the list is empty';
    return kinds.includes(row.is) ? undefined : 'not for this row';
  };
}

function sheetCommand(
  id: string,
  title: string,
  off: (snapshot: Snapshot) => string | undefined,
  run: (context: CommandContext) => void | Promise<void>,
): Command {
  return { id: `sheet.${id}`, title, area: 'prompt', effect: 'view', inPalette: false, off, run };
}

function around(by: 1 | -1): (context: CommandContext) => void {
  return (context) =>
    setLog(context, (log) => ({ ...log, around: Math.max(0, Math.min(mostAround, log.around + by)) }));
}

const onlyStack = (snapshot: Snapshot): string | undefined =>
  open(snapshot)?.of === 'stack' ? undefined : 'lines around belong to the filters';

/** The lists of the log: how they are opened, and what their keys do. */
export const logSheetCommands: readonly Command[] = [
  {
    id: 'filter.show',
    title: 'the filters of the log: switch, turn, order, take off; more from this row',
    area: 'logs',
    effect: 'view',
    run: (context) => openLogSheet(context, 'stack'),
  },
  {
    id: 'search.show',
    title: 'searches with a name, their hits marked in the rows',
    area: 'logs',
    effect: 'view',
    off: ({ desk }) =>
      desk.search?.pane === 'logs' || desk.log.searches.length > 0
        ? undefined
        : 'nothing was searched for in the log: / searches',
    run: (context) => openLogSheet(context, 'searches'),
  },
  {
    id: 'log.fields',
    title: 'fields of this line: columns to show, filters by their values',
    area: 'logs',
    effect: 'view',
    off: (snapshot) => (selectedLogRow(snapshot) ? undefined : 'no log row is loaded'),
    run: (context) => openLogSheet(context, 'fields'),
  },
  sheetCommand(
    'pick',
    'do what this row is for',
    (snapshot) => (rowHere(snapshot) ? undefined : 'the list is empty'),
    pick,
  ),
  sheetCommand('in', 'take rows in by this', offUnless('filter', 'offer', 'field'), (context) =>
    filterBy(context, false),
  ),
  sheetCommand('out', 'leave rows out by this', offUnless('filter', 'offer', 'field'), (context) =>
    filterBy(context, true),
  ),
  sheetCommand('delete', 'take this off the list', offUnless('filter', 'bookmark', 'search'), remove),
  sheetCommand('up', 'one place up', offUnless('filter'), (context) => reorder(context, -1)),
  sheetCommand('down', 'one place down', offUnless('filter'), (context) => reorder(context, 1)),
  sheetCommand('show', 'on or off', offUnless('filter', 'search'), show),
  sheetCommand('more', 'more lines around each', onlyStack, around(1)),
  sheetCommand('fewer', 'fewer lines around each', onlyStack, around(-1)),
];
