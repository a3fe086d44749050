import { afterEach, describe, expect, it } from 'vitest';
import type { Approval } from '../../src/domain/entity.ts';
import { refOf } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import { resized } from '../../src/store/desk.ts';
import { FakeEngine } from '../views/fake-engine.ts';
import {
  at,
  doneAct,
  offers,
  plan,
  previewOf,
  question,
  storyNow,
  storyRows,
  storySnapshot,
} from '../views/sample-state.ts';
import { keyPress, openScreen, type TestScreen } from '../views/screen.tsx';

let screen: TestScreen;
afterEach(() => screen.close());

const mode = () => screen.snapshot().desk.mode;

/** A screen whose only item is this approval, with its card open. */
async function openCard(approval: Approval, engine = engineWith(approval), rows = 30): Promise<FakeEngine> {
  screen = await openScreen({ engine, columns: 100, rows });
  await screen.press('a');
  return engine;
}

function engineWith(approval: Approval): FakeEngine {
  const engine = new FakeEngine(storySnapshot({ upserts: [approval] }));
  const all = offers['approval'] ?? [];
  const mine = all.filter((offer) => approval.decisions.includes(offer.act));
  engine.offersByType = { approval: mine };
  engine.preview = (act, target, params) => ({ ...previewOf(act, target, params), confirmation: 'yes' });
  return engine;
}

const short: Approval = { ...plan, payload: { form: 'plan', text: 'one step only' } };

