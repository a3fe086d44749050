import { safeLines } from '../../src/lib/safe-text.ts';
import { wrapText } from '../../src/lib/text-width.ts';
import type { ActPage } from '../../src/store/selectors/act-page.ts';
import { memoLast } from '../../src/store/selectors/memo.ts';
import { fitRows, type Line, type Pen, type Span } from '../components/line.ts';
import { actTone, stageTone } from '../panes/acts.ts';
import { titleLine } from '../panes/pane.ts';

/** Names of fields take what the longest needs, within these. */
const nameColumns = 10;
const nameColumnsMax = 26;

/** The page of an act laid out for a size. */
export interface ActView {
  readonly lines: readonly Line[];
  /** The largest scroll. */
  readonly end: number;
  /** Rows of the part that is scrolled. */
  readonly height: number;
}

/**
 * How an act stands and its stages, always in view; below, scrolled, what it was and what its program has written so
 * far. `scroll` `'end'`: the newest of the output.
 */
export function actView(
  pen: Pen,
  page: ActPage,
  scroll: number | 'end',
  columns: number,
  rows: number,
): ActView {
  const head = headLines(pen, page, columns);
  // On a small screen the stages give way: what runs now is the newest of the output.
  const headRows = Math.min(head.length, Math.max(1, Math.floor((rows - 2) * 0.6)));
  const body = bodyLines(pen, page, columns);
  const height = Math.max(0, rows - 2 - headRows);
  const end = Math.max(0, body.length - height);
  const first = scroll === 'end' ? end : Math.min(scroll, end);
  const last = Math.min(body.length, first + height);
  const place = body.length > height ? `${first + 1}-${last} of ${body.length}` : '';
  const follow = page.act.status !== 'running' ? '' : scroll === 'end' ? 'follows  ' : 'still (G follows)  ';
  return {
    lines: [
      titleLine({ pen, columns }, true, [pen.span(page.title, 'strong')], page.act.status),
      ...fitRows(head, headRows),
      titleLine(
        { pen, columns },
        false,
        [pen.span('What and output', 'title')],
        `${follow}${place}`.trimEnd(),
      ),
      ...fitRows(body.slice(first, last), height),
    ].slice(0, Math.max(0, rows)),
    end,
    height,
  };
}

function headLines(pen: Pen, page: ActPage, columns: number): readonly Line[] {
  const tone = actTone(page.act);
  return [
    pen.line(columns, pen.cell(' outcome', nameColumns + 1, 'dim'), pen.span(page.outcome, tone)),
    ...(page.next === undefined
      ? []
      : [pen.line(columns, pen.cell(' next', nameColumns + 1, 'dim'), pen.span(page.next, 'strong'))]),
    ...page.stages.flatMap((stage): readonly Line[] => {
      const sign = stage.state === 'seen' ? '+' : stage.state === 'contradicted' ? 'x' : '.';
      return pen
        .wrapped(`${sign} ${stage.text}`, Math.max(1, columns - 3), stageTone(stage.state), 2, 2)
        .map((line): Line => [pen.span('   '), ...line]);
    }),
  ];
}

function bodyLines(pen: Pen, page: ActPage, columns: number): readonly Line[] {
  const longest = Math.max(nameColumns, ...page.fields.map(([name]) => name.length));
  const names = columns < 80 ? nameColumns : Math.min(nameColumnsMax, longest);
  const width = Math.max(1, columns - names - 2);
  const fields = page.fields.flatMap(([name, text]) =>
    safeLines(text).flatMap((line, row) =>
      pen
        .wrapped(line, width)
        .map(
          (part, index): Line => [
            pen.cell(row === 0 && index === 0 ? ` ${name}` : '', names + 1, 'dim'),
            pen.span(' '),
            ...part,
          ],
        ),
    ),
  );
  if (page.output === '') {
    const text = page.act.status === 'running' ? 'nothing was written yet' : 'nothing was written';
    return [
      ...fields,
      pen.line(columns, pen.cell(' output', nameColumns + 1, 'dim'), pen.span(` ${text}`, 'dim')),
    ];
  }
  return [
    ...fields,
    pen.line(columns, pen.span(' output', 'dim')),
    ...outputLines(pen, page.output, columns),
  ];
}

/** Wrapped once per text and width: an output may be a million characters. */
const outputLines = memoLast((pen: Pen, output: string, columns: number): readonly Line[] =>
  safeLines(output).flatMap((line): readonly Line[] => {
    const safe = pen.safe(line);
    if (safe === '') return [[]];
    return wrapText(safe, Math.max(1, columns - 1)).map(
      (text): Line => [pen.span(' '), { text } satisfies Span],
    );
  }),
);
