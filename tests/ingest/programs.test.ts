import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { processStartedAt } from '../../src/host/process-stat.ts';
import type { IngestSpec } from '../../src/ingest/ingest.ts';
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

async function follow(spec: IngestSpec, more = {}) {
  const collector = await collect(place.dir, [spec], more);
  open.push(collector);
  return collector;
}
const node = (script: string): string[] => [process.execPath, '-e', script];

describe('a probe', () => {
  test('is run again and again, and its answer told with exit code and both outputs', async () => {
    const argv = node('console.log(process.cwd()); console.error("warn"); process.exit(2)');
    const seen = await follow({ id: 'p', type: 'probe', argv, everyMs: 100, sideEffects: 'none' });
    expect(seen.chunks()[0]?.chunk).toMatchObject({
      type: 'probe',
      exitCode: 2,
      stdout: `${place.dir}\n`,
      stderr: 'warn\n',
    });
    await seen.until(() => seen.chunks().length >= 2);
    expect(seen.status()).toMatchObject({ state: 'error', error: expect.stringMatching(/^exit 2: warn/) });
  });

  test('that does not end or does not exist is told as such', async () => {
    const argv = ['/bin/sleep', '30'];
    const slow = await follow(
      { id: 'p', type: 'probe', argv, everyMs: 1000, timeoutMs: 200, sideEffects: '' },
      { once: true },
    );
    expect(slow.chunks()[0]?.chunk).toMatchObject({ exitCode: null, error: 'did not end in time' });
    const none = await follow(
      { id: 'p', type: 'probe', argv: ['/no/such'], everyMs: 1000, sideEffects: '' },
      { once: true },
    );
    expect(none.chunks()[0]?.chunk).toMatchObject({ exitCode: null, error: expect.stringMatching(/ENOENT/) });
  });
});

describe('a stream', () => {
  test('gives the lines a program prints as they come, and starts it again when it ends', async () => {
    const argv = node(
      'console.log("one"); process.stdout.write("tw"); setTimeout(() => { console.log("o"); process.exit(1); }, 200)',
    );
    const seen = await follow({ id: 's', type: 'stream', argv });
    await seen.until(() => seen.lines().length >= 2);
    expect(seen.lines()).toEqual(['one', 'two']);
    await seen.until(() => seen.status()?.state === 'error');
    expect(seen.status()?.error).toMatch(/exit 1/);
    await seen.until(() => seen.lines().length >= 4);
    expect(seen.chunks().filter((chunk) => chunk.fresh)).toHaveLength(2);
  });

  test('once, it gives what a follower prints at first and ends it', async () => {
    const argv = node('console.log(process.pid); setInterval(() => {}, 1000)');
    // It never ends by itself: to come back at all is to have ended it.
    const seen = await follow({ id: 's', type: 'stream', argv }, { once: true });
    const pid = Number(seen.lines()[0]);
    await seen.until(() => processStartedAt(pid) === undefined);
  });

  test('ends its program when it is closed', async () => {
    const argv = node('console.log(process.pid); setInterval(() => {}, 1000)');
    const seen = await follow({ id: 's', type: 'stream', argv });
    const pid = Number(seen.lines()[0]);
    expect(processStartedAt(pid)).toBeDefined();
    await seen.pump.close();
    expect(processStartedAt(pid)).toBeUndefined();
  });
});

test('the process table is told when it changes, and not ten times a second when it does not', async () => {
  const word = `mark-${process.pid}-${Math.round(performance.now())}`;
  const seen = await follow({ id: 'ps', type: 'process', match: { words: [word] } });
  expect(seen.of('processes')[0]?.table.processes).toEqual([]);
  const child = spawn('/bin/sh', ['-c', 'sleep 20; true', word], { stdio: 'ignore', detached: true });
  await seen.until(() => seen.of('processes').at(-1)?.table.processes[0]?.pid === child.pid);
  await seen.until(() => seen.of('processes').at(-1)?.table.processes.length === 2);
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await seen.until(() => seen.of('processes').at(-1)?.table.processes.length === 0);
  expect(seen.of('processes').length).toBeLessThan(6);
});

