import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { type HistoryOptions, type HistoryStore, openHistory } from '../../src/db/history-store.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { addMs, type Instant } from '../../src/domain/instant.ts';
import { GONE, type Sighting } from '../../src/domain/sighting.ts';
import { costRatio } from '../cost.ts';
import { makeOldRows } from './old-rows.ts';
import { NIGHT, temporaryDirectory } from './temporary.ts';

const system = 'mill' as SystemId;
const self = { pid: 1, startedAt: NIGHT };
const stores: HistoryStore[] = [];

function open(directory = temporaryDirectory(), more: Partial<HistoryOptions> = {}): HistoryStore {
  const store = openHistory({ directory, now: NIGHT, ...more });
  stores.push(store);
  return store;
}
/** A store with the lease of one system, and the row of it. */
function leading(directory?: string): { readonly store: HistoryStore; readonly row: number } {
  const store = open(directory);
  const row = store.systemId(system, '/srv/mill');
  store.lease.take(row, self, NIGHT, () => true);
  return { store, row };
}
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

function sighting(id: string, state: string, seenAt: Instant, more: Partial<Sighting> = {}): Sighting {
  return {
    ref: { system, type: 'job', id },
    title: `job ${id}`,
    state,
    traits: {},
    weight: 'info',
    seenAt,
    live: true,
    evidence: { source: 'jobs' },
    logKeys: [],
    ...more,
  };
}

describe('the file', () => {
  it('of a newer version is refused and left as it is', () => {
    const directory = temporaryDirectory();
    open(directory).close();
    stores.pop();
    const path = join(directory, 'history.db');
    const database = new Database(path);
    database.pragma('user_version = 99');
    database.close();
    const bytes = readFileSync(path);
    expect(() => open(directory)).toThrow(/written by a newer Binnacle/);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('that is junk is put aside for a new one, and left where it is by whoever only looks', () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'history.db');
    writeFileSync(path, 'junk '.repeat(500));
    expect(() => open(directory, { toLook: true })).toThrow(/can't be used/);
    expect(readdirSync(directory)).toEqual(['history.db']);
    const store = open(directory);
    expect(store.quarantined?.why).toMatch(/not an SQLite database/);
    expect(readFileSync(store.quarantined?.path ?? '', 'utf8')).toMatch(/^junk/);
    expect(store.changes({})).toEqual([]);
  });

  it('that can not be opened is told with its path', () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'history.db'));
    expect(() => open(directory)).toThrow(/history\.db/);
  });
});

describe('changes', () => {
  it('are the same when written twice, whoever writes them', () => {
    const { store, row } = leading();
    const seen = [sighting('a', 'queued', NIGHT), sighting('a', 'running', addMs(NIGHT, 1000))];
    expect(store.record(row, self, seen, undefined)).toHaveLength(2);
    expect(store.record(row, self, [seen[1] as Sighting], undefined)).toEqual([]);
    expect(store.changes({})).toHaveLength(2);
  });

  it('are refused to a process without the lease', () => {
    const { store, row } = leading();
    expect(
      store.record(row, { ...self, pid: 2 }, [sighting('a', 'queued', NIGHT)], undefined),
    ).toBeUndefined();
    expect(store.changes({})).toEqual([]);
  });

  it('of another root of the same name are of another system', () => {
    const { store, row } = leading();
    const other = store.systemId(system, '/srv/other');
    store.record(row, self, [sighting('a', 'queued', NIGHT)], undefined);
    expect(store.changes({ systems: [other] })).toEqual([]);
    expect(store.changes({ systems: [row] })).toHaveLength(1);
    expect(store.findSystem(system, '/srv/none')).toBeUndefined();
  });

  it('keep hostile text as it is, cut where it is long, and find their thing again', () => {
    const { store, row } = leading();
    const id = `\u0000\u001b[2J'; DROP TABLE changes; -- \ud800 ${'x'.repeat(3000)}`;
    const long = sighting(id, 'queued', NIGHT, {
      title: 'y'.repeat(100_000),
      evidence: { source: 'jobs', text: `\u001b]52;c;${'z'.repeat(100_000)}` },
    });
    store.record(row, self, [long], undefined);
    store.record(row, self, [{ ...long, state: 'running', seenAt: addMs(NIGHT, 1) }], undefined);
    const [first, second] = store.changes({});
    expect(second).toMatchObject({ from: 'queued', to: 'running' });
    expect(first?.ref.id).toBe(id.toWellFormed());
    expect(first?.title).toHaveLength(500);
    expect(first?.evidence.text).toHaveLength(500);
  });

  it('of a span are those that happened in it, the newest where there are too many', () => {
    const { store, row } = leading();
    const states = ['queued', 'running', 'failed', 'queued', 'running'];
    store.record(
      row,
      self,
      states.map((state, index) => sighting('a', state, addMs(NIGHT, index * 1000))),
      undefined,
    );
    const span = store.changes({ since: addMs(NIGHT, 1000), until: addMs(NIGHT, 3000) });
    expect(span.map(({ to }) => to)).toEqual(['running', 'failed', 'queued']);
    expect(store.changes({ limit: 2 }).map(({ to }) => to)).toEqual(['queued', 'running']);
  });
});

