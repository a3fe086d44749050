import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogFilter } from '../../src/domain/log.ts';
import { connectLogs } from '../../src/logs/log-carrier.ts';
import { LogDesk } from '../../src/logs/log-desk.ts';
import type { LogPageAnswer, LogPort, LogSpec } from '../../src/logs/log-protocol.ts';
import { plainLines } from '../../src/logs/plain-lines.ts';

let directory: string;
let desk: LogPort;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'binnacle-desk-'));
  desk = new LogDesk({ plain: ({ zone }) => plainLines(zone) });
});
afterEach(async () => {
  await desk.close();
  rmSync(directory, { recursive: true, force: true });
});

const START = Date.UTC(2026, 1, 21, 3, 0, 0);
const at = (ms: number): string => new Date(START + ms).toISOString();
const spec = (name = 'app.log'): LogSpec => ({
  ...{
    id: name,
    system: 'orket',
    source: name,
    path: join(directory, name),
    fence: [directory],
    reader: 'plain',
  },
});
const put = (name: string, content: string | Buffer): void => writeFileSync(join(directory, name), content);
const texts = ({ lines }: LogPageAnswer): string[] => lines.map(({ text }) => text);
const end = (rows = 10) => desk.call('page', { at: 'end', rows, way: 'backward', filter: [] });
const start = (rows = 100) => desk.call('page', { at: 'start', rows, way: 'forward', filter: [] });

function lines(count: number, from = 0, stepMs = 1000): string {
  return Array.from({ length: count }, (_, index) => {
    const level = (index + from) % 50 === 0 ? 'ERROR' : 'INFO';
    return `${at((index + from) * stepMs)} ${level} line ${index + from} ${'.'.repeat(80)}\n`;
  }).join('');
}

