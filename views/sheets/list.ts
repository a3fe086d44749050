import type { ListMode } from '../../src/store/mode.ts';
import type { Line, Pen } from '../components/line.ts';
import { titleLine } from '../panes/pane.ts';
import { confirmLines, type DialogView, previewLines, scrolledOver } from './dialog.ts';

/**
 * One act on all marked rows before it is started: for each of them what a dialog would show, then those it is not for.
 * One confirmation is for the whole list.
 */
export function listView(
  pen: Pen,
  mode: ListMode,
  offsetMs: number,
  columns: number,
  height: number,
): DialogView {
  const { list, left } = mode;
  const count = list.items.length;
  const doable = list.items.filter(({ preview }) => preview.refused === undefined).length;
  const rule = (name: string): Line =>
    titleLine({ pen, columns }, false, [pen.span(` ${name}`, 'title')], '');
  const body: Line[] = [];
  list.items.forEach(({ preview }, index) => {
    const name = `${index + 1} of ${count}  ${preview.targetTitle}`;
    body.push(rule(name));
    if (preview.refused !== undefined) {
      body.push(...pen.wrapped(` not done: ${preview.refused}`, columns, 'warning', 20, 11));
      return;
    }
    body.push(...previewLines(pen, preview, offsetMs, columns));
  });
  if (left.length > 0) {
    body.push(rule('not in the list'));
    for (const { title, why } of left)
      body.push(...pen.wrapped(` ${title}: ${why}`, columns, 'warning', 20, 5));
  }
  const refused = list.refused ?? (doable === 0 ? 'none of them can be done' : undefined);
  const of = doable === count ? `all ${count}` : `${doable} of ${count}`;
  const foot = [
    ...(refused === undefined ? [] : pen.wrapped(` Refused: ${refused}`, columns, 'alarm', 4, 10)),
    ...confirmLines(
      pen,
      mode,
      {
        title: `${mode.title}, ${of}, one after the other`,
        confirmation: list.confirmation,
        ...(list.code === undefined ? {} : { code: list.code }),
        isOff: refused !== undefined,
      },
      columns,
    ),
  ];
  return scrolledOver(pen, body, foot, mode.scroll, columns, height);
}
