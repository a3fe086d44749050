import type { ActOccasion, ActOffer, Params } from '../domain/act.ts';
import { type Approval, type Ref, refKey } from '../domain/entity.ts';
import { messageOf } from '../domain/error.ts';
import { inMode, unmarked } from '../store/desk.ts';
import type { ApprovalMode, Mode } from '../store/mode.ts';
import { type Decision, decisionsOf } from '../store/selectors/decision.ts';
import type { Snapshot } from '../store/snapshot.ts';
import { entityAt } from '../store/state.ts';
import { start } from './act-flow.ts';
import type { CommandContext } from './command.ts';

/** The approval a card would be about: the subject, or the one that waits for it. */
export function approvalOf(
  snapshot: Snapshot,
): { readonly ref: Ref; readonly approval: Approval } | undefined {
  const { subject, state } = snapshot;
  const entity = subject.entity;
  if (entity?.type === 'approval' && subject.ref) return { ref: subject.ref, approval: entity };
  if (!entity) return undefined;
  const waiting = state.lists.approval.find(
    (approval) =>
      approval.system === entity.system && approval.status === 'pending' && approval.subject === entity.id,
  );
  return waiting
    ? { ref: { system: waiting.system, type: 'approval', id: waiting.id }, approval: waiting }
    : undefined;
}

/**
 * Opens the card of an approval, that of the subject unless one is named: it keeps what is shown now. What can be done is
 * asked for as long as it is open. False where there is none.
 */
export function openApproval(context: CommandContext, at?: Ref, occasion?: ActOccasion): boolean {
  const snapshot = context.snapshot();
  const found = at ? approvalAt(snapshot, at) : approvalOf(snapshot);
  if (!found) return false;
  const { ref, approval } = found;
  const opened: ApprovalMode = {
    type: 'approval',
    target: ref,
    shown: approval,
    scroll: 0,
    endSeen: false,
    stage: 'card',
    params: {},
    text: '',
    reason: '',
    code: '',
    ...(occasion ? { occasion } : {}),
  };
  context.cockpit.update((desk) => inMode(desk, opened));
  return true;
}

/** An approval by its name, or the one that waits for a thing of that name. */
function approvalAt({ state }: Snapshot, at: Ref): ReturnType<typeof approvalOf> {
  const approval = state.lists.approval.find(
    (one) => one.system === at.system && (at.type === 'approval' ? one.id === at.id : one.subject === at.id),
  );
  return approval && { ref: { system: at.system, type: 'approval', id: approval.id }, approval };
}

function change(
  context: CommandContext,
  target: Ref,
  next: (mode: ApprovalMode) => Partial<ApprovalMode> | undefined,
): void {
  context.cockpit.update((desk) => {
    const mode: Mode = desk.mode;
    if (mode.type !== 'approval' || refKey(mode.target) !== refKey(target)) return desk;
    const part = next(mode);
    return part ? inMode(desk, { ...mode, ...part }) : desk;
  });
}

/** The decision under a key, or under a number. */
export function decisionAt(snapshot: Snapshot, key: string): Decision | undefined {
  const mode = snapshot.desk.mode;
  if (mode.type !== 'approval') return undefined;
  const decisions = decisionsOf(snapshot.state, mode);
  return /^[1-9]$/.test(key)
    ? decisions[Number(key) - 1]
    : decisions.find((decision) => decision.key === key);
}

/** A decision was chosen on the card: its text is asked for, else what it would run. */
export async function decide(context: CommandContext, decision: Decision): Promise<void> {
  const mode = context.snapshot().desk.mode;
  if (mode.type !== 'approval') return;
  if (decision.off !== undefined) {
    context.cockpit.toast(`${decision.offer.title}: ${decision.off}`, 'refusal');
    return;
  }
  const { refused: _refused, preview: _preview, ...rest } = mode;
  const chosen: ApprovalMode = { ...rest, offer: decision.offer, params: {}, text: '', reason: '', code: '' };
  if (decision.offer.params.length > 0) {
    context.cockpit.update((desk) => inMode(desk, { ...chosen, stage: 'text' }));
    return;
  }
  context.cockpit.update((desk) => inMode(desk, chosen));
  await askPreview(context, mode, decision.offer, {}, 'reason');
}

