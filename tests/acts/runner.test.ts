import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { RunnerPorts } from '../../src/acts/ports.ts';
import { runOrder } from '../../src/acts/runner.ts';
import { createActService } from '../../src/acts/service.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { temporaryDirectory } from '../db/temporary.ts';
import { firedIn, layToy } from './toy/kind.ts';
import { cockpit, runnerPorts } from './toy/ports.ts';

const job = { system: 'toy' as SystemId, type: 'job', id: 'a1' } as const;

/** An order that waits for its runner. */
async function placed(mode = 'honest', busyMs = 5_000) {
  const base = temporaryDirectory();
  const [root, state] = [join(base, 'root'), join(base, 'state')];
  const located = layToy(root, { a1: { status: 'ready' } }, mode);
  const pit = cockpit(located, state, { spawnRunner: () => {} });
  const service = createActService(pit.ports);
  const { revision } = service.preview({ act: 'job.run', target: job, params: {} });
  const { order = '' } = await service.start({
    act: 'job.run',
    target: job,
    params: {},
    revision,
    confirmedBy: 'yes',
  });
  service.close();
  const ports = runnerPorts(state, { busyMs });
  return {
    root,
    state,
    order,
    run: async (more: Partial<RunnerPorts> = {}) => await runOrder(order, { ...ports, ...more }),
    row: () => pit.host.orders.get(order),
    ledger: pit.ledger,
    ports,
    close() {
      ports.close();
      pit.close();
    },
  };
}

describe('the runner', () => {
  it('runs an order once, and knows none that is not there', async () => {
    const { run, row, root, order, ports, close } = await placed();
    expect(await run()).toBe('done');
    expect(await run()).toBe('not-taken');
    expect(await runOrder('none', ports)).toBe('absent');
    expect(firedIn(root)).toEqual(['a1']);
    expect(row()).toMatchObject({ id: order, outcome: 'verified' });
    close();
  });

  it('runs nothing that another user said yes to', async () => {
    const { run, row, root, close } = await placed();
    expect(await run({ uid: 12_345 })).toBe('done');
    expect(row()).toMatchObject({
      outcome: 'failed',
      progress: { summary: "the order is alice's: nothing was run", stepsBegun: 0 },
    });
    expect(firedIn(root)).toEqual([]);
    close();
  });

  it('runs nothing that is not in the ledger', async () => {
    const { run, row, root, state, close } = await placed();
    const other = new Database(join(state, 'ledger.db'));
    other.exec('DROP TRIGGER ledger_no_delete; DELETE FROM ledger');
    other.close();
    expect(await run()).toBe('done');
    expect(row()).toMatchObject({
      outcome: 'failed',
      progress: { summary: 'the ledger does not know this order: nothing was run' },
    });
    expect(firedIn(root)).toEqual([]);
    close();
  });

  it('starts no step whose beginning it can not record, and records the end as soon as it can', async () => {
    // The lock is held by this very process, which could not give it back while it waits in SQLite.
    const { run, row, root, state, ledger, close } = await placed('honest', 50);
    const blocker = new Database(join(state, 'host.db'));
    const ports = runnerPorts(state, { busyMs: 50 });
    const ended = run({
      observe: (...given) => {
        // From here on somebody else has the store, longer than the runner waits for it.
        blocker.exec('BEGIN IMMEDIATE');
        setTimeout(() => blocker.exec('COMMIT'), 300);
        return ports.observe(...given);
      },
      orders: { ...ports.orders, progress: impatient(state) },
    });
    expect(await ended).toBe('done');
    expect(firedIn(root)).toEqual([]);
    expect(row()).toMatchObject({
      outcome: 'failed',
      progress: { summary: 'not started: its beginning could not be recorded' },
    });
    expect(ledger.rows().map(({ record }) => record.phase)).toEqual(['started', 'finished']);
    blocker.close();
    ports.close();
    close();
  });

  it('calls the outcome unknown when the state can not be looked at', async () => {
    const { run, row, close } = await placed();
    const clock = runnerPorts(temporaryDirectory()).clock;
    let shift = 0;
    const end = await run({
      observe: () => {
        throw new Error('no such root any more');
      },
      // The half minute given to the first look passes at once.
      clock: {
        ...clock,
        monotonic: () => clock.monotonic() + shift,
        after: (ms, task) => {
          if (ms > 10_000) shift = 60_000;
          return clock.after(Math.min(ms, 1), task);
        },
      },
    });
    expect(end).toBe('done');
    expect(row()).toMatchObject({
      outcome: 'unknown',
      progress: { summary: 'the state could not be looked at', exitCode: 0 },
    });
    close();
  });

  it('goes by what it is told to stop before it begins', async () => {
    const { run, row, root, state, order, close } = await placed();
    const ports = runnerPorts(state);
    ports.orders.cancel(order, 'bob', ports.clock.now());
    ports.close();
    expect(await run()).toBe('done');
    expect(row()).toMatchObject({
      outcome: 'cancelled',
      progress: { summary: 'cancelled by bob before anything was started' },
    });
    expect(firedIn(root)).toEqual([]);
    close();
  });
});

/** The same store, by a connection that does not wait for locks. */
function impatient(state: string): RunnerPorts['orders']['progress'] {
  const database = new Database(join(state, 'host.db'), { timeout: 0 });
  return (id, progress) =>
    void database.prepare('UPDATE orders SET progress = ? WHERE id = ?').run(JSON.stringify(progress), id);
}
