import { afterEach, describe, expect, it } from 'vitest';
import { addMs, instant } from '../../src/domain/instant.ts';
import type { PlaybookView } from '../../src/engine/protocol.ts';
import type { Mode } from '../../src/store/mode.ts';
import { FakeEngine } from '../views/fake-engine.ts';
import { steps, storyNow, storySnapshot } from '../views/sample-state.ts';
import { openScreen, type TestScreen } from '../views/screen.tsx';

let screen: TestScreen;
afterEach(() => screen.close());

const at = instant(storyNow - 60_000);
const run = { begunAt: at, begunBy: 'alice', lastAt: at, lastBy: 'alice' };
const begun: PlaybookView = {
  ...steps,
  next: 1,
  run,
  steps: steps.steps.map((step, index) =>
    index === 3 ? { ...step, state: 'done', mark: { by: 'alice', at, remark: 'by phone' } } : step,
  ),
};

function engineWith(playbook: PlaybookView): FakeEngine {
  const engine = new FakeEngine();
  engine.playbook = playbook;
  return engine;
}

const mode = (): Mode => screen.snapshot().desk.mode;
const marks = (): unknown => screen.engine.of('markStep');

describe('the steps of the selected item', () => {
  it('show which is next, who did what when, and who was at it last', async () => {
    screen = await openScreen({ engine: engineWith(begun), columns: 140 });
    const frame = screen.frame();
    expect(frame).toMatch(/Steps: API unreachable -+ 1 of 4, alice 03:13/);
    expect(frame).toMatch(/\[>\]2 answer task/);
    expect(frame).toMatch(/\[x\]4 end orphans .*-- alice 03:13: by phone/);
  });

  it('tell an act that runs from one that was not seen to work, and what was skipped', async () => {
    const [act, ...rest] = steps.steps;
    if (!act) throw new Error('no act');
    const withMark = (status: 'running' | 'not-seen'): PlaybookView => ({
      ...begun,
      steps: [
        { ...act, mark: { by: 'bob', at, status } },
        ...rest.map((step) => ({ ...step, state: 'skipped' as const })),
      ],
    });
    screen = await openScreen({ engine: engineWith(withMark('running')) });
    expect(screen.frame()).toMatch(/\[~\]1 KILL/);
    expect(screen.frame()).toMatch(/0 of 4, 3 skipped/);
    expect(screen.frame()).toMatch(/\[-\]3 see the pipeline/);
    screen.close();
    screen = await openScreen({ engine: engineWith(withMark('not-seen')), columns: 160 });
    expect(screen.frame()).toMatch(/\[!\]1 KILL .*-- bob 03:13 not seen/);
  });

  it('are checked off with Space where they are notes, and asked for anew at once', async () => {
    screen = await openScreen();
    const asked = screen.engine.of('playbook').length;
    await screen.press('b', 'G', 'space');
    expect(marks()).toEqual([
      {
        item: expect.objectContaining({ type: 'issue' }),
        playbook: 'api-unreachable',
        index: 3,
        text: 'end orphans 4120, 4121: one runner, one monitor',
        state: 'done',
      },
    ]);
    expect(screen.engine.of('playbook').length).toBeGreaterThan(asked);
    expect(screen.frame()).toContain('step 4 done');
  });

  it('are checked off with a remark by Enter, and opened again by Space', async () => {
    screen = await openScreen();
    await screen.press('b', 'G', 'enter');
    expect(mode()).toMatchObject({ type: 'remark', as: 'done' });
    await screen.type('told Kim');
    expect(screen.frame()).toContain('> told Kim_');
    await screen.press('enter');
    expect(marks()).toMatchObject([{ index: 3, state: 'done', remark: 'told Kim' }]);
    screen.close();
    screen = await openScreen({ engine: engineWith(begun) });
    await screen.press('b', 'G', 'space');
    expect(marks()).toMatchObject([{ index: 3, state: 'open' }]);
  });

  it('are skipped with s, which asks why; Esc records nothing', async () => {
    screen = await openScreen();
    await screen.press('b', 's');
    expect(mode()).toMatchObject({ type: 'remark', as: 'skipped' });
    await screen.press('escape');
    expect(marks()).toEqual([]);
    await screen.press('s', 'enter');
    expect(marks()).toMatchObject([{ index: 0, state: 'skipped' }]);
    // The cursor goes on to what is still to be done.
    expect(screen.snapshot().desk.selected.steps).toBe('1');
  });

  it('say why a mark was not recorded', async () => {
    const engine = new FakeEngine();
    engine.markAnswer = { done: false, why: 'bob was first' };
    screen = await openScreen({ engine });
    await screen.press('b', 'G', 'space');
    expect(screen.frame()).toContain('step 4: bob was first');
  });

  it('that are acts go through the dialog, which knows the step; neither they nor checks are checked off by hand', async () => {
    screen = await openScreen();
    await screen.press('b', 'space');
    expect(screen.frame()).toContain('done by its act');
    await screen.press('j', 'space');
    expect(screen.frame()).toContain('checked off by what is seen');
    expect(marks()).toEqual([]);
    await screen.press('k', 'enter');
    expect(screen.engine.of('preview')).toMatchObject([
      { act: 'pipeline.restart', occasion: { step: { playbook: 'api-unreachable', index: 0 } } },
    ]);
  });

  it('whose act decides an approval open its card', async () => {
    const approval = storySnapshot().upserts.find((one) => one.type === 'approval');
    const decide = new FakeEngine().offersByType['approval']?.find(({ menu }) => menu === 'approve');
    if (!approval || !decide) throw new Error('no approval in the story');
    const [first, ...rest] = steps.steps;
    if (!first) throw new Error('no step');
    const target = { system: approval.system, type: 'approval', id: approval.id } as const;
    const engine = engineWith({
      ...steps,
      steps: [{ ...first, offer: decide, act: decide.act, target }, ...rest],
    });
    screen = await openScreen({ engine });
    await screen.press('b', 'enter');
    expect(mode()).toMatchObject({
      type: 'approval',
      target: { id: approval.id },
      occasion: { step: { index: 0 } },
    });
  });
});

