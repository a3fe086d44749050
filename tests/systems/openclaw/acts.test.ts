import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import type { StageState } from '../../../src/domain/act.ts';
import { addMs, instant } from '../../../src/domain/instant.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import type { ActOrder, ActSpec, StateView } from '../../../src/systems/system.ts';
import { actOf, type DemoSystem, entityIn, layDemo, planned } from './demo-system.ts';

let demo: DemoSystem;
beforeEach(async () => {
  demo = await layDemo();
});
afterEach(() => demo.remove());

const stateOf = (
  stages: readonly StageState[],
  stage: StageState['stage'],
): StageState['state'] | undefined => stages.find((one) => one.stage === stage)?.state;

const expectNow = (act: ActSpec, order: ActOrder): readonly StageState[] => act.expect(demo.view(), order);

describe('job.approve', () => {
  const act = actOf('job.approve');

  test('plans exactly one control.py with the queue named by environment and no shell', () => {
    const view = demo.view();
    const { steps } = planned(act, view, entityIn(view, 'approval', STORY.review));
    expect(steps).toEqual([
      {
        type: 'process',
        title: 'approve',
        argv: ['/usr/bin/env', `${demo.dir}/agent-orchestrator/scripts/control.py`, 'approve', STORY.review],
        cwd: `${demo.dir}/agent-orchestrator`,
        env: { BASE_PATH: `${demo.dir}/workspace`, PROJECT_ID: 'harbour' },
        timeoutMs: 30_000,
      },
    ]);
  });

  test('says first that the goal is planned again', () => {
    const view = demo.view();
    const approval = entityIn(view, 'approval', STORY.review);
    expect(approval.cautions?.[0]).toContain('makes a new plan');
    expect(act.warnings?.(view, approval)[0]).toContain('made anew');
  });

  test('is seen as accepted when the row says approved, and as started when a worker claims', async () => {
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.review));
    expect(act.expect(view, order).map((stage) => stage.state)).toEqual(['waiting', 'waiting', 'waiting']);
    const outputs = await demo.run(steps);
    expect(act.read?.(outputs, order)).toMatchObject({ ok: true, summary: 'control.py says: approved' });
    expect(expectNow(act, order).map((stage) => stage.state)).toEqual(['seen', 'waiting', 'seen']);
    await demo.pass();
    expect(expectNow(act, order).map((stage) => stage.state)).toEqual(['seen', 'seen', 'seen']);
  });

  test('is not taken in by "accepted" and exit 0 when nothing happened', async () => {
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.review));
    const outputs = await demo.run(steps, ['accepted-not-found']);
    expect(outputs[0]?.exitCode).toBe(0);
    expect(act.read?.(outputs, order)).toMatchObject({ ok: false, summary: 'control.py says: not_found' });
    await demo.pass();
    expect(stateOf(expectNow(act, order), 'accepted')).toBe('waiting');
  });

  test('tells a job that is approved and never claimed from one that runs', async () => {
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.review));
    await demo.run(steps, ['not-claimed']);
    await demo.pass();
    const stages = expectNow(act, order);
    expect(stages.map((stage) => stage.state)).toEqual(['seen', 'waiting', 'seen']);
    expect(stages.every((stage) => stage.required)).toBe(true);
  });

  test('recognises at once that a later drain took the approval back', async () => {
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.review));
    await demo.run(steps, ['flip-back']);
    expect(stateOf(expectNow(act, order), 'accepted')).toBe('seen');
    await demo.pass();
    const [accepted, started] = expectNow(act, order);
    expect(accepted).toMatchObject({ state: 'contradicted', detail: expect.stringContaining('cancelled') });
    // The stage that was not seen yet must say it too: what was seen once stays seen for the record.
    expect(started).toMatchObject({ state: 'contradicted', detail: expect.stringContaining('cancelled') });
  });

  test('is refused where planning failed, although the program would take it', () => {
    const view = demo.view();
    const target = entityIn(view, 'approval', STORY.noPlan);
    expect(act.precondition(view, target)).toContain('unreviewed');
    expect(target).toMatchObject({ answerable: false });
    expect('payload' in target).toBe(false);
  });

  test.each([
    [STORY.question, 'waiting_human'],
    [STORY.running, 'running'],
    [STORY.deadEnd, 'revise_requested'],
    [STORY.fakeSuccess, 'completed'],
    [STORY.stalled, 'running'],
  ])('is refused for %s with its status %s in the reason', (id, status) => {
    const view = demo.view();
    expect(act.precondition(view, entityIn(view, 'job', id))).toContain(status);
  });

  test('is refused without the skill directory, and without an interpreter, each with its reason', () => {
    const view = demo.view();
    const target = entityIn(view, 'approval', STORY.review);
    const { skill: _skill, ...extra } = view.located.extra;
    const noSkill: StateView = { ...view, located: { ...view.located, extra } };
    expect(act.precondition(noSkill, target)).toContain('skill directory is not known');
    const { python: _python, ...located } = view.located;
    expect(act.precondition({ ...view, located }, target)).toContain('no python3');
  });

  test('waits for a set lease and for a busy pass before it calls a claim missing', () => {
    const view = demo.view();
    const { order } = planned(act, view, entityIn(view, 'approval', STORY.review));
    const claimBy = (baseline: object): number => {
      const stages = act.expect(view, {
        ...order,
        baseline: { ...(order.baseline as object), busyWith: null, ...baseline },
      });
      return (stages[1]?.deadline ?? 0) - order.startedAt;
    };
    expect(claimBy({ lease: null })).toBe(25_000);
    expect(claimBy({ lease: order.startedAt + 60_000 })).toBe(85_000);
    expect(claimBy({ busyWith: 'abcd' })).toBe(2_425_000);
  });

  test('has a revision that ignores beats and moves with status and plan', () => {
    const view = demo.view();
    const target = entityIn(view, 'approval', STORY.review);
    const before = act.revision(view, target);
    expect(act.revision(demo.view(addMs(view.now, 5_000)), target)).toBe(before);
    expect(before).toContain('awaiting_audit');
  });
});

