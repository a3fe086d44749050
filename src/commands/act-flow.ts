import type { ActMenu, ActOccasion, ActOffer, ActPreview, Params } from '../domain/act.ts';
import { type Ref, refKey } from '../domain/entity.ts';
import { messageOf } from '../domain/error.ts';
import type { RequestOf } from '../engine/protocol.ts';
import { inMode, unmarked } from '../store/desk.ts';
import type { DialogMode, ListTargets, Mode } from '../store/mode.ts';
import type { Snapshot } from '../store/snapshot.ts';
import { showList, sortOffers } from './act-list-flow.ts';
import type { CommandContext } from './command.ts';

/** Why nothing can be done to the subject; undefined when something may be. */
export function noTarget(snapshot: Snapshot): string | undefined {
  const { subject } = snapshot;
  if (subject.ghost) return `it is no longer there (${subject.ghost.word})`;
  if (!subject.ref)
    return subject.item ? 'a source has no acts: Ctrl-r reads it again' : 'nothing is selected';
  return undefined;
}

/** Opens the menu of what applies to the subject under one key. */
export async function openMenu(
  context: CommandContext,
  menu: ActMenu | 'all' | 'undo',
  target?: Ref,
): Promise<void> {
  const snapshot = context.snapshot();
  const ref = target ?? snapshot.subject.ref;
  if (!ref) return;
  const targetTitle = snapshot.subject.item?.title ?? snapshot.subject.entity?.title ?? ref.id;
  const opened: Mode = { type: 'menu', menu, target: ref, targetTitle, index: 0 };
  context.cockpit.update((desk) => inMode(desk, opened));
  const isOpen = (mode: Mode): mode is Extract<Mode, { type: 'menu' }> =>
    mode.type === 'menu' &&
    mode.menu === menu &&
    refKey(mode.target) === refKey(ref) &&
    mode.offers === undefined;
  try {
    const { offers } = await context.cockpit.call('offers', { target: ref });
    const fitting =
      menu === 'all' || menu === 'undo' ? offers : offers.filter((offer) => offer.menu === menu);
    context.cockpit.update((desk) =>
      isOpen(desk.mode) ? inMode(desk, { ...desk.mode, offers: sortOffers(fitting) }) : desk,
    );
  } catch (error) {
    context.cockpit.update((desk) =>
      isOpen(desk.mode) ? inMode(desk, { ...desk.mode, offers: [], error: messageOf(error) }) : desk,
    );
  }
}

/** What else is known of an act that was chosen. */
export interface Chosen {
  readonly values?: Params;
  /** All rows it is for, where it is for marked ones. */
  readonly list?: ListTargets | undefined;
  readonly occasion?: ActOccasion | undefined;
}

/** An act was chosen: its parameters are asked for, or its preview. */
export async function chooseOffer(
  context: CommandContext,
  offer: ActOffer,
  target: Ref,
  targetTitle: string,
  { values = {}, list, occasion }: Chosen = {},
): Promise<void> {
  if (offer.disabled !== undefined) {
    context.cockpit.toast(`${offer.title}: ${offer.disabled}`, 'refusal');
    return;
  }
  if (offer.params.length > 0) {
    context.cockpit.update((desk) =>
      inMode(desk, {
        ...{ type: 'params', offer, target, targetTitle, values, index: 0, busy: false },
        ...(list ? { list } : {}),
        ...(occasion ? { occasion } : {}),
      }),
    );
    return;
  }
  if (list) {
    await showList(context, offer, list, {});
    return;
  }
  await showPreview(context, offer, target, {}, occasion);
}

/** Asks the engine what exactly would be run, and shows it. A `read` act without questions runs at once. */
export async function showPreview(
  context: CommandContext,
  offer: ActOffer,
  target: Ref,
  params: Params,
  occasion?: ActOccasion,
): Promise<void> {
  const { cockpit } = context;
  const before = context.snapshot().desk.mode;
  if (before.type === 'params') cockpit.update((desk) => inMode(desk, { ...before, busy: true }));
  const asked = context.snapshot().desk.mode.type;
  try {
    const along = occasion ? { occasion } : {};
    const preview = await cockpit.call('preview', { act: offer.act, target, params, ...along });
    // Whoever pressed Esc meanwhile is not pulled into a dialog.
    if (context.snapshot().desk.mode.type !== asked) return;
    if (preview.confirmation === 'none' && preview.refused === undefined) {
      await startRead(context, preview);
      return;
    }
    cockpit.update((desk) => inMode(desk, dialogOf(preview)));
  } catch (error) {
    const why = messageOf(error);
    cockpit.update((desk) =>
      desk.mode.type === 'params' ? inMode(desk, { ...desk.mode, busy: false, error: why }) : desk,
    );
    cockpit.toast(`${offer.title}: ${why}`, 'refusal');
  }
}