describe('the card of an approval', () => {
  it('says first what the program does otherwise, then what, until when and what happens if nobody answers', async () => {
    await openCard(plan);
    const rows = screen.rows();
    const title = rows.findIndex((row) => row.includes('REVIEW plan of job 1a2b'));
    expect(rows[title]).toContain('lines 1-');
    expect(rows[title]).toContain('of 40: PgDn reads on');
    expect(rows[title + 1]).toContain('Note: approving plans again');
    expect(rows[title + 2]).toContain('for 1a2b, risk high, asked 02:40:00');
    // The deadline stands right above the decisions, however far one reads.
    const first = rows.findIndex((row) => row.includes('1 y      approve the plan'));
    expect(rows[first - 1]).toContain('until 03:44:07 (25m left), then: counts as denied');
    expect(screen.frame()).toContain('1. step number 1 of the plan');
  });

  it('does not approve before the end of the payload was on the screen', async () => {
    const engine = await openCard(plan);
    expect(screen.frame()).toContain('[not now: read to the end first (PgDn)]');
    await screen.press('y');
    expect(engine.of('preview')).toEqual([]);
    await screen.press('G');
    expect(screen.frame()).toContain('40. step number 40 of the plan');
    expect(screen.frame()).not.toContain('read to the end first (PgDn)]');
    await screen.press('y');
    expect(mode()).toMatchObject({ type: 'approval', stage: 'reason' });
    expect(screen.frame()).toContain('runs      /usr/bin/python3 scripts/request.py --target=1a2b');
    await screen.type('fine');
    await screen.press('enter');
    expect(engine.of('start')).toEqual([
      {
        act: 'job.approve',
        target: refOf(plan),
        params: {},
        revision: 'rev-1a2b',
        payloadDigest: 'plan-digest',
        confirmedBy: 'card',
        reason: 'fine',
      },
    ]);
    expect(mode().type).toBe('browse');
  });

  it('keeps the yes once the end was seen, wherever one scrolls', async () => {
    await openCard(plan);
    await screen.press('pagedown', 'G', 'g');
    expect(screen.frame()).not.toContain('read to the end first (PgDn)]');
  });

  it('approves a short one at once, with an empty reason, but never by Enter alone', async () => {
    const engine = await openCard(short);
    await screen.press('enter');
    expect(engine.of('preview')).toEqual([]);
    await screen.press('y', 'enter');
    expect(engine.of('start')).toMatchObject([{ act: 'job.approve', confirmedBy: 'card' }]);
    expect(engine.of('start')[0]).not.toHaveProperty('reason');
  });

  it('has no yes without a payload, and says so', async () => {
    const { payload: _none, payloadDigest: _digest, ...bare } = plan;
    const engine = await openCard(bare);
    expect(screen.frame()).toContain('NO PAYLOAD: what would be approved is not known');
    await screen.press('y', '1', 'enter');
    expect(engine.of('preview')).toEqual([]);
    await screen.press('D');
    expect(screen.frame()).toContain('deny. why:');
  });

  it('treats a payload of blanks as none', async () => {
    const engine = await openCard({ ...plan, payload: { form: 'plan', text: ' \n ' } });
    await screen.press('G', 'y');
    expect(engine.of('preview')).toEqual([]);
  });

  it('only watches what cannot be answered from here', async () => {
    const engine = await openCard({
      ...short,
      answerable: false,
      reason: 'it is asked at pts/9',
      cautions: ['it is asked at pts/9'],
      requestedAt: addMs(storyNow, -23 * 3_600_000),
    });
    expect(screen.frame()).toMatch(/asked \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
    expect(screen.frame()).toContain('WATCH ONLY: it is asked at pts/9');
    expect(screen.frame()).not.toContain('Note: it is asked at pts/9');
    await screen.press('y', 'D');
    expect(engine.of('preview')).toEqual([]);
    await screen.press('escape');
    expect(screen.rows()[3]).toMatch(/ a-\|/);
  });

  it('keeps the other ways out open where there is nothing to decide', async () => {
    const { payload: _payload, payloadDigest: _digest, ...rest } = short;
    const empty = {
      ...rest,
      answerable: false,
      reason: 'there is no plan to approve',
      decisions: ['job.retry', 'job.cancel'],
    };
    const engine = new FakeEngine(storySnapshot({ upserts: [empty] }));
    const way = { risk: 'costly', params: [], does: 'asks the planner again' } as const;
    engine.offersByType = {
      approval: [
        ...(offers['approval'] ?? []),
        { ...way, act: 'job.retry', title: 'submit the goal again', menu: 'replay' },
        { ...way, act: 'job.cancel', title: 'cancel', menu: 'cancel', disabled: 'it is cancelled already' },
      ],
    };
    screen = await openScreen({ engine, rows: 60 });
    // The key of its row is no dead one: the card has ways out.
    expect(screen.rows()[3]).toMatch(/ a\|/);
    await screen.press('a');
    expect(screen.frame()).toContain('NOT TO BE DECIDED: there is no plan to approve');
    await screen.press('y', 'D');
    expect(engine.of('preview')).toEqual([]);
    await screen.press('2');
    expect(engine.of('preview')).toEqual([]);
    expect(screen.rows().at(-1)).toContain('cancel: it is cancelled already');
    await screen.press('1');
    expect(engine.of('preview')).toEqual([{ act: 'job.retry', target: refOf(short), params: {} }]);
    await screen.press('y', 'enter');
    expect(engine.of('start')).toMatchObject([{ act: 'job.retry' }]);
  });

  it('refuses when it was decided, or expired, while the card was open', async () => {
    const engine = await openCard(short);
    engine.say({ now: addMs(storyNow, 1000), upserts: [{ ...short, status: 'expired' }] });
    await screen.wait(200);
    expect(screen.frame()).toContain('EXPIRED: counts as denied');
    await screen.press('y');
    expect(engine.of('preview')).toEqual([]);
    engine.say({ now: addMs(storyNow, 2000), removed: [refOf(short)] });
    await screen.wait(200);
    expect(screen.frame()).toContain('GONE since 03:14:09: nothing waits here any more');
  });

  it('refuses when what is asked changed between the card and the last Enter', async () => {
    const engine = await openCard(short);
    await screen.press('y');
    engine.say({
      now: addMs(storyNow, 1000),
      upserts: [{ ...short, payload: { form: 'plan', text: 'another step' }, payloadDigest: 'other' }],
    });
    await screen.press('enter');
    expect(engine.of('start')).toEqual([]);
    expect(screen.frame()).toContain('Refused: what is asked changed since this card was opened');
    expect(screen.frame()).toContain('one step only');
  });

  it('is not decided by a burst, by a paste or after an escape', async () => {
    const engine = await openCard(short);
    await screen.event(keyPress('y', { typed: 'burst' }));
    await screen.event(keyPress('y', { sinceEscapeMs: 10 }));
    await screen.event({ type: 'paste', text: 'y\n' });
    expect(engine.of('preview')).toEqual([]);
    await screen.press('y');
    await screen.event(keyPress('enter', { typed: 'burst' }));
    expect(engine.of('start')).toEqual([]);
  });

  it('denies with a text, shown before it is sent', async () => {
    const engine = await openCard(plan);
    await screen.press('D', 'enter');
    expect(screen.frame()).toContain('why: write something, or Esc');
    await screen.type('wrong order');
    await screen.press('enter');
    expect(engine.of('preview')).toMatchObject([{ act: 'job.deny', params: { reason: 'wrong order' } }]);
    expect(mode()).toMatchObject({ stage: 'preview' });
    // The reason is offered for the ledger as well.
    await screen.press('y', 'enter');
    expect(engine.of('start')).toMatchObject([
      { act: 'job.deny', params: { reason: 'wrong order' }, reason: 'wrong order' },
    ]);
  });

  it('asks for a code where the policy wants one', async () => {
    const engine = engineWith(short);
    engine.preview = (act, target, params) => ({
      ...previewOf(act, target, params),
      confirmation: 'code',
      code: 'ABCD',
    });
    await openCard(short, engine);
    await screen.press('y', 'enter');
    await screen.type('ABCD');
    await screen.press('enter');
    expect(engine.of('start')).toMatchObject([{ confirmedBy: 'code', code: 'ABCD' }]);
  });

  it('goes back to the card with Esc from a text, and out of it with another', async () => {
    await openCard(plan);
    await screen.press('D');
    await screen.type('hm');
    await screen.press('escape');
    expect(mode()).toMatchObject({ type: 'approval', stage: 'card', text: '' });
    await screen.press('escape');
    expect(mode().type).toBe('browse');
  });

  it('lets the end count only on a screen that showed it', async () => {
    const engine = engineWith(plan);
    screen = await openScreen({ engine, columns: 40, rows: 5 });
    await screen.press('a');
    expect(mode()).toMatchObject({ endSeen: false });
    await screen.press('y');
    expect(engine.of('preview')).toEqual([]);
  });
});

describe('what stands on the card', () => {
  it('is the evidence and the log around the time it was asked at, below the payload', async () => {
    const asked: Approval = {
      ...short,
      trail: [{ source: 'jobs', query: 'jobs of 1a2b', text: 'awaiting_audit', at: at('02:40:00') }],
      logKeys: ['1a2b'],
    };
    const engine = engineWith(asked);
    const [row] = storyRows;
    if (!row) throw new Error('no row');
    engine.rows = ['02:39:58', '02:40:03'].map((clock, index) => ({
      ...row,
      seq: index + 1,
      system: asked.system,
      at: at(clock),
      sortAt: at(clock),
      origin: 'worker',
      keys: ['1a2b'],
      text: index === 0 ? 'planning 1a2b' : 'waits for a person',
    }));
    await openCard(asked, engine);
    const rows = screen.rows();
    const place = (text: string): number => rows.findIndex((line) => line.includes(text));
    const order = [
      '| one step only',
      '- evidence',
      'jobs of 1a2b  02:40:00 awaiting_audit',
      '- log around 02:40:00',
      '02:39:58  worker  planning 1a2b',
      '02:40:00  ---- asked ----',
      '02:40:03  worker  waits for a person',
      'until 03:44:07',
    ].map(place);
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('is the log of its system, and says so, where no line names it', async () => {
    const engine = engineWith({ ...short, logKeys: ['1a2b'] });
    engine.rows = storyRows.map((row) => ({ ...row, system: plan.system, sortAt: at('02:41:00') }));
    await openCard({ ...short, logKeys: ['1a2b'] }, engine);
    expect(screen.frame()).toContain('log of its system (no line names it) around 02:40:00');
    expect(engine.of('page').at(-1)?.query).toMatchObject({ since: at('02:35:00'), until: at('02:45:00') });
  });

  it('goes to the end of the payload with G, and then to the end of all', async () => {
    const engine = engineWith(plan);
    engine.rows = storyRows.map((row) => ({ ...row, system: plan.system, sortAt: at('02:41:00') }));
    screen = await openScreen({ engine, columns: 100, rows: 24 });
    await screen.press('a', 'G');
    expect(screen.frame()).toContain('40. step number 40 of the plan');
    expect(screen.frame()).not.toContain('Restart requested: api_unreachable');
    expect(mode()).toMatchObject({ endSeen: true });
    await screen.press('G');
    expect(screen.frame()).toContain('Restart requested: api_unreachable');
  });

  it('counts what is left by the second when it is little, and in the grain of its source where that is coarse', async () => {
    await openCard({ ...short, expiresAt: addMs(storyNow, 95_000) });
    expect(screen.frame()).toContain('(94s left)');
    await screen.wait(4000);
    expect(screen.frame()).toContain('(90s left)');
    screen.close();
    await openCard({ ...short, expiresAt: addMs(storyNow, 23 * 60_000), expiresGrainMs: 10 * 60_000 });
    expect(screen.frame()).toContain('until about 03:37 (about 20 min left), then: ');
  });
});

describe('the end of the payload', () => {
  const lastWord = 'LAST-WORD-OF-ALL';

  it('is that of the longest line too, read page by page without a gap', async () => {
    const words = Array.from({ length: 2500 }, (_, index) => `w${index}`);
    const text = `${words.join(' ')} ${lastWord}`;
    const engine = engineWith({ ...short, payload: { form: 'arguments', text } });
    screen = await openScreen({ engine, columns: 80, rows: 24 });
    await screen.press('a');
    let read = '';
    const take = (): void => {
      for (const row of screen.rows()) if (row.startsWith(' | ')) read += ` ${row.slice(3)}`;
    };
    take();
    for (let page = 0; page < 60 && !screen.frame().includes(lastWord); page += 1) {
      expect(mode()).toMatchObject({ endSeen: false });
      await screen.press('y');
      await screen.press('pagedown');
      take();
    }
    expect(engine.of('preview')).toEqual([]);
    const seen = new Set(read.split(' '));
    expect(words.filter((word) => !seen.has(word))).toEqual([]);
    expect(mode()).toMatchObject({ endSeen: true });
    await screen.press('y');
    expect(engine.of('preview')).toHaveLength(1);
  });

  it('is that of more lines than any page shows', async () => {
    const text = Array.from({ length: 6000 }, (_, index) => `line ${index + 1}`).join('\n');
    await openCard({ ...short, payload: { form: 'diff', text } });
    expect(screen.frame()).toContain('of 6000: PgDn reads on');
    await screen.press('G');
    expect(screen.frame()).toContain('| line 6000');
    expect(mode()).toMatchObject({ endSeen: true });
  });

  it('is whole on a terminal that shows nothing but ASCII, where characters take more room', async () => {
    const text = `${'ä'.repeat(60)}${lastWord}`;
    const engine = engineWith({ ...short, payload: { form: 'text', text } });
    screen = await openScreen({ engine, columns: 80, rows: 30, theme: { color: 'none', ascii: true } });
    await screen.press('a');
    const shown = screen
      .rows()
      .filter((row) => row.startsWith(' | '))
      .map((row) => row.slice(3))
      .join('');
    expect(shown).toBe(`${'\\xe4'.repeat(60)}${lastWord}`);
  });

  it('counts once a larger terminal shows it, and stays seen on a smaller one', async () => {
    const engine = engineWith(plan);
    screen = await openScreen({ engine, columns: 100, rows: 24 });
    await screen.press('a');
    expect(mode()).toMatchObject({ endSeen: false });
    screen.cockpit.update((desk) => resized(desk, 100, 80));
    await screen.wait(200);
    expect(mode()).toMatchObject({ endSeen: true });
    screen.cockpit.update((desk) => resized(desk, 60, 12));
    await screen.wait(200);
    await screen.press('y');
    expect(engine.of('preview')).toHaveLength(1);
  });

  it('is judged by the card and not by the pane that fills the screen below it', async () => {
    const engine = engineWith(plan);
    screen = await openScreen({ engine, columns: 100, rows: 24 });
    await screen.press('z', 'a');
    expect(mode()).toMatchObject({ endSeen: false });
    await screen.press('G');
    expect(screen.frame()).toContain('40. step number 40 of the plan');
    expect(mode()).toMatchObject({ endSeen: true });
  });
});

describe('a card of what somebody else decides', () => {
  const bob = {
    ...doneAct,
    act: 'job.approve',
    title: 'approve the plan',
    target: refOf(plan),
    startedAt: addMs(storyNow, 1000),
  };

  it('says who does, live, and its keys are dead from then on, in the middle of a reason too', async () => {
    const engine = await openCard(short);
    await screen.press('y');
    await screen.type('fine');
    const { endedAt: _notYet, ...underWay } = { ...bob, status: 'running' as const };
    engine.say({ now: addMs(storyNow, 1000), acts: [underWay] });
    await screen.wait(200);
    expect(screen.frame()).toContain('BEING DECIDED by bob 03:14:08 (approve the plan)');
    await screen.press('enter');
    expect(engine.of('start')).toEqual([]);
    expect(screen.frame()).toContain('Refused: being decided by bob 03:14:08 (approve the plan)');
    engine.say({
      now: addMs(storyNow, 3000),
      acts: [{ ...bob, endedAt: addMs(storyNow, 3000) }],
      upserts: [{ ...short, status: 'decided' }],
    });
    await screen.wait(200);
    expect(screen.frame()).toContain('DECIDED by bob 03:14:10 (approve the plan)');
    const before = engine.of('preview').length;
    await screen.press('y', 'D', '1', '2');
    expect(engine.of('preview')).toHaveLength(before);
  });

  it('can be decided again when that act had no effect', async () => {
    const engine = await openCard(short);
    const failed = { ...bob, status: 'not-seen' as const, endedAt: addMs(storyNow, 2000) };
    engine.say({ now: addMs(storyNow, 2000), acts: [failed] });
    await screen.wait(200);
    engine.preview = (act, target, params) => ({
      ...previewOf(act, target, params),
      confirmation: 'yes',
      attempt: 2,
      earlier: 'not-seen by bob: the card never left ready',
    });
    // What can be done was asked again: what is known of it moved.
    expect(engine.of('offers').filter(({ target }) => target.id === short.id).length).toBeGreaterThan(1);
    await screen.press('y');
    expect(screen.frame()).toContain('before    attempt 1: not-seen by bob: the card never left ready');
  });

  it('says what its source says of a decision that no cockpit made', async () => {
    const engine = await openCard(short);
    const said = { source: 'audit', at: at('03:14:05'), text: 'approved by carol' };
    engine.say({ now: addMs(storyNow, 1000), upserts: [{ ...short, status: 'decided', trail: [said] }] });
    await screen.wait(200);
    expect(screen.frame()).toContain('DECIDED elsewhere 03:14:05: approved by carol');
  });

  it('is not decided by an act on the same job that ended before it was asked', async () => {
    await openCard(short);
    expect(screen.frame()).not.toContain('ECIDED by');
  });

  it('is refused with the name and the time while another operator holds it, and free when they release it', async () => {
    const engine = await openCard(short);
    const hold = { key: 'openclaw/approval/1a2b', by: 'alice pts/4', until: addMs(storyNow, 90_000) };
    engine.say({ now: addMs(storyNow, 100), holds: [hold] });
    await screen.wait(200);
    expect(screen.frame()).toContain('[none of these now: held by alice pts/4 until 03:15:37]');
    await screen.press('y');
    expect(engine.of('preview')).toEqual([]);
    engine.say({ now: addMs(storyNow, 200), holds: [{ ...hold, ours: true }] });
    await screen.wait(200);
    await screen.press('y');
    expect(engine.of('preview')).toHaveLength(1);
  });
});

describe('what a decision would run', () => {
  const engineWithLong = (): FakeEngine => {
    const engine = engineWith(short);
    engine.preview = (act, target, params) => ({
      ...previewOf(act, target, params),
      confirmation: 'yes',
      commands: [`/usr/bin/python3 ${'a/very/long/path/'.repeat(20)}control.py approve --job=LAST-WORD`],
    });
    return engine;
  };

  it('is shown to its last word, however long it is', async () => {
    await openCard(short, engineWithLong());
    await screen.press('y');
    expect(screen.frame().replaceAll('\n', '')).toContain('LAST-WORD');
    expect(screen.frame()).toContain('Reason (may stay empty), kept in the ledger:');
  });

  it('is read on with PgDn on a small screen, the question in view', async () => {
    screen = await openScreen({ engine: engineWithLong(), columns: 60, rows: 14 });
    await screen.press('a', 'G', 'y');
    expect(screen.frame()).toMatch(/\d+ more lines: PgDn/);
    expect(screen.frame()).toContain('> _');
    let read = '';
    for (let page = 0; page < 20 && !read.includes('LAST-WORD'); page += 1) {
      await screen.press('pagedown');
      read += screen.frame().replaceAll(/\s*\n\s*/g, '');
      expect(screen.frame()).toContain('> _');
    }
    expect(read).toContain('LAST-WORD');
  });
});

describe('a question', () => {
  it('says of its answer what the notes do not say already', async () => {
    const engine = engineWith({ ...question, cautions: ['the runbook says 30 s, it takes 60'] });
    screen = await openScreen({ engine, columns: 100, rows: 40 });
    await screen.press('a', 'enter');
    await screen.type('2026');
    await screen.press('enter');
    expect(screen.frame()).toContain(' Note: the runbook says 30 s, it takes 60');
    expect(screen.frame()).toContain('what it runs');
    expect(screen.frame()).not.toContain('warning   the runbook says');
  });

  it('is answered in the card: Enter begins, lines come by paste, Enter previews, y and Enter send', async () => {
    const engine = await openCard(question);
    await screen.press('enter');
    await screen.type('2026,');
    await screen.event({ type: 'paste', text: '\nsee the mail of Monday' });
    expect(screen.frame()).toContain('> see the mail of Monday');
    await screen.press('!');
    expect(mode()).toMatchObject({ stage: 'text', text: '2026,\nsee the mail of Monday!' });
    await screen.press('enter');
    expect(engine.of('preview')).toMatchObject([{ act: 'task.answer' }]);
    await screen.press('y', 'enter');
    expect(engine.of('start')).toMatchObject([{ params: { answer: '2026,\nsee the mail of Monday!' } }]);
  });

  it('is given as it was written, and never cut: what is too long is said', async () => {
    const engine = await openCard(question);
    const text = 'Größe "L", it\'s 2026 🧭\n\n  $(x) `y` \\ ; -- "\n\ttab\n';
    await screen.press('enter');
    await screen.event({ type: 'paste', text });
    await screen.press('enter');
    expect(engine.of('preview')).toMatchObject([{ params: { answer: text } }]);
    await screen.press('escape', 'enter');
    await screen.event({ type: 'paste', text: 'x'.repeat(4001) });
    await screen.press('enter');
    expect(screen.rows().at(-1)).toContain('your answer: 4001 characters, at most 4000 are taken');
    expect(engine.of('preview')).toHaveLength(1);
    await screen.event({ type: 'paste', text: 'y'.repeat(20_000) });
    expect(screen.rows().at(-1)).toContain('longer than 20000 characters: nothing was added');
    expect(mode()).toMatchObject({ text: 'x'.repeat(4001) });
  });

  it('is written in an editor where there is one', async () => {
    const engine = engineWith(question);
    screen = await openScreen({ engine, host: { editText: async (text) => `${text}from the editor` } });
    await screen.press('a', 'enter');
    await screen.type('x ');
    await screen.press('ctrl-e');
    expect(mode()).toMatchObject({ text: 'x from the editor' });
  });

  it('says that there is no editor where there is none', async () => {
    await openCard(question);
    await screen.press('enter', 'ctrl-e');
    expect(screen.frame()).toContain('no $EDITOR is set');
  });
});
