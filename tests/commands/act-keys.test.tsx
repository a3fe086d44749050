import { afterEach, describe, expect, it } from 'vitest';
import { refOf } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import { FakeEngine } from '../views/fake-engine.ts';
import { doneAct, hangs, offers, previewOf, storyNow, storySnapshot } from '../views/sample-state.ts';
import { keyPress, openScreen, type TestScreen } from '../views/screen.tsx';

let screen: TestScreen;
afterEach(() => screen.close());

const mode = () => screen.snapshot().desk.mode;

describe('a menu of acts', () => {
  it('lists what applies, what it really does, and why something does not', async () => {
    screen = await openScreen();
    await screen.press('R');
    expect(screen.frame()).toContain('writes restart_requested.json');
    expect(screen.frame()).toContain('not now: the API must answer first');
    expect(screen.frame()).not.toContain('inspect run');
    await screen.press('j', 'enter');
    expect(screen.engine.of('preview')).toEqual([]);
    expect(screen.frame()).toContain('restart API alone: the API must answer first');
  });

  it('is off with the reason when nothing of its kind applies', async () => {
    screen = await openScreen();
    await screen.press('B');
    expect(mode().type).toBe('browse');
    expect(screen.frame()).toContain('nothing of that kind applies to this issue');
  });

  it('leads to the steps where no act applies to the item itself', async () => {
    const engine = new FakeEngine();
    engine.offersByType = {};
    screen = await openScreen({ engine });
    await screen.press('A');
    expect(screen.frame()).toContain(
      'no act applies to this issue itself; Esc goes back, then b: its steps name the acts that help',
    );
  });

  it('has no acts for a source and says what helps', async () => {
    screen = await openScreen();
    await screen.press('G', 'R');
    expect(screen.frame()).toContain('a source has no acts: Ctrl-r reads it again');
    await screen.press('ctrl-r');
    expect(screen.engine.of('refresh')).toEqual([{ system: 'coherence' }]);
    expect(screen.rows().at(-1)).toContain('coherence read again');
  });

  it('does not open by keys typed ahead, nor in the wake of an escape', async () => {
    screen = await openScreen();
    await screen.event(keyPress('R', { typed: 'burst' }));
    await screen.event(keyPress('B', { sinceEscapeMs: 120 }));
    expect(mode().type).toBe('browse');
    await screen.event(keyPress('R', { sinceEscapeMs: 300 }));
    expect(mode().type).toBe('menu');
  });

  it('tells when the engine does not answer', async () => {
    const engine = new FakeEngine();
    screen = await openScreen({ engine });
    engine.failing = { offers: 'engine ended' };
    await screen.press('A');
    expect(screen.frame()).toContain('The engine did not answer: engine ended');
  });
});

