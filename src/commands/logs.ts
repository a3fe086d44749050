import type { LogLevel, LogQuery } from '../domain/log.ts';
import { matcherOf } from '../domain/log-filter.ts';
import { clockText } from '../lib/time-text.ts';
import { narrowed, selectedLogRow, splitOf } from '../store/lens-query.ts';
import { bookmarked, bookmarkTest, type WalkedRun, withCondition, withoutEntry } from '../store/log-view.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { Command, CommandContext } from './command.ts';
import { openLogSheet, setLog, toBookmark } from './log-sheets.ts';

/** Goes to the nearest row of a query, and says so where there is none. Resolves to whether the search ended without one. */
async function goTo(
  { cockpit }: CommandContext,
  what: string,
  query: LogQuery,
  direction: 1 | -1,
): Promise<boolean> {
  return (await cockpit.logs.seekNext(what, query, direction)) === 'none';
}

async function goToLevel(context: CommandContext, minLevel: LogLevel, direction: 1 | -1): Promise<void> {
  const what = minLevel === 'error' ? 'error' : 'warning';
  const query = { ...narrowed(context.snapshot().log.query), minLevel, changes: false };
  if (await goTo(context, what, query, direction))
    context.cockpit.toast(`no ${what} ${direction === 1 ? 'below' : 'above'}`);
}

/** The run a line is of: its own ids, else those of the run that is walked, where its log is among that one's. */
function runOf(
  { desk }: Snapshot,
  keys: readonly string[] | undefined,
  system: string,
): WalkedRun | undefined {
  if (keys && keys.length > 0) return { system: system as WalkedRun['system'], keys };
  return desk.log.run?.system === system ? desk.log.run : undefined;
}

async function goToSameRun(context: CommandContext, direction: 1 | -1): Promise<void> {
  const { cockpit } = context;
  const snapshot = context.snapshot();
  const row = selectedLogRow(snapshot);
  if (!row) return;
  const run = runOf(snapshot, row.keys, row.system);
  setLog(context, ({ run: _before, ...log }) => (run ? { ...log, run } : log));
  // A line without an id of its own, of no run that is walked, belongs to what its file's other lines are about.
  const all: LogQuery = run
    ? { systems: [run.system], keys: run.keys }
    : { systems: [row.system], files: [row.log ?? row.path] };
  const where = direction === 1 ? 'below' : 'above';
  const what = `the ${run ? 'run' : 'file'}`;
  const found = await cockpit.call('find', {
    query: all,
    from: { sortAt: row.sortAt, id: row.id },
    direction,
  });
  if (!found.row) {
    cockpit.toast(`no line of ${run ? 'the same run' : 'the same file'} ${where}`);
    return;
  }
  const { sortAt, id, path } = found.row;
  if (matcherOf(snapshot.log.query)(found.row)) {
    cockpit.log.seek({ sortAt, id });
    return;
  }
  const shown = { ...narrowed(snapshot.log.query, ...conditionsOf(all)) };
  if (await goTo(context, what, shown, direction)) {
    const at = clockText(sortAt, snapshot.offsetMs);
    cockpit.toast(`the next line of ${what} ${where} is not in this view: ${at} ${path} (L or . shows it)`);
  }
}

function conditionsOf({ systems, keys, files }: LogQuery): NonNullable<LogQuery['filter']> {
  return [
    ...(systems ? [{ is: 'system', systems } as const] : []),
    ...(keys ? [{ is: 'about', keys } as const] : []),
    ...(files ? [{ is: 'log', logs: files } as const] : []),
  ];
}

const noRow = (snapshot: Snapshot): string | undefined =>
  snapshot.log.rows.length === 0 ? 'no log row is loaded' : undefined;

function level(id: string, title: string, minLevel: LogLevel, direction: 1 | -1): Command {
  return {
    id,
    title,
    area: 'logs',
    effect: 'move',
    cli: `binnacle logs --level ${minLevel}`,
    run: (context) => goToLevel(context, minLevel, direction),
  };
}

function ofRun(id: string, title: string, direction: 1 | -1): Command {
  return {
    id,
    title,
    area: 'logs',
    effect: 'move',
    cli: 'binnacle logs --run ID',
    off: noRow,
    run: (context) => goToSameRun(context, direction),
  };
}

