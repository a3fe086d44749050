import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { refOf } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import { actsLines } from '../../views/panes/acts.ts';
import { cardLines } from '../../views/panes/card.ts';
import { headerLines } from '../../views/panes/header.ts';
import { logsLines } from '../../views/panes/logs.ts';
import type { PaneInput } from '../../views/panes/pane.ts';
import { pipelineLines } from '../../views/panes/pipeline.ts';
import { filteredQueueLines, queueLines } from '../../views/panes/queue.ts';
import { stepsLines } from '../../views/panes/steps.ts';
import { workLines } from '../../views/panes/work.ts';
import { FakeEngine } from './fake-engine.ts';
import { paneFrame } from './pane-frame.tsx';
import {
  coherence,
  doneAct,
  hangs,
  plan,
  question,
  source,
  steps,
  storyNow,
  storyRows,
  storySnapshot,
  system,
} from './sample-state.ts';

const empty = (): FakeEngine => {
  const engine = new FakeEngine(storySnapshot({ upserts: [], systems: [], acts: [], presence: [] }));
  engine.rows = [];
  return engine;
};
const stale = (): FakeEngine =>
  new FakeEngine(
    storySnapshot({
      systems: [
        system(coherence, [source('tasks', 'log', 'stale'), source('db', 'database', 'error', 'locked')], {
          state: 'stale',
        }),
      ],
    }),
  );
const attentionOfHangs = hangs.attention ?? expect.fail('the issue wants attention');
const header = (input: PaneInput) => headerLines({ ...input, host: 'prod-eu-1' });
const approvals = (input: PaneInput) => filteredQueueLines(input, 'approvals');
const fatal = (input: PaneInput) => filteredQueueLines(input, 'fatal');

describe('the first rows', () => {
  it('with data', async () => {
    expect(await paneFrame(header, { rows: 2, columns: 99 })).toMatchInlineSnapshot(`
      " prod-eu-1 PROD   alice pts/4, bob pts/3   NO ANSWER: coherence-api   9/10 fresh          03:14:07Z
       x2 FATAL  !1 WAITS FOR YOU  ~0 stalled  >1 running  0 set aside         cost $41.20/50, full 07:25"
    `);
  });
  it('with sources that are stale or unread', async () => {
    expect(await paneFrame(header, { engine: stale(), rows: 2 })).toMatchInlineSnapshot(`
      " prod-eu-1   2 others   UNREAD: coherence-db   0/2 fresh             03:14:07Z
       x2 FATAL  !1 WAITS FOR YOU  ~0 stalled  >1 running  0 set aside"
    `);
  });
});

describe('a notice', () => {
  it('is cut at the end of what it says, not within a time of day', async () => {
    const notices = ['hand-over by root 09:58Z: read it with :hand-over'];
    const engine = new FakeEngine(storySnapshot({ notices }));
    expect(await paneFrame(header, { engine, rows: 2, columns: 110 })).toContain(
      'hand-over by root 09:58Z  ',
    );
  });
});

