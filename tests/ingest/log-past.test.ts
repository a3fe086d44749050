import {
  appendFileSync,
  copyFileSync,
  linkSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IngestSpec } from '../../src/ingest/ingest.ts';
import { isPastOf } from '../../src/lib/rotated-name.ts';
import { type Collector, collect, temporary } from './collector.ts';

const spec: IngestSpec = { id: 'log', type: 'log', glob: 'app.log' };
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

const at = (name: string): string => join(place.dir, name);
function lines(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `event ${from + index} with words of its own`);
}
/** Writes a file that was last written to `ageS` seconds ago. */
function lay(name: string, texts: readonly string[], ageS = 0): void {
  writeFileSync(at(name), texts.map((text) => `${text}\n`).join(''));
  const when = Date.now() / 1000 - ageS;
  utimesSync(at(name), when, when);
}
async function follow(more: Parameters<typeof collect>[2] = {}, specs: readonly IngestSpec[] = [spec]) {
  const collector = await collect(place.dir, specs, more);
  open.push(collector);
  return collector;
}
/** What was told, with the name the bytes had. */
function told(seen: Collector): string[] {
  return seen.chunks().flatMap(({ path, rotated, chunk }) => {
    if (chunk.type !== 'lines') return [];
    return chunk.lines.map(({ text }) => `${path}${rotated ? ` as ${rotated}` : ''}: ${text.split(' ')[1]}`);
  });
}