describe('a log that is opened', () => {
  it('tells time, level, ids and the file of each record', async () => {
    put(
      'app.log',
      `${at(0)} WARNING run=9c41 task_id="a b" slow\n  more of it\n{"time":${START + 5},"level":50,"run_id":"77"}\nERROR: no time\n`,
    );
    await desk.call('open', { logs: [spec()] });
    const { lines: rows, atStart } = await end();
    expect(atStart).toBe(true);
    expect(rows).toMatchObject([
      { at: START, level: 'warning', keys: ['9c41', 'a b'], lines: 2, name: 'app.log', system: 'orket' },
      { at: START + 5, level: 'error', keys: ['77'] },
      { sortAt: START + 5, level: 'error', text: 'ERROR: no time' },
    ]);
    expect(rows[2]).not.toHaveProperty('at');
  });

  it('shows what is appended when it is looked at again, from the gap where a page ended', async () => {
    put('app.log', lines(3000));
    await desk.call('open', { logs: [spec()] });
    const first = await end(2);
    await desk.call('settle', {});
    appendFileSync(join(directory, 'app.log'), lines(3000, 3000));
    expect(await desk.call('refresh', {})).toEqual({ changed: ['app.log'] });
    const page = { at: { gap: first.end }, rows: 2, way: 'forward', filter: [] } as const;
    expect(texts(await desk.call('page', page)).map((text) => text.slice(25, 40))).toEqual([
      'ERROR line 3000',
      'INFO line 3001 ',
    ]);
    await desk.call('settle', {});
    const { parts } = await desk.call('parts', {});
    expect(parts[0]).toMatchObject({ lines: 6000, knownBlocks: parts[0]?.blocks });
  });

  it('keeps the place of a record through renaming, compression and the emptying of what was copied', async () => {
    put('app.log', lines(2000));
    await desk.call('open', { logs: [spec()] });
    const { lines: rows } = await end(1);
    const place = rows[0]?.place;
    if (!place) throw new Error('no row');
    const around = () => desk.call('page', { at: { place }, rows: 1, way: 'forward', filter: [] });
    const text = rows[0]?.text;
    renameSync(join(directory, 'app.log'), join(directory, 'app.log.1'));
    put('app.log', lines(10, 5000));
    await desk.call('refresh', {});
    expect((await around()).lines[0]).toMatchObject({ text, name: 'app.log.1' });
    put('app.log.2.gz', gzipSync(readFileSync(join(directory, 'app.log.1'))));
    rmSync(join(directory, 'app.log.1'));
    await desk.call('refresh', {});
    expect((await around()).lines[0]).toMatchObject({ text, name: 'app.log.2.gz' });
    copyFileSync(join(directory, 'app.log'), join(directory, 'app.log.1'));
    await desk.call('refresh', {});
    expect((await start(500)).lines.filter(({ name }) => name !== 'app.log.2.gz')).toHaveLength(0);
    expect(texts(await end(11)).filter((one) => one.includes('line 500'))).toHaveLength(10);
    truncateSync(join(directory, 'app.log'));
    appendFileSync(join(directory, 'app.log'), lines(1, 6000));
    await desk.call('refresh', {});
    expect(texts(await end(3)).map((one) => /line \d+/.exec(one)?.[0])).toEqual([
      'line 5008',
      'line 5009',
      'line 6000',
    ]);
    expect((await end(3)).lines.map(({ name }) => name)).toEqual(['app.log.1', 'app.log.1', 'app.log']);
  });

  it('counts records by time and level as one by one they are', async () => {
    put('app.log', lines(20_000, 0, 700));
    put('app.log.1.gz', gzipSync(lines(3000, -3000, 700)));
    await desk.call('open', { logs: [spec()] });
    await desk.call('settle', {});
    const whole = await desk.call('histogram', { spans: 10_000 });
    const expected = new Map<number, number[]>();
    for (let index = -3000; index < 20_000; index += 1) {
      const from = Math.floor((START + index * 700) / 60_000) * 60_000;
      const counts = expected.get(from) ?? [0, 0, 0, 0, 0];
      const level = index % 50 === 0 ? 4 : 2;
      counts[level] = (counts[level] ?? 0) + 1;
      expected.set(from, counts);
    }
    expect(whole).toMatchObject({ isComplete: true, spanMs: 60_000, untimed: 0 });
    expect(new Map(whole.spans.map(({ from, counts }) => [from, [...counts]]))).toEqual(expected);
    const few = await desk.call('histogram', { spans: 12 });
    expect(few.spans.length).toBeLessThanOrEqual(12);
    expect(few.spans.flatMap(({ counts }) => counts).reduce((a, b) => a + b)).toBe(23_000);
  });

  it('finds the line so many before the end, a time, the next and the previous error', async () => {
    put('app.log', lines(5000));
    await desk.call('open', { logs: [spec()] });
    const { place } = await desk.call('lineFromEnd', { log: 'app.log', lines: 4000 });
    if (!place) throw new Error('no line');
    const page = { rows: 1, way: 'forward', filter: [] } as const;
    expect(texts(await desk.call('page', { ...page, at: { place } }))[0]).toContain(' line 1000 ');
    expect(await desk.call('lineFromEnd', { log: 'app.log', lines: 5001 })).toEqual({});
    expect(texts(await desk.call('page', { ...page, at: { time: START + 1_234_567 } }))[0]).toContain(
      ' line 1235 ',
    );
    const errors = { ...page, filter: [{ is: 'level', least: 'error' }] } as const;
    const next = await desk.call('page', { ...errors, at: { place, side: 'behind' } });
    expect(texts(next)[0]).toContain('ERROR line 1050 ');
    const previous = await desk.call('page', { ...errors, way: 'backward', at: { place } });
    expect(texts(previous)[0]).toContain('ERROR line 950 ');
    const shown = await desk.call('page', { ...errors, at: { place, side: 'behind' }, context: 1 });
    expect(shown.lines.map(({ isContext }) => isContext ?? false)).toEqual([true, false, true]);
    const { filter } = errors;
    const count = (way: 'forward' | 'backward', most: number) =>
      desk.call('count', { at: { place }, way, filter, most });
    expect(await count('backward', 1000)).toMatchObject({ count: 20, isAll: true });
    expect(await count('forward', 1000)).toMatchObject({ count: 80, isAll: true, share: 1 });
    const most = await count('forward', 79);
    expect(most).toMatchObject({ count: 79, isAll: false });
    expect(most.share).toBeLessThan(1);
    const rest = { at: { gap: most.rest }, way: 'forward', filter, most: 1000 } as const;
    expect(await desk.call('count', rest)).toMatchObject({ count: 1, isAll: true });
  });

  it('ends a log where it is told to, whichever way it is read, and leaves out a log without such a place', async () => {
    put('app.log', lines(3000));
    put('other.log', lines(10));
    await desk.call('open', { logs: [spec(), spec('other.log')] });
    const { place } = await desk.call('lineFromEnd', { log: 'app.log', lines: 1000 });
    if (!place) throw new Error('no such line');
    const limits = { 'app.log': place };
    const asked = { rows: 2, filter: [], limits } as const;
    const last = await desk.call('page', { ...asked, at: 'end', way: 'backward' });
    expect(texts(last).map((text) => text.slice(25, 40))).toEqual(['INFO line 1998 ', 'INFO line 1999 ']);
    const near = { time: START + 1_999_000 };
    const next = await desk.call('page', { ...asked, at: near, way: 'forward' });
    expect(next).toMatchObject({ atEnd: true, lines: [{ sortAt: START + 1_999_000 }] });
    const behind = { time: START + 2_500_000 };
    expect((await desk.call('page', { ...asked, at: behind, way: 'forward' })).lines).toEqual([]);
    expect(await desk.call('page', { ...asked, at: behind, way: 'backward' })).toMatchObject({
      lines: last.lines,
    });
    const count = { at: 'start', way: 'forward', filter: [], most: 9999, limits } as const;
    expect(await desk.call('count', count)).toMatchObject({ count: 2000, isAll: true });
  });

  it('marks a line that came late and leaves it where it was written', async () => {
    put('app.log', `${at(0)} INFO a\n${at(60_000)} INFO b\n${at(5000)} INFO late\n${at(61_000)} INFO c\n`);
    await desk.call('open', { logs: [spec()] });
    expect((await start()).lines.map(({ late, sortAt }) => [late ?? false, sortAt - START])).toEqual([
      [false, 0],
      [false, 60_000],
      [true, 60_000],
      [false, 61_000],
    ]);
  });
});

