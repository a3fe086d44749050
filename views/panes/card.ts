import type { Approval, Layer } from '../../src/domain/entity.ts';
import type { Instant } from '../../src/domain/instant.ts';
import { safeLines } from '../../src/lib/safe-text.ts';
import { ageText, clockText, dateText, deadlineText } from '../../src/lib/time-text.ts';
import { hasOtherWays } from '../../src/store/selectors/act-key.ts';
import { type CardFact, type CardModel, cardOf } from '../../src/store/selectors/card.ts';
import { pipelineOf } from '../../src/store/selectors/rows.ts';
import type { Line, Pen, Span } from '../components/line.ts';
import { framed, hasKeys, type PaneInput, phaseLine, titleLine } from './pane.ts';

const formColumns = 6;
/** A time further away than this is told with its day. */
const oldMs = 20 * 3_600_000;

/** Why the selected item stands in the queue: what the program does otherwise, its question, its evidence. */
export function cardLines(input: PaneInput, pipelineInTitle = false): readonly Line[] {
  const { snapshot, pen } = input;
  const active = hasKeys(snapshot, 'card');
  const card = cardOf(snapshot.state, snapshot.subject);
  if (!card) {
    const title = titleLine(input, active, [pen.span('Why')], pipelineInTitle ? pipelineText(input) : '');
    return framed(input, title, [phaseLine(input, 'nothing is selected')]);
  }
  const read = card.observedAt === undefined ? '' : readText(input, card.observedAt, card.isFresh);
  const right = pipelineInTitle ? pipelineText(input) || read : read;
  const heading = pen.cell(
    `Why: ${card.title}`,
    Math.min(pen.safe(`Why: ${card.title}`).length, Math.max(8, input.columns - right.length - 8)),
    active ? 'strong' : 'title',
  );
  const title = titleLine(input, active, [heading], right);
  const all = bodyLines(input, card);
  const height = Math.max(1, input.rows - 1);
  const first = Math.max(0, Math.min(snapshot.desk.scroll.card ?? 0, all.length - height));
  const shown = all.slice(first, first + height);
  const below = all.length - first - shown.length;
  if (below > 0 && shown.length > 3) {
    shown[shown.length - 1] = pen.line(
      input.columns,
      pen.span(` (${below + 1} more lines: 8, then j; Enter shows all)`, 'dim'),
    );
  }
  return framed(input, title, shown);
}

/** Rows the card would fill at a width, title included. */
export function cardRows(input: Pick<PaneInput, 'snapshot' | 'pen' | 'columns'>): number {
  const card = cardOf(input.snapshot.state, input.snapshot.subject);
  return 1 + (card ? bodyLines(input, card).length : 1);
}

/** Since when it stands like this; where its source no longer answers, how old that is. */
function readText({ snapshot, columns }: PaneInput, at: Instant, isFresh: boolean): string {
  const { now, offsetMs } = snapshot;
  if (!isFresh) {
    const age = ageText(now - at);
    return `NOT FRESH: read ${age === 'now' ? 'now' : `${age} ago`}`;
  }
  if (columns < 60) return '';
  return `as of ${dayOf(at, now, offsetMs)}${clockText(at, offsetMs)}`;
}

/** The day of a time that is not of today, with the space after it. */
function dayOf(at: number, now: number, offsetMs: number): string {
  return Math.abs(now - at) > oldMs ? `${dateText(at, offsetMs).slice(5, 10)} ` : '';
}