describe('job.answer', () => {
  const act = actOf('job.answer');

  test('gives an answer that begins with a dash as a plain argument', () => {
    const view = demo.view();
    const { steps } = planned(act, view, entityIn(view, 'approval', STORY.question), {
      answer: '--task-id x',
    });
    expect(steps[0]?.argv.slice(2)).toEqual(['resume', STORY.question, ' --task-id x']);
  });

  test('recognises our own answer in the events, then the claim', async () => {
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.question), {
      answer: 'the east one',
    });
    await demo.run(steps);
    expect(expectNow(act, order).map((stage) => stage.state)).toEqual(['seen', 'waiting', 'seen']);
    await demo.pass();
    expect(expectNow(act, order).map((stage) => stage.state)).toEqual(['seen', 'seen', 'seen']);
  });

  test('does not take another answer for ours', async () => {
    const view = demo.view();
    const target = entityIn(view, 'approval', STORY.question);
    const { order } = planned(act, view, target, { answer: 'the east one' });
    await demo.run(planned(act, view, target, { answer: 'the west one' }).steps);
    expect(expectNow(act, order)[0]).toMatchObject({
      state: 'contradicted',
      detail: 'resumed with another answer, not this one',
    });
  });

  test('says that the same answer a second time was swallowed, and the approval says so cold', async () => {
    const first = demo.view();
    await demo.run(
      planned(act, first, entityIn(first, 'approval', STORY.question), { answer: 'east' }).steps,
    );
    await demo.pass();
    // It asks again; nobody but the program knows that the answer was given before.
    const { default: Database } = await import('better-sqlite3');
    const path = `${demo.dir}/workspace/harbour/.orchestrator/state/orchestrator.db`;
    const database = new Database(path);
    const result = JSON.stringify({
      status: 'waiting_human',
      run_id: '20260101_000000',
      waiting: { t: 'Which berth?' },
    });
    database
      .prepare(
        "UPDATE jobs SET status = 'waiting_human', last_result = ?, run_id = '20260101_000000' WHERE job_id = ?",
      )
      .run(result, STORY.question);
    database.close();
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.question), {
      answer: 'east',
    });
    const outputs = await demo.run(steps);
    expect(outputs[0]?.exitCode).toBe(0);
    expect(act.read?.(outputs, order)?.summary).toContain('swallowed');
    await demo.pass();
    expect(expectNow(act, order)[0]).toMatchObject({ state: 'contradicted' });
    expect(entityIn(demo.view(), 'approval', STORY.question).cautions?.join('\n')).toContain('swallowed');
  });

  test('says that the agents will not get the answer, before anything else', () => {
    const view = demo.view();
    const approval = entityIn(view, 'approval', STORY.question);
    expect(approval.cautions?.[0]).toContain('NOT passed on');
    expect(approval).toMatchObject({ decisions: ['job.resubmit', 'job.answer', 'job.cancel'] });
  });

  test('is seen as taken back when a cancel follows', async () => {
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.question), {
      answer: 'east',
    });
    await demo.run(steps, ['flip-back']);
    await demo.pass();
    expect(expectNow(act, order)[0]).toMatchObject({ state: 'contradicted' });
  });
});