describe('a stack of filters', () => {
  it('takes in and leaves out by field, id, source and expression, each record by its own lines', async () => {
    put(
      'app.log',
      `${at(0)} INFO run=1 worker=a go\n${at(1)} INFO run=2 worker=a go\n  on behalf of 1\n${at(2)} INFO run=1 worker=b stop\n`,
    );
    put('other.log', `{"time":${START + 3},"level":30,"run":"1","data":{"worker":"a"}}\n`);
    await desk.call('open', { logs: [spec(), { ...spec('other.log'), system: 'coherence' }] });
    const passing = async (filter: LogFilter): Promise<number[]> => {
      const page = await desk.call('page', { at: 'start', rows: 10, way: 'forward', filter });
      return page.lines.map(({ sortAt }) => sortAt - START);
    };
    expect(await passing([{ is: 'field', name: 'worker', value: 'a' }])).toEqual([0, 1]);
    expect(await passing([{ is: 'field', name: 'data.worker', value: 'a' }])).toEqual([3]);
    expect(await passing([{ is: 'field', name: 'worker', value: 'a', out: true }])).toEqual([2, 3]);
    expect(
      await passing([
        { is: 'about', keys: ['1'] },
        { is: 'system', systems: ['orket'] },
      ]),
    ).toEqual([0, 1, 2]);
    expect(
      await passing([
        { is: 'source', sources: ['other.log'], out: true },
        { is: 'match', pattern: 'behalf|stop' },
      ]),
    ).toEqual([1, 2]);
    expect(await passing([{ is: 'level', least: 'warning' }])).toEqual([]);
    expect(await passing([{ is: 'time', since: START + 1, until: START + 3 }])).toEqual([1, 2]);
  });
});

