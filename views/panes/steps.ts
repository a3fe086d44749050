import { menuKeys } from '../../src/store/selectors/act-key.ts';
import type { Line } from '../components/line.ts';
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
  const lines = playbook.steps.slice(first, first + input.rows - 1).map((step, index): Line => {
    const number = first + index;
    const box = step.state === 'done' ? '[x]' : step.state === 'unknown' ? '[?]' : '[ ]';
    const sign = step.type === 'note' ? ' - ' : box;
    const key = step.offer ? menuKeys[step.offer.menu] + (step.offer.disabled === undefined ? '' : '-') : '';
    const off = step.offer?.disabled === undefined ? '' : ` (not now: ${step.offer.disabled})`;
    return [
      pen.span(number === cursor ? '>' : ' ', 'strong'),
      pen.cell(
        `${sign}${number + 1} ${step.text}${off}`,
        columns - 1 - keyColumns,
        step.state === 'done' ? 'dim' : undefined,
      ),
      pen.cell(key, keyColumns, 'strong', 'right'),
    ];
  });
  return framed(input, title, lines);
}
