/** Logs under load, with figures. */
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Collector, collect, pause, temporary, until } from '../ingest/collector.ts';

const STRESS_MS = 60_000;
const MB = 2 ** 20;
let place: ReturnType<typeof temporary>;
let seen: Collector | undefined;

beforeEach(() => {
  place = temporary();
});
afterEach(async () => {
  await seen?.pump.close();
  seen = undefined;
  place.remove();
});

const at = (name: string): string => join(place.dir, name);
const line = (log: number, n: number): string => `log ${log} line ${n} with words enough to be told apart`;

/** The greatest memory this process has had since the start of the test, in MB above what it had then. */
function memoryWatch(): () => number {
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 20);
  return () => {
    clearInterval(timer);
    return Math.round((Math.max(most, process.memoryUsage().rss) - before) / MB);
  };
}

test('row 3: five logs renamed, copied and emptied, or removed every 200 lines, for a minute', async ({
  task,
}) => {
  seen = await collect(place.dir, [{ id: 'log', type: 'log', glob: 'app-*.log' }]);
  const logs = [0, 1, 2, 3, 4].map((log) => ({ log, path: at(`app-${log}.log`), written: 0 }));
  let rotations = 0;
  const end = performance.now() + STRESS_MS;
  while (performance.now() < end) {
    for (const one of logs) {
      for (let count = 0; count < 10; count += 1) {
        one.written += 1;
        appendFileSync(one.path, `${line(one.log, one.written)}\n`);
      }
      if (one.written % 200 !== 0) continue;
      rotations += 1;
      if (one.log < 2) renameSync(one.path, `${one.path}.${rotations}`);
      else if (one.log < 4) {
        copyFileSync(one.path, `${one.path}.${rotations}`);
        truncateSync(one.path);
      } else {
        // Nothing can be read of lines that are removed before anybody could: this log waits until they are.
        const { written } = one;
        await seen.until(() => seen?.lines('app-4.log').at(-1) === line(4, written));
        rmSync(one.path);
      }
    }
    await pause(2);
  }
  const written = logs.flatMap((one) => Array.from({ length: one.written }, (_, n) => line(one.log, n + 1)));
  await seen.until(() => (seen?.lines().length ?? 0) >= written.length);
  task.meta.figures = { 'lines written': written.length, rotations, 'lines told': seen.lines().length };
  expect([...seen.lines()].sort()).toEqual(written.sort());
});

/** Follows `*.log` in a process of its own, whose memory is that of the reader alone. */
function followApart(): { readonly texts: string[]; mostMb(): number; end(): void } {
  const program = new URL('../ingest/follow-process.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, place.dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const texts: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (data: string) => {
    const parts = (rest + data).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) texts.push(...((JSON.parse(part) as { lines?: string[] }).lines ?? []));
  });
  const status = (): string => readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return {
    texts,
    mostMb: () => Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(status())?.[1]) / 1024),
    end: () => void child.kill('SIGKILL'),
  };
}

test('row 9: 300,000 lines with two renames in 50 ms, in less than 300 MB', async ({
  task,
  onTestFinished,
}) => {
  writeFileSync(at('app.log'), `${line(0, 0)}\n`);
  const follower = followApart();
  onTestFinished(follower.end);
  await until(() => follower.texts.length === 1, 20_000);
  const block = (from: number, count: number): string =>
    Array.from({ length: count }, (_, n) => `${line(0, from + n)}\n`).join('');
  const [first, second, third] = [block(1, 150_000), block(150_001, 150_000), block(300_001, 10)];
  appendFileSync(at('app.log'), first);
  renameSync(at('app.log'), at('app.log.1'));
  appendFileSync(at('app.log'), second);
  renameSync(at('app.log.1'), at('app.log.2'));
  renameSync(at('app.log'), at('app.log.1'));
  appendFileSync(at('app.log'), third);
  await until(() => follower.texts.length >= 300_011, 60_000);
  const most = follower.mostMb();
  task.meta.figures = { lines: follower.texts.length, 'most memory of the process that follows (MB)': most };
  expect(follower.texts).toEqual(Array.from({ length: 300_011 }, (_, n) => line(0, n)));
  expect(most).toBeLessThan(300);
});

