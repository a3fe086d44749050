import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HOLD_MS } from '../../src/db/holds.ts';
import { openHostStore } from '../../src/db/host-store.ts';
import { planDigest } from '../../src/db/orders.ts';
import { addMs, instant } from '../../src/domain/instant.ts';
import { type NewOrder, NO_PROGRESS } from '../../src/domain/order.ts';
import { NIGHT, temporaryDirectory } from './temporary.ts';

const COCKPIT = { pid: 100, startedAt: instant(1_000) };
const RUNNER = { pid: 200, startedAt: instant(2_000) };

function order(id: string, more: Partial<NewOrder> = {}): NewOrder {
  return {
    id,
    act: 'job.approve',
    system: 'openclaw',
    slot: 'decision',
    target: 'openclaw/job/a1',
    revision: 'r1',
    attempt: 1,
    user: 'alice',
    plan: '{"steps":[]}',
    createdAt: NIGHT,
    placedBy: COCKPIT,
    ...more,
  };
}

function store(directory = temporaryDirectory()) {
  return openHostStore({ directory, now: NIGHT });
}

describe('orders', () => {
  it('go from placed to ready to running to finished, and are taken by one runner', () => {
    const { orders, close } = store();
    expect(orders.place(order('o1'))).toMatchObject({
      placed: true,
      row: { status: 'placed', digest: planDigest('{"steps":[]}'), unseen: true },
    });
    expect(orders.take('o1', RUNNER, NIGHT)).toBe(false);
    expect(orders.ready('o1')).toBe(true);
    expect(orders.take('o1', RUNNER, NIGHT)).toBe(true);
    expect(orders.take('o1', { pid: 201, startedAt: instant(3) }, NIGHT)).toBe(false);
    orders.beat('o1', RUNNER, addMs(NIGHT, 1_000));
    orders.beat('o1', { pid: 9, startedAt: instant(9) }, addMs(NIGHT, 9_000));
    orders.progress('o1', { ...NO_PROGRESS, stepsBegun: 1, doing: 'approve' });
    expect(orders.get('o1')).toMatchObject({
      status: 'running',
      runner: RUNNER,
      beatAt: addMs(NIGHT, 1_000),
      progress: { stepsBegun: 1 },
    });
    const row = orders.get('o1')!;
    const end = {
      outcome: 'verified' as const,
      at: addMs(NIGHT, 2_000),
      progress: row.progress,
      release: false,
    };
    expect(orders.finish({ ...row, runner: { pid: 1, startedAt: instant(1) } }, end)).toBe(false);
    expect(orders.finish({ ...row, status: 'ready' }, end)).toBe(false);
    expect(orders.finish(row, end)).toBe(true);
    expect(orders.finish(row, end)).toBe(false);
    expect(orders.get('o1')).toMatchObject({
      status: 'finished',
      outcome: 'verified',
      endedAt: addMs(NIGHT, 2_000),
    });
    expect(orders.open()).toEqual([]);
    close();
  });

  it('claim a key once: the second is told whose it is, in another connection too', () => {
    const directory = temporaryDirectory();
    const [first, second] = [store(directory), store(directory)];
    expect(first.orders.place(order('o1')).placed).toBe(true);
    expect(second.orders.place(order('o2', { user: 'bob' }))).toMatchObject({
      placed: false,
      state: { free: false, nextAttempt: 2, last: { id: 'o1', user: 'alice', status: 'placed' } },
    });
    expect(second.orders.place(order('o3', { revision: 'r2' })).placed).toBe(true);
    expect(second.orders.place(order('o4', { slot: 'job.cancel' })).placed).toBe(true);
    expect(second.orders.get('o2')).toBeUndefined();
    first.close();
    second.close();
  });

  it('free their key for exactly the next attempt when they are released', () => {
    const { orders, close } = store();
    orders.place(order('o1'));
    orders.finish(orders.get('o1')!, {
      outcome: 'failed',
      at: NIGHT,
      progress: { ...NO_PROGRESS, summary: 'exit 1' },
      release: true,
    });
    expect(orders.claimState(order('x'))).toMatchObject({
      free: true,
      nextAttempt: 2,
      last: { id: 'o1', outcome: 'failed', progress: { summary: 'exit 1' } },
    });
    // A yes that was given to the first attempt is no yes to the second.
    expect(orders.place(order('o2')).placed).toBe(false);
    expect(orders.place(order('o3', { attempt: 3 })).placed).toBe(false);
    expect(orders.place(order('o4', { attempt: 2 })).placed).toBe(true);
    expect(orders.place(order('o5', { attempt: 2 })).placed).toBe(false);
    close();
  });

  it('keep their key while the outcome is unknown, until a person settles it', () => {
    const { orders, close } = store();
    orders.place(order('o1'));
    orders.finish(orders.get('o1')!, {
      outcome: 'unknown',
      at: NIGHT,
      progress: NO_PROGRESS,
      release: false,
    });
    expect(orders.claimState(order('x')).free).toBe(false);
    expect(orders.settle('o1', 'settled by bob: it ran')).toBe(true);
    expect(orders.settle('o1', 'again')).toBe(false);
    expect(orders.get('o1')).toMatchObject({
      outcome: 'settled',
      progress: { summary: 'settled by bob: it ran' },
      unseen: false,
    });
    expect(orders.claimState(order('x'))).toMatchObject({ free: true, nextAttempt: 2 });
    close();
  });

  it('can be asked to stop until they have ended', () => {
    const { orders, close } = store();
    orders.place(order('o1'));
    expect(orders.cancel('o1', 'bob', NIGHT)).toBe(true);
    expect(orders.cancel('o1', 'carol', addMs(NIGHT, 5))).toBe(true);
    expect(orders.get('o1')?.cancel).toEqual({ at: NIGHT, by: 'bob' });
    orders.finish(orders.get('o1')!, {
      outcome: 'cancelled',
      at: NIGHT,
      progress: NO_PROGRESS,
      release: true,
    });
    expect(orders.cancel('o1', 'bob', NIGHT)).toBe(false);
    expect(orders.cancel('none', 'bob', NIGHT)).toBe(false);
    close();
  });

  it('keep what a step replaced, and whether a person has seen the result', () => {
    const { orders, close } = store();
    orders.place(order('o1'));
    orders.keep('o1', 0, { path: 'a.json', content: Buffer.from('{}').toString('base64'), mode: 0o640 });
    orders.keep('o1', 1, { path: 'new.json' });
    expect(orders.kept('o1')).toEqual([
      { path: 'a.json', content: 'e30=', mode: 0o640 },
      { path: 'new.json' },
    ]);
    orders.markSeen(['o1']);
    expect(orders.get('o1')?.unseen).toBe(true);
    orders.finish(orders.get('o1')!, { outcome: 'failed', at: NIGHT, progress: NO_PROGRESS, release: true });
    orders.markSeen(['o1']);
    expect(orders.get('o1')?.unseen).toBe(false);
    close();
  });

  it('have a version that moves with the writes of any process and stands still without', () => {
    const directory = temporaryDirectory();
    const [one, two] = [store(directory), store(directory)];
    const before = one.orders.version();
    expect(one.orders.version()).toBe(before);
    two.orders.place(order('o1'));
    const after = one.orders.version();
    expect(after).not.toBe(before);
    one.orders.ready('o1');
    expect(one.orders.version()).not.toBe(after);
    one.close();
    two.close();
  });
});

