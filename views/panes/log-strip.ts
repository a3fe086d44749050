import { clockText, durationText } from '../../src/lib/time-text.ts';
import {
  binAt,
  chosenSpan,
  type Strip,
  type StripBin,
  stripEdgeColumns,
  stripOf,
} from '../../src/store/selectors/log-strip.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';
import type { Line, Pen, Span } from '../components/line.ts';

/** Ten heights from nothing to most, readable on any terminal. */
const heights = ' .:-=+*#%@';

/** Room for what is under the cursor, where the bars need not all of it. */
const wordColumns = 24;

/** Rows the strip takes of a pane of that many rows. */
export function stripRows(snapshot: Snapshot, paneRows: number): number {
  if (!snapshot.desk.log.histogram || paneRows < 4) return 0;
  return paneRows < 8 ? 1 : 2;
}

/**
 * How much came when: a row of bars, and where there is room one of signs below it: `E` errors, `w` warnings, `^` the
 * cursor, `=` the span that was begun. What is under the cursor is told at its end.
 */
export function stripLines(snapshot: Snapshot, pen: Pen, columns: number, rows: number): readonly Line[] {
  if (rows === 0) return [];
  const strip = stripOf(snapshot);
  const { mode } = snapshot.desk;
  if (!strip || strip.bins.length === 0) {
    const text = strip ? 'no row to count' : 'counting ...';
    return [pen.line(columns, pen.span(` ${text}`, 'dim')), [] as Line].slice(0, rows);
  }
  const at = mode.type === 'strip' ? mode : undefined;
  const cursor = at ? binAt(strip, at.at) : -1;
  const begun = at?.from === undefined ? cursor : binAt(strip, at.from);
  const [low, high] = [Math.min(cursor, begun), Math.max(cursor, begun)];
  const last = strip.bins[strip.bins.length - 1];
  const from = clockText(strip.bins[0]?.from ?? 0, snapshot.offsetMs);
  const to = clockText((last?.from ?? 0) + strip.stepMs, snapshot.offsetMs);
  // Few bars are drawn broad: a cursor is easier to see on them.
  const cells = Math.max(
    1,
    Math.min(8, Math.floor((columns - stripEdgeColumns - (rows > 1 ? wordColumns : 0)) / strip.bins.length)),
  );
  const bars: Span[] = strip.bins.map((bin, index) => {
    const isChosen = index >= low && index <= high;
    const bar = rows === 1 && index === cursor ? '^' : barOf(bin, strip.most);
    return pen.span(bar.repeat(cells), isChosen ? 'cursor' : bin.errors > 0 ? 'alarm' : 'strong');
  });
  const top = pen.line(columns, ` ${from} |`, ...joined(bars), `| ${to}`);
  if (rows === 1) return [top];
  const signs = strip.bins
    .map((bin, index) =>
      index === cursor
        ? '^'
        : index >= low && index <= high
          ? '='
          : bin.errors > 0
            ? 'E'
            : bin.warnings > 0
              ? 'w'
              : ' ',
    )
    .map((sign) => (sign === 'E' || sign === 'w' ? sign.padEnd(cells) : sign.repeat(cells)))
    .join('');
  const told = at ? toldSpan(snapshot, strip, at) : toldStrip(snapshot, strip);
  // Where the signs leave no room the words stand over them.
  const room = columns - 11;
  const isBeside = room - signs.length >= told.length + 2;
  const text = isBeside ? [signs, `| ${told}`] : [overlaid(signs.padEnd(room), told, cursor * cells), ''];
  return [top, pen.line(columns, ' '.repeat(10), '|', pen.span(text[0] ?? '', 'strong'), text[1] ?? '')];
}

/** Words put over signs: where nothing stands, for want of room at the end that is farther from the cursor. */
function overlaid(signs: string, told: string, cursor: number): string {
  const words = ` ${told} `.slice(0, signs.length);
  const empty = signs.indexOf(' '.repeat(words.length));
  const far = cursor < signs.length / 2 ? signs.length - words.length : 0;
  const at = empty >= 0 ? empty : far;
  return `${signs.slice(0, at)}${words}${signs.slice(at + words.length)}`;
}

/** Bars of the same look in one span: each costs a sequence. */
function joined(spans: readonly Span[]): readonly Span[] {
  const out: Span[] = [];
  for (const span of spans) {
    const before = out[out.length - 1];
    if (before && before.tone === span.tone)
      out[out.length - 1] = { ...before, text: `${before.text}${span.text}` as Span['text'] };
    else out.push(span);
  }
  return out;
}

function barOf(bin: StripBin, most: number): string {
  if (bin.total === 0) return ' ';
  return heights[Math.max(1, Math.round((bin.total / Math.max(1, most)) * 9))] ?? '@';
}

function toldStrip({ logs }: Snapshot, strip: Strip): string {
  const of = logs.strip?.of === 'logs' ? ' of all lines' : '';
  const more = logs.strip?.isComplete === false ? ', more is being indexed' : '';
  const untimed = logs.strip && logs.strip.untimed > 0 ? `, ${logs.strip.untimed} at no time` : '';
  return `most ${strip.most} in ${stepText(strip.stepMs)}${of}${untimed}${more}`;
}

/** `03:05:00-03:07:00 12 rows, 2 errors, 1 warning`. */
function toldSpan(
  { offsetMs }: Snapshot,
  strip: Strip,
  at: { readonly at: number; readonly from?: number },
): string {
  const span = chosenSpan(strip, at);
  if (!span) return '';
  const bins = strip.bins.filter(({ from }) => from >= span.since && from < span.until);
  const sum = (of: 'total' | 'errors' | 'warnings'): number => bins.reduce((all, bin) => all + bin[of], 0);
  const some = (count: number, word: string): string =>
    count === 0 ? '' : `, ${count} ${word}${count === 1 ? '' : 's'}`;
  const total = sum('total');
  const clock = `${clockText(span.since, offsetMs)}-${clockText(span.until, offsetMs)}`;
  return `${clock} ${total} ${total === 1 ? 'row' : 'rows'}${some(sum('errors'), 'error')}${some(sum('warnings'), 'warning')}`;
}

function stepText(ms: number): string {
  return ms % 60_000 === 0 && ms < 3_600_000 ? `${ms / 60_000}m` : durationText(ms);
}
