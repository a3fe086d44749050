import type { ActMenu } from '../domain/act.ts';
import { entityKey } from '../domain/entity.ts';
import { focused, inMode } from '../store/desk.ts';
import { selectActs } from '../store/selectors/acts.ts';
import type { Snapshot } from '../store/snapshot.ts';
import { chooseOffer, confirmStep, noTarget, openMenu, showPreview } from './act-flow.ts';
import { confirmList, markedRows, openListMenu, showList } from './act-list-flow.ts';
import {
  acceptPreview,
  approvalOf,
  decide,
  decisionAt,
  finishDecision,
  openApproval,
  takeDecisionText,
} from './approval-flow.ts';
import type { Command, CommandContext } from './command.ts';

const menuTitles: { readonly [M in Exclude<ActMenu, 'approve'>]: string } = {
  replay: 'replay ...',
  restart: 'restart ...',
  resume: 'resume ...',
  pause: 'pause ...',
  rollback: 'roll back ...',
  cancel: 'cancel ...',
  other: 'every act that applies ...',
};

/** Acts of the kinds a menu key stands for, by what the subject offers: off with the reason when none does. */
function offMenu(snapshot: Snapshot, menu: ActMenu): string | undefined {
  // What applies to marked rows is asked when the menu opens.
  if (markedRows(snapshot)) return undefined;
  const missing = noTarget(snapshot);
  if (missing !== undefined) return missing;
  const { target, offers } = snapshot.companion;
  const isHere = target && snapshot.subject.ref && entityKey(target) === entityKey(snapshot.subject.ref);
  if (!isHere || !offers || menu === 'other') return undefined;
  const fitting = offers.filter((offer) => offer.menu === menu);
  if (fitting.length === 0)
    return `nothing of that kind applies to this ${snapshot.subject.ref?.type ?? 'item'}`;
  const reasons = fitting.map((offer) => offer.disabled);
  return reasons.every((reason) => reason !== undefined) ? reasons[0] : undefined;
}

function menuCommand(menu: Exclude<ActMenu, 'approve'>): Command {
  return {
    id: menu === 'other' ? 'acts.menu' : `act.${menu}`,
    title: menuTitles[menu],
    area: 'acts',
    effect: 'ask',
    cli: 'binnacle act ACT TARGET',
    off: (snapshot) => offMenu(snapshot, menu),
    run: (context) => {
      const marked = markedRows(context.snapshot());
      const which = menu === 'other' ? 'all' : menu;
      return marked ? openListMenu(context, which, marked) : openMenu(context, which);
    },
  };
}

/** The act under the cursor of the acts pane, or the page that is open. */
function actHere(snapshot: Snapshot) {
  const { mode, selected } = snapshot.desk;
  const order = mode.type === 'details' && mode.subject.of === 'act' ? mode.subject.order : selected.acts;
  const acts = selectActs(snapshot.state.acts);
  return acts.find((act) => act.order === order) ?? acts[0];
}

/** How long a first press is remembered. */
const stopAgainMs = 3000;

/** Ending a program midway can't be taken back: the same key twice. */
async function stopAct(context: CommandContext): Promise<void> {
  const snapshot = context.snapshot();
  const act = actHere(snapshot);
  if (!act) return;
  const now = context.cockpit.now();
  const { stopAsked } = snapshot.desk;
  if (stopAsked?.order !== act.order || now - stopAsked.at > stopAgainMs) {
    context.cockpit.update((desk) => ({ ...desk, stopAsked: { order: act.order, at: now } }));
    context.cockpit.toast(`once more ends its program midway: ${act.title}`);
    return;
  }
  const { cancelled, why } = await context.cockpit.call('cancel', { order: act.order });
  context.cockpit.toast(
    cancelled ? `${act.title}: being ended` : `${act.title} goes on: ${why ?? 'it cannot be ended'}`,
  );
}

