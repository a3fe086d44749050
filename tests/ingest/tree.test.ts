import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { IngestSpec } from '../../src/ingest/ingest.ts';
import { type Collector, collect, pause, temporary } from './collector.ts';

const spec: IngestSpec = { id: 'turns', type: 'tree', glob: 'runs/*/*', read: ['checkpoint.json', '*.md'] };
let place: ReturnType<typeof temporary>;
let open: Collector[] = [];
beforeEach(() => {
  place = temporary();
});
afterEach(async () => {
  for (const collector of open) await collector.pump.close();
  open = [];
  place.remove();
});

async function follow(more = {}, one: IngestSpec = spec) {
  const collector = await collect(place.dir, [one], more);
  open.push(collector);
  return collector;
}

function put(path: string, text: string): void {
  const file = join(place.dir, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
}

function directory(seen: Collector, path: string) {
  const chunk = seen.chunks(path).at(-1)?.chunk;
  if (chunk?.type !== 'directory') throw new Error(`nothing told of ${path}`);
  return chunk;
}

test('gives each directory with its names, the wanted texts and the times', async () => {
  put('runs/r1/1_coder/checkpoint.json', '{"n":1}');
  put('runs/r1/1_coder/notes.md', 'note');
  put('runs/r1/1_coder/response.txt', 'not wanted');
  put('runs/r1/2_review/other.txt', '');
  put('runs/stray.txt', '');
  const seen = await follow();
  expect(
    seen
      .chunks()
      .map((chunk) => chunk.path)
      .sort(),
  ).toEqual(['runs/r1/1_coder', 'runs/r1/2_review']);
  const item = directory(seen, 'runs/r1/1_coder');
  expect(item.names).toEqual(['checkpoint.json', 'notes.md', 'response.txt']);
  expect(item.texts).toEqual({ 'checkpoint.json': '{"n":1}', 'notes.md': 'note' });
  expect(Object.keys(item.modifiedAt).sort()).toEqual(item.names);
  expect(seen.status()).toMatchObject({ state: 'fresh', items: 2 });
});

test('tells of new items, changed files, new names and vanished items, and of nothing else', async () => {
  put('runs/r1/1/checkpoint.json', '{"n":1}');
  put('runs/r1/2/checkpoint.json', '{"n":2}');
  const seen = await follow();
  await pause(150);
  const before = seen.chunks().length;
  put('runs/r1/1/checkpoint.json', '{"n":9}');
  await seen.until(() => directory(seen, 'runs/r1/1').texts['checkpoint.json'] === '{"n":9}', 300);
  put('runs/r1/1/late.txt', 'x');
  await seen.until(() => directory(seen, 'runs/r1/1').names.includes('late.txt'), 300);
  put('runs/r2/1/checkpoint.json', '{"n":3}');
  await seen.until(() => seen.chunks('runs/r2/1').length > 0, 1500);
  await seen.until(() => directory(seen, 'runs/r2/1').texts['checkpoint.json'] === '{"n":3}', 1500);
  rmSync(join(place.dir, 'runs/r1/2'), { recursive: true });
  await seen.until(() => seen.of('gone').length === 1, 1500);
  expect(seen.of('gone')[0]).toMatchObject({ path: 'runs/r1/2' });
  expect(seen.chunks('runs/r1/2')).toHaveLength(1);
  expect(seen.chunks().length).toBeGreaterThan(before);
  expect(seen.chunks().filter((chunk) => chunk.fresh)).toHaveLength(3);
});

test('of many directories, one that moved gives and takes its own items, whatever else stands or goes', async () => {
  for (let run = 0; run < 20; run += 1)
    for (let turn = 0; turn < 5; turn += 1) put(`runs/r${run}/${turn}/checkpoint.json`, '{}');
  const seen = await follow();
  const there = (): number => new Set(seen.chunks().map(({ path }) => path)).size - seen.of('gone').length;
  expect(there()).toBe(100);
  put('runs/r3/5/checkpoint.json', '{}');
  put('runs/r20/0/checkpoint.json', '{}');
  rmSync(join(place.dir, 'runs/r4/2'), { recursive: true });
  renameSync(join(place.dir, 'runs/r5/1'), join(place.dir, 'runs/r6/9'));
  rmSync(join(place.dir, 'runs/r7'), { recursive: true });
  await seen.until(() => seen.of('gone').length === 7 && seen.chunks('runs/r6/9').length === 1, 2500);
  await seen.until(() => there() === 96, 2500);
  expect(
    seen
      .of('gone')
      .map(({ path }) => path)
      .sort(),
  ).toEqual(['runs/r4/2', 'runs/r5/1', ...[0, 1, 2, 3, 4].map((turn) => `runs/r7/${turn}`)].sort());
  await seen.until(() => seen.status()?.items === 96, 2500);
});

test('finds a file rewritten in place in an old item, whose directory does not move', async () => {
  put('runs/r1/1/checkpoint.json', '{"n":1}');
  const past = new Date(Date.now() - 3_600_000);
  utimesSync(join(place.dir, 'runs/r1/1/checkpoint.json'), past, past);
  utimesSync(join(place.dir, 'runs/r1/1'), past, past);
  const seen = await follow();
  await pause(100);
  put('runs/r1/1/checkpoint.json', '{"n":2}');
  await seen.until(() => directory(seen, 'runs/r1/1').texts['checkpoint.json'] === '{"n":2}', 2500);
});

test('does not give a half-written checkpoint of an item that is being written', async () => {
  mkdirSync(join(place.dir, 'runs/r1'), { recursive: true });
  const seen = await follow();
  mkdirSync(join(place.dir, 'runs/r1/1'));
  writeFileSync(join(place.dir, 'runs/r1/1/checkpoint.json'), '{"half":');
  await pause(30);
  writeFileSync(join(place.dir, 'runs/r1/1/checkpoint.json'), '{"half":false}');
  await seen.until(
    () =>
      seen
        .chunks('runs/r1/1')
        .some(({ chunk }) => chunk.type === 'directory' && 'checkpoint.json' in chunk.texts),
    1500,
  );
  const told = seen
    .chunks('runs/r1/1')
    .flatMap(({ chunk }) => (chunk.type === 'directory' ? [chunk.texts['checkpoint.json']] : []));
  expect(told.filter((text) => text !== undefined && text !== '{"half":false}')).toEqual([]);
});

test('leaves a text over the cap out and says so; a hostile name is just a name', async () => {
  put('runs/r1/1/checkpoint.json', `{"a":"${'x'.repeat(5000)}"}`);
  put('runs/r1/1/__proto__', '');
  put('runs/r1/1/__proto__.md', 'still a text');
  const seen = await follow({}, { ...spec, maxBytes: 1000 } as IngestSpec);
  const item = directory(seen, 'runs/r1/1');
  expect(item.texts).toEqual({ '__proto__.md': 'still a text' });
  expect(Object.hasOwn(item.modifiedAt, '__proto__')).toBe(true);
  expect(seen.of('failed')[0]).toMatchObject({
    path: 'runs/r1/1/checkpoint.json',
    error: expect.stringMatching(/larger than/),
  });
});

test('thousands of items are read within seconds, without holding the thread', async () => {
  for (let run = 0; run < 100; run += 1) {
    for (let turn = 0; turn < 30; turn += 1) {
      const dir = join(place.dir, 'runs', `r${run}`, String(turn));
      mkdirSync(dir, { recursive: true });
      writeFileSync(join(dir, 'checkpoint.json'), `{"n":${turn}}`);
    }
  }
  const past = new Date(Date.now() - 3_600_000);
  renameSync(join(place.dir, 'runs/r0'), join(place.dir, 'runs/r100'));
  utimesSync(join(place.dir, 'runs'), past, past);
  // Processor time between two beats, not time: other programs of the machine may hold this one up.
  const usedMs = (since: NodeJS.CpuUsage): number => {
    const { user, system } = process.cpuUsage(since);
    return (user + system) / 1000;
  };
  let longest = 0;
  const begun = process.cpuUsage();
  let last = begun;
  const beat = setInterval(() => {
    longest = Math.max(longest, usedMs(last));
    last = process.cpuUsage();
  }, 5);
  const seen = await follow({ once: true });
  clearInterval(beat);
  expect(seen.chunks()).toHaveLength(3000);
  expect(usedMs(begun)).toBeLessThan(4000);
  expect(longest).toBeLessThan(500);
});
