import { afterEach, describe, expect, it } from 'vitest';
import { addMs } from '../../src/domain/instant.ts';
import type { LogRow } from '../../src/domain/log.ts';
import { FakeEngine } from '../views/fake-engine.ts';
import { at, coherence, storyNow } from '../views/sample-state.ts';
import { openScreen, type TestScreen } from '../views/screen.tsx';

let screen: TestScreen;
afterEach(() => screen.close());

function rows(count: number): LogRow[] {
  return Array.from({ length: count }, (_, index) => {
    const time = addMs(at('03:00:00'), index * 1000);
    const level = index % 50 === 7 ? 'error' : index % 20 === 3 ? 'warning' : 'info';
    return {
      id: String(index + 1),
      seq: index + 1,
      system: coherence,
      source: 'api',
      path: index % 2 === 0 ? 'monitor.log' : 'autonomous_api.log',
      offset: index * 80,
      at: time,
      sortAt: time,
      form: 'log',
      level,
      text: `row ${index + 1} of the night`,
      ...(index % 10 === 0 ? { keys: ['run-5'] } : {}),
    } satisfies LogRow;
  });
}

async function open(count = 400): Promise<FakeEngine> {
  const engine = new FakeEngine();
  engine.rows = rows(count);
  screen = await openScreen({ engine });
  await screen.press('6');
  return engine;
}

const selected = (): number | undefined => {
  const { selected: id } = screen.snapshot().log;
  return id === undefined ? undefined : Number(id);
};

