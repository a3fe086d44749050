import type { LogCondition, LogRow } from '../../domain/log.ts';
import { fieldsOf } from '../../lib/line-fields.ts';
import { type Count, countKey } from '../count-keeper.ts';
import { narrowed, searchQuery } from '../lens-query.ts';
import { stackWishes } from '../log-keeper.ts';
import type { Bookmark, NamedSearch, StackEntry } from '../log-view.ts';
import type { LogSheetMode } from '../mode.ts';
import type { Snapshot } from '../snapshot.ts';

/** A row of a list that belongs to the log. */
export type LogSheetRow =
  | {
      readonly is: 'filter';
      readonly index: number;
      readonly entry: StackEntry;
      readonly count: Count | undefined;
    }
  /** A filter that the row under the cursor offers. */
  | { readonly is: 'offer'; readonly condition: LogCondition }
  | { readonly is: 'bookmark'; readonly index: number; readonly bookmark: Bookmark }
  /** The search that is walked and has no name. */
  | { readonly is: 'current'; readonly text: string; readonly count: Count | undefined }
  | {
      readonly is: 'search';
      readonly index: number;
      readonly search: NamedSearch;
      readonly count: Count | undefined;
    }
  | { readonly is: 'field'; readonly name: string; readonly value: string; readonly isColumn: boolean };

/** The rows of the list that is open, in their order. */
export function logSheetRows(snapshot: Snapshot, mode: LogSheetMode): readonly LogSheetRow[] {
  const { desk, log, logs } = snapshot;
  switch (mode.of) {
    case 'stack': {
      const wishes = stackWishes(desk, log.query);
      const entries = desk.log.stack.map((entry, index): LogSheetRow => {
        const wish = wishes[index];
        return { is: 'filter', index, entry, count: wish && logs.counts.get(countKey(wish)) };
      });
      const offered = mode.row ? offeredConditions(mode.row, mode.written) : [];
      return [...entries, ...offered.map((condition): LogSheetRow => ({ is: 'offer', condition }))];
    }
    case 'bookmarks':
      return desk.log.bookmarks.map((bookmark, index) => ({ is: 'bookmark', index, bookmark }));
    case 'searches': {
      const countOf = (text: string): Count | undefined =>
        logs.counts.get(countKey({ query: searchQuery(log.query, text) }));
      const walked = desk.search?.pane === 'logs' ? desk.search.text : undefined;
      const isNamed = desk.log.searches.some(({ text }) => text === walked);
      return [
        ...(walked === undefined || isNamed
          ? []
          : [{ is: 'current', text: walked, count: countOf(walked) } as const]),
        ...desk.log.searches.map(
          (search, index): LogSheetRow => ({ is: 'search', index, search, count: countOf(search.text) }),
        ),
      ];
    }
    case 'fields':
      return (mode.row ? namedValues(mode.row, mode.written) : []).map(([name, value]) => ({
        is: 'field',
        name,
        value,
        isColumn: desk.log.columns.includes(name),
      }));
  }
}

/** How many rows pass all filters. */
export function passingCount({ log, logs }: Snapshot): Count | undefined {
  return logs.counts.get(countKey({ query: narrowed(log.query) }));
}

/** What a row is known by beside its text: in front of the fields of its text, in their order. */
export function namedValues(
  row: LogRow,
  written = row.text,
): readonly (readonly [name: string, value: string])[] {
  const own: readonly (readonly [string, string])[] = [
    ['.system', row.system],
    ['.source', row.source],
    ['.file', row.path],
    ['.place', `${row.path}@${row.offset}`],
    ['.about', row.keys?.join(' ') ?? ''],
  ];
  return [...own.filter(([, value]) => value !== ''), ...fieldsOf(written)];
}

/** The filter that a value of a row is for; none for values that are one row's alone. */
export function conditionOfField(row: LogRow, name: string, value: string): LogCondition | undefined {
  switch (name) {
    case '.system':
      return { is: 'system', systems: [value] };
    case '.source':
      return { is: 'source', sources: [value] };
    case '.file':
      return { is: 'log', logs: [row.log ?? row.path] };
    case '.about':
      return row.keys && row.keys.length > 0 ? { is: 'about', keys: row.keys } : undefined;
    case '.place':
      return undefined;
    default:
      return { is: 'field', name, value };
  }
}

/** Filters a row offers: its level and worse, its system, source and file, each id it is about, each of its fields. */
function offeredConditions(row: LogRow, written?: string): readonly LogCondition[] {
  const names = namedValues(row, written).filter(([name]) => name !== '.about');
  return [
    { is: 'level', least: row.level ?? 'info' },
    ...(row.keys ?? []).map((key): LogCondition => ({ is: 'about', keys: [key] })),
    ...names.flatMap(([name, value]) => conditionOfField(row, name, value) ?? []),
  ];
}
