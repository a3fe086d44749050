/**
 * The worker of a queue stopped and restarted where it is a real process: one that ends when it is told to, one that does
 * not, one that something starts again; and where a keeper is asked that refuses, does nothing or never ends.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { lookInto } from '../../../src/config/look.ts';
import { addMs } from '../../../src/domain/instant.ts';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import type { CommonSettings, StateView } from '../../../src/systems/system.ts';
import { type Ended, type Given, ManyActing, until, watchOf } from '../acting.ts';
import { type DemoSystem, layDemo } from './demo-system.ts';

/** What a worker does that is started from now on. */
type Play = 'live' | 'deaf' | 'refuse' | 'silent' | 'killed';

const stop: Given = ['worker.stop', 'service', 'worker'];
const restart: Given = ['worker.restart', 'service', 'worker'];

let demo: DemoSystem;
let bin: string;
let watch: SystemWatch;
let many: ManyActing;
/** How much later it is for those who look: a worker must have lived for seconds, or be gone for as long. */
let aheadMs = 0;
const children: ChildProcess[] = [];

const play = (what: Play): void => writeFileSync(join(bin, 'play'), `${what}\n`);
const skill = (): string => join(demo.dir, 'agent-orchestrator');

function program(name: string, body: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(bin, name), 0o755);
}

/** Pids of workers that live. */
function living(): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const line = /^\d+$/.test(name) ? readFileSync(join('/proc', name, 'cmdline'), 'utf8') : '';
      return line.startsWith(`/bin/sh\0${bin}/python\0`) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Those the system tells of. */
function workersIn(view: StateView): readonly number[] {
  const workers = view.entity('service', 'worker')?.data?.['workers'] as
    | readonly { pid: number }[]
    | undefined;
  return (workers ?? []).map(({ pid }) => pid);
}

async function seen(pids: readonly number[]): Promise<void> {
  await until(async () => {
    await watch.refresh();
    return [...workersIn(watch.view())].sort().join() === [...pids].sort().join();
  });
}

/** A worker started by hand, as its owner would; resolves once it is as it shall be. */
async function worker(what: 'live' | 'deaf' = 'live'): Promise<ChildProcess> {
  rmSync(join(bin, 'deaf'), { force: true });
  const words = [join(skill(), 'scripts/worker.py'), '--interval', '2'];
  const child = spawn(join(bin, 'python'), words, {
    cwd: skill(),
    stdio: 'ignore',
    env: { ...process.env, PLAY: what },
  });
  children.push(child);
  await until(() => living().includes(child.pid ?? 0) && (what === 'live' || existsSync(join(bin, 'deaf'))));
  return child;
}

beforeAll(async () => {
  // Hours ago: nothing is at work any more.
  demo = await layDemo(Date.now() - 4 * 3_600_000);
  for (let passes = 0; passes < 3; passes += 1) await demo.pass();
  bin = join(demo.dir, 'bin');
  mkdirSync(bin);
  spawnSync('mkfifo', [join(bin, 'never')]);
  program(
    'python',
    `read -r what < '${bin}/play'
case "\${PLAY:-$what}" in
  refuse) echo 'ModuleNotFoundError: No module named orchestrator' >&2; exit 1 ;;
  silent) exit 0 ;;
  killed) kill -KILL $$ ;;
  deaf) trap '' TERM; echo deaf > '${bin}/deaf' ;;
esac
read -r _ < '${bin}/never'`,
  );
  play('live');
  watch = await watched({});
  many = new ManyActing(watch, join(demo.dir, 'states'));
});

async function watched(more: object): Promise<SystemWatch> {
  const settings = { ...demo.located.settings, python: join(bin, 'python'), ...more } as CommonSettings;
  const look = lookInto(skill(), { PATH: bin });
  const located = openclawKind.locate(skill(), look, demo.located.system, settings);
  const clock = systemClock();
  const later = { ...clock, now: () => addMs(clock.now(), aheadMs) };
  const one = watchOf(openclawKind, located, false, { clock: later });
  await one.start();
  return one;
}

beforeEach(() => play('live'));
afterEach(async () => {
  aheadMs = 0;
  for (const pid of living()) process.kill(pid, 'SIGKILL');
  await seen([]);
});
afterAll(async () => {
  many.close();
  await watch.close();
  for (const child of children) child.kill('SIGKILL');
  for (const pid of living()) process.kill(pid, 'SIGKILL');
  demo.remove();
});

/** Does it, and lets time pass for those who look once `holds`. */
async function actUntil(given: Given, holds: (view: StateView) => boolean): Promise<Ended> {
  const ended = many.act(given, { hurry: 1 });
  await until(async () => {
    await watch.refresh();
    return holds(watch.view());
  });
  aheadMs = 8_000;
  await watch.refresh();
  return await ended;
}

