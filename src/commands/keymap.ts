import type { PaneId } from '../store/desk.ts';
import type { Mode } from '../store/mode.ts';

/**
 * Where a binding holds: everywhere, while browsing, in one pane, or in one kind of prompt. `text` is every prompt in
 * which letters are text.
 */
export type Scope = 'any' | 'browse' | PaneId | Exclude<Mode['type'], 'browse'> | 'text';

/** A key and what it asks for. */
export interface Binding {
  readonly command: string;
  /** Names as the key decoder gives them; a sequence has a space in it (`c l`). */
  readonly keys: readonly string[];
  readonly when: Scope;
  /** Given to the command. */
  readonly argument?: string;
}

/** Keys as they are unless configuration says otherwise. */
export const defaultKeymap: readonly Binding[] = [
  { command: 'prompt.leave', keys: ['ctrl-c'], when: 'any' },
  { command: 'cockpit.suspend', keys: ['ctrl-z'], when: 'any' },

  { command: 'cursor.down', keys: ['j', 'down'], when: 'browse' },
  { command: 'cursor.up', keys: ['k', 'up'], when: 'browse' },
  { command: 'cursor.start', keys: ['g', 'home'], when: 'browse' },
  { command: 'cursor.end', keys: ['G', 'end'], when: 'browse' },
  { command: 'cursor.pageDown', keys: ['ctrl-d', 'pagedown'], when: 'browse' },
  { command: 'cursor.pageUp', keys: ['ctrl-u', 'pageup'], when: 'browse' },
  { command: 'queue.go', keys: ['!'], when: 'browse' },
  { command: 'view.in', keys: ['enter'], when: 'browse' },
  { command: 'view.back', keys: ['escape', 'q'], when: 'browse' },
  { command: 'cockpit.quit', keys: ['Q'], when: 'browse' },

  { command: 'pane.next', keys: ['tab'], when: 'browse' },
  { command: 'pane.previous', keys: ['shift-tab'], when: 'browse' },
  { command: 'pane.queue', keys: ['1'], when: 'browse' },
  { command: 'pane.approvals', keys: ['2'], when: 'browse' },
  { command: 'pane.fatal', keys: ['3'], when: 'browse' },
  { command: 'pane.pipeline', keys: ['4'], when: 'browse' },
  { command: 'pane.work', keys: ['5'], when: 'browse' },
  { command: 'pane.logs', keys: ['6'], when: 'browse' },
  { command: 'pane.acts', keys: ['7'], when: 'browse' },
  { command: 'pane.card', keys: ['8'], when: 'browse' },
  { command: 'pane.steps', keys: ['9'], when: 'browse' },
  { command: 'pane.zoom', keys: ['z'], when: 'browse' },
  { command: 'pane.grow', keys: ['+'], when: 'browse' },
  { command: 'pane.shrink', keys: ['_'], when: 'browse' },
  { command: 'view.earlier', keys: ['['], when: 'browse' },
  { command: 'view.later', keys: [']'], when: 'browse' },

  { command: 'search.start', keys: ['/'], when: 'browse' },
  { command: 'search.next', keys: ['n'], when: 'browse' },
  { command: 'search.previous', keys: ['N'], when: 'browse' },
  { command: 'filter.add', keys: ['&'], when: 'browse' },
  { command: 'row.mark', keys: ['space'], when: 'browse' },
  { command: 'row.range', keys: ['v'], when: 'browse' },
  { command: 'palette.open', keys: [':'], when: 'browse' },
  { command: 'help.open', keys: ['?', 'f1'], when: 'browse' },

  { command: 'log.nextError', keys: ['e'], when: 'browse' },
  { command: 'log.previousError', keys: ['E'], when: 'browse' },
  { command: 'log.nextWarning', keys: ['w'], when: 'browse' },
  { command: 'log.previousWarning', keys: ['W'], when: 'browse' },
  { command: 'log.nextOfRun', keys: ['o'], when: 'browse' },
  { command: 'log.previousOfRun', keys: ['O'], when: 'browse' },
  { command: 'log.bookmark', keys: ['m'], when: 'browse' },
  { command: 'log.toBookmark', keys: ["'"], when: 'browse' },
  { command: 'log.follow', keys: ['F'], when: 'browse' },
  { command: 'log.histogram', keys: ['i'], when: 'browse' },
  { command: 'clock.toggle', keys: ['t'], when: 'browse' },
  { command: 'log.fields', keys: ['x'], when: 'browse' },
  { command: 'log.pretty', keys: ['p'], when: 'browse' },
  { command: 'log.context', keys: ['.'], when: 'browse' },
  { command: 'log.lens', keys: ['L'], when: 'browse' },
  { command: 'search.show', keys: ['*'], when: 'browse' },

  { command: 'approval.open', keys: ['a'], when: 'browse' },
  { command: 'act.replay', keys: ['r'], when: 'browse' },
  { command: 'act.restart', keys: ['R'], when: 'browse' },
  { command: 'act.resume', keys: ['S'], when: 'browse' },
  { command: 'act.pause', keys: ['P'], when: 'browse' },
  { command: 'act.rollback', keys: ['B'], when: 'browse' },
  { command: 'act.cancel', keys: ['C'], when: 'browse' },
  { command: 'acts.menu', keys: ['A'], when: 'browse' },
  { command: 'act.undo', keys: ['u'], when: 'browse' },
  { command: 'act.stop', keys: ['X'], when: 'acts' },
  { command: 'act.settle', keys: ['s'], when: 'acts' },

  { command: 'step.run', keys: ['enter'], when: 'steps' },
  { command: 'step.check', keys: ['space'], when: 'steps' },
  { command: 'step.skip', keys: ['s'], when: 'steps' },

  { command: 'item.hold', keys: ['K'], when: 'browse' },
  { command: 'item.aside', keys: ['d'], when: 'browse' },
  { command: 'item.watch', keys: ['M'], when: 'browse' },
  { command: 'aside.show', keys: ['D'], when: 'browse' },
  { command: 'steps.go', keys: ['b'], when: 'browse' },
  { command: 'copy.start', keys: ['c'], when: 'browse' },
  { command: 'copy.line', keys: ['l'], when: 'copy' },
  { command: 'copy.id', keys: ['i'], when: 'copy' },
  { command: 'copy.command', keys: ['x'], when: 'copy' },
  { command: 'copy.evidence', keys: ['e'], when: 'copy' },
  { command: 'log.export', keys: ['f'], when: 'copy' },
  { command: 'prompt.no', keys: ['escape', 'q'], when: 'copy' },
  { command: 'item.go', keys: ['T'], when: 'browse' },
  { command: 'source.refresh', keys: ['ctrl-r'], when: 'browse' },
  { command: 'bad.show', keys: ['U'], when: 'browse' },

  ...pageBindings('menu'),
  { command: 'menu.pick', keys: ['enter'], when: 'menu' },
  ...pageBindings('dialog'),
  { command: 'dialog.yes', keys: ['y'], when: 'dialog' },
  { command: 'prompt.no', keys: ['n'], when: 'dialog' },
  { command: 'dialog.pick', keys: ['enter'], when: 'dialog' },
  ...pageBindings('list'),
  { command: 'dialog.yes', keys: ['y'], when: 'list' },
  { command: 'prompt.no', keys: ['n'], when: 'list' },
  { command: 'dialog.pick', keys: ['enter'], when: 'list' },
  ...pageBindings('approval'),
  { command: 'approval.decide', keys: ['y'], when: 'approval', argument: 'y' },
  { command: 'approval.decide', keys: ['D'], when: 'approval', argument: 'D' },
  { command: 'approval.decide', keys: ['v'], when: 'approval', argument: 'v' },
  { command: 'approval.decide', keys: ['enter'], when: 'approval', argument: 'Enter' },
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map(
    (number): Binding => ({
      command: 'approval.decide',
      keys: [`${number}`],
      when: 'approval',
      argument: `${number}`,
    }),
  ),
  ...pageBindings('asides'),
  { command: 'asides.pick', keys: ['enter'], when: 'asides' },
  ...pageBindings('aside'),
  { command: 'aside.pick', keys: ['enter'], when: 'aside' },
  { command: 'cursor.down', keys: ['j', 'down'], when: 'logSheet' },
  { command: 'cursor.up', keys: ['k', 'up'], when: 'logSheet' },
  { command: 'cursor.pageDown', keys: ['ctrl-d', 'pagedown'], when: 'logSheet' },
  { command: 'cursor.pageUp', keys: ['ctrl-u', 'pageup'], when: 'logSheet' },
  { command: 'cursor.start', keys: ['g', 'home'], when: 'logSheet' },
  { command: 'cursor.end', keys: ['G', 'end'], when: 'logSheet' },
  { command: 'prompt.no', keys: ['escape', 'q'], when: 'logSheet' },
  { command: 'sheet.pick', keys: ['enter'], when: 'logSheet' },
  { command: 'sheet.show', keys: ['space'], when: 'logSheet' },
  { command: 'sheet.in', keys: ['i'], when: 'logSheet' },
  { command: 'sheet.out', keys: ['o'], when: 'logSheet' },
  { command: 'sheet.delete', keys: ['d', 'x'], when: 'logSheet' },
  { command: 'sheet.up', keys: ['K'], when: 'logSheet' },
  { command: 'sheet.down', keys: ['J'], when: 'logSheet' },
  { command: 'sheet.more', keys: ['+'], when: 'logSheet' },
  { command: 'sheet.fewer', keys: ['-', '_'], when: 'logSheet' },
  { command: 'filter.add', keys: ['&'], when: 'logSheet' },
  { command: 'cursor.down', keys: ['l', 'j', 'right', 'down'], when: 'strip' },
  { command: 'cursor.up', keys: ['h', 'k', 'left', 'up'], when: 'strip' },
  { command: 'cursor.pageDown', keys: ['ctrl-d', 'pagedown'], when: 'strip' },
  { command: 'cursor.pageUp', keys: ['ctrl-u', 'pageup'], when: 'strip' },
  { command: 'cursor.start', keys: ['g', 'home'], when: 'strip' },
  { command: 'cursor.end', keys: ['G', 'end'], when: 'strip' },
  { command: 'prompt.no', keys: ['escape', 'q'], when: 'strip' },
  { command: 'strip.begin', keys: ['space', 'v'], when: 'strip' },
  { command: 'strip.take', keys: ['enter'], when: 'strip' },
  { command: 'strip.go', keys: ['o'], when: 'strip' },
  { command: 'strip.hide', keys: ['i'], when: 'strip' },
  ...pageBindings('details'),
  { command: 'log.pretty', keys: ['p'], when: 'details' },
  { command: 'act.stop', keys: ['X', 'C'], when: 'details' },
  { command: 'bad.show', keys: ['U'], when: 'details' },
  { command: 'act.settle', keys: ['s'], when: 'details' },
  { command: 'steps.go', keys: ['b'], when: 'details' },
  { command: 'act.undo', keys: ['u'], when: 'details' },
  { command: 'act.again', keys: ['r'], when: 'details' },
  { command: 'help.open', keys: ['?'], when: 'details' },
  ...pageBindings('help'),
  { command: 'help.search', keys: ['/'], when: 'help' },

  { command: 'text.take', keys: ['enter'], when: 'text' },
  { command: 'prompt.no', keys: ['escape'], when: 'text' },
  { command: 'text.eraseCharacter', keys: ['backspace', 'ctrl-h'], when: 'text' },
  { command: 'text.eraseAll', keys: ['ctrl-u'], when: 'text' },
  { command: 'text.edit', keys: ['ctrl-e'], when: 'text' },
  { command: 'cursor.pageDown', keys: ['pagedown'], when: 'text' },
  { command: 'cursor.pageUp', keys: ['pageup'], when: 'text' },
  { command: 'cursor.down', keys: ['down', 'ctrl-n'], when: 'palette' },
  { command: 'cursor.up', keys: ['up', 'ctrl-p'], when: 'palette' },
];