describe('the dialog before an act', () => {
  it('shows what, where, which commands, what it strands, what is expected and the undo', async () => {
    screen = await openScreen();
    await screen.press('R', 'enter');
    const frame = screen.frame();
    for (const text of [
      'where     /srv/coherence, environment prod',
      'runs      /usr/bin/python3 scripts/request.py --target=api_unreachable',
      'warning   the runbook says 30 s, it takes 60',
      'leaves    task_864e65b18d8b704c stays with w7',
      'expects   health answers 200 by 03:15:16',
      'undo      none: a restart cannot be taken back',
      '>no, back',
      ' yes: restart pipeline (asks for a reason)',
    ]) {
      expect(frame).toContain(text);
    }
    expect(screen.engine.of('start')).toEqual([]);
  });

  it('starts after y, a reason and Enter, with the revision that was shown', async () => {
    screen = await openScreen();
    await screen.press('R', 'enter', 'y', 'enter');
    expect(screen.frame()).toContain('a reason is needed');
    await screen.type('API is stuck');
    await screen.press('enter');
    expect(screen.engine.of('start')).toEqual([
      {
        act: 'pipeline.restart',
        target: refOf(hangs),
        params: {},
        revision: 'rev-api_unreachable',
        confirmedBy: 'yes',
        reason: 'API is stuck',
      },
    ]);
    expect(mode().type).toBe('browse');
    expect(screen.frame()).toContain('restart pipeline: started');
  });

  it('takes Enter on the highlighted no, n, q and Esc as no', async () => {
    screen = await openScreen();
    for (const key of ['enter', 'n', 'q', 'escape', 'ctrl-c']) {
      await screen.press('R', 'enter', key);
      expect(mode().type).toBe('browse');
    }
    await screen.press('R', 'enter', 'y', 'escape');
    expect(mode().type).toBe('browse');
    expect(screen.engine.of('start')).toEqual([]);
  });

  it('is not confirmed by a burst, a paste, or a letter after an escape', async () => {
    screen = await openScreen();
    await screen.press('R', 'enter');
    await screen.event(keyPress('y', { typed: 'burst' }));
    await screen.event(keyPress('enter', { typed: 'burst' }));
    await screen.event({ type: 'paste', text: 'y\n' });
    await screen.event(keyPress('y', { sinceEscapeMs: 100 }));
    expect(mode()).toMatchObject({ type: 'dialog', stage: 'choose' });
    await screen.press('y');
    await screen.event({ type: 'paste', text: 'stuck\nbadly\n' });
    await screen.event(keyPress('enter', { typed: 'burst' }));
    expect(screen.engine.of('start')).toEqual([]);
    expect(mode()).toMatchObject({ stage: 'reason', reason: 'stuck badly ' });
    await screen.press('enter');
    expect(screen.engine.of('start')).toHaveLength(1);
  });

  it('asks for the code of a destructive act, typed by hand', async () => {
    const engine = new FakeEngine();
    engine.preview = (act, target, params) => ({
      ...previewOf(act, target, params),
      confirmation: 'code',
      code: 'WXYZ',
    });
    screen = await openScreen({ engine });
    await screen.press('R', 'enter', 'y');
    await screen.event({ type: 'paste', text: 'WXYZ' });
    for (const letter of 'WXYZ') await screen.event(keyPress(letter, { typed: 'burst' }));
    expect(mode()).toMatchObject({ stage: 'code', code: '' });
    await screen.type('WXYA');
    await screen.press('enter');
    expect(engine.of('start')).toEqual([]);
    expect(screen.frame()).toContain('that is not WXYZ');
    await screen.type('WXYZ');
    await screen.press('enter');
    expect(engine.of('start')).toMatchObject([{ confirmedBy: 'code', code: 'WXYZ' }]);
  });

  it('shows a refusal of the engine and offers no yes any more', async () => {
    const engine = new FakeEngine();
    engine.startAnswer = { refused: 'the revision changed: somebody restarted it at 03:14:02' };
    screen = await openScreen({ engine });
    await screen.press('R', 'enter', 'y');
    await screen.type('x');
    await screen.press('enter');
    expect(screen.frame()).toContain('Refused: the revision changed');
    expect(screen.frame()).not.toContain('yes: restart pipeline');
    await screen.press('y');
    expect(engine.of('start')).toHaveLength(1);
  });

  it('says that a failed call may have started something', async () => {
    const engine = new FakeEngine();
    engine.failing = { start: 'the engine ended' };
    screen = await openScreen({ engine });
    await screen.press('R', 'enter', 'y');
    await screen.type('x');
    await screen.press('enter');
    expect(screen.frame()).toContain('it may have been started');
  });

  it('does not open a dialog on someone who left while it was asked for', async () => {
    const engine = new FakeEngine();
    screen = await openScreen({ engine });
    await screen.press('R');
    let release = (): void => {};
    const call = engine.call.bind(engine);
    engine.call = (name, request) =>
      name === 'preview'
        ? new Promise((resolve) => {
            release = () => resolve(call(name, request));
          })
        : call(name, request);
    await screen.press('enter', 'escape');
    release();
    await screen.wait(200);
    expect(mode().type).toBe('browse');
  });

  it('runs an act that only reads at once and shows its answer', async () => {
    const engine = new FakeEngine();
    engine.startAnswer = {
      read: { ok: true, summary: 'three files', sections: [{ title: 'run.json', text: '{"a":1}' }] },
    };
    screen = await openScreen({ engine });
    await screen.press('A');
    await screen.type('j');
    await screen.press('enter');
    expect(engine.of('start')).toMatchObject([{ act: 'run.inspect', confirmedBy: 'none' }]);
    expect(screen.frame()).toContain('three files');
    expect(screen.frame()).toContain('{"a":1}');
  });
});

