import type { PaneId } from '../src/store/desk.ts';
import { hasOwnBox, headerRows, isSmall, queueRowsBesideSheet } from '../src/store/sheet.ts';

/** A box of the screen, title line included, in cells from the top left. */
export interface Box {
  readonly pane: PaneId | 'sheet';
  readonly x: number;
  readonly y: number;
  readonly columns: number;
  readonly rows: number;
}

/** Where everything stands. */
export interface Layout {
  readonly columns: number;
  readonly rows: number;
  readonly headerRows: number;
  readonly boxes: readonly Box[];
  readonly footerRows: 0 | 1;
  /** The pipeline has no box: it is told in the card's title. */
  readonly pipelineInTitle: boolean;
}

export interface LayoutOptions {
  readonly columns: number;
  readonly rows: number;
  /** A prompt or page is open. */
  readonly sheet: boolean;
  /** One pane has the whole body. */
  readonly zoom?: PaneId;
  readonly grow: { readonly [P in PaneId]?: number };
}

/** From this width on there is a column at the right. */
const rightColumnFrom = 100;

/** Lays the screen out. Any size down to one cell gives boxes that lie within it and do not overlap. */
export function layoutOf(options: LayoutOptions): Layout {
  const columns = Math.max(1, options.columns);
  const rows = Math.max(1, options.rows);
  const header = headerRows(columns, rows);
  const footerRows = rows > 2 ? 1 : 0;
  const bodyRows = Math.max(0, rows - header - footerRows);
  const base = { columns, rows, headerRows: header, footerRows } as const;
  const body = { x: 0, y: header, columns, rows: bodyRows };
  if (bodyRows === 0) return { ...base, boxes: [], pipelineInTitle: false };
  if (options.sheet) {
    const queueRows = Math.min(queueRowsBesideSheet(columns, rows), Math.max(0, bodyRows - 3));
    return {
      ...base,
      boxes: stack(body, [
        ['queue', queueRows],
        ['sheet', bodyRows - queueRows],
      ]),
      pipelineInTitle: false,
    };
  }
  if (options.zoom)
    return { ...base, boxes: stack(body, [[options.zoom, bodyRows]]), pipelineInTitle: false };
  if (isSmall(columns, rows)) return { ...base, boxes: smallBoxes(body), pipelineInTitle: false };
  const hasRight = columns >= rightColumnFrom;
  const logs = Math.max(
    3,
    Math.min(
      bodyRows - 12,
      share(bodyRows, hasOwnBox(columns, rows) ? 0.44 : hasRight ? 0.51 : 0.24, 5) + grow(options, 'logs'),
    ),
  );
  const upper = bodyRows - logs;
  const rightColumns = hasRight ? Math.min(72, Math.max(40, Math.floor(columns * 0.34))) : 0;
  const left = stack(
    { ...body, columns: columns - (hasRight ? rightColumns + 1 : 0), rows: upper },
    leftRows(upper, options),
  );
  const right = hasRight
    ? stack(
        { x: columns - rightColumns, y: body.y, columns: rightColumns, rows: upper },
        rightRows(upper, options),
      )
    : [];
  const bottom = stack({ ...body, y: body.y + upper, rows: logs }, [['logs', logs]]);
  return { ...base, boxes: [...left, ...right, ...bottom], pipelineInTitle: !hasRight };
}

type Area = Omit<Box, 'pane'>;

/** Queue, card and steps one below the other: about 5 : 8 : 5, the card taking what the others leave. */
function leftRows(upper: number, options: LayoutOptions): [PaneId, number][] {
  const queue = bounded(share(upper, 0.28, 5) + grow(options, 'queue'), 2, upper - 5);
  const steps = bounded(
    share(upper, 0.26, 4) + grow(options, 'steps') - grow(options, 'card'),
    2,
    upper - queue - 3,
  );
  return [
    ['queue', queue],
    ['card', upper - queue - steps],
    ['steps', steps],
  ];
}

function rightRows(upper: number, options: LayoutOptions): [PaneId, number][] {
  const rows: [PaneId, number][] = [];
  let left = upper;
  const own = hasOwnBox(options.columns, options.rows);
  if (own) {
    const each = bounded(share(upper, 0.16, 4), 2, 7);
    rows.push(['approvals', each], ['fatal', each]);
    left -= each * 2;
  }
  const pipeline = bounded(share(left, own ? 0.58 : 0.48, 4) + grow(options, 'pipeline'), 2, left - 4);
  const work = bounded(
    share(left, own ? 0.24 : 0.3, 3) + grow(options, 'work') - grow(options, 'acts'),
    2,
    left - pipeline - 2,
  );
  rows.push(['pipeline', pipeline], ['work', work], ['acts', left - pipeline - work]);
  return rows;
}

/** Queue and the first lines of the card; on the least of screens the queue alone. */
function smallBoxes(body: Area): Box[] {
  const card = body.rows >= 8 ? 3 : body.rows >= 5 ? 2 : 0;
  return stack(body, [
    ['queue', body.rows - card],
    ['card', card],
  ]);
}

function stack(area: Area, parts: readonly (readonly [Box['pane'], number])[]): Box[] {
  const boxes: Box[] = [];
  let y = area.y;
  for (const [pane, wanted] of parts) {
    const rows = Math.min(wanted, area.y + area.rows - y);
    if (rows <= 0) continue;
    boxes.push({ pane, x: area.x, y, columns: area.columns, rows });
    y += rows;
  }
  return boxes;
}

function share(rows: number, part: number, least: number): number {
  return Math.max(least, Math.round(rows * part));
}

function bounded(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

function grow(options: LayoutOptions, pane: PaneId): number {
  return options.grow[pane] ?? 0;
}