/** The text for a decision was typed: the next one is asked for, or what it would run is shown. */
export async function takeDecisionText(context: CommandContext, mode: ApprovalMode): Promise<void> {
  const { offer } = mode;
  const spec = offer?.params.find((param) => mode.params[param.name] === undefined);
  if (!offer || !spec) return;
  const { text } = mode;
  const longest = spec.maxLength ?? 4000;
  if (text.length > longest) {
    // Cut, it would be another text than the one that was written.
    context.cockpit.toast(
      `${spec.title}: ${text.length} characters, at most ${longest} are taken`,
      'refusal',
    );
    return;
  }
  if (spec.required && text.trim() === '') {
    context.cockpit.toast(`${spec.title}: write something, or Esc`, 'refusal');
    return;
  }
  if (spec.form === 'choice' && !(spec.choices ?? []).includes(text.trim())) {
    context.cockpit.toast(`${spec.title}: one of ${(spec.choices ?? []).join(', ')}`, 'refusal');
    return;
  }
  const params = { ...mode.params, [spec.name]: spec.form === 'choice' ? text.trim() : text };
  if (offer.params.some((param) => params[param.name] === undefined)) {
    change(context, mode.target, () => ({ params, text: '' }));
    return;
  }
  await askPreview(context, mode, offer, params, 'preview');
}

async function askPreview(
  context: CommandContext,
  { target, occasion }: ApprovalMode,
  offer: ActOffer,
  params: Params,
  then: 'preview' | 'reason',
): Promise<void> {
  const isAsking = (mode: ApprovalMode): boolean => mode.stage === 'asking' && mode.offer?.act === offer.act;
  change(context, target, () => ({ stage: 'asking', params }));
  try {
    const along = occasion ? { occasion } : {};
    const preview = await context.cockpit.call('preview', { act: offer.act, target, params, ...along });
    change(context, target, (mode) => {
      if (!isAsking(mode)) return undefined;
      return preview.refused === undefined
        ? { preview, stage: then, scroll: 0 }
        : { preview, stage: 'card', refused: preview.refused };
    });
  } catch (error) {
    change(context, target, (mode) =>
      isAsking(mode) ? { stage: 'card', refused: messageOf(error) } : undefined,
    );
  }
}

/** `y` on what it would run. */
export function acceptPreview(context: CommandContext): void {
  const mode = context.snapshot().desk.mode;
  // A reason that was typed for the program is offered for the record too.
  if (mode.type === 'approval')
    change(context, mode.target, () => ({ stage: 'reason', reason: mode.params['reason'] ?? '' }));
}

/** Enter on the reason line or the code: the decision is carried out, if it still is the one that was shown. */
export async function finishDecision(context: CommandContext, mode: ApprovalMode): Promise<void> {
  const { preview, offer } = mode;
  if (!preview || !offer) return;
  if (mode.stage === 'reason' && preview.confirmation === 'yes-and-reason' && mode.reason.trim() === '') {
    context.cockpit.toast('a reason is needed: it is kept with the decision', 'refusal');
    return;
  }
  if (mode.stage === 'reason' && preview.confirmation === 'code') {
    change(context, mode.target, () => ({ stage: 'code', code: '' }));
    return;
  }
  if (mode.stage === 'code' && mode.code !== preview.code) {
    change(context, mode.target, () => ({ code: '' }));
    context.cockpit.toast(`that is not ${preview.code ?? 'the code'}`, 'refusal');
    return;
  }
  const live = decisionsOf(context.snapshot().state, mode).find((one) => one.offer.act === offer.act);
  if (live?.off !== undefined || !live) {
    const why = live?.off ?? 'it can no longer be decided here';
    change(context, mode.target, () => ({ stage: 'card', refused: why }));
    return;
  }
  if (entityAt(context.snapshot().state, mode.target)?.type !== 'approval') return;
  change(context, mode.target, () => ({ stage: 'starting' }));
  const refused = await start(
    context,
    preview,
    {
      confirmedBy: mode.stage === 'code' ? 'code' : 'card',
      ...(mode.stage === 'code' ? { code: mode.code } : {}),
      ...(mode.reason.trim() === '' ? {} : { reason: mode.reason.trim() }),
    },
    mode.shown.payloadDigest ?? preview.payloadDigest,
  );
  if (refused === undefined) {
    context.cockpit.update((desk) =>
      desk.mode.type === 'approval' ? unmarked(inMode(desk, { type: 'browse' })) : desk,
    );
  } else change(context, mode.target, () => ({ stage: 'card', refused }));
}