describe('the queue', () => {
  it('with data, marks, a hold and equal items in one row', async () => {
    const engine = new FakeEngine(
      storySnapshot({
        upserts: [
          hangs,
          plan,
          ...['a', 'b', 'c'].map((id) => ({
            ...hangs,
            id,
            key: id,
            title: 'turn produces nothing',
            attention: { rank: 7 as const, label: 'FAKE', why: 'exit 0 and no file', group: 'fake' },
          })),
        ],
        holds: [{ key: 'openclaw/approval/1a2b', by: 'alice', until: addMs(storyNow, 60_000) }],
      }),
    );
    expect(await paneFrame(queueLines, { engine, keys: ['space', 'j'] })).toMatchInlineSnapshot(`
      "=1 Needs-you(4) 2 approvals(1) 3 fatal(2) ================= since    until key
      *x FATAL   coherence API hangs: pid 2210 holds :8000           7m            R
      >! REVIEW  openclaw plan of job 1a2b: re.. [held by alice]    30m    03:44   a
       ? UNREAD  coherence source api: no answer in 5 s             now          Ent
       x FAKE    coherence turn produces nothing (x3)                            Ent
      "
    `);
  });
  it('stale sources are items', async () => {
    expect(await paneFrame(queueLines, { engine: stale(), keys: ['G'] })).toMatchInlineSnapshot(`
      "=1 Needs-you(8) 2 approvals(1) 3 fatal(2) ============ 8/8  since    until key
       ~ ORPHAN  coherence monitor:4121                             20s          Ent
       ~ ORPHAN  coherence runner:4120 (w7)                         20s          Ent
       $ COST    reflexive 41.20 of 50.00 USD, +2.10/h            1h00m    07:25 Ent
       ? UNREAD  coherence source db: locked                        now          Ent
      >? STALE   coherence source tasks: stale                      now          Ent"
    `);
  });
  it('keeps the key at the end of its row however long and wide a title is, held, counted or gone', async () => {
    const title = '\u6f6e\u4f4d'.repeat(150);
    const long = (id: string) => ({ ...hangs, id, title, attention: { ...attentionOfHangs, group: id } });
    for (const columns of [50, 78, 131]) {
      const holds = [{ key: 'coherence/issue/a', by: 'alice', until: addMs(storyNow, 90_000) }];
      const engine = new FakeEngine(storySnapshot({ upserts: [long('a'), long('b')], holds }));
      const frame = await paneFrame(queueLines, { engine, columns });
      const [, first, second] = frame.split('\n');
      expect(stringWidth(first ?? '')).toBe(columns);
      expect(first).toMatch(/held by alice\].*R$/);
      expect(second).toMatch(/R$/);
      expect(stringWidth(second ?? '')).toBe(columns);
    }
  });
  it.each([60, 78])('a label with room after it however long it is, at %i columns', async (columns) => {
    const labelled = { ...hangs, attention: { ...hangs.attention!, label: 'TERMINATED!' } };
    const engine = new FakeEngine(storySnapshot({ upserts: [labelled] }));
    const [, row] = (await paneFrame(queueLines, { engine, columns })).split('\n');
    expect(row).toMatch(/^>x TERMIN\S* coherence /);
  });
  it('a ghost and newcomers', async () => {
    const then = (engine: FakeEngine): void => {
      engine.say({
        now: addMs(storyNow, 500),
        removed: [refOf(hangs)],
        upserts: [{ ...plan, attention: { ...plan.attention!, rank: 1 } }],
      });
    };
    expect(await paneFrame(queueLines, { keys: ['g'], then })).toMatchInlineSnapshot(`
      "=1 Needs-you(7) 2 approvals(2) 3 fatal(1) +1 new ===== 1/7  since    until key
      >. FATAL   coherence API hangs: pid 2210 holds :8000 - gone 03:14:07
       x FATAL   coherence restart asked 7 times, nothing runs       8m            b
       ! ANSWER  coherence task_864e65b18d8b704c (worker w7)        10m    never   a
       ~ ORPHAN  coherence monitor:4121                             20s          Ent
       ~ ORPHAN  coherence runner:4120 (w7)                         20s          Ent"
    `);
  });
  it('boxes of its own kinds', async () => {
    expect(await paneFrame(approvals, { columns: 66, rows: 3 })).toMatchInlineSnapshot(`
      "-2 Approvals(1) --------------------------------------------------
       ! ANSWER  coherence task_864e65b18d8b704c (..    10m    never   a
      "
    `);
    expect(await paneFrame(fatal, { columns: 66, rows: 4, keys: ['j'] })).toMatchInlineSnapshot(`
      "-3 Fatal(2) ------------------------------------------------------
       x FATAL   coherence API hangs: pid 2210 hol..     7m            R
       x FATAL   coherence restart asked 7 times, ..     8m            b
      "
    `);
    expect(await paneFrame(approvals, { engine: empty(), columns: 66, rows: 3 })).toMatchInlineSnapshot(`
      "-2 Approvals(0) --------------------------------------------------
       none
      "
    `);
  });
});

