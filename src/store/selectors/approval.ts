import type { Approval } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { safeLines } from '../../lib/safe-text.ts';
import { deadlineText } from '../../lib/time-text.ts';
import type { ApprovalMode } from '../mode.ts';
import type { CockpitState } from '../state.ts';
import { approvalBody, type CardLine, type CardPaper, type CardTone, cardLines } from './approval-body.ts';
import { decisionsOf, verdictOf } from './decision.ts';

/** The card of an approval laid out for a size: the part of its body in view, and where the payload's end is. */
export interface ApprovalPage {
  /** Why nothing can be decided, where that is so. */
  readonly head: readonly CardLine[];
  /** The part of the body in view. */
  readonly body: readonly CardLine[];
  /** Deadline, and the decisions or what is being asked: always in view. */
  readonly foot: readonly CardLine[];
  /** First line in view, after clamping, the largest it can be, and how many there is room for. */
  readonly first: number;
  readonly end: number;
  readonly bodyRows: number;
  /** Lines of the body below those in view. */
  readonly below: number;
  readonly payload: {
    readonly count: number;
    /** Lines of the payload in view, from 1; 0 when none is. */
    readonly from: number;
    readonly to: number;
    /** The scroll that has its end in view. */
    readonly endAt: number;
  };
  readonly endInView: boolean;
}

/** Lays the card out for `columns` x `rows`. `latest`: how long the frame may stand, what is left is judged by it. */
export function approvalPage(
  state: CockpitState,
  mode: ApprovalMode,
  latest: Instant,
  paper: CardPaper,
  rows: number,
): ApprovalPage {
  const brief = rows < 16;
  const stop = verdictOf(state, mode, paper.offsetMs);
  const head = stop === undefined ? [] : cardLines(stop, 'caution', paper, 2).slice(0, brief ? 1 : 4);
  const prompt = promptOf(state, mode, paper, brief);
  const foot = [
    ...troubleOf(mode, paper).slice(0, brief ? 2 : 6),
    ...cardLines(deadlineOf(mode.shown, latest, paper.offsetMs), 'strong', paper, 2).slice(0, brief ? 1 : 2),
    ...prompt,
  ].slice(-Math.max(1, rows - head.length - 1));
  const { lines, payloadFrom, payloadTo } = approvalBody(state, mode, runLines(mode, paper), paper);
  // A rule stands between the body and the foot.
  const bodyRows = Math.max(0, rows - head.length - foot.length - 1);
  const end = Math.max(0, lines.length - bodyRows);
  const first = Math.max(0, Math.min(mode.scroll, end));
  const last = Math.min(lines.length, first + bodyRows);
  const count = payloadTo - payloadFrom;
  const from = Math.max(first, payloadFrom);
  const to = Math.min(last, payloadTo);
  const inView = to > from;
  return {
    head,
    body: lines.slice(first, last),
    foot,
    first,
    end,
    bodyRows,
    below: lines.length - last,
    payload: {
      count,
      from: inView ? from - payloadFrom + 1 : 0,
      to: inView ? to - payloadFrom : 0,
      endAt: Math.max(0, Math.min(end, payloadTo - bodyRows)),
    },
    endInView: count > 0 && inView && to === payloadTo,
  };
}

/** Until when, what is left as exactly as the source knows it, and what happens if nobody answers. */
function deadlineOf(shown: Approval, latest: Instant, offsetMs: number): string {
  const { expiresAt, expiresGrainMs } = shown;
  if (expiresAt === undefined) return `if nobody answers: ${shown.onExpiry ?? 'it goes on waiting'}`;
  const then = shown.onExpiry ?? 'it goes on waiting';
  return `${deadlineText(expiresAt, latest, offsetMs, expiresGrainMs)}, then: ${then}`;
}

function troubleOf(mode: ApprovalMode, paper: CardPaper): readonly CardLine[] {
  return [
    ...(mode.error === undefined
      ? []
      : cardLines(`The engine did not answer: ${mode.error}`, 'caution', paper, 2)),
    ...(mode.refused === undefined ? [] : cardLines(`Refused: ${mode.refused}`, 'caution', paper, 2)),
  ];
}

