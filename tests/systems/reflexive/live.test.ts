import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { moveLog, reflexiveSimulator } from '../../../fixtures/demo/reflexive/simulator.ts';
import { lookInto } from '../../../src/config/look.ts';
import type { Entity, SystemId } from '../../../src/domain/entity.ts';
import { SystemWatch } from '../../../src/engine/system-watch.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { createPump } from '../../../src/ingest/pump.ts';
import { readJson } from '../../../src/lib/json.ts';
import { LogStore } from '../../../src/logs/log-store.ts';
import { reflexiveKind } from '../../../src/systems/reflexive/index.ts';
import { writeInterpreter } from '../interpreter.ts';
import { World } from './world.ts';

/** Reads the simulated installation through the real ingest, with the real process table. */
describe('a live reflexive installation', () => {
  let world: World;
  let python: string;
  const watches: SystemWatch[] = [];
  const children: ChildProcess[] = [];

  beforeEach(() => {
    world = new World();
    python = join(world.dir, 'python');
    writeInterpreter(python, new URL('./stand-in.ts', import.meta.url));
  });
  afterEach(async () => {
    for (const watch of watches.splice(0)) await watch.close();
    for (const child of children.splice(0)) child.kill('SIGKILL');
    world.remove();
  });

  async function watchIt(once: boolean): Promise<{ watch: SystemWatch; logs: LogStore }> {
    const logs = new LogStore();
    const look = lookInto(world.dir, process.env);
    const located = reflexiveKind.locate(world.dir, look, 'reflexive' as SystemId, { timezone: 'UTC' });
    const watch = new SystemWatch(reflexiveKind, located, {
      clock: systemClock(),
      logs,
      once,
      makePump: createPump,
      secret: () => undefined,
      onChange: () => {},
      onStatus: () => {},
    });
    watches.push(watch);
    await watch.start();
    return { watch, logs };
  }

  function command(...words: string[]): ChildProcess {
    const child = spawn(python, ['-m', 'src.cli', ...words], {
      cwd: world.dir,
      stdio: 'ignore',
      env: { ...process.env, DEMO_PACE: '15' },
    });
    children.push(child);
    return child;
  }
  const entity = (watch: SystemWatch, key: string): Entity | undefined => watch.entities.get(key);
  const running = (watch: SystemWatch): string | undefined => {
    for (const one of watch.entities.values()) {
      if (one.type === 'job' && one.status === 'running') return `${one.id} ${one.nativeStatus}`;
    }
    return undefined;
  };

  /** Half a counter is another story: who watched keeps the last whole one, who comes afterwards has none. */
  async function killBetweenWrites(daemon: ChildProcess): Promise<void> {
    const counter = join(world.dir, 'workspace/cost_tracker.json');
    await until(() => {
      daemon.kill('SIGSTOP');
      if (readJson(readFileSync(counter, 'utf8')).ok) return true;
      daemon.kill('SIGCONT');
      return false;
    });
    daemon.kill('SIGKILL');
  }

  it('row 70: gives the same states watched from before and looked at afterwards, across a moved log and a killed daemon', async () => {
    const now = Date.now();
    await reflexiveSimulator.lay(world.dir, { pace: 1, python, now: () => now });
    const { watch } = await watchIt(false);
    expect(entity(watch, 'service/daemon')?.attention?.label).toBe('DOWN');

    const daemon = command('start');
    await until(() => entity(watch, 'service/daemon')?.attention === undefined);
    await until(() => running(watch)?.endsWith('planning') === true);
    moveLog(world.dir, now);
    // The daemon keeps its descriptor: its next stages go to the moved file, and are seen there.
    await until(() => running(watch)?.endsWith('implementing') === true);
    await until(() => entity(watch, 'issue/log-moved') !== undefined);
    const asked = command('process-issue', '77');
    await until(() => asked.exitCode === 0 && entity(watch, 'job/request-77')?.attention?.label === 'LOST');
    await killBetweenWrites(daemon);
    await until(() => entity(watch, 'service/daemon')?.attention?.label === 'DOWN');

    const { watch: cold } = await watchIt(true);
    await watch.refresh();
    await cold.refresh();
    // The last lines before the kill are at times read a moment after the refresh.
    await until(() => isDeepStrictEqual(comparable(watch), comparable(cold))).catch(() => {});
    expect(comparable(watch)).toEqual(comparable(cold));
    expect(watch.summary().sources.filter((source) => source.state === 'error')).toEqual([]);
  }, 60_000);

  it('hands on each line of the log once, moved or not', async () => {
    const now = Date.now();
    await reflexiveSimulator.lay(world.dir, { pace: 1, python, now: () => now });
    const { watch, logs } = await watchIt(false);
    const daemon = command('start');
    await until(() => running(watch)?.endsWith('planning') === true);
    moveLog(world.dir, now);
    await until(() => running(watch)?.endsWith('implementing') === true);
    daemon.kill('SIGKILL');
    await until(() => entity(watch, 'service/daemon')?.attention?.label === 'DOWN');
    await watch.refresh();
    const written = readFileSync(
      join(
        world.dir,
        `logs/orchestrator.log.${new Date(now).toISOString().slice(0, 10).replaceAll('-', '')}`,
      ),
      'utf8',
    );
    const tracked = written.split('\n').filter((one) => one.includes('"api_request_tracked"')).length;
    const page = logs.page({ grep: 'api_request_tracked' }, 'start', 500);
    const shown = page.rows.reduce((sum, row) => sum + (row.count ?? 1), 0);
    expect(tracked).toBeGreaterThan(4);
    expect(shown).toBe(tracked);
    const stops = logs.page({ grep: 'issue_claimed' }, 'start', 500).rows;
    expect(stops.every((row) => row.count === undefined && row.source === 'audit.log')).toBe(true);
  }, 60_000);

  it('is kept going by the simulator, and ends with it', async () => {
    await reflexiveSimulator.lay(world.dir, { pace: 1, python, now: Date.now });
    const { watch } = await watchIt(false);
    const ending = new AbortController();
    const laid = { kind: 'reflexive', dir: world.dir, settings: { python } };
    const story = reflexiveSimulator.run(laid, { pace: 60, python, now: Date.now }, ending.signal);
    await until(() => entity(watch, 'service/daemon')?.attention === undefined);
    await until(() => entity(watch, 'issue/log-moved') !== undefined);
    await until(() =>
      [...watch.entities.values()].some((one) => one.type === 'approval' && one.status === 'expired'),
    );
    ending.abort();
    await story;
    await until(() => entity(watch, 'service/daemon')?.attention?.label === 'DOWN');
  }, 60_000);
});

/** Entities without what may differ: when a file was read, and the name a line's file had when it was read. */
function comparable(watch: SystemWatch): unknown {
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(strip);
    if (typeof value !== 'object' || value === null) return value;
    const out: Record<string, unknown> = {};
    for (const [key, one] of Object.entries(value)) {
      if (key === 'observedAt' || key === 'path' || key === 'offset') continue;
      out[key] = strip(one);
    }
    return out;
  };
  return [...watch.entities].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => strip(one));
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 800; tries += 1) {
    if (holds()) return;
    await sleep(25);
  }
  throw new Error('did not come to hold');
}