describe('the logs', () => {
  it('follow what comes until one scrolls up, and again after F or G', async () => {
    const engine = await open();
    expect(screen.frame()).toContain('== follow  2/s');
    await screen.press('k');
    expect(screen.frame()).toContain('== still (F follows)  2/s');
    engine.rows = rows(403);
    engine.say({ now: addMs(storyNow, 100), logSeq: 403 });
    await screen.wait(200);
    expect(screen.frame()).toContain('== still, 3 new (F)');
    expect(selected()).toBe(399);
    await screen.press('F');
    expect(screen.frame()).toContain('== follow  2/s');
    expect(selected()).toBe(403);
    await screen.press('g');
    expect(screen.frame()).toContain('>03:00:00');
    await screen.press('G');
    expect(screen.snapshot().log.follow).toBe(true);
  });

  it('jump between errors and warnings with e E w W', async () => {
    await open();
    await screen.press('E');
    expect(selected()).toBe(358);
    await screen.press('E');
    expect(selected()).toBe(308);
    await screen.press('e');
    expect(selected()).toBe(358);
    await screen.press('e');
    expect(screen.frame()).toContain('no error below');
    await screen.press('W');
    expect(selected()).toBe(344);
  });

  it('walk the lines of one run with o and O', async () => {
    await open();
    await screen.press('g', 'o');
    expect(selected()).toBe(11);
    await screen.press('o', 'O');
    expect(selected()).toBe(11);
  });

  it('search through the whole log, the nearest hit above where none is below, with the place among all', async () => {
    await open();
    await screen.press('/');
    await screen.type('row 11 of');
    await screen.press('enter');
    expect(selected()).toBe(11);
    expect(screen.frame()).toContain('"row 11 of": none below, this is the nearest above');
    expect(screen.frame()).toContain(' /row 11 of 1 of 1 ');
    await screen.press('n');
    expect(screen.frame()).toContain('"row 11 of": no more below');
    await screen.press('/');
    await screen.type('row 3[0-9]+ of');
    await screen.press('enter', 'n', 'n');
    expect(selected()).toBe(32);
    expect(screen.frame()).toContain(' /row 3[0-9]+ of 3 of 110 ');
    await screen.press('N');
    expect(screen.frame()).toContain(' /row 3[0-9]+ of 2 of 110 ');
    expect(screen.rows().filter((row) => /^[>/].*row 3\d+ of/.test(row)).length).toBeGreaterThan(5);
    await screen.press('escape');
    expect(screen.frame()).not.toContain('/row 3');
  });

  it('filter in a stack, keep the place, and show what stood around with .', async () => {
    const engine = await open();
    await screen.press('&');
    await screen.type('row 1');
    await screen.press('enter');
    await screen.press('&');
    await screen.type('0 of');
    await screen.press('enter');
    expect(screen.frame()).toContain('&row 1 &0 of');
    expect(
      screen.snapshot().log.rows.every((row) => row.text.includes('row 1') && row.text.includes('0 of')),
    ).toBe(true);
    await screen.press('k', 'k');
    const here = selected();
    await screen.press('.');
    expect(screen.snapshot().log.total).toBe(400);
    expect(selected()).toBe(here);
    expect(screen.frame()).toContain('context: filters aside');
    await screen.press('escape');
    expect(screen.frame()).not.toContain('context');
    expect(engine.of('page').length).toBeGreaterThan(3);
  });

  it('take a broken expression for plain text', async () => {
    const engine = await open();
    await screen.press('&');
    await screen.type('row (1');
    await screen.press('enter');
    expect(engine.of('page').at(-1)?.query.filter).toEqual([
      { is: 'text', text: 'row (1', ignoreCase: true },
    ]);
    expect(screen.frame()).toContain('no row passes the filters');
    expect(screen.frame()).toContain('no regular expression: taken as text');
  });

  it('show this item or all with L', async () => {
    const engine = await open();
    expect(engine.of('page').at(-1)?.query).toMatchObject({ keys: ['api_unreachable', ':8000'] });
    await screen.press('L');
    expect(engine.of('page').at(-1)?.query).toEqual({});
    expect(screen.frame()).toContain('all (L: this item)');
  });

  it('remember a line and go back to it', async () => {
    await open();
    await screen.press('k', 'k', 'm', 'G', "'");
    expect(selected()).toBe(398);
  });

  it('show local time with t', async () => {
    await open();
    await screen.press('t');
    expect(screen.frame()).toContain('20:06:39');
    expect(screen.rows()[0]).toContain('20:14:07-07');
  });

  it('open a line whole, with its JSON laid out after p', async () => {
    const engine = new FakeEngine();
    engine.rows = [{ ...rows(1)[0]!, text: 'answer {"a":{"b":1}}' }];
    screen = await openScreen({ engine });
    await screen.press('6', 'enter');
    expect(screen.frame()).toContain('answer {"a":{"b":1}}');
    await screen.press('p');
    expect(screen.frame()).toContain('"b": 1');
    expect(screen.frame()).toContain('monitor.log@0');
  });

  it('tell why they can show nothing', async () => {
    const engine = new FakeEngine();
    engine.failing = { page: 'the log index is being built' };
    screen = await openScreen({ engine });
    expect(screen.frame()).toContain('the log cannot be shown: the log index is being built');
  });
});

describe('an item that no line names', () => {
  it('has the lines of its system in the pane, and the pane says so', async () => {
    const engine = new FakeEngine();
    engine.rows = rows(40).map((row) => ({ ...row, path: 'another.log', keys: [] }));
    screen = await openScreen({ engine });
    expect(screen.frame()).toContain('none of this item: all of coherence (L: all)');
    expect(screen.frame()).toContain('row 40 of the night');
    await screen.press('L');
    expect(screen.frame()).toContain('Logs + changes, all (L: this item)');
    await screen.press('L');
    expect(screen.frame()).toContain('none of this item: all of coherence');
  });

  it('stays empty where a filter asked for that', async () => {
    const engine = new FakeEngine();
    engine.rows = rows(40);
    screen = await openScreen({ engine });
    await screen.press('6', '&');
    await screen.type('nowhere');
    await screen.press('enter');
    expect(screen.frame()).toContain('no row passes the filters; Esc takes one off');
    expect(screen.frame()).not.toContain('none of this item');
  });
});
