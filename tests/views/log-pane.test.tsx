/** The log pane alone on screens of four sizes, with all that can be told of it and of its rows. */
import { afterEach, describe, expect, it } from 'vitest';
import { addMs } from '../../src/domain/instant.ts';
import type { LogRow } from '../../src/domain/log.ts';
import { FakeEngine } from './fake-engine.ts';
import { at, coherence, orket, source, storyNow, storySnapshot, system } from './sample-state.ts';
import { openScreen, type TestScreen } from './screen.tsx';

let screen: TestScreen;
afterEach(() => screen.close());

/** One row of each sort. */
function everyRow(): LogRow[] {
  let offset = 0;
  const row = (clock: string, text: string, more: Partial<LogRow> = {}): LogRow => {
    offset += 100;
    const sortAt = at(clock);
    return {
      id: `r${offset / 100}`,
      system: orket,
      source: 'orket.log',
      path: 'orket.log',
      offset,
      at: sortAt,
      sortAt,
      form: 'log',
      level: 'info',
      text,
      ...more,
    };
  };
  const { at: _none, ...untimed } = row('03:05:10', 'printed without a time');
  return [
    row('22:59:00', 'an old part of it', { path: 'orket.log.2.gz', log: 'orket.log' }),
    row('03:05:09.250', 'turn_start TIDE-3 coder', { keys: ['9c41'] }),
    untimed,
    row('03:05:11', 'between two lines of the run'),
    row('03:05:12', 'turn_end TIDE-3 coder status=200 ms=412', { keys: ['9c41'] }),
    row('03:05:20', 'written an hour before its place', { at: at('02:05:20'), late: true }),
    row('03:05:30', 'Traceback (most recent call last):\n  File "x.py"\nOSError: disk full', {
      level: 'error',
      lines: 3,
    }),
    row('03:05:31', 'checkpoint saved', { count: 4 }),
    row('03:05:40', `answer ${'x'.repeat(400)}`, { cut: true }),
    row('03:05:50', 'disk almost full', { level: 'warning', system: coherence, path: 'logs/monitor.log' }),
    row('03:06:00', 'read before its writer emptied the file', { wiped: true }),
    row('03:06:10', 'run 9c41: running -> stalled', { form: 'change', path: '', keys: ['9c41'] }),
    row('03:06:11', 'poll 1 of the health check'),
    row('03:06:12', 'half a line', { open: true }),
  ];
}

async function open(columns: number, rows: number, only?: 'logs'): Promise<void> {
  const logs = [source('tasks', 'log', 'stale'), source('monitor', 'log')];
  const engine = new FakeEngine(
    storySnapshot({
      systems: [system(coherence, [{ ...logs[0]!, lastReadAt: addMs(storyNow, -130_000) }, logs[1]!])],
      figures: {
        ...{ lagMs: 240, unreadBytes: 61_000_000, badRecords: 3, linesPerSecond: 1850 },
        ...{ polling: false, gaps: 1 },
      },
    }),
  );
  engine.rows = everyRow();
  engine.files = [
    {
      ...{ system: orket, source: 'orket.log', path: 'orket.log', name: 'orket.log' },
      ...{ sizeBytes: 1e9, isCompressed: false, lines: 7, indexed: 0.427 },
    },
  ];
  screen = await openScreen({ engine, columns, rows, ...(only ? { only } : {}) });
  await screen.press(...(only ? ['L'] : ['6', 'L', 'z']));
}

/** The pane, without the first rows, the footer and empty rows. */
function pane(): string {
  const lines = screen.rows();
  return lines
    .slice(
      lines.findIndex((line) => /^=6/.test(line)),
      -1,
    )
    .filter((line) => !/^ *[|]?$/.test(line))
    .join('\n');
}

async function typed(key: string, text: string): Promise<void> {
  await screen.press(key);
  await screen.type(text);
  await screen.press('enter');
}

