import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostHands, isAlive } from '../../src/acts/hands.ts';
import { createActService } from '../../src/acts/service.ts';
import type { ActEntry } from '../../src/domain/act.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { addMs, type Instant } from '../../src/domain/instant.ts';
import { systemClock } from '../../src/host/clock.ts';
import { temporaryDirectory } from '../db/temporary.ts';
import { firedIn, layToy, toyView } from './toy/kind.ts';
import { type Cockpit, cockpit, spawnRunner } from './toy/ports.ts';

const job = { system: 'toy' as SystemId, type: 'job', id: 'j0' } as const;
const COCKPIT = new URL('./toy/cockpit.ts', import.meta.url).pathname;

interface Aftermath {
  readonly entry: ActEntry | undefined;
  readonly fired: number;
  /** What the ledger holds, in order. */
  readonly record: readonly string[];
  /** Why the act can't be done again; undefined when it can. */
  readonly refused: string | undefined;
}

/** What a cockpit started half a minute later finds; the order's runner is started once more, and must do nothing. */
async function aftermath(root: string, state: string): Promise<Aftermath> {
  const clock = systemClock();
  const later: Cockpit = cockpit(layout(root), state, {
    clock: { ...clock, now: (): Instant => addMs(clock.now(), 61_000) },
  });
  const service = createActService(later.ports);
  // One that was watching has another runner watching in its place before it has an end.
  await until(() => service.entries()[0]?.status !== 'running');
  const entry = service.entries()[0];
  const firedBefore = firedIn(root).length;
  if (entry) {
    const pid = spawnRunner(state, entry.order);
    await until(() => !isRunning(pid));
    expect(readFileSync(join(state, 'runner.log'), 'utf8')).toContain(`${entry.order} not-taken`);
  }
  writeFileSync(join(root, 'state.json'), JSON.stringify({ j0: { status: 'ready' } }));
  const again = service.preview({ act: 'job.run', target: job, params: {} });
  const verdict = later.ledger.verify();
  expect({ ok: verdict.ok, firedAgain: firedIn(root).length - firedBefore }).toEqual({
    ok: true,
    firedAgain: 0,
  });
  const record = later.ledger
    .rows()
    .map(({ record: row }) => (row.phase === 'finished' ? row.outcome : row.phase));
  service.close();
  later.close();
  return { entry, fired: firedBefore, record, refused: again.refused };
}

function layout(root: string) {
  return { system: job.system, kind: 'toy', root, timezone: 'UTC', settings: {}, extra: {} };
}

async function until(look: () => boolean, withinMs = 20_000): Promise<void> {
  for (const end = Date.now() + withinMs; !look(); ) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function isRunning(pid: number): boolean {
  return hostHands.startedAt(pid) !== undefined;
}

/** Starts an act whose runner kills itself at `point`, and waits until it is dead. */
async function killRunner(point: string, mode: string): Promise<Aftermath> {
  const base = temporaryDirectory();
  const [root, state] = [join(base, 'root'), join(base, 'state')];
  let pid = 0;
  let begun = Number.POSITIVE_INFINITY;
  const located = layToy(root, { j0: { status: 'ready' } }, mode);
  const pit = cockpit(located, state, {
    spawnRunner: ({ order }) => {
      begun = Date.now();
      pid = spawnRunner(state, order, { TOY_KILL_AT: point });
    },
  });
  const service = createActService(pit.ports);
  const { revision } = service.preview({ act: 'job.run', target: job, params: {} });
  expect(
    (await service.start({ act: 'job.run', target: job, params: {}, revision, confirmedBy: 'yes' })).refused,
  ).toBeUndefined();
  await until(() => !isRunning(pid));
  service.close();
  pit.close();
  // A program that was let run on gets the time to end.
  if (mode === 'slow')
    await until(() => toyView(located, 0 as Instant).entity('job', 'j0')?.nativeStatus === 'done');
  // Nobody watches until its deadline has passed.
  if (mode === 'lie') await until(() => Date.now() > begun + 1_500);
  return await aftermath(root, state);
}

async function killCockpit(point: string): Promise<Aftermath> {
  const base = temporaryDirectory();
  const [root, state] = [join(base, 'root'), join(base, 'state')];
  layToy(root, { j0: { status: 'ready' } });
  writeFileSync(join(base, 'go'), '');
  const child = spawn(process.execPath, [COCKPIT, root, state, '1', join(base, 'go')], {
    env: { ...process.env, TOY_KILL_AT: point },
    stdio: 'inherit',
  });
  expect(await new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)))).toBe(
    'SIGKILL',
  );
  if (point === 'spawned') {
    const watcher = cockpit(layout(root), state);
    await until(() => watcher.host.orders.list(1)[0]?.status === 'finished');
    watcher.close();
  }
  return await aftermath(root, state);
}

