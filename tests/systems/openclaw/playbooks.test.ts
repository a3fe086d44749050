import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import type { Entity } from '../../../src/domain/entity.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import type { PlaybookStep, StateView } from '../../../src/systems/system.ts';
import { caseNames, deriveCase, layOutCase } from '../fixture-case.ts';
import { type DemoSystem, entityIn, layDemo, planned } from './demo-system.ts';

const playbookOf = (id: string): readonly PlaybookStep[] =>
  openclawKind.playbooks.find((playbook) => playbook.id === id)?.steps ?? [];

test('every act and playbook that an entity of any case names exists', async () => {
  const acts = new Set(openclawKind.acts.map((act) => act.id));
  const playbooks = new Set(openclawKind.playbooks.map((playbook) => playbook.id));
  for (const playbook of openclawKind.playbooks) {
    for (const step of playbook.steps) if (step.type === 'act') expect(acts).toContain(step.act);
  }
  let named = 0;
  for (const name of caseNames('openclaw')) {
    const laid = await layOutCase('openclaw', name);
    const { entities } = await deriveCase(openclawKind, laid.dir, laid.case);
    laid.remove();
    for (const entity of entities) {
      const { act, playbook } = entity.attention ?? {};
      if (act !== undefined) expect(acts).toContain(act);
      if (playbook !== undefined) expect(playbooks).toContain(playbook);
      if (entity.type === 'approval')
        for (const decision of entity.decisions) expect(acts).toContain(decision);
      if (entity.type === 'issue' && entity.playbook !== undefined)
        expect(playbooks).toContain(entity.playbook);
      named += act === undefined ? 0 : 1;
    }
  }
  expect(named).toBeGreaterThan(10);
});

describe('checks look at the state', () => {
  let demo: DemoSystem;
  beforeAll(async () => {
    demo = await layDemo();
  });
  afterAll(() => demo.remove());

  const checksOf = (id: string, view: StateView, target: Entity): readonly boolean[] =>
    playbookOf(id).flatMap((step) => (step.type === 'check' ? [step.holds(view, target)] : []));

  test('a question is open until the job no longer waits', async () => {
    const view = demo.view();
    const target = entityIn(view, 'approval', STORY.question);
    expect(checksOf('question', view, target)).toEqual([false]);
    const act = openclawKind.acts.find((one) => one.id === 'job.answer');
    if (!act) throw new Error('no act');
    await demo.run(planned(act, view, target, { answer: 'east' }).steps);
    expect(checksOf('question', demo.view(), target)).toEqual([true]);
  });

  test('a worker is there when the service says so, and a silent job without runner may be taken back', () => {
    const view = demo.view();
    const target = entityIn(view, 'job', STORY.stalled);
    expect(checksOf('stalled', view, target)).toEqual([true, true]);
  });
});
