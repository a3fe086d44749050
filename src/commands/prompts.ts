import { inMode, toasted } from '../store/desk.ts';
import { isTyping, type Mode, typedText, withTypedText } from '../store/mode.ts';
import type { Snapshot } from '../store/snapshot.ts';
import { chooseOffer } from './act-flow.ts';
import { takeActText } from './acts.ts';
import type { Command, CommandContext, Effect } from './command.ts';
import { takeText } from './find.ts';
import { setAside } from './items.ts';
import { keepSearch } from './log-sheets.ts';
import { openPalette } from './palette.ts';
import { takeRemark } from './steps.ts';

/** How long a first Ctrl-c is remembered. */
const quitAgainMs = 2000;

/** Enter after a text searched or filtered for moves; after any other it leads to an act. */
function effectOfEnter({ desk }: Snapshot): Effect {
  const moves: readonly Mode['type'][] = ['search', 'filter', 'help', 'name'];
  return moves.includes(desk.mode.type) ? 'move' : 'ask';
}

async function takeTyped(context: CommandContext): Promise<void> {
  const mode = context.snapshot().desk.mode;
  switch (mode.type) {
    case 'search':
    case 'filter':
      takeText(context, mode);
      return;
    case 'help':
      context.cockpit.update((desk) => inMode(desk, { ...mode, typing: false }));
      return;
    case 'palette':
      await runPaletteRow(context, mode);
      return;
    case 'aside':
      await setAside(context, mode);
      return;
    case 'params':
    case 'dialog':
    case 'list':
    case 'approval':
    case 'settle':
      await takeActText(context);
      return;
    case 'remark':
      await takeRemark(context, mode);
      return;
    case 'name':
      keepSearch(context, mode);
      return;
    case 'browse':
    case 'menu':
    case 'asides':
    case 'details':
    case 'copy':
    case 'logSheet':
    case 'strip':
      return;
  }
}

async function runPaletteRow(
  context: CommandContext,
  mode: Extract<Mode, { type: 'palette' }>,
): Promise<void> {
  const row = context.paletteRows(mode.text)[mode.index];
  if (!row) return;
  if (row.off !== undefined) {
    context.cockpit.toast(`${row.title}: ${row.off}`, 'refusal');
    return;
  }
  context.cockpit.update((desk) => inMode(desk, { type: 'browse' }));
  if ('command' in row.run) context.run(row.run.command, row.run.argument);
  else {
    const { act, target, targetTitle, list } = row.run;
    await chooseOffer(context, act, target, targetTitle, { list });
  }
}

