/** What leaves the records of a host with time, and what never does: whatever is still open. */
import type Database from 'better-sqlite3';
import type { Instant } from '../domain/instant.ts';

/** How many are kept at most, however young: acts that ended, goings through steps that ended, items set aside. */
export interface KeptCounts {
  readonly orders: number;
  readonly stepRuns: number;
  readonly asides: number;
}

/** One slice of what left. */
export interface Pruned {
  /** Acts that left: what they printed may go too. */
  readonly orders: readonly string[];
  /** Whether there is more of anything. */
  readonly more: boolean;
}

/** Takes old records away, a slice at a time, so that no other process waits for long. */
export interface Pruner {
  /**
   * One slice of what is older than `before` or beyond the counts. Stays: an act without an outcome, one whose outcome is
   * unknown, one that steps under way name; steps under way; what is set aside for good or for a time to come; watches.
   */
  prune(before: Instant, now: Instant): Pruned;
  /** Ids of the acts in the record; `open`: those that never leave as they are. */
  orders(): { readonly all: ReadonlySet<string>; readonly open: ReadonlySet<string> };
}

const KEPT: KeptCounts = { orders: 5_000, stepRuns: 5_000, asides: 500 };
/** Rows of each sort in one transaction: a few milliseconds. */
const SLICE = 200;

/** Acts that wait for something: their end, a person's word, or steps that go on. */
const OPEN_ORDERS = `SELECT id FROM orders WHERE status <> 'finished' OR outcome = 'unknown'
  UNION SELECT order_id FROM step_marks JOIN step_runs ON step_runs.id = run
        WHERE ended_at IS NULL AND order_id IS NOT NULL`;

/** Over an open database with the schema of `host-store.ts`. */
export function createPruner(database: Database.Database, kept: KeptCounts = KEPT): Pruner {
  const nthOrder = database
    .prepare('SELECT created_at FROM orders ORDER BY created_at DESC LIMIT 1 OFFSET ?')
    .pluck();
  const oldOrders = database
    .prepare(
      `SELECT id FROM orders WHERE created_at < ? AND id NOT IN (${OPEN_ORDERS}) ORDER BY created_at LIMIT ${SLICE}`,
    )
    .pluck();
  const nthRun = database
    .prepare(
      'SELECT ended_at FROM step_runs WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1 OFFSET ?',
    )
    .pluck();
  const oldRuns = database
    .prepare(`SELECT id FROM step_runs WHERE ended_at < ? ORDER BY ended_at LIMIT ${SLICE}`)
    .pluck();
  const orderParts = ['claims WHERE order_id', 'kept_files WHERE order_id', 'orders WHERE id'].map((part) =>
    database.prepare(`DELETE FROM ${part} = ?`),
  );
  const runParts = ['step_marks WHERE run', 'step_runs WHERE id'].map((part) =>
    database.prepare(`DELETE FROM ${part} = ?`),
  );
  const lapsedAsides = database.prepare('DELETE FROM asides WHERE for_good = 0 AND until <= ?');
  const manyAsides = database.prepare(
    `DELETE FROM asides WHERE key IN
       (SELECT key FROM asides WHERE for_good = 0 AND until IS NULL ORDER BY at DESC, key LIMIT -1 OFFSET ?)`,
  );
  const endedWatches = database.prepare('DELETE FROM watches WHERE ended_at < ?');
  const allOrders = database.prepare('SELECT id FROM orders').pluck();
  const openOrders = database.prepare(OPEN_ORDERS).pluck();
  const prune = database.transaction((before: Instant, now: Instant): Pruned => {
    const cut = (nth: Database.Statement, count: number): number =>
      Math.max(before, Number(nth.get(count - 1) ?? before));
    const orders = oldOrders.all(cut(nthOrder, kept.orders)) as string[];
    const runs = oldRuns.all(cut(nthRun, kept.stepRuns)) as string[];
    for (const id of orders) for (const part of orderParts) part.run(id);
    for (const id of runs) for (const part of runParts) part.run(id);
    lapsedAsides.run(now);
    manyAsides.run(kept.asides);
    endedWatches.run(before);
    return { orders, more: orders.length === SLICE || runs.length === SLICE };
  });
  return {
    prune: (before, now) => prune.immediate(before, now),
    orders: () => ({
      all: new Set(allOrders.all() as string[]),
      open: new Set(openOrders.all() as string[]),
    }),
  };
}
