import {
  appendFileSync,
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IngestSpec } from '../../src/ingest/ingest.ts';
import { quickest } from '../cost.ts';
import { type Collector, collect, pause, temporary } from './collector.ts';

const spec: IngestSpec = { id: 'log', type: 'log', glob: 'app.log' };
let place: ReturnType<typeof temporary>;
let log: string;
let open: Collector[] = [];

beforeEach(() => {
  place = temporary();
  log = join(place.dir, 'app.log');
});
afterEach(async () => {
  for (const collector of open) await collector.pump.close();
  open = [];
  place.remove();
});

async function follow(more: Parameters<typeof collect>[2] = {}, specs: readonly IngestSpec[] = [spec]) {
  const collector = await collect(place.dir, specs, more);
  open.push(collector);
  return collector;
}

function numbers(from: number, to: number): string[] {
  return Array.from(
    { length: to - from + 1 },
    (_, index) => `event number ${from + index} with a text of its own`,
  );
}

function append(...lines: string[]): void {
  appendFileSync(log, lines.map((line) => `${line}\n`).join(''));
}

describe('first reading', () => {
  test('gives every line with its byte offset and says that the file begins', async () => {
    writeFileSync(log, 'one\nzwölf\nthree\n');
    const seen = await follow();
    const [chunk] = seen.chunks();
    expect(chunk).toMatchObject({ source: 'log', path: 'app.log', fresh: true, sizeBytes: 17 });
    expect(chunk?.chunk).toEqual({
      type: 'lines',
      lines: [
        { text: 'one', offset: 0 },
        { text: 'zwölf', offset: 4 },
        { text: 'three', offset: 11 },
      ],
    });
    expect(seen.status()).toMatchObject({ state: 'fresh', items: 1, unreadBytes: 0, place: 'app.log' });
  });

  test('tells of an empty file that it is there', async () => {
    writeFileSync(log, '');
    const seen = await follow();
    expect(seen.chunks()).toMatchObject([
      { path: 'app.log', fresh: true, chunk: { type: 'lines', lines: [] } },
    ]);
  });

  test('reads only the newest part of a long file and marks it as partial', async () => {
    writeFileSync(log, `${numbers(1, 2000).join('\n')}\n`);
    const seen = await follow({ initialLogBytes: 1000 });
    expect(seen.chunks()[0]).toMatchObject({ fresh: true, chunk: { partial: true } });
    const lines = seen.lines();
    expect(lines.at(-1)).toBe(numbers(2000, 2000)[0]);
    expect(lines.length).toBeGreaterThan(15);
    expect(lines.length).toBeLessThan(25);
    expect(lines[0]).toMatch(/^event number \d+ with a text of its own$/);
  });

  test('waits for a file that is not there yet', async () => {
    const seen = await follow();
    expect(seen.status()).toMatchObject({ state: 'waiting', items: 0 });
    append('born');
    await seen.until(() => seen.lines().includes('born'), 1500);
    await seen.until(() => seen.status()?.state === 'fresh');
  });

  test('once, it gives the unterminated last line too and is done', async () => {
    writeFileSync(log, 'whole\nhalf');
    const seen = await follow({ once: true });
    expect(seen.lines()).toEqual(['whole', 'half']);
  });
});