describe('the newest changes', () => {
  it('are read at the same cost however many older ones there are', () => {
    const stores = [2_000, 100_000].map((rows) => {
      const { store, row } = leading();
      makeOldRows(store.path, { rows, system: row, from: addMs(NIGHT, -rows * 1000), everyMs: 1000 });
      const query = { systems: [row], since: addMs(NIGHT, -1_000_000), limit: 20 };
      expect(store.changes(query)).toHaveLength(20);
      return () => store.changes(query);
    });
    const [few, many] = stores as [() => unknown, () => unknown];
    expect(costRatio(few, many)).toBeLessThan(3);
  });
});

describe('what is usual', () => {
  it('is known from five stays on, and is what nine of ten need', () => {
    const { store, row } = leading();
    const stay = (id: string, ms: number): void => {
      store.record(row, self, [sighting(id, 'running', NIGHT)], undefined);
      store.record(row, self, [sighting(id, 'done', addMs(NIGHT, ms))], undefined);
    };
    for (const [index, ms] of [1000, 2000, 3000, 4000].entries()) stay(`j${index}`, ms);
    expect(store.usualStayMs(row, 'job', 'running')).toBeUndefined();
    for (let index = 5; index <= 10; index += 1) stay(`j${index}`, index * 1000);
    expect(store.usualStayMs(row, 'job', 'running')).toBe(9000);
    expect(store.usualStayMs(row, 'run', 'running')).toBeUndefined();
  });

  it('counts no stay whose end or begin nobody saw', () => {
    const { store, row } = leading();
    for (let index = 0; index < 6; index += 1) {
      const id = `j${index}`;
      store.record(row, self, [sighting(id, 'running', NIGHT, { live: false })], undefined);
      store.record(row, self, [sighting(id, 'done', addMs(NIGHT, 5000))], undefined);
      store.record(
        row,
        self,
        [sighting(id, 'queued', addMs(NIGHT, 9000), { live: false })],
        addMs(NIGHT, 6000),
      );
    }
    expect(store.usualStayMs(row, 'job', 'running')).toBeUndefined();
    expect(store.usualStayMs(row, 'job', 'done')).toBeUndefined();
  });
});

describe('retention', () => {
  it('removes in slices what is too old, and keeps what is known of each thing', () => {
    const { store, row } = leading();
    const seen = Array.from({ length: 2500 }, (_, index) =>
      sighting(`j${index}`, 'queued', addMs(NIGHT, index)),
    );
    store.record(row, self, seen, undefined);
    store.remarks.add({ at: NIGHT, kind: 'hold', by: 'alice', text: '' });
    const removed: number[] = [];
    for (let count = 1; count > 0; ) {
      count = store.sweep(addMs(NIGHT, 2000), Number.MAX_SAFE_INTEGER, 600);
      removed.push(count);
    }
    expect(removed).toEqual([601, 600, 600, 200, 0]);
    expect(store.changes({})).toHaveLength(500);
    expect(store.remarks.list({})).toEqual([]);
    expect(store.known(row, { type: 'job', id: 'j0' })?.state).toBe('queued');
  });

  it('removes the oldest when the file is too big, however young they are', () => {
    const { store, row } = leading();
    const seen = Array.from({ length: 3000 }, (_, index) =>
      sighting(`j${index}`, 'queued', addMs(NIGHT, index)),
    );
    store.record(row, self, seen, undefined);
    for (let count = 1; count > 0; ) count = store.sweep(addMs(NIGHT, -1), 600_000, 500);
    const left = store.changes({});
    expect(left.length).toBeGreaterThan(0);
    expect(left.length).toBeLessThan(3000);
    expect(left.at(-1)?.ref.id).toBe('j2999');
  });

  it('forgets things that went away long ago', () => {
    const { store, row } = leading();
    store.record(row, self, [sighting('a', 'queued', NIGHT)], undefined);
    store.record(row, self, [sighting('a', GONE, addMs(NIGHT, 1))], undefined);
    while (store.sweep(addMs(NIGHT, 5000), Number.MAX_SAFE_INTEGER, 500) > 0);
    expect(store.known(row, { type: 'job', id: 'a' })).toBeUndefined();
  });
});

describe('a hand-over', () => {
  it('is unread by each operator until they read it, for three days', () => {
    const { store } = leading();
    const { seq } = store.remarks.add({
      at: NIGHT,
      kind: 'hand-over',
      by: 'alice',
      text: 'Hand-over\n  all quiet',
    });
    store.remarks.add({ at: NIGHT, kind: 'hold', by: 'alice', text: '' });
    const unread = (who: string, hours = 1): number[] =>
      store.remarks.unread(who, addMs(NIGHT, hours * 3_600_000)).map((one) => one.seq);
    expect(unread('bob')).toEqual([seq]);
    store.remarks.markRead(seq, 'bob');
    store.remarks.markRead(seq, 'bob');
    expect(unread('bob')).toEqual([]);
    expect(unread('carol')).toEqual([seq]);
    expect(unread('carol', 73)).toEqual([]);
  });
});
