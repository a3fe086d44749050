import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expireApproval, moveLog, reflexiveSimulator } from '../../../fixtures/demo/reflexive/simulator.ts';
import type { SimulatorOptions, StandInHost } from '../../../fixtures/demo/simulator.ts';
import type { ProcessInfo } from '../../../src/domain/process.ts';
import { writeInterpreter } from '../interpreter.ts';
import { find, World } from './world.ts';

const minuteMs = 60_000;

describe('the simulated orchestrator', () => {
  let world: World;
  const options = (now: number): SimulatorOptions => ({
    pace: 40,
    python: join(world.dir, 'python'),
    now: () => now,
  });
  const iso = (ms: number): string => new Date(ms).toISOString();

  beforeEach(() => {
    world = new World();
    writeInterpreter(join(world.dir, 'python'), new URL('./stand-in.ts', import.meta.url));
  });
  afterEach(() => world.remove());

  function host(lies: readonly string[] = []): StandInHost & { text(): string } {
    let text = '';
    return {
      cwd: world.dir,
      env: {},
      lies: new Set(lies),
      out(more) {
        text += more;
      },
      error(more) {
        text += more;
      },
      text: () => text,
    };
  }

  it('lays the problems it promises: an orphan, a failure, a lost request, an approval about to expire, cost near its limit', async () => {
    // Noon, so that what happened hours ago is of the same UTC day.
    const now = Date.parse('2026-02-25T12:00:00Z');
    await reflexiveSimulator.lay(world.dir, options(now));
    world.daemon(10, iso(now - 500));
    const derived = await world.derive(iso(now));
    const labels = derived.entities.map((one) => one.attention?.label).filter((label) => label !== undefined);
    expect(labels.sort()).toEqual(['APPROVE', 'COST', 'FAILED', 'LOST', 'ORPHAN', 'PR', 'PR', 'ROADMAP']);
    const approval = derived.entities.find((one) => one.type === 'approval');
    expect(approval?.attention).toMatchObject({ rank: 1, until: now + 6 * minuteMs });
    expect(find(derived, 'meter', 'cost')).toMatchObject({ value: 41.2, limit: 50 });
    // Four operations, a lost request, and the roadmap.
    expect(derived.entities.filter((one) => one.type === 'job')).toHaveLength(6);
  });

  it('lets the approval expire and moves the log, and both are seen', async () => {
    const now = Date.parse('2026-02-25T12:00:00Z');
    await reflexiveSimulator.lay(world.dir, options(now));
    expireApproval(world.dir, now, now + 6 * minuteMs);
    const expired = (await world.derive(iso(now + 7 * minuteMs))).entities.find(
      (one) => one.type === 'approval',
    );
    expect(expired).toMatchObject({ status: 'expired', attention: { rank: 7, label: 'EXPIRED' } });
    expect(expired?.trail?.[0]?.text).toContain('timed out');
    moveLog(world.dir, now);
    expect(readFileSync(join(world.dir, 'logs/orchestrator.log'), 'utf8')).toBe('');
    expect(readFileSync(join(world.dir, 'logs/orchestrator.log.20260225'), 'utf8')).toContain(
      'approval_timeout',
    );
  });

  it('answers as the real commands do', async () => {
    await reflexiveSimulator.lay(world.dir, options(Date.now()));
    const run = async (...words: string[]): Promise<readonly [number, string]> => {
      const one = host();
      return [await reflexiveSimulator.standIn(['-m', 'src.cli', ...words], one), one.text()];
    };
    expect(await run('pause')).toEqual([2, expect.stringContaining("No such command 'pause'")]);
    expect(await run('approve', 'x')).toEqual([1, expect.stringContaining('Logging not set up')]);
    expect(await run('validate-config')).toEqual([0, expect.stringContaining('valid')]);
    expect(await run('status')).toEqual([0, expect.stringContaining('idle')]);
    const config = join(world.dir, 'config/orchestrator-config.yaml');
    writeFileSync(
      config,
      readFileSync(config, 'utf8').replace('safety:\n', 'safety:\n  cost_limits:\n    daily_limit: 99\n'),
    );
    expect(await run('start')).toEqual([
      1,
      expect.stringContaining("unexpected keyword argument 'cost_limits'"),
    ]);
    const derived = await world.derive(iso(Date.now()));
    expect(find(derived, 'issue', 'config-invalid')?.severity).toBe('fatal');
  });

  it('says queued to process-issue while the daemon never hears of it', async () => {
    await reflexiveSimulator.lay(world.dir, options(Date.now()));
    const one = host();
    expect(await reflexiveSimulator.standIn(['-m', 'src.cli', 'process-issue', '77'], one)).toBe(0);
    expect(one.text()).toContain('queued');
    const derived = await world.derive(iso(Date.now() + 1000));
    expect(find(derived, 'job', 'request-77')?.attention?.label).toBe('LOST');
  });

  it('can lie about its start: exit 0 and no daemon', async () => {
    await reflexiveSimulator.lay(world.dir, options(Date.now()));
    expect(await reflexiveSimulator.standIn(['-m', 'src.cli', 'start'], host(['start-does-nothing']))).toBe(
      0,
    );
    expect(find(await world.derive(iso(Date.now())), 'service', 'daemon')?.attention?.label).toBe('DOWN');
  });

  it('runs as a process: works on issues, counts money, and says goodbye to SIGINT but not to SIGTERM', async () => {
    await reflexiveSimulator.lay(world.dir, options(Date.now()));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const began = Date.now();
      const child = spawn(join(world.dir, 'python'), ['-m', 'src.cli', 'start'], {
        cwd: world.dir,
        stdio: 'ignore',
        env: { ...process.env, DEMO_PACE: '20' },
      });
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      world.processes = [];
      world.daemon(child.pid ?? 1, iso(began), {} as Partial<ProcessInfo>);
      await until(async () => {
        const running = (await world.derive(iso(Date.now()))).entities.find(
          (one) => one.type === 'job' && one.status === 'running',
        );
        return (
          running !== undefined &&
          'nativeStatus' in running &&
          running.nativeStatus === 'in flight, implementing'
        );
      });
      const alive = await world.derive(iso(Date.now()));
      expect(find(alive, 'service', 'daemon')?.status).toBe('up');
      expect(find(alive, 'meter', 'cost')?.value).toBeGreaterThan(41.2);
      child.kill(signal);
      await exited;
      world.processes = [];
      const after = await world.derive(iso(Date.now()));
      expect(find(after, 'service', 'daemon')?.attention?.label).toBe(
        signal === 'SIGINT' ? 'STOPPED' : 'DOWN',
      );
      expect(
        after.entities.some((one) => one.type === 'job' && one.nativeStatus === 'in flight, orphaned'),
      ).toBe(true);
    }
  }, 60_000);
});

/** Looks again and again until it holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await holds()) return;
    await sleep(25);
  }
  throw new Error('did not come to hold');
}