describe('job.resubmit', () => {
  const act = actOf('job.resubmit');

  test('submits goal, question and answer as one argument, then cancels the old job', () => {
    const view = demo.view();
    const { steps } = planned(act, view, entityIn(view, 'approval', STORY.question), {
      answer: 'the east one',
    });
    expect(steps.map((step) => step.argv.slice(1))).toEqual([
      [
        `${demo.dir}/agent-orchestrator/scripts/submit.py`,
        'Write to the three pilots\n\nAnswer to "Which of the two berths should the letter name?": the east one',
      ],
      [`${demo.dir}/agent-orchestrator/scripts/control.py`, 'cancel', STORY.question],
    ]);
  });

  test('is seen by a new job with that goal and the old one cancelled; its claim is shown and not required', async () => {
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.question), {
      answer: 'east',
    });
    expect(act.expect(view, order).map((stage) => stage.state)).toEqual(['waiting', 'waiting', 'waiting']);
    const outputs = await demo.run(steps);
    expect(act.read?.(outputs, order)).toMatchObject({ ok: true });
    expect(expectNow(act, order).map((stage) => [stage.stage, stage.state, stage.required])).toEqual([
      ['accepted', 'seen', true],
      ['started', 'seen', true],
      ['done', 'waiting', false],
    ]);
    await demo.pass();
    expect(stateOf(expectNow(act, order), 'done')).toBe('seen');
  });

  test('does not believe a printed job id', async () => {
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.question), {
      answer: 'east',
    });
    const outputs = await demo.run(steps, ['accepted-not-found']);
    expect(outputs[0]?.stdout).toMatch(/^[0-9a-f]{16}\n$/);
    expect(expectNow(act, order).map((stage) => stage.state)).toEqual(['waiting', 'waiting', 'waiting']);
  });

  test('does not take a job with the same goal that was there before for the new one', async () => {
    const before = demo.view();
    const target = entityIn(before, 'approval', STORY.question);
    await demo.run(planned(act, before, target, { answer: 'east' }).steps.slice(0, 1));
    const view = demo.view();
    const { order } = planned(act, view, entityIn(view, 'approval', STORY.question), { answer: 'east' });
    expect(stateOf(act.expect(demo.view(), order), 'accepted')).toBe('waiting');
  });

  test('leaves the dead end with the revision the operator words', async () => {
    const view = demo.view();
    const target = entityIn(view, 'job', STORY.deadEnd);
    expect(act.precondition(view, target)).toBeUndefined();
    expect(act.warnings?.(view, target).join('\n')).toContain('split rotation and check');
    const { steps, order } = planned(act, view, target, { answer: 'split it' });
    await demo.run(steps);
    expect(
      expectNow(act, order)
        .slice(0, 2)
        .map((stage) => stage.state),
    ).toEqual(['seen', 'seen']);
    expect(entityIn(demo.view(), 'job', STORY.deadEnd).attention).toBeUndefined();
  });

  test('never turns a goal that looks like an option into one', () => {
    const view = demo.view();
    const job = entityIn(view, 'job', STORY.question);
    const hostile = { ...job, data: { ...job.data, goal: '--project-id other' } };
    const patched: StateView = {
      ...view,
      entity: ((type: string) => (type === 'job' ? hostile : undefined)) as never,
    };
    const steps = act.plan(patched, hostile, { answer: 'x' });
    const argument = steps[0]?.type === 'process' ? steps[0].argv[2] : undefined;
    expect(argument?.startsWith(' --project-id other')).toBe(true);
  });
});