describe('an act that needs to know something', () => {
  it('asks for each parameter in turn, then shows what it would run', async () => {
    const engine = new FakeEngine();
    engine.offersByType = {
      issue: [
        {
          act: 'goal.submit',
          title: 'submit goal',
          menu: 'other',
          risk: 'reversible',
          does: 'puts a job into the queue',
          params: [
            { name: 'goal', title: 'goal', form: 'lines', required: true },
            { name: 'size', title: 'size', form: 'choice', required: true, choices: ['small', 'large'] },
          ],
        },
      ],
    };
    screen = await openScreen({ engine });
    await screen.press('A', 'enter', 'enter');
    expect(screen.frame()).toContain('goal: write something, or Esc');
    await screen.event({ type: 'paste', text: 'renew\ncertificates' });
    await screen.press('enter');
    await screen.type('huge');
    await screen.press('enter');
    expect(screen.frame()).toContain('size: one of small, large');
    await screen.press('ctrl-u');
    await screen.type('small');
    await screen.press('enter');
    expect(engine.of('preview')).toMatchObject([{ params: { goal: 'renew\ncertificates', size: 'small' } }]);
    await screen.press('y');
    expect(engine.of('start')).toMatchObject([{ confirmedBy: 'yes', params: { size: 'small' } }]);
  });
});

describe('the steps of a condition', () => {
  it('are done with Enter where a step is an act, through the same dialog', async () => {
    screen = await openScreen();
    await screen.press('b', 'enter');
    expect(mode()).toMatchObject({ type: 'dialog', preview: { act: 'pipeline.restart' } });
    await screen.press('escape', 'j', 'enter');
    expect(screen.frame()).toContain('checked off by what is seen');
  });

  it('are off where none are written', async () => {
    screen = await openScreen();
    await screen.press('j', 'j', 'b');
    expect(screen.frame()).toContain('no steps are written for this condition');
  });
});

