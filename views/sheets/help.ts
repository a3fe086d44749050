import type { Area, Command, HostPort } from '../../src/commands/command.ts';
import { type Binding, keyText, type Scope } from '../../src/commands/keymap.ts';
import { commandsById } from '../../src/commands/registry.ts';
import { paneNumbers } from '../../src/store/desk.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import { fitRows, type Line, type Pen, padLine } from '../components/line.ts';

const areaTitles: { readonly [A in Area]: string } = {
  move: 'Moving',
  panes: 'Panes and pages',
  find: 'Searching, filtering, marking',
  logs: 'Logs',
  items: 'The selected item',
  acts: 'Acts',
  prompt: 'In prompts',
  cockpit: 'The cockpit',
};
const areas: readonly Area[] = ['acts', 'items', 'move', 'panes', 'find', 'logs', 'cockpit', 'prompt'];

/** A line of the help page: what a command does, its keys, and why it does nothing now. */
export interface HelpRow {
  readonly area: Area;
  readonly keys: string;
  readonly title: string;
  readonly cli: string;
  readonly off?: string;
}

/** Help follows from the keymap: what is bound is listed, in the words of the command. */
export function helpRows(
  snapshot: Snapshot,
  host: HostPort,
  keymap: readonly Binding[],
  search: string,
): readonly HelpRow[] {
  const groups = new Map<string, { command: Command; when: Scope; keys: string[] }>();
  for (const binding of keymap) {
    const command = commandsById.get(binding.command);
    if (!command) continue;
    const isPrompt = binding.when !== 'browse' && binding.when !== 'any';
    const key = `${binding.command}|${isPrompt ? binding.when : ''}`;
    const group = groups.get(key) ?? { command, when: binding.when, keys: [] };
    for (const name of binding.keys) if (!group.keys.includes(name)) group.keys.push(name);
    groups.set(key, group);
  }
  const wanted = search.toLowerCase();
  const rows: HelpRow[] = [];
  for (const area of areas) {
    for (const { command, when, keys } of groups.values()) {
      const isPrompt = when !== 'browse' && when !== 'any' && !(when in paneNumbers);
      if ((isPrompt ? 'prompt' : command.area) !== area) continue;
      const title = isPrompt ? `${when}: ${command.title}` : command.title;
      const cli = typeof command.cli === 'function' ? (command.cli(snapshot) ?? '') : (command.cli ?? '');
      const keyNames = keys.map(keyText).join(' ');
      if (wanted !== '' && !`${keyNames} ${title} ${cli} ${command.id}`.toLowerCase().includes(wanted))
        continue;
      const off = isPrompt ? undefined : command.off?.(snapshot, host);
      rows.push({ area, keys: keyNames, title, cli, ...(off === undefined ? {} : { off }) });
    }
  }
  return rows;
}

/** Columns of the keys. */
const keyColumns = 16;
/** Columns of the words where the command line stands beside them. */
const besideColumns = 60;

/**
 * The help page whole: a heading for each area, and its rows in as many lines as their words take. Why a key is off is
 * worth more than how the same is typed on the command line.
 */
function bodyLines(pen: Pen, rows: readonly HelpRow[], columns: number): readonly Line[] {
  const lines: Line[] = [];
  let area: Area | undefined;
  for (const row of rows) {
    if (row.area !== area) {
      if (area !== undefined) lines.push([]);
      lines.push(pen.line(columns, pen.span(` ${areaTitles[row.area]}`, 'strong')));
      area = row.area;
    }
    const isOff = row.off !== undefined;
    const hasCli = columns >= 100 && !isOff && row.cli !== '';
    const room = Math.max(1, hasCli ? besideColumns : columns - keyColumns);
    const words = pen.wrapped(
      `${row.title}${isOff ? `  [not now: ${row.off}]` : ''}`,
      room,
      isOff ? 'off' : undefined,
      4,
      2,
    );
    words.forEach((line, index) => {
      const isFirst = index === 0;
      lines.push([
        pen.cell(isFirst ? `  ${row.keys}` : '', keyColumns, 'strong'),
        ...(isFirst && hasCli ? padLine(line, room) : line),
        ...(isFirst && hasCli ? pen.line(columns - keyColumns - room, pen.span(`  ${row.cli}`, 'dim')) : []),
      ]);
    });
  }
  return lines;
}

/** How many lines the help page has at that width. */
export function helpLineCount(pen: Pen, rows: readonly HelpRow[], columns: number): number {
  return bodyLines(pen, rows, columns).length;
}

/** The help page, scrolled. */
export function helpLines(
  pen: Pen,
  rows: readonly HelpRow[],
  scroll: number,
  columns: number,
  height: number,
): readonly Line[] {
  const body = bodyLines(pen, rows, columns);
  const lines =
    body.length > 0 ? body : [pen.line(columns, pen.span(' no key or command with these words', 'dim'))];
  const first = Math.max(0, Math.min(scroll, lines.length - height));
  return fitRows(lines.slice(first, first + height), height);
}