describe('a log that was rotated before it was looked at', () => {
  test('is told with its past, the oldest part first, each under the name it has', async () => {
    lay('app.log.2', lines(1, 2), 7200);
    lay('app.log.1', lines(3, 4), 3600);
    lay('app.log', lines(5, 6));
    const seen = await follow({ once: true });
    expect(told(seen)).toEqual([
      'app.log as app.log.2: 1',
      'app.log as app.log.2: 2',
      'app.log as app.log.1: 3',
      'app.log as app.log.1: 4',
      'app.log: 5',
      'app.log: 6',
    ]);
    expect(seen.chunks().map(({ fresh }) => fresh)).toEqual([true, true, true]);
    expect(seen.status()).toMatchObject({ state: 'fresh', items: 1, unreadBytes: 0 });
  });

  test('is told with its past when nothing was written since', async () => {
    lay('app.log.1', lines(1, 2), 60);
    lay('app.log', []);
    const seen = await follow({ once: true });
    expect(told(seen)).toEqual(['app.log as app.log.1: 1', 'app.log as app.log.1: 2']);
    expect(seen.chunks().at(-1)).toMatchObject({ path: 'app.log', sizeBytes: 0, fresh: true });
  });

  test('takes in dates as well as numbers', async () => {
    lay('app.log-20260219', lines(1, 1), 7200);
    lay('app-2026-02-20_00-00-00.log', lines(2, 2), 3600);
    lay('app.log', lines(3, 3));
    expect((await follow({ once: true })).lines()).toEqual(lines(1, 3));
  });

  test('reads no more of the past than its window, and marks where that begins', async () => {
    lay('app.log.3', lines(1000, 1999), 9000);
    lay('app.log.2', lines(2000, 2999), 7200);
    lay('app.log.1', lines(3000, 3009), 3600);
    lay('app.log', lines(4000, 4009));
    const seen = await follow({ once: true, initialLogBytes: 2000 });
    const all = seen.lines();
    expect(all.slice(-20)).toEqual([...lines(3000, 3009), ...lines(4000, 4009)]);
    expect(all.every((text) => /^event [234]\d{3} with words of its own$/.test(text))).toBe(true);
    expect(all.length).toBeGreaterThan(40);
    expect(all.length).toBeLessThan(70);
    expect(seen.chunks()[0]).toMatchObject({ rotated: 'app.log.2', chunk: { partial: true } });
    expect(seen.chunks().filter(({ chunk }) => chunk.type === 'lines' && chunk.partial)).toHaveLength(1);
  });

  test('leaves the past alone when the current file fills the window', async () => {
    lay('app.log.1', lines(1, 100), 3600);
    lay('app.log', lines(1000, 1999));
    const seen = await follow({ once: true, initialLogBytes: 2000 });
    expect(seen.chunks().every(({ rotated }) => rotated === undefined)).toBe(true);
    expect(seen.lines().at(-1)).toBe(lines(1999, 1999)[0]);
  });

  test('is not told twice where the glob names the moved files too', async () => {
    lay('app.log.2', lines(1, 2), 7200);
    lay('app.log.1', lines(3, 4), 3600);
    lay('app.log', lines(5, 6));
    const seen = await follow({ once: true }, [{ ...spec, glob: 'app.log*' }]);
    expect([...seen.lines()].sort()).toEqual(lines(1, 6));
    expect(seen.lines('app.log')).toEqual(lines(5, 6));
    expect(seen.lines('app.log.1')).toEqual(lines(3, 4));
  });

  test('leaves out copies of what is read anyway, and names that are nobody’s past', async () => {
    lay('app.log.2', lines(1, 5), 60);
    lay('app.log', lines(1, 9));
    lay('app.log.bak', lines(20, 21), 60);
    lay('app-2.log', lines(30, 31), 60);
    lay('app.log.1.gz', ['not a line'], 60);
    linkSync(at('app.log'), at('app.log.1'));
    expect((await follow({ once: true })).lines()).toEqual(lines(1, 9));
  });

  test('goes on from a copy that was there, when the original is emptied', async () => {
    lay('app.log', lines(1, 5));
    copyFileSync(at('app.log'), at('app.log.1'));
    const seen = await follow();
    truncateSync(at('app.log'));
    appendFileSync(at('app.log'), `${lines(6, 6)[0]}\n`);
    await seen.until(() => seen.lines().length >= 6);
    expect(seen.lines()).toEqual(lines(1, 6));
  });

  test('goes on with late lines of its past, and through the next rotation', async () => {
    lay('app.log.1', lines(1, 2), 1);
    lay('app.log', lines(10, 11));
    const seen = await follow();
    appendFileSync(at('app.log.1'), `${lines(3, 3)[0]}\n`);
    await seen.until(() => seen.lines().includes(lines(3, 3)[0] ?? ''));
    renameSync(at('app.log.1'), at('app.log.2'));
    renameSync(at('app.log'), at('app.log.1'));
    writeFileSync(at('app.log'), `${lines(12, 12)[0]}\n`);
    await seen.until(() => seen.lines().includes(lines(12, 12)[0] ?? ''));
    expect(seen.lines()).toEqual([...lines(1, 2), ...lines(10, 11), ...lines(3, 3), ...lines(12, 12)]);
  });

  test('is read when the log itself comes later', async () => {
    lay('app.log.1', lines(1, 2), 1);
    const seen = await follow();
    expect(seen.lines()).toEqual([]);
    lay('app.log', lines(3, 3));
    await seen.until(() => seen.lines().length === 3);
    expect(seen.lines()).toEqual(lines(1, 3));
  });

  test('gives the line its writer never finished too', async () => {
    writeFileSync(at('app.log.1'), 'event 1 torn');
    lay('app.log', lines(2, 2));
    expect(told(await follow({ once: true })).sort()).toEqual(['app.log as app.log.1: 1', 'app.log: 2']);
  });
});

describe('the name of an older part', () => {
  test.each([
    ['app.log', 'app.log.1', true],
    ['app.log', 'app.log.12', true],
    ['app.log', 'app.log.20260221', true],
    ['app.log', 'app.log-2026-02-21', true],
    ['app.log', 'app-20260221.log', true],
    ['app.log', 'app.2026-02-21_00-00-00.log', true],
    ['app', 'app.1', true],
    ['app.log', 'app.log.bak', false],
    ['app.log', 'app.log~', false],
    ['app.log', 'app-2.log', false],
    ['task_1.log', 'task_12.log', false],
    ['app.log', 'app.log.1.json', false],
    ['app.log', 'other.log.1', false],
  ])('of %s: %s is %s', (log, sibling, expected) => {
    expect(isPastOf(log, sibling)).toBe(expected);
  });
});
