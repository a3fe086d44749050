/** A log that is read on where an earlier run stood, after what happened to it meanwhile. */
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogPosition } from '../../src/ingest/log-position.ts';
import { type Collector, collect, temporary } from './collector.ts';

let place: ReturnType<typeof temporary>;
let log: string;
let positions: Map<string, LogPosition>;

beforeEach(() => {
  place = temporary();
  log = join(place.dir, 'app.log');
  positions = new Map();
});
afterEach(() => place.remove());

/** Reads what there is, from where the run before stood, and ends. */
async function read(glob = 'app.log'): Promise<Collector> {
  const seen = await collect(place.dir, [{ id: 'log', type: 'log', glob }], {
    once: true,
    resume: { positions: () => positions },
  });
  positions = new Map(
    [...new Set([...positions.keys(), ...seen.chunks().map(({ path }) => path)])].flatMap((path) => {
      const position = seen.pump.position('log', path);
      return position ? [[path, JSON.parse(JSON.stringify(position)) as LogPosition] as const] : [];
    }),
  );
  await seen.pump.close();
  return seen;
}

const line = (n: number): string => `event ${n} of the pipeline, with words enough to be told apart`;
const lines = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => line(from + index));
const text = (from: number, to: number): string =>
  lines(from, to)
    .map((one) => `${one}\n`)
    .join('');
const gaps = (seen: Collector): (readonly [number, string | undefined])[] =>
  seen.of('gap').map(({ offset, rotated }) => [offset, rotated] as const);

/** Puts a compressed form in place of a rotated part, with its time. */
function pack(name: string, suffix: string, bytes: Buffer): void {
  const { atime, mtime } = statSync(join(place.dir, name));
  writeFileSync(join(place.dir, `${name}${suffix}`), bytes);
  utimesSync(join(place.dir, `${name}${suffix}`), atime, mtime);
  rmSync(join(place.dir, name));
}

describe('row 40: parts that were compressed before they were read', () => {
  test.each([
    ['.gz', gzipSync],
    ['.zst', zstdCompressSync],
  ])('%s: what was not read is, and what was is not again', async (suffix, compress) => {
    writeFileSync(log, text(1, 3));
    expect((await read()).lines()).toEqual(lines(1, 3));
    appendFileSync(log, text(4, 6));
    renameSync(log, `${log}.2`);
    pack('app.log.2', suffix, compress(readFileSync(`${log}.2`)));
    writeFileSync(`${log}.1`, text(7, 9));
    pack('app.log.1', suffix, compress(readFileSync(`${log}.1`)));
    writeFileSync(log, text(10, 10));
    const seen = await read();
    expect(seen.lines()).toEqual(lines(4, 10));
    expect(seen.chunks().map(({ rotated }) => rotated)).toEqual([
      `app.log.2${suffix}`,
      `app.log.1${suffix}`,
      undefined,
    ]);
    expect(gaps(seen)).toEqual([]);
    expect((await read()).lines()).toEqual([]);
  });

  test('of several members, all', async () => {
    writeFileSync(log, text(1, 3));
    await read();
    renameSync(log, `${log}.1`);
    const members = [text(1, 3), text(4, 5), text(6, 7)].map((one) => gzipSync(one));
    pack('app.log.1', '.gz', Buffer.concat(members));
    writeFileSync(log, text(8, 8));
    expect((await read()).lines()).toEqual(lines(4, 8));
  });

  test('cut off: what is there, and where it ends', async () => {
    writeFileSync(log, text(1, 3));
    await read();
    const all = text(1, 3000);
    renameSync(log, `${log}.1`);
    const whole = gzipSync(all);
    pack('app.log.1', '.gz', whole.subarray(0, whole.length - 2000));
    writeFileSync(log, text(5000, 5000));
    const seen = await read();
    const told = seen.lines();
    expect(told.length).toBeGreaterThan(100);
    // The last line may be cut where the file is.
    expect(told.slice(0, -2)).toEqual(lines(4, told.length + 1));
    expect(told.at(-1)).toBe(line(5000));
    expect(seen.of('gap')).toMatchObject(
      [{ rotated: 'app.log.1.gz', reason: /damaged behind byte \d+/ }].map(({ rotated, reason }) => ({
        rotated,
        reason: expect.stringMatching(reason),
      })),
    );
  });

  test('with a wrong sum: its lines, and that it is damaged', async () => {
    writeFileSync(log, text(1, 3));
    await read();
    renameSync(log, `${log}.1`);
    const bytes = gzipSync(text(1, 6));
    bytes.writeUInt32LE(1, bytes.length - 8);
    pack('app.log.1', '.gz', bytes);
    writeFileSync(log, text(7, 7));
    const seen = await read();
    expect(seen.lines()).toEqual(lines(4, 7));
    expect(gaps(seen)).toEqual([[text(1, 6).length, 'app.log.1.gz']]);
  });

  test('in a way that is not read here: a gap', async () => {
    writeFileSync(log, text(1, 3));
    await read();
    renameSync(log, `${log}.1`);
    pack('app.log.1', '.xz', Buffer.from('not looked into'));
    writeFileSync(log, text(7, 7));
    const seen = await read();
    expect(seen.lines()).toEqual(lines(7, 7));
    expect(seen.of('gap').map(({ reason }) => reason)).toContain('compressed in a way that is not read here');
  });
});

