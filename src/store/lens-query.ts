/** What the log pane asks for, as the desk stands. */
import type { LogCondition, LogQuery, LogRow } from '../domain/log.ts';
import type { Desk } from './desk.ts';
import { filterOf, textCondition } from './log-view.ts';
import { lensQuery } from './selectors/subject.ts';
import type { Snapshot } from './snapshot.ts';

/** From this width on there is room for two views of the log beside each other. */
const besideFrom = 160;

/** Rows the log pane should show for the desk as it stands. */
export function logQuery(snapshot: Pick<Snapshot, 'desk' | 'subject'>): LogQuery {
  const { desk, subject } = snapshot;
  const fields = desk.log.columns.length > 0 ? { fields: desk.log.columns } : {};
  if (desk.log.context && splitOf(desk) === undefined) return fields;
  const lens = desk.log.lens === 'item' ? lensQuery(subject) : {};
  const filter = filterOf(desk.log);
  return {
    ...lens,
    ...(filter.length > 0 ? { filter } : {}),
    ...(desk.log.around > 0 && filter.length > 0 ? { context: desk.log.around } : {}),
    ...fields,
  };
}

/** How all lines stand with the filtered ones while filters are left aside; undefined: in their place. */
export function splitOf(desk: Desk): 'beside' | 'below' | undefined {
  if (!desk.log.context) return undefined;
  if (desk.columns >= besideFrom) return 'beside';
  return desk.zoom === 'logs' || desk.only === 'logs' ? 'below' : undefined;
}

/** The query of the pane with one more condition, for what is counted or looked for in it. */
export function narrowed(
  { context: _context, fields: _fields, ...query }: LogQuery,
  ...conditions: LogCondition[]
): LogQuery {
  return conditions.length === 0 ? query : { ...query, filter: [...(query.filter ?? []), ...conditions] };
}

/** The rows of the pane that a text is searched for in. */
export function searchQuery(query: LogQuery, text: string): LogQuery {
  return narrowed(query, textCondition(text).condition);
}

/** The row under the cursor of the log. */
export function selectedLogRow({ log }: Pick<Snapshot, 'log'>): LogRow | undefined {
  return log.rows.find((one) => one.id === log.selected);
}

/** True while nothing but the item narrows the log: with a filter set an empty answer is one that was asked for. */
export function isOfItemAlone({ desk }: Pick<Snapshot, 'desk'>): boolean {
  return desk.log.lens === 'item' && !desk.log.context && filterOf(desk.log).length === 0;
}

/** True where the log shows the rows of the item's system because none names the item itself. */
export function isWidened({ desk, subject, log }: Pick<Snapshot, 'desk' | 'subject' | 'log'>): boolean {
  const narrow = logQuery({ desk, subject });
  return (
    narrow.systems !== undefined &&
    isNarrow(narrow) &&
    !isNarrow(log.query) &&
    log.query.systems !== undefined
  );
}

function isNarrow({ keys, files, sources }: LogQuery): boolean {
  return keys !== undefined || files !== undefined || sources !== undefined;
}
