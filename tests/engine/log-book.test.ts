import { copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { instant } from '../../src/domain/instant.ts';
import type { LogQuery, LogRow, PagePlace } from '../../src/domain/log.ts';
import type { Engine, EngineOptions } from '../../src/engine/engine.ts';
import { readersOf } from '../../src/engine/kind-lines.ts';
import type { PumpOptions } from '../../src/ingest/ingest.ts';
import { createPump } from '../../src/ingest/pump.ts';
import { LogDesk } from '../../src/logs/log-desk.ts';
import { until } from '../ingest/collector.ts';
import { listen, Mill, millAt, millEngine, millKind } from './mill.ts';

let mill: Mill;
const ends: (() => unknown)[] = [];
beforeEach(() => {
  mill = new Mill();
  mill.jobs({ a: { status: 'running' } });
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  mill.remove();
});

/** How the tests that follow have logs read at first. */
let reads: Pick<PumpOptions, 'initialLogBytes' | 'aheadBytes'> = {};
let opened = 0;
async function start(more: Partial<EngineOptions> = {}): Promise<Engine> {
  opened = 0;
  const located = millAt(mill.dir);
  const engine = millEngine(located, {
    once: true,
    makePump: (specs, options) => createPump(specs, { ...options, ...reads }),
    openLogs: async () => {
      opened += 1;
      return new LogDesk(readersOf([{ kind: millKind, located }]));
    },
    ...more,
  });
  ends.push(() => engine.close());
  await engine.call('settle', {});
  return engine;
}

const lineOf = (index: number): string => `${1000 + index * 1000} line ${index} of the mill`;
const linesFrom = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => lineOf(from + index));
const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
const numbersOf = (rows: readonly LogRow[]): number[] =>
  rows.map(({ text }) => Number(/^line (\d+)/.exec(text)?.[1] ?? -1));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** 0-99 in the compressed part, 100-299 in the one before, 300-999 in the log, of which the end is read at first. */
function oldLog(): void {
  writeFileSync(join(mill.dir, 'mill.log.2.gz'), gzipSync(textOf(linesFrom(0, 100))));
  writeFileSync(join(mill.dir, 'mill.log.1'), textOf(linesFrom(100, 300)));
  mill.log(...linesFrom(300, 1000));
}

/** Renames files, by default those of the old log by one. */
function rotate(...renamed: readonly (readonly [string, string])[]): void {
  const usual = [
    ['mill.log.2.gz', 'mill.log.3.gz'],
    ['mill.log.1', 'mill.log.2'],
    ['mill.log', 'mill.log.1'],
  ] as const;
  for (const [from, to] of renamed.length > 0 ? renamed : usual)
    renameSync(join(mill.dir, from), join(mill.dir, to));
}

/** All rows of a query, page by page from its end. */
async function walkBack(engine: Engine, query: LogQuery, rows: number): Promise<readonly LogRow[]> {
  const walked: LogRow[] = [];
  let at: PagePlace = 'end';
  for (;;) {
    const page = await engine.call('page', { query, at, rows });
    const known = new Set(walked.map(({ id }) => id));
    const fresh = page.rows.filter(({ id }) => !known.has(id));
    walked.unshift(...fresh);
    const [first] = walked;
    if (page.atStart || !first) return walked;
    if (fresh.length === 0) throw new Error(`no page before ${first.text}, and no start`);
    at = { sortAt: first.sortAt, id: first.id };
  }
}

async function walkOn(engine: Engine, query: LogQuery, rows: number): Promise<readonly LogRow[]> {
  const walked: LogRow[] = [];
  let at: PagePlace = 'start';
  for (;;) {
    const page = await engine.call('page', { query, at, rows });
    const known = new Set(walked.map(({ id }) => id));
    const fresh = page.rows.filter(({ id }) => !known.has(id));
    walked.push(...fresh);
    const last = walked.at(-1);
    if (page.atEnd || !last) return walked;
    if (fresh.length === 0) throw new Error(`no page behind ${last.text}, and no end`);
    at = { sortAt: last.sortAt, id: last.id };
  }
}

