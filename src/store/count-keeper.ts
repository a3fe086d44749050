import { messageOf } from '../domain/error.ts';
import type { LogCursor, LogQuery } from '../domain/log.ts';
import type { EnginePort } from '../engine/protocol.ts';
import type { Timer } from './timer.ts';

/** Counted again at most this often, and never for more than a twentieth of the time. */
const againMs = 2000;
const restFactor = 20;

/** Rows that are to be counted: all of a query, or those behind a row. */
export interface CountWish {
  readonly query: LogQuery;
  readonly behind?: LogCursor;
}

/** How far a count has come. */
export interface Count {
  readonly hits: number;
  /** How much was looked through, 0 to 1. */
  readonly share: number;
  readonly isDone: boolean;
  readonly error?: string;
}

/** Counts by {@link countKey}. */
export type Counts = ReadonlyMap<string, Count>;

export interface CountKeeper {
  state(): Counts;
  /** These are wanted now, the first one first; what is no longer wanted is given up at once. */
  follow(wishes: readonly CountWish[]): void;
  /** Rows came in: everything is counted again, in good time. */
  rowsCame(): void;
  close(): void;
}

/** The name of a count. */
export function countKey({ query, behind }: CountWish): string {
  return JSON.stringify([query, behind ?? null]);
}

/** `12`, `1,240 ...` while it is being counted, `?` before anything is known. */
export function countText(count: Count | undefined): string {
  if (!count) return '?';
  if (count.error !== undefined) return 'not counted';
  const hits = String(count.hits).replace(/\B(?=(\d{3})+$)/g, ',');
  return count.isDone ? hits : `${hits} ...`;
}

/** Counts rows slice by slice, one query at a time, and tells how far it is. */
export function createCountKeeper(
  port: Pick<EnginePort, 'call'>,
  timer: Timer,
  changed: () => void,
): CountKeeper {
  let counts = new Map<string, Count>();
  let wanted = new Map<string, CountWish>();
  /** Counted before the newest rows came. */
  const stale = new Set<string>();
  let running: { readonly key: string; readonly abort: AbortController } | undefined;
  let cancelAgain: (() => void) | undefined;
  let costMs = 0;
  let closed = false;

  const put = (key: string, count: Count): void => {
    counts = new Map(counts).set(key, count);
    changed();
  };

  const run = async (key: string, wish: CountWish): Promise<void> => {
    const abort = new AbortController();
    running = { key, abort };
    stale.delete(key);
    const since = timer.monotonic();
    // A number that is known stands until there is a newer one: it must not run back to nothing.
    const isFirst = !counts.get(key)?.isDone;
    let hits = 0;
    let from: string | undefined;
    try {
      do {
        const slice = await port.call(
          'count',
          { ...wish, ...(from === undefined ? {} : { from }) },
          abort.signal,
        );
        if (closed || abort.signal.aborted) return;
        hits += slice.hits;
        from = slice.next;
        const isDone = from === undefined;
        if (isDone || isFirst) put(key, { hits, share: slice.share, isDone });
      } while (from !== undefined);
    } catch (error) {
      if (!closed && !abort.signal.aborted)
        put(key, { hits, share: 0, isDone: true, error: messageOf(error) });
    } finally {
      costMs = timer.monotonic() - since;
      running = undefined;
      if (!closed) next();
    }
  };

  const next = (): void => {
    if (running) return;
    for (const [key, wish] of wanted) {
      if (counts.get(key)?.isDone && !stale.has(key)) continue;
      void run(key, wish);
      return;
    }
  };

  return {
    state: () => counts,
    follow(wishes) {
      const now = new Map(wishes.map((wish) => [countKey(wish), wish]));
      if (now.size === wanted.size && [...now.keys()].every((key) => wanted.has(key))) return;
      wanted = now;
      if ([...counts.keys()].some((key) => !wanted.has(key))) {
        counts = new Map([...counts].filter(([key]) => wanted.has(key)));
        changed();
      }
      if (running && !wanted.has(running.key)) running.abort.abort();
      if (wanted.size === 0) {
        cancelAgain?.();
        cancelAgain = undefined;
      }
      next();
    },
    rowsCame() {
      if (wanted.size === 0) return;
      cancelAgain ??= timer.after(Math.max(againMs, costMs * restFactor), () => {
        cancelAgain = undefined;
        for (const key of wanted.keys()) stale.add(key);
        next();
      });
    },
    close() {
      closed = true;
      cancelAgain?.();
      running?.abort.abort();
    },
  };
}
