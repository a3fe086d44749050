import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createEngine, type Engine } from '../../src/engine/engine.ts';
import { systemClock } from '../../src/host/clock.ts';
import { createPump } from '../../src/ingest/pump.ts';
import { getField, getNumber, type JsonObject } from '../../src/lib/json.ts';
import type { SystemKind } from '../../src/systems/system.ts';
import { until } from '../ingest/collector.ts';
import { listen, Mill, millAt, millKind } from './mill.ts';

/** A mill whose jobs name the pids of those who work on them; no word of its own is on any command line. */
const crewedMill: SystemKind = {
  ...millKind,
  sources: (located, data) => [
    ...millKind.sources(located, data),
    { id: 'crew', type: 'process', match: { words: [`${located.root}/nobody`] }, parser: 'log' },
  ],
  derive(context) {
    const jobs = context.facts.files('jobs')[0]?.facts.get('jobs');
    const pids = Object.values((jobs ?? {}) as JsonObject).flatMap((job) => getNumber(job, 'pid') ?? []);
    const crew = context.processes.processes.map(({ pid, argv, state }) => ({ pid, argv: [...argv], state }));
    return { ...millKind.derive(context), wantedPids: pids, data: { crew } };
  },
};

let mill: Mill;
let engine: Engine;
const children: ChildProcess[] = [];

beforeEach(() => {
  mill = new Mill();
});
afterEach(async () => {
  await engine.close();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  mill.remove();
});

/** A process that says nothing about whose it is. */
function anonymous(): number {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(child);
  return child.pid ?? 0;
}
function writeJobs(...pids: number[]): void {
  mill.jobs(Object.fromEntries(pids.map((pid) => [`job-${pid}`, { status: 'running', pid }])));
}
function start(once: boolean): void {
  engine = createEngine({
    systems: [{ kind: crewedMill, located: millAt(mill.dir) }],
    clock: systemClock(),
    once,
    makePump: createPump,
    secret: () => undefined,
  });
}
function crew(): readonly number[] {
  const [watch] = engine.watches.values();
  const seen = getField(watch?.view().data, 'crew') as readonly { pid: number }[] | undefined;
  return (seen ?? []).map(({ pid }) => pid).sort((a, b) => a - b);
}

it('judges with the process a fact names by pid, though no argument of it says whose it is', async () => {
  const pid = anonymous();
  writeJobs(pid);
  start(true);
  await engine.call('settle', {});
  expect(crew()).toEqual([pid]);
  const [watch] = engine.watches.values();
  expect(getField(watch?.view().data, 'crew')).toMatchObject([{ argv: ['sleep', '600'] }]);
});

it('looks for other pids as soon as the facts name them, and starts no source anew', async () => {
  const first = anonymous();
  writeJobs(first);
  mill.log('1000 only once');
  start(false);
  const messages = listen(engine);
  await engine.call('settle', {});
  expect(crew()).toEqual([first]);
  const second = anonymous();
  writeJobs(second, first);
  await until(() => crew().length === 2, 3000);
  expect(crew()).toEqual([first, second].sort((a, b) => a - b));
  writeJobs(second);
  await until(() => crew().length === 1, 3000);
  expect(crew()).toEqual([second]);
  const states = messages.flatMap(({ systems }) => systems?.flatMap(({ sources }) => sources) ?? []);
  const afterFirst = states.slice(states.findIndex(({ id, state }) => id === 'crew' && state === 'fresh'));
  expect(new Set(afterFirst.filter(({ id }) => id === 'crew').map(({ state }) => state))).toEqual(
    new Set(['fresh']),
  );
  expect(engine.logs.page({ grep: 'only once' }, 'start', 10).total).toBe(1);
});

it('drops the process when it ends', async () => {
  const pid = anonymous();
  writeJobs(pid);
  start(false);
  await engine.call('settle', {});
  expect(crew()).toEqual([pid]);
  children[0]?.kill('SIGKILL');
  await until(() => crew().length === 0, 4000);
});
