import type { Desk, PaneId } from '../store/desk.ts';
import { focused, selectedRow } from '../store/desk.ts';
import { asidesShown } from '../store/selectors/asides.ts';
import { logSheetRows } from '../store/selectors/log-sheet.ts';
import { rowIds } from '../store/selectors/rows.ts';
import { sheetSize } from '../store/sheet.ts';
import { pageOf, type Snapshot } from '../store/snapshot.ts';
import type { Command, CommandContext } from './command.ts';
import { moveOnStrip } from './log-strip.ts';

/** How far a move goes: rows, half a screen, or to an end. */
type Distance = 1 | -1 | 'page' | '-page' | 'start' | 'end';

/** `pageRows`: rows of the open page in view, where one is open: no key leaps over a row. */
function rowsOfMove(snapshot: Snapshot, distance: Distance, pageRows?: number): number {
  const { rows } = sheetSize(snapshot.desk.columns, snapshot.desk.rows);
  const half = Math.max(1, Math.min(Math.floor(rows / 2), (pageRows ?? rows) - 1));
  switch (distance) {
    case 1:
    case -1:
      return distance;
    case 'page':
      return half;
    case '-page':
      return -half;
    case 'start':
      return -1_000_000;
    case 'end':
      return 1_000_000;
  }
}

/** The cursor of the pane, menu or page that has the keys goes by that much. */
function move(context: CommandContext, distance: Distance): void {
  const snapshot = context.snapshot();
  const { mode, focus } = snapshot.desk;
  const { cockpit } = context;
  const by = rowsOfMove(snapshot, distance, cockpit.scrollEnds().pageRows);
  switch (mode.type) {
    case 'browse':
    case 'search':
    case 'filter':
      moveInPane(context, snapshot, focus, by, distance);
      return;
    case 'menu': {
      const count = mode.offers?.length ?? 0;
      cockpit.update((desk) => ({ ...desk, mode: { ...mode, index: clamp(mode.index + by, count) } }));
      return;
    }
    case 'palette': {
      const count = context.paletteRows(mode.text).length;
      cockpit.update((desk) => ({ ...desk, mode: { ...mode, index: clamp(mode.index + by, count) } }));
      return;
    }
    case 'aside':
      cockpit.update((desk) => ({ ...desk, mode: { ...mode, index: clamp(mode.index + by, 3) } }));
      return;
    case 'dialog':
    case 'list':
      if (mode.stage === 'choose' && (distance === 1 || distance === -1)) {
        cockpit.update((desk) => ({ ...desk, mode: { ...mode, choice: distance === 1 ? 'yes' : 'no' } }));
      } else cockpit.update((desk) => scrolled(desk, by, cockpit.scrollEnds().page));
      return;
    case 'asides': {
      const count = asidesShown(snapshot.state).length;
      cockpit.update((desk) => ({ ...desk, mode: { ...mode, index: clamp(mode.index + by, count) } }));
      return;
    }
    case 'approval': {
      // The end of the payload is what one looks for first: evidence and log come after it.
      const { payload } = pageOf(snapshot, mode);
      const end = distance === 'end' && mode.scroll < payload.endAt ? payload.endAt : undefined;
      cockpit.update((desk) => scrolled(desk, by, end ?? cockpit.scrollEnds().page));
      return;
    }
    case 'help':
    case 'details':
      cockpit.update((desk) => scrolled(desk, by, cockpit.scrollEnds().page));
      return;
    case 'logSheet': {
      const count = logSheetRows(snapshot, mode).length;
      cockpit.update((desk) => ({ ...desk, mode: { ...mode, index: clamp(mode.index + by, count) } }));
      return;
    }
    case 'strip':
      moveOnStrip(context, by);
      return;
    case 'params':
    case 'settle':
    case 'remark':
    case 'name':
    case 'copy':
      return;
  }
}

/** `end` is the largest scroll of the last frame: a key beyond it does nothing, and the next one back does. */
function scrolled(desk: Desk, by: number, end = 100_000): Desk {
  const { mode } = desk;
  switch (mode.type) {
    case 'approval':
    case 'dialog':
    case 'list':
    case 'help':
      return { ...desk, mode: { ...mode, scroll: scrollBy(mode.scroll, by, end) } };
    case 'details': {
      const { follow, ...rest } = mode;
      const scroll = scrollBy(follow ? end : mode.scroll, by, end);
      // Whoever goes to the end of the output of an act stays there.
      const follows = mode.subject.of === 'act' && by > 0 && scroll === end;
      return { ...desk, mode: { ...rest, scroll, ...(follows ? { follow: true } : {}) } };
    }
    default:
      return desk;
  }
}

function scrollBy(from: number, by: number, end: number): number {
  return Math.max(0, Math.min(end, Math.min(from, end) + by));
}

function moveInPane(
  context: CommandContext,
  snapshot: Snapshot,
  pane: PaneId,
  by: number,
  distance: Distance,
): void {
  const { cockpit } = context;
  if (pane === 'logs') {
    if (distance === 'start') cockpit.log.toStart();
    else if (distance === 'end') cockpit.log.toEnd();
    else cockpit.log.move(by);
    return;
  }
  if (pane === 'card') {
    cockpit.update((desk) => ({
      ...desk,
      scroll: {
        ...desk.scroll,
        card: scrollBy(desk.scroll.card ?? 0, by, cockpit.scrollEnds().card ?? 1000),
      },
    }));
    return;
  }
  const ids = rowIds(snapshot, pane);
  const index = Math.max(0, ids.indexOf(snapshot.desk.selected[pane] ?? ''));
  const id = ids[clamp(index + by, ids.length)];
  if (id !== undefined) cockpit.update((desk) => selectedRow(desk, pane, id));
}

function clamp(index: number, count: number): number {
  return Math.max(0, Math.min(count - 1, index));
}

function moveCommand(id: string, title: string, distance: Distance): Command {
  return { id, title, area: 'move', effect: 'move', run: (context) => move(context, distance) };
}

/** Commands that move the cursor or the page. */
export const moveCommands: readonly Command[] = [
  moveCommand('cursor.down', 'down', 1),
  moveCommand('cursor.up', 'up', -1),
  moveCommand('cursor.pageDown', 'half a screen down', 'page'),
  moveCommand('cursor.pageUp', 'half a screen up', '-page'),
  moveCommand('cursor.start', 'to the first row', 'start'),
  moveCommand('cursor.end', 'to the last row (logs: follow)', 'end'),
  {
    id: 'queue.go',
    title: 'to the queue, from anywhere',
    area: 'move',
    effect: 'move',
    cli: 'binnacle list attention',
    // A pane alone would give its keys to one that is not there.
    off: ({ desk }) =>
      desk.only && desk.only !== 'queue' ? `this is the ${desk.only} pane alone` : undefined,
    run: ({ cockpit }) =>
      cockpit.update((desk) => focused({ ...desk, mode: { type: 'browse' }, queueFilter: 'all' }, 'queue')),
  },
];