/** All lines of a card. */
function bodyLines(input: Pick<PaneInput, 'snapshot' | 'pen' | 'columns'>, card: CardModel): Line[] {
  const { snapshot, pen, columns } = input;
  const { now, latest, offsetMs } = snapshot;
  const width = columns - 1;
  const lines: Line[] = [];
  // A text of several lines keeps them, at most so many rows in all; empty ones are left out.
  const add = (text: string, tone?: Span['tone'], most = 3): void => {
    let left = most;
    for (const line of text.split(/\r?\n/).filter((one) => one.trim() !== '')) {
      if (left <= 0) break;
      const wrapped = pen.wrapped(line, width, tone, left, columns < 60 ? 2 : 6);
      for (const row of wrapped) lines.push([pen.span(' '), ...row]);
      left -= wrapped.length;
    }
  };
  if (card.ghost)
    add(
      `${card.ghost.word} at ${clockText(card.ghost.at, offsetMs)}: acts are off, j or k moves on`,
      'warning',
    );
  for (const caution of card.cautions) add(`Note: ${caution}`, 'warning');
  if (card.heldBy !== undefined) {
    const until = card.heldUntil === undefined ? '' : ` until ${clockText(card.heldUntil, offsetMs)}`;
    add(`held by ${card.heldBy}${until}`, 'warning');
  }
  const { approval } = card;
  if (approval) {
    if (!approval.answerable) add(undecidableText(approval, card.cautions), 'warning');
    if (approval.question !== undefined) add(approval.question, 'strong', 4);
    if (approval.payload) {
      const payload = safeLines(approval.payload.text);
      add(
        `${approval.payload.form}, ${payload.length} ${payload.length === 1 ? 'line' : 'lines'} (a shows it whole)`,
        'dim',
      );
      if (approval.question === undefined)
        for (const line of payload.slice(0, 3))
          lines.push([pen.span('   '), { text: pen.cell(line, Math.max(0, width - 3)).text }]);
    } else if (approval.status === 'pending')
      add('no payload: what would be approved is not known', 'warning');
  }
  if (card.until !== undefined) {
    const deadline = deadlineText(card.until, latest, offsetMs, approval?.expiresGrainMs);
    add(`${deadline}: ${card.onExpiry ?? 'then nothing is known to happen'}`, 'warning');
  } else if (card.onExpiry !== undefined) add(`if nobody does anything: ${card.onExpiry}`);
  if (
    card.why !== undefined &&
    !card.facts.some((fact) => fact.text === card.why) &&
    card.why !== approval?.question
  )
    add(card.why);
  for (const fact of card.facts) lines.push(...factLines(pen, fact, columns, offsetMs, now));
  return lines;
}

/** Why it can't be decided; a reason that stands among the notes already is not said twice. */
function undecidableText(approval: Approval, cautions: readonly string[]): string {
  const word = hasOtherWays(approval) ? 'not to be decided, a shows the ways out' : 'watch only';
  const reason = approval.reason ?? 'it is decided elsewhere';
  return cautions.includes(reason) ? word : `${word}: ${reason}`;
}

function factLines(pen: Pen, fact: CardFact, columns: number, offsetMs: number, now: number): Line[] {
  const placeColumns = Math.max(12, Math.min(columns >= 100 ? 40 : 26, Math.floor(columns * 0.33)));
  const textColumns = columns - 1 - formColumns - placeColumns;
  if (textColumns < 16) {
    return [pen.line(columns, ` ${fact.form} ${fact.place}  ${fact.text}`)];
  }
  const at = fact.at === undefined ? '' : `${dayOf(fact.at, now, offsetMs)}${clockText(fact.at, offsetMs)} `;
  const wrapped = pen.wrapped(`${at}${fact.text}`, textColumns, undefined, 2);
  return wrapped.map((text, index) => [
    pen.cell(index === 0 ? ` ${fact.form}` : '', formColumns + 1, 'dim'),
    pen.cell(
      index === 0 ? endOf(pen, fact.place, placeColumns - 1) : '',
      placeColumns - 1,
      index === 0 ? 'title' : undefined,
    ),
    pen.span(' '),
    ...text,
  ]);
}

/** A place that is too long keeps its end: name and offset say more than the directories before them. */
function endOf(pen: Pen, place: string, columns: number): string {
  const safe = pen.safe(place);
  return safe.length <= columns ? place : `...${[...safe].slice(-Math.max(1, columns - 3)).join('')}`;
}

/** The layers of the subject's system in a few characters: `coherence ?goal ?orchestr. xexecution`. */
function pipelineText(input: PaneInput): string {
  const open = pipelineOf(input.snapshot).systems[0];
  if (!open || open.layers.length === 0) return '';
  const text = `${open.system.id} ${open.layers.map((layer) => layerSign(layer) + layer.name.slice(0, 8)).join(' ')}`;
  return text.length > input.columns / 2 ? text.slice(0, Math.floor(input.columns / 2)) : text;
}

/** + fine, ! wants a look, x failed, ? not known. */
export function layerSign(layer: Layer): string {
  switch (layer.status) {
    case 'ok':
      return '+';
    case 'attention':
      return '!';
    case 'failed':
      return 'x';
    case 'unknown':
      return '?';
  }
}