/** What moves and leaves in every prompt that is read or chosen from. */
function pageBindings(when: Scope): readonly Binding[] {
  return [
    { command: 'cursor.down', keys: ['j', 'down'], when },
    { command: 'cursor.up', keys: ['k', 'up'], when },
    { command: 'cursor.pageDown', keys: ['ctrl-d', 'pagedown', 'space'], when },
    { command: 'cursor.pageUp', keys: ['ctrl-u', 'pageup'], when },
    { command: 'cursor.start', keys: ['g', 'home'], when },
    { command: 'cursor.end', keys: ['G', 'end'], when },
    { command: 'prompt.no', keys: ['escape', 'q'], when },
  ];
}

/** A change of keys by configuration: command to keys, for while browsing, or `command@scope`. */
export interface Rebinding {
  readonly [command: string]: readonly string[];
}

/** Something wrong with the keys, said at the start. */
export interface KeyConflict {
  readonly key: string;
  readonly when: Scope;
  readonly commands: readonly string[];
  readonly text: string;
}

/** The keymap with some keys changed, and what is wrong with it. */
export function rebind(
  keymap: readonly Binding[],
  changes: Rebinding,
  known: ReadonlySet<string>,
): { readonly keymap: readonly Binding[]; readonly conflicts: readonly KeyConflict[] } {
  const conflicts: KeyConflict[] = [];
  let next = [...keymap];
  for (const [name, keys] of Object.entries(changes)) {
    const [command = '', scope = 'browse'] = name.split('@');
    if (!known.has(command)) {
      conflicts.push({
        key: '',
        when: 'browse',
        commands: [command],
        text: `keys: there is no command "${command}"`,
      });
      continue;
    }
    next = next.filter((binding) => !(binding.command === command && binding.when === scope));
    next.push({ command, keys, when: scope as Scope });
  }
  return { keymap: next, conflicts: [...conflicts, ...conflictsOf(next)] };
}

