import type { HostPort } from '../../src/commands/command.ts';
import { matchesOf } from '../../src/commands/find.ts';
import { type Binding, keysOf, keyText, type Scope } from '../../src/commands/keymap.ts';
import { commandsById } from '../../src/commands/registry.ts';
import { menuOfAct } from '../../src/domain/act-menu.ts';
import type { LogCondition } from '../../src/domain/log.ts';
import { widthOf } from '../../src/lib/text-width.ts';
import { filterCondition } from '../../src/store/log-view.ts';
import { isTyping, type LogSheetMode } from '../../src/store/mode.ts';
import { menuKeys } from '../../src/store/selectors/act-key.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import { type Line, lineWidth, type Pen, padLine, type Span } from '../components/line.ts';

export interface FooterInput {
  readonly snapshot: Snapshot;
  readonly pen: Pen;
  readonly columns: number;
  readonly keymap: readonly Binding[];
  readonly host: HostPort;
}

/** Columns between the keys and the message, so that neither reads as part of the other. */
const gapColumns = 2;

/**
 * The last row: the keys that make sense here, and at the right why one of them does nothing, or what just happened.
 * What has no room goes whole: from the right of the keys, `?` last; the message is cut before what is being typed is.
 */
export function footerLine(input: FooterInput): Line {
  const { snapshot, pen, columns } = input;
  const { desk } = snapshot;
  const { typed, groups } = leftParts(input);
  const right: Span[] = desk.toast
    ? [pen.span(desk.toast.text, desk.toast.tone === 'refusal' ? 'warning' : 'strong')]
    : reasonSpans(input);
  const text = right.map((span) => span.text).join('');
  const typedSpans = typed === undefined ? [] : [typedSpan(pen, typed, columns)];
  const free = columns - 1 - lineWidth(typedSpans) - gapColumns;
  // A message is worth more than the keys beside it; a reason leaves them half of the row.
  const most = desk.toast ? free : Math.min(free, Math.floor(columns / 2));
  const width = Math.min(widthOf(pen.safe(text)), Math.max(0, most));
  const shown =
    width >= Math.min(8, text.length) && text !== '' ? [pen.cell(text, width, right[0]?.tone)] : [];
  const room = columns - 1 - lineWidth(typedSpans) - (shown.length > 0 ? width + gapColumns : 0);
  const left = [pen.span(' '), ...typedSpans, ...fittingGroups(pen, groups, room)];
  return [...padLine(left, columns - lineWidth(shown)), ...shown];
}

/** The groups that fit, two spaces between them. */
function fittingGroups(pen: Pen, groups: readonly Line[], room: number): Line {
  const kept = [...groups];
  const joined = (): Line =>
    kept.flatMap((group, index) => (index === 0 ? [...group] : [pen.span('  '), ...group]));
  while (kept.length > 0 && lineWidth(joined()) > room) kept.splice(kept.length > 2 ? -2 : -1, 1);
  return joined();
}

/** What is being typed: its end, where the cursor is, stays in view. */
function typedSpan(pen: Pen, typed: string, columns: number): Span {
  const safe = pen.safe(typed);
  const room = Math.max(1, columns - 3);
  const end =
    widthOf(safe) <= room ? typed : `${typed[0] ?? ''}..${[...safe].slice(-Math.max(1, room - 3)).join('')}`;
  return pen.cell(`${end}_`, Math.min(widthOf(pen.safe(end)) + 1, room + 1), 'input');
}

interface LeftParts {
  /** The text being typed on this row, with the sign before it. */
  readonly typed?: string;
  /** Keys with their words, the most needed first. */
  readonly groups: readonly Line[];
}

function leftParts(input: FooterInput): LeftParts {
  const { snapshot, pen } = input;
  const { mode } = snapshot.desk;
  const keys = (...pairs: (readonly [string, string])[]): LeftParts => ({ groups: keyGroups(pen, pairs) });
  const typing = keys(['Enter', 'take'], ['Esc', 'no']);
  const writing = keys(['Enter', 'take'], ['Esc', 'no'], ['Ctrl-u', 'erase'], ['Ctrl-e', 'editor']);
  switch (mode.type) {
    case 'search':
    case 'filter': {
      const found = mode.type === 'search' ? matchCount(snapshot, mode.text) : '';
      const isLogFilter = mode.type === 'filter' && snapshot.desk.focus === 'logs';
      const enter = isLogFilter ? filterHint(mode.text) : 'Enter takes it, Esc leaves';
      const hints = [found, enter].filter((text) => text !== '');
      return {
        typed: `${mode.type === 'search' ? '/' : '&'}${mode.text}`,
        groups: hints.map((text, index) => [pen.span(`${index === 0 ? '  ' : ''}${text}`, 'dim')]),
      };
    }
    case 'copy':
      return keys(
        ['l', 'line'],
        ['i', 'id'],
        ['x', 'command'],
        ['e', 'evidence'],
        ['f', 'log rows to a file'],
        ['Esc', 'no'],
      );
    case 'browse':
      return { groups: keyGroups(pen, browsePairs(input)) };
    case 'palette':
      return keys(['Enter', 'run'], ['Up Down', 'choose'], ['Esc', 'leave']);
    case 'help':
      if (mode.typing) return { typed: `/${mode.text}`, groups: [] };
      return keys(['j k', 'read'], ['/', 'search'], ['Esc', 'back']);
    case 'menu':
    case 'aside':
      return isTyping(mode) ? typing : keys(['Enter', 'choose'], ['j k', 'move'], ['Esc', 'no, back']);
    case 'asides':
      return keys(['Enter', 'bring back'], ['j k', 'move'], ['Esc', 'back']);
    case 'details':
      return keys(...detailKeys(input), ['j k', 'read'], ['?', 'keys'], ['Esc', 'back']);
    case 'approval':
      return isTyping(mode) ? writing : keys(['PgDn', 'read on'], ['Esc', 'no, back']);
    case 'dialog':
    case 'list':
      if (isTyping(mode)) return keys(['Enter', 'take'], ['PgDn', 'read on'], ['Esc', 'no']);
      return keys(['y', 'yes'], ['Enter', 'what is highlighted'], ['Esc', 'no, back']);
    case 'logSheet':
      return keys(...logSheetKeys(mode.of), ['Esc', 'back']);
    case 'strip':
      return keys(
        ['h l', 'along'],
        ['Space', mode.from === undefined ? 'begin a span' : 'begin anew'],
        ['Enter', 'only this time'],
        ['o', 'go there'],
        ['i', 'hide'],
        ['Esc', 'rows'],
      );
    case 'name':
      return typing;
    case 'params':
    case 'settle':
    case 'remark':
      return writing;
  }
}

