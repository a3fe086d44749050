import type { Meter } from '../../src/domain/entity.ts';
import type { Instant } from '../../src/domain/instant.ts';
import { clockText, leftText, offsetText, untilText } from '../../src/lib/time-text.ts';
import { newsClock } from '../../src/store/pace.ts';
import { selectCounts, selectFreshness } from '../../src/store/selectors/header.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import type { CockpitState } from '../../src/store/state.ts';
import { cutLine, type Line, lineWidth, type Pen, type Span, splitLine } from '../components/line.ts';
import { countText } from './pane.ts';

/** A cockpit opened less than this ago says so. */
const youngMs = 60_000;

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

/**
 * A part of the first row, in ever fewer words. Each shorter form names the round in which it takes the place of the
 * one before, where the row is too long: the most needed parts give way last.
 */
interface Part {
  readonly tone?: Span['tone'];
  readonly text: string;
  readonly shorter: readonly { readonly round: number; readonly text: string }[];
  /** Stands right after the part before it. */
  readonly close?: true;
}

/** Host, environment, who else is here, what does not answer, how fresh, the clock of the last data. */
function placeLine({ snapshot, pen, columns, rows, host }: HeaderInput): Line {
  const { state } = snapshot;
  const freshness = selectFreshness(state.systems);
  const clock = clockSpan(snapshot, pen, columns);
  const parts: Part[] = [];
  const add = (text: string, tone: Span['tone'], ...shorter: [round: number, text: string][]): void => {
    if (text !== '')
      parts.push({
        text,
        shorter: shorter.map(([round, form]) => ({ round, text: form })),
        ...(tone ? { tone } : {}),
      });
  };
  // With one row only there is no other place for what must not be missed.
  const results = rows === 1 ? resultsText(state) : '';
  add(
    host,
    'strong',
    [10, host.split('.')[0] ?? host],
    [12, `${[...host].slice(0, 8).join('')}..`],
    ...(results === '' ? [] : [[15, ''] as [number, string]]),
  );
  const environments = freshness.environments.map((name) => name.toUpperCase()).join(' ');
  const isProd = freshness.environments.some((name) => name.toLowerCase().startsWith('prod'));
  if (environments !== '')
    parts.push({ text: environments, tone: isProd ? 'alarm' : 'strong', shorter: [], close: true });
  if (results !== '') {
    const brief = results.replace(/ results? /, ' ');
    add(results, 'warning', [2, brief], [14, brief.replace(' new', '')]);
  }
  if (state.phase === 'failed') add(`ENGINE ENDED: ${state.failure ?? ''}`, 'alarm', [14, 'ENGINE ENDED']);
  // That nothing here is real must be read before anything else.
  const isDemo = (notice: string): boolean => notice.startsWith('DEMO');
  // A cockpit that can't act must be known before a key is tried.
  const isActsOff = (notice: string): boolean => notice.startsWith('ACTS OFF');
  for (const notice of state.notices.filter(isDemo)) add(notice, 'warning', [4, 'DEMO']);
  for (const notice of state.notices.filter(isActsOff))
    add(notice, 'warning', [0, notice.length > 50 ? 'ACTS OFF: see :notices' : notice], [7, 'ACTS OFF']);
  const others = state.presence.length;
  add(
    state.presence.map((one) => `${one.who} ${one.terminal}`).join(', '),
    undefined,
    [2, `${others} ${others === 1 ? 'other' : 'others'}`],
    [6, ''],
  );
  const missing = (word: string, names: readonly string[]): void => {
    if (names.length > 0)
      add(`${word}: ${namesText(names)}`, 'alarm', [9, `${word}: ${names.length}`], [13, word]);
  };
  missing('NO ANSWER', freshness.noAnswer);
  missing('UNREAD', freshness.unread);
  if (state.figures.polling && !state.notices.includes('polling')) add('polling', 'warning', [5, '']);
  if (state.phase === 'loading') add('reading ...', undefined, [11, '']);
  else {
    const counts = `${freshness.fresh}/${freshness.total}`;
    add(
      `${counts} fresh${freshness.settled ? '' : `, ${freshness.reading ?? 'reading ...'}`}`,
      undefined,
      [3, `${counts} fresh`],
      [8, ''],
    );
  }
  for (const notice of state.notices.filter((one) => !isDemo(one) && !isActsOff(one)))
    add(notice, 'warning', [3, notice.split(': ')[0] ?? ''], [7, '']);
  // How long this screen has been looking matters while it is young; afterwards ages speak for themselves.
  if (snapshot.now - snapshot.openedAt < youngMs) add('just opened', 'dim', [1, '']);
  const room = columns - lineWidth([clock]) - 2;
  return splitLine(joined(pen, parts, room), [clock], columns);
}

