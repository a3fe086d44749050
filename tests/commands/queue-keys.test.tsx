import { afterEach, describe, expect, it } from 'vitest';
import { refOf } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import type { Aside } from '../../src/engine/protocol.ts';
import { FakeEngine } from '../views/fake-engine.ts';
import {
  coherence,
  hangs,
  plan,
  question,
  source,
  storyNow,
  storySnapshot,
  system,
} from '../views/sample-state.ts';
import { keyPress, openScreen, type TestScreen } from '../views/screen.tsx';

let screen: TestScreen;

/** Rows of the sheet that is open, its empty ones at the end left out. */
function sheetRows({ rows }: TestScreen): string {
  const all = rows();
  const from = all.findIndex((row, index) => index > 2 && row.startsWith('='));
  return all.slice(from, -1).join('\n').trimEnd();
}
afterEach(() => screen.close());

const selected = (): string | undefined => screen.snapshot().desk.selected.queue;

describe('walking the queue', () => {
  it('moves down and up, to the ends, and the card follows', async () => {
    screen = await openScreen();
    expect(selected()).toBe('coherence/issue/api_unreachable');
    await screen.press('j', 'down');
    expect(selected()).toBe('coherence/approval/task_864e65b18d8b704c');
    expect(screen.frame()).toContain('Which price list applies');
    await screen.press('k');
    expect(screen.frame()).toContain('Why: restart asked 7 times');
    await screen.press('G');
    expect(screen.frame()).toMatch(/>\? UNREAD/);
    await screen.press('g');
    expect(selected()).toBe('coherence/issue/api_unreachable');
  });

  it('shows approvals or fatal items alone and says so when there are none', async () => {
    screen = await openScreen();
    await screen.press('2');
    expect(screen.rows().filter((row) => / ANSWER /.test(row))).toHaveLength(1);
    expect(screen.frame()).not.toContain('FATAL   coherence');
    await screen.press('3');
    expect(screen.frame()).toContain('FATAL   coherence');
    await screen.press('3');
    expect(screen.frame()).toContain('ANSWER  coherence');
    screen.engine.say({ now: addMs(storyNow, 5000), removed: [refOf(question)] });
    await screen.wait(3000);
    await screen.press('2');
    expect(screen.frame()).toContain('nothing of the kind shown; 1 shows all');
    await screen.press('1', '&');
    await screen.type('no such words');
    await screen.press('enter');
    expect(screen.frame()).toContain('nothing here passes the filter; & and Enter take the last one off');
    await screen.press('&', 'enter');
    expect(screen.frame()).toContain('FATAL   coherence');
  });

  it('comes back to the queue with ! from anywhere but a text', async () => {
    screen = await openScreen();
    await screen.press('6', '!');
    expect(screen.snapshot().desk.focus).toBe('queue');
    await screen.press('/', '!');
    expect(screen.snapshot().desk.mode).toEqual({ type: 'search', text: '!' });
  });

  it('walks the panes with Tab and numbers and goes back and forth along the way', async () => {
    screen = await openScreen();
    await screen.press('tab');
    expect(screen.snapshot().desk.focus).toBe('card');
    await screen.press('5', '7', '[');
    expect(screen.snapshot().desk.focus).toBe('work');
    await screen.press(']');
    expect(screen.snapshot().desk.focus).toBe('acts');
    await screen.press('escape');
    expect(screen.snapshot().desk.focus).toBe('queue');
  });
});

