import type { ActEntry, ActOffer } from '../../domain/act.ts';
import { menuOfAct } from '../../domain/act-menu.ts';
import { attentionKey } from '../../domain/attention.ts';
import type { Approval } from '../../domain/entity.ts';
import { refKey } from '../../domain/entity.ts';
import { clockText } from '../../lib/time-text.ts';
import type { ApprovalMode } from '../mode.ts';
import { type CockpitState, entityAt } from '../state.ts';

/** A runner may see the effect of an act that much before this cockpit reads the same source. */
const seenWithinMs = 5000;

/** A way to decide, with the key for it. */
export interface Decision {
  readonly offer: ActOffer;
  readonly key: 'y' | 'D' | 'v' | 'Enter' | undefined;
  /** Why not, now. */
  readonly off?: string;
}

/** The last part of an act id decides its key. */
function keyOf(offer: ActOffer): Decision['key'] {
  const verb = offer.act.slice(offer.act.lastIndexOf('.') + 1);
  if (verb === 'approve') return 'y';
  if (verb === 'deny') return 'D';
  if (verb === 'revise') return 'v';
  return offer.params.length > 0 ? 'Enter' : undefined;
}

/**
 * The ways to decide, most useful first: those the approval names in its order, then others of the card's menu. Each
 * key is given once; all have their number.
 */
export function decisionsOf(state: CockpitState, mode: ApprovalMode, offsetMs = 0): readonly Decision[] {
  const offers = mode.offers ?? [];
  const named = mode.shown.decisions.flatMap((act) => offers.filter((offer) => offer.act === act));
  const others = offers.filter(
    (offer) => offer.menu === 'approve' && !mode.shown.decisions.includes(offer.act),
  );
  const taken = new Set<string>();
  return [...named, ...others].slice(0, 9).map((offer) => {
    const wanted = keyOf(offer);
    const key = wanted !== undefined && !taken.has(wanted) ? wanted : undefined;
    if (key) taken.add(key);
    const off = decisionOff(state, mode, offer, offsetMs);
    return { offer, key, ...(off === undefined ? {} : { off }) };
  });
}

/**
 * The act that decides this approval, or did: under way, or its effect was seen. One that failed or was not seen leaves
 * the approval to be decided.
 */
export function decidingAct(state: CockpitState, approval: Approval): ActEntry | undefined {
  // What was still waiting when it was read after an act had its effect waits for something else.
  const isOlder = (endedAt: number | undefined): boolean =>
    approval.status === 'pending' && endedAt !== undefined && endedAt < approval.observedAt - seenWithinMs;
  return state.acts.find(
    ({ act, target, status, endedAt }) =>
      (status === 'running' || (status === 'verified' && !isOlder(endedAt))) &&
      target.system === approval.system &&
      target.id === approval.id &&
      (menuOfAct(act) === 'approve' || approval.decisions.includes(act)),
  );
}

/** Why a decision can't be taken now; undefined when it can. */
function decisionOff(
  state: CockpitState,
  mode: ApprovalMode,
  offer: ActOffer,
  offsetMs: number,
): string | undefined {
  const live = entityAt(state, mode.target);
  const decided = decidingAct(state, mode.shown);
  if (live?.type !== 'approval' || live.status === 'decided')
    return decided
      ? decidedBy(decided, offsetMs)
      : live
        ? 'it was decided'
        : 'it is gone: nothing waits here any more';
  if (live.status === 'expired') return 'it has expired';
  if (decided?.status === 'running') return decidedBy(decided, offsetMs);
  // Where nothing can be decided the other ways out (asking again, taking it back) are still open.
  if (!live.answerable && offer.menu === 'approve') return live.reason ?? 'it can only be watched from here';
  if (live.payloadDigest !== mode.shown.payloadDigest || live.payload?.text !== mode.shown.payload?.text) {
    return 'what is asked changed since this card was opened: Esc, then open it again';
  }
  const hold = state.holds.find((one) => one.key === attentionKey(live) && !one.ours);
  if (hold && offer.risk !== 'read') return `held by ${hold.by} until ${clockText(hold.until, offsetMs)}`;
  if (offer.disabled !== undefined) return offer.disabled;
  if (keyOf(offer) !== 'y') return undefined;
  if (!live.payload || live.payload.text.trim() === '')
    return 'nothing to approve is known: the payload is missing';
  return mode.endSeen ? undefined : 'read to the end first (PgDn)';
}

/** `decided by bob 03:14:05 (approve the plan)`; of an act whose effect is not seen yet, `being decided`. */
function decidedBy(act: ActEntry, offsetMs: number, loud = false): string {
  const word = act.status === 'running' ? 'being decided' : 'decided';
  const at = act.endedAt ?? act.startedAt;
  return `${loud ? word.toUpperCase() : word} by ${act.by} ${clockText(at, offsetMs)} (${act.title})`;
}

/** What stops every decision at once, said first on the card. */
export function verdictOf(state: CockpitState, mode: ApprovalMode, offsetMs: number): string | undefined {
  const live = entityAt(state, mode.target);
  const decided = decidingAct(state, mode.shown);
  if (live?.type !== 'approval') {
    if (decided) return `GONE, ${decidedBy(decided, offsetMs)}`;
    const departed = state.departed.get(refKey(mode.target));
    const since = departed ? ` since ${clockText(departed.at, offsetMs)}` : '';
    return `GONE${since}: nothing waits here any more; whoever decided it did not do it through a cockpit of this host`;
  }
  if (live.status === 'expired') return `EXPIRED${live.onExpiry === undefined ? '' : `: ${live.onExpiry}`}`;
  if (live.status === 'decided') {
    if (decided) return decidedBy(decided, offsetMs, true);
    return `DECIDED elsewhere${wordsOf(live, offsetMs)}`;
  }
  if (decided?.status === 'running') return decidedBy(decided, offsetMs, true);
  if (!live.answerable) {
    const isOpen = decisionsOf(state, mode).some((one) => one.off === undefined);
    const why = live.reason ?? 'it is decided elsewhere';
    return isOpen ? `NOT TO BE DECIDED: ${why}; the ways out are below` : `WATCH ONLY: ${why}`;
  }
  if (!live.payload || live.payload.text.trim() === '') {
    return 'NO PAYLOAD: what would be approved is not known, so it cannot be approved here';
  }
  return undefined;
}

/** What the source says about a decision that was not made through us, and when. */
function wordsOf(live: Approval, offsetMs: number): string {
  const newest = [...(live.trail ?? []), live.evidence].reduce((a, b) => ((b.at ?? 0) > (a.at ?? 0) ? b : a));
  const at = newest.at === undefined ? '' : ` ${clockText(newest.at, offsetMs)}`;
  const said = live.reason ?? newest.text;
  return `${at}${said === undefined ? '' : `: ${said}`}`;
}
