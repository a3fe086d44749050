import type { ApprovalPage } from '../../src/store/selectors/approval.ts';
import type { CardLine, CardTone } from '../../src/store/selectors/approval-body.ts';
import { fitRows, type Line, type Pen } from '../components/line.ts';
import { titleLine } from '../panes/pane.ts';
import type { Tone } from '../theme.ts';

const tones: { readonly [T in CardTone]: Tone | undefined } = {
  plain: undefined,
  caution: 'warning',
  dim: 'dim',
  strong: 'strong',
  off: 'off',
  input: 'input',
  rule: 'title',
  payload: undefined,
  added: 'good',
  removed: 'alarm',
};

/** The card of an approval as it was laid out: what stops it, the part of its body in view, deadline and decisions. */
export function approvalLines(
  pen: Pen,
  page: ApprovalPage,
  columns: number,
  height: number,
): readonly Line[] {
  const line = (one: CardLine): Line => {
    const span = { text: one.text, ...(tones[one.tone] ? { tone: tones[one.tone] } : {}) };
    if (one.tone === 'rule')
      return titleLine({ pen, columns }, false, [pen.span(` ${one.text}`, 'title')], '');
    const hasBar = one.tone === 'payload' || one.tone === 'added' || one.tone === 'removed';
    return pen.line(columns, hasBar ? pen.span(' | ', 'title') : ' ', span as Line[number]);
  };
  const rule = page.below > 0 ? ` ${page.below} more ${page.below === 1 ? 'line' : 'lines'}: PgDn ` : '';
  return [
    ...page.head.map(line),
    ...fitRows(page.body.map(line), Math.min(page.bodyRows, height)),
    pen.line(columns, pen.span(`${rule}${'-'.repeat(Math.max(0, columns - rule.length))}`, 'title')),
    ...page.foot.map(line),
  ].slice(0, height);
}

/** `plan 1-20 of 34` for the title of the card. */
export function payloadPlace({ payload }: ApprovalPage): string {
  if (payload.count === 0) return 'no payload';
  if (payload.from === 0) return `payload of ${payload.count} lines: not in view`;
  const more = payload.to < payload.count ? ': PgDn reads on' : ', to the end';
  return `lines ${payload.from}-${payload.to} of ${payload.count}${more}`;
}
