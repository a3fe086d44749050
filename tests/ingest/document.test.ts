import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { IngestSpec } from '../../src/ingest/ingest.ts';
import { quickest } from '../cost.ts';
import { type Collector, collect, pause, temporary } from './collector.ts';

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

async function follow(spec: Partial<Extract<IngestSpec, { type: 'document' }>> = {}, more = {}) {
  const collector = await collect(
    place.dir,
    [{ id: 'doc', type: 'document', glob: 'state.json', ...spec }],
    more,
  );
  open.push(collector);
  return collector;
}

function texts(seen: Collector, path?: string): string[] {
  return seen.chunks(path).flatMap(({ chunk }) => (chunk.type === 'document' ? [chunk.text] : []));
}

test('gives the document with its time and size, and again when it is replaced', async () => {
  const file = join(place.dir, 'state.json');
  writeFileSync(file, '{"a":1}');
  const seen = await follow();
  expect(texts(seen)).toEqual(['{"a":1}']);
  expect(seen.chunks()[0]).toMatchObject({ path: 'state.json', fresh: true, sizeBytes: 7 });
  writeFileSync(`${file}.tmp`, '{"a":2}');
  renameSync(`${file}.tmp`, file);
  await seen.until(() => texts(seen).length === 2, 300);
  expect(texts(seen).at(-1)).toBe('{"a":2}');
  expect(seen.chunks().at(-1)?.fresh).toBe(false);
});

test('row 10: shows the second of two writes 5 to 45 ms apart, and does so within 300 ms', async () => {
  const file = join(place.dir, 'state.json');
  writeFileSync(file, '{"v":0}');
  const seen = await follow();
  let version = 0;
  for (const gapMs of [5, 15, 30, 45]) {
    const writeTwice = async (): Promise<void> => {
      version += 2;
      writeFileSync(file, `{"v":${version - 1}}`);
      await pause(gapMs);
      writeFileSync(file, `{"v":${version}}`);
      await seen.until(() => texts(seen).at(-1) === `{"v":${version}}`);
    };
    for (let round = 0; round < 9; round += 1) await writeTwice();
    expect(await quickest(300 + gapMs, writeTwice)).toBeLessThan(300 + gapMs);
  }
});

test('row 12: never gives a half-written document, whichever way it is written', async () => {
  // The four ways a program rewrites a report: whole, in pieces, in place without emptying, and by renaming.
  const writer = spawn(
    process.execPath,
    [
      '-e',
      `const fs=require('fs');const d=process.argv[1];
       const doc=(v,pad)=>JSON.stringify({v,fill:Array.from({length:400},()=>v),pad:'x'.repeat(pad),end:v});
       let v=0;
       const nap=(ms)=>Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0,ms);
       while(!fs.existsSync(d+'/.stop')){v++;
         fs.writeFileSync(d+'/whole.json',doc(v,v%7));
         const t=doc(v,v%50);const f=fs.openSync(d+'/pieces.json','w');
         fs.writeSync(f,t.slice(0,300));nap(2);fs.writeSync(f,t.slice(300,900));nap(1);fs.writeSync(f,t.slice(900));fs.closeSync(f);
         const g=fs.openSync(d+'/place.json',v===1?'w':'r+');fs.writeSync(g,JSON.stringify({v:1e6+v,fill:Array.from({length:400},()=>1e6+v),end:1e6+v}),0);fs.closeSync(g);
         fs.writeFileSync(d+'/.tmp',doc(v,v%9));fs.renameSync(d+'/.tmp',d+'/atomic.json');
         nap(v%5===0?30:3);}`,
      place.dir,
    ],
    { stdio: 'inherit' },
  );
  const ended = new Promise((resolve) => writer.on('exit', resolve));
  const seen = await follow({ glob: '*.json' });
  // A writer that pauses now and then is kept up with.
  const names = ['atomic.json', 'pieces.json', 'place.json', 'whole.json'];
  await pause(1500);
  await seen.until(() => names.every((name) => texts(seen, name).length > 10), 40_000);
  writeFileSync(join(place.dir, '.stop'), '');
  await ended;
  await pause(300);
  const all = seen.chunks();
  const versions = new Map<string, number>();
  for (const { path, chunk } of all) {
    if (chunk.type !== 'document') continue;
    const value = JSON.parse(chunk.text) as { v: number; fill: number[]; end: number };
    expect(value.end).toBe(value.v);
    expect(value.fill.every((item) => item === value.v)).toBe(true);
    expect(value.v).toBeGreaterThanOrEqual(versions.get(path) ?? 0);
    versions.set(path, value.v);
  }
  expect([...versions.keys()].sort()).toEqual(names);
});

test('hands a document on in the end although it stays torn, so that its parser can say what is wrong', async () => {
  const file = join(place.dir, 'state.json');
  writeFileSync(file, '{"a":1}');
  const seen = await follow();
  const descriptor = openSync(file, 'w');
  writeSync(descriptor, '{"a":');
  await pause(30);
  expect(texts(seen)).toEqual(['{"a":1}']);
  await seen.until(() => texts(seen).at(-1) === '{"a":', 1500);
  writeSync(descriptor, '3}');
  closeSync(descriptor);
  await seen.until(() => texts(seen).at(-1) === '{"a":3}', 300);
});

test('says why a document is not read, and reads it once it can', async () => {
  const file = join(place.dir, 'state.json');
  writeFileSync(file, 'x'.repeat(5000));
  const seen = await follow({ maxBytes: 1000 });
  expect(seen.of('failed')).toMatchObject([
    { path: 'state.json', error: expect.stringMatching(/^larger than/) },
  ]);
  expect(seen.status()).toMatchObject({ state: 'error' });
  writeFileSync(file, '{}');
  await seen.until(() => texts(seen).at(-1) === '{}', 1500);
  await seen.until(() => seen.status()?.state === 'fresh' && seen.status()?.error === undefined);
});

test('tells that a document is gone, and begins anew when it is back', async () => {
  const file = join(place.dir, 'state.json');
  writeFileSync(file, '{}');
  const seen = await follow();
  unlinkSync(file);
  await seen.until(() => seen.of('gone').length === 1, 1500);
  writeFileSync(file, '{}');
  await seen.until(() => seen.chunks().length === 2, 1500);
  expect(seen.chunks().at(-1)?.fresh).toBe(true);
});

test('once, it waits for a half-written document no longer than it must', async () => {
  mkdirSync(join(place.dir, 'many'));
  for (let index = 0; index < 50; index += 1)
    writeFileSync(join(place.dir, 'many', `${index}.json`), `{"n":${index}}`);
  writeFileSync(join(place.dir, 'many', 'torn.json'), '{"n":');
  let told = 0;
  const tookMs = await quickest(500, async () => {
    told = texts(await follow({ glob: 'many/*.json' }, { once: true })).length;
  });
  expect(tookMs).toBeLessThan(500);
  expect(told).toBe(51);
});
