import type { LogLevel } from '../domain/log.ts';
import type { LogView } from '../store/desk.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { Command, CommandContext } from './command.ts';

function set(context: CommandContext, change: (log: LogView) => Partial<LogView>): void {
  context.cockpit.update((desk) => ({ ...desk, log: { ...desk.log, ...change(desk.log) } }));
}

async function goToLevel(context: CommandContext, minLevel: LogLevel, direction: 1 | -1): Promise<void> {
  const found = await context.cockpit.log.find(
    { ...context.snapshot().log.query, minLevel, changes: false },
    direction,
  );
  if (!found)
    context.cockpit.toast(
      `no ${minLevel === 'error' ? 'error' : 'warning'} ${direction === 1 ? 'below' : 'above'}`,
    );
}

async function goToSameRun(context: CommandContext, direction: 1 | -1): Promise<void> {
  const snapshot = context.snapshot();
  const row = snapshot.log.rows.find((one) => one.id === snapshot.log.selected);
  const keys = row?.keys ?? [];
  if (!row) return;
  // A line without an id of its own belongs to what its file's other lines are about.
  const query =
    keys.length > 0 ? { systems: [row.system], keys } : { systems: [row.system], files: [row.path] };
  const found = await context.cockpit.log.find(query, direction);
  if (!found)
    context.cockpit.toast(
      `no line of the same ${keys.length > 0 ? 'run' : 'file'} ${direction === 1 ? 'below' : 'above'}`,
    );
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

/** Commands of the log pane; they work from every pane. */
export const logCommands: readonly Command[] = [
  level('log.nextError', 'next error', 'error', 1),
  level('log.previousError', 'error before', 'error', -1),
  level('log.nextWarning', 'next warning or error', 'warning', 1),
  level('log.previousWarning', 'warning or error before', 'warning', -1),
  {
    id: 'log.nextOfRun',
    title: 'next line of the same run',
    area: 'logs',
    effect: 'move',
    cli: 'binnacle logs --run ID',
    off: noRow,
    run: (context) => goToSameRun(context, 1),
  },
  {
    id: 'log.previousOfRun',
    title: 'line before of the same run',
    area: 'logs',
    effect: 'move',
    off: noRow,
    run: (context) => goToSameRun(context, -1),
  },
  {
    id: 'log.bookmark',
    title: 'remember this line',
    area: 'logs',
    effect: 'view',
    off: noRow,
    run: (context) => {
      const { log } = context.snapshot();
      const row = log.rows.find((one) => one.id === log.selected);
      if (!row) return;
      context.cockpit.update((desk) => ({ ...desk, bookmark: { sortAt: row.sortAt, id: row.id } }));
      context.cockpit.toast("line remembered: ' goes back to it");
    },
  },
  {
    id: 'log.toBookmark',
    title: 'to the line remembered',
    area: 'logs',
    effect: 'move',
    off: ({ desk }) => (desk.bookmark ? undefined : 'no line is remembered: m remembers one'),
    run: (context) => {
      const { bookmark } = context.snapshot().desk;
      if (bookmark) context.cockpit.log.seek(bookmark);
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
    id: 'log.histogram',
    title: 'how much came when',
    area: 'logs',
    effect: 'view',
    run: (context) => set(context, (log) => ({ histogram: !log.histogram })),
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
    id: 'log.fields',
    title: 'source and place of each line',
    area: 'logs',
    effect: 'view',
    run: (context) => set(context, (log) => ({ fields: !log.fields })),
  },
  {
    id: 'log.pretty',
    title: 'pages of lines with their JSON laid out',
    area: 'logs',
    effect: 'view',
    run: (context) => {
      set(context, (log) => ({ pretty: !log.pretty }));
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
    title: 'everything around this line, filters aside',
    area: 'logs',
    effect: 'view',
    off: noRow,
    run: (context) => {
      // Standing still first: the line is what must stay in view when everything else comes back.
      context.cockpit.log.setFollow(false);
      set(context, (log) => ({ context: !log.context }));
    },
  },
  {
    id: 'log.lens',
    title: 'rows of this item, or all',
    area: 'logs',
    effect: 'view',
    cli: 'binnacle logs --run ID',
    run: (context) => set(context, (log) => ({ lens: log.lens === 'item' ? 'all' : 'item' })),
  },
  {
    id: 'log.level',
    title: 'only warnings and errors, or all levels',
    area: 'logs',
    effect: 'view',
    inPalette: true,
    cli: 'binnacle logs --level warning',
    run: ({ cockpit }) =>
      cockpit.update((desk) => {
        const { minLevel, ...log } = desk.log;
        return { ...desk, log: minLevel ? log : { ...log, minLevel: 'warning' } };
      }),
  },
];
