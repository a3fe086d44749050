import { Box } from 'ink';
import { cleanup, render } from 'ink-testing-library';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PaneId } from '../../src/store/desk.ts';
import { type Line, penOf } from '../../views/components/line.ts';
import { TextBlock } from '../../views/components/text.tsx';
import { footerLine } from '../../views/panes/footer.ts';
import { headerLines } from '../../views/panes/header.ts';
import type { PaneInput } from '../../views/panes/pane.ts';
import { paneLines } from '../../views/panes/pane-lines.ts';
import { plainTheme } from '../../views/theme.ts';
import { FakeEngine } from './fake-engine.ts';
import { coherence, hangs, source, storySnapshot, system } from './sample-state.ts';
import { openScreen, type TestScreen } from './screen.tsx';

/**
 * Every pane in every state, drawn in a box of 78x5 (34x5 where narrow). Both axes are types: a cell that is missing
 * does not compile. What a pane shows of particular things is in panes.test.tsx.
 */
type PaneName = PaneId | 'header' | 'footer';
type StateName = 'loading' | 'empty' | 'data' | 'stale' | 'failed' | 'narrow';

const screens = new Map<StateName, TestScreen>();
const stateNames: readonly StateName[] = ['loading', 'empty', 'data', 'stale', 'failed', 'narrow'];

/** The engine of each state; `failed` is `data` whose engine then ended. */
function engineOf(state: StateName): FakeEngine {
  switch (state) {
    case 'loading': {
      const engine = new FakeEngine({ ...storySnapshot(), complete: false });
      engine.rows = [];
      return engine;
    }
    case 'empty': {
      const engine = new FakeEngine(storySnapshot({ upserts: [], systems: [], acts: [], presence: [] }));
      engine.rows = [];
      return engine;
    }
    case 'stale':
      return new FakeEngine(
        storySnapshot({
          systems: [
            system(
              coherence,
              [
                source('api', 'http', 'stale'),
                source('db', 'database', 'error', 'locked'),
                source(hangs.evidence.source, 'document', 'stale'),
                source('test', 'log', 'stale'),
              ],
              {
                state: 'stale',
              },
            ),
          ],
        }),
      );
    case 'data':
    case 'failed':
    case 'narrow':
      return new FakeEngine();
  }
}

function linesOf(pane: PaneName, input: PaneInput, screen: TestScreen): readonly Line[] {
  if (pane === 'header') return headerLines({ ...input, rows: 2, host: 'prod-eu-1' });
  if (pane === 'footer')
    return [footerLine({ ...input, keymap: screen.dispatcher.keymap, host: screen.host })];
  return paneLines(pane, input);
}

function frameOf(pane: PaneName, state: StateName): readonly string[] {
  const screen = screens.get(state);
  if (!screen) throw new Error(`no screen in the state ${state}`);
  const columns = state === 'narrow' ? 34 : 78;
  const lines = linesOf(
    pane,
    { snapshot: screen.snapshot(), pen: penOf(plainTheme), columns, rows: 5 },
    screen,
  );
  const app = render(
    <Box width={columns} height={lines.length} overflow="hidden">
      <TextBlock lines={lines} theme={plainTheme} />
    </Box>,
  );
  const frame = app.lastFrame() ?? '';
  cleanup();
  return frame.split('\n').map((row) => row.trimEnd());
}

beforeAll(async () => {
  for (const state of stateNames) {
    const screen = await openScreen({ engine: engineOf(state), columns: 120, rows: 40 });
    if (state === 'failed') {
      screen.cockpit.fail('the engine thread ended');
      await screen.wait(200);
    }
    screens.set(state, screen);
  }
});
afterAll(() => {
  for (const screen of screens.values()) screen.close();
});