describe('the palette', () => {
  it('has the acts of the services of all systems with their command line, and the cursor stays on its row', async () => {
    const story = storySnapshot();
    const service = story.upserts.find((one) => one.type === 'service');
    const stop = new FakeEngine().offersByType['issue']?.[0];
    if (!service || !stop) throw new Error('no service in the story');
    const engine = new FakeEngine(story);
    engine.offersByType = {
      ...engine.offersByType,
      service: [{ ...stop, act: 'loop.halt', title: 'Halt the loop' }],
    };
    screen = await openScreen({ engine, columns: 200 });
    await screen.press(':');
    await screen.type('halt');
    expect(screen.frame()).toContain(`Halt the loop: ${service.system} ${service.title}`);
    expect(screen.frame()).toContain(`binnacle act loop.halt ${service.system}/${service.id}`);
    await screen.press('enter');
    expect(engine.of('preview').at(-1)).toMatchObject({
      act: 'loop.halt',
      target: { type: 'service', id: service.id },
    });
  });
});

describe('an act that was started here', () => {
  it('tells its outcome and what undoes it at the foot when it ends', async () => {
    const engine = new FakeEngine();
    screen = await openScreen({ engine, columns: 160 });
    await screen.press('b', 'enter', 'y');
    await screen.type('needed');
    await screen.press('enter');
    const [entry] = storySnapshot().acts ?? [];
    if (!entry) throw new Error('no act in the story');
    const ended = {
      ...entry,
      order: 'o-2',
      title: 'Restart',
      status: 'verified' as const,
      endedAt: storyNow,
    };
    engine.say({ now: storyNow, acts: [{ ...ended, undoAct: 'run.resume' }] });
    await screen.wait(200);
    expect(screen.rows().at(-1)).toMatch(/Restart: verified 03:14:07Z; can be undone by run.resume/);
  });

  it('leads to its answer where that is what it was done for', async () => {
    const engine = new FakeEngine();
    screen = await openScreen({ engine, columns: 160 });
    await screen.press('b', 'enter', 'y');
    await screen.type('needed');
    await screen.press('enter');
    const [entry] = storySnapshot().acts ?? [];
    if (!entry) throw new Error('no act in the story');
    const answer = { ok: true, summary: '3 files changed', sections: [{ title: 'status', text: ' M a.py' }] };
    const later = { ...entry, order: 'o-3', startedAt: addMs(storyNow, 5) };
    const ended = {
      ...entry,
      order: 'o-2',
      title: 'Look',
      status: 'verified' as const,
      endedAt: storyNow,
      answer,
    };
    engine.say({ now: storyNow, acts: [later, ended, entry] });
    await screen.wait(200);
    expect(screen.rows().at(-1)).toContain('Look: verified 03:14:07Z; 7, Enter: 3 files changed');
    await screen.press('7', 'enter');
    expect(screen.snapshot().desk.mode).toMatchObject({
      type: 'details',
      subject: { of: 'act', order: 'o-2' },
    });
    expect(screen.frame()).toContain(' M a.py');
  });
});