describe('acts under way', () => {
  const running = {
    ...doneAct,
    order: 'o-7',
    status: 'running' as const,
    title: 'restart pipeline',
    startedAt: storyNow,
    stages: [
      {
        stage: 'accepted' as const,
        title: 'request file is taken',
        state: 'seen' as const,
        seenAt: storyNow,
        deadline: addMs(storyNow, 60_000),
        required: true,
      },
      {
        stage: 'done' as const,
        title: 'health answers 200',
        state: 'waiting' as const,
        deadline: addMs(storyNow, 60_000),
        required: true,
      },
    ],
  };
  const { endedAt: _ended, ...open } = running;

  it('show their stages and their output', async () => {
    screen = await openScreen({ engine: new FakeEngine(storySnapshot({ acts: [open, doneAct] })) });
    expect(screen.frame()).toContain('running 1/2');
    await screen.press('7', 'enter');
    expect(screen.frame()).toContain('line one of its output');
    expect(screen.frame()).toContain('done awaited until 03:15:07 (59s left): health answers 200');
    await screen.wait(10_000);
    expect(screen.frame()).toContain('done awaited until 03:15:07 (49s left): health answers 200');
  });

  it('say what they wait behind before they begin', async () => {
    const waiting = {
      ...open,
      queued: true as const,
      stages: [],
      summary: 'queued behind run.resume on TIDE-3 (order o-6)',
    };
    screen = await openScreen({ engine: new FakeEngine(storySnapshot({ acts: [waiting] })), columns: 160 });
    expect(screen.frame()).toMatch(/bob approve 1a2b renew certificates: queued/);
    await screen.press('7', 'z');
    expect(screen.frame()).toContain('queued behind run.resume on TIDE-3 (order o-6)');
    await screen.press('enter');
    expect(screen.frame()).toContain('outcome   queued behind run.resume on TIDE-3 (order o-6)');
    await screen.press('C', 'C');
    expect(screen.engine.of('cancel')).toEqual([{ order: 'o-7' }]);
  });

  it('that were not seen lead to the steps that help, and to a second try with the first result in view', async () => {
    const unseen = {
      ...doneAct,
      status: 'not-seen' as const,
      act: 'pipeline.restart',
      title: 'restart pipeline',
      target: refOf(hangs),
      playbook: { id: 'restart-swallowed', title: 'Restart swallowed' },
    };
    const engine = new FakeEngine(storySnapshot({ acts: [unseen] }));
    screen = await openScreen({ engine });
    expect(screen.frame()).toContain('NOT SEEN (b)');
    await screen.press('7', 'enter');
    expect(screen.frame()).toContain('next      b: the steps "Restart swallowed"   r: try it again');
    expect(screen.rows().at(-1)).toContain('b steps  r try again');
    engine.preview = (act, target, params) => ({
      ...previewOf(act, target, params),
      attempt: 2,
      earlier: 'not-seen by bob: nothing took the request',
    });
    await screen.press('r');
    expect(mode()).toMatchObject({ type: 'dialog', preview: { act: 'pipeline.restart', attempt: 2 } });
    expect(screen.frame()).toContain('before    not-seen by bob: nothing took the request');
    await screen.press('escape', '7', 'enter', 'b');
    await screen.wait(400);
    expect(screen.snapshot().desk).toMatchObject({ focus: 'steps', mode: { type: 'browse' } });
    // Not those of the item, but those that were named for the act.
    expect(engine.of('playbook').at(-1)).toEqual({ target: refOf(hangs), playbook: 'restart-swallowed' });
  });

  it('of unknown outcome ask for a word first, and are not tried again before', async () => {
    const lost = { ...doneAct, status: 'unknown' as const };
    screen = await openScreen({ engine: new FakeEngine(storySnapshot({ acts: [lost] })) });
    expect(screen.frame()).toContain('UNKNOWN (s)');
    await screen.press('7', 'enter', 'r');
    expect(screen.rows().at(-1)).toContain('its outcome is unknown: settle it first (s)');
    await screen.press('s');
    await screen.type('it ran, seen in the log');
    await screen.press('enter');
    expect(screen.engine.of('settleAct')).toEqual([{ order: 'o-1', note: 'it ran, seen in the log' }]);
  });

  it('are followed while their program writes: the end stays in view until one scrolls up, and again after G', async () => {
    const engine = new FakeEngine(storySnapshot({ acts: [open, doneAct] }));
    let lines = 100;
    engine.output = () => Array.from({ length: lines }, (_line, index) => `line ${index + 1}`).join('\n');
    const writes = async (): Promise<void> => {
      lines += 100;
      engine.say({ now: screen.cockpit.now(), acts: [{ ...open, outputTail: `line ${lines}` }, doneAct] });
      await screen.wait(200);
    };
    screen = await openScreen({ engine });
    await screen.press('7', 'enter');
    expect(screen.frame()).toContain(' line 100');
    await writes();
    expect(screen.frame()).toContain(' line 200');
    expect(screen.frame()).toContain('follows');
    await screen.press('k');
    expect(screen.frame()).not.toContain(' line 200');
    expect(screen.frame()).toContain(' line 199');
    await writes();
    expect(screen.frame()).toContain(' line 199');
    expect(screen.frame()).not.toContain(' line 201');
    expect(screen.frame()).toContain('still (G follows)');
    // The stages stay in view however far one reads.
    await screen.press('g');
    expect(screen.frame()).toContain('done awaited until');
    expect(screen.frame()).toContain('act        approve, attempt 1');
    await screen.press('G');
    await writes();
    expect(screen.frame()).toContain(' line 400');
  });

  it('of another cockpit and taken over read the same: what is known comes from the record', async () => {
    const engine = new FakeEngine(storySnapshot({ acts: [open, doneAct] }));
    screen = await openScreen({ engine });
    await screen.press('7', 'enter');
    expect(screen.frame()).toContain('by         bob');
    engine.say({
      now: storyNow,
      acts: [{ ...open, status: 'unknown', summary: 'its runner is gone' }, doneAct],
    });
    await screen.wait(200);
    expect(screen.frame()).toContain('outcome unknown: settle it');
    expect(screen.frame()).toContain('its runner is gone');
    expect(screen.rows().at(-1)).toContain('s settle');
    expect(screen.rows().at(-1)).not.toContain('end it');
  });

  it('are ended from their page with C, only when asked twice', async () => {
    screen = await openScreen({ engine: new FakeEngine(storySnapshot({ acts: [open, doneAct] })) });
    await screen.press('7', 'enter', 'C');
    expect(screen.engine.of('cancel')).toEqual([]);
    expect(screen.rows().at(-1)).toContain('once more ends its program midway: restart pipeline');
    await screen.wait(4000);
    await screen.press('C');
    expect(screen.engine.of('cancel')).toEqual([]);
    await screen.press('C');
    expect(screen.engine.of('cancel')).toEqual([{ order: 'o-7' }]);
  });

  it('are ended with X only while they run', async () => {
    screen = await openScreen({ engine: new FakeEngine(storySnapshot({ acts: [open, doneAct] })) });
    await screen.press('7', 'X', 'X');
    expect(screen.engine.of('cancel')).toEqual([{ order: 'o-7' }]);
    await screen.press('j', 'X');
    expect(screen.engine.of('cancel')).toHaveLength(1);
    expect(screen.frame()).toContain('no act is running under the cursor');
  });

  it('with an unknown outcome are settled by a person, in words', async () => {
    screen = await openScreen({
      engine: new FakeEngine(storySnapshot({ acts: [{ ...open, status: 'unknown' }] })),
    });
    await screen.press('7');
    expect(screen.frame()).toContain('1 unknown');
    await screen.press('s');
    await screen.type('it worked');
    await screen.press('enter');
    expect(screen.engine.of('settleAct')).toEqual([{ order: 'o-7', note: 'it worked' }]);
  });

  it('undo says why there is none', async () => {
    screen = await openScreen();
    screen.engine.undoAnswer = { order: 'o-1', title: 'approve job', why: 'what runs goes on' };
    await screen.press('u');
    expect(screen.engine.of('undo')).toEqual([{}]);
    expect(screen.frame()).toContain('no undo: what runs goes on (approve job)');
  });

  it('undo shows what would run, and the yes names the order it undoes', async () => {
    const engine = new FakeEngine(storySnapshot({ acts: [{ ...open, status: 'verified' }] }));
    screen = await openScreen({ engine });
    const [offer] = engine.offersByType['issue'] ?? [];
    engine.undoAnswer = {
      order: 'o-7',
      title: 'x',
      ...(offer ? { offer } : {}),
      target: open.target,
      targetTitle: 't',
    };
    const preview = engine.preview;
    engine.preview = (...given) => ({ ...preview(...given), occasion: { undoes: 'o-7' } });
    await screen.press('7');
    await screen.press('u');
    expect(engine.of('undo')).toEqual([{ order: 'o-7' }]);
    expect(engine.of('preview').at(-1)).toMatchObject({ act: offer?.act, occasion: { undoes: 'o-7' } });
    await screen.press('y');
    await screen.type('taken back');
    await screen.press('enter');
    expect(engine.of('start').at(-1)).toMatchObject({ occasion: { undoes: 'o-7' }, reason: 'taken back' });
  });
});

