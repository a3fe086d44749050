/** The procedures of the kind: who names them, what their steps can be done to, in which order, what their checks see. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import type { Params } from '../../../src/domain/act.ts';
import { type Entity, entityKey } from '../../../src/domain/entity.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import { SCRIPTS } from '../../../src/systems/openclaw/locate.ts';
import type { CommonSettings, PlaybookStep, StateView } from '../../../src/systems/system.ts';
import { caseNames, deriveCase, deriveLocated, layOutCase, locateCase } from '../fixture-case.ts';
import { type Reach, reachOf } from '../playbook-reach.ts';
import { type DemoSystem, entityIn, layDemo, planned } from './demo-system.ts';

const playbookOf = (id: string): readonly PlaybookStep[] =>
  openclawKind.playbooks.find((playbook) => playbook.id === id)?.steps ?? [];

/** A skill directory with every script, so that nothing is refused for want of one. */
function laySkill(): string {
  const dir = mkdtempSync(join(tmpdir(), 'binnacle-openclaw-skill-'));
  for (const script of SCRIPTS) {
    mkdirSync(dirname(join(dir, script)), { recursive: true });
    writeFileSync(join(dir, script), '');
  }
  return dir;
}

describe('over every case', () => {
  let reach: Reach;
  let skill: string;
  beforeAll(async () => {
    skill = laySkill();
    reach = await reachOf(openclawKind, { skill, python: '/usr/bin/env' } as CommonSettings);
  });
  afterAll(() => rmSync(skill, { recursive: true }));

  test('playbooks are each named by an item, and every item that needs a human names one', () => {
    expect([...reach.named].sort()).toEqual(openclawKind.playbooks.map(({ id }) => id).sort());
    expect(reach.unled).toEqual([]);
  });

  test('each act of a step is for what it would be done to, and can be done somewhere', () => {
    expect(reach.unfit).toEqual([]);
    expect(reach.neverPossible).toEqual([]);
  });

  test('each check is computed: it holds in one case and not in another', () => {
    expect(reach.constant).toEqual([]);
  });

  test('acts and decisions that items name exist', async () => {
    const acts = new Set(openclawKind.acts.map((act) => act.id));
    for (const name of caseNames('openclaw')) {
      const laid = await layOutCase('openclaw', name);
      const { entities } = await deriveCase(openclawKind, laid.dir, laid.case);
      laid.remove();
      for (const entity of entities) {
        if (entity.attention?.act !== undefined) expect(acts).toContain(entity.attention.act);
        if (entity.type === 'approval')
          for (const decision of entity.decisions) expect(acts).toContain(decision);
      }
    }
  });
});

describe('the order of steps', () => {
  const namesOf = (id: string): readonly string[] =>
    playbookOf(id).map((step) => (step.type === 'act' ? step.act : step.text));
  const before = (id: string, first: string, second: string): void => {
    const names = namesOf(id);
    const [a, b] = [first, second].map((text) => names.findIndex((name) => name.startsWith(text)));
    expect([first, a], id).not.toEqual([first, -1]);
    expect(a, `${id}: ${first} before ${second}`).toBeLessThan(b ?? -1);
  };

  test.each([
    ['review', 'a worker runs', 'job.approve'],
    ['review', 'no older command', 'job.approve'],
    ['question', 'job.resubmit', 'job.answer'],
    // What is there is taken before anything runs again.
    ['no-signal', 'where they did', 'job.cancel'],
    ['no-signal', 'job.cancel', 'job.answer'],
    // A pass beside a living runner runs a job twice.
    ['stalled', 'no runner of any job is left over', 'worker.pass'],
    ['orphan', 'job.stop', 'worker.start'],
    ['orphan', 'the runner is gone', 'worker.start'],
    ['no-worker', 'no runner is left over', 'worker.start'],
    ['worker-loop', 'read the cause', 'worker.restart'],
    ['ssot', 'set ORCH_WORKFLOW_BACKEND back', 'worker.restart'],
    ['stop-all', 'no job is at work', 'worker.stop'],
    ['rollback', 'worker.stop', 'check.imports'],
    ['rollback', 'keep .orchestrator', 'worker.start'],
    ['rollback', 'check.imports', 'worker.start'],
    ['rollback', 'worker.start', 'report.metrics'],
    ['release', 'check.imports', 'gate.release'],
    ['canary', 'check.imports', 'job.submit'],
    ['canary', 'gate.canary', 'canary.decide'],
  ])('of %s: "%s" stands before "%s"', before);

  test('warns of what destroys and offers none of it', () => {
    const text = JSON.stringify(openclawKind.playbooks);
    expect(text).toContain('never rm *.db');
    expect(text).toContain('never pkill -9 -f');
    expect(text).toContain('no push --force');
    expect(openclawKind.acts.map(({ runs }) => runs).join()).not.toMatch(/git |rm |pkill|runner\.py/);
  });
});

describe('steps come with what is known', () => {
  test('a revision that led nowhere stands in the answer; a lost goal in the goal', async () => {
    const offered = async (
      name: string,
      playbook: string,
      isItem: (entity: Entity) => boolean,
      act: string,
    ): Promise<Params | undefined> => {
      const laid = await layOutCase('openclaw', name);
      try {
        const located = locateCase(openclawKind, laid.dir, laid.case);
        const { entities } = deriveLocated(openclawKind, located, laid.case);
        const byKey = new Map(entities.map((one) => [entityKey(one), one]));
        const table = { readAt: laid.case.at, processes: [] };
        const view = stateViewOf(located, laid.case.at, byKey, {}, table);
        const item = entities.find(isItem) as Entity;
        const step = playbookOf(playbook).find((one) => one.type === 'act' && one.act === act);
        return step?.type === 'act' ? step.params?.(view, item) : undefined;
      } finally {
        laid.remove();
      }
    };
    const deadEnd = (one: Entity): boolean => one.attention?.label === 'DEAD END';
    const lost = (one: Entity): boolean => one.attention?.label === 'LOST';
    const revised = await offered('states-side-by-side', 'dead-end', deadEnd, 'job.resubmit');
    expect(revised?.['answer']).toMatch(/\w{3}/);
    expect((await offered('nobody-claims', 'lost', lost, 'job.submit'))?.['goal']).toMatch(/\w{3}/);
  });
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
