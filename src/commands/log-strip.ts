import { type Instant, instant } from '../domain/instant.ts';
import { dateText } from '../lib/time-text.ts';
import { focused, inMode } from '../store/desk.ts';
import { selectedLogRow } from '../store/lens-query.ts';
import { typedMoment } from '../store/log-time.ts';
import { withCondition } from '../store/log-view.ts';
import { binAt, chosenSpan, stripOf } from '../store/selectors/log-strip.ts';
import type { Snapshot } from '../store/snapshot.ts';
import type { Command, CommandContext } from './command.ts';

/** The strip's cursor goes so many bars along. */
export function moveOnStrip({ cockpit, snapshot }: CommandContext, by: number): void {
  const now = snapshot();
  const strip = stripOf(now);
  const { mode } = now.desk;
  if (!strip || mode.type !== 'strip') return;
  const bin = strip.bins[Math.max(0, Math.min(strip.bins.length - 1, binAt(strip, mode.at) + by))];
  if (bin) cockpit.update((desk) => inMode(desk, { ...mode, at: bin.from }));
}

/** The strip is shown, and has the keys: its cursor stands where the rows' does. */
function openStrip({ cockpit, snapshot }: CommandContext): void {
  const now = snapshot();
  const at = selectedLogRow(now)?.sortAt ?? now.now;
  cockpit.update((desk) => {
    const next = desk.only && desk.only !== 'logs' ? desk : focused(desk, 'logs');
    return inMode({ ...next, log: { ...next.log, histogram: true } }, { type: 'strip', at });
  });
}

/** Moves the log to a moment. */
function goTo({ cockpit }: CommandContext, at: Instant): void {
  cockpit.update((desk) => focused(desk, 'logs'));
  cockpit.log.seek({ sortAt: at, id: '' });
}

/** `:at 03:12`. Without a time the palette asks for one. */
function goToTyped(context: CommandContext, typed: string | undefined): void {
  const { cockpit, snapshot } = context;
  if (typed === undefined || typed.trim() === '') {
    cockpit.update((desk) => inMode(desk, { type: 'palette', text: 'at ', index: 0 }));
    return;
  }
  const { offsetMs } = snapshot();
  const at = typedMoment(typed, cockpit.now(), offsetMs);
  if (at === undefined) {
    cockpit.toast(`"${typed}" is no time: 03:12, 03:12:40, 15m, 2026-02-21 03:12`, 'refusal');
    return;
  }
  goTo(context, at);
  cockpit.toast(`the log at ${dateText(at, offsetMs)}: F follows again`);
}

function ofStrip(snapshot: Snapshot): string | undefined {
  const strip = stripOf(snapshot);
  if (!strip) return 'it is being counted';
  return strip.bins.length === 0 ? 'no row is in the strip' : undefined;
}

/** Commands of the strip, and of going to a time. */
export const logStripCommands: readonly Command[] = [
  {
    id: 'log.histogram',
    title: 'how much came when: a strip to choose a span of time from',
    area: 'logs',
    effect: 'view',
    run: openStrip,
  },
  {
    id: 'log.at',
    title: 'the log at a time: `at 03:12`, `at 15m` (ago)',
    area: 'logs',
    effect: 'move',
    cli: 'binnacle logs --since T',
    run: goToTyped,
  },
  {
    id: 'strip.begin',
    title: 'the span begins here; the cursor ends it',
    area: 'prompt',
    effect: 'view',
    inPalette: false,
    off: ofStrip,
    run: ({ cockpit }) =>
      cockpit.update((desk) => {
        const { mode } = desk;
        if (mode.type !== 'strip') return desk;
        const { from, ...rest } = mode;
        return inMode(desk, from === undefined ? { ...mode, from: mode.at } : rest);
      }),
  },
  {
    id: 'strip.take',
    title: 'only the rows of this span',
    area: 'prompt',
    effect: 'view',
    inPalette: false,
    off: ofStrip,
    run: ({ cockpit, snapshot }) => {
      const now = snapshot();
      const strip = stripOf(now);
      const { mode } = now.desk;
      const span = strip && mode.type === 'strip' ? chosenSpan(strip, mode) : undefined;
      if (!span) return;
      cockpit.log.setFollow(false);
      cockpit.update((desk) => ({
        ...inMode(desk, { type: 'browse' }),
        log: withCondition(desk.log, { is: 'time', ...span }),
      }));
      cockpit.log.seek({ sortAt: instant(span.until - 1), id: '' });
      cockpit.toast('only the rows of that span: Esc takes the filter off');
    },
  },
  {
    id: 'strip.go',
    title: 'to the rows of this time, nothing filtered',
    area: 'prompt',
    effect: 'move',
    inPalette: false,
    off: ofStrip,
    run: (context) => {
      const { mode } = context.snapshot().desk;
      if (mode.type !== 'strip') return;
      context.cockpit.update((desk) => inMode(desk, { type: 'browse' }));
      goTo(context, mode.at);
    },
  },
  {
    id: 'strip.hide',
    title: 'take the strip away',
    area: 'prompt',
    effect: 'view',
    inPalette: false,
    run: ({ cockpit }) =>
      cockpit.update((desk) => ({
        ...inMode(desk, { type: 'browse' }),
        log: { ...desk.log, histogram: false },
      })),
  },
];
