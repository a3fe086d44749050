import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostHands } from '../../src/acts/hands.ts';
import { createActService } from '../../src/acts/service.ts';
import { openLedger } from '../../src/db/ledger.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { systemClock } from '../../src/host/clock.ts';
import type { Located } from '../../src/systems/system.ts';
import { temporaryDirectory } from '../db/temporary.ts';
import { firedIn, layToy, toyKind, toyView } from './toy/kind.ts';
import { type Cockpit, cockpit, OTHER_USER, spawnRunner } from './toy/ports.ts';

const COCKPIT = new URL('./toy/cockpit.ts', import.meta.url).pathname;
const job = { system: 'toy' as SystemId, type: 'job', id: 'a' } as const;

/** An order of alice whose runner was ended when its steps were over; her cockpit is gone too. */
async function abandoned(
  mode: string,
): Promise<{ root: string; state: string; located: Located; order: string }> {
  const base = temporaryDirectory();
  const [root, state] = [join(base, 'root'), join(base, 'state')];
  chmodSync(base, 0o755);
  mkdirSync(state);
  if (process.getuid?.() === 0) chownSync(state, 0, OTHER_USER.gid);
  chmodSync(state, 0o2770);
  const located = layToy(root, { a: { status: 'ready' } }, mode);
  let runner = 0;
  const pit = shared(() =>
    cockpit(located, state, {
      spawnRunner: ({ order }) => {
        runner = spawnRunner(state, order, { TOY_SHARED: 'yes', TOY_KILL_AT: 'steps over' });
      },
    }),
  );
  const service = createActService(pit.ports);
  const { revision } = service.preview({ act: 'job.run', target: job, params: {} });
  const given = { act: 'job.run', target: job, params: {}, revision, confirmedBy: 'yes' } as const;
  const { order = '' } = await service.start(given);
  await expect.poll(() => hostHands.startedAt(runner), { timeout: 20_000 }).toBeUndefined();
  service.close();
  expect(pit.host.orders.get(order)?.progress.watch).toMatchObject({ takeovers: 0 });
  pit.close();
  return { root, state, located, order };
}

/** Bob's cockpit over the toy at `located`, with a ledger of his own. */
function bobs(located: Located, state: string, more: Partial<Cockpit['ports']>): Cockpit {
  const path = join(state, 'ledger-bob.db');
  const ledger = openLedger({ path, now: systemClock().now() });
  const who = { user: 'bob', uid: 12_345, host: 'test' };
  const pit = shared(() =>
    cockpit(located, state, { beatSilenceMs: 1, who, ledger: { ok: true, value: ledger }, ...more }),
  );
  return {
    ...pit,
    ledger,
    close() {
      pit.close();
      ledger.close();
    },
  };
}

/** The stores as the operators of a host share them. */
function shared(open: () => Cockpit): Cockpit {
  process.env['TOY_SHARED'] = 'yes';
  try {
    return open();
  } finally {
    delete process.env['TOY_SHARED'];
  }
}