test('row 39: 100 MB without an end of line', async ({ task }) => {
  writeFileSync(at('app.log'), 'before\n');
  seen = await collect(place.dir, [{ id: 'log', type: 'log', glob: 'app.log' }]);
  const memory = memoryWatch();
  // Written piece by piece: this process is not to hold it.
  for (let count = 0; count < 100; count += 1) appendFileSync(at('app.log'), Buffer.alloc(MB, 'x'));
  appendFileSync(at('app.log'), '\nafter\n');
  await seen.until(() => seen?.lines().at(-1) === 'after', 60_000);
  const grown = memory();
  task.meta.figures = { 'memory above the start (MB)': grown };
  expect(seen.lines().map((text) => text.length)).toEqual([6, 256 * 1024, 5]);
  expect(grown).toBeLessThan(64);
});

test('row 41: 5,000 logs, 50 of them written to all the time', async ({ task }) => {
  for (let log = 0; log < 5_000; log += 1) writeFileSync(at(`run-${log}.log`), `${line(log, 1)}\n`);
  const started = performance.now();
  seen = await collect(place.dir, [{ id: 'log', type: 'log', glob: '*.log' }]);
  const readyMs = Math.round(performance.now() - started);
  expect(seen.lines()).toHaveLength(5_000);
  await pause(3_000);
  const before = process.cpuUsage();
  await pause(5_000);
  const { user, system } = process.cpuUsage(before);
  const idle = (user + system) / 50_000;
  for (let n = 2; n < 102; n += 1) {
    for (let log = 0; log < 50; log += 1) appendFileSync(at(`run-${log}.log`), `${line(log, n)}\n`);
    await pause(5);
  }
  for (let log = 4_990; log < 5_000; log += 1) appendFileSync(at(`run-${log}.log`), `${line(log, 2)}\n`);
  await seen.until(() => seen?.lines().length === 5_000 + 5_000 + 10, 60_000);
  task.meta.figures = { 'all read after (ms)': readyMs, 'of a core when idle (%)': idle.toFixed(2) };
  expect(new Set(seen.lines()).size).toBe(10_010);
  expect(seen.lines()).toHaveLength(10_010);
  // 3 on a quiet machine.
  expect(idle).toBeLessThan(5);
});

test('row 41: a log of a gigabyte starves no other one', async ({ task }) => {
  seen = await collect(place.dir, [{ id: 'log', type: 'log', glob: '*.log' }], { initialLogBytes: 2 ** 31 });
  const block = Buffer.from(Array.from({ length: 20_000 }, (_, n) => `${line(0, n)}\n`).join(''));
  for (let count = 0; count < 100; count += 1) appendFileSync(at('big.log'), block);
  for (let log = 0; log < 10; log += 1) appendFileSync(at(`small-${log}.log`), `${line(log, 1)}\n`);
  let bigWhenSmallWereRead = 0;
  await seen.until(() => {
    const small = Array.from({ length: 10 }, (_, log) => seen?.chunks(`small-${log}.log`).length ?? 0);
    if (small.some((count) => count === 0)) return false;
    const bytes = seen?.chunks('big.log').at(-1)?.chunk;
    bigWhenSmallWereRead = bytes?.type === 'lines' ? (bytes.lines.at(-1)?.offset ?? 0) : 0;
    return true;
  }, 60_000);
  task.meta.figures = {
    'bytes of the big one (MB)': Math.round((block.length * 100) / MB),
    'of them read before ten small ones were (MB)': Math.round(bigWhenSmallWereRead / MB),
  };
  expect(bigWhenSmallWereRead).toBeLessThan(block.length * 90);
  await seen.until(() => seen?.status()?.unreadBytes === 0, 120_000);
});