describe('holds', () => {
  it('belong to one operator, are renewed by keys and lapse after 90 seconds', () => {
    const { holds, close } = store();
    expect(holds.take('k', 'alice', NIGHT)).toEqual({
      held: true,
      by: 'alice',
      until: addMs(NIGHT, HOLD_MS),
    });
    expect(holds.take('k', 'bob', addMs(NIGHT, 1_000))).toEqual({
      held: false,
      by: 'alice',
      until: addMs(NIGHT, 90_000),
    });
    holds.renew('alice', addMs(NIGHT, 60_000));
    expect(holds.holderOf('k', addMs(NIGHT, 149_000))).toEqual({ by: 'alice', until: addMs(NIGHT, 150_000) });
    expect(holds.holderOf('k', addMs(NIGHT, 150_000))).toBeUndefined();
    holds.renew('alice', addMs(NIGHT, 151_000));
    expect(holds.take('k', 'bob', addMs(NIGHT, 152_000)).held).toBe(true);
    holds.release('k', 'alice');
    expect(holds.list(addMs(NIGHT, 153_000))).toEqual([
      { key: 'k', by: 'bob', until: addMs(NIGHT, 242_000) },
    ]);
    holds.release('k', 'bob');
    expect(holds.list(addMs(NIGHT, 153_000))).toEqual([]);
    for (const key of ['a', 'b']) holds.take(key, 'alice', NIGHT);
    holds.take('c', 'bob', NIGHT);
    holds.releaseAll('alice');
    expect(holds.list(NIGHT).map(({ key, by }) => [key, by])).toEqual([['c', 'bob']]);
    close();
  });
});