describe.runIf(process.getuid?.() === 0)('an act whose runner and cockpit are gone', () => {
  it('is watched to its end by the cockpit of another user, runs no second time, and comes into its own ledger', async ({
    onTestFinished,
  }) => {
    const { root, state, located, order } = await abandoned('late');
    const go = join(root, '..', 'go');
    writeFileSync(go, '');
    // Bob asks for nothing: his cockpit stays while orders are open.
    const bob = spawn(process.execPath, [COCKPIT, root, state, '0', go], {
      ...OTHER_USER,
      cwd: '/',
      env: { ...process.env, TOY_SHARED: 'yes', TOY_USER: 'bob', TOY_BEAT_SILENCE_MS: '500' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void bob.kill('SIGKILL'));
    let told = '';
    bob.stdout.on('data', (part) => {
      told += part;
    });
    expect(await new Promise((resolve) => bob.on('close', resolve))).toBe(0);
    expect(JSON.parse(told)).toMatchObject({ seen: 1, seenOf: ['alice'] });
    expect(firedIn(root)).toEqual(['a']);
    const alice = shared(() => cockpit(located, state));
    expect(alice.host.orders.get(order)).toMatchObject({
      user: 'alice',
      outcome: 'verified',
      progress: { summary: 'seen: job is done', exitCode: 0, watch: { takeovers: 1 } },
    });
    const phases = (): string[] =>
      alice.ledger.rows().map(({ record }) => (record.phase === 'finished' ? record.outcome : record.phase));
    expect(phases()).toEqual(['started']);
    // Her next cockpit enters what the row says.
    createActService(alice.ports).close();
    expect(phases()).toEqual(['started', 'verified']);
    expect(alice.ledger.verify()).toMatchObject({ ok: true });
    alice.close();
  });
});

describe('an act of another user whose runner is gone', () => {
  it.each([
    ['another place', (located: Located) => ({ ...located, root: `${located.root}-2` })],
    ['other programs', (located: Located) => ({ ...located, python: '/tmp/python' })],
  ])('is not watched by a cockpit that looks at %s; its outcome is unknown', async (_, differs) => {
    const { state, located, order } = await abandoned('quiet');
    const errands: unknown[] = [];
    const pit = bobs(located, state, {
      system: () => ({
        kind: toyKind,
        policy: { readOnly: false },
        view: () => ({ ...toyView(located, 0 as never), located: differs(located) }),
      }),
      spawnRunner: (errand) => void errands.push(errand),
    });
    const service = createActService(pit.ports);
    service.sweep();
    await new Promise((resolve) => setImmediate(resolve));
    expect(errands).toEqual([]);
    expect(service.entries()).toMatchObject([
      {
        order,
        status: 'unknown',
        summary: expect.stringMatching(/its runner was ended after step 1 \(exit 0\)/),
      },
    ]);
    service.close();
    pit.close();
  });

  it('is unknown, its row too, once three runners that went on watching were ended; nothing ran again', async () => {
    const { root, state, located, order } = await abandoned('quiet');
    const ended: number[] = [];
    const pit = bobs(located, state, {
      spawnRunner: (errand) => {
        const env = { TOY_SHARED: 'yes', TOY_BEAT_SILENCE_MS: '1', TOY_KILL_AT: 'taken over' };
        ended.push(spawnRunner(state, errand.order, env, errand.watch));
      },
    });
    const service = createActService(pit.ports);
    const row = () => pit.host.orders.get(order);
    await expect
      .poll(() => service.entries()[0]?.status === 'unknown' && row()?.status, { timeout: 30_000 })
      .toBe('finished');
    expect(ended).toHaveLength(3);
    expect(row()).toMatchObject({
      user: 'alice',
      outcome: 'unknown',
      progress: {
        summary: expect.stringMatching(
          /^3 runners that went on watching were ended too; its runner was ended after step 1 \(exit 0\)/,
        ),
      },
    });
    expect(pit.host.orders.open()).toEqual([]);
    expect(firedIn(root)).toEqual(['a']);
    service.close();
    pit.close();
    // It comes into alice's ledger, and she settles it.
    const alice = shared(() => cockpit(located, state));
    const hers = createActService(alice.ports);
    expect(alice.ledger.find(order, 'finished')?.record).toMatchObject({ outcome: 'unknown' });
    expect(hers.settleAct({ order, note: 'looked: it took' })).toEqual({ done: true });
    hers.close();
    alice.close();
  });

  it('is unknown when no runner can be started that goes on watching; what its own ledger knows of it wins', async () => {
    const { state, located, order } = await abandoned('quiet');
    const clock = systemClock();
    let passed = 0;
    let tried = 0;
    const pit = bobs(located, state, {
      clock: { ...clock, monotonic: () => clock.monotonic() + passed },
      spawnRunner: () => {
        tried += 1;
        throw new Error('no such program');
      },
    });
    const service = createActService(pit.ports);
    for (let look = 0; look < 4; look += 1, passed += 11_000) service.sweep();
    await expect.poll(() => tried).toBe(3);
    expect(service.entries()).toMatchObject([
      {
        order,
        status: 'unknown',
        summary: expect.stringMatching(/^no runner that was to go on watching has begun;/),
      },
    ]);
    expect(pit.host.orders.get(order)).toMatchObject({ status: 'finished', outcome: 'unknown' });
    service.close();
    pit.close();
    const alice = shared(() => cockpit(located, state));
    const begun = alice.ledger.find(order, 'started')?.record;
    if (begun?.phase !== 'started') throw new Error('not in the ledger');
    const { at, who, version, act, target, revision, attempt, undo } = begun;
    alice.ledger.append({
      ...{ phase: 'finished', at, who, version, order, act, target, revision, attempt, undo },
      ...{ outcome: 'not-seen', summary: 'not seen in 5 s', stages: [], outputs: [] },
    });
    const hers = createActService(alice.ports);
    expect(hers.entries()).toMatchObject([{ order, status: 'not-seen', summary: 'not seen in 5 s' }]);
    // Its key is free: it may be tried again.
    expect(hers.preview({ act: 'job.run', target: job, params: {} })).toMatchObject({ attempt: 2 });
    expect(hers.preview({ act: 'job.run', target: job, params: {} }).refused).toBeUndefined();
    hers.close();
    alice.close();
  });

  it('is watched, with the digest of what was read, by one that looks at the same', async () => {
    const { state, located, order } = await abandoned('quiet');
    const errands: unknown[] = [];
    const pit = bobs(located, state, { spawnRunner: (errand) => void errands.push(errand) });
    const service = createActService(pit.ports);
    await expect.poll(() => errands).toEqual([{ order, watch: pit.host.orders.get(order)?.digest }]);
    service.close();
    pit.close();
  });
});