async function countOf(engine: Engine, query: LogQuery): Promise<number> {
  let hits = 0;
  let from: string | undefined;
  do {
    const slice = await engine.call('count', { query, ...(from === undefined ? {} : { from }) });
    hits += slice.hits;
    from = slice.next;
  } while (from !== undefined);
  return hits;
}

describe.each([
  ['only the end was read', { initialLogBytes: 2000 }],
  ['all was read, and the end shown before', { aheadBytes: 2000 }],
])('logs of which %s', (_what, how) => {
  beforeEach(() => {
    reads = how;
  });

  it('are walked through to their oldest compressed part and back, each line once and in order', async () => {
    oldLog();
    const engine = await start();
    const held = engine.logs.size;
    expect(held).toBeLessThan(120);
    expect(numbersOf(await walkBack(engine, {}, 200))).toEqual(upTo(1000));
    expect(numbersOf(await walkOn(engine, {}, 200))).toEqual(upTo(1000));
    const [first] = (await engine.call('page', { query: {}, at: 'start', rows: 1 })).rows;
    expect(first).toMatchObject({
      path: 'mill.log.2.gz',
      log: 'mill.log',
      at: 1000,
      text: 'line 0 of the mill',
    });
  });

  it('start no second reader while what is in memory is enough', async () => {
    oldLog();
    const engine = await start();
    expect((await engine.call('page', { query: {}, at: 'end', rows: 20 })).rows).toHaveLength(20);
    expect(opened).toBe(0);
    await engine.call('page', { query: {}, at: 'end', rows: 500 });
    expect(opened).toBe(1);
  });

  it('are filtered, searched, counted and shown from a time on as one', async () => {
    oldLog();
    const engine = await start();
    const query: LogQuery = { grep: '7 of' };
    expect(numbersOf(await walkBack(engine, query, 30))).toEqual(upTo(1000).filter((n) => n % 10 === 7));
    expect(await countOf(engine, query)).toBe(100);
    const from = { time: instant(501_000) };
    const find = async (direction: 1 | -1) => (await engine.call('find', { query, from, direction })).row;
    expect([await find(1), await find(-1)].map((row) => row?.text)).toEqual([
      'line 507 of the mill',
      'line 497 of the mill',
    ]);
    const next = await find(1);
    if (!next) throw new Error('nothing was found');
    const behind = { sortAt: next.sortAt, id: next.id };
    const second = await engine.call('find', { query, from: behind, direction: 1 });
    expect(second.row?.text).toBe('line 517 of the mill');
    const { rows } = await engine.call('page', { query: {}, at: { time: instant(151_000) }, rows: 6 });
    expect(numbersOf(rows)).toEqual([147, 148, 149, 150, 151, 152]);
    const about: LogQuery = {
      filter: [
        { is: 'text', text: 'line 1' },
        { is: 'text', text: '5 of', out: true },
      ],
    };
    expect(await countOf(engine, about)).toBe(
      upTo(1000).filter((n) => /^1/.test(`${n}`) && n % 10 !== 5).length,
    );
    const context = await engine.call('page', {
      query: { grep: '^line 150 ', context: 1 },
      at: 'end',
      rows: 9,
    });
    expect(numbersOf(context.rows)).toEqual([149, 150, 151]);
  });

  it('are told by minute and with their files', async () => {
    oldLog();
    const engine = await start();
    const histogram = () => engine.call('histogram', { query: {}, spans: 100 });
    // It is there before the index is; then there is more.
    while (!(await histogram()).isComplete) await new Promise((resolve) => setImmediate(resolve));
    const { spans, of } = await histogram();
    expect(of).toBe('query');
    expect(spans.reduce((sum, { counts }) => sum + counts.info, 0)).toBe(1000);
    expect((await engine.call('histogram', { query: { grep: 'x' }, spans: 100 })).of).toBe('logs');
    mill.log(...linesFrom(1000, 1100));
    const counted = async () =>
      (await histogram()).spans.reduce((sum, { counts }) => sum + counts.info, 0) === 1100;
    while (!(await counted())) await new Promise((resolve) => setImmediate(resolve));
    const { files } = await engine.call('parts', { query: {} });
    expect(files.map(({ path, name, isCompressed }) => [path, name, isCompressed])).toEqual([
      ['mill.log', 'mill.log.2.gz', true],
      ['mill.log', 'mill.log.1', false],
      ['mill.log', 'mill.log', false],
    ]);
  });

  it('tell no secret of an older line, nor the rest of a key a page begins with', async () => {
    const body = 'aGVsbG8gd29ybGQ'.repeat(4);
    const key = ['-----BEGIN PRIVATE KEY-----', body, body, '-----END PRIVATE KEY-----'];
    mill.log(...key, `1000 token ghp_${'a1B2'.repeat(9)} used`, ...linesFrom(1, 1000));
    const engine = await start();
    const all = await engine.call('page', { query: {}, at: 'start', rows: 6 });
    expect(
      all.rows
        .map(({ text }) => text)
        .slice(0, 4)
        .join(''),
    ).not.toContain(body);
    const inside = all.rows[2];
    if (!inside) throw new Error('no such row');
    const at = { sortAt: inside.sortAt, id: inside.id };
    const rest = await engine.call('page', { query: {}, at, rows: 2 });
    expect(JSON.stringify(rest.rows)).not.toContain(body);
    const { row } = await engine.call('find', { query: { grep: 'used$' }, from: 'start', direction: 1 });
    expect(row?.text).toBe('token *** used');
  });

  it('come with the fields that are wanted of their lines as written, without secrets', async () => {
    const secret = `ghp_${'a1B2'.repeat(9)}`;
    mill.log(`1000 pump=7 token=${secret} key=${secret}`, ...linesFrom(1, 1000), '1001000 pump=8 idle');
    const engine = await start();
    const query: LogQuery = { grep: 'pump', fields: ['pump', 'key', 'none'] };
    const { rows } = await engine.call('page', { query, at: 'end', rows: 9 });
    expect(rows.map(({ fields }) => fields)).toEqual([{ pump: '7', key: '***' }, { pump: '8' }]);
    expect((await engine.call('page', { query: {}, at: 'end', rows: 1 })).rows[0]?.fields).toBeUndefined();
  });

  it('go on to be each line once while they are rotated, copied and emptied', async () => {
    oldLog();
    const engine = await start({ once: false });
    const messages = listen(engine);
    const has = (text: string) => engine.logs.find({ grep: text }, 'end', -1) !== undefined;
    // A cockpit is told when what is older was found.
    const told = messages.length;
    expect((await engine.call('page', { query: {}, at: 'end', rows: 500 })).rows.length).toBeLessThan(120);
    await until(() => messages.length > told, 5000);
    expect((await engine.call('page', { query: {}, at: 'end', rows: 500 })).rows).toHaveLength(500);
    rotate();
    mill.log(...linesFrom(1000, 1010));
    await until(() => has('^line 1009 '), 5000);
    expect(numbersOf(await walkOn(engine, { changes: false }, 200))).toEqual(upTo(1010));
    rotate(['mill.log.3.gz', 'mill.log.4.gz'], ['mill.log.2', 'mill.log.3'], ['mill.log.1', 'mill.log.2']);
    copyFileSync(join(mill.dir, 'mill.log'), join(mill.dir, 'mill.log.1'));
    truncateSync(join(mill.dir, 'mill.log'));
    mill.log(...linesFrom(1010, 1020));
    await until(() => has('^line 1019 '), 5000);
    expect(numbersOf(await walkOn(engine, { changes: false }, 200))).toEqual(upTo(1020));
  });
});