describe('the pump', () => {
  test('a new list of sources leaves the unchanged ones undisturbed', async () => {
    writeFileSync(join(place.dir, 'a.log'), 'a\n');
    writeFileSync(join(place.dir, 'b.log'), 'b\n');
    writeFileSync(join(place.dir, 'c.json'), '{}');
    const a: IngestSpec = { id: 'a', type: 'log', glob: 'a.log' };
    const seen = await collect(place.dir, [a, { id: 'x', type: 'log', glob: 'b.log' }]);
    open.push(seen);
    seen.pump.update([a, { id: 'x', type: 'document', glob: 'c.json' }]);
    await seen.pump.settled();
    expect(seen.chunks('a.log')).toHaveLength(1);
    expect(seen.chunks('c.json')).toHaveLength(1);
    writeFileSync(join(place.dir, 'b.log'), 'nobody reads this\n');
    await pause(200);
    expect(seen.lines('b.log')).toEqual(['b']);
    expect(seen.status('x')).toMatchObject({ type: 'document', state: 'fresh' });
  });

  test('a refresh reads one source again now, and tells its status', async () => {
    writeFileSync(join(place.dir, 'c.json'), '{"n":1}');
    const seen = await follow({ id: 'c', type: 'document', glob: '*.json' });
    const before = seen.chunks().length;
    await seen.pump.refresh('c');
    expect(seen.chunks().length).toBe(before + 1);
    await seen.pump.refresh('no-such-source');
    expect(seen.chunks().length).toBe(before + 1);
  });

  test('a missing root is waited for', async () => {
    const seen = await collect(join(place.dir, 'later'), [
      { id: 'l', type: 'log', glob: '**/*.log' },
      { id: 'd', type: 'document', glob: 'x.json' },
      { id: 't', type: 'tree', glob: 'runs/*', read: [] },
      { id: 'q', type: 'database', path: 'q.db', queries: [] },
    ]);
    open.push(seen);
    for (const id of ['l', 'd', 't', 'q'])
      expect(seen.status(id)).toMatchObject({ state: 'waiting', items: 0 });
  });

  test('says nothing more once it is closed', async () => {
    writeFileSync(join(place.dir, 'a.log'), 'a\n');
    const seen = await follow({ id: 'a', type: 'log', glob: '*.log' });
    await seen.pump.close();
    const told = seen.events.length;
    writeFileSync(join(place.dir, 'a.log'), 'b\nc\n');
    await pause(200);
    expect(seen.events.length).toBe(told);
  });
});

const canLimit = spawnSync('unshare', ['-Ur', 'true']).status === 0;

describe.skipIf(!canLimit)('without notifications from the kernel', () => {
  for (const [name, limit] of [
    ['no instance is to be had', 'echo 0 > /proc/sys/user/max_inotify_instances'],
    ['watches run out', 'echo 2 > /proc/sys/user/max_inotify_watches'],
  ] as const) {
    test(`changes are seen within a second and it is said that files are polled when ${name}`, async () => {
      const program = `
        import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
        import { createPump } from '${join(import.meta.dirname, '../../src/ingest/pump.ts')}';
        import { systemClock } from '${join(import.meta.dirname, '../../src/host/clock.ts')}';
        const root = ${JSON.stringify(place.dir)};
        for (let n = 0; n < 6; n++) { mkdirSync(root + '/' + n); writeFileSync(root + '/' + n + '/a.log', 'first\\n'); }
        let lines = 0;
        const pump = createPump([{ id: 'l', type: 'log', glob: '*/*.log' }], { root, clock: systemClock(), once: false,
          secret: () => undefined, onEvent: (e) => { if (e.type === 'chunk') lines += e.chunk.lines.length; } });
        pump.start(); await pump.settled();
        const nap = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
        await nap(500);
        const before = lines, polling = pump.polling(), at = performance.now();
        for (let n = 0; n < 6; n++) appendFileSync(root + '/' + n + '/a.log', 'next\\n');
        while (lines < 12 && performance.now() - at < 30_000) await nap(5);
        console.log(JSON.stringify({ before, polling, lines, }));
        await pump.close();`;
      const script = `${limit} && exec "$0" --input-type=module -e "$1"`;
      const run = spawnSync('unshare', ['-Ur', '/bin/sh', '-c', script, process.execPath, program], {
        encoding: 'utf8',
      });
      expect(run.stderr).toBe('');
      const saw = JSON.parse(run.stdout) as {
        before: number;
        polling: boolean;
        lines: number;
      };
      expect(saw).toMatchObject({ before: 6, polling: true, lines: 12 });
    });
  }
});