/** What a decision would run, whole: what is confirmed must be there to read. */
function runLines({ preview, shown, stage }: ApprovalMode, paper: CardPaper): readonly CardLine[] {
  if (!preview || stage === 'card') return [];
  const lines: CardLine[] = [];
  const add = (text: string, tone: CardTone): void => {
    lines.push(...cardLines(text, tone, paper, 10));
  };
  add(`${preview.title}: what it runs`, 'rule');
  if (preview.earlier !== undefined)
    add(`before    attempt ${preview.attempt - 1}: ${preview.earlier}`, 'caution');
  for (const warning of preview.warnings) {
    // What stands among the notes right above is not said twice.
    if (shown.cautions?.includes(warning) !== true) add(`warning   ${warning}`, 'caution');
  }
  for (const strand of preview.strands) add(`leaves    ${strand}`, 'caution');
  add(`where     ${preview.root}${preview.environment ? `, environment ${preview.environment}` : ''}`, 'dim');
  for (const command of preview.commands) add(`runs      ${command}`, 'strong');
  for (const stageState of preview.expected) add(`expects   ${stageState.title}`, 'plain');
  add(`undo      ${preview.undo}`, 'dim');
  return lines;
}

/** Columns of a decision's number and key: `2 Enter`. */
const keyColumns = 9;

/** The decisions, or what is being asked: always on the screen. */
function promptOf(
  state: CockpitState,
  mode: ApprovalMode,
  paper: CardPaper,
  brief: boolean,
): readonly CardLine[] {
  const lines: CardLine[] = [];
  const add = (text: string, tone: CardTone, most = 2): void => {
    lines.push(...cardLines(text, tone, paper).slice(0, most));
  };
  const title = mode.offer?.title ?? '';
  const decisions = decisionsOf(state, mode, paper.offsetMs);
  // One reason that stops all of them is said once.
  const first = decisions[0]?.off;
  const common = decisions.length > 1 && decisions.every(({ off }) => off === first) ? first : undefined;
  switch (mode.stage) {
    case 'card':
      if (!mode.offers && mode.error === undefined) add('asking what can be done...', 'dim');
      decisions.forEach((decision, index) => {
        const name = `${index + 1} ${decision.key ?? ''}`.padEnd(keyColumns);
        const tone = decision.off === undefined ? 'strong' : 'off';
        const text = `${name}${decision.offer.title}: ${decision.offer.does}`;
        const off = decision.off === undefined || common ? '' : `[not now: ${decision.off}]`;
        if (brief && off !== '') {
          lines.push(
            ...cardLines(`${name}${decision.offer.title} ${off}`, tone, paper, keyColumns).slice(0, 1),
          );
          return;
        }
        lines.push(...cardLines(text, tone, paper, keyColumns).slice(0, brief ? 1 : 2));
        if (off !== '')
          lines.push(...cardLines(`${' '.repeat(keyColumns)}${off}`, tone, paper, keyColumns).slice(0, 2));
      });
      if (common) add(`${' '.repeat(keyColumns)}[none of these now: ${common}]`, 'off');
      add(`${'Esc'.padEnd(keyColumns)}no, back`, 'plain', 1);
      break;
    case 'text': {
      const spec = mode.offer?.params.find((param) => mode.params[param.name] === undefined);
      const asked = spec?.title ?? 'text';
      const wanted = asked.toLowerCase() === title.toLowerCase() ? title : `${title}. ${asked}`;
      add(`${wanted}${spec?.hint ? ` (${spec.hint})` : ''}:`, 'strong');
      const typed = safeLines(mode.text);
      const more = typed.length > 5 ? `  (${typed.length} lines, the last five)` : '';
      typed.slice(-5).forEach((line, index, shown) => {
        add(`> ${line}${index === shown.length - 1 ? `_${more}` : ''}`, 'input', 3);
      });
      add('Enter shows what it will run, Ctrl-e writes it in $EDITOR, Esc leaves', 'dim', 1);
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
      if (!brief)
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
