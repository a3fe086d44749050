import { afterEach, describe, expect, it } from 'vitest';
import type { Approval } from '../../src/domain/entity.ts';
import { refOf } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import { FakeEngine } from '../views/fake-engine.ts';
import { offers, plan, previewOf, question, storyNow, storySnapshot } from '../views/sample-state.ts';
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
    expect(rows[first - 1]).toContain('until 03:44:07 (25m left); if nobody answers: counts as denied');
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
    const engine = await openCard({ ...short, answerable: false, reason: 'it is asked at pts/9' });
    expect(screen.frame()).toContain('WATCH ONLY: it is asked at pts/9');
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
    await screen.press('y', 'enter');
    expect(engine.of('start')).toMatchObject([{ act: 'job.deny', params: { reason: 'wrong order' } }]);
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