describe('the log pane', () => {
  it('on a screen of 60 by 15', async () => {
    await open(60, 15);
    expect(pane()).toMatchInlineSnapshot(`
      "=6 Logs (L: item) STALE 2m idx 42% ================== follow
      ~03:05:10 printed without a time
       03:05:11 between two lines of the run
       03:05:12 turn_end TIDE-3 coder status=200 ms=412
      <03:05:20 written an hour before its place [late]
       03:05:30 ERROR Traceback (most recent call last): (+2)
       03:05:31 checkpoint saved (x4)
       03:05:40 answer xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.. [cut]
       03:05:50 WARNING disk almost full
       03:06:00 read before its writer emptied the file [emptied]
       03:06:10 run 9c41: running -> stalled
       03:06:11 poll 1 of the health check
       03:06:12 half a line [open]"
    `);
    await typed('&', '!poll');
    await screen.press('i', 'escape');
    expect(pane()).toMatchInlineSnapshot(`
      "=6 Logs (L: item) &1 filter STALE 2m idx 42% ======== follow
       22:59:00 |.                             @| 03:07:00
                |                              E| most 15 in 8m
       03:05:11 between two lines of the run
       03:05:12 turn_end TIDE-3 coder status=200 ms=412
      <03:05:20 written an hour before its place [late]
       03:05:30 ERROR Traceback (most recent call last): (+2)
       03:05:31 checkpoint saved (x4)
       03:05:40 answer xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.. [cut]
       03:05:50 WARNING disk almost full
       03:06:00 read before its writer emptied the file [emptied]
       03:06:10 run 9c41: running -> stalled
       03:06:12 half a line [open]"
    `);
  });

  it('on a screen of 80 by 24', async () => {
    await open(80, 24);
    await typed('&', '!poll');
    await typed('/', 'disk');
    expect(pane()).toMatchInlineSnapshot(`
      "=6 Logs (L: item) &1 filter STALE 2m idx 42% /disk 2 of 2 ==== still (F follows)
       22:59:00     orket.log.2.gz   an old part of it
       03:05:09.250 orket.log        turn_start TIDE-3 coder
      ~03:05:10     orket.log        printed without a time
       03:05:11     orket.log        between two lines of the run
       03:05:12     orket.log        turn_end TIDE-3 coder status=200 ms=412
      <03:05:20     orket.log        written an hour before its place [late]
      /03:05:30     orket.log        ERROR Traceback (most recent call la.. (+2 lines)
       03:05:31     orket.log        checkpoint saved (x4)
       03:05:40     orket.log        answer xxxxxxxxxxxxxxxx.. [cut: Enter shows more]
      >03:05:50     monitor.log      WARNING disk almost full
       03:06:00     orket.log        read before its writer emp.. [file since emptied]
       03:06:10     CHANGE           run 9c41: running -> stalled
       03:06:12     orket.log        half a line [still being written]"
    `);
  });

  it('on a screen of 120 by 40, a run walked, a line remembered, two marked, fields as columns', async () => {
    await open(120, 40);
    await screen.press('g', 'j', 'o', 'j', 'm', 'j', 'space', 'j', 'space', 'i', 'escape');
    await screen.press('k', 'k', 'k', 'x', 'G', 'k', 'enter', 'escape');
    expect(pane()).toMatchInlineSnapshot(`
      "=6 Logs + changes, all (L: this item) STALE 2m: coherence tasks indexing 42% ====== still (F follows)  bad 3 (U)  lost 1
       22:59:00 |.                                                                                 @| 03:08:00
                |                                                                                  E| most 16 in 3m
       22:59:00     orket.log.2.gz   status=-  an old part of it
      |03:05:09.250 orket.log        status=-  turn_start TIDE-3 coder
      :03:05:10     orket.log        status=-  printed without a time
      :03:05:11     orket.log        status=-  between two lines of the run
      >03:05:12     orket.log        status=200  turn_end TIDE-3 coder status=200 ms=412
      '03:05:20     orket.log        status=-  written an hour before its place [late]
      *03:05:30     orket.log        status=-  ERROR Traceback (most recent call last): (+2 lines)
      *03:05:31     orket.log        status=-  checkpoint saved (x4)
      :03:05:40     orket.log        status=-  answer xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.. [cut: Enter shows more]
       03:05:50     monitor.log      status=-  WARNING disk almost full
      :03:06:00     orket.log        status=-  read before its writer emptied the file [file since emptied]
      |03:06:10     CHANGE           status=-  run 9c41: running -> stalled
       03:06:11     orket.log        status=-  poll 1 of the health check
       03:06:12     orket.log        status=-  half a line [still being written]"
    `);
  });

  it('on a screen of 200 by 50, all lines beside the filtered ones, a search with a name', async () => {
    await open(200, 50);
    await typed('/', 'disk');
    await screen.press('*', 'enter');
    await screen.type('space');
    await screen.press('enter', 'escape', 'escape');
    await typed('&', 'level:warning');
    await screen.press('k', '.');
    expect(pane()).toMatchInlineSnapshot(`
      "=6 Logs + changes, all (L: this item) &warning+ STALE 2m: coherence tasks indexing 42% ============================================ still (F follows)  1850/s  unread 61 MB  bad 3 (U)  lost 1  lag 0.2s
      - filtered ----------------------------------------------------------------------------------------|- all lines ----------------------------------------------------------------------------------------
      >03:05:30     orket.log        [space] ERROR Traceback (most recent call last): (+2 lines)         | 22:59:00     orket.log.2.gz   an old part of it
       03:05:50     monitor.log      [space] WARNING disk almost full                                    | 03:05:09.250 orket.log        turn_start TIDE-3 coder
       03:06:10     CHANGE           run 9c41: running -> stalled                                        |~03:05:10     orket.log        printed without a time
                                                                                                         | 03:05:11     orket.log        between two lines of the run
                                                                                                         | 03:05:12     orket.log        turn_end TIDE-3 coder status=200 ms=412
                                                                                                         |<03:05:20     orket.log        written an hour before its place [late]
                                                                                                         |>03:05:30     orket.log        [space] ERROR Traceback (most recent call last): (+2 lines)
                                                                                                         | 03:05:31     orket.log        checkpoint saved (x4)
                                                                                                         | 03:05:40     orket.log        answer xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.. [cut: Enter shows more]
                                                                                                         | 03:05:50     monitor.log      [space] WARNING disk almost full
                                                                                                         | 03:06:00     orket.log        read before its writer emptied the file [file since emptied]
                                                                                                         | 03:06:10     CHANGE           run 9c41: running -> stalled
                                                                                                         | 03:06:11     orket.log        poll 1 of the health check
                                                                                                         | 03:06:12     orket.log        half a line [still being written]"
    `);
  });

  it('alone in a terminal has its keys at once, all lines below the filtered ones, and stays alone', async () => {
    await open(80, 20, 'logs');
    await typed('&', 'level:warning');
    await screen.press('k', '.');
    expect(pane()).toMatchInlineSnapshot(`
      "=6 Logs (L: item) &1 filter STALE 2m idx 42% ================= still (F follows)
       03:05:30     orket.log        ERROR Traceback (most recent call la.. (+2 lines)
      >03:05:50     monitor.log      WARNING disk almost full
       03:06:10     CHANGE           run 9c41: running -> stalled
      - all lines --------------------------------------------------------------------
       03:05:12     orket.log        turn_end TIDE-3 coder status=200 ms=412
      <03:05:20     orket.log        written an hour before its place [late]
       03:05:30     orket.log        ERROR Traceback (most recent call la.. (+2 lines)
       03:05:31     orket.log        checkpoint saved (x4)
       03:05:40     orket.log        answer xxxxxxxxxxxxxxxx.. [cut: Enter shows more]
      >03:05:50     monitor.log      WARNING disk almost full
       03:06:00     orket.log        read before its writer emp.. [file since emptied]
       03:06:10     CHANGE           run 9c41: running -> stalled"
    `);
    await screen.press('1', 'tab', 'z', '!');
    expect(screen.rows().filter((row) => /^[-=]\d /.test(row))).toEqual([expect.stringMatching(/^=6 Logs/)]);
    await screen.press('escape', 'i');
    expect(screen.frame()).toContain('h l along');
  });
});
