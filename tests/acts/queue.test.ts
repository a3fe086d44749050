import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MOST_OPEN, standingOf } from '../../src/acts/queue.ts';
import { createActService } from '../../src/acts/service.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { addMs, instant } from '../../src/domain/instant.ts';
import { NO_PROGRESS, type OrderRow, type OrderStatus } from '../../src/domain/order.ts';
import { systemClock } from '../../src/host/clock.ts';
import { temporaryDirectory } from '../db/temporary.ts';
import { firedIn, layToy } from './toy/kind.ts';
import { cockpit, spawnRunner } from './toy/ports.ts';

const watching = { since: instant(0), baseline: null, ends: [], outputs: [], takeovers: 0 };

function row(id: string, target: string, status: OrderStatus, isWatching = false): OrderRow {
  return {
    id,
    target,
    status,
    act: 'job.run',
    system: target.split('/')[0] ?? '',
    slot: 'job.run',
    revision: 'r1',
    attempt: 1,
    user: 'alice',
    plan: '{}',
    digest: '',
    createdAt: instant(Number(id)),
    placedBy: { pid: 1, startedAt: instant(0) },
    progress: { ...NO_PROGRESS, ...(isWatching ? { watch: watching } : {}) },
    unseen: true,
  };
}

/** Id of the order it waits for; undefined when it may begin. */
function behind(id: string, open: readonly OrderRow[], atOnce = 2, dead: readonly string[] = []) {
  const own = open.find((one) => one.id === id) as OrderRow;
  const standing = standingOf(own, open, atOnce, (one) => !dead.includes(one.id));
  return standing.begins ? undefined : standing.behind.id;
}

describe('whose turn it is', () => {
  it('is of one act per item until its outcome is known, whatever the type of the item', () => {
    const open = [row('1', 'toy/job/a', 'running', true), row('2', 'toy/approval/a', 'ready')];
    expect(behind('2', open)).toBe('1');
    expect(behind('2', [open[1] as OrderRow])).toBeUndefined();
  });

  it('is of so many acts per system as the configuration says, while their steps run', () => {
    const three = ['1', '2', '3'].map((id) => row(id, `toy/job/${id}`, id === '3' ? 'ready' : 'running'));
    expect(behind('3', three)).toBe('2');
    expect(behind('3', three, 3)).toBeUndefined();
    expect(behind('3', [row('1', 'toy/job/1', 'running', true), ...three.slice(1)])).toBeUndefined();
    expect(behind('3', [row('1', 'other/job/1', 'running'), ...three.slice(1)])).toBeUndefined();
  });

  it('is of whoever asked first, and one that waits for its item leaves the free places to others', () => {
    const open = [
      row('1', 'toy/job/a', 'running'),
      row('2', 'toy/job/a', 'ready'),
      row('3', 'toy/job/b', 'ready'),
      row('4', 'toy/job/c', 'ready'),
      row('5', 'toy/job/a', 'ready'),
    ];
    expect(open.map(({ id }) => behind(id, open)).slice(1)).toEqual(['1', undefined, '3', '2']);
  });

  it('is free when the runner ahead is gone, or its order is not yet in the ledger', () => {
    const open = [row('1', 'toy/job/a', 'running'), row('2', 'toy/job/a', 'ready')];
    expect(behind('2', open, 2, ['1'])).toBeUndefined();
    expect(behind('2', [row('1', 'toy/job/a', 'placed'), row('2', 'toy/job/a', 'ready')])).toBeUndefined();
  });
});

/** A toy with jobs, its service, and a look at what an order says. */
function bench(modes: string, kill = false) {
  const silence = { TOY_BEAT_SILENCE_MS: '2500' };
  const base = temporaryDirectory();
  const [root, state] = [join(base, 'root'), join(base, 'state')];
  const jobs = Object.fromEntries(['a', 'b', 'c'].map((id) => [id, { status: 'ready', plan: 'p' }]));
  const located = layToy(root, jobs, modes);
  const pids: number[] = [];
  const pit = cockpit(located, state, {
    beatSilenceMs: 2_500,
    spawnRunner: ({ order }) => {
      const first = kill && pids.length === 0;
      pids.push(spawnRunner(state, order, first ? { TOY_KILL_AT: 'spawned' } : silence));
    },
  });
  const service = createActService(pit.ports);
  const start = async (act: string, id: string): Promise<string> => {
    const target = { system: 'toy' as SystemId, type: 'job', id } as const;
    const params: Record<string, string> = act === 'job.answer' ? { answer: 'yes' } : {};
    const { revision } = service.preview({ act, target, params });
    const { order, refused } = await service.start({ act, target, params, revision, confirmedBy: 'yes' });
    if (order === undefined) throw new Error(refused);
    return order;
  };
  const entry = (order: string) => service.entries().find((one) => one.order === order);
  return {
    root,
    service,
    start,
    entry,
    row: (order: string) => pit.host.orders.get(order),
    close() {
      service.close();
      pit.close();
    },
  };
}