describe('what is said at the foot', () => {
  it('is cut where it is longer than the row, and never left out', async () => {
    const engine = new FakeEngine(storySnapshot({ acts: [doneAct] }));
    engine.undoAnswer = { order: 'o-7', title: 'approve job', why: `${'long '.repeat(40)}reason` };
    screen = await openScreen({ engine, columns: 80 });
    await screen.press('u');
    expect(screen.rows().at(-1)).toMatch(/no undo: long long long .*\.\.$/);
  });
});

describe('the palette', () => {
  it('has a page first that is typed by its name', async () => {
    screen = await openScreen();
    for (const name of ['sources', 'notices', 'timeline', 'handover'])
      expect(screen.dispatcher.paletteRows(name)[0]?.run).toMatchObject({
        command: expect.stringMatching(new RegExp(`^${name}\\.`)),
      });
  });

  it('finds commands by letters, shows key, command line and why not now', async () => {
    screen = await openScreen();
    await screen.press(':');
    await screen.type('follow');
    expect(screen.frame()).toContain('binnacle logs --follow');
    await screen.press('ctrl-u');
    await screen.type('roll back');
    expect(screen.frame()).toContain(' not now: nothing of that kind applies to this issue');
    await screen.press('enter');
    expect(mode().type).toBe('palette');
    expect(offers['issue']).toHaveLength(3);
  });

  it('offers the acts of the selected item with their command line, and goes through the dialog', async () => {
    screen = await openScreen();
    await screen.press(':');
    await screen.type('restart pip');
    expect(screen.frame()).toContain('binnacle act pipeline.restart coherence/api_unreachable');
    await screen.press('enter');
    expect(mode().type).toBe('dialog');
  });

  it('is not run by a burst', async () => {
    screen = await openScreen();
    for (const name of [':', 'q', 'enter']) await screen.event(keyPress(name, { typed: 'burst' }));
    expect(screen.host.quits).toEqual([]);
    expect(mode()).toMatchObject({ type: 'palette', text: 'q' });
  });
});

