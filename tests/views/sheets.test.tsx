import { afterEach, describe, expect, it } from 'vitest';
import type { ActEntry } from '../../src/domain/act.ts';
import type { Approval, Issue } from '../../src/domain/entity.ts';
import { refOf } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import { FakeEngine } from './fake-engine.ts';
import {
  at,
  doneAct,
  hangs,
  offers,
  plan,
  previewOf,
  storyNow,
  storyRows,
  storySnapshot,
} from './sample-state.ts';
import { openScreen, type TestScreen } from './screen.tsx';

let screen: TestScreen;
afterEach(() => screen.close());

/** The sheet and the row of keys below it. */
const sheet = (): string => screen.rows().slice(2).join('\n');

const diff: Approval = {
  ...plan,
  payload: { form: 'diff', text: '--- a/tide.cfg\n+++ b/tide.cfg\n-port = 8000\n+port = 8001' },
  expiresAt: addMs(storyNow, 23 * 60_000),
  expiresGrainMs: 10 * 60_000,
  trail: [{ source: 'jobs', query: 'jobs of 1a2b', text: 'awaiting_audit', at: at('02:40:00') }],
};

async function openCard(approval: Approval): Promise<FakeEngine> {
  const engine = new FakeEngine(storySnapshot({ upserts: [approval] }));
  const mine = (offers['approval'] ?? []).filter((offer) => approval.decisions.includes(offer.act));
  engine.offersByType = { approval: mine };
  engine.rows = storyRows.slice(0, 2).map((row, index) => ({
    ...row,
    system: plan.system,
    sortAt: at(index === 0 ? '02:39:40' : '02:40:20'),
  }));
  screen = await openScreen({ engine, columns: 90, rows: 28 });
  await screen.press('a');
  return engine;
}

describe('the card of an approval, drawn', () => {
  it('from what the program does otherwise to the decisions', async () => {
    await openCard(diff);
    expect(sheet()).toMatchInlineSnapshot(`
      "=REVIEW plan of job 1a2b: renew certificates ================== lines 1-4 of 4, to the end
       Note: approving plans again: the plan that runs need not be this one
       for 1a2b, risk high, asked 02:40:00
      - diff, 4 lines --------------------------------------------------------------------------
       | --- a/tide.cfg
       | +++ b/tide.cfg
       | -port = 8000
       | +port = 8001
      - evidence -------------------------------------------------------------------------------
       db    jobs of 1a2b  02:40:00 awaiting_audit
       src   test
      - log of its system (no line names it) around 02:40:00 -----------------------------------
        02:39:40  orket  turn TIDE-3/6 started by coder
       02:40:00  ---- asked ----
        02:40:20  monitor  API unreachable: timed out





      ------------------------------------------------------------------------------------------
       until about 03:37 (about 20 min left), then: counts as denied
       1 y      approve the plan: the worker plans again and runs
       2 D      deny: the job ends
       Esc      no, back
       PgDn read on  Esc no, back"
    `);
  });

  it('with what the decision would run above what it is about', async () => {
    await openCard(diff);
    await screen.press('y');
    expect(sheet()).toMatchInlineSnapshot(`
      "=REVIEW plan of job 1a2b: renew certificates ================== lines 1-4 of 4, to the end
       Note: approving plans again: the plan that runs need not be this one
      - approve the plan: what it runs ---------------------------------------------------------
       warning   the runbook says 30 s, it takes 60
       leaves    task_864e65b18d8b704c stays with w7
       where     /srv/openclaw
       runs      /usr/bin/python3 scripts/request.py --target=1a2b
       expects   request file is taken
       expects   health answers 200
       undo      none: a restart cannot be taken back
       for 1a2b, risk high, asked 02:40:00
      - diff, 4 lines --------------------------------------------------------------------------
       | --- a/tide.cfg
       | +++ b/tide.cfg
       | -port = 8000
       | +port = 8001
      - evidence -------------------------------------------------------------------------------
       db    jobs of 1a2b  02:40:00 awaiting_audit
       src   test
      - log of its system (no line names it) around 02:40:00 -----------------------------------
       3 more lines: PgDn ----------------------------------------------------------------------
       until about 03:37 (about 20 min left), then: counts as denied
       yes: approve the plan. Reason (may stay empty), kept in the ledger:
       > _
       Enter does it, Esc does not
       Enter take  Esc no  Ctrl-u erase  Ctrl-e editor"
    `);
  });

  it('of what another operator decides', async () => {
    const engine = await openCard(diff);
    const { endedAt: _notYet, ...act } = { ...doneAct, act: 'job.approve', target: refOf(plan) };
    engine.say({ now: storyNow, acts: [{ ...act, status: 'running', startedAt: storyNow }] });
    await screen.wait(200);
    expect(sheet()).toMatchInlineSnapshot(`
      "=REVIEW plan of job 1a2b: renew certificates ================== lines 1-4 of 4, to the end
       BEING DECIDED by bob 03:14:07 (approve job)
       Note: approving plans again: the plan that runs need not be this one
       for 1a2b, risk high, asked 02:40:00
      - diff, 4 lines --------------------------------------------------------------------------
       | --- a/tide.cfg
       | +++ b/tide.cfg
       | -port = 8000
       | +port = 8001
      - evidence -------------------------------------------------------------------------------
       db    jobs of 1a2b  02:40:00 awaiting_audit
       src   test
      - log of its system (no line names it) around 02:40:00 -----------------------------------
        02:39:40  orket  turn TIDE-3/6 started by coder
       02:40:00  ---- asked ----
        02:40:20  monitor  API unreachable: timed out



      ------------------------------------------------------------------------------------------
       until about 03:37 (about 20 min left), then: counts as denied
       1 y      approve the plan: the worker plans again and runs
       2 D      deny: the job ends
                [none of these now: being decided by bob 03:14:07 (approve job)]
       Esc      no, back
       PgDn read on  Esc no, back"
    `);
  });
});

