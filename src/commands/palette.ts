import { refKey } from '../domain/entity.ts';
import type { Snapshot } from '../store/cockpit.ts';
import type { Command, HostPort, PaletteRow } from './command.ts';
import { type Binding, keysOf, keyText } from './keymap.ts';

/**
 * How well `text` fits `wanted`: every letter in order, whatever the case. Higher is better; undefined when it does not
 * fit. Letters at the beginning of words and letters that follow each other count more, so that `rp` finds "replay".
 */
export function fuzzyScore(text: string, wanted: string): number | undefined {
  if (wanted === '') return 0;
  const haystack = text.toLowerCase();
  const needle = wanted.toLowerCase().replaceAll(' ', '');
  const whole = haystack.indexOf(wanted.toLowerCase());
  let score = whole >= 0 ? 50 - Math.min(20, whole) : 0;
  let from = 0;
  let last = -2;
  for (const letter of needle) {
    const index = haystack.indexOf(letter, from);
    if (index < 0) return undefined;
    const before = haystack[index - 1];
    const isStart =
      before === undefined || before === ' ' || before === '.' || before === '-' || before === '/';
    score += (isStart ? 4 : 0) + (index === last + 1 ? 3 : 0) - Math.min(3, (index - from) / 8);
    last = index;
    from = index + 1;
  }
  return score;
}

/** The rows of the palette for a text, best first: commands, and the acts of the selected item. */
export function paletteRows(
  snapshot: Snapshot,
  host: HostPort,
  text: string,
  commands: readonly Command[],
  keymap: readonly Binding[],
): readonly PaletteRow[] {
  // `:q` is what the hand types: it quits, whatever else has a q.
  const wanted = text === 'q' ? 'cockpit.quit' : text;
  const scored: { row: PaletteRow; score: number; order: number }[] = [];
  const add = (row: PaletteRow, words: string): void => {
    const score = fuzzyScore(words, wanted);
    if (score !== undefined) scored.push({ row, score, order: scored.length });
  };
  for (const row of actRows(snapshot)) add(row, `${row.title} ${row.cli}`);
  for (const command of commands) {
    if (command.inPalette === false) continue;
    add(commandRow(snapshot, host, command, keymap), `${command.title} ${command.id}`);
  }
  return scored.sort((a, b) => b.score - a.score || a.order - b.order).map((one) => one.row);
}

function actRows(snapshot: Snapshot): readonly PaletteRow[] {
  const { subject, companion } = snapshot;
  const { ref } = subject;
  if (!ref || subject.ghost || !companion.target || refKey(companion.target) !== refKey(ref)) return [];
  return (companion.offers ?? [])
    .filter((offer) => offer.menu !== 'approve')
    .map((offer) => ({
      run: { act: offer, target: ref },
      title: offer.title,
      keys: '',
      cli: `binnacle act ${offer.act} ${ref.system}/${ref.id}`,
      ...(offer.disabled === undefined ? {} : { off: offer.disabled }),
    }));
}

/** Keys of a command as they are pressed while browsing: `c x` for what is copied with `c` and a letter. */
function keyNames(keymap: readonly Binding[], command: string): string {
  const isCopy = keymap.some((binding) => binding.command === command && binding.when === 'copy');
  const first = isCopy ? keysOf(keymap, 'copy.start').slice(0, 1) : [];
  return [...first, ...keysOf(keymap, command)].map(keyText).join(' ');
}

function commandRow(
  snapshot: Snapshot,
  host: HostPort,
  command: Command,
  keymap: readonly Binding[],
): PaletteRow {
  // Judged as while browsing: that is where the palette leads back to.
  const off = command.off?.(snapshot, host);
  const cli = typeof command.cli === 'function' ? command.cli(snapshot) : command.cli;
  return {
    run: { command: command.id },
    title: command.title,
    keys: keyNames(keymap, command.id),
    cli: cli ?? '',
    ...(off === undefined ? {} : { off }),
  };
}
