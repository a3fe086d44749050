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

/** Rows the panes would fill, title line included; a pane that is not named could fill any number. */
export type WantedRows = { readonly [P in PaneId]?: number };

export interface LayoutOptions {
  readonly columns: number;
  readonly rows: number;
  /** A prompt or page is open. */
  readonly sheet: boolean;
  /** One pane has the whole body. */
  readonly zoom?: PaneId;
  /** The pane that has the keys: where it has no box of its own it takes the body, so that no key goes unseen. */
  readonly focus?: PaneId;
  readonly grow: { readonly [P in PaneId]?: number };
  readonly wanted?: WantedRows;
}

/** From this width on there is a column at the right. */
const rightColumnFrom = 100;
/** A narrow screen this tall has room for more than the queue and the card. */
const stackedFrom = 20;

/** Columns of the left boxes and of the right ones (0: there are none) at a width. */
export function columnsOf(columns: number): { readonly left: number; readonly right: number } {
  if (columns < rightColumnFrom) return { left: columns, right: 0 };
  const right = Math.min(72, Math.max(40, Math.floor(columns * 0.34)));
  return { left: columns - right - 1, right };
}

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
  const laid = boxesOf(body, columns, rows, options);
  const { focus } = options;
  if (focus !== undefined && !laid.some((box) => box.pane === focus))
    return { ...base, boxes: stack(body, [[focus, bodyRows]]), pipelineInTitle: false };
  const pipelineInTitle = !isSmall(columns, rows) && !laid.some((box) => box.pane === 'pipeline');
  return { ...base, boxes: laid, pipelineInTitle };
}

type Area = Omit<Box, 'pane'>;

function boxesOf(body: Area, columns: number, rows: number, options: LayoutOptions): Box[] {
  if (isSmall(columns, rows) && body.rows < stackedFrom) return smallBoxes(body, options);
  const { left, right } = isSmall(columns, rows) ? { left: columns, right: 0 } : columnsOf(columns);
  const split = bodySplit(body.rows, options);
  const upper = body.rows - split.logs;
  return [
    ...stack({ ...body, columns: left, rows: upper }, [
      ['queue', split.queue],
      ['card', split.card],
      ['steps', split.steps],
    ]),
    ...(right > 0
      ? stack(
          { x: columns - right, y: body.y, columns: right, rows: upper },
          rightRows(upper, hasOwnBox(columns, rows), options),
        )
      : []),
    ...stack({ ...body, y: body.y + upper, rows: split.logs }, [['logs', split.logs]]),
  ];
}

type Split = { queue: number; card: number; steps: number; logs: number };

/**
 * Queue, card, steps and logs one below the other. The queue follows its own length alone, up to a good third, so that
 * its rows stand still while the cursor goes through them. Card and steps get their share, then the logs theirs; what
 * is left goes where there is more to show.
 */
function bodySplit(bodyRows: number, options: LayoutOptions): Split {
  const wants = (pane: PaneId): number => options.wanted?.[pane] ?? Number.POSITIVE_INFINITY;
  const least: Split = { queue: 3, card: 4, steps: 3, logs: bodyRows >= 20 ? 5 : 3 };
  // On a low screen the card needs the rows more: without its reasons the queue is a list of alarms.
  const share = bodyRows < 30 ? 0.29 : 0.36;
  const queue = bounded(wants('queue'), least.queue, Math.max(5, Math.round(bodyRows * share)));
  const split: Split = { ...least, queue };
  const rest = bodyRows - queue;
  let free = rest - split.card - split.steps - split.logs;
  const give = (pane: keyof Split, upTo: number): void => {
    const more = bounded(Math.min(wants(pane), upTo) - split[pane], 0, Math.max(0, free));
    split[pane] += more;
    free -= more;
  };
  give('card', Math.round(rest * 0.4));
  give('steps', Math.round(rest * 0.26));
  give('logs', Math.round(rest * 0.34));
  give('card', Number.POSITIVE_INFINITY);
  give('steps', Number.POSITIVE_INFINITY);
  split.logs += free;
  return grownSplit(split, least, options);
}

/** Rows asked for by hand come from the panes below, then from those above; none is pressed below its least. */
function grownSplit(split: Split, least: Split, options: LayoutOptions): Split {
  const order = ['queue', 'card', 'steps', 'logs'] as const;
  const next = { ...split };
  for (const pane of order) {
    const by = options.grow[pane] ?? 0;
    const index = order.indexOf(pane);
    const others = [...order.slice(index + 1).reverse(), ...order.slice(0, index).reverse()];
    let left = by > 0 ? by : -Math.min(-by, next[pane] - 2);
    for (const other of others) {
      const taken = left > 0 ? Math.min(left, Math.max(0, next[other] - least[other])) : left;
      next[other] -= taken;
      next[pane] += taken;
      left -= taken;
      if (left === 0) break;
    }
  }
  return next;
}

/** Approvals and fatal issues where they have boxes, then pipeline, work and acts. The acts take what is left. */
function rightRows(upper: number, own: boolean, options: LayoutOptions): [PaneId, number][] {
  const wants = (pane: PaneId): number =>
    (options.wanted?.[pane] ?? Number.POSITIVE_INFINITY) + Math.max(0, options.grow[pane] ?? 0);
  const grow = (pane: PaneId): number => options.grow[pane] ?? 0;
  const rows: [PaneId, number][] = [];
  let left = upper;
  if (own) {
    for (const pane of ['approvals', 'fatal'] as const) {
      const each = bounded(wants(pane), 2, bounded(Math.round(upper * 0.2), 3, 9) + grow(pane));
      rows.push([pane, each]);
      left -= each;
    }
  }
  const pipeline = bounded(wants('pipeline'), 2, Math.max(4, Math.round(left * 0.5)) + grow('pipeline'));
  const acts = bounded(wants('acts'), 3, Math.max(4, Math.round(left * 0.3)) + grow('acts'));
  const fittingPipeline = bounded(pipeline, 2, left - 4);
  const work = bounded(
    Math.min(wants('work'), left - fittingPipeline - acts + Math.max(0, grow('work'))) +
      Math.min(0, grow('work')),
    2,
    left - fittingPipeline - 2,
  );
  rows.push(['pipeline', fittingPipeline], ['work', work], ['acts', left - fittingPipeline - work]);
  return rows;
}

/** Queue and the first lines of the card; on the least of screens the queue alone. What the queue leaves is the card's. */
function smallBoxes(body: Area, options: LayoutOptions): Box[] {
  const least = body.rows >= 8 ? 3 : body.rows >= 5 ? 2 : 0;
  const queue = bounded(
    options.wanted?.queue ?? body.rows,
    Math.min(2, body.rows - least),
    body.rows - least,
  );
  return stack(body, [
    ['queue', least === 0 ? body.rows : queue],
    ['card', least === 0 ? 0 : body.rows - queue],
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

function bounded(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}
