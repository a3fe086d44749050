import {
  filtered,
  focused,
  grown,
  inMode,
  type PaneId,
  paneNumbers,
  paneOrder,
  selectedRow,
  toasted,
  unmarked,
  wentBack,
  zoomed,
} from '../store/desk.ts';
import { selectedLogRow } from '../store/lens-query.ts';
import { withoutEntry } from '../store/log-view.ts';
import type { DetailSubject } from '../store/mode.ts';
import { rowIds } from '../store/selectors/rows.ts';
import { hasOwnBox } from '../store/sheet.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { Command, CommandContext } from './command.ts';

const titles: { readonly [P in PaneId]: string } = {
  queue: 'needs you',
  approvals: 'approvals only',
  fatal: 'fatal only',
  pipeline: 'pipeline',
  work: 'work',
  logs: 'logs and changes',
  acts: 'acts',
  card: 'why',
  steps: 'steps',
};

function goTo(context: CommandContext, pane: PaneId): void {
  const { desk } = context.snapshot();
  if (desk.only) {
    context.cockpit.toast(`this is the ${desk.only} pane alone`, 'refusal');
    return;
  }
  if ((pane === 'approvals' || pane === 'fatal') && !hasOwnBox(desk.columns, desk.rows)) {
    context.cockpit.update((now) =>
      focused({ ...now, queueFilter: now.queueFilter === pane ? 'all' : pane }, 'queue'),
    );
    return;
  }
  enter(context, pane);
}

/** A pane gets the keys with its cursor on a row: what is under it is what acts and card are about. */
function enter(context: CommandContext, pane: PaneId): void {
  const snapshot = context.snapshot();
  const ids = rowIds(snapshot, pane);
  const first = ids[0];
  const isPlaced = ids.includes(snapshot.desk.selected[pane] ?? '');
  context.cockpit.update((now) => {
    const next = focused(pane === 'queue' ? { ...now, queueFilter: 'all' } : now, pane);
    return isPlaced || first === undefined || pane === 'queue' ? next : selectedRow(next, pane, first);
  });
}

function nextPane(context: CommandContext, step: 1 | -1): void {
  const { desk } = context.snapshot();
  const boxes = hasOwnBox(desk.columns, desk.rows);
  const panes = paneOrder.filter((pane) => boxes || (pane !== 'approvals' && pane !== 'fatal'));
  const index = panes.indexOf(desk.focus);
  const pane = panes[(index + step + panes.length) % panes.length];
  if (pane && !desk.only) enter(context, pane);
}

/** What Enter opens: the page of the row under the cursor. */
function detailsOf(snapshot: Snapshot): DetailSubject | undefined {
  const { desk, subject } = snapshot;
  if (desk.focus === 'logs') {
    const row = selectedLogRow(snapshot);
    return row ? { of: 'row', row, pretty: desk.log.pretty } : undefined;
  }
  if (desk.focus === 'acts') {
    const order = desk.selected.acts ?? snapshot.state.acts[0]?.order;
    return order === undefined ? undefined : { of: 'act', order };
  }
  if (subject.entity && subject.ref) return { of: 'entity', ref: subject.ref };
  return subject.item ? { of: 'source', key: subject.item.key } : undefined;
}

/** Bad records of the sources on the page that is open, else of all: one that is alone there names them. */
function badSubject({ desk, state }: Snapshot): DetailSubject {
  const { mode } = desk;
  if (mode.type !== 'details' || mode.subject.of !== 'source') return { of: 'bad' };
  const { key } = mode.subject;
  const item = [...state.queue, ...state.aside].find((one) => one.key === key);
  if (!item) return { of: 'bad' };
  const source = item.sources?.length === 1 ? item.sources[0] : undefined;
  return { of: 'bad', system: item.system, ...(source === undefined ? {} : { source }) };
}

