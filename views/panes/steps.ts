import { type PlaybookView, type StepView, stepCounts } from '../../src/domain/steps.ts';
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
        : playbook === undefined && companion.target
          ? 'asking ...'
          : 'no steps are written for this';
    return framed(input, titleLine(input, active, [label], ''), [phaseLine(input, text)]);
  }
  const title = titleLine(input, active, [label], progressText(input, playbook));
  const cursor = active ? Math.max(0, Number(desk.selected.steps ?? '0')) : -1;
  const first = firstRow(cursor, playbook.steps.length, input.rows - 1);
  const lines = playbook.steps
    .slice(first, first + input.rows - 1)
    .flatMap((step, index): readonly Line[] => {
      const number = first + index;
      const isCursor = number === cursor;
      const key = step.offer
        ? menuKeys[step.offer.menu] + (step.offer.disabled === undefined ? '' : '-')
        : '';
      const off =
        step.offer?.disabled === undefined || step.state === 'done'
          ? ''
          : ` (not now: ${step.offer.disabled})`;
      const room = columns - 1 - keyColumns;
      const text = `${boxOf(step, number === playbook.next)}${number + 1} ${step.text}${off}${markText(step, input)}`;
      const isOver = step.state === 'done' || step.state === 'skipped';
      const tone = isCursor || number === playbook.next ? 'strong' : isOver ? 'dim' : undefined;
      const head = pen.span(isCursor ? '>' : ' ', 'strong');
      const end = pen.cell(key, keyColumns, 'strong', 'right');
      // The step one is at is shown whole; the others in a row each.
      const wrapped = isCursor ? pen.wrapped(text, room, tone, 4, 6) : [];
      if (wrapped.length < 2) return [[head, pen.cell(text, room, tone), end]];
      return wrapped.map((line, row) =>
        row === 0 ? [head, ...padLine(line, room), end] : [pen.span(' '), ...line],
      );
    });
  return framed(input, title, lines);
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
