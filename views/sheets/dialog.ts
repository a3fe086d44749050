import { clockText } from '../../src/lib/time-text.ts';
import type { DialogMode } from '../../src/store/mode.ts';
import { fitRows, type Line, type Pen } from '../components/line.ts';

/**
 * An act before it is started: what, where, exactly which commands, what it warns of and leaves behind, what will be
 * looked for, how it can be undone. The choices stand at the end and are always in view.
 */
export function dialogLines(
  pen: Pen,
  mode: DialogMode,
  offsetMs: number,
  columns: number,
  height: number,
): readonly Line[] {
  const { preview } = mode;
  const body: Line[] = [];
  const add = (text: string, tone?: Parameters<Pen['wrapped']>[2], most = 4): void => {
    body.push(...pen.wrapped(` ${text}`, columns, tone, most, 11));
  };
  if (preview.earlier !== undefined) add(`before    ${preview.earlier}`, 'warning');
  for (const warning of preview.warnings) add(`warning   ${warning}`, 'warning');
  for (const strand of preview.strands) add(`leaves    ${strand}`, 'warning');
  add(`target    ${preview.targetTitle} (${preview.system} ${preview.target.type} ${preview.target.id})`);
  add(
    `where     ${preview.root}${preview.environment === undefined ? '' : `, environment ${preview.environment}`}`,
    preview.environment?.toLowerCase().startsWith('prod') ? 'alarm' : undefined,
  );
  for (const [name, value] of Object.entries(preview.params)) add(`with      ${name} = ${value}`);
  preview.commands.forEach((command, index) => {
    add(`${index === 0 ? 'runs ' : '     '}     ${command}`, 'strong', 60);
  });
  if (preview.commands.length === 0) add('runs      nothing: it only reads');
  for (const stage of preview.expected) {
    add(
      `expects   ${stage.title} by ${clockText(stage.deadline, offsetMs)}${stage.required ? '' : ' (shown only)'}`,
    );
  }
  add(`undo      ${preview.undo}`);
  if (preview.attempt > 1) add(`attempt   ${preview.attempt}`, 'warning');
  const foot = footLines(pen, mode, columns);
  const room = Math.max(0, height - foot.length - 1);
  const first = Math.max(0, Math.min(mode.scroll, body.length - room));
  const shown = body.slice(first, first + room);
  const below = body.length - first - shown.length;
  const rule = below > 0 ? ` ${below} more lines: PgDn ` : '';
  return fitRows(
    [
      ...fitRows(shown, Math.min(room, body.length)),
      pen.line(columns, pen.span(`${rule}${'-'.repeat(Math.max(0, columns - rule.length))}`, 'title')),
      ...foot,
    ],
    height,
  );
}

function footLines(pen: Pen, mode: DialogMode, columns: number): Line[] {
  const { preview } = mode;
  const lines: Line[] = [];
  if (mode.refused !== undefined)
    lines.push(...pen.wrapped(` Refused: ${mode.refused}`, columns, 'alarm', 4, 10));
  switch (mode.stage) {
    case 'choose': {
      const choice = (name: 'no' | 'yes', text: string): Line =>
        pen.line(
          columns,
          pen.span(mode.choice === name ? '>' : ' ', 'strong'),
          pen.span(text, mode.choice === name ? 'strong' : undefined),
        );
      lines.push(choice('no', 'no, back'));
      const needs =
        preview.confirmation === 'code'
          ? ` (asks for ${preview.code ?? 'a code'})`
          : preview.confirmation === 'yes-and-reason'
            ? ' (asks for a reason)'
            : '';
      if (mode.refused === undefined) lines.push(choice('yes', `yes: ${preview.title}${needs}`));
      break;
    }
    case 'reason':
      lines.push(
        pen.line(columns, ` yes: ${preview.title}. Reason, kept in the ledger:`),
        pen.line(columns, pen.span(` > ${mode.reason}_`, 'input')),
      );
      break;
    case 'code':
      lines.push(
        pen.line(
          columns,
          ` yes: ${preview.title}. Type `,
          pen.span(preview.code ?? '', 'alarm'),
          ' and press Enter:',
        ),
        pen.line(columns, pen.span(` > ${mode.code}_`, 'input')),
      );
      break;
    case 'starting':
      lines.push(pen.line(columns, pen.span(' handing it to the runner ...', 'dim')));
      break;
  }
  return lines;
}
