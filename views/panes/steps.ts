import { type PlaybookView, type StepView, stepCounts } from '../../src/domain/steps.ts';
import { widthOf } from '../../src/lib/text-width.ts';
import { clockText } from '../../src/lib/time-text.ts';
import { menuKeys } from '../../src/store/selectors/act-key.ts';
import { type Line, padLine } from '../components/line.ts';
import { firstRow, framed, hasKeys, type PaneInput, paneLabel, phaseLine, titleLine } from './pane.ts';

const keyColumns = 4;

/** The runbook's procedure for the condition, with what is done already. */
export function stepsLines(input: PaneInput): readonly Line[] {
  const { snapshot, pen, columns } = input;
  const { companion, desk } = snapshot;
  const active = hasKeys(snapshot, 'steps');
  const playbook = companion.playbook;
  const label = paneLabel(pen, 'steps', playbook ? `Steps: ${playbook.title}` : 'Steps', active);
  if (!playbook) {
    const text =
      companion.error !== undefined
        ? `not known: ${companion.error}`
        : snapshot.subject.ghost
          ? 'it is over, and its steps with it: what was done of them stands in :timeline'
          : playbook === undefined && companion.target
            ? 'asking ...'
            : 'no steps are written for this';
    return framed(input, titleLine(input, active, [label], ''), [phaseLine(input, text)]);
  }
  const title = titleLine(input, active, [label], progressText(input, playbook));
  const cursor = active ? Math.max(0, Number(desk.selected.steps ?? '0')) : -1;
  const room = columns - 1 - keyColumns;
  const height = input.rows - 1;
  const first = firstRow(cursor, playbook.steps.length, height);
  const shown = playbook.steps.slice(first, first + height);
  const rowsOf = (wholly: (isCursor: boolean) => boolean): readonly Line[] =>
    shown.flatMap((step, index) => {
      const number = first + index;
      const isCursor = number === cursor;
      const isNext = number === playbook.next;
      return stepRows(input, step, { number, isCursor, isNext, isWhole: wholly(isCursor), room });
    });
  // Where all fit they are shown whole; else the one one is at, and the others in a row each.
  const whole = rowsOf(() => true);
  const lines = first === 0 && whole.length <= height ? whole : rowsOf((isCursor) => isCursor);
  return framed(input, title, lines);
}

interface StepPlacement {
  readonly number: number;
  readonly isCursor: boolean;
  readonly isNext: boolean;
  readonly isWhole: boolean;
  /** Columns for its text. */
  readonly room: number;
}

/** One step: its box, number and words, who did it, and at the right the key that helps. */
function stepRows(input: PaneInput, step: StepView, at: StepPlacement): readonly Line[] {
  const { pen } = input;
  const { isCursor, isNext, isWhole, room } = at;
  const { offer, state } = step;
  const key = offer ? menuKeys[offer.menu] + (offer.disabled === undefined ? '' : '-') : '';
  const off = offer?.disabled === undefined || state === 'done' ? '' : ` (not now: ${offer.disabled})`;
  const isOver = state === 'done' || state === 'skipped';
  const tone = isCursor || isNext ? 'strong' : isOver ? 'dim' : undefined;
  const head = pen.span(isCursor ? '>' : ' ', 'strong');
  const end = pen.cell(key, keyColumns, 'strong', 'right');
  const text = `${boxOf(step, isNext)}${at.number + 1} ${step.text}${off}`;
  const mark = markText(step, input);
  const fits = widthOf(pen.safe(text + mark)) <= room;
  if (fits || !isWhole) {
    // Who did it is read even where the words of the step are cut.
    const markColumns = Math.min(pen.safe(mark).length, Math.floor(room / 2));
    const textColumns = Math.min(pen.safe(text).length, room - markColumns);
    return [[head, pen.cell(text, textColumns, tone), pen.cell(mark, room - textColumns, tone), end]];
  }
  return pen
    .wrapped(text + mark, room, tone, 4, 6)
    .map((line, row) => (row === 0 ? [head, ...padLine(line, room), end] : [pen.span(' '), ...line]));
}

/** `2 of 5, 1 skipped, alice 03:14`: how far it is, and who was at it last. */
function progressText({ snapshot, columns }: PaneInput, playbook: PlaybookView): string {
  const { done, skipped } = stepCounts(playbook);
  const { run } = playbook;
  const left = skipped === 0 ? '' : `, ${skipped} skipped`;
  const who =
    run && columns >= 60 ? `, ${run.lastBy} ${clockText(run.lastAt, snapshot.offsetMs, 'minutes')}` : '';
  return `${done} of ${playbook.steps.length}${left}${who}`;
}

/** How a step stands, by shape: `[>]` is next, `[~]` under way, `[!]` ran and was not seen to work. */
function boxOf({ mark, state }: StepView, isNext: boolean): string {
  switch (state) {
    case 'done':
      return '[x]';
    case 'skipped':
      return '[-]';
    case 'unknown':
      return '[?]';
    case 'open':
      if (mark?.status === 'running') return '[~]';
      if (mark?.status !== undefined) return '[!]';
      return isNext ? '[>]' : '[ ]';
  }
}

/** Who did it when, and how that went where it did not go well. */
function markText({ mark, state }: StepView, { snapshot }: PaneInput): string {
  if (!mark) return '';
  const when = clockText(mark.at, snapshot.offsetMs, 'minutes');
  const who = mark.by === '' ? `seen ${when}` : `${mark.by} ${when}`;
  const how = state === 'open' && mark.status !== undefined ? ` ${mark.status.replaceAll('-', ' ')}` : '';
  const said = mark.remark === undefined ? '' : `: ${mark.remark}`;
  return `  -- ${state === 'skipped' ? 'skipped, ' : ''}${who}${how}${said}`;
}
