import { describe, expect, it } from 'vitest';
import { instant } from '../../src/domain/instant.ts';
import { markText, type StepPlace } from '../../src/domain/steps.ts';
import { job, type StepBench, seen, stepBench } from './step-bench.ts';

const stuck = { a1: { status: 'ready', stuck: true } };
const place = (index: number, text: string): StepPlace => ({ item: job, playbook: 'not-ready', index, text });
const note = place(3, 'tell the team');
const run = place(2, 'run it');

function steps({ service }: StepBench) {
  const { playbook } = service.playbook({ target: job });
  if (!playbook) throw new Error('no playbook');
  return playbook;
}

const states = (bench: StepBench): readonly string[] => steps(bench).steps.map(({ state }) => state);

function recorded({ host }: StepBench): readonly string[] {
  return host.steps
    .list({ since: instant(0), until: instant(Number.MAX_SAFE_INTEGER) })
    .map((row) => `${row.mark.by}: ${markText(row)}`);
}

describe('steps of an item', () => {
  it('are checked, open, unknown where a check fails on what it sees; the first not done is next', () => {
    const bench = stepBench(stuck);
    expect(states(bench)).toEqual(['done', 'unknown', 'open', 'open']);
    expect(steps(bench)).toMatchObject({ next: 1 });
    expect(steps(bench).run).toBeUndefined();
  });

  it('are checked off by hand with a remark, seen by another operator, opened again, and all of it is recorded', () => {
    const alice = stepBench(stuck);
    const bob = alice.beside();
    expect(alice.service.markStep({ ...note, state: 'done', remark: 'by phone' })).toEqual({ done: true });
    expect(steps(bob)).toMatchObject({ run: { begunBy: 'alice', lastBy: 'alice' } });
    expect(steps(bob).steps[3]).toMatchObject({ state: 'done', mark: { by: 'alice', remark: 'by phone' } });
    expect(bob.service.markStep({ ...note, state: 'done' })).toEqual({ done: false, why: 'alice was first' });
    expect(bob.service.markStep({ ...note, state: 'open' })).toEqual({ done: true });
    expect(states(alice)).toEqual(['done', 'unknown', 'open', 'open']);
    expect(steps(alice)).toMatchObject({ run: { begunBy: 'alice', lastBy: 'bob' } });
    expect(recorded(alice)).toEqual([
      'alice: step 4 done: tell the team (by phone)',
      'bob: step 4 open: tell the team',
    ]);
  });

  it('are skipped, and say so; neither a check nor an act is done by saying so', () => {
    const bench = stepBench(stuck);
    const { service } = bench;
    expect(service.markStep({ ...run, state: 'skipped', remark: 'nobody needs it' })).toEqual({ done: true });
    expect(service.markStep({ ...place(1, 'a check of ours that fails'), state: 'skipped' })).toEqual({
      done: true,
    });
    expect(states(bench)).toEqual(['done', 'skipped', 'skipped', 'open']);
    expect(steps(bench)).toMatchObject({ next: 3 });
    expect(service.markStep({ ...run, state: 'done' }).why).toMatch(/by its act/);
    expect(service.markStep({ ...place(0, 'it is ready'), state: 'done' }).why).toMatch(/by what is seen/);
    expect(service.markStep({ ...note, state: 'open' }).why).toMatch(/nothing is recorded/);
  });

  it('that are not those that were shown, or whose item is gone, are not recorded', () => {
    const bench = stepBench(stuck);
    const { service } = bench;
    expect(service.markStep({ ...note, text: 'tell the boss', state: 'done' }).why).toMatch(
      /not those that were shown/,
    );
    expect(service.markStep({ ...note, index: 9, state: 'done' }).why).toMatch(/not those that were shown/);
    bench.set({});
    expect(service.markStep({ ...note, state: 'done' }).why).toMatch(/not there any more/);
    expect(recorded(bench)).toEqual([]);
  });

  it('hold no secret that a remark told', () => {
    const bench = stepBench(stuck);
    bench.service.markStep({ ...note, state: 'done', remark: 'key the-toy-secret' });
    expect(recorded(bench)[0]).not.toContain('the-toy-secret');
  });

  it('that are acts are done when their act is verified, and the record says how it ended', async () => {
    const bench = stepBench(stuck);
    await bench.done('job.run', {}, { step: run });
    bench.set({ a1: { status: 'done', stuck: true } });
    expect(steps(bench).steps[2]).toMatchObject({ state: 'done', mark: { by: 'alice', status: 'verified' } });
    // The check that held when the run began no longer does: both are entered by the cockpit, once.
    const rows = await seen(() => {
      const all = recorded(bench);
      return all.length >= 2 && all.some((row) => row.startsWith('alice: step 3 done')) ? all : undefined;
    });
    expect(rows).toContain('alice: step 3 begun: run it');
    expect(rows).toContain('alice: step 3 done: run it (verified: seen: job is done)');
    expect(new Set(rows).size).toBe(rows.length);
  });

  it('are not done by another act that says it was for them', async () => {
    const bench = stepBench(stuck);
    await bench.start({ act: 'job.inspect', target: job, params: {}, occasion: { step: run } });
    await bench.start({ act: 'job.inspect', target: job, params: {}, occasion: { step: note } });
    expect(recorded(bench)).toEqual([]);
  });

  it('whose act was not seen to work stay open and say so', async () => {
    const bench = stepBench(stuck, 'lie');
    await bench.done('job.run', {}, { step: run });
    expect(steps(bench).steps[2]).toMatchObject({ state: 'open', mark: { status: 'not-seen' } });
    const rows = await seen(() => recorded(bench).find((row) => /step 3 open/.test(row)));
    expect(rows).toMatch(/not-seen/);
  });

  it('count an act that was done otherwise', async () => {
    const bench = stepBench(stuck);
    await bench.done('job.run');
    bench.set({ a1: { status: 'done', stuck: true } });
    expect(steps(bench).steps[2]).toMatchObject({ state: 'done', mark: { by: 'alice' } });
    expect(recorded(bench)).toEqual([]);
  });

  it('of checks are entered when they come to hold, and again when they no longer do', async () => {
    const bench = stepBench({ a1: { status: 'new', stuck: true } });
    bench.service.markStep({ ...note, state: 'done' });
    bench.set(stuck);
    await seen(() => (recorded(bench).includes(': step 1 done: it is ready') ? true : undefined));
    bench.set({ a1: { status: 'new', stuck: true } });
    await seen(() => (recorded(bench).includes(': step 1 open: it is ready') ? true : undefined));
  });

  it('begin anew when the condition was over and came again', async () => {
    const bench = stepBench(stuck);
    bench.service.markStep({ ...note, state: 'done' });
    expect(bench.service.stepProgress()).toMatchObject([{ done: 2, total: 4, lastBy: 'alice' }]);
    bench.set({ a1: { status: 'ready' } });
    await seen(() => (bench.host.steps.open().length === 0 ? true : undefined));
    expect(bench.service.stepProgress()).toEqual([]);
    bench.set(stuck);
    expect(states(bench)).toEqual(['done', 'unknown', 'open', 'open']);
    bench.service.markStep({ ...note, state: 'done', remark: 'again' });
    expect(recorded(bench).filter((row) => row.includes('tell the team'))).toHaveLength(2);
  });
});
