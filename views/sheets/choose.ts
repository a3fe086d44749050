import type { PaletteRow } from '../../src/commands/command.ts';
import { asideChoices } from '../../src/commands/items.ts';
import { riskWords } from '../../src/domain/act-text.ts';
import type { Mode } from '../../src/store/mode.ts';
import { fitRows, type Line, type Pen } from '../components/line.ts';
import { firstRow } from '../panes/pane.ts';

/** The palette: a line to type, and the commands that fit, best first, with key and command line. */
export function paletteLines(
  pen: Pen,
  mode: Extract<Mode, { type: 'palette' }>,
  rows: readonly PaletteRow[],
  columns: number,
  height: number,
): readonly Line[] {
  const lines: Line[] = [pen.line(columns, pen.span(` :${mode.text}_`, 'input'))];
  // The chosen row is told in full at the foot: its command line may be long, and so may the reason.
  const room = Math.max(1, height - 3);
  const cursor = Math.min(mode.index, rows.length - 1);
  const first = firstRow(cursor, rows.length, room);
  const wide = columns >= 90;
  for (const [index, row] of rows.slice(first, first + room).entries()) {
    const isCursor = first + index === cursor;
    const off = row.off === undefined ? '' : `  [not now: ${row.off}]`;
    const tone = row.off === undefined ? (isCursor ? 'strong' : undefined) : 'off';
    const titleColumns = wide ? Math.floor(columns * 0.5) : columns - 12;
    lines.push(
      pen.line(
        columns,
        pen.span(isCursor ? '>' : ' ', 'strong'),
        pen.cell(row.keys, 10, 'strong'),
        ' ',
        pen.cell(`${row.title}${off}`, titleColumns, tone),
        ...(wide ? [pen.span(` ${row.cli}`, 'dim')] : []),
      ),
    );
  }
  if (rows.length === 0) lines.push(pen.line(columns, pen.span(' no command with these letters', 'dim')));
  const chosen = rows[cursor];
  if (!chosen || height < 4) return fitRows(lines, height);
  const foot = [
    pen.line(columns, pen.span(chosen.cli === '' ? '' : ` on the command line: ${chosen.cli}`, 'dim')),
    pen.line(columns, pen.span(chosen.off === undefined ? '' : ` not now: ${chosen.off}`, 'warning')),
  ];
  return [...fitRows(lines, height - 2), ...foot];
}

/** A menu of acts: each with what it really does, and why it can't be done now. */
export function menuLines(
  pen: Pen,
  mode: Extract<Mode, { type: 'menu' }>,
  hasSteps: boolean,
  columns: number,
  height: number,
): readonly Line[] {
  const stepsHint = hasSteps ? ', then b: its steps name the acts that help' : '';
  const lines: Line[] = [pen.line(columns, ' ', pen.span(mode.targetTitle, 'strong'))];
  if (!mode.offers) lines.push(pen.line(columns, pen.span(' asking what applies ...', 'dim')));
  if (mode.error !== undefined) {
    lines.push(...pen.wrapped(` The engine did not answer: ${mode.error}`, columns, 'alarm', 3, 2));
  } else if (mode.offers?.length === 0) {
    lines.push(
      pen.line(
        columns,
        mode.marked
          ? ` nothing of that kind applies to any of them${mode.marked.some(({ ref }) => ref.type === 'approval') ? '; approvals are decided one at a time' : ''}; Esc goes back`
          : mode.menu === 'all'
            ? ` no act applies to this ${mode.target.type} itself; Esc goes back${stepsHint}`
            : ` nothing of that kind applies to this ${mode.target.type}; A shows every act, Esc goes back${stepsHint}`,
      ),
    );
  }
  const blocks = (mode.offers ?? []).map((offer, index): Line[] => {
    const isCursor = index === mode.index;
    const tone = offer.disabled === undefined ? (isCursor ? 'strong' : undefined) : 'off';
    const block: Line[] = [
      pen.line(
        columns,
        pen.span(isCursor ? '>' : ' ', 'strong'),
        pen.span(`${offer.title}`, tone),
        pen.span(`  ${offer.act}, ${riskWords[offer.risk]}`, 'dim'),
      ),
    ];
    block.push(...pen.wrapped(`     ${offer.does}`, columns, undefined, 2, 5));
    const able = mode.lists?.[offer.act]?.rows.length;
    if (mode.marked && able !== undefined && able < mode.marked.length && able > 0)
      block.push(
        pen.line(columns, pen.span(`     for ${able} of the ${mode.marked.length} marked rows`, 'warning')),
      );
    if (offer.disabled !== undefined)
      block.push(...pen.wrapped(`     not now: ${offer.disabled}`, columns, 'warning', 2, 5));
    return block;
  });
  // The chosen one stays in view: whole blocks before it go when there is no room.
  let from = 0;
  const room = height - lines.length;
  const used = (): number => blocks.slice(from, mode.index + 1).reduce((sum, block) => sum + block.length, 0);
  while (from < mode.index && used() > room) from += 1;
  return fitRows([...lines, ...blocks.slice(from).flat()], height);
}