describe('following', () => {
  test('hands a line on within 50 ms of its newline, and no part of it before', async () => {
    writeFileSync(log, 'a\n');
    const seen = await follow();
    appendFileSync(log, 'hal');
    await pause(150);
    expect(seen.lines()).toEqual(['a']);
    appendFileSync(log, 'ves\n');
    await seen.until(() => seen.lines().length === 2);
    expect(seen.lines()).toEqual(['a', 'halves']);
    const next = async (): Promise<void> => {
      const count = seen.lines().length;
      append('next');
      await seen.until(() => seen.lines().length === count + 1);
    };
    // Until it is quiet, a file is looked at every few milliseconds anyway.
    expect(await quickest(50, next, { before: () => pause(200) })).toBeLessThan(50);
  });

  test('row 56: does not read anything again when times are touched or set back', async () => {
    writeFileSync(log, 'a\nb\n');
    const seen = await follow();
    utimesSync(log, new Date(), new Date());
    await pause(60);
    utimesSync(log, new Date(0), new Date(0));
    await pause(60);
    append('c');
    await seen.until(() => seen.lines().includes('c'));
    expect(seen.lines()).toEqual(['a', 'b', 'c']);
    expect(seen.of('wiped')).toEqual([]);
  });

  test('row 39: cuts and marks a line over the cap, and reads the next one right', async () => {
    writeFileSync(log, '');
    const seen = await follow({ maxLineBytes: 1000 });
    appendFileSync(log, `${'x'.repeat(10_000_000)}`);
    await seen.until(() => seen.lines().length === 1);
    appendFileSync(log, `${'x'.repeat(10_000)}\nnext\n`);
    await seen.until(() => seen.lines().includes('next'));
    expect(seen.lines()).toEqual(['x'.repeat(1000), 'next']);
    const [first, second] = seen.chunks().flatMap(({ chunk }) => (chunk.type === 'lines' ? chunk.lines : []));
    expect(first).toMatchObject({ offset: 0, cut: true });
    expect(second).toEqual({ text: 'next', offset: 10_010_001 });
  });
});

describe('rotation by renaming', () => {
  test('row 2: loses nothing over ten rotations 30 ms apart', async () => {
    append(...numbers(1, 50));
    const seen = await follow();
    const written = numbers(1, 550);
    for (let round = 1; round <= 10; round += 1) {
      for (let old = 11; old > 0; old -= 1) {
        try {
          renameSync(`${log}.${old}`, `${log}.${old + 1}`);
        } catch {
          // Not that many yet.
        }
      }
      renameSync(log, `${log}.1`);
      append(...written.slice(round * 50, round * 50 + 50));
      await pause(30);
    }
    await seen.until(() => seen.lines().length >= written.length);
    expect(seen.lines()).toEqual(written);
  });

  test('loses nothing when several rotations happen between two looks', async () => {
    append(...numbers(1, 3));
    const seen = await follow();
    append(...numbers(4, 5));
    renameSync(log, `${log}.1`);
    append(...numbers(6, 8));
    renameSync(`${log}.1`, `${log}.2`);
    renameSync(log, `${log}.1`);
    append(...numbers(9, 9));
    renameSync(`${log}.2`, `${log}.3`);
    renameSync(`${log}.1`, `${log}.2`);
    renameSync(log, `${log}.1`);
    append(...numbers(10, 12));
    await seen.until(() => seen.lines().length >= 12);
    expect(seen.lines()).toEqual(numbers(1, 12));
    const rotated = seen.chunks().filter((chunk) => chunk.rotated !== undefined);
    expect(rotated.some((chunk) => chunk.rotated === 'app.log.2' && chunk.fresh)).toBe(true);
  });

  test('reads a segment that was rotated away unseen although no new file comes', async () => {
    append(...numbers(1, 2));
    const seen = await follow();
    renameSync(log, `${log}.2`);
    append(...numbers(3, 4));
    renameSync(log, `${log}.1`);
    await seen.until(() => seen.lines().length === 4);
    expect(seen.lines()).toEqual(numbers(1, 4));
    await seen.until(() => seen.of('gone').length === 1);
  });

  test('tells segments that were there at the start once, however often they move', async () => {
    writeFileSync(`${log}.1`, 'old\n');
    writeFileSync(`${log}.2`, 'older\n');
    append('new');
    const seen = await follow();
    renameSync(`${log}.2`, `${log}.3`);
    renameSync(`${log}.1`, `${log}.2`);
    renameSync(log, `${log}.1`);
    append('newest');
    await seen.until(() => seen.lines().includes('newest'));
    expect(seen.lines()).toEqual(['older', 'old', 'new', 'newest']);
  });

  test('row 7: goes on reading the renamed file of a writer that keeps its descriptor', async () => {
    const writer = openSync(log, 'a');
    writeSync(writer, 'one\n');
    const seen = await follow();
    renameSync(log, `${log}.1`);
    writeSync(writer, 'two\n');
    append('alpha');
    await pause(300);
    writeSync(writer, 'three\n');
    await pause(300);
    writeSync(writer, 'four\n');
    await seen.until(() => seen.lines().includes('four'));
    closeSync(writer);
    expect([...seen.lines()].sort()).toEqual(['alpha', 'four', 'one', 'three', 'two']);
    expect(seen.lines().filter((line) => line !== 'alpha')).toEqual(['one', 'two', 'three', 'four']);
  });

  test('row 35: shows an unterminated line once, marked, and never glues it to the next file', async () => {
    append('one');
    const seen = await follow();
    appendFileSync(log, 'torn');
    await pause(50);
    renameSync(log, `${log}.1`);
    append('fresh');
    await seen.until(() => seen.lines().length === 3);
    expect([...seen.lines()].sort()).toEqual(['fresh', 'one', 'torn']);
    const torn = seen
      .chunks()
      .flatMap(({ chunk }) => (chunk.type === 'lines' ? chunk.lines : []))
      .find((line) => line.text === 'torn');
    expect(torn).toMatchObject({ cut: true });
  });

  test('a renamed file that matches the glob itself goes on where it was', async () => {
    writeFileSync(join(place.dir, 'run.log'), 'one\ntwo\n');
    const seen = await follow({}, [{ id: 'log', type: 'log', glob: '*.log' }]);
    renameSync(join(place.dir, 'run.log'), join(place.dir, 'run-old.log'));
    writeFileSync(join(place.dir, 'run.log'), 'three\n');
    appendFileSync(join(place.dir, 'run-old.log'), 'late\n');
    await seen.until(() => seen.lines().includes('late') && seen.lines().includes('three'));
    await pause(300);
    expect([...seen.lines()].sort()).toEqual(['late', 'one', 'three', 'two']);
  });
});

