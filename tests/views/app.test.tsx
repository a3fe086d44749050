import fc from 'fast-check';
import stringWidth from 'string-width';
import { afterEach, describe, expect, it } from 'vitest';
import { addMs, type Instant } from '../../src/domain/instant.ts';
import type { SystemSummary } from '../../src/engine/protocol.ts';
import { resized } from '../../src/store/desk.ts';
import { FakeEngine } from './fake-engine.ts';
import { hangs, storyNow, storyRows, storySnapshot } from './sample-state.ts';
import { openScreen, type TestScreen } from './screen.tsx';

let screen: TestScreen;

/** Systems as the engine tells them when it has read everything again and found it as it was. */
function readAgain(systems: readonly SystemSummary[], now: Instant): readonly SystemSummary[] {
  return systems.map((one) => ({
    ...one,
    sources: one.sources.map((source) =>
      source.state === 'fresh' ? { ...source, lastReadAt: now } : { ...source },
    ),
  }));
}

afterEach(() => screen.close());

describe('the whole screen', () => {
  it('is that of the drawing at 120x40', async () => {
    screen = await openScreen({ columns: 120, rows: 40 });
    expect(screen.rows().join('\n')).toMatchInlineSnapshot(`
      " prod-eu-1 PROD   alice pts/4, bob pts/3   NO ANSWER: coherence-api   9/10 fresh   just opened      03:14:07Z (20:14-07)
       x2 FATAL   !1 WAITS FOR YOU   ~0 stalled   >1 running   0 set aside        cost reflexive $41.20/50, full 07:25 (4h00m)
      =1 Needs-you(7) 2 approvals(1) 3 fatal(2) ================== since    until key|-4 Pipeline ----------------------------
      >x FATAL   coherence API hangs: pid 2210 holds :8000            7m            R|coherence
       x FATAL   coherence restart asked 7 times, nothing runs        8m            b| ? goal         Data unavailable
       ! ANSWER  coherence task_864e65b18d8b704c (worker w7)         10m    never   a| ? orchestr.    PM not seen, workers=5
       ~ ORPHAN  coherence monitor:4121                              20s          Ent| x execution    API down
       ~ ORPHAN  coherence runner:4120 (w7)                          20s          Ent| ! attention    1 issue, 2 unchecked
       $ COST    reflexive 41.20 of 50.00 USD, +2.10/h             1h00m    07:25 Ent|orket     +api +runs +turns +cards
       ? UNREAD  coherence source api: no answer in 5 s              now          Ent|openclaw  +queue +plan +audit +run
      -Why: API hangs: pid 2210 holds :8000 -------------------------- as of 03:14:05|aragora   +api +breakers +debates
       nothing moves: the port is held by a process that does not answer             |reflexive +loop !cost +github
       http  :8000/api/health          no answer in 5s (3 of 3)                      |-5 Work ---------------------- 2 running
       proc  pid 2210                  uvicorn app.main:app since 22:13:58Z, listens | coherence runner:4120 (w7)       ORPHAN
                                       on :8000                                      | coherence monitor:4121           ORPHAN
       src   autonomous_api.log@1899   [Errno 98] address already in use (x5)        | orket     9c41:TIDE-3/6 coder        1m
       doc   monitor_issues.json       api_unreachable, high, "timed out"; advises   | openclaw  3c4d billing-cron    beat now
                                       "watchdog restarts pipeline": it did not      |-7 Acts ---------------------- 0 running
      -9 Steps: API unreachable ---------------------------------------------- 0 of 4| 02:41 bob approve 1a2b..: verified 4.0s
       [ ]1 KILL 2210; watchdog 4098 starts the API: health 200 by 03:15:16         R|
       [ ]2 answer task_864e65b18d8b704c, requeue while w7 (4120) lives              |
       [?]3 see the pipeline run: PM alive, its log moves                            |
       [ ]4 end orphans 4120, 4121: one runner, one monitor                          |
      -6 Logs + changes, this item (L: all) ----------------------------------------- follow  2/s  unread 0 B  bad 0  lag 0.1s
       03:06:10.902 monitor          WARNING API unreachable: timed out
      ~03:06:34     autonomous_api   ERROR: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000)
       03:13:10.871 monitor          Restart requested: api_unreachable
       03:13:46     CHANGE           pipeline_version.json started_at 03:13:46Z











       R restart..  b steps  K take  d aside  L lens  : commands  ? keys"
    `);
  });

  it('has boxes for approvals and fatal issues at 200x50', async () => {
    screen = await openScreen({ columns: 200, rows: 50 });
    expect(screen.rows().slice(0, 30).join('\n')).toMatchInlineSnapshot(`
      " prod-eu-1 PROD   alice pts/4, bob pts/3   NO ANSWER: coherence-api   9/10 fresh   just opened                                                                                      03:14:07Z (20:14-07)
       x2 FATAL   !1 WAITS FOR YOU   ~0 stalled   >1 running   0 set aside                                                                                        cost reflexive $41.20/50, full 07:25 (4h00m)
      =1 Needs-you(7) 2 approvals(1) 3 fatal(2) ====================================================================== since    until key|-2 Approvals(1) ----------------------------------------------------
      >x FATAL   coherence API hangs: pid 2210 holds :8000                                                                7m            R| ! ANSWER  coherence task_864e65b18d8b704c (wo..    10m    never   a
       x FATAL   coherence restart asked 7 times, nothing runs                                                            8m            b|-3 Fatal(2) --------------------------------------------------------
       ! ANSWER  coherence task_864e65b18d8b704c (worker w7)                                                             10m    never   a| x FATAL   coherence API hangs: pid 2210 holds..     7m            R
       ~ ORPHAN  coherence monitor:4121                                                                                  20s          Ent| x FATAL   coherence restart asked 7 times, no..     8m            b
       ~ ORPHAN  coherence runner:4120 (w7)                                                                              20s          Ent|-4 Pipeline --------------------------------------------------------
       $ COST    reflexive 41.20 of 50.00 USD, +2.10/h                                                                 1h00m    07:25 Ent|coherence
       ? UNREAD  coherence source api: no answer in 5 s                                                                  now          Ent| ? goal         Data unavailable
      -Why: API hangs: pid 2210 holds :8000 ------------------------------------------------------------------------------ as of 03:14:05| ? orchestr.    PM not seen, workers=5
       nothing moves: the port is held by a process that does not answer                                                                 | x execution    API down
       http  :8000/api/health                        no answer in 5s (3 of 3)                                                            | ! attention    1 issue, 2 unchecked
       proc  pid 2210                                uvicorn app.main:app since 22:13:58Z, listens on :8000                              |orket     +api +runs +turns +cards
       src   autonomous_api.log@1899                 [Errno 98] address already in use (x5)                                              |-5 Work -------------------------------------------------- 2 running
       doc   monitor_issues.json                     api_unreachable, high, "timed out"; advises "watchdog restarts pipeline": it did not| coherence runner:4120 (w7)                               ORPHAN 20s
      -9 Steps: API unreachable -------------------------------------------------------------------------------------------------- 0 of 4| coherence monitor:4121                                   ORPHAN 20s
       [ ]1 KILL 2210; watchdog 4098 starts the API: health 200 by 03:15:16                                                             R| orket     9c41:TIDE-3/6 coder                                    1m
       [ ]2 answer task_864e65b18d8b704c, requeue while w7 (4120) lives                                                                  |-7 Acts -------------------------------------------------- 0 running
       [?]3 see the pipeline run: PM alive, its log moves                                                                                | 02:41 bob approve 1a2b rene..: seen: job leaves awaiting_audit 4.0s
       [ ]4 end orphans 4120, 4121: one runner, one monitor                                                                              |
      -6 Logs + changes, this item (L: all) ------------------------------------------------------------------------------------------------------------------------- follow  2/s  unread 0 B  bad 0  lag 0.1s
       03:06:10.902 monitor          WARNING API unreachable: timed out
      ~03:06:34     autonomous_api   ERROR: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000)
       03:13:10.871 monitor          Restart requested: api_unreachable
       03:13:46     CHANGE           pipeline_version.json started_at 03:13:46Z



      "
    `);
  });

  it('loses its right column at 80x24', async () => {
    screen = await openScreen({ columns: 80, rows: 24 });
    expect(screen.rows().join('\n')).toMatchInlineSnapshot(`
      " prod-eu-1 PROD   2 others   NO ANSWER: coherence-api   9/10 fresh     03:14:07Z
       x2 FATAL  !1 WAITS FOR YOU  ~0 stalled  >1 running  0 set aside  cost $41.20/50
      =1 Needs-you(7) 2 approvals(1) 3 fatal(2) ============== 1/7  since    until key
      >x FATAL   coherence API hangs: pid 2210 holds :8000             7m            R
       x FATAL   coherence restart asked 7 times, nothing runs         8m            b
       ! ANSWER  coherence task_864e65b18d8b704c (worker w7)          10m    never   a
       ~ ORPHAN  coherence monitor:4121                               20s          Ent
       ~ ORPHAN  coherence runner:4120 (w7)                           20s          Ent
      -Why: API hangs: pid 2210 holds.. ----- coherence ?goal ?orchestr xexecutio !att
       nothing moves: the port is held by a process that does not answer
       http  :8000/api/health          no answer in 5s (3 of 3)
       proc  pid 2210                  uvicorn app.main:app since 22:13:58Z, listens
                                       on :8000
       (3 more lines: 8, then j; Enter shows all)
      -9 Steps: API unreachable ----------------------------------------------- 0 of 4
       [ ]1 KILL 2210; watchdog 4098 starts the API: health 200 by 03:15:16          R
       [ ]2 answer task_864e65b18d8b704c, requeue while w7 (4120) lives
       [?]3 see the pipeline run: PM alive, its log moves
      -6 Logs (L: all) ---------------------- follow  2/s  unread 0 B  bad 0  lag 0.1s
       03:06:10.902 monitor          WARNING API unreachable: timed out
      ~03:06:34     autonomous_api   ERROR: [Errno 98] error while attempting to bin..
       03:13:10.871 monitor          Restart requested: api_unreachable
       03:13:46     CHANGE           pipeline_version.json started_at 03:13:46Z
       R restart..  b steps  K take  d aside  L lens  : commands  ? keys"
    `);
  });

  it('keeps first row, queue, beginning of the card and footer at 60x15', async () => {
    screen = await openScreen({ columns: 60, rows: 15 });
    expect(screen.rows().join('\n')).toMatchInlineSnapshot(`
      " prod-eu-1 PROD   NO ANSWER: coherence-api         03:14:07Z
      =1 Needs-you(7) 2 approvals(1) 3 fatal(2)
      >x FATAL   coherence API hangs: pid 22..     7m            R
       x FATAL   coherence restart asked 7 t..     8m            b
       ! ANSWER  coherence task_864e65b18d8b..    10m    never   a
       ~ ORPHAN  coherence monitor:4121           20s          Ent
       ~ ORPHAN  coherence runner:4120 (w7)       20s          Ent
       $ COST    reflexive 41.20 of 50.00 US..  1h00m    07:25 Ent
       ? UNREAD  coherence source api: no an..    now          Ent
      -Why: API hangs: pid 2210 holds :8000 ------- as of 03:14:05
       nothing moves: the port is held by a process that
             does not answer
       http  :8000/api/health   no answer in 5s (3 of 3)
       (6 more lines: 8, then j; Enter shows all)
       R restart..  b steps  K take  d aside  L lens  ? keys"
    `);
  });

  it('keeps first row, first item and its key at three rows', async () => {
    screen = await openScreen({ columns: 60, rows: 3 });
    expect(screen.rows().join('\n')).toMatchInlineSnapshot(`
      " prod-eu-1 PROD   NO ANSWER: coherence-api         03:14:07Z
      >x FATAL   coherence API hangs: pid 22..     7m            R
       R restart..  b steps  K take  d aside  L lens  ? keys"
    `);
  });

  it('fills exactly its rows and never more than its columns, at any size, in any mode', async () => {
    screen = await openScreen();
    const keys = [
      [],
      ['?'],
      [':'],
      ['A'],
      ['R', 'enter'],
      ['enter'],
      ['d'],
      ['/'],
      ['6', 'enter'],
      ['7', 'enter'],
      ['c'],
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 118 }),
        fc.integer({ min: 1, max: 60 }),
        fc.constantFrom(...keys),
        async (columns, rows, pressed) => {
          await screen.press('ctrl-c', ...pressed);
          screen.cockpit.update((desk) => resized(desk, columns, rows));
          await screen.wait(200);
          const drawn = screen.frame().split('\n');
          expect(drawn).toHaveLength(rows);
          for (const row of drawn) expect(stringWidth(row.trimEnd())).toBeLessThanOrEqual(columns);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('before anything is known', () => {
  it('says that it reads', async () => {
    screen = await openScreen({
      engine: new FakeEngine({ ...storySnapshot(), complete: false }),
      columns: 80,
      rows: 24,
    });
    expect(screen.rows()[0]).toContain('reading ...');
    expect(screen.rows()[0]).toContain('--:--:--');
    expect(screen.frame()).toContain('reading the sources ...');
    expect(screen.frame()).not.toContain('nothing needs you now');
  });
});

describe('when the engine has ended', () => {
  it('says so in the first row, keeps what is known and the time of it', async () => {
    screen = await openScreen();
    screen.cockpit.fail('the thread ended with code 1');
    await screen.wait(60_000);
    expect(screen.rows()[0]).toContain('ENGINE ENDED: the thread ended with code 1');
    expect(screen.rows()[0]).toContain('03:14:07Z');
    expect(screen.frame()).toContain('API hangs');
  });
});

describe('notices', () => {
  it('stand in the first row', async () => {
    const notices = ['DEMO: simulated systems', 'alone: others are not seen'];
    screen = await openScreen({ engine: new FakeEngine(storySnapshot({ notices })), columns: 160 });
    expect(screen.rows()[0]).toMatch(
      /^ prod-eu-1 PROD {3}DEMO: simulated systems .* alone: others are not seen/,
    );
  });

  it('give way to what does not answer, but for the one that says nothing here is real', async () => {
    const notices = ['DEMO: simulated systems', 'watching: a configuration at a place with a long name'];
    screen = await openScreen({ engine: new FakeEngine(storySnapshot({ notices })), columns: 80, rows: 24 });
    expect(screen.rows()[0]).toMatch(/DEMO {3}.*NO ANSWER: coherence-api/);
    expect(screen.rows()[0]).not.toContain('watching');
  });
});

describe('time passing', () => {
  it('redraws nothing while nothing happens, but at the full minute', async () => {
    screen = await openScreen();
    const { systems } = screen.snapshot().state;
    // What came up just now is told in tens of seconds at first.
    await screen.wait(110_000);
    screen.engine.say({ now: addMs(storyNow, 110_000), systems: readAgain(systems, storyNow) });
    await screen.wait(10_000);
    const changedAt: number[] = [];
    let before = screen.rows();
    for (let second = 120; second < 480; second += 1) {
      const now = addMs(storyNow, second * 1000);
      if (second % 5 === 0) screen.engine.say({ now, systems: readAgain(systems, now) });
      await screen.wait(1000);
      if (screen.rows().some((row, index) => row !== before[index])) {
        changedAt.push(Math.round(screen.cockpit.now() / 1000) % 60);
      }
      before = screen.rows();
    }
    expect(changedAt).toEqual([0, 0, 0, 0, 0, 0]);
    expect(before[0]).toMatch(/ 03:22Z/);
  });

  it('is redrawn at once when something comes in, and tells its second', async () => {
    screen = await openScreen();
    await screen.wait(180_000);
    const now = addMs(storyNow, 180_000);
    screen.engine.say({ now, upserts: [{ ...hangs, title: 'API hangs again', observedAt: now }] });
    await screen.wait(100);
    expect(screen.rows()[0]).toContain('03:17:07Z');
    expect(screen.frame()).toContain('API hangs again');
  });

  it('steps ages on without a message', async () => {
    screen = await openScreen();
    expect(screen.rows()[3]).toMatch(/ 7m /);
    await screen.wait(120_000);
    expect(screen.rows()[3]).toMatch(/ (9|10)m /);
  });
});

describe('hostile text', () => {
  const evil =
    '\x1b[2J\x1b]52;c;eA==\x07\u202e\u2028\u{e0001}Z\u0301\u0301\u0301\u0301\u0301\u0301 \x9b31m\r\n';

  it('reaches the screen as notation, wherever it stands', async () => {
    const engine = new FakeEngine(
      storySnapshot({
        upserts: [
          {
            ...hangs,
            id: evil,
            title: `title ${evil}`,
            cautions: [evil],
            evidence: { source: evil, path: evil, text: evil },
            attention: { ...hangs.attention!, label: evil, why: evil },
          },
        ],
        notices: [evil],
        presence: [{ who: evil, terminal: evil }],
      }),
    );
    engine.rows = storyRows.map((row) => ({
      ...row,
      text: evil,
      path: evil,
      origin: evil,
      keys: ['api_unreachable'],
    }));
    engine.offersByType = {
      issue: [
        { act: evil, title: evil, menu: 'restart', risk: 'read', params: [], does: evil, disabled: evil },
      ],
    };
    engine.playbook = { id: evil, title: evil, steps: [{ type: 'note', text: evil, state: 'open' }] };
    screen = await openScreen({ engine });
    for (const keys of [
      [],
      ['enter'],
      ['escape', 'R'],
      ['escape', ':'],
      ['escape', '6', 'x', 'enter'],
      ['escape', '?'],
    ]) {
      await screen.press(...keys);
      // Every row ends where the renderer ends it: the frame holds line feeds and printable characters, nothing else.
      expect(screen.frame().replaceAll('\n', '')).not.toMatch(
        /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u,
      );
      expect(screen.frame().split('\n')).toHaveLength(40);
    }
    expect(screen.frame().length).toBeGreaterThan(100);
  });

  it('is plain ASCII on a terminal without UTF-8', async () => {
    const engine = new FakeEngine(storySnapshot({ upserts: [{ ...hangs, title: 'naïve 日本 \u{1f600}' }] }));
    screen = await openScreen({ engine, theme: { color: 'none', ascii: true } });
    expect(screen.frame()).toContain('na\\xefve \\u{65e5}\\u{672c}');
    expect(screen.frame()).toMatch(/^[\x20-\x7e\n]*$/);
  });
});

describe('one pane alone', () => {
  it('has the whole screen, and no way to the others', async () => {
    screen = await openScreen({ only: 'logs', columns: 100, rows: 12 });
    expect(screen.rows()[1]).toMatch(/^=6 Logs/);
    await screen.press('1', 'tab');
    expect(screen.snapshot().desk.focus).toBe('logs');
    expect(screen.frame()).toContain('this is the logs pane alone');
  });
});
