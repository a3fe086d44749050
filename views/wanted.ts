import type { Cockpit, ScrollEnds } from '../src/store/cockpit.ts';
import type { PaneId } from '../src/store/desk.ts';
import { pipelineOf, rowIds } from '../src/store/selectors/rows.ts';
import { pageOf, type Snapshot } from '../src/store/snapshot.ts';
import type { Pen } from './components/line.ts';
import { columnsOf, type Layout, layoutOf, type WantedRows } from './layout.ts';
import { pageView } from './page.ts';
import { actRows, actsInView } from './panes/acts.ts';
import { cardRows } from './panes/card.ts';
import { dialogView } from './sheets/dialog.ts';
import { listView } from './sheets/list.ts';

/** Where everything stands on the screen of a snapshot. */
export function layoutFor(snapshot: Snapshot, pen: Pen, sheet: boolean): Layout {
  const { desk } = snapshot;
  const zoom = desk.only ?? desk.zoom;
  return layoutOf({
    columns: desk.columns,
    rows: desk.rows,
    sheet,
    grow: desk.grow,
    focus: desk.focus,
    wanted: wantedRows(snapshot, pen),
    ...(zoom ? { zoom } : {}),
  });
}

/** Tells the store after each frame which acts were in it, and how far it can be scrolled. Returns the end of that. */
export function tellShown(
  cockpit: Cockpit,
  pen: Pen,
  helpCount: (snapshot: Snapshot, text: string) => number,
): () => void {
  return cockpit.subscribe(() => {
    const snapshot = cockpit.snapshot();
    cockpit.actsShown(shownActs(snapshot, pen));
    cockpit.showed(scrollEnds(snapshot, pen, helpCount));
  });
}

function scrollEnds(
  snapshot: Snapshot,
  pen: Pen,
  helpCount: (snapshot: Snapshot, text: string) => number,
): ScrollEnds {
  const { mode, focus } = snapshot.desk;
  const boxes = layoutFor(snapshot, pen, hasSheet(snapshot)).boxes;
  const sheet = boxes.find((box) => box.pane === 'sheet');
  switch (mode.type) {
    case 'details':
      return sheet ? endsOf(pageView(snapshot, pen, sheet.columns, sheet.rows)) : {};
    case 'approval': {
      const { end, bodyRows } = pageOf(snapshot, mode);
      return { page: end, pageRows: bodyRows };
    }
    case 'dialog':
      return sheet ? endsOf(dialogView(pen, mode, snapshot.offsetMs, sheet.columns, sheet.rows - 1)) : {};
    case 'list':
      return sheet ? endsOf(listView(pen, mode, snapshot.offsetMs, sheet.columns, sheet.rows - 1)) : {};
    case 'help':
      return sheet
        ? { page: Math.max(0, helpCount(snapshot, mode.text) - (sheet.rows - 1)), pageRows: sheet.rows - 1 }
        : {};
    default: {
      const card = focus === 'card' ? boxes.find((box) => box.pane === 'card') : undefined;
      if (!card) return {};
      return { card: Math.max(0, cardRows({ snapshot, pen, columns: card.columns }) - card.rows) };
    }
  }
}

function endsOf(view: { readonly end: number; readonly height: number } | undefined): ScrollEnds {
  return view ? { page: view.end, pageRows: view.height } : {};
}

/** Orders of the acts a frame shows: those in the rows of their pane, or the one whose page is open. */
function shownActs(snapshot: Snapshot, pen: Pen): readonly string[] {
  const { mode } = snapshot.desk;
  if (mode.type === 'details' && mode.subject.of === 'act') return [mode.subject.order];
  if (!snapshot.state.acts.some((act) => act.unseen)) return [];
  const box = layoutFor(snapshot, pen, hasSheet(snapshot)).boxes.find((one) => one.pane === 'acts');
  return box ? actsInView(snapshot, pen, box.columns, box.rows) : [];
}

/** True for prompts and pages that take the body of the screen; the others are one line at the foot. */
export function hasSheet(snapshot: Snapshot): boolean {
  switch (snapshot.desk.mode.type) {
    case 'browse':
    case 'search':
    case 'filter':
    case 'copy':
    case 'strip':
      return false;
    case 'palette':
    case 'help':
    case 'menu':
    case 'params':
    case 'dialog':
    case 'list':
    case 'approval':
    case 'aside':
    case 'asides':
    case 'details':
    case 'settle':
    case 'remark':
    case 'logSheet':
    case 'name':
      return true;
  }
}

/** Rows each pane would fill with what it has now, title included. What is still being asked for is left out. */
function wantedRows(snapshot: Snapshot, pen: Pen): WantedRows {
  const { desk, companion, log, queue, state } = snapshot;
  const { left } = columnsOf(desk.columns);
  const listed = (pane: PaneId): number => 1 + Math.max(1, rowIds(snapshot, pane).length);
  const isLogKnown = log.phase !== 'loading';
  const isPlaybookKnown = companion.playbook !== undefined || companion.error !== undefined;
  return {
    queue: 1 + Math.max(1, queue.rows.length),
    card: cardRows({ snapshot, pen, columns: left }),
    ...(isPlaybookKnown ? { steps: stepRows(snapshot) } : {}),
    ...(isLogKnown ? { logs: 1 + (desk.log.histogram ? 2 : 0) + Math.max(1, log.rows.length) } : {}),
    approvals: listed('approvals'),
    fatal: listed('fatal'),
    pipeline: pipelineRows(snapshot),
    work: listed('work'),
    acts: 1 + Math.max(1, actRows(state.acts)),
  };
}

/** The step under the cursor is shown whole, over up to four rows. */
function stepRows(snapshot: Snapshot): number {
  const count = snapshot.companion.playbook?.steps.length ?? 0;
  return 1 + Math.max(1, count) + (snapshot.desk.focus === 'steps' && count > 0 ? 3 : 0);
}

/** As if the system with most layers were opened up: the boxes below stand still while the cursor goes from system to system. */
function pipelineRows(snapshot: Snapshot): number {
  const { systems } = pipelineOf(snapshot);
  const most = systems.reduce((count, system) => Math.max(count, system.layers.length), 0);
  return 1 + Math.max(1, most + systems.length);
}
