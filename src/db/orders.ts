import { hash } from 'node:crypto';
import type Database from 'better-sqlite3';
import { instant } from '../domain/instant.ts';
import {
  type ClaimKey,
  type ClaimState,
  type NewOrder,
  NO_PROGRESS,
  type OrderBook,
  type OrderOutcome,
  type OrderProgress,
  type OrderRow,
  type OrderStatus,
  type Placed,
} from '../domain/order.ts';

/** SHA-256 of an order's plan, hexadecimal. */
export function planDigest(plan: string): string {
  return hash('sha256', plan);
}

/** The store over an open database with the schema of `host-store.ts`. */
export function createOrderStore(database: Database.Database): OrderBook {
  const select = database.prepare('SELECT * FROM orders WHERE id = ?');
  const get = (id: string): OrderRow | undefined => {
    const stored = select.get(id) as StoredOrder | undefined;
    return stored && rowOf(stored);
  };
  const newestClaim = database.prepare(
    'SELECT attempt, order_id, released FROM claims WHERE slot = ? AND target = ? AND revision = ? ORDER BY attempt DESC LIMIT 1',
  );
  const claimState = (key: ClaimKey): ClaimState => {
    const claim = newestClaim.get(key.slot, key.target, key.revision) as
      | { attempt: number; order_id: string; released: number }
      | undefined;
    if (!claim) return { nextAttempt: 1, free: true };
    const last = get(claim.order_id);
    return { nextAttempt: claim.attempt + 1, free: claim.released === 1, ...(last ? { last } : {}) };
  };
  const insertOrder = database.prepare(
    `INSERT INTO orders (id, act, system, slot, target, revision, attempt, user, plan, created_at, placed_pid, placed_started, status, progress)
     VALUES (@id, @act, @system, @slot, @target, @revision, @attempt, @user, @plan, @createdAt, @pid, @started, 'placed', @progress)`,
  );
  const insertClaim = database.prepare(
    'INSERT INTO claims (slot, target, revision, attempt, order_id) VALUES (?, ?, ?, ?, ?)',
  );
  const place = database.transaction((order: NewOrder): Placed => {
    const state = claimState(order);
    if (!state.free || state.nextAttempt !== order.attempt) return { placed: false, state };
    const { placedBy, ...columns } = order;
    insertOrder.run({
      ...columns,
      pid: placedBy.pid,
      started: placedBy.startedAt,
      progress: JSON.stringify(NO_PROGRESS),
    });
    insertClaim.run(order.slot, order.target, order.revision, order.attempt, order.id);
    return { placed: true, row: get(order.id) as OrderRow };
  });
  const release = database.prepare('UPDATE claims SET released = 1 WHERE order_id = ?');
  const end = database.prepare(
    `UPDATE orders SET status = 'finished', outcome = @outcome, ended_at = @at, progress = @progress
     WHERE id = @id AND status = @status AND runner_pid IS @pid AND runner_started IS @started`,
  );
  const finish = database.transaction<OrderBook['finish']>(
    (expected, { outcome, at, progress, release: free }) => {
      const { changes } = end.run({
        id: expected.id,
        status: expected.status,
        pid: expected.runner?.pid ?? null,
        started: expected.runner?.startedAt ?? null,
        outcome,
        at,
        progress: JSON.stringify(progress),
      });
      if (changes === 1 && free) release.run(expected.id);
      return changes === 1;
    },
  );
  const learnRow = database.prepare(
    "UPDATE orders SET outcome = ?, progress = json_set(progress, '$.summary', ?) WHERE id = ? AND outcome = 'unknown'",
  );
  const learn = database.transaction<OrderBook['learn']>((id, { outcome, summary, release: free }) => {
    const done = learnRow.run(outcome, summary, id).changes === 1;
    if (done && free) release.run(id);
    return done;
  });
  const settle = database.transaction((id: string, summary: string): boolean => {
    const done = learn(id, { outcome: 'settled', summary, release: true });
    if (done) seen.run(id);
    return done;
  });
  const ready = database.prepare("UPDATE orders SET status = 'ready' WHERE id = ? AND status = 'placed'");
  const takeRow = database.prepare(
    `UPDATE orders SET status = 'running', runner_pid = @pid, runner_started = @started, beat_at = @at
     WHERE id = @id AND status = 'ready' AND (runner_pid IS NULL OR (runner_pid = @pid AND runner_started = @started))`,
  );
  const take = database.transaction<OrderBook['take']>((id, runner, at, mayBegin) => {
    if (mayBegin && !mayBegin((open.all() as StoredOrder[]).map(rowOf))) return false;
    return takeRow.run({ id, pid: runner.pid, started: runner.startedAt, at }).changes === 1;
  });
  const wait = database.prepare(
    `UPDATE orders SET runner_pid = @pid, runner_started = @started, beat_at = @at,
       progress = json_set(progress, '$.doing', @doing)
     WHERE id = @id AND status = 'ready' AND (runner_pid IS NULL OR (runner_pid = @pid AND runner_started = @started))`,
  );
  const takeOver = database.prepare(
    // Counted with the taking: one that is ended before it writes a word must count too.
    `UPDATE orders SET runner_pid = @pid, runner_started = @started, beat_at = @at,
       progress = json_set(progress, '$.watch.takeovers', coalesce(progress ->> '$.watch.takeovers', 0) + 1)
     WHERE id = @id AND status = 'running' AND runner_pid = @endedPid AND runner_started = @endedStarted`,
  );
  const beat = database.prepare(
    'UPDATE orders SET beat_at = ? WHERE id = ? AND runner_pid = ? AND runner_started = ?',
  );
  const setProgress = database.prepare("UPDATE orders SET progress = ? WHERE id = ? AND status = 'running'");
  const cancel = database.prepare(
    "UPDATE orders SET cancel_at = ?, cancel_by = ? WHERE id = ? AND status <> 'finished' AND cancel_at IS NULL",
  );
  const list = database.prepare('SELECT * FROM orders ORDER BY created_at DESC, id DESC LIMIT ?');
  const open = database.prepare("SELECT * FROM orders WHERE status <> 'finished' ORDER BY created_at, id");
  const keep = database.prepare(
    'INSERT OR REPLACE INTO kept_files (order_id, step, path, content, mode) VALUES (?, ?, ?, ?, ?)',
  );
  const kept = database.prepare(
    'SELECT path, content, mode FROM kept_files WHERE order_id = ? ORDER BY step',
  );
  const seen = database.prepare("UPDATE orders SET unseen = 0 WHERE id = ? AND status = 'finished'");
  const markSeen = database.transaction((ids: readonly string[]) => {
    for (const id of ids) seen.run(id);
  });
  return {
    place: (order) => place.immediate(order),
    claimState,
    get,
    list: (limit) => (list.all(limit) as StoredOrder[]).map(rowOf),
    open: () => (open.all() as StoredOrder[]).map(rowOf),
    ready: (id) => ready.run(id).changes === 1,
    take: (id, runner, at, mayBegin) => take.immediate(id, runner, at, mayBegin),
    wait: (id, runner, at, doing) =>
      wait.run({ id, pid: runner.pid, started: runner.startedAt, at, doing }).changes === 1,
    takeOver: (id, ended, runner, at) =>
      takeOver.run({
        id,
        pid: runner.pid,
        started: runner.startedAt,
        at,
        endedPid: ended.pid,
        endedStarted: ended.startedAt,
      }).changes === 1,
    beat: (id, runner, at) => void beat.run(at, id, runner.pid, runner.startedAt),
    progress: (id, progress) => void setProgress.run(JSON.stringify(progress), id),
    cancel: (id, by, at) => {
      cancel.run(at, by, id);
      const row = get(id);
      return row !== undefined && row.status !== 'finished';
    },
    finish: (expected, ending) => finish.immediate(expected, ending),
    learn: (id, end) => learn.immediate(id, end),
    settle: (id, summary) => settle.immediate(id, summary),
    keep: (id, step, file) => void keep.run(id, step, file.path, file.content ?? null, file.mode ?? null),
    kept: (id) =>
      (kept.all(id) as { path: string; content: string | null; mode: number | null }[]).map((row) => ({
        path: row.path,
        ...(row.content === null ? {} : { content: row.content }),
        ...(row.mode === null ? {} : { mode: row.mode }),
      })),
    markSeen: (ids) => markSeen.immediate(ids),
    version: dataVersion(database),
  };
}

