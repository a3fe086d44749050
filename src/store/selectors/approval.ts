import type { ActOffer } from '../../domain/act.ts';
import type { Approval } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { type SafeText, safeLines, safeText } from '../../lib/safe-text.ts';
import { wrapText } from '../../lib/text-width.ts';
import { clockText, leftText } from '../../lib/time-text.ts';
import type { ApprovalMode } from '../mode.ts';
import { type CockpitState, entityAt } from '../state.ts';
import { memoLast } from './memo.ts';

/** What a line of the card is, for its look. */
export type CardTone = 'plain' | 'caution' | 'dim' | 'strong' | 'off' | 'input';

export interface CardLine {
  readonly text: SafeText;
  readonly tone: CardTone;
}

/** A way to decide, with the key for it. */
export interface Decision {
  readonly offer: ActOffer;
  readonly key: 'y' | 'D' | 'v' | 'Enter' | undefined;
  /** Why not, now. */
  readonly off?: string;
}

/** The card of an approval laid out for a size: the part of the payload in view, and whether its end is in view. */
export interface ApprovalPage {
  readonly head: readonly CardLine[];
  readonly payload: readonly CardLine[];
  readonly foot: readonly CardLine[];
  readonly payloadLines: number;
  readonly payloadRows: number;
  /** First payload line in view, after clamping. */
  readonly first: number;
  readonly endInView: boolean;
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
export function decisionsOf(state: CockpitState, mode: ApprovalMode): readonly Decision[] {
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
    const off = decisionOff(state, mode, offer);
    return { offer, key, ...(off === undefined ? {} : { off }) };
  });
}

/** Why a decision can't be taken now; undefined when it can. */
function decisionOff(state: CockpitState, mode: ApprovalMode, offer: ActOffer): string | undefined {
  const live = entityAt(state, mode.target);
  if (live?.type !== 'approval') return 'it is gone: nothing waits here any more';
  if (live.status !== 'pending') return live.status === 'expired' ? 'it has expired' : 'it was decided';
  // Where nothing can be decided the other ways out (asking again, taking it back) are still open.
  if (!live.answerable && offer.menu === 'approve') return live.reason ?? 'it can only be watched from here';
  if (live.payloadDigest !== mode.shown.payloadDigest || live.payload?.text !== mode.shown.payload?.text) {
    return 'what is asked changed since this card was opened: Esc, then open it again';
  }
  if (offer.disabled !== undefined) return offer.disabled;
  if (keyOf(offer) !== 'y') return undefined;
  if (!live.payload || live.payload.text.trim() === '')
    return 'nothing to approve is known: the payload is missing';
  return mode.endSeen ? undefined : 'read to the end first (PgDn)';
}