const frames: { readonly [P in PaneName]: { readonly [S in StateName]: readonly string[] } } = {
  header: {
    loading: [
      ' prod-eu-1   reading ...   just opened                                --:--:--',
      ' x? FATAL  !? WAIT FOR YOU  ~? stalled  >? running  ? set aside',
    ],
    empty: [
      ' prod-eu-1   0/0 fresh   just opened                                 03:14:07Z',
      ' x0 FATAL  !0 WAIT FOR YOU  ~0 stalled  >0 running  0 set aside',
    ],
    data: [
      ' prod-eu-1 PROD   2 others   NO ANSWER: coherence-api   9/10 fresh   03:14:07Z',
      ' x2 FATAL  !1 WAITS FOR YOU  ~0 stalled  >1 running  0 set aside',
    ],
    stale: [
      ' prod-eu-1   NO ANSWER: coherence-api   UNREAD: coherence-db         03:14:07Z',
      ' x2 FATAL  !1 WAITS FOR YOU  ~0 stalled  >1 running  0 set aside',
    ],
    failed: [
      ' prod-eu-.. PROD   ENGINE ENDED   NO ANSWER                          03:14:07Z',
      ' x2 FATAL  !1 WAITS FOR YOU  ~0 stalled  >1 running  0 set aside',
    ],
    narrow: [' prod-eu-.. PROD   NO..  03:14:07Z', ' x2 FATAL  !1 WAITS FOR YOU  ~0 ..'],
  },
  queue: {
    loading: [
      '=1 Needs-you(?) 2 approvals(?) 3 fatal(?) ================= since    until key',
      ' reading the sources ...',
      '',
      '',
      '',
    ],
    empty: [
      '=1 Needs-you(0) 2 approvals(0) 3 fatal(0) ================= since    until key',
      ' nothing needs you now',
      '',
      '',
      '',
    ],
    data: [
      '=1 Needs-you(7) 2 approvals(1) 3 fatal(2) ============ 1/7  since    until key',
      '>x FATAL   coherence API hangs: pid 2210 holds :8000           7m            R',
      ' x FATAL   coherence restart asked 7 times, nothing runs       8m            b',
      ' ! ANSWER  coherence task_864e65b18d8b704c (worker w7)        10m    never   a',
      ' ~ ORPHAN  coherence monitor:4121                             20s          Ent',
    ],
    stale: [
      '=1 Needs-you(10) 2 approvals(1) 3 fatal(2) ========== 1/10  since    until key',
      '>x FATAL   coherence API hangs: pid 2210 holds :8000           7m            R',
      ' x FATAL   coherence restart asked 7 times, nothing runs       8m            b',
      ' ! ANSWER  coherence task_864e65b18d8b704c (worker w7)        10m    never   a',
      ' ~ ORPHAN  coherence monitor:4121                             20s          Ent',
    ],
    failed: [
      '=1 Needs-you(7) 2 approvals(1) 3 fatal(2) ============ 1/7  since    until key',
      '>x FATAL   coherence API hangs: pid 2210 holds :8000           7m            R',
      ' x FATAL   coherence restart asked 7 times, nothing runs       8m            b',
      ' ! ANSWER  coherence task_864e65b18d8b704c (worker w7)        10m    never   a',
      ' ~ ORPHAN  coherence monitor:4121                             20s          Ent',
    ],
    narrow: [
      '=1 Needs-you(7) 2 approvals(1) 3..',
      '>x FATAL   coherence API han..   R',
      ' x FATAL   coherence restart..   b',
      ' ! ANSWER  coherence task_86..   a',
      ' ~ ORPHAN  coherence monitor.. Ent',
    ],
  },
  approvals: {
    loading: [
      '-2 Approvals(?) --------------------------------------------------------------',
      ' reading the sources ...',
      '',
      '',
      '',
    ],
    empty: [
      '-2 Approvals(0) --------------------------------------------------------------',
      ' none',
      '',
      '',
      '',
    ],
    data: [
      '-2 Approvals(1) --------------------------------------------------------------',
      ' ! ANSWER  coherence task_864e65b18d8b704c (worker w7)        10m    never   a',
      '',
      '',
      '',
    ],
    stale: [
      '-2 Approvals(1) --------------------------------------------------------------',
      ' ! ANSWER  coherence task_864e65b18d8b704c (worker w7)        10m    never   a',
      '',
      '',
      '',
    ],
    failed: [
      '-2 Approvals(1) --------------------------------------------------------------',
      ' ! ANSWER  coherence task_864e65b18d8b704c (worker w7)        10m    never   a',
      '',
      '',
      '',
    ],
    narrow: ['-2 Approvals(1) ------------------', ' ! ANSWER  coherence task_86..   a', '', '', ''],
  },
  fatal: {
    loading: [
      '-3 Fatal(?) ------------------------------------------------------------------',
      ' reading the sources ...',
      '',
      '',
      '',
    ],
    empty: [
      '-3 Fatal(0) ------------------------------------------------------------------',
      ' none',
      '',
      '',
      '',
    ],
    data: [
      '-3 Fatal(2) ------------------------------------------------------------------',
      ' x FATAL   coherence API hangs: pid 2210 holds :8000           7m            R',
      ' x FATAL   coherence restart asked 7 times, nothing runs       8m            b',
      '',
      '',
    ],
    stale: [
      '-3 Fatal(2) ------------------------------------------------------------------',
      ' x FATAL   coherence API hangs: pid 2210 holds :8000           7m            R',
      ' x FATAL   coherence restart asked 7 times, nothing runs       8m            b',
      '',
      '',
    ],
    failed: [
      '-3 Fatal(2) ------------------------------------------------------------------',
      ' x FATAL   coherence API hangs: pid 2210 holds :8000           7m            R',
      ' x FATAL   coherence restart asked 7 times, nothing runs       8m            b',
      '',
      '',
    ],
    narrow: [
      '-3 Fatal(2) ----------------------',
      ' x FATAL   coherence API han..   R',
      ' x FATAL   coherence restart..   b',
      '',
      '',
    ],
  },
  card: {
    loading: [
      '-Why -------------------------------------------------------------------------',
      ' reading the sources ...',
      '',
      '',
      '',
    ],
    empty: [
      '-Why -------------------------------------------------------------------------',
      ' nothing is selected',
      '',
      '',
      '',
    ],
    data: [
      '-Why: API hangs: pid 2210 holds :8000 ------------------------- as of 03:14:05',
      ' nothing moves: the port is held by a process that does not answer',
      ' http  :8000/api/health         no answer in 5s (3 of 3)',
      ' proc  pid 2210                 uvicorn app.main:app since 22:13:58Z, listens',
      ' (4 more lines: 8, then j; Enter shows all)',
    ],
    stale: [
      '-Why: API hangs: pid 2210 holds :8000 -------------------- NOT FRESH: read now',
      ' nothing moves: the port is held by a process that does not answer',
      ' http  :8000/api/health         no answer in 5s (3 of 3)',
      ' proc  pid 2210                 uvicorn app.main:app since 22:13:58Z, listens',
      ' (4 more lines: 8, then j; Enter shows all)',
    ],
    failed: [
      '-Why: API hangs: pid 2210 holds :8000 -------------------- NOT FRESH: read now',
      ' nothing moves: the port is held by a process that does not answer',
      ' http  :8000/api/health         no answer in 5s (3 of 3)',
      ' proc  pid 2210                 uvicorn app.main:app since 22:13:58Z, listens',
      ' (4 more lines: 8, then j; Enter shows all)',
    ],
    narrow: [
      '-Why: API hangs: pid 2210.. ------',
      ' nothing moves: the port is held',
      '   by a process that does not',
      '   answer',
      ' (4 more lines: 8, then j; Enter..',
    ],
  },
  steps: {
    loading: [
      '-9 Steps ---------------------------------------------------------------------',
      ' reading the sources ...',
      '',
      '',
      '',
    ],
    empty: [
      '-9 Steps ---------------------------------------------------------------------',
      ' no steps are written for this',
      '',
      '',
      '',
    ],
    data: [
      '-9 Steps: API unreachable --------------------------------------------- 0 of 4',
      ' [ ]1 KILL 2210; watchdog 4098 starts the API: health 200 by 03:15:16        R',
      ' [ ]2 answer task_864e65b18d8b704c, requeue while w7 (4120) lives',
      ' [?]3 see the pipeline run: PM alive, its log moves',
      ' [ ]4 end orphans 4120, 4121: one runner, one monitor',
    ],
    stale: [
      '-9 Steps: API unreachable --------------------------------------------- 0 of 4',
      ' [ ]1 KILL 2210; watchdog 4098 starts the API: health 200 by 03:15:16        R',
      ' [ ]2 answer task_864e65b18d8b704c, requeue while w7 (4120) lives',
      ' [?]3 see the pipeline run: PM alive, its log moves',
      ' [ ]4 end orphans 4120, 4121: one runner, one monitor',
    ],
    failed: [
      '-9 Steps: API unreachable --------------------------------------------- 0 of 4',
      ' [ ]1 KILL 2210; watchdog 4098 starts the API: health 200 by 03:15:16        R',
      ' [ ]2 answer task_864e65b18d8b704c, requeue while w7 (4120) lives',
      ' [?]3 see the pipeline run: PM alive, its log moves',
      ' [ ]4 end orphans 4120, 4121: one runner, one monitor',
    ],
    narrow: [
      '-9 Steps: API unreachable - 0 of 4',
      ' [ ]1 KILL 2210; watchdog 40..   R',
      ' [ ]2 answer task_864e65b18d..',
      ' [?]3 see the pipeline run: ..',
      ' [ ]4 end orphans 4120, 4121..',
    ],
  },
  pipeline: {
    loading: [
      '-4 Pipeline ------------------------------------------------------------------',
      ' reading the sources ...',
      '',
      '',
      '',
    ],
    empty: [
      '-4 Pipeline ------------------------------------------------------------------',
      ' no system is watched',
      '',
      '',
      '',
    ],
    data: [
      '-4 Pipeline ------------------------------------------------------------------',
      'coherence',
      ' ? goal         Data unavailable',
      ' ? orchestr.    PM not seen, workers=5',
      ' x execution    API down',
    ],
    stale: [
      '-4 Pipeline ------------------------------------------------------ read 1m ago',
      'coherence  STALE',
      ' ? goal         Data unavailable',
      ' ? orchestr.    PM not seen, workers=5',
      ' x execution    API down',
    ],
    failed: [
      '-4 Pipeline ------------------------------------------------------------------',
      'coherence',
      ' ? goal         Data unavailable',
      ' ? orchestr.    PM not seen, workers=5',
      ' x execution    API down',
    ],
    narrow: [
      '-4 Pipeline ----------------------',
      'coherence',
      ' ? goal       Data unavailable',
      ' ? orchestr.  PM not seen, worke..',
      ' x execution  API down',
    ],
  },
  work: {
    loading: [
      '-5 Work ------------------------------------------------------------ ? running',
      ' reading the sources ...',
      '',
      '',
      '',
    ],
    empty: [
      '-5 Work ------------------------------------------------------------ 0 running',
      ' nothing runs',
      '',
      '',
      '',
    ],
    data: [
      '-5 Work ------------------------------------------------------------ 2 running',
      ' coherence runner:4120 (w7)                                         ORPHAN 20s',
      ' coherence monitor:4121                                             ORPHAN 20s',
      ' orket     9c41:TIDE-3/6 coder                                              1m',
      ' openclaw  3c4d billing-cron                                          beat now',
    ],
    stale: [
      '-5 Work ------------------------------------------------------------ 2 running',
      ' coherence runner:4120 (w7)                                         ORPHAN 20s',
      ' coherence monitor:4121                                             ORPHAN 20s',
      ' orket     9c41:TIDE-3/6 coder                                              1m',
      ' openclaw  3c4d billing-cron                                          beat now',
    ],
    failed: [
      '-5 Work ------------------------------------------------------------ 2 running',
      ' coherence runner:4120 (w7)                                         ORPHAN 20s',
      ' coherence monitor:4121                                             ORPHAN 20s',
      ' orket     9c41:TIDE-3/6 coder                                              1m',
      ' openclaw  3c4d billing-cron                                          beat now',
    ],
    narrow: [
      '-5 Work ---------------- 2 running',
      ' coherence runner:4120 (w7) ORPHAN',
      ' coherence monitor:4121     ORPHAN',
      ' orket     9c41:TIDE-3/6 c..    1m',
      ' openclaw  3c4d billing.. beat now',
    ],
  },
  acts: {
    loading: [
      '-7 Acts ------------------------------------------------------------ 0 running',
      ' reading the sources ...',
      '',
      '',
      '',
    ],
    empty: [
      '-7 Acts ------------------------------------------------------------ 0 running',
      ' nothing was done yet',
      '',
      '',
      '',
    ],
    data: [
      '-7 Acts ------------------------------------------------------------ 0 running',
      ' 02:41 bob approve 1a2b renew certific..: seen: job leaves awaiting_audit 4.0s',
      '',
      '',
      '',
    ],
    stale: [
      '-7 Acts ------------------------------------------------------------ 0 running',
      ' 02:41 bob approve 1a2b renew certific..: seen: job leaves awaiting_audit 4.0s',
      '',
      '',
      '',
    ],
    failed: [
      '-7 Acts ------------------------------------------------------------ 0 running',
      ' 02:41 bob approve 1a2b renew certific..: seen: job leaves awaiting_audit 4.0s',
      '',
      '',
      '',
    ],
    narrow: ['-7 Acts ---------------- 0 running', ' 02:41 bob approv..: verified 4.0s', '', '', ''],
  },
  logs: {
    loading: [
      '-6 Logs (L: all) -------------------- follow  0/s  unread 0 B  bad 0  lag 0.0s',
      ' reading the sources ...',
      '',
      '',
      '',
    ],
    empty: [
      '-6 Logs (L: all) -------------------- follow  2/s  unread 0 B  bad 0  lag 0.1s',
      ' no row of this item; L shows all',
      '',
      '',
      '',
    ],
    data: [
      '-6 Logs (L: all) -------------------- follow  2/s  unread 0 B  bad 0  lag 0.1s',
      ' 03:06:10.902 monitor          WARNING API unreachable: timed out',
      '~03:06:34     autonomous_api   ERROR: [Errno 98] error while attempting to b..',
      ' 03:13:10.871 monitor          Restart requested: api_unreachable',
      ' 03:13:46     CHANGE           pipeline_version.json started_at 03:13:46Z',
    ],
    stale: [
      '-6 Logs (L: all) STALE: coherence test ---------- follow  2/s  bad 0  lag 0.1s',
      ' 03:06:10.902 monitor          WARNING API unreachable: timed out',
      '~03:06:34     autonomous_api   ERROR: [Errno 98] error while attempting to b..',
      ' 03:13:10.871 monitor          Restart requested: api_unreachable',
      ' 03:13:46     CHANGE           pipeline_version.json started_at 03:13:46Z',
    ],
    failed: [
      '-6 Logs (L: all) -------------------- follow  2/s  unread 0 B  bad 0  lag 0.1s',
      ' 03:06:10.902 monitor          WARNING API unreachable: timed out',
      '~03:06:34     autonomous_api   ERROR: [Errno 98] error while attempting to b..',
      ' 03:13:10.871 monitor          Restart requested: api_unreachable',
      ' 03:13:46     CHANGE           pipeline_version.json started_at 03:13:46Z',
    ],
    narrow: [
      '-6 Logs (L: all) ---------- follow',
      ' 03:06:10 WARNING API unreachabl..',
      '~03:06:34 ERROR: [Errno 98] erro..',
      ' 03:13:10 Restart requested: api..',
      ' 03:13:46 pipeline_version.json ..',
    ],
  },
  footer: {
    loading: [' b- steps  K- take  d- aside  L lens  : commands  ? keys'],
    empty: [' b- steps  K- take  d- aside  L lens  : commands  ? keys'],
    data: [' R restart..  b steps  K take  d aside  L lens  : commands  ? keys'],
    stale: [' R restart..  b steps  K take  d aside  L lens  : commands  ? keys'],
    failed: [' R restart..  b steps  K take  d aside  L lens  : commands  ? keys'],
    narrow: [' R restart..  b steps  ? keys'],
  },
};

describe.each(Object.keys(frames) as PaneName[])('the pane %s', (pane) => {
  it.each(stateNames)('in the state %s', (state) => {
    expect(frameOf(pane, state)).toEqual(frames[pane][state]);
  });
});
