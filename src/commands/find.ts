import type { LogCondition } from '../domain/log.ts';
import { filtered, focused, inMode, marked, ranged, selectedRow } from '../store/desk.ts';
import { filterCondition, withCondition } from '../store/log-view.ts';
import { rowIds, rowTexts } from '../store/selectors/rows.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { Command, CommandContext } from './command.ts';
import { markLogRow, rangeLogRows } from './log-export.ts';
import { stepLogSearch, walkSearch } from './log-search.ts';
import { openLogSheet } from './log-sheets.ts';

/** Rows of a pane that contain the text searched for, whatever the case. */
export function matchesOf(snapshot: Snapshot): readonly string[] {
  const { search } = snapshot.desk;
  if (!search || search.text === '') return [];
  const wanted = search.text.toLowerCase();
  const ids = rowIds(snapshot, search.pane);
  return rowTexts(snapshot, search.pane).flatMap((text, index) => {
    const id = ids[index];
    return id !== undefined && text.toLowerCase().includes(wanted) ? [id] : [];
  });
}

/** Goes to the next place of the search, in the direction. */
async function stepSearch(context: CommandContext, direction: 1 | -1): Promise<void> {
  const snapshot = context.snapshot();
  const { search } = snapshot.desk;
  if (!search) return;
  if (search.pane === 'logs') {
    await stepLogSearch(context, direction);
    return;
  }
  const matches = matchesOf(snapshot);
  if (matches.length === 0) {
    context.cockpit.toast(`"${search.text}": nothing in this pane`);
    return;
  }
  const ids = rowIds(snapshot, search.pane);
  const here = ids.indexOf(snapshot.desk.selected[search.pane] ?? '');
  const places = matches.map((id) => ids.indexOf(id));
  const next =
    direction === 1
      ? (places.find((place) => place > here) ?? places[0])
      : (places.findLast((place) => place < here) ?? places[places.length - 1]);
  const id = next === undefined ? undefined : ids[next];
  if (id === undefined || next === undefined) return;
  const number = places.indexOf(next) + 1;
  context.cockpit.update((desk) => selectedRow(desk, search.pane, id));
  context.cockpit.toast(`"${search.text}": ${number} of ${matches.length}`);
}

function rowHere(snapshot: Snapshot): string | undefined {
  const { focus, selected } = snapshot.desk;
  if (focus === 'logs') return snapshot.log.selected;
  const ids = rowIds(snapshot, focus);
  const id = selected[focus];
  return id !== undefined && ids.includes(id) ? id : undefined;
}

const noRow = (snapshot: Snapshot): string | undefined =>
  rowHere(snapshot) === undefined ? 'no row is under the cursor' : undefined;

/** Commands that search, filter and mark. */
export const findCommands: readonly Command[] = [
  {
    id: 'search.start',
    title: 'search in this pane',
    area: 'find',
    effect: 'view',
    cli: 'binnacle logs --grep RE',
    run: ({ cockpit }) => cockpit.update((desk) => inMode(desk, { type: 'search', text: '' })),
  },
  {
    id: 'search.next',
    title: 'next match',
    area: 'find',
    effect: 'move',
    off: ({ desk }) => (desk.search ? undefined : 'nothing is searched for: / searches'),
    run: (context) => stepSearch(context, 1),
  },
  {
    id: 'search.previous',
    title: 'match before',
    area: 'find',
    effect: 'move',
    off: ({ desk }) => (desk.search ? undefined : 'nothing is searched for: / searches'),
    run: (context) => stepSearch(context, -1),
  },
  {
    id: 'filter.add',
    title: 'filter this pane (nothing typed: logs list the filters, the queue takes the last one off)',
    area: 'find',
    effect: 'view',
    cli: 'binnacle logs --grep RE',
    off: ({ desk }) =>
      desk.focus === 'queue' || desk.focus === 'logs' ? undefined : 'filters work in the queue and the logs',
    run: ({ cockpit }) => cockpit.update((desk) => inMode(desk, { type: 'filter', text: '' })),
  },
  {
    id: 'filter.clear',
    title: 'take all filters of this pane off',
    area: 'find',
    effect: 'view',
    inPalette: true,
    run: ({ cockpit }) =>
      cockpit.update((desk) =>
        desk.focus === 'logs'
          ? { ...desk, log: { ...desk.log, stack: [] } }
          : { ...desk, filters: { ...desk.filters, [desk.focus]: [] } },
      ),
  },
  {
    id: 'row.mark',
    title: 'mark this row',
    area: 'find',
    effect: 'view',
    off: noRow,
    run: (context) => {
      if (context.snapshot().desk.focus === 'logs') {
        markLogRow(context);
        return;
      }
      const id = rowHere(context.snapshot());
      if (id !== undefined) context.cockpit.update((desk) => marked(desk, id));
    },
  },
  {
    id: 'row.range',
    title: 'mark from here, then to here',
    area: 'find',
    effect: 'view',
    off: noRow,
    run: async (context) => {
      const snapshot = context.snapshot();
      const { focus } = snapshot.desk;
      const id = rowHere(snapshot);
      if (focus === 'logs') await rangeLogRows(context);
      else if (id !== undefined) context.cockpit.update((desk) => ranged(desk, rowIds(snapshot, focus), id));
    },
  },
];

/** What Enter does with a text searched or filtered for. */
export function takeText(
  context: CommandContext,
  mode: { readonly type: 'search' | 'filter'; readonly text: string },
): void {
  const { focus } = context.snapshot().desk;
  if (mode.type === 'filter') {
    if (focus === 'logs') takeLogFilter(context, mode.text);
    else
      context.cockpit.update((desk) =>
        focused(inMode(filtered(desk, focus, mode.text), { type: 'browse' }), focus),
      );
    return;
  }
  context.cockpit.update((desk) => {
    const { search: _old, ...rest } = desk;
    const next = inMode(rest, { type: 'browse' });
    return mode.text === '' ? next : { ...next, search: { pane: focus, text: mode.text } };
  });
  if (mode.text === '') return;
  if (focus === 'logs') void walkSearch(context, mode.text);
  else void stepSearch(context, 1);
}

/** A filter goes on top of the log's stack; nothing typed shows the stack. */
function takeLogFilter(context: CommandContext, text: string): void {
  if (text === '') {
    openLogSheet(context, 'stack');
    return;
  }
  const { condition, note } = filterCondition(text);
  context.cockpit.update((desk) => ({
    ...inMode(desk, { type: 'browse' }),
    log: withCondition(desk.log, withWholePath(context.snapshot(), condition)),
  }));
  if (note !== undefined) context.cockpit.toast(note);
}

/** `file:api.log` means the log that is called so: rows have whole paths. */
function withWholePath({ log, desk }: Snapshot, condition: LogCondition): LogCondition {
  if (condition.is !== 'log') return condition;
  const rows = [...log.rows, ...desk.log.marked.values()];
  const whole = (name: string): string =>
    rows.map((row) => row.log ?? row.path).find((path) => path === name || path.endsWith(`/${name}`)) ?? name;
  return { ...condition, logs: condition.logs.map(whole) };
}