describe('help', () => {
  it('lists the keys of this place with the reason when one is off, and is searchable', async () => {
    screen = await openScreen();
    await screen.press('?');
    expect(screen.frame()).toContain('replay ...  [not now: nothing of that kind applies');
    await screen.press('/');
    await screen.type('bookmark');
    expect(screen.frame()).not.toContain('replay');
    await screen.press('ctrl-u');
    await screen.type('remember');
    await screen.press('enter');
    expect(screen.frame()).toContain('remember this line');
    await screen.press('escape');
    expect(mode().type).toBe('browse');
  });
});

describe('a key that means nothing here', () => {
  it('says so, and does nothing', async () => {
    screen = await openScreen();
    await screen.press('%');
    expect(screen.frame()).toContain('%: no key of this place');
    await screen.event(keyPress('alt-j'));
    expect(screen.engine.of('start')).toEqual([]);
  });

  it('takes a key pasted outside a text for nothing', async () => {
    screen = await openScreen();
    await screen.event({ type: 'paste', text: 'RyQ' });
    expect(mode().type).toBe('browse');
    expect(screen.frame()).toContain('a paste does nothing here');
  });
});

describe('results nobody saw', () => {
  const news = { ...doneAct, order: 'o-old', title: 'restart', unseen: true } as const;

  it('come first, are counted, and are seen once they stood there while somebody was at the keys', async () => {
    const acts = [{ ...doneAct, order: 'o-new', startedAt: addMs(storyNow, -1000) }, news];
    const engine = new FakeEngine(storySnapshot({ acts }));
    screen = await openScreen({ engine });
    expect(screen.frame()).toContain('0 running, 1 new');
    expect(screen.rows()[1]).toContain('*1 new result (7)');
    const first = screen.rows().findIndex((row) => row.includes('7 Acts'));
    expect(screen.rows()[first + 1]).toMatch(/\|\s*\d\d:\d\d\*/);
    await screen.wait(60_000);
    expect(engine.of('saw')).toEqual([]);
    await screen.press('j', 'k');
    expect(engine.of('saw')).toEqual([{ orders: ['o-old'] }]);
  });

  it('are not seen where they have no place on the screen, nor by the key that brought them', async () => {
    const engine = new FakeEngine(storySnapshot({ acts: [news] }));
    screen = await openScreen({ engine, columns: 80, rows: 24 });
    await screen.wait(5000);
    await screen.press('j', '7');
    expect(screen.rows()[1]).toContain('*1 new result (7)');
    expect(engine.of('saw')).toEqual([]);
    await screen.wait(2000);
    await screen.press('escape');
    expect(engine.of('saw')).toEqual([{ orders: ['o-old'] }]);
  });
});