describe('rows that leave memory while they are looked at', () => {
  it('are on the page all the same, each once, of a query that few match and of all lines', async () => {
    reads = {};
    mill.log(...linesFrom(0, 12_000));
    const engine = await start({ once: false });
    const few: LogQuery = { grep: '77 of', changes: false };
    const all: LogQuery = { changes: false };
    const isFew = (n: number): boolean => n % 100 === 77;
    const newest = async (query: LogQuery, rows: number): Promise<readonly number[]> =>
      numbersOf((await engine.call('page', { query, at: 'end', rows })).rows);
    await newest(few, 50);
    const still = (await engine.call('page', { query: all, at: 'end', rows: 10 })).rows[4];
    if (!still) throw new Error('no row to stand on');
    const place = { sortAt: still.sortAt, id: still.id };
    for (let to = 16_000; to <= 60_000; to += 4_000) {
      mill.log(...linesFrom(to - 4_000, to));
      await until(() => engine.logs.find({ grep: `^line ${to - 1} ` }, 'end', -1) !== undefined, 10_000);
      const wanted = upTo(to).filter(isFew);
      // What is older comes a moment later; there is no hole meanwhile.
      const told = await newest(few, 50);
      expect(told).toEqual(wanted.slice(-told.length));
      let whole = told;
      while (whole.length < 50) whole = await newest(few, 50);
      expect(whole).toEqual(wanted.slice(-50));
      const around = numbersOf((await engine.call('page', { query: all, at: place, rows: 40 })).rows);
      const [first = 0] = around;
      expect([11_974, 11_975]).toContain(first);
      expect(around).toEqual(upTo(first + 40).slice(first));
    }
    expect(engine.logs.left).toBeGreaterThan(30_000);
    expect(numbersOf(await walkBack(engine, few, 60))).toEqual(upTo(60_000).filter(isFew));
  });
});

