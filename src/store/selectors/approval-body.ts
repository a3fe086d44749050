import type { Approval } from '../../domain/entity.ts';
import type { LogRow } from '../../domain/log.ts';
import { asciiText, type SafeText, safeText } from '../../lib/safe-text.ts';
import { wrapText } from '../../lib/text-width.ts';
import { clockText, dateText } from '../../lib/time-text.ts';
import type { ApprovalMode } from '../mode.ts';
import type { CockpitState } from '../state.ts';
import { factsOf } from './card.ts';
import { memoLast } from './memo.ts';

/** What a line of the card is, for its look. `payload`, `added` and `removed` stand behind a bar. */
export type CardTone =
  | 'plain'
  | 'caution'
  | 'dim'
  | 'strong'
  | 'off'
  | 'input'
  | 'rule'
  | 'payload'
  | 'added'
  | 'removed';

export interface CardLine {
  readonly text: SafeText;
  readonly tone: CardTone;
}

/** The part of the card that is scrolled, and where in it the payload stands. */
export interface ApprovalBody {
  readonly lines: readonly CardLine[];
  readonly payloadFrom: number;
  /** The line after the last of the payload; equal to `payloadFrom` where there is none. */
  readonly payloadTo: number;
}

/** How wide the card is, and whether the terminal shows nothing but ASCII: lines are broken as they will be drawn. */
export interface CardPaper {
  readonly columns: number;
  readonly ascii: boolean;
  readonly offsetMs: number;
}

/** Columns of the bar before a line of the payload. */
const barColumns = 3;
/** Longest text shown of a piece of evidence or a log row; both are whole in their own places. */
const longestText = 600;
const oldMs = 20 * 3_600_000;

/** Raw text as lines of the card, whole. */
export function cardLines(
  raw: string,
  tone: CardTone,
  { columns, ascii }: Pick<CardPaper, 'columns' | 'ascii'>,
  indent = 0,
): readonly CardLine[] {
  const width = Math.max(1, columns - 1 - indent);
  return raw.split('\n').flatMap((part) => {
    const line = safeText(part, Number.POSITIVE_INFINITY);
    return wrapText(ascii ? asciiText(line) : line, width).map((text, index) => ({
      text: (index === 0 || indent === 0 ? text : `${' '.repeat(indent)}${text}`) as SafeText,
      tone,
    }));
  });
}

/** The lines of a payload, every one to its last character: what is approved must have been there to read. */
const payloadLines = memoLast(
  (text: string, columns: number, ascii: boolean, isDiff: boolean): readonly CardLine[] =>
    text.split('\n').flatMap((raw, index, all) => {
      if (raw === '' && index === all.length - 1 && index > 0) return [];
      const line = safeText(raw.endsWith('\r') ? raw.slice(0, -1) : raw, Number.POSITIVE_INFINITY);
      const tone = isDiff ? diffTone(line) : 'payload';
      const shown = ascii ? asciiText(line) : line;
      if (shown === '') return [{ text: shown, tone }];
      return wrapText(shown, Math.max(1, columns - barColumns)).map((part) => ({ text: part, tone }));
    }),
);

function diffTone(line: string): CardTone {
  if (line.startsWith('+') && !line.startsWith('+++')) return 'added';
  return line.startsWith('-') && !line.startsWith('---') ? 'removed' : 'payload';
}

/**
 * What the program does differently first; then what would run, once a decision was chosen; then the question, the whole
 * payload, the evidence and the log around the time it was asked at.
 */
export function approvalBody(
  state: CockpitState,
  mode: ApprovalMode,
  run: readonly CardLine[],
  paper: CardPaper,
): ApprovalBody {
  const { shown, around } = mode;
  const lines: CardLine[] = [];
  const add = (raw: string, tone: CardTone, indent = 0): void => {
    lines.push(...cardLines(raw, tone, paper, indent));
  };
  for (const caution of shown.cautions ?? []) {
    // Why it can't be decided stands at the head already.
    const isAtHead = !shown.answerable && caution === shown.reason;
    if (!isAtHead) add(`Note: ${caution}`, 'caution', 6);
  }
  lines.push(...run);
  if (shown.question !== undefined && shown.question !== shown.payload?.text) add(shown.question, 'strong');
  const about = [shown.subject && `for ${shown.subject}`, shown.risk && `risk ${shown.risk}`].filter(Boolean);
  if (shown.requestedAt !== undefined) about.push(`asked ${whenText(shown.requestedAt, state, paper)}`);
  if (about.length > 0) add(about.join(', '), 'plain');
  const payload = shown.payload
    ? payloadLines(shown.payload.text, paper.columns, paper.ascii, shown.payload.form === 'diff')
    : [];
  if (shown.payload) {
    const count = shown.payload.text.split('\n').length;
    add(`${shown.payload.form}, ${count} ${count === 1 ? 'line' : 'lines'}`, 'rule');
  }
  const payloadFrom = lines.length;
  for (const line of payload) lines.push(line);
  addEvidence(state, shown, add, paper);
  if (around) addLog(state, around, shown, add, paper);
  return { lines, payloadFrom, payloadTo: payloadFrom + payload.length };
}

/** A time that could be taken for one of today is told with its day. */
function whenText(at: number, { now }: CockpitState, { offsetMs }: CardPaper): string {
  return Math.abs(now - at) < oldMs ? clockText(at, offsetMs) : dateText(at, offsetMs);
}

type Add = (raw: string, tone: CardTone, indent?: number) => void;

function addEvidence(state: CockpitState, shown: Approval, add: Add, paper: CardPaper): void {
  add('evidence', 'rule');
  for (const fact of factsOf(state, shown)) {
    const at = fact.at === undefined ? '' : `${whenText(fact.at, state, paper)} `;
    add(`${fact.form.padEnd(5)} ${fact.place}  ${at}${safeText(fact.text, longestText)}`, 'plain', 6);
  }
}

function addLog(
  state: CockpitState,
  { rows, widened }: NonNullable<ApprovalMode['around']>,
  { requestedAt }: Approval,
  add: Add,
  paper: CardPaper,
): void {
  const { offsetMs } = paper;
  const whose = widened ? ' of its system (no line names it)' : '';
  const when = requestedAt === undefined ? ', the newest' : ` around ${whenText(requestedAt, state, paper)}`;
  if (rows.length === 0) {
    add(`log${when}: no line`, 'rule');
    return;
  }
  add(`log${whose}${when}`, 'rule');
  let isAfter = requestedAt === undefined || (rows[0]?.sortAt ?? 0) > requestedAt;
  for (const row of rows) {
    if (!isAfter && requestedAt !== undefined && row.sortAt > requestedAt) {
      add(`${clockText(requestedAt, offsetMs)}  ---- asked ----`, 'dim');
      isAfter = true;
    }
    add(rowText(row, offsetMs), row.level === 'error' ? 'caution' : 'plain', 10);
  }
}

function rowText(row: LogRow, offsetMs: number): string {
  const time = `${row.at === undefined ? '~' : ' '}${clockText(row.sortAt, offsetMs)}`;
  const who = row.form === 'change' ? 'CHANGE' : (row.origin ?? row.path);
  return `${time}  ${who}  ${safeText(row.text, longestText)}`;
}