describe('the card', () => {
  it('of an issue', async () => {
    expect(await paneFrame(cardLines, { rows: 9 })).toMatchInlineSnapshot(`
      "-Why: API hangs: pid 2210 holds :8000 ------------------------- as of 03:14:05
       nothing moves: the port is held by a process that does not answer
       http  :8000/api/health         no answer in 5s (3 of 3)
       proc  pid 2210                 uvicorn app.main:app since 22:13:58Z, listens
                                      on :8000
       src   autonomous_api.log@1899  [Errno 98] address already in use (x5)
       doc   monitor_issues.json      api_unreachable, high, "timed out"; advises
                                      "watchdog restarts pipeline": it did not
      "
    `);
  });
  it('of an approval: what the program does otherwise comes first', async () => {
    const engine = new FakeEngine(storySnapshot({ upserts: [plan] }));
    expect(await paneFrame(cardLines, { engine, rows: 8 })).toMatchInlineSnapshot(`
      "-Why: plan of job 1a2b: renew certificates -------------------- as of 03:14:07
       Note: approving plans again: the plan that runs need not be this one
       plan, 40 lines (a shows it whole)
         1. step number 1 of the plan
         2. step number 2 of the plan
         3. step number 3 of the plan
       until 03:44:07 (25m left): counts as denied
       (2 more lines: 8, then j; Enter shows all)"
    `);
  });
  it('of what needs nobody says how it stands', async () => {
    expect(await paneFrame(cardLines, { keys: ['4', 'j'], rows: 3 })).toContain(
      '\n unknown: PM not seen, workers=5\n',
    );
  });
  it('of a question of several lines', async () => {
    const text = 'Two data sheets:\n\nchart datum, or mean sea level?\nIt was cut at line 4000.';
    const asked = { ...question, question: text, payload: { form: 'question', text } } as const;
    const engine = new FakeEngine(storySnapshot({ upserts: [asked] }));
    const frame = await paneFrame(cardLines, { engine, rows: 8 });
    expect(frame).toContain(
      '\n Two data sheets:\n chart datum, or mean sea level?\n It was cut at line 4000.\n',
    );
  });
  it('of an approval that can only be watched, without a payload', async () => {
    const { payload: _none, ...bare } = plan;
    const engine = new FakeEngine(
      storySnapshot({
        upserts: [{ ...bare, answerable: false, reason: 'asked at pts/9 by nobody we know' }],
      }),
    );
    expect(await paneFrame(cardLines, { engine, rows: 8 })).toMatchInlineSnapshot(`
      "-Why: plan of job 1a2b: renew certificates -------------------- as of 03:14:07
       Note: approving plans again: the plan that runs need not be this one
       watch only: asked at pts/9 by nobody we know
       no payload: what would be approved is not known
       until 03:44:07 (25m left): counts as denied
       a plan waits
       src   test
      "
    `);
  });
  it('of an approval that was decided: no deadline counts down any more', async () => {
    const engine = new FakeEngine(storySnapshot({ upserts: [{ ...plan, status: 'decided' }] }));
    const frame = await paneFrame(cardLines, { engine, rows: 8 });
    expect(frame).toContain('plan of job 1a2b');
    expect(frame).not.toContain('until');
  });
  it('of a stale source', async () => {
    expect(await paneFrame(cardLines, { engine: stale(), keys: ['G'], rows: 4 })).toMatchInlineSnapshot(`
      "-Why: source tasks: stale ----------------------------------------------------
       nothing new from logs/tasks
       log   logs/tasks               03:14:05 stale
      "
    `);
  });
  it('of something that is gone', async () => {
    const then = (engine: FakeEngine): void =>
      engine.say({ now: addMs(storyNow, 5000), removed: [refOf(hangs)] });
    expect(await paneFrame(cardLines, { then, rows: 4 })).toMatchInlineSnapshot(`
      "-Why: API hangs: pid 2210 holds :8000 ------------------------- as of 03:14:05
       gone at 03:14:12: acts are off, j or k moves on
       nothing moves: the port is held by a process that does not answer
       http  :8000/api/health         no answer in 5s (3 of 3)"
    `);
  });
});