describe('what is set aside', () => {
  it('comes back when it changes, when its time has come, or never when put away for good with a reason', () => {
    const { asides, close } = store();
    asides.put({ key: 'changes', revision: 'r1', forGood: false, by: 'alice' }, NIGHT);
    asides.put(
      { key: 'timed', revision: 'r1', until: addMs(NIGHT, 60_000), forGood: false, by: 'alice' },
      NIGHT,
    );
    asides.put({ key: 'good', revision: 'r1', forGood: true, reason: 'known, T-12', by: 'bob' }, NIGHT);
    expect(() =>
      asides.put({ key: 'x', revision: 'r', forGood: true, reason: ' ', by: 'bob' }, NIGHT),
    ).toThrow(/needs a reason/);
    expect(asides.list(NIGHT).map((one) => one.key)).toEqual(['changes', 'good', 'timed']);
    expect(asides.list(addMs(NIGHT, 60_000)).map((one) => one.key)).toEqual(['changes', 'good']);
    expect([asides.back('good'), asides.back('good')]).toEqual([true, false]);
    close();
  });
});

describe('presence', () => {
  it('names the others who said "here" lately', () => {
    const { presence, close } = store();
    const bob = { pid: 101, startedAt: instant(5) };
    presence.beat(COCKPIT, 'alice', 'pts/4', NIGHT);
    presence.beat(bob, 'bob', 'pts/3', NIGHT);
    expect(presence.others(COCKPIT, addMs(NIGHT, 5_000))).toEqual([{ who: 'bob', terminal: 'pts/3' }]);
    expect(presence.others(COCKPIT, addMs(NIGHT, 16_000))).toEqual([]);
    presence.leave(bob);
    expect(presence.others(COCKPIT, NIGHT)).toEqual([]);
    close();
  });
});

describe('the store of a host', () => {
  it('puts a broken file aside and says so', () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'host.db'), 'junk '.repeat(100));
    const { quarantined, orders, close } = store(directory);
    expect(quarantined?.why).toBe('not an SQLite database');
    expect(orders.list(10)).toEqual([]);
    close();
  });

  it('is writable by the group where operators share it', () => {
    const directory = temporaryDirectory();
    const shared = openHostStore({ directory, now: NIGHT, mode: 0o660 });
    shared.orders.place(order('o1'));
    for (const suffix of ['', '-wal', '-shm'])
      expect(statSync(join(directory, `host.db${suffix}`)).mode & 0o777).toBe(0o660);
    shared.close();
  });
});
