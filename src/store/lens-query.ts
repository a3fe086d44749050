/** What the log pane asks for, as the desk stands. */
import type { LogQuery } from '../domain/log.ts';
import { lensQuery } from './selectors/subject.ts';
import type { Snapshot } from './snapshot.ts';

/** Rows the log pane should show for the desk as it stands. */
export function logQuery(snapshot: Pick<Snapshot, 'desk' | 'subject'>): LogQuery {
  const { desk, subject } = snapshot;
  if (desk.log.context) return {};
  const lens = desk.log.lens === 'item' ? lensQuery(subject) : {};
  const texts = desk.filters.logs ?? [];
  // Several filters hold together: one expression that looks ahead for each.
  const grep =
    texts.length === 0
      ? undefined
      : texts.length === 1
        ? texts[0]
        : texts.map((text) => `(?=.*(?:${text}))`).join('');
  return {
    ...lens,
    ...(desk.log.minLevel ? { minLevel: desk.log.minLevel } : {}),
    ...(grep === undefined ? {} : { grep }),
  };
}

/** True while nothing but the item narrows the log: with a filter set an empty answer is one that was asked for. */
export function isOfItemAlone({ desk }: Snapshot): boolean {
  const { lens, context, minLevel } = desk.log;
  return lens === 'item' && !context && minLevel === undefined && (desk.filters.logs ?? []).length === 0;
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