/** Keys bound twice in one place, `y` bound to anything but a yes, and places that cannot be left. */
export function conflictsOf(keymap: readonly Binding[]): readonly KeyConflict[] {
  const byKey = new Map<string, { key: string; when: Scope; commands: string[] }>();
  const conflicts: KeyConflict[] = [];
  for (const binding of keymap) {
    for (const key of binding.keys) {
      const entry = byKey.get(`${binding.when} ${key}`) ?? { key, when: binding.when, commands: [] };
      entry.commands.push(binding.command);
      byKey.set(`${binding.when} ${key}`, entry);
      if (key === 'y' && binding.command !== 'dialog.yes' && binding.command !== 'approval.decide') {
        conflicts.push({
          key,
          when: binding.when,
          commands: [binding.command],
          text: `keys: y only ever means yes, it cannot be ${binding.command}`,
        });
      }
    }
  }
  for (const entry of byKey.values()) {
    const commands = [...new Set(entry.commands)];
    if (commands.length > 1) {
      conflicts.push({
        ...entry,
        commands,
        text: `keys: ${entry.key} (${entry.when}) is ${commands.join(' and ')}`,
      });
    }
  }
  return conflicts;
}

/** The keys of a command, for showing: first those of the scope, else any. */
export function keysOf(
  keymap: readonly Binding[],
  command: string,
  when: Scope = 'browse',
): readonly string[] {
  const bindings = keymap.filter((binding) => binding.command === command);
  const here = bindings.filter((binding) => binding.when === when);
  return (here.length > 0 ? here : bindings).flatMap((binding) => binding.keys);
}

/** A key as it is printed: `C-r`, `Enter`, `PgDn`. */
export function keyText(key: string): string {
  const names: { readonly [name: string]: string } = {
    enter: 'Enter',
    escape: 'Esc',
    space: 'Space',
    tab: 'Tab',
    'shift-tab': 'S-Tab',
    pageup: 'PgUp',
    pagedown: 'PgDn',
    home: 'Home',
    end: 'End',
    up: 'Up',
    down: 'Down',
    backspace: 'Bksp',
    f1: 'F1',
  };
  if (Object.hasOwn(names, key)) return names[key] ?? key;
  return key.startsWith('ctrl-') ? `Ctrl-${key.slice(5)}` : key;
}
