import { messageOf } from '../domain/error.ts';
import type { KeyEvent, KeyPress } from '../lib/key-event.ts';
import type { Cockpit } from '../store/cockpit.ts';
import { inMode, touched } from '../store/desk.ts';
import { isTyping, type Mode, typedText, withTypedText } from '../store/mode.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { Command, CommandContext, Effect, HostPort, PaletteRow } from './command.ts';
import { type Binding, defaultKeymap, type Scope } from './keymap.ts';
import { paletteRows } from './palette.ts';
import { isLongText } from './prompts.ts';
import { commands, commandsById } from './registry.ts';

/** After an escape character a letter may be the tail of a sequence: keys that act or quit are dead this long. */
const deadAfterEscapeMs = 300;
/** Keys are told to the engine at most this often; they renew what is held, which lapses after ninety seconds. */
const awakeMs = 20_000;
/** Longest text of one line, and of several; what would go beyond is not taken. */
const maxLineText = 500;
const maxLongText = 20_000;

export interface Dispatcher {
  /** A key, a paste or a report of the terminal. */
  handle(event: KeyEvent): void;
  /** Runs a command by id, with its reason when it is off. */
  run(command: string, argument?: string): void;
  paletteRows(text: string): readonly PaletteRow[];
  readonly keymap: readonly Binding[];
}

/** Finds the command of a key where the keys are now, judges whether it may run, and runs it. */
export function createDispatcher(
  cockpit: Cockpit,
  host: HostPort,
  keymap: readonly Binding[] = defaultKeymap,
): Dispatcher {
  const byScope = indexKeys(keymap);
  let awakeAt = Number.NEGATIVE_INFINITY;
  const context: CommandContext = {
    cockpit,
    host,
    snapshot: () => cockpit.fresh(),
    paletteRows: (text) => paletteRows(cockpit.fresh(), host, text, commands, keymap),
    run: (id, argument) => runById(id, argument),
  };

  function runById(id: string, argument?: string): void {
    const command = commandsById.get(id);
    if (command) runCommand(command, argument);
    else cockpit.toast(`there is no command ${id}`, 'refusal');
  }

  function runCommand(command: Command, argument?: string): void {
    const off = command.off?.(cockpit.fresh(), host);
    if (off !== undefined) {
      cockpit.toast(off, 'refusal');
      return;
    }
    const failed = (error: unknown): void =>
      cockpit.toast(`${command.title}: ${messageOf(error)}`, 'refusal');
    try {
      const running = command.run(context, argument);
      if (running instanceof Promise) running.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Somebody is at the keys; told now and then, for whatever lapses where nobody is. */
  function tellAwake(): void {
    if (cockpit.now() - awakeAt < awakeMs) return;
    awakeAt = cockpit.now();
    cockpit.call('awake', {}).catch(() => {});
  }

  /** Results that were on the screen while somebody pressed a key were seen. */
  function tellSeen(): void {
    const orders = cockpit.takeSeen();
    if (orders.length > 0) cockpit.call('saw', { orders }).catch(() => {});
  }

  function handleKey(press: KeyPress): void {
    cockpit.update((desk) => touched(desk, cockpit.now()));
    tellAwake();
    tellSeen();
    const snapshot = cockpit.fresh();
    const mode = snapshot.desk.mode;
    const binding = bindingOf(byScope, snapshot, press.name);
    if (!binding) {
      if (isTyping(mode)) typeCharacter(press, mode);
      else if (press.typed === 'alone' && press.text !== undefined) {
        cockpit.toast(`${press.name}: no key of this place (? shows them)`);
      }
      return;
    }
    const command = commandsById.get(binding.command);
    if (!command) return;
    const effect: Effect = typeof command.effect === 'function' ? command.effect(snapshot) : command.effect;
    if (effect === 'ask' || effect === 'quit') {
      // Said, and never acted on: a hand that knows why presses again.
      if (press.typed === 'burst') {
        cockpit.toast(`${press.name} typed too fast: press again`, 'refusal');
        return;
      }
      if (press.sinceEscapeMs !== undefined && press.sinceEscapeMs < deadAfterEscapeMs) {
        cockpit.toast(`${press.name} too soon after Esc: press again`, 'refusal');
        return;
      }
    }
    if (mode.type === 'copy' && binding.when === 'copy') {
      cockpit.update((desk) => (desk.mode.type === 'copy' ? inMode(desk, { type: 'browse' }) : desk));
    }
    runCommand(command, binding.argument);
  }

  function typeCharacter(press: KeyPress, mode: Mode): void {
    if (press.text === undefined || press.text === '\n') return;
    // A confirmation code is typed by hand, one key at a time.
    if (isCode(mode) && press.typed === 'burst') {
      cockpit.toast('the code typed too fast: one key at a time', 'refusal');
      return;
    }
    insert(press.text);
  }

  function insert(text: string): void {
    const { mode } = cockpit.fresh().desk;
    const limit = isLongText(mode) ? maxLongText : maxLineText;
    // A text that was cut in silence would be another one.
    if ((typedText(mode)?.length ?? 0) + text.length > limit) {
      cockpit.toast(`longer than ${limit} characters: nothing was added`, 'refusal');
      return;
    }
    cockpit.update((desk) => {
      const before = typedText(desk.mode);
      return before === undefined ? desk : inMode(desk, withTypedText(desk.mode, before + text));
    });
  }

  return {
    keymap,
    run: runById,
    paletteRows: context.paletteRows,
    handle(event) {
      switch (event.type) {
        case 'key':
          handleKey(event);
          return;
        case 'paste': {
          const mode = cockpit.fresh().desk.mode;
          if (!isTyping(mode)) cockpit.toast('a paste does nothing here: keys act one at a time');
          else if (isCode(mode)) cockpit.toast('the code is typed, not pasted', 'refusal');
          else insert(isLongText(mode) ? event.text : event.text.replaceAll(/\s*\n\s*/g, ' '));
          return;
        }
        case 'mouse':
          if (event.button === 'wheel-down') runById('cursor.down');
          else if (event.button === 'wheel-up') runById('cursor.up');
          return;
        case 'focus':
          return;
      }
    },
  };
}

function isCode(mode: Mode): boolean {
  return (
    (mode.type === 'dialog' || mode.type === 'list' || mode.type === 'approval') && mode.stage === 'code'
  );
}

type Index = ReadonlyMap<string, Binding>;

function indexKeys(keymap: readonly Binding[]): Index {
  const index = new Map<string, Binding>();
  for (const binding of keymap) for (const key of binding.keys) index.set(`${binding.when} ${key}`, binding);
  return index;
}

/** Where keys are looked for now, the nearest place first. */
function scopesOf(snapshot: Snapshot): readonly Scope[] {
  const { mode, focus } = snapshot.desk;
  if (mode.type === 'browse') return [focus, 'browse', 'any'];
  if (isTyping(mode)) return mode.type === 'palette' ? ['palette', 'text', 'any'] : ['text', 'any'];
  return [mode.type, 'any'];
}

function bindingOf(index: Index, snapshot: Snapshot, name: string): Binding | undefined {
  for (const key of keyNames(name)) {
    for (const scope of scopesOf(snapshot)) {
      const found = index.get(`${scope} ${key}`);
      if (found) return found;
    }
  }
  return undefined;
}

/** A key nobody binds with Alt was an Escape and then a key, too close together: the Escape alone is taken. */
function keyNames(name: string): readonly string[] {
  return name.startsWith('alt-') ? [name, 'escape'] : [name];
}
