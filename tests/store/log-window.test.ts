import { describe, expect, it } from 'vitest';
import { instant } from '../../src/domain/instant.ts';
import { type LogCursor, type LogPage, type LogQuery, type LogRow, matcherOf } from '../../src/domain/log.ts';
import { createLogWindow, histogramOf, visibleRows } from '../../src/store/log-window.ts';
import { coherence } from '../views/sample-state.ts';

function row(seq: number, text = `line ${seq}`, more: Partial<LogRow> = {}): LogRow {
  const at = instant(1_000_000 + seq * 1000);
  return {
    seq,
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

/** A log that answers like the engine's: the cursor becomes the middle of the page. */
class Log {
  rows: LogRow[];
  asked = 0;
  fail: string | undefined;
  constructor(count: number) {
    this.rows = Array.from({ length: count }, (_, index) => row(index + 1));
  }
  page = async (query: LogQuery, at: LogCursor | 'end' | 'start', count: number): Promise<LogPage> => {
    this.asked += 1;
    await Promise.resolve();
    if (this.fail !== undefined) throw new Error(this.fail);
    const found = this.rows.filter(matcherOf(query));
    const middle =
      at === 'end' ? found.length : at === 'start' ? 0 : found.findIndex((one) => one.seq >= at.seq);
    const wanted = at === 'end' ? found.length - count : at === 'start' ? 0 : middle - Math.floor(count / 2);
    const first = Math.max(0, Math.min(wanted, found.length - count));
    const rows = found.slice(first, first + count);
    return { rows, before: first, after: found.length - first - rows.length, total: found.length };
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function open(count: number) {
  const log = new Log(count);
  const window = createLogWindow(log.page, () => {});
  window.setQuery({ changes: true });
  await settle();
  return { log, window };
}

describe('the log window', () => {
  it('begins at the end and follows it', async () => {
    const { log, window } = await open(1000);
    expect(visibleRows(window.state(), 5).rows.map((one) => one.seq)).toEqual([996, 997, 998, 999, 1000]);
    log.rows.push(row(1001));
    window.rowsCame();
    await settle();
    expect(visibleRows(window.state(), 2).rows.map((one) => one.seq)).toEqual([1000, 1001]);
    expect(window.state().unread).toBe(0);
  });

  it('stands still once one scrolls up, and counts what comes', async () => {
    const { log, window } = await open(1000);
    window.move(-1);
    const before = visibleRows(window.state(), 6).rows.map((one) => one.seq);
    log.rows.push(row(1001), row(1002), row(1003));
    window.rowsCame();
    await settle();
    expect(window.state()).toMatchObject({ follow: false, unread: 3, selected: 999 });
    expect(visibleRows(window.state(), 6).rows.map((one) => one.seq)).toEqual(before);
    window.toEnd();
    await settle();
    expect(window.state()).toMatchObject({ follow: true, unread: 0, selected: 1003 });
  });

  it('walks through a log longer than a page, row by row, to its very start', async () => {
    const { window } = await open(2000);
    const seen: number[] = [];
    for (let step = 0; step < 1999; step += 1) {
      window.move(-1);
      await settle();
      seen.push(window.state().selected ?? -1);
    }
    expect(seen).toEqual(Array.from({ length: 1999 }, (_, index) => 1999 - index));
    window.move(-1);
    expect(window.state().selected).toBe(1);
  });

  it('jumps to the start and back to the end', async () => {
    const { window } = await open(2000);
    window.toStart();
    await settle();
    expect(window.state()).toMatchObject({ selected: 1, before: 0, follow: false });
    window.toEnd();
    await settle();
    expect(window.state()).toMatchObject({ selected: 2000, after: 0, follow: true });
  });

  it('finds the next and the previous row of another query, beyond what is loaded', async () => {
    const { log, window } = await open(3000);
    log.rows[99] = row(100, 'boom', { level: 'error' });
    log.rows[49] = row(50, 'boom', { level: 'error' });
    expect(await window.find({ minLevel: 'error' }, -1)).toBe(true);
    await settle();
    expect(window.state().selected).toBe(100);
    expect(window.state().rows.some((one) => one.seq === 100)).toBe(true);
    expect(await window.find({ minLevel: 'error' }, -1)).toBe(true);
    expect(await window.find({ minLevel: 'error' }, -1)).toBe(false);
    expect(await window.find({ minLevel: 'error' }, 1)).toBe(true);
    expect(window.state().selected).toBe(100);
  });

  it('keeps its place under another setting, and begins anew with another subject', async () => {
    const { window } = await open(1000);
    window.move(-40);
    await settle();
    window.setQuery({ minLevel: 'info' }, true);
    await settle();
    expect(window.state()).toMatchObject({ selected: 960, follow: false });
    window.setQuery({ grep: 'line 1' }, false);
    expect(window.state().rows).toEqual([]);
    await settle();
    expect(window.state()).toMatchObject({ follow: true, selected: 1000, total: 112 });
  });

  it('stays near its place when the row it stood on is filtered away', async () => {
    const { window } = await open(1000);
    window.move(-500);
    await settle();
    const here = window.state().selected ?? 0;
    window.setQuery({ grep: '00$' }, true);
    await settle();
    expect(Math.abs((window.state().selected ?? 0) - here)).toBeLessThanOrEqual(100);
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
    const asked = log.asked;
    for (let index = 0; index < 50; index += 1) window.rowsCame();
    await settle();
    expect(log.asked - asked).toBeLessThanOrEqual(2);
  });

  it('tells why it can show nothing, and recovers', async () => {
    const { log, window } = await open(10);
    log.fail = 'bad expression';
    window.setQuery({ grep: '(' });
    await settle();
    expect(window.state()).toMatchObject({ phase: 'failed', error: 'bad expression' });
    log.fail = undefined;
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

describe('the histogram', () => {
  it('counts folded rows as many times as they stand for', () => {
    expect(histogramOf([row(0), row(1, 'x', { count: 3 }), row(9)], 3)).toEqual([4, 0, 1]);
    expect(histogramOf([], 2)).toEqual([0, 0]);
    expect(histogramOf([row(1)], 0)).toEqual([]);
  });
});
