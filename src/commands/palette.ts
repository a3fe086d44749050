import type { ActOffer } from '../domain/act.ts';
import { type Ref, refKey } from '../domain/entity.ts';
import { inMode } from '../store/desk.ts';
import type { MarkedRow, Mode, ServiceOffers } from '../store/mode.ts';
import type { Snapshot } from '../store/snapshot.ts';
import { markedOffers, markedRows, markedText } from './act-list-flow.ts';
import type { Command, CommandContext, HostPort, PaletteRow } from './command.ts';
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

/** The rows of the palette for a text, best first: acts of the selected item, commands, acts of the systems' services. */
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
  const [, time] = /^at(?:\s+(.*))?$/.exec(text) ?? [];
  if (time !== undefined && time.trim() !== '') {
    const cli = 'binnacle logs --since T';
    scored.push({
      row: { run: { command: 'log.at', argument: time }, title: `the log at ${time}`, keys: '', cli },
      score: Number.POSITIVE_INFINITY,
      order: 0,
    });
  }
  for (const row of actRows(snapshot)) add(row, `${row.title} ${row.cli}`);
  for (const command of commands) {
    if (command.inPalette === false) continue;
    // The area a command is named after is what the hand types: `:sources` is `sources.show`.
    const isNamed = command.id.startsWith(`${wanted}.`);
    add(
      commandRow(snapshot, host, command, keymap),
      `${isNamed ? wanted : ''} ${command.title} ${command.id}`,
    );
  }
  for (const row of serviceRows(snapshot)) add(row, `${row.title} ${row.cli}`);
  return scored.sort((a, b) => b.score - a.score || a.order - b.order).map((one) => one.row);
}

/** Where rows are marked an act is for them, as with its key; else for the selected item. */
function actRows(snapshot: Snapshot): readonly PaletteRow[] {
  const marked = markedRows(snapshot);
  if (marked) return markedActRows(snapshot, marked);
  const { subject, companion } = snapshot;
  const { ref } = subject;
  if (!ref || subject.ghost || !companion.target || refKey(companion.target) !== refKey(ref)) return [];
  return (companion.offers ?? [])
    .filter((offer) => offer.menu !== 'approve')
    .map((offer) => actRow(offer, ref, subject.item?.title ?? ref.id, offer.title));
}

function markedActRows({ desk: { mode } }: Snapshot, marked: readonly MarkedRow[]): readonly PaletteRow[] {
  const first = marked[0];
  if (!first || mode.type !== 'palette' || !mode.marked) return [];
  const { offers, lists } = mode.marked;
  const title = markedText(marked);
  return offers
    .filter(({ menu }) => menu !== 'approve')
    .map((offer) => {
      const list = lists[offer.act];
      const row = actRow(offer, first.ref, title, `${offer.title}: ${title}`);
      const targets = (list?.rows ?? []).map(({ ref }) => `${ref.system}/${ref.id}`).join(' ');
      return { ...row, cli: `binnacle act ${offer.act} ${targets || 'TARGET'}`, run: { ...row.run, list } };
    });
}

function actRow(offer: ActOffer, target: Ref, targetTitle: string, title: string): PaletteRow {
  return {
    run: { act: offer, target, targetTitle },
    title,
    keys: '',
    cli: `binnacle act ${offer.act} ${target.system}/${target.id}`,
    ...(offer.disabled === undefined ? {} : { off: offer.disabled }),
  };
}

/** Acts on a whole system are done to its services: start, stop, restart, halt. */
function serviceRows(snapshot: Snapshot): readonly PaletteRow[] {
  const { mode } = snapshot.desk;
  if (mode.type !== 'palette') return [];
  const { ref } = snapshot.subject;
  return (mode.services ?? [])
    .filter(({ target }) => !ref || refKey(ref) !== refKey(target))
    .flatMap(({ offers, target, title }) =>
      offers
        .filter(({ menu }) => menu !== 'approve')
        .map((offer) => actRow(offer, target, title, `${offer.title}: ${target.system} ${title}`)),
    );
}

/** Services asked at most: those of a handful of systems. */
const MOST_SERVICES = 60;

/** Opens the palette, and asks what can be done to the services: that comes in below the cursor, which stays on its row. */
export async function openPalette(context: CommandContext): Promise<void> {
  const { cockpit } = context;
  cockpit.update((desk) => inMode(desk, { type: 'palette', text: '', index: 0 }));
  const { state, subject } = context.snapshot();
  void askForMarked(context);
  const own = subject.item?.system ?? subject.ref?.system;
  const services = [...state.lists.service]
    .sort((a, b) => Number(b.system === own) - Number(a.system === own))
    .slice(0, MOST_SERVICES);
  const asked = services.map(async ({ system, id, title }): Promise<ServiceOffers> => {
    const target = { system, type: 'service', id } as const;
    return { target, title, offers: (await cockpit.call('offers', { target })).offers };
  });
  // A system that ends meanwhile has nothing to offer; the others have.
  const answers = await Promise.allSettled(asked);
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  takeAnswer(context, { services: found });
}

async function askForMarked(context: CommandContext): Promise<void> {
  const marked = markedRows(context.snapshot());
  if (!marked) return;
  try {
    takeAnswer(context, { marked: await markedOffers(context, marked) });
  } catch {
    // The engine has ended, and says so; the keys' menus give the reason of this failure.
  }
}

/** Takes in what was asked when the palette was opened; the cursor stays on its row. */
function takeAnswer(context: CommandContext, answer: Partial<Extract<Mode, { type: 'palette' }>>): void {
  const { cockpit } = context;
  const mode = context.snapshot().desk.mode;
  if (mode.type !== 'palette') return;
  const at = context.paletteRows(mode.text)[mode.index];
  cockpit.update((desk) => (desk.mode.type === 'palette' ? inMode(desk, { ...desk.mode, ...answer }) : desk));
  const index = at ? context.paletteRows(mode.text).findIndex((row) => isSameRow(row, at)) : 0;
  cockpit.update((desk) =>
    desk.mode.type === 'palette' && desk.mode.text === mode.text && index >= 0
      ? inMode(desk, { ...desk.mode, index })
      : desk,
  );
}

function isSameRow({ run: a }: PaletteRow, { run: b }: PaletteRow): boolean {
  if ('command' in a || 'command' in b) return 'command' in a && 'command' in b && a.command === b.command;
  return a.act.act === b.act.act && refKey(a.target) === refKey(b.target);
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