/** Commands of the log pane; they work from every pane. */
export const logCommands: readonly Command[] = [
  level('log.nextError', 'next error', 'error', 1),
  level('log.previousError', 'error before', 'error', -1),
  level('log.nextWarning', 'next warning or error', 'warning', 1),
  level('log.previousWarning', 'warning or error before', 'warning', -1),
  ofRun('log.nextOfRun', 'next line of the same run', 1),
  ofRun('log.previousOfRun', 'line before of the same run', -1),
  {
    id: 'log.bookmark',
    title: 'remember this line, or forget it',
    area: 'logs',
    effect: 'view',
    off: noRow,
    run: (context) => {
      const snapshot = context.snapshot();
      const row = selectedLogRow(snapshot);
      if (!row) return;
      const isKnown = bookmarkTest(snapshot.desk.log.bookmarks)(row);
      setLog(context, (log) => bookmarked(log, row));
      context.cockpit.toast(isKnown ? 'line forgotten' : "line remembered: ' goes back to it");
    },
  },
  {
    id: 'log.toBookmark',
    title: 'to the line remembered; to the list where there are several',
    area: 'logs',
    effect: 'move',
    off: ({ desk }) => (desk.log.bookmarks.length > 0 ? undefined : 'no line is remembered: m remembers one'),
    run: async (context) => {
      const [first, ...others] = context.snapshot().desk.log.bookmarks;
      if (first && others.length === 0) await toBookmark(context, first);
      else openLogSheet(context, 'bookmarks');
    },
  },
  {
    id: 'log.follow',
    title: 'follow the end, or stand still',
    area: 'logs',
    effect: 'view',
    cli: 'binnacle logs --follow',
    run: (context) => context.cockpit.log.setFollow(!context.snapshot().log.follow),
  },
  {
    id: 'clock.toggle',
    title: 'times in UTC or local',
    area: 'logs',
    effect: 'view',
    run: ({ cockpit }) =>
      cockpit.update((desk) => ({ ...desk, clock: desk.clock === 'utc' ? 'local' : 'utc' })),
  },
  {
    id: 'log.pretty',
    title: 'pages of lines with their JSON laid out',
    area: 'logs',
    effect: 'view',
    run: (context) => {
      setLog(context, (log) => ({ ...log, pretty: !log.pretty }));
      const { mode, log } = context.snapshot().desk;
      if (mode.type === 'browse')
        context.cockpit.toast(
          log.pretty ? 'pages of lines (Enter) lay JSON out' : 'pages of lines show them as they stand',
        );
      context.cockpit.update((desk) =>
        desk.mode.type === 'details' && desk.mode.subject.of === 'row'
          ? {
              ...desk,
              mode: { ...desk.mode, subject: { ...desk.mode.subject, pretty: !desk.mode.subject.pretty } },
            }
          : desk,
      );
    },
  },
  {
    id: 'log.context',
    title: 'everything around this line: beside the filtered rows where there is room',
    area: 'logs',
    effect: 'view',
    off: noRow,
    run: (context) => {
      // Standing still first: the line is what must stay in view when everything else comes back.
      context.cockpit.log.setFollow(false);
      setLog(context, (log) => ({ ...log, context: !log.context }));
      const { desk } = context.snapshot();
      if (desk.log.context && splitOf(desk) === undefined && desk.focus === 'logs')
        context.cockpit.toast('filters are left aside: z has room for both views');
    },
  },
  {
    id: 'log.lens',
    title: 'rows of this item, or all',
    area: 'logs',
    effect: 'view',
    cli: 'binnacle logs --run ID',
    run: (context) => setLog(context, (log) => ({ ...log, lens: log.lens === 'item' ? 'all' : 'item' })),
  },
  {
    id: 'log.level',
    title: 'only warnings and errors, or all levels',
    area: 'logs',
    effect: 'view',
    inPalette: true,
    cli: 'binnacle logs --level warning',
    run: (context) =>
      setLog(context, (log) => {
        const index = log.stack.findIndex(({ condition }) => condition.is === 'level' && !condition.out);
        return index < 0 ? withCondition(log, { is: 'level', least: 'warning' }) : withoutEntry(log, index);
      }),
  },
];
