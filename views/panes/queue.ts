import type { AttentionItem } from '../../src/domain/attention.ts';
import { ageText, clockText, untilText } from '../../src/lib/time-text.ts';
import { passesFilter, type QueueRow, queueRowOf } from '../../src/store/selectors/queue.ts';
import { isWatched } from '../../src/store/selectors/watches.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import { entityAt } from '../../src/store/state.ts';
import type { Line, Pen, Span } from '../components/line.ts';
import type { Tone } from '../theme.ts';
import {
  countText,
  firstRow,
  framed,
  hasKeys,
  type PaneInput,
  paneLabel,
  phaseLine,
  titleLine,
} from './pane.ts';

const sinceColumns = 7;
const untilColumns = 9;
const keyColumns = 4;

/** The sign before an item: x broken, ! waits for an answer, $ money, ~ silent, ? not known. */
function signOf(item: AttentionItem): string {
  if (item.kind === 'approval') return '!';
  if (item.kind === 'source') return '?';
  if (item.kind === 'meter') return '$';
  if (item.rank <= 2) return 'x';
  if (item.rank === 4) return '~';
  return item.kind === 'issue' ? 'x' : '-';
}

/** The queue: what needs a person now, most urgent first. */
export function queueLines(input: PaneInput): readonly Line[] {
  const { snapshot, pen, columns } = input;
  const { queue, desk } = snapshot;
  const active = hasKeys(snapshot, 'queue');
  const { counts } = queue;
  const filters = desk.filters.queue ?? [];
  const name = (filter: typeof desk.queueFilter, text: string): Span =>
    pen.span(text, desk.queueFilter === filter ? 'strong' : 'title');
  const left: Span[] = [
    paneLabel(
      pen,
      'queue',
      `Needs-you(${countText(snapshot, counts.all)})`,
      active && desk.queueFilter === 'all',
    ),
    name(
      'approvals',
      ` 2 ${desk.queueFilter === 'approvals' ? 'APPROVALS' : 'approvals'}(${countText(snapshot, counts.approvals)})`,
    ),
    name(
      'fatal',
      ` 3 ${desk.queueFilter === 'fatal' ? 'FATAL' : 'fatal'}(${countText(snapshot, counts.fatal)})`,
    ),
  ];
  if (queue.newcomers > 0) left.push(pen.span(` +${queue.newcomers} new`, 'warning'));
  if (filters.length > 0) left.push(pen.span(` &${filters.join(' &')}`, 'input'));
  const height = input.rows === 1 ? 1 : input.rows - 1;
  const cursor = Math.max(
    0,
    queue.rows.findIndex((row) => row.item.key === desk.selected.queue),
  );
  const place = queue.rows.length > height ? `${cursor + 1}/${queue.rows.length}  ` : '';
  const title = titleLine(input, active, left, columns >= 60 ? `${place}since    until key` : '');
  if (queue.rows.length === 0) {
    const empty =
      counts.all === 0
        ? 'nothing needs you now'
        : filters.length > 0
          ? 'nothing here passes the filter; & and Enter take the last one off'
          : 'nothing of the kind shown; 1 shows all';
    return framed(input, title, [phaseLine(input, empty)]);
  }
  const first = firstRow(cursor, queue.rows.length, height);
  const labels = labelWidth(
    columns,
    queue.rows.map((row) => row.item),
  );
  const lines = queue.rows
    .slice(first, first + height)
    .map((row, index) => rowLine(pen, snapshot, row, columns, labels, first + index === cursor));
  return framed(input, title, lines);
}

/** Approvals or fatal issues in a box of their own, on a large screen. */
export function filteredQueueLines(input: PaneInput, filter: 'approvals' | 'fatal'): readonly Line[] {
  const { snapshot, pen, columns } = input;
  const active = hasKeys(snapshot, filter);
  const items = snapshot.state.queue.filter((item) => passesFilter(snapshot.state, item, filter));
  const title = titleLine(
    input,
    active,
    [
      paneLabel(
        pen,
        filter,
        `${filter === 'fatal' ? 'Fatal' : 'Approvals'}(${countText(snapshot, items.length)})`,
        active,
      ),
    ],
    '',
  );
  if (items.length === 0) return framed(input, title, [phaseLine(input, 'none')]);
  const cursor = items.findIndex((item) => item.key === snapshot.desk.selected[filter]);
  const first = firstRow(cursor, items.length, input.rows - 1);
  const labels = labelWidth(columns, items);
  const lines = items
    .slice(first, first + input.rows - 1)
    .map((item, index) =>
      rowLine(
        pen,
        snapshot,
        rowOf(snapshot, item),
        columns,
        labels,
        active && first + index === Math.max(0, cursor),
      ),
    );
  return framed(input, title, lines);
}

