import { addMs } from '../domain/instant.ts';
import { counted } from '../lib/phrase.ts';
import { focused, inMode, selectedRow, unmarked } from '../store/desk.ts';
import { selectedLogRow } from '../store/lens-query.ts';
import type { Mode } from '../store/mode.ts';
import { asidesShown } from '../store/selectors/asides.ts';
import { placeOf } from '../store/selectors/card.ts';
import { isWatched } from '../store/selectors/watches.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { Command, CommandContext } from './command.ts';
import { chosenLogRows, exportLine } from './log-export.ts';

type AsideMode = Extract<Mode, { type: 'aside' }>;

/** For how long an item may be set aside, in the order of the prompt. */
export const asideChoices = ['until it changes', 'for one hour', 'for good, with a reason'] as const;

const noItem = ({ subject }: Snapshot): string | undefined =>
  subject.item && !subject.ghost ? undefined : 'no item of the queue is selected';

/** Sets the item, and those marked with it, aside. */
export async function setAside(context: CommandContext, mode: AsideMode): Promise<void> {
  const { cockpit } = context;
  if (mode.index === 2 && mode.stage === 'choose') {
    cockpit.update((desk) => inMode(desk, { ...mode, stage: 'reason' }));
    return;
  }
  if (mode.stage === 'reason' && mode.text.trim() === '') {
    cockpit.toast('a reason is needed to set it aside for good', 'refusal');
    return;
  }
  const snapshot = context.snapshot();
  const { marks } = snapshot.desk;
  // With marks set it is those that were meant, wherever the cursor stands.
  const items = snapshot.state.queue.filter((item) =>
    marks.size > 0 ? marks.has(item.key) : item.key === mode.item.key,
  );
  cockpit.update((desk) => unmarked(inMode(desk, { type: 'browse' })));
  for (const item of items) {
    const { done, why } = await cockpit.call('aside', {
      item,
      forGood: mode.index === 2,
      ...(mode.index === 1 ? { until: addMs(cockpit.now(), 3_600_000) } : {}),
      ...(mode.stage === 'reason' ? { reason: mode.text.trim() } : {}),
    });
    if (!done) {
      cockpit.toast(`not set aside: ${why ?? 'no reason given'}`, 'refusal');
      return;
    }
  }
  cockpit.toast(
    `${items.length === 1 ? 'set' : `${items.length} set`} aside ${asideChoices[mode.index] ?? ''}: D shows it, and brings it back`,
  );
}

/** The act whose page is open. */
function actOfPage({ desk, state }: Snapshot) {
  const { mode } = desk;
  if (mode.type !== 'details' || mode.subject.of !== 'act') return undefined;
  const { order } = mode.subject;
  return state.acts.find((act) => act.order === order);
}

/** Keys of the marked rows of the queue. */
function markedKeys({ desk, state }: Snapshot): readonly string[] {
  if (desk.marks.size === 0) return [];
  return state.queue.flatMap(({ key }) => (desk.marks.has(key) ? [key] : []));
}

/** Takes what is not ours of the marked items, else of the selected one; releases it where all of it is ours. */
async function holdItems({ cockpit, snapshot }: CommandContext): Promise<void> {
  const now = snapshot();
  const marked = markedKeys(now);
  const keys = marked.length > 0 ? marked : now.subject.item ? [now.subject.item.key] : [];
  const isOurs = (key: string): boolean => now.state.holds.some((hold) => hold.key === key && hold.ours);
  const missing = keys.filter((key) => !isOurs(key));
  const take = missing.length > 0;
  const others: string[] = [];
  for (const key of take ? missing : keys) {
    const { held, by } = await cockpit.call('hold', { key, take });
    if (take && !held) others.push(by ?? 'another');
  }
  cockpit.update(unmarked);
  if (others.length > 0) {
    const who = [...new Set(others)].join(', ');
    cockpit.toast(
      `${keys.length === 1 ? '' : `${others.length} of ${keys.length} `}held by ${who}`,
      'refusal',
    );
  } else if (!take) cockpit.toast('released');
  else cockpit.toast(`you have ${keys.length === 1 ? 'it' : `all ${keys.length}`}: the others see that`);
}

