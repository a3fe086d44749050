import { createHash } from 'node:crypto';
import { appendFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { instant } from '../../src/domain/instant.ts';
import type { Engine, EngineOptions } from '../../src/engine/engine.ts';
import type { StateChanges } from '../../src/engine/protocol.ts';
import { manualClock } from '../../src/host/clock.ts';
import type { Located } from '../../src/systems/system.ts';
import { shapes } from '../acts/secret-shapes.ts';
import { until } from '../ingest/collector.ts';
import { jobsIn, listen, Mill, millAt, millEngine } from './mill.ts';

let mill: Mill;
const ends: (() => unknown)[] = [];

beforeEach(() => {
  mill = new Mill();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  mill.remove();
});

function start(more: Partial<EngineOptions> = {}, located: Located = millAt(mill.dir)): Engine {
  const engine = millEngine(located, more);
  ends.push(() => engine.close());
  return engine;
}
const changeLines = (engine: Engine): string[] =>
  engine.logs
    .page({}, 'start', 1000)
    .rows.filter((row) => row.form === 'change')
    .map((row) => row.text);

/** Whether the system's first look was over, by the newest message that says; messages leave out what did not change. */
function isSettled(messages: readonly StateChanges[]): boolean | undefined {
  return messages.findLast((message) => message.systems !== undefined)?.systems?.[0]?.settled;
}

describe('the first look', () => {
  it('tells nothing before every local source was read once, a long log included', async () => {
    mill.jobs({ a: { status: 'running' } });
    const words = 'x'.repeat(90);
    mill.log(...Array.from({ length: 60_000 }, (_, index) => `${1000 + index} ${words}`));
    const engine = start();
    const messages = listen(engine);
    await until(() => messages.some(({ upserts }) => upserts.length > 0), 10_000);
    expect(engine.watches.values().next().value?.view().data).toEqual({ lines: 60_000 });
    expect(jobsIn(messages)).toEqual({ a: 'running' });
  });

  it('is told although a server does not answer, and settles when that is known', async () => {
    mill.jobs({ a: { status: 'running' } });
    mill.log('1000 begun');
    const deaf = createServer(() => {});
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    ends.push(() => deaf.close());
    const address = deaf.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const located = millAt(mill.dir, undefined, `http://127.0.0.1:${port}`);
    const engine = start({}, located);
    const messages = listen(engine);
    await until(() => Object.keys(jobsIn(messages)).length > 0, 20_000);
    expect(isSettled(messages)).toBe(false);
    await engine.call('settle', {});
    expect(engine.watches.values().next().value?.settled).toBe(true);
  });

  it('is no change: only what moves afterwards gives lines', async () => {
    mill.jobs({ a: { status: 'running' }, b: { status: 'queued' } });
    const engine = start();
    const messages = listen(engine);
    await engine.call('settle', {});
    expect(changeLines(engine)).toEqual([]);
    mill.jobs({ a: { status: 'done' }, c: { status: 'queued' } });
    await until(() => jobsIn(messages)['a'] === 'done', 3000);
    expect(changeLines(engine).sort()).toEqual([
      'job a: running -> done',
      'job b: gone (was queued)',
      'job c: queued',
    ]);
    expect(jobsIn(messages)).toEqual({ a: 'done', c: 'queued' });
    const [line] = engine.logs.page({ grep: 'job a' }, 'end', 1).rows;
    expect(line).toMatchObject({
      ref: { system: 'mill', type: 'job', id: 'a' },
      path: 'jobs.json',
      keys: ['a', 'a'],
    });
  });
});

describe('lines', () => {
  it('of a log that its writer emptied stay, marked, and a line says so', async () => {
    mill.jobs({});
    mill.log('1000 one', '2000 two');
    const engine = start();
    await engine.call('settle', {});
    truncateSync(join(mill.dir, 'mill.log'));
    await until(() => changeLines(engine).length > 0, 3000);
    expect(changeLines(engine)).toEqual([
      'mill.log was emptied by its writer; what was read before (18 bytes) stays readable',
    ]);
    mill.log('3000 three');
    await until(() => engine.logs.page({ grep: 'three' }, 'end', 1).total === 1, 3000);
    const rows = engine.logs.page({ changes: false }, 'start', 10).rows;
    expect(rows.map((row) => [row.text, row.wiped])).toEqual([
      ['one', true],
      ['two', true],
      ['three', undefined],
    ]);
  });

  it('of a rotated file carry its name as their place, and are found by the name of the log too', async () => {
    mill.jobs({});
    writeFileSync(join(mill.dir, 'mill.log.1'), '1000 one\n');
    mill.log('2000 two');
    const engine = start();
    await engine.call('settle', {});
    const rows = engine.logs.page({ files: ['mill.log'] }, 'start', 10).rows;
    expect(rows.map((row) => [row.text, row.path, row.log])).toEqual([
      ['one', 'mill.log.1', 'mill.log'],
      ['two', 'mill.log', undefined],
    ]);
    truncateSync(join(mill.dir, 'mill.log'));
    await until(() => changeLines(engine).length > 0, 3000);
    const wiped = engine.logs.page({ changes: false }, 'start', 10).rows.map((row) => row.wiped);
    expect(wiped).toEqual([undefined, true]);
  });

  it('are counted per second, with the time from their writing to their being there', async () => {
    mill.jobs({});
    mill.log('1000 one');
    const engine = start();
    const messages = listen(engine);
    await engine.call('settle', {});
    expect(messages.at(-1)?.figures).toMatchObject({ lagMs: 0, linesPerSecond: 0 });
    mill.log(...Array.from({ length: 100 }, (_, index) => `${2000 + index} more`));
    await until(() => (messages.at(-1)?.figures?.linesPerSecond ?? 0) > 0, 3000);
    const figures = messages.at(-1)?.figures;
    expect(figures?.linesPerSecond).toBeGreaterThanOrEqual(20);
    expect(figures?.linesPerSecond).toBeLessThanOrEqual(100);
    // Written a moment ago on this very host.
    expect(figures?.lagMs).toBeLessThan(3000);
  });

  it('that our own parser fails on are counted as bad and stop nothing', async () => {
    mill.jobs({ a: { status: 'running' } });
    mill.log('1000 one');
    const engine = start();
    const messages = listen(engine);
    await engine.call('settle', {});
    mill.log('fault');
    await until(() => messages.at(-1)?.figures?.badRecords === 1, 3000);
    const watch = [...engine.watches.values()][0];
    expect(watch?.badRecords('log')).toEqual([
      { path: 'mill.log', reason: 'parser log failed: a rule of ours is wrong' },
    ]);
    mill.log('2000 two');
    await until(() => engine.logs.page({ grep: 'two' }, 'end', 1).total === 1, 3000);
    expect(watch?.summary().sources.find(({ id }) => id === 'log')).toMatchObject({
      records: 2,
      badRecords: 1,
      state: 'fresh',
    });
  });
});

describe('entities', () => {
  it('of the last good look stay when a rule of ours fails, and the system says that it is in error', async () => {
    mill.jobs({ a: { status: 'running' } });
    const engine = start();
    const messages = listen(engine);
    await engine.call('settle', {});
    mill.jobs({ status: 'boom' });
    await until(() => messages.at(-1)?.systems?.[0]?.state === 'error', 3000);
    expect(jobsIn(messages)).toEqual({ a: 'running' });
    const late = listen(engine);
    expect(jobsIn(late)).toEqual({ a: 'running' });
    mill.jobs({ a: { status: 'done' } });
    await until(() => jobsIn(messages)['a'] === 'done', 3000);
    expect(messages.at(-1)?.systems?.[0]?.state).toBe('ok');
  });

  it('stay when their file is torn, and the tear is counted', async () => {
    mill.jobs({ a: { status: 'running' } });
    const engine = start();
    const messages = listen(engine);
    await engine.call('settle', {});
    writeFileSync(join(mill.dir, 'jobs.json'), '{"a": {"status": ');
    appendFileSync(join(mill.dir, 'jobs.json'), ' nothing');
    await until(() => (messages.at(-1)?.figures?.badRecords ?? 0) > 0, 5000);
    expect(jobsIn(messages)).toEqual({ a: 'running' });
  });

  it('with something to decide carry the digest of exactly that', async () => {
    mill.jobs({ a: { status: 'queued', plan: 'rm -rf build' }, b: { status: 'queued' } });
    const engine = start();
    const messages = listen(engine);
    await engine.call('settle', {});
    const digest = (): string | undefined =>
      messages
        .flatMap(({ upserts }) => upserts)
        .flatMap((one) => (one.type === 'approval' ? one.payloadDigest : []))
        .at(-1);
    const first = createHash('sha256').update('plan\nrm -rf build').digest('hex');
    expect(digest()).toBe(first);
    mill.jobs({ a: { status: 'queued', plan: 'rm -rf /' } });
    await until(() => digest() !== first, 3000);
    expect(digest()).toBe(createHash('sha256').update('plan\nrm -rf /').digest('hex'));
  });

  it('change by themselves at the instant their kind has named, with no byte written', async () => {
    const begin = 1_000_000;
    const clock = manualClock(instant(begin));
    mill.jobs({
      a: { status: 'running', leaseUntil: begin + 60_000 },
      b: { status: 'running', leaseUntil: begin + 90_000 },
    });
    const engine = start({ clock });
    const messages = listen(engine);
    await engine.call('settle', {});
    clock.advance(59_000);
    expect(jobsIn(messages)).toEqual({ a: 'running', b: 'running' });
    clock.advance(1_500);
    expect(jobsIn(messages)).toEqual({ a: 'blocked', b: 'running' });
    clock.advance(30_000);
    expect(jobsIn(messages)).toEqual({ a: 'blocked', b: 'blocked' });
    expect(changeLines(engine)).toEqual(['job a: running -> blocked', 'job b: running -> blocked']);
  });

  it('are derived again only when something of theirs moved', async () => {
    mill.jobs({ a: { status: 'running' } });
    mill.log('1000 one');
    const engine = start();
    await engine.call('settle', {});
    let looks = 0;
    [...engine.watches.values()][0]?.observe(() => {
      looks += 1;
    });
    // Renaming a file nobody reads wakes the watcher, and is no news.
    writeFileSync(join(mill.dir, 'other'), '');
    renameSync(join(mill.dir, 'other'), join(mill.dir, 'another'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(looks).toBe(0);
    mill.log('2000 two');
    await until(() => looks > 0, 3000);
    expect(looks).toBeLessThanOrEqual(2);
  });
});

describe('the border', () => {
  it('sends a large snapshot in slices of a thousand, the last one marked', async () => {
    mill.jobs(Object.fromEntries(Array.from({ length: 2500 }, (_, i) => [`j${i}`, { status: 'queued' }])));
    const engine = start({ once: true });
    await engine.call('settle', {});
    const messages = listen(engine);
    expect(messages.map(({ reset, complete, upserts }) => [reset, complete, upserts.length])).toEqual([
      [true, false, 1000],
      [false, false, 1000],
      [false, true, 500],
    ]);
    expect(Object.keys(jobsIn(messages))).toHaveLength(2500);
  });

  it('answers calls that can’t be answered with why, and works on', async () => {
    mill.jobs({ a: { status: 'running' } });
    const engine = start({ once: true });
    await engine.call('settle', {});
    await expect(engine.call('read', { system: 'nobody' as never, path: 'x', maxBytes: 10 })).rejects.toThrow(
      'no system "nobody"',
    );
    await expect(engine.call('page', { query: { grep: '(' }, at: 'end', rows: 1 })).rejects.toThrow(
      /regular expression/i,
    );
    await expect(engine.call('saw', { orders: [] })).rejects.toThrow('acts are off');
    const outside = await engine.call('read', {
      system: 'mill' as never,
      path: '../../etc/passwd',
      maxBytes: 99,
    });
    expect(outside.text).toBe('');
    expect(outside.error).toBeTruthy();
    const read = await engine.call('read', { system: 'mill' as never, path: 'jobs.json', maxBytes: 7 });
    expect(read).toMatchObject({ text: '{"a":{"', sizeBytes: 26 });
  });

  it('hands out no secret of a file that is read beside the evidence', async () => {
    const [, token = ''] = shapes[1] ?? [];
    writeFileSync(join(mill.dir, 'notes.txt'), `clones with ${token}, every night`);
    const engine = start({ once: true });
    await engine.call('settle', {});
    const asked = { system: 'mill' as never, path: 'notes.txt', maxBytes: 1000 };
    expect(await engine.call('read', asked)).toMatchObject({ text: 'clones with ***, every night' });
    const missing = await engine.call('read', { ...asked, path: `${token}.txt` });
    expect(missing.error).toContain('***');
    expect(JSON.stringify(missing)).not.toContain(token);
  });

  it('is closed once, tells nothing more and answers nothing more', async () => {
    mill.jobs({ a: { status: 'running' } });
    const engine = start();
    const messages = listen(engine);
    await engine.call('settle', {});
    await engine.close();
    await engine.close();
    const count = messages.length;
    mill.jobs({ a: { status: 'done' } });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(messages).toHaveLength(count);
    await expect(engine.call('settle', {})).rejects.toThrow('the engine has ended');
  });

  it('can be closed in the middle of its first look', async () => {
    mill.log(...Array.from({ length: 50_000 }, (_, index) => `${index} line`));
    const engine = start();
    const messages = listen(engine);
    await engine.close();
    // Not read to its end first.
    expect(isSettled(messages) ?? false).toBe(false);
  });
});