describe('what is wrong with a file', () => {
  it('is told, and costs nothing of what it holds: gzip cut off, wrong sums, several members', async () => {
    const [one, two] = [gzipSync(lines(500)), gzipSync(lines(500, 500))];
    const wrong = Buffer.from(two);
    wrong.writeUInt32LE(1, wrong.length - 8);
    put('app.log.3.gz', Buffer.concat([one, wrong]));
    put('app.log.2.gz', one.subarray(0, one.length - 30));
    put('app.log.1.gz', Buffer.from('not gzip at all, but lines\n'));
    put('app.log', lines(1, 2000));
    await desk.call('open', { logs: [spec()] });
    await desk.call('settle', {});
    const { parts, problems } = await desk.call('parts', {});
    expect(parts.map(({ lines: count }) => count)).toEqual([1000, expect.any(Number), 1, 1]);
    expect(parts[1]?.lines).toBeGreaterThan(400);
    expect(problems).toEqual([
      expect.stringMatching(/^app\.log\.3\.gz: wrong check sum/),
      expect.stringMatching(/^app\.log\.2\.gz: (cut off|damaged)/),
    ]);
  });

  it('rows 38, 39 and 50: leaves the next line intact: holes, bytes that are no UTF-8, UTF-16, lines without an end, deep JSON', async () => {
    const next = `${at(9000)} INFO next\n`;
    const contents: Record<string, Buffer> = {
      hole: Buffer.concat([
        Buffer.from(`${at(0)} INFO first\n`),
        Buffer.alloc(10_000_000),
        Buffer.from(next),
      ]),
      latin: Buffer.concat([Buffer.from([0xff, 0xe9, 0x0a, 0xc3, 0x0a]), Buffer.from(next)]),
      wide: Buffer.concat([
        Buffer.from([0xff, 0xfe]),
        Buffer.from(`${at(0)} INFO fürst\r\n${next}`, 'utf16le'),
      ]),
      long: Buffer.concat([Buffer.alloc(20_000_000, 'x'), Buffer.from(`\n${next}`)]),
      json: Buffer.from(`{"a":${'['.repeat(100_000)}\n${next}`),
      mark: Buffer.from(`\u{feff}${at(0)} INFO first\r\n${next}`),
    };
    for (const [name, content] of Object.entries(contents)) put(`${name}.log`, content);
    for (const name of Object.keys(contents)) {
      await desk.call('open', { logs: [spec(`${name}.log`)] });
      const { lines: rows } = await end(5);
      expect(rows.at(-1), name).toMatchObject({ text: next.trimEnd(), at: START + 9000 });
      expect(texts(await start()), name).toEqual(rows.map(({ text }) => text));
      if (name === 'hole') expect(rows.at(-1)?.afterHole).toBe(true);
      if (name === 'long') expect(rows[0]).toMatchObject({ cut: true });
      if (name === 'wide' || name === 'mark') expect(rows[0]?.at).toBe(START);
      for (const { text } of rows) expect(text.length).toBeLessThanOrEqual(65_536);
    }
  });

  it('makes nothing of a directory, and of a log that is not there', async () => {
    await desk.call('open', { logs: [{ ...spec('tmp'), path: directory }, spec('missing.log')] });
    expect(await end()).toMatchObject({ lines: [], atStart: true });
    put('missing.log', lines(1));
    expect(await desk.call('refresh', {})).toEqual({ changed: ['missing.log'] });
    expect((await end()).lines).toHaveLength(1);
  });
});

describe('the thread of the logs', () => {
  it('answers as the desk does, tells a bad expression, and cancels', async () => {
    put('app.log', lines(50_000));
    const worker = new Worker(new URL('./logs-thread.ts', import.meta.url));
    const logs = connectLogs(worker);
    try {
      await logs.call('open', { logs: [spec()] });
      await desk.call('open', { logs: [spec()] });
      const page = { at: 'end', rows: 20, way: 'backward', filter: [{ is: 'text', text: '7 ...' }] } as const;
      expect(await logs.call('page', page)).toEqual(await desk.call('page', page));
      const bad = logs.call('page', { ...page, filter: [{ is: 'match', pattern: '(' }] });
      await expect(bad).rejects.toThrow(/Invalid regular expression/);
      const controller = new AbortController();
      const long = logs.call(
        'page',
        { ...page, filter: [{ is: 'text', text: 'no such' }] },
        controller.signal,
      );
      controller.abort();
      await expect(long).rejects.toThrow('cancelled');
      expect((await logs.call('page', { ...page, rows: 1 })).lines).toHaveLength(1);
      await logs.close();
      await expect(logs.call('parts', {})).rejects.toThrow('closed');
    } finally {
      await worker.terminate();
    }
  });
});