describe('an item that goes away', () => {
  it('stays under the cursor as a ghost, with acts dead, until a move', async () => {
    screen = await openScreen();
    await screen.press('j', 'j');
    const other = { ...question, status: 'decided' as const };
    delete (other as { attention?: unknown }).attention;
    screen.engine.say({ now: addMs(storyNow, 5000), upserts: [other] });
    await screen.wait(4000);
    expect(screen.frame()).toMatch(/>\. ANSWER .*now decided 03:14:12/);
    await screen.press('a');
    expect(screen.frame()).toContain('it is no longer there (now decided)');
    expect(screen.snapshot().desk.mode.type).toBe('browse');
    await screen.wait(4000);
    expect(screen.frame()).toContain('now decided');
    await screen.press('k');
    await screen.wait(4000);
    expect(screen.frame()).not.toContain('now decided');
  });

  it('says who decided it when an act of this host did', async () => {
    screen = await openScreen();
    await screen.press('j', 'j');
    const act = {
      order: 'o-9',
      act: 'task.answer',
      title: 'answer',
      target: refOf(question),
      targetTitle: question.title,
      status: 'verified' as const,
      attempt: 1,
      startedAt: addMs(storyNow, 3000),
      endedAt: addMs(storyNow, 4000),
      by: 'bob',
      stages: [],
    };
    screen.engine.say({ now: addMs(storyNow, 5000), removed: [refOf(question)], acts: [act] });
    await screen.wait(200);
    expect(screen.frame()).toContain('answer by bob 03:14:11');
  });
});

describe('the order of the queue', () => {
  it('stands still for two seconds after a key and counts newcomers above', async () => {
    screen = await openScreen();
    await screen.press('j');
    const urgent = {
      ...hangs,
      id: 'new',
      key: 'new',
      title: 'disk is full',
      attention: { rank: 1 as const, label: 'FATAL', why: 'no byte can be written', since: storyNow },
    };
    screen.engine.say({ now: addMs(storyNow, 1000), upserts: [urgent] });
    await screen.wait(200);
    expect(screen.rows()[2]).toContain('+1 new');
    expect(screen.frame()).not.toContain('disk is full');
    await screen.wait(2500);
    expect(screen.rows()[3]).toContain('disk is full');
    expect(screen.frame()).not.toContain('+1 new');
    expect(selected()).toBe('coherence/issue/restart_swallowed');
  });

  it('does not move rows under the cursor when one above goes away meanwhile', async () => {
    screen = await openScreen();
    await screen.press('j');
    screen.engine.say({ now: addMs(storyNow, 500), removed: [refOf(hangs)] });
    await screen.wait(200);
    expect(screen.rows()[3]).toContain('gone');
    expect(screen.rows()[4]).toMatch(/^>x FATAL {3}coherence restart asked/);
    await screen.wait(2500);
    expect(screen.rows()[3]).toMatch(/^>x FATAL {3}coherence restart asked/);
  });
});

describe('before the first key', () => {
  it('the cursor stands on what is most urgent, whatever comes in', async () => {
    screen = await openScreen();
    const worse = {
      ...hangs,
      id: 'new',
      key: 'new',
      title: 'disk is full',
      attention: { rank: 1 as const, label: 'FATAL', why: 'no byte can be written', since: storyNow },
    };
    screen.engine.say({ now: addMs(storyNow, 1000), upserts: [worse] });
    await screen.wait(200);
    expect(screen.rows()[3]).toMatch(/^>x FATAL {3}coherence disk is full/);
  });
});

describe('searching and filtering', () => {
  it('counts matches while typing and walks them with n and N', async () => {
    screen = await openScreen();
    await screen.press('/');
    await screen.type('orphan');
    expect(screen.frame()).toContain('/orphan_  2 matches');
    await screen.press('enter');
    const first = selected();
    expect(first).toContain('monitor');
    await screen.press('n');
    expect(selected()).toContain('runner');
    await screen.press('n');
    expect(selected()).toBe(first);
    await screen.press('N');
    expect(selected()).toContain('runner');
  });

  it('stacks filters and takes them off one by one with Esc', async () => {
    screen = await openScreen();
    await screen.press('&');
    await screen.type('coherence');
    await screen.press('enter', '&');
    await screen.type('fatal');
    await screen.press('enter');
    expect(screen.snapshot().queue.rows).toHaveLength(2);
    expect(screen.rows()[2]).toContain('&coherence &fatal');
    await screen.press('escape');
    expect(screen.snapshot().queue.rows.length).toBeGreaterThan(2);
    await screen.press('escape');
    expect(screen.snapshot().queue.rows).toHaveLength(7);
  });

  it('marks rows, counts them above, and sets them aside together', async () => {
    screen = await openScreen();
    await screen.press('v', 'j', 'v');
    expect(screen.rows()[1]).toContain('2 marked');
    await screen.press('d', 'enter');
    expect(screen.engine.of('aside').map((request) => request.item.title)).toEqual([
      'API hangs: pid 2210 holds :8000',
      'restart asked 7 times, nothing runs',
    ]);
    expect(screen.rows()[1]).not.toContain('marked');
  });
});

