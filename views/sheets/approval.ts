import type { ApprovalPage, CardTone } from '../../src/store/selectors/approval.ts';
import { fitRows, type Line, type Pen } from '../components/line.ts';
import type { Tone } from '../theme.ts';

const tones: { readonly [T in CardTone]: Tone | undefined } = {
  plain: undefined,
  caution: 'warning',
  dim: 'dim',
  strong: 'strong',
  off: 'off',
  input: 'input',
};

/** The card of an approval as it was laid out: head, the part of the payload in view, the decisions. */
export function approvalLines(
  pen: Pen,
  page: ApprovalPage,
  columns: number,
  height: number,
): readonly Line[] {
  const line = (one: ApprovalPage['head'][number]): Line =>
    pen.line(columns, ' ', pen.span(one.text, tones[one.tone]));
  const payload = page.payload.map(
    (one): Line => pen.line(columns, pen.span(' | ', 'title'), pen.span(one.text)),
  );
  return [
    ...page.head.map(line),
    ...fitRows(
      payload,
      Math.max(0, Math.min(page.payloadRows, height - page.head.length - page.foot.length)),
    ),
    ...page.foot.map(line),
  ].slice(0, height);
}

/** `lines 1-20 of 34: PgDn` for the title of the card. */
export function payloadPlace(page: ApprovalPage): string {
  if (page.payloadLines === 0) return 'no payload';
  const last = Math.min(page.payloadLines, page.first + page.payloadRows);
  const more = last < page.payloadLines ? ': PgDn reads on' : ', to the end';
  return `lines ${page.first + 1}-${last} of ${page.payloadLines}${more}`;
}