/** Commands about panes and pages, in and out. */
export const paneCommands: readonly Command[] = [
  ...(Object.keys(paneNumbers) as PaneId[]).map(
    (pane): Command => ({
      id: `pane.${pane}`,
      title: titles[pane],
      area: 'panes',
      effect: 'move',
      cli: `binnacle pane ${pane}`,
      run: (context) => goTo(context, pane),
    }),
  ),
  {
    id: 'pane.next',
    title: 'next pane',
    area: 'panes',
    effect: 'move',
    run: (context) => nextPane(context, 1),
  },
  {
    id: 'pane.previous',
    title: 'previous pane',
    area: 'panes',
    effect: 'move',
    run: (context) => nextPane(context, -1),
  },
  {
    id: 'pane.zoom',
    title: 'this pane alone, and back',
    area: 'panes',
    effect: 'view',
    run: ({ cockpit }) => cockpit.update((desk) => zoomed(desk, desk.focus)),
  },
  {
    id: 'pane.grow',
    title: 'more rows for this pane',
    area: 'panes',
    effect: 'view',
    run: ({ cockpit }) => cockpit.update((desk) => grown(desk, desk.focus, 1)),
  },
  {
    id: 'pane.shrink',
    title: 'fewer rows for this pane',
    area: 'panes',
    effect: 'view',
    run: ({ cockpit }) => cockpit.update((desk) => grown(desk, desk.focus, -1)),
  },
  {
    id: 'view.earlier',
    title: 'back along where you were',
    area: 'panes',
    effect: 'move',
    off: ({ desk }) => (desk.back.length === 0 ? 'you have not been anywhere else' : undefined),
    run: ({ cockpit }) => cockpit.update((desk) => wentBack(desk, 'back')),
  },
  {
    id: 'view.later',
    title: 'forth again',
    area: 'panes',
    effect: 'move',
    off: ({ desk }) => (desk.forth.length === 0 ? 'you have not gone back' : undefined),
    run: ({ cockpit }) => cockpit.update((desk) => wentBack(desk, 'forth')),
  },
  {
    id: 'view.in',
    title: 'open the page of this row',
    area: 'panes',
    effect: 'view',
    cli: ({ subject }) =>
      subject.ref ? `binnacle show ${subject.ref.type} ${subject.ref.system}/${subject.ref.id}` : undefined,
    off: (snapshot) => (detailsOf(snapshot) ? undefined : 'nothing is selected here'),
    run: (context) => {
      const subject = detailsOf(context.snapshot());
      if (!subject) return;
      // An act under way is followed: what it writes next is what one came for.
      const isRunning =
        subject.of === 'act' &&
        context.snapshot().state.acts.some((act) => act.order === subject.order && act.status === 'running');
      context.cockpit.update((desk) =>
        inMode(desk, { type: 'details', subject, scroll: 0, ...(isRunning ? { follow: true } : {}) }),
      );
    },
  },
  {
    id: 'view.back',
    title: 'back',
    area: 'panes',
    effect: 'view',
    run: ({ cockpit, snapshot }) => {
      if (snapshot().logs.seeking !== undefined) {
        cockpit.logs.stop();
        return;
      }
      cockpit.update((desk) => {
        if (desk.mode.type !== 'browse') return inMode(desk, { type: 'browse' });
        if (desk.marks.size > 0) return unmarked(desk);
        const { search: _search, ...rest } = desk;
        if (desk.search) return rest;
        if (desk.log.context) return { ...desk, log: { ...desk.log, context: false } };
        if (desk.focus === 'logs' && desk.log.stack.length > 0)
          return { ...desk, log: withoutEntry(desk.log, desk.log.stack.length - 1) };
        if ((desk.filters[desk.focus] ?? []).length > 0) return filtered(desk, desk.focus, '');
        if (desk.queueFilter !== 'all') return { ...desk, queueFilter: 'all' };
        if (desk.zoom) return zoomed(desk, desk.zoom);
        if (desk.focus !== 'queue' && !desk.only) return focused(desk, 'queue');
        return toasted(desk, 'Q quits, :q too', 'note', cockpit.now());
      });
    },
  },
  {
    id: 'sources.show',
    title: 'every source with its state and age',
    area: 'panes',
    effect: 'view',
    cli: 'binnacle list sources',
    run: ({ cockpit }) =>
      cockpit.update((desk) => inMode(desk, { type: 'details', subject: { of: 'sources' }, scroll: 0 })),
  },
  {
    id: 'notices.show',
    title: 'notices: what the first row says, in full',
    area: 'panes',
    effect: 'view',
    run: ({ cockpit }) =>
      cockpit.update((desk) => inMode(desk, { type: 'details', subject: { of: 'notices' }, scroll: 0 })),
  },
  {
    id: 'watches.show',
    title: 'what you watch, and how it stands',
    area: 'panes',
    effect: 'view',
    run: ({ cockpit }) =>
      cockpit.update((desk) => inMode(desk, { type: 'details', subject: { of: 'watches' }, scroll: 0 })),
  },
  {
    id: 'acts.show',
    title: 'the ledger: what was done, by whom, and what came of it',
    area: 'panes',
    effect: 'view',
    cli: 'binnacle ledger',
    run: ({ cockpit }) =>
      cockpit.update((desk) => inMode(desk, { type: 'details', subject: { of: 'acts' }, scroll: 0 })),
  },
  {
    id: 'aside.show',
    title: 'what is set aside, to bring it back',
    area: 'items',
    effect: 'view',
    cli: 'binnacle status --all',
    off: ({ state }) => (state.asides.length === 0 ? 'nothing is set aside' : undefined),
    run: ({ cockpit }) => cockpit.update((desk) => inMode(desk, { type: 'asides', index: 0 })),
  },
  {
    id: 'bad.show',
    title: 'unparsed: lines and files that were not understood',
    area: 'panes',
    effect: 'view',
    cli: 'binnacle list sources',
    off: ({ state }) =>
      state.figures.badRecords === 0 ? 'everything that was read was understood' : undefined,
    run: ({ cockpit, snapshot }) => {
      const subject = badSubject(snapshot());
      cockpit.update((desk) => inMode(desk, { type: 'details', subject, scroll: 0 }));
    },
  },
];
