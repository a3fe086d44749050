/** What leaves the records with time or number, and what never does. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { type HostStore, openHostStore } from '../../src/db/host-store.ts';
import { createPruner } from '../../src/db/pruning.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { addMs, type Instant, instant } from '../../src/domain/instant.ts';
import { NO_PROGRESS, type OrderOutcome } from '../../src/domain/order.ts';
import { NIGHT, temporaryDirectory } from './temporary.ts';

const DAY_MS = 24 * 3_600_000;
const day = (n: number): Instant => addMs(NIGHT, n * DAY_MS);
const SELF = { pid: 1, startedAt: instant(1) };
const target = { system: 's' as SystemId, type: 'job', id: 'j1' } as const;

function open(directory = temporaryDirectory()): HostStore & { readonly directory: string } {
  return { ...openHostStore({ directory, now: NIGHT }), directory };
}

/** An act of that day; without an outcome it is under way. */
function act({ orders }: HostStore, id: string, at: Instant, outcome?: OrderOutcome): void {
  orders.place({
    ...{ id, act: 'job.run', system: 's', slot: 'job.run', target: 's/job/1', revision: id, attempt: 1 },
    ...{ user: 'alice', plan: '{}', createdAt: at, placedBy: SELF },
  });
  orders.keep(id, 0, { path: 'a.json', content: 'e30=' });
  const row = orders.get(id);
  if (!row || outcome === undefined) return;
  orders.finish(row, { outcome, at, progress: NO_PROGRESS, release: outcome === 'failed' });
}

/** A going through steps, begun that day and, with `ended`, over then. */
function steps({ steps: book }: HostStore, id: string, at: Instant, ended?: Instant, order?: string): void {
  const common = {
    id,
    target,
    title: 'job 1',
    playbook: id,
    playbookTitle: id,
    begunAt: at,
    begunBy: 'alice',
  };
  book.begin(common);
  const mark = {
    run: id,
    step: 'look',
    index: 0,
    by: 'alice',
    at,
    ...(order === undefined ? {} : { order }),
  };
  book.mark({ ...mark, state: order === undefined ? 'done' : 'begun' });
  if (ended !== undefined) book.end(id, ended);
}

const idsOf = ({ orders }: HostStore): string[] =>
  orders
    .list(10_000)
    .map(({ id }) => id)
    .sort();
const runsOf = ({ steps: book }: HostStore): string[] =>
  book
    .list({ since: day(-1_000), until: day(1_000) })
    .map(({ run }) => run.id)
    .sort();

describe('acts in the record', () => {
  it('leave when they ended long ago, with their keys and the files they replaced', () => {
    const store = open();
    act(store, 'old', day(0), 'verified');
    act(store, 'failed', day(1), 'failed');
    act(store, 'young', day(40), 'verified');
    expect(store.pruner.prune(day(30), day(60))).toEqual({ orders: ['old', 'failed'], more: false });
    expect(idsOf(store)).toEqual(['young']);
    expect(store.orders.kept('old')).toEqual([]);
    expect(store.orders.kept('young')).toHaveLength(1);
    // What was done so long ago may be done again.
    const key = { slot: 'job.run', target: 's/job/1', revision: 'old' };
    expect(store.orders.claimState(key)).toEqual({ nextAttempt: 1, free: true });
    expect(store.orders.claimState({ ...key, revision: 'young' }).free).toBe(false);
    expect(store.pruner.prune(day(30), day(60))).toEqual({ orders: [], more: false });
    store.close();
  });

  it('stay, however old, while they have no outcome, nobody knows it, or steps under way name them', () => {
    const store = open();
    act(store, 'under-way', day(0));
    act(store, 'unknown', day(0), 'unknown');
    act(store, 'named', day(0), 'verified');
    act(store, 'was-named', day(0), 'verified');
    steps(store, 'going-on', day(0), undefined, 'named');
    steps(store, 'over', day(0), day(50), 'was-named');
    expect(store.pruner.prune(day(30), day(60)).orders).toEqual(['was-named']);
    expect(idsOf(store)).toEqual(['named', 'under-way', 'unknown']);
    expect([...store.pruner.orders().open].sort()).toEqual(['named', 'under-way', 'unknown']);
    store.orders.settle('unknown', 'settled by alice: it ran');
    store.steps.end('going-on', day(59));
    expect([...store.pruner.prune(day(30), day(60)).orders].sort()).toEqual(['named', 'unknown']);
    store.close();
  });

  it('leave the oldest first when there are too many, and in slices', () => {
    const store = open();
    for (let n = 0; n < 450; n += 1)
      act(store, `o${String(n).padStart(3, '0')}`, addMs(day(50), n), 'failed');
    const database = new Database(join(store.directory, 'host.db'));
    const pruner = createPruner(database, { orders: 20, stepRuns: 20, asides: 20 });
    const slices: number[] = [];
    for (let more = true; more; ) {
      const pruned = pruner.prune(day(30), day(60));
      slices.push(pruned.orders.length);
      more = pruned.more;
    }
    expect(slices).toEqual([200, 200, 30]);
    expect(idsOf(store)).toHaveLength(20);
    expect(idsOf(store)[0]).toBe('o430');
    database.close();
    store.close();
  });
});

describe('steps in the record', () => {
  it('leave with their marks when their condition was over long ago, or there are too many of those', () => {
    const store = open();
    steps(store, 'long-over', day(0), day(1));
    steps(store, 'going-on', day(0));
    steps(store, 'over', day(0), day(50));
    steps(store, 'just-over', day(0), day(51));
    store.pruner.prune(day(30), day(60));
    expect(runsOf(store)).toEqual(['going-on', 'just-over', 'over']);
    const database = new Database(join(store.directory, 'host.db'));
    createPruner(database, { orders: 1, stepRuns: 1, asides: 1 }).prune(day(30), day(60));
    expect(runsOf(store)).toEqual(['going-on', 'just-over']);
    expect(database.prepare('SELECT count(*) FROM step_marks').pluck().get()).toBe(2);
    database.close();
    store.close();
  });
});

describe('what is set aside, and watches', () => {
  it('leave when their time is over or their item ended; what is for good or goes on stays', () => {
    const store = open();
    const put = (key: string, at: Instant, more = {}) =>
      store.asides.put({ key, revision: 'r', forGood: false, by: 'alice', ...more }, at);
    put('timed', day(0), { until: day(59) });
    put('still', day(0), { until: day(61) });
    put('good', day(0), { forGood: true, reason: 'known' });
    put('older', day(0));
    put('younger', day(1));
    const watch = (id: string) => ({
      ...{ by: 'alice', ref: { ...target, id }, title: id, state: 'queued', since: day(0) },
      ...{ setAt: day(0), moves: 0 },
    });
    for (const id of ['goes-on', 'ended']) store.watches.set(watch(id));
    store.watches.end(watch('ended'), 'done', day(1));
    const database = new Database(join(store.directory, 'host.db'));
    createPruner(database, { orders: 1, stepRuns: 1, asides: 1 }).prune(day(30), day(60));
    const keys = (table: string) => database.prepare(`SELECT key FROM ${table} ORDER BY key`).pluck().all();
    expect(keys('asides')).toEqual(['good', 'still', 'younger']);
    expect(keys('watches')).toEqual(['s/job/goes-on']);
    database.close();
    store.close();
  });
});
