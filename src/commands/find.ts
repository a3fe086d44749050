import { filtered, focused, inMode, marked, ranged, selectedRow } from '../store/desk.ts';
import { rowIds, rowTexts } from '../store/selectors/rows.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { Command, CommandContext } from './command.ts';

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
    const query = { ...snapshot.log.query, grep: searchExpression(search.text) };
    const found = await context.cockpit.log.find(query, direction);
    if (!found) context.cockpit.toast(`"${search.text}": no more ${direction === 1 ? 'below' : 'above'}`);
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

/** A text that is no valid expression is searched for as it stands. */
export function searchExpression(text: string): string {
  try {
    new RegExp(text, 'u');
    return text;
  } catch {
    return text.replace(/[\\^$.*+?()[\]{}|/-]/g, (character) =>
      character === '-' ? '\\x2d' : `\\${character}`,
    );
  }
}

function rowHere(snapshot: Snapshot): string | undefined {
  const { focus, selected } = snapshot.desk;
  if (focus === 'logs')
    return snapshot.log.selected === undefined ? undefined : String(snapshot.log.selected);
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
    title: 'filter this pane (empty takes the last one off)',
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
      cockpit.update((desk) => ({ ...desk, filters: { ...desk.filters, [desk.focus]: [] } })),
  },
  {
    id: 'row.mark',
    title: 'mark this row',
    area: 'find',
    effect: 'view',
    off: noRow,
    run: (context) => {
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
    run: (context) => {
      const snapshot = context.snapshot();
      const id = rowHere(snapshot);
      const ids =
        snapshot.desk.focus === 'logs'
          ? snapshot.log.rows.map((row) => row.id)
          : rowIds(snapshot, snapshot.desk.focus);
      if (id !== undefined) context.cockpit.update((desk) => ranged(desk, ids, id));
    },
  },
];

/** What Enter does with a text searched or filtered for. */
export function takeText(
  context: CommandContext,
  mode: { readonly type: 'search' | 'filter'; readonly text: string },
): void {
  if (mode.type === 'filter') {
    const pane = context.snapshot().desk.focus;
    const text = pane === 'logs' && mode.text !== '' ? searchExpression(mode.text) : mode.text;
    context.cockpit.update((desk) => focused(inMode(filtered(desk, pane, text), { type: 'browse' }), pane));
    return;
  }
  context.cockpit.update((desk) => {
    const { search: _old, ...rest } = desk;
    const next = inMode(rest, { type: 'browse' });
    return mode.text === '' ? next : { ...next, search: { pane: desk.focus, text: mode.text } };
  });
  if (mode.text !== '') void stepSearch(context, 1);
}
