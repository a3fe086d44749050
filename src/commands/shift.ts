import { clockText, dateText } from '../lib/time-text.ts';
import { inMode } from '../store/desk.ts';
import type { Command, CommandContext } from './command.ts';

/** Shows text as a still page. */
function showPage(
  { cockpit }: CommandContext,
  title: string,
  summary: string,
  text: string,
  name = 'hand-over',
): void {
  const answer = { ok: true, summary, sections: [{ title: name, text }] };
  cockpit.update((desk) =>
    inMode(desk, { type: 'details', subject: { of: 'answer', title, answer }, scroll: 0 }),
  );
}

/** Commands at the change of a shift. */
export const shiftCommands: readonly Command[] = [
  {
    id: 'handover.write',
    title: 'hand over: write what is open, held, tried and set aside, for the next shift',
    area: 'items',
    effect: 'ask',
    inPalette: true,
    cli: 'binnacle handover',
    run: async (context) => {
      const { text, path, recorded, why } = await context.cockpit.call('handOver', {});
      context.host.copy?.(text);
      const kept = [
        recorded ? 'announced to the other cockpits until it is read' : 'NOT recorded: nobody will be told',
        ...(path === undefined ? [] : [`written to ${path}`]),
        ...(context.host.copy ? ['on the clipboard'] : []),
        ...(why === undefined ? [] : [why]),
      ];
      showPage(context, 'Hand-over', kept.join('; '), text);
    },
  },
  {
    id: 'timeline.write',
    title: 'timeline: write the incident report of the last twelve hours',
    area: 'items',
    effect: 'ask',
    inPalette: true,
    cli: 'binnacle timeline --since 12h --markdown',
    run: async (context) => {
      const { events, path, text, why } = await context.cockpit.call('timeline', {});
      context.host.copy?.(text);
      const kept = [
        `${events} events`,
        path === undefined ? (why ?? 'not written') : `written to ${path}`,
        ...(context.host.copy ? ['on the clipboard'] : []),
      ];
      showPage(context, 'Incident report', kept.join('; '), text, 'timeline');
    },
  },
  {
    id: 'shift.read',
    title: 'hand-over: read what the shift before left',
    area: 'items',
    effect: 'ask',
    inPalette: true,
    run: async (context) => {
      const { cockpit, snapshot } = context;
      const { handOvers } = await cockpit.call('unreadHandOvers', {});
      const [newest] = handOvers;
      if (!newest) {
        cockpit.toast('no hand-over is unread');
        return;
      }
      const more = handOvers.length - 1;
      const summary = `by ${newest.by} ${dateText(newest.at)}Z${more > 0 ? `; ${more} older unread` : ''}`;
      showPage(
        context,
        `Hand-over ${clockText(newest.at, snapshot().offsetMs, 'minutes')}`,
        summary,
        newest.text,
      );
      await cockpit.call('readHandOver', { seq: newest.seq });
    },
  },
];