describe('setting aside and taking', () => {
  it('asks how long, and for good only with a reason', async () => {
    screen = await openScreen();
    await screen.press('d', 'j', 'enter');
    const [aside] = screen.engine.of('aside');
    expect(aside).toMatchObject({ forGood: false });
    expect((aside?.until ?? 0) - screen.cockpit.now()).toBeGreaterThan(3_599_000);
    expect((aside?.until ?? 0) - screen.cockpit.now()).toBeLessThanOrEqual(3_600_000);
    await screen.press('d', 'G', 'enter', 'enter');
    expect(screen.frame()).toContain('a reason is needed');
    await screen.type('known');
    await screen.press('enter');
    expect(screen.engine.of('aside')[1]).toMatchObject({ forGood: true, reason: 'known' });
  });

  it('leaves the queue while it is aside and comes back when it changes', async () => {
    screen = await openScreen();
    const item = screen.snapshot().queue.rows[0]?.item;
    const aside = { key: item?.key ?? '', revision: item?.revision ?? '', forGood: false, by: 'me' };
    screen.engine.say({ now: addMs(storyNow, 3000), asides: [aside] });
    await screen.press('j');
    await screen.wait(3000);
    expect(screen.rows()[1]).toContain('1 set aside');
    expect(screen.frame()).not.toContain('FATAL   coherence API hangs');
    const again = { ...hangs, attention: { ...hangs.attention!, since: addMs(storyNow, 4000) } };
    screen.engine.say({ now: addMs(storyNow, 5000), upserts: [again] });
    await screen.wait(3000);
    expect(screen.frame()).toContain('FATAL   coherence API hangs');
  });

  it('is looked through with D and brought back one by one, from time, for good or until it changes', async () => {
    screen = await openScreen();
    const [first, second, third] = screen.snapshot().queue.rows.map((row) => row.item);
    const put = (item: typeof first, more: Partial<Aside>): Aside => ({
      key: item?.key ?? '',
      revision: item?.revision ?? '',
      forGood: false,
      by: 'me',
      ...more,
    });
    expect(screen.dispatcher.paletteRows('what is set aside')[0]?.off).toBe('nothing is set aside');
    screen.engine.say({
      now: storyNow,
      asides: [
        put(third, { forGood: true, by: 'bob', reason: 'known since May' }),
        put(second, { until: addMs(storyNow, 3_600_000) }),
        put(first, {}),
        put(undefined, { key: 'coherence/job/long-gone', forGood: true, reason: 'over' }),
      ],
    });
    await screen.wait(3000);
    await screen.press('D');
    expect(sheetRows(screen)).toMatchInlineSnapshot(`
      "=Set aside =========================================================================================================== 4
      >FATAL coherence API hangs: pid 2210 holds :8000                                         me            until it changes
       FATAL coherence restart asked 7 times, nothing runs                                     me              until 04:14:07
       ANSWER coherence task_864e65b18d8b704c (worker w7)                                      bob                   for good
       coherence/job/long-gone                                                                 me                    for good
























       set aside by me, until it changes
       Enter brings it back into the queue of everybody at this host."
    `);
    await screen.press('j', 'j');
    expect(screen.frame()).toContain('set aside by bob, for good: known since May');
    await screen.press('enter');
    expect(screen.engine.of('back')).toEqual([{ key: third?.key }]);
    screen.engine.say({
      now: addMs(storyNow, 4000),
      asides: [put(first, {}), put(second, { until: addMs(storyNow, 3_600_000) })],
    });
    await screen.wait(200);
    expect(sheetRows(screen)).not.toContain('known since May');
    await screen.press('escape');
    await screen.wait(3000);
    expect(screen.rows()[1]).toContain('2 set aside');
  });

  it('takes the marked items and not the one the cursor happens to stand on', async () => {
    screen = await openScreen();
    const marked = screen.snapshot().queue.rows[1]?.item.key;
    await screen.press('j', 'space', 'j', 'd');
    expect(screen.frame()).toContain(' 1 marked item');
    await screen.press('enter');
    expect(screen.engine.of('aside').map((request) => request.item.key)).toEqual([marked]);
  });

  it('tells where it can be seen and taken back', async () => {
    screen = await openScreen();
    await screen.press('d', 'enter');
    expect(screen.rows().at(-1)).toContain('set aside until it changes: D shows it, and brings it back');
  });

  it('takes an item, and shows who has it', async () => {
    screen = await openScreen();
    await screen.press('K');
    expect(screen.engine.of('hold')).toEqual([{ key: 'coherence/issue/api_unreachable', take: true }]);
    screen.engine.say({
      now: addMs(storyNow, 100),
      holds: [
        {
          key: 'coherence/issue/api_unreachable',
          by: 'me pts/1',
          until: addMs(storyNow, 90_000),
          ours: true,
        },
      ],
    });
    await screen.wait(200);
    expect(screen.rows()[3]).toContain('[held by you]');
    expect(screen.frame()).toContain('K release');
    await screen.wait(40_000);
    const told = screen.engine.of('awake').length;
    await screen.press('j');
    // Any key renews it: a hold that lapsed is not taken again by itself.
    expect(screen.engine.of('awake')).toHaveLength(told + 1);
    expect(screen.engine.of('hold')).toHaveLength(1);
    await screen.press('k', 'K');
    expect(screen.engine.of('hold')[1]).toEqual({ key: 'coherence/issue/api_unreachable', take: false });
  });
});

