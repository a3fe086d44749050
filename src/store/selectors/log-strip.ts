import { type Instant, instant } from '../../domain/instant.ts';
import type { LogHistogram } from '../../domain/log.ts';
import type { Snapshot } from '../snapshot.ts';

/** Columns of a strip's row that are no bars: the times at both ends. */
export const stripEdgeColumns = 26;

/** One bar of the strip: how much came from then on. */
export interface StripBin {
  readonly from: Instant;
  readonly total: number;
  readonly warnings: number;
  readonly errors: number;
}

/** The strip as it fits: bars of equal length in time, oldest first, none left out. */
export interface Strip {
  readonly bins: readonly StripBin[];
  readonly stepMs: number;
  readonly most: number;
}

/** How many bars the strip has room for; the pane is as wide as the screen. */
function stripColumns(columns: number): number {
  return Math.max(8, columns - stripEdgeColumns);
}

/** The strip of a screen, where its numbers are known. */
export function stripOf({ logs, desk }: Pick<Snapshot, 'logs' | 'desk'>): Strip | undefined {
  return logs.strip ? binned(logs.strip, stripColumns(desk.columns)) : undefined;
}

/** Spans put together until they fit into so many bars. */
export function binned(histogram: LogHistogram, columns: number): Strip {
  const { spans, spanMs } = histogram;
  const first = spans[0];
  const last = spans[spans.length - 1];
  if (!first || !last) return { bins: [], stepMs: spanMs, most: 0 };
  const count = Math.round((last.from - first.from) / spanMs) + 1;
  const stepMs = spanMs * Math.ceil(count / columns);
  const bins = Array.from({ length: Math.floor((last.from - first.from) / stepMs) + 1 }, (_bin, index) => ({
    from: instant(first.from + index * stepMs),
    total: 0,
    warnings: 0,
    errors: 0,
  }));
  for (const { from, counts } of spans) {
    const bin = bins[Math.floor((from - first.from) / stepMs)];
    if (!bin) continue;
    bin.total += counts.debug + counts.info + counts.warning + counts.error;
    bin.warnings += counts.warning;
    bin.errors += counts.error;
  }
  return { bins, stepMs, most: bins.reduce((most, bin) => Math.max(most, bin.total), 0) };
}

/** The bar a moment falls into; the nearest one for a moment outside. */
export function binAt({ bins, stepMs }: Strip, at: number): number {
  const first = bins[0];
  if (!first) return -1;
  return Math.max(0, Math.min(bins.length - 1, Math.floor((at - first.from) / stepMs)));
}

/** The span a cursor and the place where it was begun cover: since inclusive, until exclusive. */
export function chosenSpan(
  strip: Strip,
  { at, from }: { readonly at: number; readonly from?: number },
): { readonly since: Instant; readonly until: Instant } | undefined {
  const a = binAt(strip, at);
  const b = from === undefined ? a : binAt(strip, from);
  const first = strip.bins[Math.min(a, b)];
  const last = strip.bins[Math.max(a, b)];
  return first && last ? { since: first.from, until: instant(last.from + strip.stepMs) } : undefined;
}