/** How long to set an item aside. */
export function asideLines(
  pen: Pen,
  mode: Extract<Mode, { type: 'aside' }>,
  marked: number,
  columns: number,
  height: number,
): readonly Line[] {
  const what =
    marked > 0
      ? `${marked} marked ${marked === 1 ? 'item' : 'items'}`
      : `${mode.item.label} ${mode.item.system} ${mode.item.title}`;
  const lines: Line[] = [
    pen.line(columns, ' ', pen.span(what, 'strong')),
    ...pen.wrapped(
      ` It leaves the queue of everybody at this host. The system is not touched.`,
      columns,
      'dim',
      2,
    ),
  ];
  asideChoices.forEach((choice, index) => {
    const isCursor = index === mode.index;
    lines.push(
      pen.line(
        columns,
        pen.span(isCursor ? '>' : ' ', 'strong'),
        pen.span(choice, isCursor ? 'strong' : undefined),
      ),
    );
  });
  if (mode.stage === 'reason') {
    lines.push(
      [],
      pen.line(columns, ' Why for good? (kept with it)'),
      pen.line(columns, pen.span(` > ${mode.text}_`, 'input')),
    );
  }
  return fitRows(lines, height);
}

/** A form for the parameters of an act, one after the other. */
export function paramsLines(
  pen: Pen,
  mode: Extract<Mode, { type: 'params' }>,
  columns: number,
  height: number,
): readonly Line[] {
  const lines: Line[] = [
    pen.line(columns, ' ', pen.span(`${mode.offer.title}: ${mode.targetTitle}`, 'strong')),
    ...pen.wrapped(` ${mode.offer.does}`, columns, 'dim', 2, 1),
    [],
  ];
  mode.offer.params.forEach((spec, index) => {
    if (index > mode.index) return;
    const isHere = index === mode.index;
    const hint = [
      spec.required ? 'needed' : 'may stay empty',
      spec.hint,
      spec.choices ? `one of ${spec.choices.join(', ')}` : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('; ');
    lines.push(
      pen.line(
        columns,
        pen.span(` ${spec.title}`, isHere ? 'strong' : undefined),
        pen.span(`  (${hint})`, 'dim'),
      ),
    );
    const value = mode.values[spec.name] ?? '';
    for (const part of value.split('\n').slice(-6))
      lines.push(pen.line(columns, pen.span(` > ${part}${isHere ? '_' : ''}`, 'input')));
  });
  if (mode.error !== undefined) lines.push(...pen.wrapped(` ${mode.error}`, columns, 'alarm', 3, 1));
  lines.push([]);
  const last = mode.index + 1 >= mode.offer.params.length;
  lines.push(
    pen.line(
      columns,
      pen.span(
        mode.busy
          ? ' asking what it would run ...'
          : last
            ? ' Enter shows what it would run; nothing starts yet'
            : ' Enter goes on',
        'dim',
      ),
    ),
  );
  return fitRows(lines, height);
}

/** The note that settles an act whose outcome is unknown. */
export function settleLines(
  pen: Pen,
  mode: Extract<Mode, { type: 'settle' }>,
  columns: number,
  height: number,
): readonly Line[] {
  return fitRows(
    [
      pen.line(columns, ' ', pen.span(mode.title, 'strong')),
      ...pen.wrapped(
        ' Its runner is gone before it could say how it ended. Look at the state, then write how it ended; the ledger keeps your words.',
        columns,
        undefined,
        3,
        1,
      ),
      [],
      pen.line(columns, pen.span(` > ${mode.text}_`, 'input')),
    ],
    height,
  );
}

/** The word that goes into the record with a step. */
export function remarkLines(
  pen: Pen,
  mode: Extract<Mode, { type: 'remark' }>,
  columns: number,
  height: number,
): readonly Line[] {
  const { place, as, text } = mode;
  const asked =
    as === 'done' ? 'What is to be known of it? Enter alone: nothing.' : 'Why? Enter alone: no reason.';
  return fitRows(
    [
      ...pen.wrapped(`${place.index + 1} ${place.text}`, columns, 'strong', 4, 1),
      pen.line(columns, pen.span(` ${asked} It stands in the record with your name.`, 'dim')),
      [],
      pen.line(columns, pen.span(` > ${text}_`, 'input')),
    ],
    height,
  );
}