/** Keys of the lists of the log. */
function logSheetKeys(of: LogSheetMode['of']): readonly (readonly [string, string])[] {
  switch (of) {
    case 'stack':
      return [
        ['Enter', 'add, on or off'],
        ['i o', 'in, out'],
        ['d', 'take off'],
        ['J K', 'order'],
        ['+ -', 'lines around'],
        ['&', 'type one'],
      ];
    case 'bookmarks':
      return [
        ['Enter', 'go there'],
        ['d', 'forget'],
      ];
    case 'searches':
      return [
        ['Enter', 'search, or name'],
        ['Space', 'mark or not'],
        ['d', 'forget'],
      ];
    case 'fields':
      return [
        ['Enter', 'column or not'],
        ['i o', 'filter in, out'],
      ];
  }
}

/** Keys of the page that is open: an act under way can be ended from it, one of unknown outcome settled. */
function detailKeys({ snapshot, host }: FooterInput): readonly (readonly [string, string])[] {
  const { mode } = snapshot.desk;
  if (mode.type !== 'details') return [];
  if (mode.subject.of === 'source' || mode.subject.of === 'sources')
    return snapshot.state.figures.badRecords > 0 ? [['U', 'not understood']] : [];
  if (mode.subject.of === 'row') return [['p', mode.subject.pretty ? 'as it stands' : 'pretty']];
  if (mode.subject.of !== 'act') return [];
  const live = (command: string): boolean => commandsById.get(command)?.off?.(snapshot, host) === undefined;
  return [
    ...(live('act.stop') ? [['X', 'end it'] as const, ['G', 'follow'] as const] : []),
    ...(live('act.settle') ? [['s', 'settle'] as const] : []),
    ...(live('steps.go') ? [['b', 'steps'] as const] : []),
    ...(live('act.again') ? [['r', 'try again'] as const] : []),
  ];
}

/** What Enter would make of a filter that is being typed: an expression is tried before it is taken. */
function filterHint(text: string): string {
  if (text === '') return 'Enter lists the filters; !text leaves out; Esc leaves';
  const { condition, note } = filterCondition(text);
  return (
    note ?? `Enter ${condition.out ? 'leaves out' : 'takes in'} by ${filterWords[condition.is]}, Esc leaves`
  );
}

const filterWords: { readonly [I in LogCondition['is']]: string } = {
  text: 'text',
  match: 'expression',
  level: 'level',
  time: 'time',
  system: 'system',
  source: 'source',
  log: 'file',
  about: 'run',
  field: 'field',
};

function matchCount(snapshot: Snapshot, text: string): string {
  if (text === '' || snapshot.desk.focus === 'logs') return '';
  const found = matchesOf({
    ...snapshot,
    desk: { ...snapshot.desk, search: { pane: snapshot.desk.focus, text } },
  });
  return `${found.length} ${found.length === 1 ? 'match' : 'matches'}`;
}

/** Commands worth a place in the footer, by the pane that has the keys; the item's own key comes first. */
function browsePairs(input: FooterInput): readonly (readonly [string, string])[] {
  const { snapshot, keymap } = input;
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
    add('log.histogram', 'when');
    add('log.fields', 'fields');
    add('log.context', snapshot.desk.log.context ? 'filtered' : 'around');
  } else if (desk.focus === 'acts') {
    add('view.in', 'output');
    add('act.undo', 'undo');
    add('act.stop', 'end it', 'acts');
    add('act.settle', 'settle', 'acts');
    if (subject.act?.playbook) add('steps.go', 'steps');
  } else if (desk.focus === 'steps') {
    add('step.run', 'do it', 'steps');
    add('step.check', 'check off', 'steps');
    add('step.skip', 'skip', 'steps');
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
  return pairs;
}

function isHeldHere(snapshot: Snapshot): boolean {
  const { key } = snapshot.subject.item ?? {};
  return key !== undefined && snapshot.state.holds.some((hold) => hold.key === key && hold.ours);
}

function keyGroups(pen: Pen, pairs: readonly (readonly [string, string])[]): readonly Line[] {
  return pairs.map(([key, word]) => [pen.span(key, 'strong'), pen.span(` ${word}`, 'dim')]);
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
    item.kind === 'approval'
      ? 'approve'
      : item.act === undefined
        ? undefined
        : (item.menu ?? menuOfAct(item.act));
  if (menu === undefined) return [];
  const command = menu === 'approve' ? 'approval.open' : menu === 'other' ? 'acts.menu' : `act.${menu}`;
  const off = commandsById.get(command)?.off?.(snapshot, host) ?? subject.row?.keyOff;
  return off === undefined ? [] : [pen.span(`${menuKeys[menu]}: not now, ${off}`, 'warning')];
}
