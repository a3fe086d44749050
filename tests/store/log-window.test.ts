import { describe, expect, it } from 'vitest';
import { instant } from '../../src/domain/instant.ts';
import type { LogRow } from '../../src/domain/log.ts';
import { createLogWindow, visibleRows } from '../../src/store/log-window.ts';
import { FakeEngine } from '../views/fake-engine.ts';
import { coherence } from '../views/sample-state.ts';

function row(seq: number, text = `line ${seq}`, more: Partial<LogRow> = {}): LogRow {
  const at = instant(1_000_000 + seq * 1000);
  return {
    id: String(seq),
    at,
    sortAt: at,
    offset: seq * 10,
    text,
    system: coherence,
    source: 's',
    path: 's.log',
    form: 'log',
    ...more,
  };
}

/** So many rows behind an engine. */
function logOf(count: number): FakeEngine {
  const engine = new FakeEngine();
  engine.rows = Array.from({ length: count }, (_, index) => row(index + 1));
  return engine;
}

/** The rows of a log with others at its end, or in the place of some. */
function put(engine: FakeEngine, ...rows: readonly LogRow[]): void {
  const others = new Map(rows.map((one) => [one.id, one]));
  const kept = engine.rows.filter(({ id }) => !others.has(id));
  engine.rows = [...kept, ...rows].sort((a, b) => a.sortAt - b.sortAt);
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function open(count: number) {
  const log = logOf(count);
  const window = createLogWindow(log, () => {});
  window.setQuery({ changes: true });
  await settle();
  return { log, window };
}

describe('the log window', () => {
  it('begins at the end and follows it', async () => {
    const { log, window } = await open(1000);
    expect(visibleRows(window.state(), 5).rows.map((one) => Number(one.id))).toEqual([
      996, 997, 998, 999, 1000,
    ]);
    put(log, row(1001));
    window.rowsCame();
    await settle();
    expect(visibleRows(window.state(), 2).rows.map((one) => Number(one.id))).toEqual([1000, 1001]);
    expect(window.state().unread).toBe(0);
  });

  it('stands still once one scrolls up, and counts what comes', async () => {
    const { log, window } = await open(1000);
    window.move(-1);
    const before = visibleRows(window.state(), 6).rows.map((one) => Number(one.id));
    put(log, row(1001), row(1002), row(1003));
    window.rowsCame();
    await settle();
    expect(window.state()).toMatchObject({ follow: false, unread: 3, selected: '999' });
    expect(visibleRows(window.state(), 6).rows.map((one) => Number(one.id))).toEqual(before);
    window.toEnd();
    await settle();
    expect(window.state()).toMatchObject({ follow: true, unread: 0, selected: '1003' });
  });

  it('walks through a log longer than a page, row by row, to its very start', async () => {
    const { window } = await open(2000);
    const seen: number[] = [];
    for (let step = 0; step < 1999; step += 1) {
      window.move(-1);
      await settle();
      seen.push(Number(window.state().selected));
    }
    expect(seen).toEqual(Array.from({ length: 1999 }, (_, index) => 1999 - index));
    window.move(-1);
    expect(window.state().selected).toBe('1');
  });

  it('jumps to the start and back to the end', async () => {
    const { window } = await open(2000);
    window.toStart();
    await settle();
    expect(window.state()).toMatchObject({ selected: '1', before: 0, follow: false });
    window.toEnd();
    await settle();
    expect(window.state()).toMatchObject({ selected: '2000', after: 0, follow: true });
  });

  it('finds the next and the previous row of another query, beyond what is loaded', async () => {
    const { log, window } = await open(3000);
    put(log, row(100, 'boom', { level: 'error' }), row(50, 'boom', { level: 'error' }));
    expect(await window.find({ minLevel: 'error' }, -1)).toBe(true);
    await settle();
    expect(window.state().selected).toBe('100');
    expect(window.state().rows.some((one) => one.id === '100')).toBe(true);
    expect(await window.find({ minLevel: 'error' }, -1)).toBe(true);
    expect(await window.find({ minLevel: 'error' }, -1)).toBe(false);
    expect(await window.find({ minLevel: 'error' }, 1)).toBe(true);
    expect(window.state().selected).toBe('100');
  });

  it('keeps its place under another setting, and begins anew with another subject', async () => {
    const { window } = await open(1000);
    window.move(-40);
    await settle();
    window.setQuery({ minLevel: 'info' }, true);
    await settle();
    expect(window.state()).toMatchObject({ selected: '960', follow: false });
    window.setQuery({ grep: 'line 1' }, false);
    expect(window.state().rows).toEqual([]);
    await settle();
    expect(window.state()).toMatchObject({ follow: true, selected: '1000', total: 112 });
  });

  it('stays near its place when the row it stood on is filtered away', async () => {
    const { window } = await open(1000);
    window.move(-500);
    await settle();
    const here = Number(window.state().selected);
    window.setQuery({ grep: '00$' }, true);
    await settle();
    expect(Math.abs(Number(window.state().selected) - here)).toBeLessThanOrEqual(100);
    expect(window.state().total).toBe(10);
  });

  it('never shows rows of an older question', async () => {
    const { window } = await open(100);
    window.setQuery({ grep: 'line 1' });
    window.setQuery({ grep: 'line 2' });
    await settle();
    expect(window.state().rows.every((one) => one.text.includes('line 2'))).toBe(true);
    expect(window.state().query).toEqual({ grep: 'line 2' });
  });

  it('asks once for many wake-ups', async () => {
    const { log, window } = await open(100);
    const asked = log.of('page').length;
    for (let index = 0; index < 50; index += 1) window.rowsCame();
    await settle();
    expect(log.of('page').length - asked).toBeLessThanOrEqual(2);
  });

  it('tells why it can show nothing, and recovers', async () => {
    const { log, window } = await open(10);
    log.failing = { page: 'bad expression' };
    window.setQuery({ grep: '(' });
    await settle();
    expect(window.state()).toMatchObject({ phase: 'failed', error: 'bad expression' });
    log.failing = {};
    window.setQuery({});
    await settle();
    expect(window.state()).toMatchObject({ phase: 'ready' });
    expect(window.state().error).toBeUndefined();
  });

  it('keeps the objects of rows it knows already', async () => {
    const { log, window } = await open(50);
    const before = window.state().rows;
    log.rows = log.rows.map((one) => ({ ...one }));
    window.rowsCame();
    await settle();
    expect(window.state().rows).toBe(before);
  });

  it('has nothing to move in when there is no row', async () => {
    const { window } = await open(0);
    window.move(-1);
    window.move(5);
    expect(visibleRows(window.state(), 5)).toEqual({ rows: [], cursor: -1 });
    expect(await window.find({}, 1)).toBe(false);
  });
});
