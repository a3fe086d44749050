import { toIso } from '../domain/instant.ts';
import type { LogCursor, LogPage, LogRow } from '../domain/log.ts';
import { inMode, markedLogRows, unmarked } from '../store/desk.ts';
import { selectedLogRow } from '../store/lens-query.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { Command, CommandContext } from './command.ts';

/** Rows asked for at once, and most that a range may hold. */
const pageRows = 500;
const mostRows = 50_000;

/** The rows that are marked, in the order of the log; else the one under the cursor. */
export function chosenLogRows(snapshot: Snapshot): readonly LogRow[] {
  const { desk } = snapshot;
  const marked = [...desk.log.marked.values()].filter((row) => desk.marks.has(row.id));
  const here = selectedLogRow(snapshot);
  if (marked.length === 0) return here ? [here] : [];
  return marked.sort((a, b) => a.sortAt - b.sortAt || (a.path === b.path ? a.offset - b.offset : 0));
}

/** A row as a line of an exported file: time, place, level, text. Further lines of it are indented. */
export function exportLine(row: LogRow): string {
  const time = row.at === undefined ? `~${toIso(row.sortAt)}` : toIso(row.at);
  const level = row.form === 'change' ? 'CHANGE' : (row.level ?? '-').toUpperCase();
  return `${time} ${row.system} ${row.path}@${row.offset} ${level} ${row.text.replaceAll('\n', '\n  ')}`;
}

/** Marks a row of the log, or takes its mark off. */
export function markLogRow({ cockpit, snapshot }: CommandContext): void {
  const row = selectedLogRow(snapshot());
  if (!row) return;
  cockpit.update((desk) => {
    if (!desk.marks.has(row.id)) return markedLogRows(desk, [row]);
    const marks = new Set(desk.marks);
    marks.delete(row.id);
    return { ...desk, marks };
  });
}

/** Begins a range at this row, or marks all rows of the pane from where it began to here, loaded or not. */
export async function rangeLogRows({ cockpit, snapshot }: CommandContext): Promise<void> {
  const { desk, log, ...rest } = snapshot();
  const here = selectedLogRow({ ...rest, desk, log } as Snapshot);
  if (!here) return;
  const from = desk.log.rangeFrom;
  if (!from) {
    cockpit.update((now) => {
      const next = markedLogRows(now, [here]);
      return { ...next, log: { ...next.log, rangeFrom: { sortAt: here.sortAt, id: here.id } } };
    });
    return;
  }
  const loaded = log.rows.map((row) => row.id);
  const [a, b] = [loaded.indexOf(from.id), loaded.indexOf(here.id)];
  const rows =
    a >= 0 && b >= 0
      ? log.rows.slice(Math.min(a, b), Math.max(a, b) + 1)
      : await rowsBetween(
          cockpit,
          log.query,
          ...((from.sortAt <= here.sortAt ? [from, here] : [here, from]) as [LogCursor, LogCursor]),
        );
  cockpit.update((now) => markedLogRows(now, rows));
  if (rows.length >= mostRows) cockpit.toast(`${mostRows} rows are marked, the range goes on`, 'refusal');
}

/** The rows of a query from one place to another one behind it, page by page. */
async function rowsBetween(
  cockpit: CommandContext['cockpit'],
  query: Snapshot['log']['query'],
  from: LogCursor,
  to: LogCursor,
): Promise<readonly LogRow[]> {
  const rows = new Map<string, LogRow>();
  let at = from;
  let isIn = false;
  for (;;) {
    const page: LogPage = await cockpit.call('page', { query, at, rows: pageRows });
    const before = rows.size;
    for (const row of page.rows) {
      isIn ||= row.id === from.id || row.sortAt > from.sortAt;
      if (isIn) rows.set(row.id, row);
      if (row.id === to.id || row.sortAt > to.sortAt) return [...rows.values()];
    }
    const last = page.rows.at(-1);
    if (!last || page.atEnd || rows.size === before || rows.size >= mostRows) return [...rows.values()];
    at = { sortAt: last.sortAt, id: last.id };
  }
}

/** The command that writes rows to a file. */
export const logExportCommands: readonly Command[] = [
  {
    id: 'log.export',
    title: 'write the marked log rows to a file',
    area: 'logs',
    effect: 'view',
    cli: 'binnacle logs --since T --until T',
    off: (snapshot, host) => {
      if (!host.saveText) return 'there is no directory of ours to write to';
      return chosenLogRows(snapshot).length === 0 ? 'no log row is loaded' : undefined;
    },
    run: ({ cockpit, host, snapshot }) => {
      const rows = chosenLogRows(snapshot());
      const path = host.saveText?.('log', 'txt', rows.map(exportLine).join('\n'));
      cockpit.update((desk) => unmarked(desk.mode.type === 'copy' ? inMode(desk, { type: 'browse' }) : desk));
      if (path !== undefined)
        cockpit.toast(`${rows.length} ${rows.length === 1 ? 'row' : 'rows'} written to ${path}`);
    },
  },
];
