import { afterEach, describe, expect, it } from 'vitest';
import type { ActEntry, ActPreview } from '../../src/domain/act.ts';
import type { Issue } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import { FakeEngine } from '../views/fake-engine.ts';
import { doneAct, hangs, offers, plan, previewOf, storyNow, storySnapshot } from '../views/sample-state.ts';
import { openScreen, type TestScreen } from '../views/screen.tsx';

let screen: TestScreen;
afterEach(() => screen.close());

const mode = () => screen.snapshot().desk.mode;

/** Issues of the same sort, the first on top. */
function issues(count: number): readonly Issue[] {
  return Array.from({ length: count }, (_, index): Issue => {
    const id = `stuck-${index + 1}`;
    const since = addMs(storyNow, -60_000 * (index + 1));
    const attention = { rank: 2 as const, label: 'FATAL', why: 'stuck', since, act: 'pipeline.restart' };
    return { ...hangs, id, key: id, title: `item ${index + 1}`, trail: [], attention };
  });
}

async function openWith(
  entities: Parameters<typeof storySnapshot>[0],
  preview?: (base: ActPreview) => Partial<ActPreview>,
  size: { readonly columns?: number; readonly rows?: number } = {},
): Promise<FakeEngine> {
  const engine = new FakeEngine(storySnapshot(entities));
  engine.preview = (act, target, params) => {
    const base = { ...previewOf(act, target, params), targetTitle: `title of ${target.id}` };
    return { ...base, ...preview?.(base) };
  };
  let order = 0;
  const call = engine.call.bind(engine);
  engine.call = (name, request) => {
    if (name === 'start') {
      order += 1;
      engine.startAnswer = { order: `o-${order}` };
    }
    return call(name, request);
  };
  screen = await openScreen({ engine, columns: 100, rows: 40, ...size });
  return engine;
}

const entry = (order: string, id: string, more: Partial<ActEntry>): ActEntry => ({
  ...doneAct,
  order,
  act: 'pipeline.restart',
  title: 'restart pipeline',
  target: { system: hangs.system, type: 'issue', id },
  targetTitle: `title of ${id}`,
  stages: [],
  startedAt: storyNow,
  ...more,
});

