import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SystemId } from '../../src/domain/entity.ts';
import type { AbsentSystem } from '../../src/engine/absent-systems.ts';
import { createEngine, type Engine } from '../../src/engine/engine.ts';
import type { SystemSummary } from '../../src/engine/protocol.ts';
import { type Clock, systemClock } from '../../src/host/clock.ts';
import { createPump } from '../../src/ingest/pump.ts';
import { until } from '../ingest/collector.ts';
import { jobsIn, listen, Mill, millAt, millKind } from './mill.ts';

const late = 'late' as SystemId;
/** Whatever is done every few seconds is done twenty times a second here. */
const clock: Clock = { ...systemClock(), every: (_ms, task) => systemClock().every(50, task) };
let mill: Mill;
let other: Mill;
let engine: Engine;

beforeEach(() => {
  mill = new Mill();
  other = new Mill();
  other.remove();
});
afterEach(async () => {
  await engine.close();
  mill.remove();
  other.remove();
});

/** The mill at `other`, which has gone away, as the configuration would name it. */
function absence(): AbsentSystem {
  const summary: SystemSummary = {
    id: late,
    kind: 'mill',
    title: 'Mill',
    root: other.dir,
    readOnly: true,
    state: 'error',
    settled: true,
    sources: [],
  };
  const located = millAt(other.dir, late);
  return { summary, look: () => (existsSync(other.dir) ? { kind: millKind, located } : undefined) };
}
function start(once: boolean): void {
  engine = createEngine({
    systems: [{ kind: millKind, located: millAt(mill.dir) }],
    absent: [absence()],
    clock,
    once,
    makePump: createPump,
    secret: () => undefined,
  });
}
const statesIn = (systems: readonly SystemSummary[] | undefined): string[] =>
  (systems ?? []).map(({ id, state }) => `${id} ${state}`);

it('reads a system that was not there at the start as soon as it comes, beside the others', async () => {
  mill.jobs({ a: { status: 'running' } });
  start(false);
  const messages = listen(engine);
  await engine.call('settle', {});
  const newest = (): string[] => statesIn(messages.findLast(({ systems }) => systems !== undefined)?.systems);
  expect(newest()).toEqual(['mill ok', 'late error']);
  other.jobs({ b: { status: 'queued' } });
  other.log('1000 begun');
  await until(() => jobsIn(messages)['b'] === 'queued', 5000);
  expect(jobsIn(messages)).toEqual({ a: 'running', b: 'queued' });
  await until(() => newest().length === 2 && newest()[1] === 'late ok', 5000);
  expect(newest()).toEqual(['mill ok', 'late ok']);
  expect(engine.logs.page({ systems: [late] }, 'start', 10).rows.map(({ text }) => text)).toContain('begun');
  // From now on it is a system like any other.
  other.jobs({ b: { status: 'done' } });
  await until(() => jobsIn(messages)['b'] === 'done', 5000);
  await engine.call('refresh', { system: late });
});

it('says what is not there where everything is read once, and does not wait for it', async () => {
  mill.jobs({});
  start(true);
  await engine.call('settle', {});
  other.jobs({ b: { status: 'queued' } });
  await new Promise((resolve) => setTimeout(resolve, 120));
  const messages = listen(engine);
  expect(statesIn(messages.at(-1)?.systems)).toEqual(['mill ok', 'late error']);
});