/** Commands inside prompts, and those about the cockpit itself. */
export const promptCommands: readonly Command[] = [
  {
    id: 'text.take',
    title: 'take what was typed',
    area: 'prompt',
    effect: effectOfEnter,
    inPalette: false,
    run: takeTyped,
  },
  {
    id: 'text.eraseCharacter',
    title: 'erase a character',
    area: 'prompt',
    effect: 'view',
    inPalette: false,
    run: ({ cockpit }) =>
      cockpit.update((desk) => {
        const text = typedText(desk.mode) ?? '';
        if (
          text === '' &&
          (desk.mode.type === 'search' || desk.mode.type === 'filter' || desk.mode.type === 'palette')
        ) {
          return inMode(desk, { type: 'browse' });
        }
        return inMode(desk, withTypedText(desk.mode, [...text].slice(0, -1).join('')));
      }),
  },
  {
    id: 'text.eraseAll',
    title: 'erase everything typed',
    area: 'prompt',
    effect: 'view',
    inPalette: false,
    run: ({ cockpit }) => cockpit.update((desk) => inMode(desk, withTypedText(desk.mode, ''))),
  },
  {
    id: 'text.edit',
    title: 'write it in $EDITOR',
    area: 'prompt',
    effect: 'ask',
    inPalette: false,
    off: ({ desk }, host) => {
      if (!isLongText(desk.mode)) return 'only longer texts are written in an editor';
      return host.editText ? undefined : 'no $EDITOR is set';
    },
    run: async ({ cockpit, host, snapshot }) => {
      const mode = snapshot().desk.mode;
      const edited = await host.editText?.(typedText(mode) ?? '');
      if (edited === undefined) return;
      cockpit.update((desk) =>
        isTyping(desk.mode) && desk.mode.type === mode.type
          ? inMode(desk, withTypedText(desk.mode, edited))
          : desk,
      );
    },
  },
  {
    id: 'prompt.no',
    title: 'no, back',
    area: 'prompt',
    effect: 'view',
    inPalette: false,
    run: ({ cockpit }) => cockpit.update((desk) => inMode(desk, modeBehind(desk.mode))),
  },
  {
    id: 'prompt.leave',
    title: 'leave the prompt; twice: quit',
    area: 'cockpit',
    effect: 'view',
    inPalette: false,
    run: ({ cockpit, host, snapshot }) => {
      const { desk, logs } = snapshot();
      const now = cockpit.now();
      if (desk.mode.type !== 'browse') {
        cockpit.update((old) => inMode(old, { type: 'browse' }));
        return;
      }
      // Sooner than Esc, which has to be told from the beginning of another key.
      if (logs.seeking !== undefined) {
        cockpit.logs.stop();
        return;
      }
      if (desk.quitAskedAt !== undefined && now - desk.quitAskedAt <= quitAgainMs) {
        host.quit(0);
        return;
      }
      cockpit.update((old) =>
        toasted(
          { ...old, quitAskedAt: now },
          'Ctrl-c again quits; acts go on without us',
          'note',
          now,
          quitAgainMs,
        ),
      );
    },
  },
  {
    id: 'cockpit.quit',
    title: 'quit; acts under way go on',
    area: 'cockpit',
    effect: 'quit',
    run: ({ host }) => host.quit(0),
  },
  {
    id: 'cockpit.suspend',
    title: 'hand the terminal to the shell until fg',
    area: 'cockpit',
    effect: 'view',
    off: (_snapshot, host) => (host.suspend ? undefined : 'the cockpit was not started from a shell'),
    run: ({ host }) => host.suspend?.(),
  },
  {
    id: 'palette.open',
    title: 'every command, by name',
    area: 'cockpit',
    effect: 'view',
    inPalette: false,
    run: openPalette,
  },
  {
    id: 'help.open',
    title: 'keys of this place, searchable',
    area: 'cockpit',
    effect: 'view',
    run: ({ cockpit }) =>
      cockpit.update((desk) => inMode(desk, { type: 'help', text: '', typing: false, scroll: 0 })),
  },
  {
    id: 'help.search',
    title: 'search the keys',
    area: 'prompt',
    effect: 'view',
    inPalette: false,
    run: ({ cockpit }) =>
      cockpit.update((desk) =>
        desk.mode.type === 'help' ? inMode(desk, { ...desk.mode, typing: true, text: '', scroll: 0 }) : desk,
      ),
  },
];

/** Where Esc leads: out of a text back to what asked for it, else out of the prompt. Always no. */
function modeBehind(mode: Mode): Mode {
  if (mode.type === 'approval' && mode.stage !== 'card' && mode.stage !== 'starting') {
    const { refused: _refused, preview: _preview, offer: _offer, ...rest } = mode;
    return { ...rest, stage: 'card', params: {}, text: '', reason: '', code: '' };
  }
  if (mode.type === 'help' && mode.typing) return { ...mode, typing: false, text: '' };
  return { type: 'browse' };
}

/** Texts that may have lines: their new lines come by paste or editor, Enter is never one of them. */
export function isLongText(mode: Mode): boolean {
  if (mode.type === 'approval') return mode.stage === 'text';
  return mode.type === 'params' && mode.offer.params[mode.index]?.form !== 'choice';
}
