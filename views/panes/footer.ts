import type { HostPort } from '../../src/commands/command.ts';
import { matchesOf } from '../../src/commands/find.ts';
import { type Binding, keysOf, keyText, type Scope } from '../../src/commands/keymap.ts';
import { commandsById } from '../../src/commands/registry.ts';
import type { Snapshot } from '../../src/store/cockpit.ts';
import { isTyping } from '../../src/store/mode.ts';
import { menuKeys, menuOfAct } from '../../src/store/selectors/act-key.ts';
import { type Line, type Pen, type Span, splitLine } from '../components/line.ts';

export interface FooterInput {
  readonly snapshot: Snapshot;
  readonly pen: Pen;
  readonly columns: number;
  readonly keymap: readonly Binding[];
  readonly host: HostPort;
}

/** The last row: the keys that make sense here, and at the right why one of them does nothing, or what just happened. */
export function footerLine(input: FooterInput): Line {
  const { snapshot, pen, columns } = input;
  const { desk } = snapshot;
  const right: Span[] = desk.toast
    ? [pen.span(desk.toast.text, desk.toast.tone === 'refusal' ? 'warning' : 'strong')]
    : reasonSpans(input);
  const text = right.map((span) => span.text).join('');
  // A message is worth more than the keys beside it.
  const room = desk.toast ? Math.min(columns - 12, text.length) : Math.floor(columns / 2);
  const shown =
    right.length > 0 ? [pen.cell(text, Math.min(text.length, Math.max(0, room)), right[0]?.tone)] : [];
  return splitLine([pen.span(' '), ...leftSpans(input)], shown, columns);
}

function leftSpans(input: FooterInput): Span[] {
  const { snapshot, pen } = input;
  const { mode } = snapshot.desk;
  switch (mode.type) {
    case 'search':
    case 'filter': {
      const sign = mode.type === 'search' ? '/' : '&';
      const found = mode.type === 'search' ? matchCount(snapshot, mode.text) : '';
      return [
        pen.span(`${sign}${mode.text}_`, 'input'),
        pen.span(`  ${found}Enter takes it, Esc leaves`, 'dim'),
      ];
    }
    case 'copy':
      return [pen.span('copy: l line  i id  x command  e evidence  Esc', 'input')];
    case 'browse':
      return browseSpans(input);
    case 'palette':
      return keySpans(pen, [
        ['Enter', 'run'],
        ['Up Down', 'choose'],
        ['Esc', 'leave'],
      ]);
    case 'help':
      return mode.typing
        ? [pen.span(`/${mode.text}_`, 'input')]
        : keySpans(pen, [
            ['j k', 'read'],
            ['/', 'search'],
            ['Esc', 'back'],
          ]);
    case 'menu':
    case 'aside':
      if (isTyping(mode))
        return keySpans(pen, [
          ['Enter', 'take'],
          ['Esc', 'no'],
        ]);
      return keySpans(pen, [
        ['Enter', 'choose'],
        ['j k', 'move'],
        ['Esc', 'no, back'],
      ]);
    case 'details':
      return keySpans(pen, [
        ['j k', 'read'],
        ['Esc', 'back'],
        ['?', 'keys'],
      ]);
    case 'approval':
      if (isTyping(mode))
        return keySpans(pen, [
          ['Enter', 'take'],
          ['Ctrl-u', 'erase'],
          ['Ctrl-e', 'editor'],
          ['Esc', 'no'],
        ]);
      return keySpans(pen, [
        ['PgDn', 'read on'],
        ['Esc', 'no, back'],
      ]);
    case 'dialog':
      if (isTyping(mode))
        return keySpans(pen, [
          ['Enter', 'take'],
          ['Esc', 'no'],
        ]);
      return keySpans(pen, [
        ['y', 'yes'],
        ['Enter', 'what is highlighted'],
        ['Esc', 'no, back'],
      ]);
    case 'params':
    case 'settle':
      return keySpans(pen, [
        ['Enter', 'take'],
        ['Ctrl-u', 'erase'],
        ['Ctrl-e', 'editor'],
        ['Esc', 'no'],
      ]);
  }
}