describe('an act on marked rows', () => {
  it('is shown for each of them, confirmed once with one reason, and started for each as it was shown', async () => {
    const engine = await openWith({ upserts: [...issues(3)] });
    await screen.press('space', 'j', 'space', 'j', 'space', 'R');
    expect(screen.frame()).toContain('3 marked rows');
    await screen.press('enter');
    expect(engine.of('preview').map(({ target }) => target.id)).toEqual(['stuck-1', 'stuck-2', 'stuck-3']);
    const frame = screen.frame();
    for (const id of ['stuck-1', 'stuck-2', 'stuck-3'])
      expect(frame).toContain(`runs      /usr/bin/python3 scripts/request.py --target=${id}`);
    expect(frame).toContain(' yes: restart pipeline, all 3, one after the other (asks for a reason)');
    await screen.press('y', 'enter');
    expect(engine.of('start')).toEqual([]);
    await screen.type('all stuck');
    await screen.press('enter');
    expect(engine.of('start')).toEqual(
      ['stuck-1', 'stuck-2', 'stuck-3'].map((id) => ({
        act: 'pipeline.restart',
        target: { system: 'coherence', type: 'issue', id },
        params: {},
        revision: `rev-${id}`,
        reason: 'all stuck',
        confirmedBy: 'yes',
      })),
    );
    expect(screen.snapshot().desk.marks.size).toBe(0);
    expect(screen.rows().at(-1)).toContain('restart pipeline: 3 of 3 started');
  });

  it('is the same from the palette, which names them in its command line', async () => {
    const engine = await openWith({ upserts: [...issues(3)] });
    await screen.press('space', 'j', 'space', ':');
    await screen.type('restart pip');
    const row = screen.rows().find((line) => line.includes('restart pipeline: 2 marked rows'));
    expect(row).toBeDefined();
    expect(screen.frame()).toContain('binnacle act pipeline.restart coherence/stuck-1 coherence/stuck-2');
    await screen.press('enter');
    expect(mode()).toMatchObject({ type: 'list', title: 'restart pipeline' });
    expect(engine.of('preview').map(({ target }) => target.id)).toEqual(['stuck-1', 'stuck-2']);
    await screen.press('escape', ':');
    // With no row marked it is for the selected one.
    await screen.press('escape', 'escape', ':');
    await screen.type('restart pip');
    expect(screen.frame()).not.toContain('marked rows');
    expect(screen.frame()).toContain('binnacle act pipeline.restart coherence/stuck-2');
  });

  it('is not offered by the palette for the selected row alone while the marked ones are asked', async () => {
    const engine = await openWith({ upserts: [...issues(2)] });
    await screen.press('space', 'j', 'space');
    const call = engine.call.bind(engine);
    let answer = (): void => {};
    const later = new Promise<void>((resolve) => {
      answer = resolve;
    });
    engine.call = async (name, request) => {
      if (name === 'offers') await later;
      return await call(name, request);
    };
    await screen.press(':');
    await screen.type('binnacle act pipeline.restart');
    expect(screen.frame()).not.toContain('restart pipeline');
    answer();
    await screen.wait(200);
    expect(screen.frame()).toContain('restart pipeline: 2 marked rows');
  });

  it('tells how each goes, one by one, those that failed first', async () => {
    const engine = await openWith({ upserts: [...issues(3)] });
    const call = engine.call.bind(engine);
    engine.call = (name, request) => {
      const isThird = name === 'start' && 'target' in request && request.target.id === 'stuck-3';
      if (isThird) return Promise.resolve({ refused: 'held by alice until 03:15:00' }) as never;
      return call(name, request);
    };
    await screen.press('space', 'v', 'j', 'j', 'v', 'R', 'enter', 'y');
    await screen.type('x');
    await screen.press('enter');
    expect(screen.rows().at(-1)).toContain('2 of 3 started, 1 refused');
    engine.say({
      now: addMs(storyNow, 1000),
      acts: [
        entry('o-1', 'stuck-1', { status: 'verified', endedAt: addMs(storyNow, 4000) }),
        entry('o-2', 'stuck-2', {
          status: 'not-seen',
          endedAt: addMs(storyNow, 4000),
          playbook: { id: 'p', title: 'Pipeline stuck' },
        }),
      ],
    });
    await screen.wait(200);
    const rows = screen.rows().map((row) => row.replaceAll(/[|\s]+/g, ' '));
    expect(rows.find((row) => row.includes('restart pipeline: 3 marked'))).toContain(
      '1 FAILED, 1 not done, 1 done',
    );
    const at = (text: string): number => rows.findIndex((row) => row.includes(text));
    expect(at('FAILED coherence title of stuck-2')).toBeGreaterThan(0);
    expect(rows[at('FAILED coherence title of stuck-2')]).toContain('ran, effect not seen');
    expect(screen.frame()).toContain('steps that help: Pipeline stuck');
    expect(at('not done coherence title of stuck-3 held by alice until 03:15:00')).toBeGreaterThan(
      at('FAILED coherence'),
    );
    expect(at('done coherence title of stuck-1')).toBeGreaterThan(at('not done coherence'));
    await screen.press('escape');
    expect(mode().type).toBe('browse');
  });

  it('takes letters that fit this list alone where any of them is destructive', async () => {
    const engine = await openWith({ upserts: [...issues(2)] }, ({ target }) => ({
      confirmation: 'code',
      code: target.id === 'stuck-1' ? 'AAAA' : 'BBBB',
    }));
    await screen.press('space', 'j', 'space', 'R', 'enter', 'y');
    const open = mode();
    const code = open.type === 'list' ? (open.list.code ?? '') : '';
    expect(code).toMatch(/^[A-Z]{4}$/);
    await screen.type('AAAA');
    await screen.press('enter');
    expect(engine.of('start')).toEqual([]);
    await screen.type(code);
    await screen.press('enter');
    expect(engine.of('start')).toMatchObject([
      { confirmedBy: 'code', code: 'AAAA' },
      { confirmedBy: 'code', code: 'BBBB' },
    ]);
  });

  it('says for how many it is, leaves the others out by name, and does not start what is refused', async () => {
    const engine = await openWith({ upserts: [...issues(2), plan] }, ({ target }) =>
      target.id === 'stuck-2' ? { refused: 'it is being done: by bob' } : {},
    );
    await screen.press('g', 'space', 'j', 'space', 'j', 'space', 'R');
    expect(screen.frame()).toContain('3 marked rows');
    expect(screen.frame()).toContain('for 2 of the 3 marked rows');
    await screen.press('enter');
    expect(screen.frame()).toContain('not done: it is being done: by bob');
    expect(screen.frame()).toContain(
      'plan of job 1a2b: renew certificates: approvals are decided one at a time',
    );
    expect(screen.frame()).toContain(' yes: restart pipeline, 1 of 2, one after the other');
    await screen.press('y');
    await screen.type('x');
    await screen.press('enter');
    expect(engine.of('start').map(({ target }) => target.id)).toEqual(['stuck-1']);
    expect(screen.frame()).toContain('it is being done: by bob');
  });

  it('is read to its end with PgDn where the screen is small, and Enter on no is no', async () => {
    const engine = await openWith({ upserts: [...issues(8)] }, undefined, { columns: 80, rows: 24 });
    await screen.press('v', 'G', 'v');
    // A source that can't be read stands among them: it has no acts, and is no part of the list.
    await screen.press('R', 'enter');
    expect(screen.frame()).toMatch(/\d+ more lines: PgDn/);
    let read = '';
    for (let page = 0; page < 30 && /more lines?: PgDn/.test(screen.frame()); page += 1) {
      read += screen.frame();
      await screen.press('pagedown');
    }
    read += screen.frame();
    for (let index = 1; index <= 8; index += 1) expect(read).toContain(`--target=stuck-${index}`);
    await screen.press('enter');
    expect(engine.of('start')).toEqual([]);
    expect(mode().type).toBe('browse');
    // Nothing was done: what was marked still is.
    expect(screen.snapshot().desk.marks.size).toBeGreaterThan(0);
  });

  it('never decides approvals in bulk', async () => {
    const others = ['x', 'y'].map((id) => ({ ...plan, id, title: `plan ${id}` }));
    const engine = await openWith({ upserts: [plan, ...others] });
    await screen.press('space', 'j', 'space', 'a');
    expect(mode().type).toBe('browse');
    expect(screen.rows().at(-1)).toContain('approvals are decided one at a time');
    await screen.press('A');
    expect(screen.frame()).toContain('approvals are decided one at a time');
    await screen.press('enter');
    expect(engine.of('preview')).toEqual([]);
  });

  it('asks once for what an act needs to know, and gives it to each', async () => {
    const restart = (offers['issue'] ?? [])[0];
    if (!restart) throw new Error('no offer');
    const engine = await openWith({ upserts: [...issues(2)] }, () => ({ confirmation: 'yes' }));
    engine.offersByType = {
      issue: [{ ...restart, params: [{ name: 'why', title: 'why', form: 'text', required: true }] }],
    };
    await screen.press('space', 'j', 'space', 'R', 'enter');
    await screen.type('one');
    await screen.press('enter');
    expect(engine.of('preview').map(({ params }) => params)).toEqual([{ why: 'one' }, { why: 'one' }]);
    await screen.press('y');
    expect(engine.of('start').map(({ params }) => params)).toEqual([{ why: 'one' }, { why: 'one' }]);
  });

  it('takes all marked items, and tells which another has', async () => {
    const engine = await openWith({ upserts: [...issues(2)] });
    const call = engine.call.bind(engine);
    engine.call = (name, request) =>
      name === 'hold' && 'key' in request && request.key.endsWith('stuck-2')
        ? (Promise.resolve({ held: false, by: 'alice pts/4' }) as never)
        : call(name, request);
    await screen.press('space', 'j', 'space', 'K');
    expect(engine.of('hold')).toEqual([{ key: 'coherence/issue/stuck-1', take: true }]);
    expect(screen.rows().at(-1)).toContain('1 of 2 held by alice pts/4');
  });
});