describe('results nobody saw on a small screen', () => {
  it('are told in the first row, to the least of sizes', async () => {
    const acts = [{ ...doneAct, order: 'o-old', unseen: true as const }];
    for (const [columns, rows] of [
      [60, 15],
      [40, 10],
      [30, 3],
    ] as const) {
      screen = await openScreen({ engine: new FakeEngine(storySnapshot({ acts })), columns, rows });
      expect(screen.rows()[0]).toMatch(/\*1( new)?( result)? \(7\)/);
      if (rows > 3) screen.close();
    }
  });
});

describe('keys', () => {
  it('tell the engine that somebody is awake, now and then', async () => {
    screen = await openScreen();
    await screen.press('j', 'k', 'j');
    expect(screen.engine.of('awake')).toHaveLength(1);
    await screen.wait(21_000);
    expect(screen.engine.of('awake')).toHaveLength(1);
    await screen.press('j', 'k');
    expect(screen.engine.of('awake')).toHaveLength(2);
  });
});

describe('a page that is longer than the screen', () => {
  it('stops at its end: the next key back moves it', async () => {
    screen = await openScreen({ columns: 80, rows: 24 });
    await screen.press('?', 'G', 'j', 'j', 'pagedown');
    const end = screen.frame();
    await screen.press('k');
    expect(screen.frame()).not.toBe(end);
    await screen.press('j');
    expect(screen.frame().split('\n').slice(2)).toEqual(end.split('\n').slice(2));
  });
});

describe('the page of an act under way', () => {
  it('follows its stages and its output', async () => {
    const running = {
      ...doneAct,
      status: 'running',
      stages: doneAct.stages.map((stage) => ({ ...stage, state: 'waiting' }) as const),
    } as const;
    const { endedAt: _ended, ...open } = running;
    const engine = new FakeEngine(storySnapshot({ acts: [open] }));
    screen = await openScreen({ engine });
    await screen.press('7', 'enter');
    expect(screen.frame()).toContain('awaited until');
    expect(screen.frame()).toContain('line one of its output');
    expect(engine.of('output')).toHaveLength(1);
    expect(screen.rows().at(-1)).toContain('X end it');
    engine.say({
      now: addMs(storyNow, 2000),
      acts: [
        {
          ...doneAct,
          status: 'not-seen',
          stages: doneAct.stages.map(
            (stage) => ({ ...stage, state: 'contradicted', detail: 'the card went back to ready' }) as const,
          ),
        },
      ],
    });
    await screen.wait(200);
    expect(screen.frame()).toContain('CONTRADICTED: ');
    expect(screen.frame()).toContain('the card went back to ready');
    expect(engine.of('output')).toHaveLength(2);
    expect(screen.rows().at(-1)).not.toContain('X end it');
  });
});