describe.concurrent('row 20: a runner that is killed', () => {
  it('before it took the order: nothing was started, and it may be tried again', async () => {
    expect(await killRunner('start', 'honest')).toMatchObject({
      entry: { status: 'failed', summary: 'nothing was started: its runner never began' },
      fired: 0,
      record: ['started', 'failed'],
      refused: undefined,
    });
  });

  it('before the first step: nothing was started, and it may be tried again', async () => {
    expect(await killRunner('taken', 'honest')).toMatchObject({
      entry: { status: 'failed', summary: 'nothing was started: its runner was ended first' },
      fired: 0,
      record: ['started', 'failed'],
      refused: undefined,
    });
  });

  it('on the verge of the first step: whether it ran is unknown, though it did not', async () => {
    expect(await killRunner('step begun', 'honest')).toMatchObject({
      entry: { status: 'unknown', summary: expect.stringContaining('its runner was ended during step 1') },
      fired: 0,
      record: ['started', 'unknown'],
      refused: expect.stringMatching(/outcome is unknown, a person must settle it first/),
    });
  });

  it('while its program runs: unknown, and the program is not run again', async () => {
    expect(await killRunner('spawned', 'slow')).toMatchObject({
      entry: { status: 'unknown', summary: expect.stringContaining('during step 1') },
      fired: 1,
      record: ['started', 'unknown'],
      refused: expect.stringMatching(/settle/),
    });
  });

  it('after its program ended, before how is on disk: unknown, with the exit code', async () => {
    expect(await killRunner('step done', 'honest')).toMatchObject({
      entry: { status: 'unknown', exitCode: 0, summary: expect.stringContaining('after step 1 (exit 0)') },
      fired: 1,
      record: ['started', 'unknown'],
    });
  });

  it('once its steps are over: another one watches in its place, runs nothing, and sees it', async () => {
    expect(await killRunner('steps over', 'late')).toMatchObject({
      entry: { status: 'verified', exitCode: 0, summary: 'seen: job is done' },
      fired: 1,
      record: ['started', 'verified'],
      refused: expect.stringMatching(/^it was done/),
    });
  });

  it('while it watches: another one goes on, to the same deadline', async () => {
    expect(await killRunner('watching', 'quiet')).toMatchObject({
      entry: { status: 'not-seen', exitCode: 0, stages: [{ state: 'waiting' }] },
      fired: 1,
      record: ['started', 'not-seen'],
      refused: undefined,
    });
  });

  it('once its steps are over, with nobody there at the deadline: unknown', async () => {
    expect(await killRunner('steps over', 'lie')).toMatchObject({
      entry: {
        status: 'unknown',
        exitCode: 0,
        summary: expect.stringContaining('nobody watched at its deadline'),
      },
      fired: 1,
      record: ['started', 'unknown'],
      refused: expect.stringMatching(/settle/),
    });
  });

  it('knowing the result, before it is recorded: another one sees it too', async () => {
    expect(await killRunner('result known', 'honest')).toMatchObject({
      entry: { status: 'verified', stages: [{ state: 'seen' }] },
      fired: 1,
      record: ['started', 'verified'],
    });
  });

  it('after the result is in the ledger: the ledger is believed', async () => {
    expect(await killRunner('recorded', 'honest')).toMatchObject({
      entry: { status: 'verified', summary: 'seen: job is done' },
      fired: 1,
      record: ['started', 'verified'],
      refused: expect.stringMatching(/^it was done/),
    });
  });
});

describe.concurrent('row 20: a cockpit that is killed', () => {
  it('before anything is placed: nothing is left of it', async () => {
    expect(await killCockpit('before')).toEqual({
      entry: undefined,
      fired: 0,
      record: [],
      refused: undefined,
    });
  });

  it('between order and ledger: nothing was started, nothing is in the ledger', async () => {
    expect(await killCockpit('placed')).toMatchObject({
      entry: {
        status: 'failed',
        summary: 'nothing was started: the cockpit ended before the order was recorded',
      },
      fired: 0,
      record: [],
      refused: undefined,
    });
  });

  it('between ledger and go-ahead: nothing was started, and the ledger says so', async () => {
    expect(await killCockpit('entered')).toMatchObject({
      entry: { status: 'failed' },
      fired: 0,
      record: ['started', 'failed'],
      refused: undefined,
    });
  });

  it('between go-ahead and runner: nothing was started', async () => {
    expect(await killCockpit('ready')).toMatchObject({
      entry: { status: 'failed', summary: expect.stringContaining('never began') },
      fired: 0,
      record: ['started', 'failed'],
    });
  });

  it('after the runner was started: the act goes on to its end and is recorded', async () => {
    expect(await killCockpit('spawned')).toMatchObject({
      entry: { status: 'verified', unseen: true },
      fired: 1,
      record: ['started', 'verified'],
    });
  });
});

describe.concurrent('an outcome nobody knows', () => {
  it('is settled by a person, who says how it ended; then the act may be tried again', async () => {
    const base = temporaryDirectory();
    const [root, state] = [join(base, 'root'), join(base, 'state')];
    const located = layToy(root, { j0: { status: 'ready' } }, 'quiet');
    let runner = 0;
    const pit = cockpit(located, state, {
      spawnRunner: ({ order }) => {
        runner = spawnRunner(state, order, { TOY_KILL_AT: 'step done' });
      },
    });
    const service = createActService(pit.ports);
    const { revision } = service.preview({ act: 'job.run', target: job, params: {} });
    const { order = '' } = await service.start({
      act: 'job.run',
      target: job,
      params: {},
      revision,
      confirmedBy: 'yes',
    });
    await until(() => !isRunning(runner));
    const mark = pit.host.orders.get(order)?.runner;
    expect(mark && isAlive(hostHands, mark)).toBe(false);
    // Its beat is younger than 5 s: it is not given up yet.
    expect(service.settleAct({ order, note: 'it ran' })).toEqual({
      done: false,
      why: 'its outcome is not unknown',
    });
    await until(() => service.entries()[0]?.status === 'unknown');
    expect(service.settleAct({ order, note: ' ' })).toEqual({ done: false, why: 'say how it ended' });
    expect(service.settleAct({ order, note: 'looked at the board: it ran' })).toEqual({ done: true });
    expect(service.entries()[0]).toMatchObject({
      status: 'settled',
      summary: 'settled by alice: looked at the board: it ran',
    });
    expect(pit.ledger.rows().map((row) => row.record.phase)).toEqual(['started', 'finished', 'settled']);
    expect(service.preview({ act: 'job.run', target: job, params: {} })).toMatchObject({
      attempt: 2,
      earlier: 'settled by alice: looked at the board: it ran',
    });
    service.close();
    pit.close();
  });
});
