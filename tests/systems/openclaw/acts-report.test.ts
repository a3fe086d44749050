/** Acts whose answer is all there is: the program's own numbers, checks and gates. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import type { Params, ProcessStep, StepAnswer } from '../../../src/domain/act.ts';
import type { Entity } from '../../../src/domain/entity.ts';
import type { ActOrder, StateView } from '../../../src/systems/system.ts';
import { actOf, type DemoSystem, entityIn, layDemo } from './demo-system.ts';

let demo: DemoSystem;
beforeAll(async () => {
  demo = await layDemo();
});
afterAll(() => demo.remove());

const order = {} as ActOrder;
const worker = (view: StateView): Entity => view.entity('service', 'worker') as Entity;

async function answerOf(id: string, params: Params = {}, ...lies: string[]): Promise<StepAnswer | undefined> {
  const act = actOf(id);
  const view = demo.view();
  const target = id === 'job.status' ? entityIn(view, 'job', STORY.review) : worker(view);
  expect(act.precondition(view, target), id).toBeUndefined();
  const steps = act.plan(view, target, params) as readonly ProcessStep[];
  expect(steps[0]?.env).toEqual({ BASE_PATH: `${demo.dir}/workspace`, PROJECT_ID: 'harbour' });
  return act.read?.(await demo.run(steps, lies), order);
}

describe('reports', () => {
  test('the metrics come as four numbers, with the alert that hangs on the stalled job', async () => {
    const answer = await answerOf('report.metrics');
    expect(answer).toMatchObject({ ok: true });
    expect(answer?.summary).toMatch(
      /^1 stalled, resumes that worked 1, [\d.]+ s to an end, alerts: stalled_timeout_detected$/,
    );
  });

  test('the status of a job is told by the program, and an unknown job is no success though it exits 0', async () => {
    expect(await answerOf('job.status')).toMatchObject({ ok: true, summary: 'awaiting_audit; 6 events' });
    const act = actOf('job.status');
    const outputs = await demo.run([
      {
        type: 'process',
        title: 'status',
        argv: ['/usr/bin/env', `${demo.dir}/agent-orchestrator/scripts/status.py`, 'feedfeedfeedfeed'],
        cwd: `${demo.dir}/agent-orchestrator`,
        env: { BASE_PATH: `${demo.dir}/workspace`, PROJECT_ID: 'harbour' },
        timeoutMs: 1000,
      },
    ]);
    expect(outputs[0]?.exitCode).toBe(0);
    expect(act.read?.(outputs, order)).toMatchObject({
      ok: false,
      summary: expect.stringContaining('does not know'),
    });
  });
});

describe('gates', () => {
  const cases: readonly (readonly [id: string, params: Params, pass: RegExp, blocked: RegExp | undefined])[] =
    [
      ['check.imports', {}, /every module/, /ModuleNotFoundError/],
      ['gate.scorecard', { file: 'metrics.json' }, /^pass$/, /false/],
      ['gate.latency', {}, /P95 41.7 ms .*pass/, /P95 95.2 ms .*blocked/],
      ['canary.decide', { metrics: 'metrics.json' }, /^promote to \d+ % \(healthy\)$/, undefined],
      ['gate.canary', {}, /^pass/, /rollback script it calls does nothing/],
      ['gate.release', { metrics: 'metrics.json' }, /^pass$/, undefined],
    ];

  test.each(cases)(
    '%s passes, blocks with its reason, and is not believed when it says nothing',
    async (id, params, pass, blocked) => {
      expect(await answerOf(id, params)).toMatchObject({ ok: true, summary: expect.stringMatching(pass) });
      if (blocked) {
        expect(await answerOf(id, params, 'blocked')).toMatchObject({
          ok: false,
          summary: expect.stringMatching(blocked),
        });
      }
      expect(await answerOf(id, params, 'silent'), id).toMatchObject({ ok: false });
    },
  );

  test('the gate of service levels names the limits that block; the first compares a count with a share', async () => {
    expect(await answerOf('gate.slo')).toMatchObject({ ok: false, summary: 'blocked by M1' });
  });

  test('a metrics file that is not there is told in the program’s words', async () => {
    expect(await answerOf('canary.decide', { metrics: 'none.json' })).toMatchObject({
      ok: false,
      summary: expect.stringContaining('FileNotFoundError'),
    });
  });

  test('values never become options: they stand behind an equals sign or after two dashes', () => {
    const view = demo.view();
    const argv = (id: string, params: Params): readonly string[] =>
      (actOf(id).plan(view, worker(view), params)[0] as ProcessStep).argv.slice(2);
    expect(argv('canary.decide', { metrics: '--help' })).toEqual(['--metrics-json=--help']);
    expect(argv('gate.scorecard', { file: '--help' })).toEqual(['--', '--help']);
  });

  test('what this version of the skill does not have is refused by name', () => {
    const view = demo.view();
    expect(actOf('check.security').precondition(view, worker(view))).toContain(
      'has no utils/test_security_baseline.py',
    );
    expect(actOf('gate.merge').precondition(view, worker(view))).toContain('has no scripts/pr_merge_gate.py');
  });
});
