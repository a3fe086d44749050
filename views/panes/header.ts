import type { Meter } from '../../src/domain/entity.ts';
import type { Instant } from '../../src/domain/instant.ts';
import { ageText, clockText, leftText, offsetText, untilText } from '../../src/lib/time-text.ts';
import type { Snapshot } from '../../src/store/cockpit.ts';
import { selectCounts, selectFreshness } from '../../src/store/selectors/header.ts';
import { cutLine, type Line, lineWidth, type Pen, type Span, splitLine } from '../components/line.ts';
import { countText } from './pane.ts';

export interface HeaderInput {
  readonly snapshot: Snapshot;
  readonly pen: Pen;
  readonly columns: number;
  readonly rows: number;
  /** This machine's name. */
  readonly host: string;
}

/** The first rows: where one is, whether the data is fresh, and how much of what there is. */
export function headerLines(input: HeaderInput): readonly Line[] {
  if (input.rows <= 0) return [];
  const first = placeLine(input);
  return input.rows === 1 ? [first] : [first, countsLine(input)];
}

/** Host, environment, who else is here, what does not answer, how fresh, the clock of the last data. */
function placeLine({ snapshot, pen, columns, host }: HeaderInput): Line {
  const { state } = snapshot;
  const freshness = selectFreshness(state.systems);
  const clock = clockSpan(snapshot, pen, columns);
  const parts: { readonly span: Span; readonly weight: number }[] = [];
  const add = (text: string, weight: number, tone?: Span['tone']): void => {
    if (text !== '') parts.push({ span: pen.span(text, tone), weight });
  };
  const environments = freshness.environments.map((name) => name.toUpperCase()).join(' ');
  const isProd = freshness.environments.some((name) => name.toLowerCase().startsWith('prod'));
  add(host, 1, 'strong');
  if (environments !== '') add(environments, 0, isProd ? 'alarm' : 'strong');
  if (state.phase === 'failed') add(`ENGINE ENDED: ${state.failure ?? ''}`, 0, 'alarm');
  // That nothing here is real must be read before anything else.
  const isDemo = (notice: string): boolean => notice.startsWith('DEMO');
  // A cockpit that can't act must be known before a key is tried.
  const isActsOff = (notice: string): boolean => notice.startsWith('ACTS OFF');
  for (const notice of state.notices.filter(isDemo)) add(notice, 1, 'warning');
  for (const notice of state.notices.filter(isActsOff)) add(notice, 2, 'warning');
  add(state.presence.map((one) => `${one.who} ${one.terminal}`).join(', '), 5);
  if (freshness.noAnswer.length > 0) add(`NO ANSWER: ${namesText(freshness.noAnswer)}`, 2, 'alarm');
  if (freshness.unread.length > 0) add(`UNREAD: ${namesText(freshness.unread)}`, 2, 'alarm');
  if (state.figures.polling && !state.notices.includes('polling')) add('polling', 4, 'warning');
  if (state.phase === 'loading') add('reading ...', 3);
  else add(`${freshness.fresh}/${freshness.total} fresh${freshness.settled ? '' : ', reading ...'}`, 3);
  for (const notice of state.notices.filter((one) => !isDemo(one) && !isActsOff(one)))
    add(notice, 4, 'warning');
  add(`opened ${ageText(snapshot.now - snapshot.openedAt)} ago`.replace('now ago', 'now'), 6, 'dim');
  const room = columns - lineWidth([clock]) - 2;
  return splitLine(joined(pen, parts, room), [clock], columns);
}

/** The first two names, and how many more. */
function namesText(names: readonly string[]): string {
  return names.length <= 2 ? names.join(', ') : `${names.slice(0, 2).join(', ')} +${names.length - 2}`;
}