/** What stops every decision at once, said in the head of the card. */
function verdict(state: CockpitState, mode: ApprovalMode): string | undefined {
  const live = entityAt(state, mode.target);
  if (live?.type !== 'approval') return 'GONE: nothing waits here any more';
  if (live.status === 'expired') return `EXPIRED${live.onExpiry === undefined ? '' : `: ${live.onExpiry}`}`;
  if (live.status === 'decided') return 'DECIDED already';
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

/** The lines of a payload at a width. Wrapped once per text and width. */
const wrapPayload = memoLast((text: string, columns: number): readonly SafeText[] =>
  safeLines(text).flatMap((line) => (line === '' ? [line] : wrapText(line, columns))),
);

/** Lays the card out for `columns` x `rows`. `latest`: how long the frame may stand, what is left is judged by it. */
export function approvalPage(
  state: CockpitState,
  mode: ApprovalMode,
  latest: Instant,
  offsetMs: number,
  columns: number,
  rows: number,
): ApprovalPage {
  const width = Math.max(1, columns - 2);
  const prompt = promptOf(state, mode, width);
  const foot = [...fitDetails(runLines(mode, width), rows - prompt.length - 3), ...prompt].slice(
    -Math.max(1, rows),
  );
  const head = headOf(state, mode, latest, offsetMs, width).slice(0, Math.max(0, rows - foot.length - 1));
  const text = mode.shown.payload?.text;
  const lines = text === undefined ? [] : wrapPayload(text, width - 2);
  const payloadRows = Math.max(0, rows - head.length - foot.length);
  const first = Math.max(0, Math.min(mode.scroll, lines.length - payloadRows));
  const shown = lines
    .slice(first, first + payloadRows)
    .map((line) => ({ text: line, tone: 'plain' as const }));
  return {
    head,
    payload: shown,
    foot,
    payloadLines: lines.length,
    payloadRows,
    first,
    endInView: lines.length > 0 && payloadRows > 0 && first + payloadRows >= lines.length,
  };
}

function headOf(
  state: CockpitState,
  mode: ApprovalMode,
  latest: Instant,
  offsetMs: number,
  width: number,
): readonly CardLine[] {
  const shown = mode.shown;
  const stop = verdict(state, mode);
  const lines: CardLine[] = [];
  const add = (text: string, tone: CardTone, most = 3): void => {
    for (const line of wrapText(safeText(text), width).slice(0, most)) lines.push({ text: line, tone });
  };
  if (stop !== undefined) add(stop, 'caution');
  for (const caution of shown.cautions ?? []) add(`Note: ${caution}`, 'caution');
  if (shown.question !== undefined && shown.question !== shown.payload?.text)
    add(shown.question, 'strong', 4);
  add(datesOf(shown, latest, offsetMs), 'plain', 2);
  if (shown.payload) {
    const count = safeLines(shown.payload.text).length;
    add(`${shown.payload.form}, ${count} ${count === 1 ? 'line' : 'lines'}`, 'dim', 1);
  }
  return lines;
}

function datesOf(shown: Approval, latest: Instant, offsetMs: number): string {
  const parts: string[] = [];
  if (shown.subject !== undefined) parts.push(`for ${shown.subject}`);
  if (shown.risk !== undefined) parts.push(`risk ${shown.risk}`);
  if (shown.requestedAt !== undefined) parts.push(`asked ${clockText(shown.requestedAt, offsetMs)}`);
  if (shown.expiresAt !== undefined) {
    const left = leftText(shown.expiresAt - latest);
    parts.push(
      `until ${clockText(shown.expiresAt, offsetMs)} (${left === 'over' ? 'over' : `${left} left`})`,
    );
  }
  parts.push(`no answer: ${shown.onExpiry ?? 'it goes on waiting'}`);
  return parts.join(', ');
}

/** What a decision would run, whole: what is confirmed must be on the screen. */
function runLines(mode: ApprovalMode, width: number): readonly CardLine[] {
  const lines: CardLine[] = [];
  const add = (text: string, tone: CardTone): void => {
    for (const line of wrapText(safeText(text), width)) lines.push({ text: line, tone });
  };
  if (mode.error !== undefined) add(`The engine did not answer: ${mode.error}`, 'caution');
  if (mode.refused !== undefined) add(`Refused: ${mode.refused}`, 'caution');
  const { preview } = mode;
  if (!preview || mode.stage === 'card') return lines;
  for (const warning of preview.warnings) add(`Warning: ${warning}`, 'caution');
  for (const strand of preview.strands) add(`Leaves behind: ${strand}`, 'caution');
  add(`in ${preview.root}${preview.environment ? ` (${preview.environment})` : ''}`, 'dim');
  for (const command of preview.commands) add(`runs ${command}`, 'plain');
  for (const stage of preview.expected) add(`expects: ${stage.title}`, 'dim');
  return lines;
}

/** Lines that have no room are counted, never left out in silence. */
function fitDetails(lines: readonly CardLine[], room: number): readonly CardLine[] {
  if (lines.length <= room) return lines;
  const shown = lines.slice(0, Math.max(0, room - 1));
  const text = safeText(
    `(${lines.length - shown.length} more lines: this screen is too small to show what would run)`,
  );
  return [...shown, { text, tone: 'caution' }];
}

/** Columns of a decision's number and key: `2 Enter`. */
const keyColumns = 9;

/** The decisions, or what is being asked: always on the screen. */
function promptOf(state: CockpitState, mode: ApprovalMode, width: number): readonly CardLine[] {
  const lines: CardLine[] = [];
  const add = (text: string, tone: CardTone, most = 2): void => {
    for (const line of wrapText(safeText(text), width).slice(0, most)) lines.push({ text: line, tone });
  };
  const title = mode.offer?.title ?? '';
  switch (mode.stage) {
    case 'card':
      if (!mode.offers && mode.error === undefined) add('asking what can be done...', 'dim');
      decisionsOf(state, mode).forEach((decision, index) => {
        const name = `${index + 1} ${decision.key ?? ''}`.padEnd(keyColumns);
        const tone = decision.off === undefined ? 'strong' : 'off';
        const room = Math.max(1, width - keyColumns);
        const texts = [`${decision.offer.title}: ${decision.offer.does}`];
        if (decision.off !== undefined) texts.push(`[not now: ${decision.off}]`);
        texts
          .flatMap((text) => wrapText(safeText(text), room).slice(0, 2))
          .forEach((line, row) => {
            lines.push({ text: safeText(`${row === 0 ? name : ' '.repeat(keyColumns)}${line}`), tone });
          });
      });
      add(`${'Esc'.padEnd(keyColumns)}no, back`, 'plain', 1);
      break;
    case 'text': {
      const spec = mode.offer?.params.find((param) => mode.params[param.name] === undefined);
      add(`${title}. ${spec?.title ?? 'text'}${spec?.hint ? ` (${spec.hint})` : ''}:`, 'strong');
      const typed = safeLines(mode.text);
      typed.slice(-5).forEach((line, index, shown) => {
        add(`> ${line}${index === shown.length - 1 ? '_' : ''}`, 'input', 3);
      });
      add('Enter shows what it will run, Esc leaves', 'dim', 1);
      break;
    }
    case 'asking':
      add(`${title}: asking what it would run...`, 'dim');
      break;
    case 'preview':
      add(`y  yes: ${title}     Esc  no, back`, 'strong', 1);
      break;
    case 'reason': {
      const required = mode.preview?.confirmation === 'yes-and-reason';
      add(`yes: ${title}. Reason${required ? '' : ' (may stay empty)'}, kept in the ledger:`, 'strong');
      add(`> ${mode.reason}_`, 'input', 2);
      add(
        `Enter ${mode.preview?.confirmation === 'code' ? 'goes on to the code' : 'does it'}, Esc does not`,
        'dim',
        1,
      );
      break;
    }
    case 'code':
      add(`yes: ${title}. Type ${mode.preview?.code ?? ''} and press Enter, Esc does not:`, 'strong');
      add(`> ${mode.code}_`, 'input', 1);
      break;
    case 'starting':
      add(`${title}: handing it to the runner...`, 'dim');
      break;
  }
  return lines;
}