/** The text of the log's row; of marked rows their whole lines. */
function copiedLogRows(snapshot: Snapshot): string | undefined {
  const rows = chosenLogRows(snapshot);
  return rows.length > 1 ? rows.map(exportLine).join('\n') : rows[0]?.text;
}

/** What `c` and a letter put on the clipboard. */
function copyText(snapshot: Snapshot, what: string): string | undefined {
  const { subject, desk } = snapshot;
  const row = selectedLogRow(snapshot);
  switch (what) {
    case 'l':
      return desk.focus === 'logs'
        ? copiedLogRows(snapshot)
        : (subject.item?.title ?? subject.entity?.title ?? row?.text);
    case 'i':
      return subject.ref?.id ?? subject.item?.key;
    case 'x':
      return subject.ref
        ? `binnacle show ${subject.ref.type} ${quoted(`${subject.ref.system}/${subject.ref.id}`)}`
        : undefined;
    case 'e': {
      const entity = subject.entity;
      if (!entity) return undefined;
      return [entity.evidence, ...(entity.trail ?? [])]
        .map(
          (evidence) =>
            `${evidence.source} ${placeOf(evidence)}${evidence.text === undefined ? '' : `  ${evidence.text}`}`,
        )
        .join('\n');
    }
    default:
      return undefined;
  }
}