describe('an act that must wait', () => {
  it('says behind which, is not begun meanwhile, and can be cancelled while it waits', async () => {
    const { start, entry, service, row: rowOf, root, close } = bench('long');
    const first = await start('job.run', 'a');
    await expect.poll(() => firedIn(root), { timeout: 20_000 }).toEqual(['a']);
    const second = await start('job.answer', 'a');
    await expect
      .poll(() => entry(second)?.summary, { timeout: 20_000 })
      .toBe(`queued behind job.run on job a (order ${first})`);
    expect(rowOf(second)).toMatchObject({ status: 'ready', progress: { stepsBegun: 0 } });
    expect(service.cancel({ order: second })).toEqual({ cancelled: true });
    await expect.poll(() => entry(second)?.status, { timeout: 20_000 }).toBe('cancelled');
    expect(entry(second)?.summary).toBe('cancelled by alice before anything was started');
    expect(firedIn(root)).toEqual(['a']);
    service.cancel({ order: first });
    await expect.poll(() => entry(first)?.status, { timeout: 20_000 }).toBe('cancelled');
    close();
  });

  it('goes on when the runner ahead is killed, and not when what it depends on changed while it waited', async () => {
    const { start, entry, root, close } = bench('slow', true);
    const first = await start('job.run', 'a');
    await expect.poll(() => firedIn(root), { timeout: 20_000 }).toEqual(['a']);
    const second = await start('job.answer', 'a');
    await expect.poll(() => entry(first)?.status, { timeout: 30_000 }).toBe('unknown');
    // The program of the first went on without its runner, and the job is done: nothing is left to answer.
    await expect.poll(() => entry(second)?.status, { timeout: 30_000 }).toBe('failed');
    expect(entry(second)?.summary).toBe('not started: the job is not ready');
    expect(firedIn(root)).toEqual(['a']);
    close();
  });
});

describe('a list that is too long', () => {
  it('is taken as far as runners may be started for it; what is beyond is refused', async () => {
    const base = temporaryDirectory();
    const ids = Array.from({ length: MOST_OPEN + 1 }, (_, n) => `j${n}`);
    const located = layToy(
      join(base, 'root'),
      Object.fromEntries(ids.map((id) => [id, { status: 'ready' }])),
    );
    const pit = cockpit(located, join(base, 'state'), { spawnRunner: () => {} });
    const service = createActService(pit.ports);
    const refusals: (string | undefined)[] = [];
    for (const id of ids) {
      const target = { system: 'toy' as SystemId, type: 'job', id } as const;
      const { revision } = service.preview({ act: 'job.run', target, params: {} });
      const given = { act: 'job.run', target, params: {}, revision, confirmedBy: 'yes' } as const;
      refusals.push((await service.start(given)).refused);
    }
    expect(refusals.filter((why) => why !== undefined)).toEqual([
      `${MOST_OPEN} acts on this system have no end yet: wait for some of them`,
    ]);
    expect(refusals.at(-1)).toBeDefined();
    expect(pit.ledger.rows()).toHaveLength(MOST_OPEN);
    service.close();
    pit.close();
  });
});

describe('a clock that is set during an act', () => {
  it.each([3_600_000, -3_600_000])('by %i ms neither ends nor prolongs the watch', async (jump) => {
    const { runOrder } = await import('../../src/acts/runner.ts');
    const { runnerPorts } = await import('./toy/ports.ts');
    const base = temporaryDirectory();
    const [root, state] = [join(base, 'root'), join(base, 'state')];
    const pit = cockpit(layToy(root, { a: { status: 'ready' } }, 'lie'), state, { spawnRunner: () => {} });
    const service = createActService(pit.ports);
    const target = { system: 'toy' as SystemId, type: 'job', id: 'a' } as const;
    const { revision } = service.preview({ act: 'job.run', target, params: {} });
    const { order = '' } = await service.start({
      ...{ act: 'job.run', target, params: {}, revision, confirmedBy: 'yes' },
    });
    const ports = runnerPorts(state);
    const clock = systemClock();
    let shift = 0;
    const waits: number[] = [];
    await runOrder(order, {
      ...ports,
      clock: {
        ...clock,
        now: () => addMs(clock.now(), shift),
        after: (ms, task) => {
          waits.push(ms);
          return clock.after(ms, task);
        },
      },
      hands: {
        ...ports.hands,
        run: async (options) => {
          const result = await ports.hands.run(options);
          shift = jump;
          return result;
        },
      },
    });
    expect(pit.host.orders.get(order)?.outcome).toBe('not-seen');
    // It watched until its deadline of 1.2 s: not ended at once, and no wait of an hour.
    expect(waits.length).toBeGreaterThan(0);
    expect(Math.max(...waits)).toBeLessThan(1_300);
    ports.close();
    service.close();
    pit.close();
  });
});