/** Parts with three spaces between them; where there is no room the least needed go first, the rest is cut. */
function joined(pen: Pen, parts: readonly { span: Span; weight: number }[], room: number): Line {
  let kept = [...parts];
  const lineOf = (list: typeof kept): Line => [
    pen.span(' '),
    ...list.flatMap((part, index) => {
      const isEnvironment = index === 1 && part.weight === 0;
      return index === 0 ? [part.span] : [pen.span(isEnvironment ? ' ' : '   '), part.span];
    }),
  ];
  while (kept.length > 1 && lineWidth(lineOf(kept)) > room) {
    const heaviest = kept.reduce((worst, part) => (part.weight >= worst.weight ? part : worst));
    if (heaviest.weight <= 2) break;
    kept = kept.filter((part) => part !== heaviest);
  }
  return cutLine(lineOf(kept), Math.max(0, room));
}

/** The clock is that of the newest data: a screen that gets no more news does not pretend to be of now. */
function clockSpan(snapshot: Snapshot, pen: Pen, columns: number): Span {
  const { state, desk, localOffsetMs } = snapshot;
  if (state.phase === 'loading') return pen.span('--:--:--');
  const utc = `${clockText(state.now)}Z`;
  const local = `${clockText(state.now, localOffsetMs, 'minutes')}${offsetText(localOffsetMs)}`;
  if (desk.clock === 'local') {
    return pen.span(`${clockText(state.now, localOffsetMs)}${offsetText(localOffsetMs)}`, 'strong');
  }
  return pen.span(columns >= 100 && localOffsetMs !== 0 ? `${utc} (${local})` : utc, 'strong');
}

/** How many of what, the number before the word so that the eye finds it. */
function countsLine({ snapshot, pen, columns }: HeaderInput): Line {
  const { state, desk, now, offsetMs } = snapshot;
  const counts = selectCounts(state.queue, state.lists, state.aside);
  const number = (count: number): string => countText(snapshot, count);
  const parts: Span[] = [
    pen.span(`x${number(counts.fatal)} FATAL`, counts.fatal > 0 ? 'alarm' : 'dim'),
    pen.span(`!${number(counts.waiting)} WAITS FOR YOU`, counts.waiting > 0 ? 'warning' : 'dim'),
    pen.span(`~${number(counts.stalled)} stalled`, counts.stalled > 0 ? 'warning' : 'dim'),
    pen.span(`>${number(counts.running)} running`),
    pen.span(`${number(counts.aside)} set aside`, 'dim'),
  ];
  if (desk.marks.size > 0) parts.push(pen.span(`${desk.marks.size} marked`, 'strong'));
  const gap = columns >= 100 ? '   ' : '  ';
  const left: Line = [
    pen.span(' '),
    ...parts.flatMap((part, index) => (index === 0 ? [part] : [pen.span(gap), part])),
  ];
  const meter = counts.meter;
  if (!meter) return cutLine(left, columns);
  const tone = meter.status === 'critical' ? 'alarm' : meter.status === 'warning' ? 'warning' : 'plain';
  const room = columns - lineWidth(left) - 2;
  const text = meterTexts(meter, now, offsetMs).find((one) => pen.safe(one).length <= room);
  return text === undefined ? cutLine(left, columns) : splitLine(left, [pen.span(text, tone)], columns);
}

/** What a meter reads, in ever fewer words. */
function meterTexts(meter: Meter, now: Instant, offsetMs: number): readonly string[] {
  const limit = meter.limit === undefined ? '' : `/${numberText(meter.limit)}`;
  const value =
    meter.unit === 'USD'
      ? `$${numberText(meter.value)}${limit}`
      : `${numberText(meter.value)}${limit} ${meter.unit}`;
  const at = meter.exhaustsAt;
  if (at === undefined) return [`${meter.name} ${meter.system} ${value}`, `${meter.name} ${value}`];
  const full = at <= now ? 'full' : `full ${untilText(at, now, offsetMs)}`;
  const left = at <= now ? '' : ` (${leftText(at - now)})`;
  return [
    `${meter.name} ${meter.system} ${value}, ${full}${left}`,
    `${meter.name} ${value}, ${full}`,
    `${meter.name} ${value}`,
  ];
}

/** At most two decimals, none for whole numbers. */
function numberText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}