/** A word for a POSIX shell, quoted where it must be. */
function quoted(word: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function copyCommand(letter: 'l' | 'i' | 'x' | 'e', id: string, title: string): Command {
  return {
    id: `copy.${id}`,
    title,
    area: 'items',
    effect: 'view',
    inPalette: true,
    off: (snapshot, host) => {
      if (!host.copy) return 'this terminal has no way to the clipboard';
      return copyText(snapshot, letter) === undefined ? 'there is nothing of that kind here' : undefined;
    },
    run: ({ cockpit, host, snapshot }) => {
      const text = copyText(snapshot(), letter);
      cockpit.update((desk) => (desk.mode.type === 'copy' ? inMode(desk, { type: 'browse' }) : desk));
      if (text === undefined) return;
      host.copy?.(text);
      cockpit.toast(`copied: ${text.split('\n')[0] ?? ''}`);
    },
  };
}

/** Commands about the selected item. */
export const itemCommands: readonly Command[] = [
  {
    id: 'item.hold',
    title: 'take this item, or release it',
    area: 'items',
    effect: 'ask',
    off: (snapshot) => (markedKeys(snapshot).length > 0 ? undefined : noItem(snapshot)),
    run: holdItems,
  },
  {
    id: 'item.watch',
    title: 'watch this: be told when it moves, ends, or does not move; again: no longer',
    area: 'items',
    effect: 'ask',
    off: ({ subject, state }) => {
      if (!subject.ref) return 'nothing that can be watched is selected';
      return subject.ghost && !isWatched(state, subject.ref) ? 'it is no longer there' : undefined;
    },
    run: async ({ cockpit, snapshot }) => {
      const { subject, state } = snapshot();
      const target = subject.ref;
      if (!target) return;
      const on = !isWatched(state, target);
      const { watched, why } = await cockpit.call('watch', { target, on });
      if (why !== undefined) cockpit.toast(`not ${on ? 'watched' : 'changed'}: ${why}`, 'refusal');
      else if (watched)
        cockpit.toast('watched: you are told when it moves, ends, or stays longer than usual');
      else cockpit.toast('no longer watched');
    },
  },
  {
    id: 'item.aside',
    title: 'set aside ...',
    area: 'items',
    effect: 'ask',
    off: noItem,
    run: ({ cockpit, snapshot }) => {
      const { item } = snapshot().subject;
      if (item)
        cockpit.update((desk) => inMode(desk, { type: 'aside', item, index: 0, stage: 'choose', text: '' }));
    },
  },
  {
    id: 'item.back',
    title: 'bring back everything set aside',
    area: 'items',
    effect: 'ask',
    inPalette: true,
    off: ({ state }) => (state.asides.length === 0 ? 'nothing is set aside' : undefined),
    run: async ({ cockpit, snapshot }) => {
      for (const aside of snapshot().state.asides) await cockpit.call('back', { key: aside.key });
    },
  },
  {
    id: 'asides.pick',
    title: 'bring this one back',
    area: 'prompt',
    effect: 'ask',
    inPalette: false,
    run: async ({ cockpit, snapshot }) => {
      const { desk, state } = snapshot();
      const aside = desk.mode.type === 'asides' ? asidesShown(state)[desk.mode.index] : undefined;
      if (!aside) return;
      const { done } = await cockpit.call('back', { key: aside.key });
      cockpit.toast(
        done ? `back in the queue: ${aside.title}` : 'not brought back: try again',
        done ? 'note' : 'refusal',
      );
    },
  },
  {
    id: 'aside.pick',
    title: 'set aside this way',
    area: 'prompt',
    effect: 'ask',
    inPalette: false,
    run: async (context) => {
      const mode = context.snapshot().desk.mode;
      if (mode.type === 'aside') await setAside(context, mode);
    },
  },
  {
    id: 'steps.go',
    title: 'the steps for this condition',
    area: 'items',
    effect: 'move',
    off: (snapshot) => {
      const { companion, desk, subject } = snapshot;
      if (desk.mode.type === 'details') {
        const act = actOfPage(snapshot);
        if (!act) return 'steps belong to an item or an act';
        return act.playbook ? undefined : 'no steps are written for this act, or none are needed';
      }
      return companion.playbook === null || !subject.ref
        ? 'no steps are written for this condition'
        : undefined;
    },
    run: ({ cockpit, snapshot }) => {
      const act = actOfPage(snapshot());
      // Steps are those of the subject: from the page of an act that is the act.
      cockpit.update((desk) =>
        focused(
          act ? inMode(selectedRow(focused(desk, 'acts'), 'acts', act.order), { type: 'browse' }) : desk,
          'steps',
        ),
      );
    },
  },
  {
    id: 'copy.start',
    title: 'copy: l line, i id, x command, e evidence; f log rows to a file',
    area: 'items',
    effect: 'view',
    off: (_snapshot, host) => (host.copy ? undefined : 'this terminal has no way to the clipboard'),
    run: ({ cockpit }) => cockpit.update((desk) => inMode(desk, { type: 'copy' })),
  },
  copyCommand('l', 'line', 'copy the line'),
  copyCommand('i', 'id', 'copy the id'),
  copyCommand('x', 'command', 'copy the shell command that shows it'),
  copyCommand('e', 'evidence', 'copy the evidence'),
  {
    id: 'item.go',
    title: 'go there: terminal, directory or file',
    area: 'items',
    effect: 'ask',
    off: ({ subject }, host) => {
      if (!host.goThere) return 'there is no tmux and no editor to go to';
      return subject.entity || subject.item ? undefined : 'nothing is selected';
    },
    run: async ({ cockpit, host, snapshot }) => {
      const { subject, state } = snapshot();
      const system = state.systems.find((one) => one.id === (subject.item?.system ?? subject.entity?.system));
      const evidence = subject.entity?.evidence;
      if (!system || !host.goThere) return;
      const said = await host.goThere({
        root: system.root,
        ...(evidence?.path === undefined ? {} : { path: evidence.path }),
        ...(evidence?.offset === undefined ? {} : { offset: evidence.offset }),
        ...(evidence?.pid === undefined ? {} : { pid: evidence.pid }),
      });
      if (said !== '') cockpit.toast(said);
    },
  },
  {
    id: 'source.refresh',
    title: 'read the sources of this system again',
    area: 'items',
    effect: 'view',
    run: async ({ cockpit, snapshot }) => {
      const { subject } = snapshot();
      const system = subject.item?.system ?? subject.entity?.system;
      const { asked } = await cockpit.call('refresh', system === undefined ? {} : { system });
      cockpit.toast(`${system ?? counted(asked, 'system')} read again`);
    },
  },
];