test('row 6: a new file with the inode of the old one is read from its beginning', async () => {
  writeFileSync(log, text(1, 2));
  await read();
  const { ino } = statSync(log);
  // Not every file system gives a number out again: one that was emptied and refilled has it too.
  rmSync(log);
  writeFileSync(log, text(10, 20));
  if (statSync(log).ino !== ino) {
    positions = new Map();
    writeFileSync(log, text(1, 2));
    await read();
    truncateSync(log);
    appendFileSync(log, text(10, 20));
  }
  const seen = await read();
  expect(seen.lines()).toEqual(lines(10, 20));
  expect(gaps(seen)).toEqual([[text(1, 2).length, undefined]]);
});

test('row 36: a line whose end comes later is told once, whole', async () => {
  writeFileSync(log, `${text(1, 1)}the first ha`);
  expect((await read()).lines()).toEqual(lines(1, 1));
  appendFileSync(log, 'lf and the zwö');
  expect((await read()).lines()).toEqual([]);
  appendFileSync(log, 'lfte\n');
  expect((await read()).lines()).toEqual(['the first half and the zwölfte']);
});

test('row 56: nothing is read again when its times are set back or forward', async () => {
  writeFileSync(log, text(1, 2));
  await read();
  for (const time of [0, 4_000_000_000]) {
    utimesSync(log, time, time);
    expect((await read()).lines()).toEqual([]);
  }
  appendFileSync(log, text(3, 3));
  expect((await read()).lines()).toEqual(lines(3, 3));
});

test('row 33: a directory that is away is waited for: nothing of it is lost', async () => {
  const dir = join(place.dir, 'logs');
  mkdirSync(dir);
  writeFileSync(join(dir, 'app.log'), text(1, 2));
  await read('logs/*.log');
  renameSync(dir, `${dir}.away`);
  expect((await read('logs/*.log')).events.filter(({ type }) => type === 'gap')).toEqual([]);
  renameSync(`${dir}.away`, dir);
  appendFileSync(join(dir, 'app.log'), text(3, 3));
  expect((await read('logs/*.log')).lines()).toEqual(lines(3, 3));
});

test('a log that has another name of the same source now is read on under both', async () => {
  writeFileSync(log, text(1, 2));
  await read('*.log');
  renameSync(log, join(place.dir, 'app-old.log'));
  appendFileSync(join(place.dir, 'app-old.log'), text(3, 3));
  writeFileSync(log, text(4, 4));
  const seen = await read('*.log');
  expect([...seen.lines()].sort()).toEqual(lines(3, 4));
  expect(gaps(seen)).toEqual([]);
});

test('a log whose name goes on in that of another one is not its past', async () => {
  for (const name of ['run-2.log', 'run-20.log'])
    writeFileSync(join(place.dir, name), `${name} ${text(1, 1)}`);
  await read('*.log');
  for (const name of ['run-20.log', 'run-2.log']) {
    renameSync(join(place.dir, name), join(place.dir, `${name}.1`));
    writeFileSync(join(place.dir, name), `${name} ${text(2, 2)}`);
  }
  const seen = await read('*.log');
  expect([...seen.lines()].sort()).toEqual([`run-2.log ${line(2)}`, `run-20.log ${line(2)}`]);
});
