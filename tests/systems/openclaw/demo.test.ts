import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { openclawSimulator } from '../../../fixtures/demo/openclaw/simulator.ts';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import { attentionOf } from '../../../src/domain/attention.ts';
import { type DemoSystem, entityIn, layDemo } from './demo-system.ts';

let demo: DemoSystem | undefined;
afterEach(() => demo?.remove());

test('shows each promised trouble once, most urgent first', async () => {
  demo = await layDemo();
  const rows = attentionOf(demo.derive().entities).map((item) => [item.rank, item.label, item.ref?.id]);
  expect(rows).toEqual([
    [3, 'NO PLAN', STORY.noPlan],
    [3, 'REVIEW', STORY.review],
    [3, 'ANSWER', STORY.question],
    [3, 'NO SIGNAL', STORY.noSignal],
    [4, 'DEAD', STORY.stalled],
    [7, 'DEAD END', STORY.deadEnd],
    [7, 'FAKE OK', STORY.fakeSuccess],
  ]);
});

test('shows the healthy job as running with a fresh beat and its tasks, asking for nobody', async () => {
  demo = await layDemo();
  const job = entityIn(demo.view(), 'job', STORY.running);
  expect(job).toMatchObject({ status: 'running' });
  expect(job.attention).toBeUndefined();
  expect(job.trail?.some((line) => line.text?.startsWith('running Draft the text'))).toBe(true);
});

test('finds the skill by its directory and the queue by its .env', async () => {
  demo = await layDemo();
  expect(demo.located.root).toBe(`${demo.dir}/workspace`);
  expect(demo.located.extra).toMatchObject({
    projects: ['harbour'],
    skill: `${demo.dir}/agent-orchestrator`,
  });
});

test('goes on live: the running job beats, an approval is claimed within seconds, log lines come, all ends with it', async () => {
  demo = await layDemo();
  const laid = {
    kind: 'openclaw',
    dir: `${demo.dir}/agent-orchestrator`,
    settings: { python: '/usr/bin/env', timezone: 'UTC' },
  };
  const ending = new AbortController();
  const options = { pace: 1, python: '/usr/bin/env', now: () => Date.now() };
  const running = openclawSimulator.run(laid, options, ending.signal);
  try {
    const first = entityIn(demo.view(), 'job', STORY.running);
    const beatBefore = first.type === 'job' ? (first.heartbeatAt ?? 0) : 0;
    await openclawSimulator.standIn([`${laid.dir}/scripts/control.py`, 'approve', STORY.review], {
      cwd: laid.dir,
      env: { BASE_PATH: `${demo.dir}/workspace`, PROJECT_ID: 'harbour' },
      lies: new Set(),
      out: () => {},
      error: () => {},
    });
    const seen = await until(20_000, () => {
      const view = demo?.view();
      const approved = view?.entity('job', STORY.review);
      const beats = view?.entity('job', STORY.running)?.heartbeatAt ?? 0;
      return approved?.status === 'running' && beats > beatBefore + 2_000;
    });
    expect(seen).toBe(true);
  } finally {
    ending.abort();
    await running;
  }
});

/** Looks every 200 ms until `holds` or the time is over. */
async function until(withinMs: number, holds: () => boolean): Promise<boolean> {
  const end = Date.now() + withinMs;
  while (Date.now() < end) {
    try {
      if (holds()) return true;
    } catch {
      // A copy of a database in the middle of a write: looked at again.
    }
    await sleep(200);
  }
  return false;
}
