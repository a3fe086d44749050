import type { ActPreview } from '../../src/domain/act.ts';
import { safeLines } from '../../src/lib/safe-text.ts';
import { clockText } from '../../src/lib/time-text.ts';
import type { DialogMode, ListMode } from '../../src/store/mode.ts';
import { fitRows, type Line, type Pen } from '../components/line.ts';
import type { Tone } from '../theme.ts';

/** A dialog laid out: what it is about is scrolled, the choices stand at the end and are always in view. */
export interface DialogView {
  readonly lines: readonly Line[];
  /** The largest scroll. */
  readonly end: number;
  /** Rows of the part that is scrolled. */
  readonly height: number;
}

/**
 * An act before it is started: what, where, exactly which commands, what it warns of and leaves behind, what will be
 * looked for, how it can be undone.
 */
export function dialogView(
  pen: Pen,
  mode: DialogMode,
  offsetMs: number,
  columns: number,
  height: number,
): DialogView {
  const { preview } = mode;
  const foot = [
    ...(mode.refused === undefined ? [] : pen.wrapped(` Refused: ${mode.refused}`, columns, 'alarm', 4, 10)),
    ...confirmLines(pen, mode, { ...preview, isOff: mode.refused !== undefined }, columns),
  ];
  return scrolledOver(pen, previewLines(pen, preview, offsetMs, columns), foot, mode.scroll, columns, height);
}

/** What an act on one target would do, every word of it. */
export function previewLines(pen: Pen, preview: ActPreview, offsetMs: number, columns: number): Line[] {
  const body: Line[] = [];
  const add = (text: string, tone?: Tone): void => {
    safeLines(text).forEach((line, index) => {
      body.push(...pen.wrapped(`${index === 0 ? ' ' : ' '.repeat(11)}${line}`, columns, tone, 400, 11));
    });
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
    add(`${index === 0 ? 'runs ' : '     '}     ${command}`, 'strong');
  });
  if (preview.commands.length === 0 && preview.refused === undefined) add('runs      nothing: it only reads');
  for (const stage of preview.expected) {
    add(
      `expects   ${stage.title} by ${clockText(stage.deadline, offsetMs)}${stage.required ? '' : ' (shown only)'}`,
    );
  }
  add(`undo      ${preview.undo}`);
  if (preview.attempt > 1) add(`attempt   ${preview.attempt}`, 'warning');
  return body;
}

/** The body from `scroll` on, a rule that counts what is below, and the foot. */
export function scrolledOver(
  pen: Pen,
  body: readonly Line[],
  foot: readonly Line[],
  scroll: number,
  columns: number,
  height: number,
): DialogView {
  const room = Math.max(0, height - foot.length - 1);
  const end = Math.max(0, body.length - room);
  const first = Math.max(0, Math.min(scroll, end));
  const shown = body.slice(first, first + room);
  const below = body.length - first - shown.length;
  const rule = below > 0 ? ` ${below} more ${below === 1 ? 'line' : 'lines'}: PgDn ` : '';
  return {
    lines: fitRows(
      [
        ...shown,
        pen.line(columns, pen.span(`${rule}${'-'.repeat(Math.max(0, columns - rule.length))}`, 'title')),
        ...foot,
      ],
      height,
    ),
    end,
    height: room,
  };
}

/** What is confirmed: the words of the yes, and what it asks for. */
interface Confirmed {
  readonly title: string;
  readonly confirmation: ActPreview['confirmation'];
  readonly code?: string;
  /** There is no yes. */
  readonly isOff: boolean;
}

/** No and yes, or the reason or letters that are being typed. */
export function confirmLines(
  pen: Pen,
  mode: Pick<DialogMode | ListMode, 'stage' | 'choice' | 'reason' | 'code'>,
  { title, confirmation, code, isOff }: Confirmed,
  columns: number,
): readonly Line[] {
  switch (mode.stage) {
    case 'choose': {
      const choice = (name: 'no' | 'yes', text: string): Line =>
        pen.line(
          columns,
          pen.span(mode.choice === name ? '>' : ' ', 'strong'),
          pen.span(text, mode.choice === name ? 'strong' : undefined),
        );
      const needs =
        confirmation === 'code'
          ? ` (asks for ${code ?? 'a code'})`
          : confirmation === 'yes-and-reason'
            ? ' (asks for a reason)'
            : '';
      return [choice('no', 'no, back'), ...(isOff ? [] : [choice('yes', `yes: ${title}${needs}`)])];
    }
    case 'reason':
      return [
        pen.line(columns, ` yes: ${title}. Reason, kept in the ledger:`),
        pen.line(columns, pen.span(` > ${mode.reason}_`, 'input')),
      ];
    case 'code':
      return [
        pen.line(columns, ` yes: ${title}. Type `, pen.span(code ?? '', 'alarm'), ' and press Enter:'),
        pen.line(columns, pen.span(` > ${mode.code}_`, 'input')),
      ];
    case 'starting':
      return [pen.line(columns, pen.span(' handing it to the runner ...', 'dim'))];
  }
}