function matchCount(snapshot: Snapshot, text: string): string {
  if (text === '' || snapshot.desk.focus === 'logs') return '';
  const found = matchesOf({
    ...snapshot,
    desk: { ...snapshot.desk, search: { pane: snapshot.desk.focus, text } },
  });
  return `${found.length} ${found.length === 1 ? 'match' : 'matches'}  `;
}

/** Commands worth a place in the footer, by the pane that has the keys; the item's own key comes first. */
function browseSpans(input: FooterInput): Span[] {
  const { snapshot, pen, keymap } = input;
  const { desk, subject } = snapshot;
  const pairs: [string, string][] = [];
  const add = (command: string, word: string, when: Scope = 'browse'): void => {
    const off = commandsById.get(command)?.off?.(snapshot, input.host);
    const keys = keysOf(keymap, command, when).map(keyText);
    if (keys[0] !== undefined) pairs.push([off === undefined ? keys[0] : `${keys[0]}-`, word]);
  };
  const act = subject.item?.act;
  if (subject.item?.kind === 'approval') add('approval.open', 'decide..');
  else if (act !== undefined && subject.ref) {
    const menu = menuOfAct(act);
    if (menu === 'approve') add('approval.open', 'decide..');
    else add(menu === 'other' ? 'acts.menu' : `act.${menu}`, `${menu === 'other' ? 'acts' : menu}..`);
  } else if (subject.ref) add('acts.menu', 'acts..');
  if (desk.focus === 'logs') {
    add('log.follow', snapshot.log.follow ? 'stand still' : 'follow');
    add('log.nextError', 'error');
    add('search.start', 'search');
    add('filter.add', 'filter');
  } else if (desk.focus === 'acts') {
    add('view.in', 'output');
    add('act.undo', 'undo');
    add('act.stop', 'end it', 'acts');
    add('act.settle', 'settle', 'acts');
  } else if (desk.focus === 'steps') {
    add('step.run', 'do it', 'steps');
    add('item.hold', isHeldHere(snapshot) ? 'release' : 'take');
    add('item.aside', 'aside');
  } else {
    add('steps.go', 'steps');
    add('item.hold', isHeldHere(snapshot) ? 'release' : 'take');
    add('item.aside', 'aside');
  }
  add('log.lens', 'lens');
  add('palette.open', 'commands');
  add('help.open', 'keys');
  return keySpans(pen, pairs);
}

function isHeldHere(snapshot: Snapshot): boolean {
  return snapshot.subject.item !== undefined && snapshot.desk.taken.has(snapshot.subject.item.key);
}

function keySpans(pen: Pen, pairs: readonly (readonly [string, string])[]): Span[] {
  return pairs.flatMap(([key, word], index) => [
    pen.span(`${index === 0 ? '' : '  '}${key}`, 'strong'),
    pen.span(` ${word}`, 'dim'),
  ]);
}

/** Why the key of the selected row does nothing now. */
function reasonSpans(input: FooterInput): Span[] {
  const { snapshot, pen, host } = input;
  const { subject } = snapshot;
  if (snapshot.desk.mode.type !== 'browse') return [];
  const item = subject.item;
  if (!item) return [];
  if (subject.ghost) return [pen.span(`${subject.ghost.word}: acts are off`, 'warning')];
  const menu =
    item.kind === 'approval' ? 'approve' : item.act === undefined ? undefined : menuOfAct(item.act);
  if (menu === undefined) return [];
  const command = menu === 'approve' ? 'approval.open' : menu === 'other' ? 'acts.menu' : `act.${menu}`;
  const off = commandsById.get(command)?.off?.(snapshot, host) ?? subject.row?.keyOff;
  return off === undefined ? [] : [pen.span(`${menuKeys[menu]}: not now, ${off}`, 'warning')];
}