function dialogOf(preview: ActPreview): DialogMode {
  return {
    type: 'dialog',
    preview,
    stage: 'choose',
    choice: 'no',
    // One that was typed for the program is offered for the record too.
    reason: preview.params['reason'] ?? '',
    code: '',
    scroll: 0,
    ...(preview.refused === undefined ? {} : { refused: preview.refused }),
  };
}

/** The next step of a confirmation after a yes, a reason or a code. */
export async function confirmStep(context: CommandContext, mode: DialogMode): Promise<void> {
  const { preview } = mode;
  const { cockpit } = context;
  const refused = mode.refused ?? preview.refused;
  if (refused !== undefined) {
    cockpit.toast(`${refused}: Esc, then look again`, 'refusal');
    return;
  }
  if (mode.stage === 'choose' && preview.confirmation === 'yes-and-reason') {
    cockpit.update((desk) => inMode(desk, { ...mode, choice: 'yes', stage: 'reason' }));
    return;
  }
  if (mode.stage === 'choose' && preview.confirmation === 'code') {
    cockpit.update((desk) => inMode(desk, { ...mode, choice: 'yes', stage: 'code' }));
    return;
  }
  if (mode.stage === 'reason' && mode.reason.trim() === '') {
    cockpit.toast('a reason is needed: it is kept with the act', 'refusal');
    return;
  }
  if (mode.stage === 'code' && mode.code !== preview.code) {
    cockpit.update((desk) => inMode(desk, { ...mode, code: '' }));
    cockpit.toast(`that is not ${preview.code ?? 'the code'}`, 'refusal');
    return;
  }
  if (mode.stage === 'starting') return;
  cockpit.update((desk) => inMode(desk, { ...mode, stage: 'starting' }));
  const refusal = await start(context, preview, {
    confirmedBy: mode.stage === 'code' ? 'code' : 'yes',
    ...(mode.stage === 'code' ? { code: mode.code } : {}),
    ...(mode.reason.trim() === '' ? {} : { reason: mode.reason.trim() }),
  });
  cockpit.update((desk) => {
    if (desk.mode.type !== 'dialog' || desk.mode.preview !== preview) return desk;
    return refusal === undefined
      ? unmarked(inMode(desk, { type: 'browse' }))
      : inMode(desk, { ...desk.mode, stage: 'choose', choice: 'no', refused: refusal });
  });
}

async function startRead(context: CommandContext, preview: ActPreview): Promise<void> {
  const refused = await start(context, preview, { confirmedBy: 'none' });
  if (refused !== undefined)
    context.cockpit.update((desk) => inMode(desk, { ...dialogOf(preview), refused }));
}

/** How an act was confirmed. */
type Given = Pick<RequestOf<'start'>, 'confirmedBy'> & { readonly code?: string; readonly reason?: string };

/** Starts what was previewed, and nothing else. Returns why it was refused, or undefined when it was started. */
export async function start(
  context: CommandContext,
  preview: ActPreview,
  given: Given,
  payloadDigest: string | undefined = preview.payloadDigest,
): Promise<string | undefined> {
  const { cockpit } = context;
  try {
    const answer = await cockpit.call('start', {
      act: preview.act,
      target: preview.target,
      params: preview.params,
      revision: preview.revision,
      ...(payloadDigest === undefined ? {} : { payloadDigest }),
      ...(preview.occasion ? { occasion: preview.occasion } : {}),
      ...given,
    });
    if (answer.refused !== undefined) {
      cockpit.toast(`refused: ${answer.refused}`, 'refusal');
      return answer.refused;
    }
    if (answer.read) {
      const subject = { of: 'answer' as const, title: preview.title, answer: answer.read };
      cockpit.update((desk) => inMode(desk, { type: 'details', subject, scroll: 0 }));
    } else cockpit.toast(`${preview.title}: started, its effect is being looked for`);
    if (answer.order !== undefined) cockpit.awaitEnd(answer.order);
    if (preview.occasion?.step) cockpit.askAgain();
    return undefined;
  } catch (error) {
    const why = messageOf(error);
    cockpit.toast(`${preview.title}: ${why}. See the acts before trying again`, 'refusal');
    return `${why}. Look at the acts (7) before trying again: it may have been started`;
  }
}