/** The first two names, and how many more. */
function namesText(names: readonly string[]): string {
  return names.length <= 2 ? names.join(', ') : `${names.slice(0, 2).join(', ')} +${names.length - 2}`;
}

/** Parts with three spaces between them, round by round in fewer words until they fit; what is left is cut. */
function joined(pen: Pen, parts: readonly Part[], room: number): Line {
  const rounds = [...new Set(parts.flatMap((part) => part.shorter.map((form) => form.round)))];
  const lineAt = (round: number): Line => {
    const shown = parts.flatMap((part) => {
      const text = part.shorter.findLast((form) => form.round <= round)?.text ?? part.text;
      return text === '' ? [] : [{ ...part, text }];
    });
    return [
      pen.span(' '),
      ...shown.flatMap((part, index) => [
        ...(index === 0 ? [] : [pen.span(part.close ? ' ' : '   ')]),
        pen.span(part.text, part.tone),
      ]),
    ];
  };
  for (const round of [0, ...rounds.sort((a, b) => a - b)]) {
    const line = lineAt(round);
    if (lineWidth(line) <= room) return line;
  }
  return cutLine(lineAt(Number.POSITIVE_INFINITY), Math.max(0, room));
}

/** The clock of the newest data; see {@link newsClock}. */
function clockSpan(snapshot: Snapshot, pen: Pen, columns: number): Span {
  const { state, desk, localOffsetMs } = snapshot;
  if (state.phase === 'loading') return pen.span('--:--:--');
  const { isAtRest, minute } = newsClock(state, snapshot.now);
  // As wide in either form: the rest of the row stands still.
  const clock = (offsetMs: number): string =>
    isAtRest
      ? `   ${clockText(minute, offsetMs, 'minutes')}${offsetText(offsetMs)}`
      : `${clockText(state.movedAt, offsetMs)}${offsetText(offsetMs)}`;
  if (desk.clock === 'local') return pen.span(clock(localOffsetMs), 'strong');
  const utc = clock(0);
  const local = `${clockText(minute, localOffsetMs, 'minutes')}${offsetText(localOffsetMs)}`;
  return pen.span(columns >= 100 && localOffsetMs !== 0 ? `${utc} (${local})` : utc, 'strong');
}

/** How many of what, the number before the word so that the eye finds it. */
function countsLine({ snapshot, pen, columns }: HeaderInput): Line {
  const { state, desk, latest, offsetMs } = snapshot;
  const counts = selectCounts(state.queue, state.lists, state.aside);
  const number = (count: number): string => countText(snapshot, count);
  const parts: Span[] = [
    pen.span(`x${number(counts.fatal)} FATAL`, counts.fatal > 0 ? 'alarm' : 'dim'),
    pen.span(
      `!${number(counts.waiting)} ${counts.waiting === 1 ? 'WAITS' : 'WAIT'} FOR YOU`,
      counts.waiting > 0 ? 'warning' : 'dim',
    ),
    pen.span(`~${number(counts.stalled)} stalled`, counts.stalled > 0 ? 'warning' : 'dim'),
    pen.span(`>${number(counts.running)} running`),
    pen.span(`${number(counts.aside)} set aside`, 'dim'),
  ];
  const results = resultsText(state);
  if (results !== '') parts.splice(4, 0, pen.span(results, 'warning'));
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
  const text = meterTexts(meter, latest, offsetMs).find((one) => pen.safe(one).length <= room);
  return text === undefined ? cutLine(left, columns) : splitLine(left, [pen.span(text, tone)], columns);
}

/** `*2 new results (7)`: acts that ended and that no screen has shown to anybody; empty when there are none. */
function resultsText(state: CockpitState): string {
  const results = state.acts.filter((act) => act.unseen).length;
  return results === 0 ? '' : `*${results} new ${results === 1 ? 'result' : 'results'} (7)`;
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
