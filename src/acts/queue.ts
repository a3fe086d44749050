/** Who goes first: acts that change a system take turns, so that two of them never meet on one item. */
import type { Instant } from '../domain/instant.ts';
import type { OrderRow, ProcessMark } from '../domain/order.ts';

/** How many acts may run their steps in one system at the same time, unless the configuration says otherwise. */
export const DEFAULT_AT_ONCE = 2;
/**
 * How many orders of one system may be open. Each has a runner of its own from the first moment, so that it outlives
 * whoever asked for it; one that waits costs 35 MB of memory of its own.
 */
export const MOST_OPEN = 24;
/** A runner beats each second; without a beat for so long, and without a process, it is gone. In milliseconds. */
export const BEAT_SILENCE_MS = 5_000;
/** How long an order may wait for its runner, in milliseconds: a loaded host takes seconds to start one. */
export const COMING_MS = 20_000;

/** Whether an order may begin now, or which one it waits for. */
export type Standing = { readonly begins: true } | { readonly begins: false; readonly behind: OrderRow };

/**
 * Where an order stands among all open ones. An act holds its item until its outcome is known; it counts among those at
 * once in its system only while its steps run, for what follows is looking. Whoever asked first goes first, but one that
 * waits for its item keeps nobody from the places that are free. Orders nobody works on hold nothing.
 */
export function standingOf(
  order: Pick<OrderRow, 'id' | 'system'>,
  open: readonly OrderRow[],
  atOnce: number,
  isWorkedOn: (row: OrderRow) => boolean,
): Standing {
  const here = open.filter((row) => row.system === order.system && (row.id === order.id || isWorkedOn(row)));
  const holders = new Map<string, OrderRow>();
  const stepping: OrderRow[] = [];
  for (const row of here.filter(({ status }) => status === 'running')) {
    holders.set(itemOf(row), row);
    if (!row.progress.watch) stepping.push(row);
  }
  for (const row of here.filter(({ status }) => status === 'ready').sort(byAge)) {
    const holder = holders.get(itemOf(row));
    const last = stepping.length >= Math.max(1, atOnce) ? stepping.at(-1) : undefined;
    const behind = holder ?? last;
    if (row.id === order.id) return behind ? { begins: false, behind } : { begins: true };
    holders.set(itemOf(row), row);
    if (!holder) stepping.push(row);
  }
  return { begins: true };
}

/** Whether somebody works on an order without an outcome, or is about to. */
export function isWorkedOn(
  row: OrderRow,
  now: Instant,
  isAlive: (mark: ProcessMark) => boolean,
  beatSilenceMs: number = BEAT_SILENCE_MS,
): boolean {
  if (row.runner) return isAlive(row.runner) || isWithin(row.beatAt ?? row.createdAt, now, beatSilenceMs);
  return row.status !== 'placed' && isWithin(row.createdAt, now, COMING_MS);
}

/** Less than `ms` apart, whichever is first: a clock that was set back must not keep the dead alive for hours. */
export function isWithin(then: Instant, now: Instant, ms: number): boolean {
  return Math.abs(now - then) < ms;
}

/** A job and the approval it waits for have one id, and are one thing to act on. */
function itemOf({ target }: OrderRow): string {
  const [system = '', , ...id] = target.split('/');
  return `${system}/${id.join('/')}`;
}

function byAge(a: OrderRow, b: OrderRow): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}