/** Commands that lead to acts, and those inside their prompts. */
export const actCommands: readonly Command[] = [
  ...(Object.keys(menuTitles) as Exclude<ActMenu, 'approve'>[]).map(menuCommand),
  {
    id: 'approval.open',
    title: 'the approval card',
    area: 'acts',
    effect: 'ask',
    cli: ({ subject }) =>
      subject.ref?.type === 'approval'
        ? `binnacle show approval ${subject.ref.system}/${subject.ref.id}`
        : undefined,
    off: (snapshot) => {
      if (snapshot.desk.marks.size > 1 && markedRows(snapshot))
        return 'approvals are decided one at a time: Esc takes the marks off';
      if (snapshot.subject.ghost) return `it is no longer there (${snapshot.subject.ghost.word})`;
      return approvalOf(snapshot) ? undefined : 'nothing here waits for a decision';
    },
    run: (context) => {
      openApproval(context);
    },
  },
  {
    id: 'act.stop',
    title: 'end the program of this act',
    area: 'acts',
    effect: 'ask',
    off: (snapshot) =>
      actHere(snapshot)?.status === 'running' ? undefined : 'no act is running under the cursor',
    run: stopAct,
  },
  {
    id: 'act.again',
    title: 'try this act again, with what came of it before in view',
    area: 'acts',
    effect: 'ask',
    inPalette: false,
    off: (snapshot) => {
      const status = actHere(snapshot)?.status;
      if (status === 'unknown') return 'its outcome is unknown: settle it first (s)';
      const mayAgain =
        status === 'failed' || status === 'not-seen' || status === 'timed-out' || status === 'cancelled';
      return mayAgain ? undefined : 'an act is tried again where it failed or its effect was not seen';
    },
    run: async (context) => {
      const act = actHere(context.snapshot());
      if (!act) return;
      const { offers } = await context.cockpit.call('offers', { target: act.target });
      const offer = offers.find((one) => one.act === act.act);
      if (offer) await chooseOffer(context, offer, act.target, act.targetTitle);
      else context.cockpit.toast(`${act.title}: it does not apply to ${act.targetTitle} any more`, 'refusal');
    },
  },
  {
    id: 'act.settle',
    title: 'say how an act with unknown outcome ended',
    area: 'acts',
    effect: 'ask',
    off: (snapshot) =>
      actHere(snapshot)?.status === 'unknown' ? undefined : 'the outcome of this act is not unknown',
    run: (context) => {
      const act = actHere(context.snapshot());
      if (!act) return;
      context.cockpit.update((desk) =>
        inMode(desk, {
          type: 'settle',
          order: act.order,
          title: `${act.title} ${act.targetTitle}`,
          text: '',
        }),
      );
    },
  },
  {
    id: 'menu.pick',
    title: 'this act: show exactly what it would run',
    area: 'prompt',
    effect: 'ask',
    inPalette: false,
    run: async (context) => {
      const mode = context.snapshot().desk.mode;
      if (mode.type !== 'menu') return;
      const offer = mode.offers?.[mode.index];
      if (offer)
        await chooseOffer(context, offer, mode.target, mode.targetTitle, {
          list: mode.lists?.[offer.act],
        });
    },
  },
  {
    id: 'dialog.yes',
    title: 'yes',
    area: 'prompt',
    effect: 'ask',
    inPalette: false,
    run: async (context) => {
      const mode = context.snapshot().desk.mode;
      if (mode.type === 'dialog' && mode.stage === 'choose') await confirmStep(context, mode);
      if (mode.type === 'list' && mode.stage === 'choose') await confirmList(context, mode);
    },
  },
  {
    id: 'dialog.pick',
    title: 'what is highlighted: no, or yes',
    area: 'prompt',
    effect: 'ask',
    inPalette: false,
    run: async (context) => {
      const mode = context.snapshot().desk.mode;
      if ((mode.type !== 'dialog' && mode.type !== 'list') || mode.stage !== 'choose') return;
      if (mode.choice === 'yes')
        await (mode.type === 'list' ? confirmList(context, mode) : confirmStep(context, mode));
      else context.cockpit.update((desk) => inMode(desk, { type: 'browse' }));
    },
  },
  {
    id: 'approval.decide',
    title: 'this decision',
    area: 'prompt',
    effect: 'ask',
    inPalette: false,
    run: async (context, key) => {
      const snapshot = context.snapshot();
      const mode = snapshot.desk.mode;
      if (mode.type !== 'approval' || key === undefined) return;
      if (mode.stage === 'preview') {
        if (key === 'y') acceptPreview(context);
        return;
      }
      if (mode.stage !== 'card') return;
      const decision = decisionAt(snapshot, key);
      if (decision) await decide(context, decision);
      else
        context.cockpit.toast(
          mode.offers ? `${key}: not one of the decisions here` : 'still asking what can be done',
        );
    },
  },
];

/** What Enter does where text is typed for an act. */
export async function takeActText(context: CommandContext): Promise<void> {
  const snapshot = context.snapshot();
  const mode = snapshot.desk.mode;
  if (mode.type === 'dialog') await confirmStep(context, mode);
  else if (mode.type === 'list') await confirmList(context, mode);
  else if (mode.type === 'approval') {
    if (mode.stage === 'text') await takeDecisionText(context, mode);
    else await finishDecision(context, mode);
  } else if (mode.type === 'params') {
    const spec = mode.offer.params[mode.index];
    const value = spec ? (mode.values[spec.name] ?? '') : '';
    const longest = spec?.maxLength ?? 4000;
    if (value.length > longest) {
      // Cut, it would be another text than the one that was written.
      const error = `${spec?.title ?? 'text'}: ${value.length} characters, at most ${longest} are taken`;
      context.cockpit.update((desk) => inMode(desk, { ...mode, error }));
    } else if (spec?.required && value.trim() === '') {
      context.cockpit.update((desk) =>
        inMode(desk, { ...mode, error: `${spec.title}: write something, or Esc` }),
      );
    } else if (spec?.form === 'choice' && value !== '' && !(spec.choices ?? []).includes(value)) {
      context.cockpit.update((desk) =>
        inMode(desk, { ...mode, error: `${spec.title}: one of ${(spec.choices ?? []).join(', ')}` }),
      );
    } else if (mode.index + 1 < mode.offer.params.length) {
      const { error: _error, ...rest } = mode;
      context.cockpit.update((desk) => inMode(desk, { ...rest, index: mode.index + 1 }));
    } else if (!mode.busy) {
      if (mode.list) await showList(context, mode.offer, mode.list, mode.values);
      else await showPreview(context, mode.offer, mode.target, mode.values, mode.occasion);
    }
  } else if (mode.type === 'settle' && mode.text.trim() !== '') {
    const { done, why } = await context.cockpit.call('settleAct', {
      order: mode.order,
      note: mode.text.trim(),
    });
    context.cockpit.update((desk) => focused(inMode(desk, { type: 'browse' }), 'acts'));
    context.cockpit.toast(
      done ? 'settled, with your note' : `not settled: ${why ?? 'no reason given'}`,
      done ? 'note' : 'refusal',
    );
  }
}