describe('marked rows, drawn', () => {
  const issues = ['one', 'two', 'three'].map((id, index): Issue => {
    const since = addMs(storyNow, -60_000 * (index + 1));
    const attention = { rank: 2 as const, label: 'FATAL', why: 'stuck', since, act: 'pipeline.restart' };
    return { ...hangs, id, key: id, title: `item ${id}`, trail: [], attention };
  });

  async function openList(): Promise<FakeEngine> {
    const engine = new FakeEngine(storySnapshot({ upserts: issues }));
    engine.preview = (act, target, params) => ({
      ...previewOf(act, target, params),
      targetTitle: `item ${target.id}`,
      strands: [],
      ...(target.id === 'two' ? { refused: 'held by alice pts/4 until 03:15:00' } : {}),
    });
    screen = await openScreen({ engine, columns: 90, rows: 32 });
    await screen.press('v', 'j', 'j', 'v', 'R');
    return engine;
  }

  it('as a menu that says for how many', async () => {
    await openList();
    expect(sheet()).toMatchInlineSnapshot(`
      "=Acts: restart ===========================================================================
       3 marked rows
      >restart pipeline  pipeline.restart, costs
           writes restart_requested.json; the watchdog ends and starts the pipeline within
           60 s
       restart API alone  api.restart, costs
           asks the API to restart itself
           not now: the API must answer first





















       Enter choose  j k move  Esc no, back"
    `);
  });

  it('as a list with one confirmation', async () => {
    await openList();
    await screen.press('enter');
    expect(sheet()).toMatchInlineSnapshot(`
      "=restart pipeline: 3 marked ======================================================== costs
      - 1 of 3  item one -----------------------------------------------------------------------
       warning   the runbook says 30 s, it takes 60
       target    item one (coherence issue one)
       where     /srv/coherence, environment prod
       runs      /usr/bin/python3 scripts/request.py --target=one
       expects   request file is taken by 03:15:07
       expects   health answers 200 by 03:15:16
       undo      none: a restart cannot be taken back
      - 2 of 3  item two -----------------------------------------------------------------------
       not done: held by alice pts/4 until 03:15:00
      - 3 of 3  item three ---------------------------------------------------------------------
       warning   the runbook says 30 s, it takes 60
       target    item three (coherence issue three)
       where     /srv/coherence, environment prod
       runs      /usr/bin/python3 scripts/request.py --target=three
       expects   request file is taken by 03:15:07
       expects   health answers 200 by 03:15:16
       undo      none: a restart cannot be taken back
      ------------------------------------------------------------------------------------------
      >no, back
       yes: restart pipeline, 2 of 3, one after the other (asks for a reason)







       y yes  Enter what is highlighted  Esc no, back"
    `);
  });

  it('as a page of results', async () => {
    const engine = await openList();
    await screen.press('enter', 'y');
    await screen.type('stuck');
    await screen.press('enter');
    const act: ActEntry = {
      ...doneAct,
      order: 'o-2',
      act: 'pipeline.restart',
      status: 'not-seen',
      playbook: { id: 'stuck', title: 'Pipeline stuck' },
    };
    engine.say({ now: storyNow, acts: [act] });
    await screen.wait(200);
    expect(sheet()).toMatchInlineSnapshot(`
      "=restart pipeline: 3 marked, 2 FAILED, 1 not done ========================================
      |          | item                 | how it went                                          |
      | FAILED   | coherence item one   | ran, effect not seen, after 4.0s                     |
      |          |                      | steps that help: Pipeline stuck (7, then b)          |
      | FAILED   | coherence item three | ran, effect not seen, after 4.0s                     |
      |          |                      | steps that help: Pipeline stuck (7, then b)          |
      | not done | coherence item two   | held by alice pts/4 until 03:15:00                   |






















       j k read  ? keys  Esc back                    restart pipeline: 2 of 3 started, 1 refused"
    `);
  });
});

describe('the page of the keys', () => {
  it('tells on a narrow screen too why a key is off, to its last word, and scrolls to its end', async () => {
    screen = await openScreen({ columns: 60, rows: 15 });
    await screen.press('?');
    const pages = [screen.frame()];
    for (let page = 0; page < 60 && !pages.at(-1)?.includes('In prompts'); page += 1) {
      await screen.press('pagedown');
      pages.push(screen.frame());
    }
    const words = pages.join(' ').replaceAll(/\s+/g, ' ');
    expect(words).toContain('replay ... [not now: nothing of that kind applies to this issue]');
    await screen.press('G');
    expect(screen.rows().at(-2)).toContain('palette: up');
  });
});