describe('what was not understood', () => {
  const bad = [
    {
      system: coherence,
      source: 'tasks',
      path: 'logs/task.log',
      offset: 120,
      reason: 'no JSON',
      excerpt: '{"a',
    },
    {
      system: coherence,
      source: 'tasks',
      path: 'logs/task.log',
      offset: 4711,
      reason: 'no time',
      excerpt: 'evil \x1b]0;title\x07 \u202e line',
    },
  ];
  const engineWithBad = (): FakeEngine => {
    const systems = [
      system(coherence, [{ ...source('tasks', 'log', 'stale'), badRecords: 3, lastBad: bad[1]! }]),
    ];
    const engine = new FakeEngine(
      storySnapshot({
        systems,
        figures: { lagMs: 0, unreadBytes: 0, badRecords: 3, linesPerSecond: 0, polling: false },
      }),
    );
    engine.bad = bad;
    return engine;
  };

  it('is led to from the counter: each with its place, its reason and how it begins, made safe', async () => {
    screen = await openScreen({ engine: engineWithBad() });
    expect(screen.frame()).toContain('bad 3 (U)');
    await screen.press('U');
    expect(screen.engine.of('bad')).toEqual([{}]);
    expect(sheetRows(screen)).toMatchInlineSnapshot(`
      "=Not understood (3, the newest 2 are kept) =============================================================================
      | source          | place              | why, and how it begins                                                        |
      | coherence tasks | logs/task.log@4711 | no time                                                                       |
      |                 |                    | evil \\x1b]0;title\\x07 \\u{202e} line                                           |
      | coherence tasks | logs/task.log@120  | no JSON                                                                       |
      |                 |                    | {"a                                                                           |"
    `);
    expect(screen.frame()).not.toContain('\x1b');
  });

  it('is led to from the page of a source, and asked for again when more comes', async () => {
    const engine = engineWithBad();
    screen = await openScreen({ engine });
    const stale = screen.snapshot().queue.rows.find((row) => row.item.kind === 'source');
    await screen.press('G');
    expect(screen.snapshot().subject.item).toBe(stale?.item);
    await screen.press('enter');
    expect(screen.frame()).toContain(
      '3 not understood (U shows them); the newest: logs/task.log@4711 no time',
    );
    await screen.press('U');
    expect(engine.of('bad')).toEqual([{ system: coherence, source: 'tasks' }]);
    engine.bad = [...bad, { ...bad[0]!, offset: 9000, reason: 'cut short' }];
    engine.say({
      now: addMs(storyNow, 1000),
      figures: { lagMs: 0, unreadBytes: 0, badRecords: 4, linesPerSecond: 0, polling: false },
    });
    await screen.wait(200);
    expect(screen.frame()).toContain('cut short');
    expect(screen.frame()).toContain('logs/task.log@9000');
  });

  it('is none: the key says so', async () => {
    screen = await openScreen({
      engine: new FakeEngine(
        storySnapshot({
          figures: { lagMs: 0, unreadBytes: 0, badRecords: 0, linesPerSecond: 0, polling: false },
        }),
      ),
    });
    await screen.press('U');
    expect(screen.rows().at(-1)).toContain('everything that was read was understood');
  });
});