describe('emptied and rewritten files', () => {
  test('row 4: sees a rewrite in place with the same number of bytes', async () => {
    append('id-1', 'id-2');
    const seen = await follow();
    await pause(30);
    writeFileSync(log, 'id-3\nid-4\n');
    await seen.until(() => seen.lines().length === 4);
    expect(seen.lines()).toEqual(['id-1', 'id-2', 'id-3', 'id-4']);
    expect(seen.of('wiped')).toHaveLength(1);
    expect(seen.chunks().at(-1)?.fresh).toBe(true);
  });

  test('sees a rewrite in place right after the last byte was read, within one tick of the file times', async () => {
    append('id-1', 'id-2');
    const seen = await follow();
    for (let round = 0; round < 5; round += 1) {
      const before = seen.lines().length;
      append(`more-${round}`);
      await seen.until(() => seen.lines().length === before + 1);
      const size = statSync(log).size;
      writeFileSync(log, `new-${round}`.padEnd(size - 1, '.').concat('\n'));
      await seen.until(() => seen.lines().length === before + 2, 1000);
    }
  });

  test('row 5: sees a rewrite in place that is longer than what was read', async () => {
    append('id-1', 'id-2');
    const seen = await follow();
    writeFileSync(log, `${numbers(1, 30).join('\n')}\n`);
    await seen.until(() => seen.lines().length >= 32);
    expect(seen.lines()).toEqual(['id-1', 'id-2', ...numbers(1, 30)]);
  });

  test('tells that a log was wiped, and begins anew with its next bytes', async () => {
    append('a', 'b');
    const seen = await follow();
    truncateSync(log, 0);
    await seen.until(() => seen.of('wiped').length === 1);
    expect(seen.chunks()).toHaveLength(1);
    append('c');
    await seen.until(() => seen.lines().includes('c'));
    expect(seen.chunks().at(-1)).toMatchObject({ fresh: true, chunk: { lines: [{ text: 'c', offset: 0 }] } });
  });

  test('row 8: takes lines written between copy and emptying from the copy', async () => {
    append(...numbers(1, 3));
    const seen = await follow();
    append(...numbers(4, 6));
    copyFileSync(log, `${log}.1`);
    truncateSync(log, 0);
    append(...numbers(7, 9));
    await seen.until(() => seen.lines().length >= 9);
    await pause(100);
    expect(seen.lines()).toEqual(numbers(1, 9));
    expect(seen.of('wiped')).toEqual([]);
  });

  test('row 38: skips the hole that a writer without append mode leaves', async () => {
    const writer = openSync(log, 'w');
    writeSync(writer, 'before\n', 10_000_000);
    const seen = await follow();
    await seen.until(() => seen.lines().includes('before'));
    ftruncateSync(writer, 0);
    await seen.until(() => seen.of('wiped').length === 1);
    writeSync(writer, 'after\nlast\n', 10_000_007);
    await seen.until(() => seen.lines().includes('last'));
    closeSync(writer);
    expect(seen.lines()).toEqual(['before', 'after', 'last']);
    expect(seen.chunks().at(-1)?.chunk).toMatchObject({
      lines: [{ offset: 10_000_007 }, { offset: 10_000_013 }],
    });
  });
});