/** SQLite's counter of foreign commits does not count our own; both together do. */
function dataVersion(database: Database.Database): () => number {
  const foreign = database.prepare('PRAGMA data_version').pluck();
  const own = database.prepare('SELECT total_changes()').pluck();
  return () => Number(foreign.get()) * 2 ** 32 + Number(own.get());
}

interface StoredOrder {
  readonly id: string;
  readonly act: string;
  readonly system: string;
  readonly slot: string;
  readonly target: string;
  readonly revision: string;
  readonly attempt: number;
  readonly user: string;
  readonly plan: string;
  readonly created_at: number;
  readonly placed_pid: number;
  readonly placed_started: number;
  readonly status: OrderStatus;
  readonly outcome: OrderOutcome | null;
  readonly runner_pid: number | null;
  readonly runner_started: number | null;
  readonly beat_at: number | null;
  readonly ended_at: number | null;
  readonly cancel_at: number | null;
  readonly cancel_by: string | null;
  readonly progress: string;
  readonly unseen: number;
}

function rowOf(stored: StoredOrder): OrderRow {
  return {
    id: stored.id,
    act: stored.act,
    system: stored.system,
    slot: stored.slot,
    target: stored.target,
    revision: stored.revision,
    attempt: stored.attempt,
    user: stored.user,
    plan: stored.plan,
    // Taken of what is there now: a stored digest could be changed together with the plan.
    digest: planDigest(stored.plan),
    createdAt: instant(stored.created_at),
    placedBy: { pid: stored.placed_pid, startedAt: instant(stored.placed_started) },
    status: stored.status,
    progress: JSON.parse(stored.progress) as OrderProgress,
    unseen: stored.unseen === 1,
    ...(stored.outcome === null ? {} : { outcome: stored.outcome }),
    ...(stored.runner_pid === null || stored.runner_started === null
      ? {}
      : { runner: { pid: stored.runner_pid, startedAt: instant(stored.runner_started) } }),
    ...(stored.beat_at === null ? {} : { beatAt: instant(stored.beat_at) }),
    ...(stored.ended_at === null ? {} : { endedAt: instant(stored.ended_at) }),
    ...(stored.cancel_at === null
      ? {}
      : { cancel: { at: instant(stored.cancel_at), by: stored.cancel_by ?? '' } }),
  };
}