describe('a long log', () => {
  it('is told from its end first, and then read whole behind the part that was rotated last', async () => {
    oldLog();
    const told: string[] = [];
    const engine = await start({
      makePump: (specs, options) =>
        createPump(specs, {
          ...options,
          aheadBytes: 2000,
          onEvent(event) {
            options.onEvent(event);
            if (event.type !== 'chunk' || event.chunk.type !== 'lines') return;
            const [first, last] = [event.chunk.lines[0], event.chunk.lines.at(-1)].map(
              (line) => / line (\d+)/.exec(line?.text ?? '')?.[1],
            );
            told.push(`${event.ahead ? 'ahead ' : ''}${Number(first) < 900 ? first : 'end'}-${last}`);
          },
        }),
    });
    expect(told).toEqual(['ahead end-999', '100-299', '300-999']);
    expect(engine.logs.size).toBeLessThan(120);
  });
});

describe('a writer that logs each line twice', () => {
  const twice = (from: number, to: number): string =>
    textOf(linesFrom(from, to).flatMap((line) => [line, line]));

  it('has one row for both, in old parts as in memory, with a count and the places of both', async () => {
    writeFileSync(join(mill.dir, 'mill.log.2.gz'), gzipSync(twice(0, 100)));
    writeFileSync(join(mill.dir, 'mill.log.1'), twice(100, 300));
    writeFileSync(join(mill.dir, 'mill.log'), twice(300, 600));
    const engine = await start();
    for (const size of [7, 90])
      for (const walk of [walkBack, walkOn]) {
        const rows = await walk(engine, {}, size);
        expect(numbersOf(rows)).toEqual(upTo(600));
        expect(rows.filter(({ count }) => count !== 2)).toEqual([]);
      }
    const [row] = (await engine.call('page', { query: { grep: 'line 150 ' }, at: 'start', rows: 1 })).rows;
    const length = `${lineOf(150)}\n`.length;
    expect(row?.twins).toEqual([{ source: 'log', path: 'mill.log', offset: (row?.offset ?? 0) + length }]);
    const held = (await engine.call('page', { query: {}, at: 'end', rows: 1 })).rows[0];
    expect(held?.twins).toEqual([
      { source: 'log', path: 'mill.log', offset: (held?.offset ?? 0) + `${lineOf(599)}\n`.length },
    ]);
  });

  it('is gone through line by line, not twice by each', async () => {
    writeFileSync(join(mill.dir, 'mill.log.1'), twice(0, 200));
    mill.log(...linesFrom(200, 400));
    const engine = await start();
    let from: PagePlace = 'start';
    const nextOf = async (place: PagePlace): Promise<LogRow | null> =>
      (await engine.call('find', { query: { grep: 'of the mill' }, from: place, direction: 1 })).row;
    for (let number = 0; number < 50; number += 1) {
      const row = await nextOf(from);
      expect(numbersOf(row ? [row] : [])).toEqual([number]);
      if (row) from = { sortAt: row.sortAt, id: row.id };
    }
  });
});
