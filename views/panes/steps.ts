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
  const done = playbook.steps.filter((step) => step.state === 'done').length;
  const title = titleLine(input, active, [label], `${done} of ${playbook.steps.length}`);
  const cursor = active ? Math.max(0, Number(desk.selected.steps ?? '0')) : -1;
  const first = firstRow(cursor, playbook.steps.length, input.rows - 1);
  const lines = playbook.steps
    .slice(first, first + input.rows - 1)
    .flatMap((step, index): readonly Line[] => {
      const number = first + index;
      const isCursor = number === cursor;
      const box = step.state === 'done' ? '[x]' : step.state === 'unknown' ? '[?]' : '[ ]';
      const sign = step.type === 'note' ? ' - ' : box;
      const key = step.offer
        ? menuKeys[step.offer.menu] + (step.offer.disabled === undefined ? '' : '-')
        : '';
      const off = step.offer?.disabled === undefined ? '' : ` (not now: ${step.offer.disabled})`;
      const room = columns - 1 - keyColumns;
      const text = `${sign}${number + 1} ${step.text}${off}`;
      const tone = step.state === 'done' ? 'dim' : isCursor ? 'strong' : undefined;
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
