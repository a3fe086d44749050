import { Box } from 'ink';
import { cleanup, render } from 'ink-testing-library';
import { afterEach, describe, expect, it } from 'vitest';
import { penOf } from '../../views/components/line.ts';
import { StillTable, tableWindow } from '../../views/components/still-table.tsx';
import { tableOf } from '../../views/main.tsx';
import { plainTheme } from '../../views/theme.ts';
import { inkTable } from './plant-ink.ts';
import { openScreen, type TestScreen } from './screen.tsx';

afterEach(cleanup);
const pen = penOf(plainTheme);
const raw = [
  ['orket', 'fresh', 'orket.log'],
  ['coherence', '日本語', 'a place that is so long that it goes over more than one line of the table'],
  ['x', 'error', 'two\nlines \x1b[31m'],
];

function frame(columns: number, height: number, scroll: number, table: typeof inkTable): string {
  const window = tableWindow(pen, ['system', 'state', 'place'], raw, columns, height, scroll);
  const app = render(
    <Box width={columns} height={height + 2} overflow="hidden">
      <StillTable window={window} theme={plainTheme} table={table} pen={pen} />
    </Box>,
  );
  return (app.lastFrame() ?? '')
    .split('\n')
    .map((row) => row.trimEnd())
    .join('\n');
}

describe('a still table', () => {
  it('is drawn by ink-table, wide characters in line and nothing hostile left', () => {
    expect(inkTable).toBeDefined();
    expect(frame(60, 8, 0, inkTable)).toMatchInlineSnapshot(`
      "| system    | state  | place                               |
      | orket     | fresh  | orket.log                           |
      | coherence | 日本語 | a place that is so long that it     |
      |           |        | goes over more than one line of the |
      |           |        | table                               |
      | x         | error  | two                                 |
      |           |        | lines \\x1b[31m                      |


      "
    `);
  });

  it('reads the same where ink-table cannot be loaded', () => {
    expect(frame(60, 8, 0, undefined)).toBe(frame(60, 8, 0, inkTable));
    expect(frame(40, 4, 2, undefined)).toBe(frame(40, 4, 2, inkTable));
  });

  it('shows a window of its rows', () => {
    expect(frame(60, 2, 4, inkTable)).toContain('lines');
    expect(frame(60, 2, 4, inkTable)).not.toContain('orket.log');
    expect(tableWindow(pen, ['system', 'state', 'place'], raw, 60, 2, 999).first).toBe(4);
  });

  it('shows other rows in the place of those before', () => {
    const tableWith = (word: string) => (
      <StillTable
        window={tableWindow(pen, ['item', 'state'], [['one', word]], 60, 8, 0)}
        theme={plainTheme}
        table={inkTable}
        pen={pen}
      />
    );
    const app = render(tableWith('under way'));
    expect(app.lastFrame()).toContain('| one  | under way');
    app.rerender(tableWith('done'));
    expect(app.lastFrame()).toContain('| one  | done ');
    expect(app.lastFrame()).not.toContain('under way');
  });

  it('is found however a module wraps it', () => {
    expect(tableOf({ default: { default: inkTable } })).toBe(inkTable);
    expect(tableOf(undefined)).toBeUndefined();
    const circle: { default?: unknown } = {};
    circle.default = circle;
    expect(tableOf(circle)).toBeUndefined();
  });
});

describe('pages', () => {
  let screen: TestScreen;
  afterEach(() => screen.close());

  it('show an item whole, and scroll', async () => {
    screen = await openScreen({ columns: 100, rows: 30, ...(inkTable ? { table: inkTable } : {}) });
    await screen.press('enter');
    expect(screen.rows().slice(2, 29).join('\n')).toMatchInlineSnapshot(`
      "=API hangs: pid 2210 holds :8000 ===================================================================
      | field     | value                                                                                |
      | system    | coherence                                                                            |
      | type      | issue                                                                                |
      | id        | api_unreachable                                                                      |
      | title     | API hangs: pid 2210 holds :8000                                                      |
      | needs you | FATAL: nothing moves: the port is held by a process that does not answer             |
      | act       | pipeline.restart                                                                     |
      | key       | api_unreachable                                                                      |
      | severity  | fatal                                                                                |
      | status    | open                                                                                 |
      | since     | 2026-02-21 03:06:10Z                                                                 |
      | read      | 2026-02-21 03:14:05Z (now)                                                           |
      | http      | :8000/api/health                                                                     |
      |           | no answer in 5s (3 of 3)                                                             |
      | proc      | pid 2210                                                                             |
      |           | uvicorn app.main:app since 22:13:58Z, listens on :8000                               |
      | src       | autonomous_api.log@1899                                                              |
      |           | [Errno 98] address already in use (x5)                                               |
      | doc       | monitor_issues.json                                                                  |
      |           | api_unreachable, high, "timed out"; advises "watchdog restarts pipeline": it did not |





      "
    `);
    await screen.press('G');
    expect(screen.frame()).toContain('monitor_issues.json');
    await screen.press('escape');
    expect(screen.snapshot().desk.mode.type).toBe('browse');
  });

  it('show sources, the ledger and what is set aside from the palette', async () => {
    screen = await openScreen({ columns: 100, rows: 30, ...(inkTable ? { table: inkTable } : {}) });
    await screen.press(':');
    await screen.type('every source');
    await screen.press('enter');
    expect(screen.frame()).toContain('no answer in 5 s');
    await screen.press('escape', ':');
    await screen.type('ledger');
    await screen.press('enter');
    expect(screen.frame()).toContain('seen: job leaves awaiting_audit');
    await screen.press('escape', ':');
    await screen.type('what is set aside');
    await screen.press('enter');
    expect(screen.frame()).toContain('nothing is set aside');
  });
});