/** A program that starts a worker again and again, until the file of that name is gone. */
async function kept(): Promise<number> {
  const words = `'${join(skill(), 'scripts/worker.py')}' --interval 2`;
  program('keep', `while [ -e '${bin}/keep' ]; do PLAY=live '${bin}/python' ${words}; done`);
  children.push(spawn(join(bin, 'keep'), { cwd: skill(), stdio: 'ignore' }));
  await until(() => living().length === 1);
  const [pid = 0] = living();
  await seen([pid]);
  return pid;
}

describe('worker.stop', () => {
  test('is verified once the worker is gone and none has come in its place', async () => {
    const one = await worker();
    await seen([one.pid ?? 0]);
    const ended = await actUntil(stop, (view) => workersIn(view).length === 0);
    expect(ended).toMatchObject({ outcome: 'verified' });
    expect(one.signalCode).toBe('SIGTERM');
  });

  test('fails where a worker ignores SIGTERM, and is half done where another heeded it', async () => {
    const pids = [(await worker()).pid ?? 0, (await worker('deaf')).pid ?? 0];
    await seen(pids);
    const ended = await many.act(stop, { patientUntil: () => living().length === 1 });
    expect(ended.outcome).toBe('failed');
    expect(ended.summary).toContain(`process ${pids[1]} took SIGTERM and still lives`);
    expect(living()).toEqual([pids[1]]);
  });

  test('is not seen where something starts another at once', async () => {
    const old = await kept();
    const ended = await many.act(stop, { hurry: 1 });
    rmSync(join(bin, 'keep'));
    expect(ended.outcome).toBe('not-seen');
    expect(ended.summary).toMatch(/worker \d+ was started: something keeps it running/);
    expect(ended.summary).not.toContain(` ${old} `);
  });
});

describe('worker.restart', () => {
  test('is verified once the old one is gone and a new one has lived for a while', async () => {
    const old = await worker();
    await seen([old.pid ?? 0]);
    const isNew = (view: StateView): boolean =>
      workersIn(view).length === 1 && workersIn(view)[0] !== old.pid;
    const ended = await actUntil(restart, isNew);
    expect(ended).toMatchObject({ outcome: 'verified' });
    expect(old.signalCode).toBe('SIGTERM');
    expect(living()).toHaveLength(1);
  });

  test('fails where the old one ignores SIGTERM, and starts no second one beside it', async () => {
    const { pid } = await worker('deaf');
    await seen([pid ?? 0]);
    const ended = await many.act(restart);
    expect(ended.outcome).toBe('failed');
    expect(ended.summary).toContain(`process ${pid} took SIGTERM and still lives`);
    expect(living()).toEqual([pid]);
  });

  test.each([
    ['refuses', 'refuse'],
    ['exits 0 at once', 'silent'],
    ['is killed', 'killed'],
  ] as const)('is half done where the old one is gone and the new one %s', async (_what, what) => {
    const old = await worker();
    await seen([old.pid ?? 0]);
    play(what);
    const ended = await many.act(restart, { patientUntil: (view) => workersIn(view).length === 0 });
    // Of a program that ends at once the runner sees either its end or nothing.
    expect(ended.outcome).toMatch(/^(failed|not-seen)$/);
    expect(ended.summary).toContain('a new worker lives');
    expect(old.signalCode).toBe('SIGTERM');
    await until(() => living().length === 0);
  });

  test('is not seen where something else starts one too: two would take the same jobs', async () => {
    await kept();
    const ended = await many.act(restart, { hurry: 1 });
    rmSync(join(bin, 'keep'));
    expect(ended.outcome).toBe('not-seen');
    expect(ended.summary).toMatch(/\d+ and \d+ were started: something else keeps it running/);
    expect(living()).toHaveLength(2);
  });
});

describe('a worker that systemd keeps', () => {
  let keeper: SystemWatch;
  let acting: ManyActing;
  beforeAll(async () => {
    program('systemctl', 'exit 0');
    keeper = await watched({ keeper: 'systemd:orch-worker.service' });
    acting = new ManyActing(keeper, join(demo.dir, 'states-kept'));
  });
  afterAll(async () => {
    acting.close();
    await keeper.close();
  });

  test.each([
    ['refuses', "echo 'Access denied' >&2; exit 4", 'failed', /^exit 4: Access denied; not seen in/],
    ['says nothing and does nothing', 'exit 0', 'not-seen', /^not seen in/],
    ['never ends', `read -r _ < "$(dirname "$0")/never"`, 'timed-out', /was killed; not seen in/],
  ] as const)('is not called started, stopped or restarted where systemctl %s', async (...row) => {
    const [, deed, outcome, why] = row;
    program('systemctl', deed);
    const doing = outcome === 'timed-out' ? { runMs: 100 } : {};
    const see = (count: number): Promise<void> =>
      until(async () => {
        await keeper.refresh();
        return workersIn(keeper.view()).length === count;
      });
    await see(0);
    const ended = [await acting.act(['worker.start', 'service', 'worker'], doing)];
    const { pid } = await worker();
    await see(1);
    ended.push(...(await acting.each([stop, restart], doing)));
    for (const one of ended) expect(one).toMatchObject({ outcome, summary: expect.stringMatching(why) });
    expect(living()).toEqual([pid]);
  });
});
