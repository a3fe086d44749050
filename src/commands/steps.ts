/** Going through the steps of the selected item: acts are asked for, notes checked off, anything may be skipped. */
import { entityKey } from '../domain/entity.ts';
import type { StepPlace, StepView } from '../domain/steps.ts';
import { inMode, selectedRow } from '../store/desk.ts';
import type { Mode } from '../store/mode.ts';
import type { Snapshot } from '../store/snapshot.ts';
import { chooseOffer } from './act-flow.ts';
import { openApproval } from './approval-flow.ts';
import type { Command, CommandContext } from './command.ts';

/** The step under the cursor of the steps pane, and where it is. */
function stepHere(snapshot: Snapshot): { readonly step: StepView; readonly place: StepPlace } | undefined {
  const { companion, desk, subject } = snapshot;
  const { playbook, target } = companion;
  if (!playbook || !target || !subject.ref || entityKey(target) !== entityKey(subject.ref)) return undefined;
  const index = Number(desk.selected.steps ?? '0');
  const step = playbook.steps[index];
  return step && { step, place: { item: target, playbook: playbook.id, index, text: step.text } };
}

/** Records a mark, and goes on to the step that is next then. */
export async function markStep(
  { cockpit, snapshot }: CommandContext,
  place: StepPlace,
  state: 'done' | 'skipped' | 'open',
  remark = '',
): Promise<void> {
  const { done, why } = await cockpit.call('markStep', {
    ...{ ...place, state },
    ...(remark.trim() === '' ? {} : { remark: remark.trim() }),
  });
  if (!done) {
    cockpit.toast(`step ${place.index + 1}: ${why ?? 'not recorded'}`, 'refusal');
    return;
  }
  cockpit.askAgain();
  const words = { done: 'done', skipped: 'skipped, and said so', open: 'open again' };
  cockpit.toast(`step ${place.index + 1} ${words[state]}`);
  const steps = snapshot().companion.playbook?.steps ?? [];
  const next = steps.findIndex(
    (step, index) => index > place.index && step.state !== 'done' && step.state !== 'skipped',
  );
  if (state !== 'open' && next >= 0) cockpit.update((desk) => selectedRow(desk, 'steps', String(next)));
}

function ask({ cockpit }: CommandContext, place: StepPlace, as: 'done' | 'skipped'): void {
  cockpit.update((desk) => inMode(desk, { type: 'remark', place, as, text: '' }));
}

/** Enter on the line of a remark. */
export async function takeRemark(
  context: CommandContext,
  mode: Extract<Mode, { type: 'remark' }>,
): Promise<void> {
  context.cockpit.update((desk) => inMode(desk, { type: 'browse' }));
  await markStep(context, mode.place, mode.as, mode.text);
}

/** Commands of the steps pane. */
export const stepCommands: readonly Command[] = [
  {
    id: 'step.run',
    title: 'do this step: show exactly what it would run; a note: check it off with a remark',
    area: 'acts',
    effect: 'ask',
    cli: ({ subject }) =>
      subject.ref ? `binnacle steps ${subject.ref.system}/${subject.ref.id}` : undefined,
    off: (snapshot) => {
      const here = stepHere(snapshot);
      if (!here) return 'no step is under the cursor';
      const { step } = here;
      if (step.type === 'check') return 'this step is checked off by what is seen, nobody does it';
      if (step.type === 'note') return undefined;
      return step.offer ? step.offer.disabled : 'what it would do does not apply here now';
    },
    run: async (context) => {
      const snapshot = context.snapshot();
      const here = stepHere(snapshot);
      if (!here || snapshot.subject.ghost) return;
      const { step, place } = here;
      if (step.type === 'note') {
        ask(context, place, 'done');
        return;
      }
      const target = step.target ?? place.item;
      if (!step.offer) return;
      const occasion = { step: place };
      if (step.offer.menu === 'approve' && openApproval(context, target, occasion)) return;
      const isSubject = entityKey(target) === entityKey(place.item);
      const title = isSubject ? (snapshot.subject.item?.title ?? target.id) : target.id;
      await chooseOffer(context, step.offer, target, title, { values: step.params ?? {}, occasion });
    },
  },
  {
    id: 'step.check',
    title: 'check this note off, or open it again',
    area: 'acts',
    effect: 'ask',
    inPalette: false,
    off: (snapshot) => {
      const here = stepHere(snapshot);
      if (!here) return 'no step is under the cursor';
      const { step } = here;
      if (step.state === 'skipped' || step.type === 'note') return undefined;
      return step.type === 'check'
        ? 'this step is checked off by what is seen, nobody does it'
        : 'this step is done by its act: Enter shows what it would run';
    },
    run: async (context) => {
      const here = stepHere(context.snapshot());
      if (here) await markStep(context, here.place, here.step.state === 'open' ? 'done' : 'open');
    },
  },
  {
    id: 'step.skip',
    title: 'skip this step, and say so',
    area: 'acts',
    effect: 'ask',
    inPalette: false,
    off: (snapshot) => {
      const here = stepHere(snapshot);
      if (!here) return 'no step is under the cursor';
      if (here.step.state === 'done') return 'this step is done';
      return here.step.state === 'skipped' ? 'this step is skipped: Space opens it again' : undefined;
    },
    run: (context) => {
      const here = stepHere(context.snapshot());
      if (here) ask(context, here.place, 'skipped');
    },
  },
];