describe('copying', () => {
  it('copies line, id, command and evidence with c and a letter', async () => {
    screen = await openScreen();
    await screen.press('c', 'l', 'c', 'i', 'c', 'x', 'c', 'e');
    expect(screen.host.copied.slice(0, 3)).toEqual([
      'API hangs: pid 2210 holds :8000',
      'api_unreachable',
      'binnacle show issue coherence/api_unreachable',
    ]);
    expect(screen.host.copied[3]).toContain('monitor_issues.json');
  });

  it('quotes a hostile id for the shell', async () => {
    const engine = new FakeEngine(storySnapshot({ upserts: [{ ...hangs, id: "a'; rm -rf /", key: 'x' }] }));
    screen = await openScreen({ engine });
    await screen.press('c', 'x');
    expect(screen.host.copied).toEqual([`binnacle show issue 'coherence/a'\\''; rm -rf /'`]);
  });
});

describe('quitting', () => {
  it('quits with Q, with :q, and with Ctrl-c twice', async () => {
    screen = await openScreen();
    await screen.press('Q');
    expect(screen.host.quits).toEqual([0]);
    await screen.press(':', 'q', 'enter');
    expect(screen.host.quits).toEqual([0, 0]);
    await screen.press('ctrl-c');
    expect(screen.host.quits).toHaveLength(2);
    expect(screen.frame()).toContain('Ctrl-c again quits');
    await screen.press('ctrl-c');
    expect(screen.host.quits).toHaveLength(3);
  });

  it('forgets a first Ctrl-c after two seconds, and leaves a prompt with it', async () => {
    screen = await openScreen();
    await screen.press('ctrl-c');
    await screen.wait(2500);
    await screen.press('ctrl-c');
    expect(screen.host.quits).toEqual([]);
    await screen.press('?');
    await screen.press('ctrl-c');
    expect(screen.snapshot().desk.mode.type).toBe('browse');
    expect(screen.host.quits).toEqual([]);
  });

  it('is dead right after an escape character and in a burst', async () => {
    screen = await openScreen();
    await screen.event(keyPress('Q', { sinceEscapeMs: 40 }));
    expect(screen.rows().at(-1)).toContain('Q too soon after Esc: press again');
    await screen.event(keyPress('Q', { typed: 'burst' }));
    expect(screen.host.quits).toEqual([]);
    expect(screen.frame()).toContain('Q typed too fast: press again');
  });
});

describe('the plan of another system', () => {
  it('counts as waiting and shows its default outcome', async () => {
    screen = await openScreen({ engine: new FakeEngine(storySnapshot({ upserts: [plan] })) });
    expect(screen.rows()[1]).toContain('!1 WAITS FOR YOU');
    expect(screen.frame()).toContain('until 03:44:07 (25m left): counts as denied');
  });
});
