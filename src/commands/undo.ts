import { selectActs } from '../store/selectors/acts.ts';
import type { Snapshot } from '../store/snapshot.ts';
import { chooseOffer } from './act-flow.ts';
import type { Command } from './command.ts';

/** The act `u` is about: the one under the cursor of the acts or whose page is open; else the newest of this operator. */
function meant({ desk, state }: Snapshot): string | undefined {
  if (desk.mode.type === 'details' && desk.mode.subject.of === 'act') return desk.mode.subject.order;
  if (desk.focus !== 'acts') return undefined;
  const acts = selectActs(state.acts);
  return (acts.find((act) => act.order === desk.selected.acts) ?? acts[0])?.order;
}

/** Taking back. */
export const undoCommands: readonly Command[] = [
  {
    id: 'act.undo',
    title: 'undo the selected act, or your last one',
    area: 'acts',
    effect: 'ask',
    cli: (snapshot) => `binnacle act --undo ${meant(snapshot) ?? 'ORDER'}`,
    off: ({ state }) => (state.acts.length === 0 ? 'nothing was done yet' : undefined),
    run: async (context) => {
      const { cockpit } = context;
      const order = meant(context.snapshot());
      const found = await cockpit.call('undo', order === undefined ? {} : { order });
      const name = found.title === undefined ? '' : ` (${found.title})`;
      if (found.why !== undefined || !found.offer || !found.target || found.order === undefined) {
        // The reason first: on a narrow screen the name is what is cut.
        cockpit.toast(`no undo: ${found.why ?? 'nothing undoes it'}${name}`, 'refusal');
        return;
      }
      const occasion = { undoes: found.order };
      await chooseOffer(context, found.offer, found.target, found.targetTitle ?? found.target.id, {
        occasion,
        values: found.params ?? {},
      });
    },
  },
];