describe('paths that come and go', () => {
  test('tells that a log is gone, and reads what is put there later', async () => {
    append('a');
    const seen = await follow();
    unlinkSync(log);
    await seen.until(() => seen.of('gone').length === 1);
    await seen.until(() => seen.status()?.state === 'waiting');
    append('b');
    await seen.until(() => seen.lines().includes('b'), 1500);
    expect(seen.lines()).toEqual(['a', 'b']);
  });

  test('row 33: reads each line once when the directory vanishes for a moment and returns', async () => {
    const dir = join(place.dir, 'logs');
    mkdirSync(dir);
    log = join(dir, 'app.log');
    append('a', 'b');
    const seen = await follow({}, [{ id: 'log', type: 'log', glob: 'logs/*.log' }]);
    renameSync(dir, `${dir}.away`);
    await pause(300);
    mkdirSync(dir);
    append('c');
    await seen.until(() => seen.lines().includes('c'), 1500);
    expect(seen.lines()).toEqual(['a', 'b', 'c']);
    rmSync(dir, { recursive: true });
    renameSync(`${dir}.away`, dir);
    append('d');
    await seen.until(() => seen.lines().includes('d'), 1500);
    expect(seen.lines()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('row 34: follows a link that is switched to another file and back', async () => {
    writeFileSync(join(place.dir, 'A'), 'a1\n');
    writeFileSync(join(place.dir, 'B'), 'b1\n');
    symlinkSync('A', log);
    const seen = await follow();
    const point = (target: string): void => {
      symlinkSync(target, join(place.dir, 'next'));
      renameSync(join(place.dir, 'next'), log);
    };
    point('B');
    await seen.until(() => seen.lines().includes('b1'), 1500);
    appendFileSync(join(place.dir, 'A'), 'a2\n');
    appendFileSync(join(place.dir, 'B'), 'b2\n');
    await seen.until(() => seen.lines().length === 4, 1500);
    point('A');
    appendFileSync(join(place.dir, 'A'), 'a3\n');
    await seen.until(() => seen.lines().includes('a3'), 1500);
    expect([...seen.lines()].sort()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2']);
  });

  test('reads a file once that has two names in the same source', async () => {
    writeFileSync(join(place.dir, 'run-1.log'), 'x\n');
    symlinkSync('run-1.log', join(place.dir, 'latest.log'));
    const seen = await follow({}, [{ id: 'log', type: 'log', glob: '*.log' }]);
    appendFileSync(join(place.dir, 'run-1.log'), 'y\n');
    await seen.until(() => seen.lines().includes('y'));
    expect(seen.lines()).toEqual(['x', 'y']);
    expect(new Set(seen.chunks().map((chunk) => chunk.path))).toEqual(new Set(['run-1.log']));
  });
});