/** The row as the queue has it, with who holds it and whether its key is off; anew where the queue filters it away. */
function rowOf(snapshot: Snapshot, item: AttentionItem): QueueRow {
  const known = snapshot.queue.rows.find((row) => row.item === item);
  return known ?? queueRowOf(snapshot.state, item);
}

/** Room for the usual words (`APPROVE`), and for `NO SIGNAL` where it stands in the list and there is room. */
function labelWidth(columns: number, items: readonly AttentionItem[]): number {
  if (columns < 30) return 5;
  const longest = items.reduce((width, item) => Math.max(width, item.label.length + 1), 8);
  return Math.min(columns >= 76 ? 11 : 9, longest);
}

function rowLine(
  pen: Pen,
  snapshot: Snapshot,
  row: QueueRow,
  columns: number,
  labelColumns: number,
  selected: boolean,
): Line {
  const { item, ghost } = row;
  const { now, offsetMs, desk } = snapshot;
  const isMarked = desk.marks.has(item.key);
  const cursor = pen.span(selected ? '>' : isMarked ? '*' : ' ', selected ? 'strong' : undefined);
  const tone: Tone | undefined = ghost ? 'off' : toneOf(item);
  const head: Span[] = [cursor, pen.span(ghost ? '.' : signOf(item), tone)];
  const mark = selected && isMarked ? '*' : isWatched(snapshot.state, item.ref) ? '@' : ' ';
  // A longer word than there is room for leaves a column to what comes next.
  const label = pen.cell(pen.cell(item.label, labelColumns - 1).text, labelColumns, tone);
  const count = item.count > 1 ? ` (x${item.count})` : '';
  const held = row.heldBy === undefined ? '' : ` [held by ${row.heldBy}]`;
  const gone = ghost ? ` - ${ghost.word} ${clockText(ghost.at, offsetMs)}` : held;
  const text = `${item.system} ${item.title}${count}`;
  const textTone: Tone | undefined = ghost ? 'off' : selected ? 'strong' : undefined;
  if (columns < 60) {
    const key = pen.cell(row.keyOff === undefined ? row.key : `${row.key}-`, keyColumns, undefined, 'right');
    const room = columns - 3 - label.text.length - keyColumns;
    return [...head, pen.span(mark), label, ...textCells(pen, text, gone, room, textTone), key];
  }
  const right: Span[] = [
    pen.cell(item.since === undefined ? '' : ageText(now - item.since), sinceColumns, undefined, 'right'),
    pen.cell(
      untilOf(snapshot, item),
      untilColumns,
      item.until !== undefined ? 'warning' : undefined,
      'right',
    ),
    pen.cell(row.keyOff === undefined ? row.key : `${row.key}-`, keyColumns, 'strong', 'right'),
  ];
  const rightColumns = sinceColumns + untilColumns + keyColumns;
  const room = columns - 3 - labelColumns - rightColumns;
  // What has gone has no deadline and no key: the row says what became of it instead.
  if (ghost)
    return [...head, pen.span(mark), label, ...textCells(pen, text, gone, room + rightColumns, textTone)];
  return [...head, pen.span(mark), label, ...textCells(pen, text, gone, room, textTone), ...right];
}

/** Who holds an item, and what became of a ghost, must be read even where its title is cut. */
function textCells(pen: Pen, text: string, gone: string, room: number, tone: Tone | undefined): Span[] {
  if (gone === '') return [pen.cell(text, room, tone)];
  const goneColumns = Math.min(pen.safe(gone).length, Math.max(0, room - 8));
  const used = Math.min(pen.safe(text).length, room - goneColumns);
  return [pen.cell(text, used, tone), pen.cell(gone, room - used, tone)];
}

/** `~04:50` where the source knows it to the minute at best. */
function untilOf({ now, offsetMs, state }: Snapshot, item: AttentionItem): string {
  if (item.until !== undefined) {
    const entity = item.ref && item.kind === 'approval' ? entityAt(state, item.ref) : undefined;
    const grainMs = entity?.type === 'approval' ? entity.expiresGrainMs : undefined;
    if (grainMs !== undefined && grainMs >= 60_000 && item.until - now < 86_400_000)
      return `~${clockText(item.until, offsetMs, 'minutes')}`;
    return item.until <= now ? 'over' : untilText(item.until, now, offsetMs);
  }
  return item.onExpiry !== undefined && /never/i.test(item.onExpiry) ? 'never' : '';
}

function toneOf(item: AttentionItem): Tone {
  if (item.rank <= 2) return 'alarm';
  return item.rank <= 5 ? 'warning' : 'plain';
}