describe('the steps', () => {
  it('asked for', async () => {
    const engine = new FakeEngine();
    engine.call = ((name: string) =>
      name === 'page' ? Promise.reject(new Error('x')) : new Promise(() => {})) as never;
    expect(await paneFrame(stepsLines, { engine, rows: 3 })).toMatchInlineSnapshot(`
      "-9 Steps ---------------------------------------------------------------------
       asking ...
      "
    `);
  });
  it('none', async () => {
    const engine = new FakeEngine();
    engine.playbook = null;
    expect(await paneFrame(stepsLines, { engine, rows: 3 })).toMatchInlineSnapshot(`
      "-9 Steps ---------------------------------------------------------------------
       no steps are written for this
      "
    `);
  });
  it('with data', async () => {
    expect(await paneFrame(stepsLines, { keys: ['b', 'j'] })).toMatchInlineSnapshot(`
      "=9 Steps: API unreachable ============================================= 0 of 4
       [ ]1 KILL 2210; watchdog 4098 starts the API: health 200 by 03:15:16        R
      >[ ]2 answer task_864e65b18d8b704c, requeue while w7 (4120) lives
       [?]3 see the pipeline run: PM alive, its log moves
       [ ]4 end orphans 4120, 4121: one runner, one monitor
      "
    `);
  });
  it('shows the step one is at whole', async () => {
    expect(await paneFrame(stepsLines, { keys: ['b'], columns: 50 })).toMatchInlineSnapshot(`
      "=9 Steps: API unreachable ================= 0 of 4
      >[ ]1 KILL 2210; watchdog 4098 starts            R
             the API: health 200 by 03:15:16
       [ ]2 answer task_864e65b18d8b704c, requeue ..
       [?]3 see the pipeline run: PM alive, its lo..
       [ ]4 end orphans 4120, 4121: one runner, on.."
    `);
  });
  it('are shown whole where all of them fit, and with who did what even where words are cut', async () => {
    const long = 'read the log of the API from its last start on, then the one of the watchdog beside it';
    const mark = { by: 'alice', at: storyNow };
    const engine = new FakeEngine();
    engine.playbook = {
      ...steps,
      steps: [
        { type: 'note', text: long, state: 'done', mark },
        { type: 'note', text: long, state: 'open' },
      ],
    };
    expect(await paneFrame(stepsLines, { engine, rows: 5 })).toMatchInlineSnapshot(`
      "-9 Steps: API unreachable --------------------------------------------- 1 of 2
       [x]1 read the log of the API from its last start on, then the one
             of the watchdog beside it  -- alice 03:14
       [ ]2 read the log of the API from its last start on, then the one
             of the watchdog beside it"
    `);
    expect(await paneFrame(stepsLines, { engine, rows: 3 })).toMatchInlineSnapshot(`
      "-9 Steps: API unreachable --------------------------------------------- 1 of 2
       [x]1 read the log of the API from its last start on, th..  -- alice 03:14
       [ ]2 read the log of the API from its last start on, then the one of th.."
    `);
  });
  it('of an item that has gone say so', async () => {
    const then = (engine: FakeEngine): void => {
      engine.say({ now: addMs(storyNow, 500), removed: [refOf(hangs)] });
      engine.playbook = null;
    };
    expect(await paneFrame(stepsLines, { keys: ['g'], then, rows: 2 })).toMatchInlineSnapshot(`
      "-9 Steps ---------------------------------------------------------------------
       it is over, and its steps with it: what was done of them stands in :timeline"
    `);
  });
  it('not known because the engine failed', async () => {
    const engine = new FakeEngine();
    engine.failing = { playbook: 'engine ended' };
    expect(await paneFrame(stepsLines, { engine, rows: 3 })).toMatchInlineSnapshot(`
      "-9 Steps ---------------------------------------------------------------------
       not known: engine ended
      "
    `);
  });
});

describe('an act with much to say of its outcome', () => {
  it('still tells by whom it was, and what it was', async () => {
    const stages = doneAct.stages.map((stage) => ({ ...stage, detail: 'x '.repeat(60) }));
    const engine = new FakeEngine(storySnapshot({ acts: [{ ...doneAct, stages }] }));
    const [, row] = (await paneFrame(actsLines, { engine, columns: 68 })).split('\n');
    expect(row).toMatch(/^ 02:41 bob approve 1a2b ren\S*: seen: x x/);
  });
});

describe('the pipeline', () => {
  it('with data', async () => {
    expect(
      await paneFrame(pipelineLines, { columns: 40, rows: 10, keys: ['4', 'j'] }),
    ).toMatchInlineSnapshot(`
      "=4 Pipeline ============================
      coherence
       ? goal         Data unavailable
      >? orchestr.    PM not seen, workers=5
       x execution    API down
       ! attention    1 issue, 2 unchecked
      orket     +api +runs +turns +cards
      openclaw  +queue +plan +audit +run
      aragora   +api +breakers +debates
      reflexive +loop !cost +github"
    `);
  });
  it('of a stale system', async () => {
    expect(await paneFrame(pipelineLines, { engine: stale(), columns: 40, rows: 6 })).toMatchInlineSnapshot(`
      "-4 Pipeline ----------------------------
      coherence  STALE
       ? goal         Data unavailable
       ? orchestr.    PM not seen, workers=5
       x execution    API down
       ! attention    1 issue, 2 unchecked"
    `);
  });
  it('of a system that is not read yet', async () => {
    const engine = new FakeEngine(
      storySnapshot({ upserts: [], systems: [system(coherence, [], { settled: false })] }),
    );
    expect(await paneFrame(pipelineLines, { engine, columns: 40, rows: 3 })).toMatchInlineSnapshot(`
      "-4 Pipeline ----------------------------
      coherence reading ...
      "
    `);
  });
});

