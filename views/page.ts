import { actPageOf } from '../src/store/selectors/act-page.ts';
import { detailsPage } from '../src/store/selectors/details.ts';
import { memoLast } from '../src/store/selectors/memo.ts';
import type { Snapshot } from '../src/store/snapshot.ts';
import type { Line, Pen } from './components/line.ts';
import { type TableWindow, tableWindow } from './components/still-table.tsx';
import { titleLine } from './panes/pane.ts';
import { actView } from './sheets/act.ts';

/** A page laid out for its box: lines, then a table where it has one. */
export interface PageView {
  readonly lines: readonly Line[];
  readonly table?: TableWindow;
  /** The largest scroll. */
  readonly end: number;
  /** Rows of the part that is scrolled. */
  readonly height: number;
}

/** The page that is open at a size. Laid out once per frame, for whoever draws it and for whoever scrolls it. */
export const pageView = memoLast(
  (snapshot: Snapshot, pen: Pen, columns: number, rows: number): PageView | undefined => {
    const { mode } = snapshot.desk;
    if (mode.type !== 'details') return undefined;
    const { subject } = mode;
    const act = subject.of === 'act' ? actPageOf(snapshot, subject) : undefined;
    if (act) return actView(pen, act, mode.follow ? 'end' : mode.scroll, columns, rows);
    const page = detailsPage(snapshot, subject);
    const height = Math.max(0, rows - 2);
    const table = tableWindow(pen, page.columns, page.rows, columns, height, mode.scroll);
    const place =
      table.total > table.rows.length
        ? `${table.first + 1}-${table.first + table.rows.length} of ${table.total}`
        : '';
    const title = titleLine({ pen, columns }, true, [pen.span(page.title, 'strong')], place);
    const end = Math.max(0, table.total - height);
    return page.rows.length === 0
      ? { lines: [title, pen.line(columns, ` ${page.empty}`)], end, height }
      : { lines: [title], table, end, height };
  },
);