describe('job.retry', () => {
  const act = actOf('job.retry');

  test('is the way out of a failed planning: the same goal anew, the planless job cancelled', async () => {
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'approval', STORY.noPlan));
    expect(steps.map((step) => step.argv.slice(2))).toEqual([
      ['Plan the winter dredging'],
      ['cancel', STORY.noPlan],
    ]);
    await demo.run(steps);
    expect(
      expectNow(act, order)
        .slice(0, 2)
        .map((stage) => stage.state),
    ).toEqual(['seen', 'seen']);
  });

  test('leaves a completed job as it is and only submits; the newer job then stands for it', async () => {
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'job', STORY.fakeSuccess));
    expect(steps).toHaveLength(1);
    await demo.run(steps);
    expect(stateOf(expectNow(act, order), 'accepted')).toBe('seen');
    expect(entityIn(demo.view(), 'job', STORY.fakeSuccess).attention).toBeUndefined();
  });
});

describe('job.cancel', () => {
  const act = actOf('job.cancel');

  test('says that a runner at work is not stopped', () => {
    const view = demo.view();
    const target = entityIn(view, 'job', STORY.running);
    expect(act.warnings?.(view, target)[0]).toContain('does not stop runner');
    expect(act.strands?.(view, target)).toHaveLength(1);
  });

  test('is seen by the status, and contradicted when the runner overwrites it', async () => {
    const view = demo.view();
    const { steps, order } = planned(act, view, entityIn(view, 'job', STORY.running));
    await demo.run(steps);
    expect(stateOf(expectNow(act, order), 'accepted')).toBe('seen');
    const { default: Database } = await import('better-sqlite3');
    const database = new Database(`${demo.dir}/workspace/harbour/.orchestrator/state/orchestrator.db`);
    database.prepare("UPDATE jobs SET status = 'completed' WHERE job_id = ?").run(STORY.running);
    database.close();
    expect(expectNow(act, order)[0]).toMatchObject({
      state: 'contradicted',
      detail: 'cancelled, and then completed: overwritten',
    });
  });

  test('is refused for what is cancelled or completed already', () => {
    const view = demo.view();
    expect(act.precondition(view, entityIn(view, 'job', STORY.done))).toContain('completed');
  });
});

test('every act refuses a job id that could be read as an option, and a job of the older queue', () => {
  const view = demo.view();
  const job = entityIn(view, 'job', STORY.review);
  for (const data of [
    { ...job.data, job: '--help' },
    { ...job.data, job: '../x' },
    { ...job.data, job: 'a b' },
    { ...job.data, generation: 'files' },
  ]) {
    const other = { ...job, data };
    const patched: StateView = {
      ...view,
      entity: ((type: string) => (type === 'job' ? other : undefined)) as never,
    };
    for (const act of openclawKind.acts.filter((one) => one.id.startsWith('job.') && one.risk !== 'read'))
      expect(act.precondition(patched, other), act.id).toBeTypeOf('string');
  }
});

test('expectations of a job that vanished stay open instead of failing', () => {
  const view = demo.view();
  const target = entityIn(view, 'job', STORY.question);
  for (const act of openclawKind.acts) {
    if (!act.id.startsWith('job.')) continue;
    const { order } = planned(act, view, target, { answer: 'x' });
    const empty: StateView = { ...view, entity: () => undefined, entities: () => [], now: instant(view.now) };
    for (const stage of act.expect(empty, order)) {
      expect(stage.state, act.id).toBe('waiting');
    }
  }
});