describe('the work', () => {
  it('with data', async () => {
    expect(await paneFrame(workLines, { columns: 40, keys: ['5', 'j'] })).toMatchInlineSnapshot(`
      "=5 Work ====================== 2 running
       coherence runner:4120 (w7)       ORPHAN
      >coherence monitor:4121           ORPHAN
       orket     9c41:TIDE-3/6 coder        1m
       openclaw  3c4d billing-cron    beat now
      "
    `);
  });
  it('wide', async () => {
    expect(await paneFrame(workLines, { columns: 70 })).toMatchInlineSnapshot(`
      "-5 Work ---------------------------------------------------- 2 running
       coherence runner:4120 (w7)                                 ORPHAN 20s
       coherence monitor:4121                                     ORPHAN 20s
       orket     9c41:TIDE-3/6 coder                                      1m
       openclaw  3c4d billing-cron                                  beat now
      "
    `);
  });
});

describe('the acts', () => {
  const { endedAt: _ended, ...open } = doneAct;
  const all = [
    doneAct,
    {
      ...open,
      order: 'o-2',
      status: 'running' as const,
      startedAt: storyNow,
      stages: [{ ...doneAct.stages[0]!, state: 'waiting' as const }],
    },
    {
      ...doneAct,
      order: 'o-3',
      status: 'not-seen' as const,
      stages: [{ ...doneAct.stages[0]!, state: 'contradicted' as const, detail: 'it is back in the queue' }],
    },
    { ...doneAct, order: 'o-4', status: 'failed' as const, exitCode: 2, attempt: 2 },
    { ...doneAct, order: 'o-5', status: 'unknown' as const },
    { ...doneAct, order: 'o-6', status: 'timed-out' as const },
  ];
  const withAll = (): FakeEngine => new FakeEngine(storySnapshot({ acts: all }));
  it('with every outcome', async () => {
    expect(
      await paneFrame(actsLines, { engine: withAll(), columns: 90, rows: 9, keys: ['7'] }),
    ).toMatchInlineSnapshot(`
      "=7 Acts ============================================================= 1 running, 1 unknown
      >03:14 bob approve 1a2b renew certificates: waits: job leaves awaiting_audit 0/1
            . done by 02:42:00  job leaves awaiting_audit
       02:41 bob approve 1a2b renew certificates: outcome unknown: settle it 4.0s (s)
       02:41 bob approve 1a2b renew certificates: seen: job leaves awaiting_audit 4.0s
       02:41 bob approve 1a2b renew certificates: ran, but it is back in the queue 4.0s
       02:41 bob approve (attempt 2) 1a2b renew certificates: failed, exit 2 4.0s
       02:41 bob approve 1a2b renew certificates: timed out 4.0s
      "
    `);
  });
});

describe('the logs', () => {
  it('with data, folded, wiped and changed rows', async () => {
    const engine = new FakeEngine();
    engine.rows = [
      ...storyRows,
      { ...storyRows[3]!, seq: 6, count: 4, wiped: true, level: 'error', text: 'still down' },
    ];
    expect(await paneFrame(logsLines, { engine, columns: 96, rows: 7 })).toMatchInlineSnapshot(`
      "-6 Logs + changes, this item (L: all) ----------------- follow  2/s  unread 0 B  bad 0  lag 0.1s
       03:06:10.902 monitor          WARNING API unreachable: timed out
      ~03:06:34     autonomous_api   ERROR: [Errno 98] error while attempting to bind on address ('1..
       03:13:10.871 monitor          Restart requested: api_unreachable
       03:13:46     CHANGE           pipeline_version.json started_at 03:13:46Z
       03:13:10.871 monitor          ERROR still down (x4) [file since emptied]
      "
    `);
  });
  it('standing still on a row', async () => {
    expect(await paneFrame(logsLines, { keys: ['6', 'k', 'k'], columns: 96 })).toMatchInlineSnapshot(`
      "=6 Logs + changes, this item (L: all) ====== still (F follows)  2/s  unread 0 B  bad 0  lag 0.1s
       03:06:10.902 monitor          WARNING API unreachable: timed out
      >03:06:34     autonomous_api   ERROR: [Errno 98] error while attempting to bind on address ('1..
       03:13:10.871 monitor          Restart requested: api_unreachable
       03:13:46     CHANGE           pipeline_version.json started_at 03:13:46Z
      "
    `);
  });
  it('failed', async () => {
    const engine = new FakeEngine();
    engine.failing = { page: 'bad expression' };
    expect(await paneFrame(logsLines, { engine, rows: 3 })).toMatchInlineSnapshot(`
      "-6 Logs (L: all) -------------------- follow  2/s  unread 0 B  bad 0  lag 0.1s
       the log cannot be shown: bad expression
      "
    `);
  });
});
