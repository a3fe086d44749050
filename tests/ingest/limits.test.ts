/** What the system gives too little of: notifications, descriptors, permission. */
import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Collector, collect, temporary, until } from './collector.ts';

const OTHER_USER = 65_534;
const asRoot = test.skipIf(process.getuid?.() !== 0);
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

/** What another process that follows `*.log` in the directory has told. */
interface Told {
  readonly lines: string[];
  readonly polling: boolean;
  readonly errors: string[];
}

/** Runs `task` while a process of its own, started by `words`, follows the logs. */
async function followedBy(
  words: readonly string[],
  task: (told: () => Told) => Promise<void>,
): Promise<void> {
  const program = new URL('./follow-process.ts', import.meta.url).pathname;
  const [first = process.execPath, ...rest] = [...words, process.execPath, program, place.dir];
  const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const told = { lines: [] as string[], polling: false, errors: [] as string[] };
  let text = '';
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  child.stdout.setEncoding('utf8').on('data', (data: string) => {
    const parts = (text + data).split('\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const { lines, polling, error } = JSON.parse(part) as {
        lines?: string[];
        polling?: boolean;
        error?: string;
      };
      told.lines.push(...(lines ?? []));
      if (error !== undefined) told.errors.push(error);
      if (polling !== undefined) told.polling = polling;
    }
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await task(() => told);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${stderr}`);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

const logs = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => join(place.dir, `run-${index}.log`));

describe('notifications', () => {
  test('row 28: more of them than the kernel keeps: what was written meanwhile is found', async () => {
    const files = logs(10);
    for (const file of files) writeFileSync(file, 'first\n');
    open.push(await collect(place.dir, [{ id: 'log', type: 'log', glob: '*.log' }]));
    const [seen] = open;
    // Nothing takes the events off the kernel's queue (16,384 of them, else what is set) while this thread is busy.
    for (let count = 0; count < 24_000; count += 1) writeFileSync(join(place.dir, 'noise'), '');
    for (const file of files) appendFileSync(file, 'second\n');
    const since = performance.now();
    await until(() => seen?.lines().filter((line) => line === 'second').length === 10, 20_000);
    // A second, by a sweep of everything; the parts of an ordinary one would take ten.
    expect(performance.now() - since).toBeLessThan(5_000);
    expect(seen?.lines()).toHaveLength(20);
  });

  test.skipIf(process.platform !== 'linux').each(['instances', 'watches'])(
    'row 29: a user who has no inotify %s left: everything is found by looking, which is told',
    async (what) => {
      const files = logs(30);
      for (const file of files) writeFileSync(file, 'first\n');
      const limited = `echo 0 > /proc/sys/user/max_inotify_${what} && exec "$@"`;
      await followedBy(['unshare', '-Ur', 'sh', '-c', limited, 'sh'], async (told) => {
        await until(
          () => told().lines.length === 30 && told().polling,
          30_000,
          () => JSON.stringify(told()),
        );
        for (const file of files) appendFileSync(file, 'second\n');
        await until(
          () => told().lines.length === 60,
          30_000,
          () => JSON.stringify(told()),
        );
        expect(told().errors).toEqual([]);
      });
    },
  );
});

test.skipIf(process.platform !== 'linux')(
  'row 30: more logs than descriptors: each line of each log once, through a rotation too',
  async () => {
    const files = logs(200);
    for (const file of files) writeFileSync(file, `${file} first\n`);
    await followedBy(['sh', '-c', 'ulimit -n 100; exec "$@"', 'sh'], async (told) => {
      const untilTold = (count: number) =>
        until(
          () => told().lines.length >= count,
          30_000,
          () => `${told().lines.length} lines, ${JSON.stringify(told().errors).slice(0, 500)}`,
        );
      await untilTold(200);
      for (const file of files) appendFileSync(file, `${file} second\n`);
      for (const file of files.slice(0, 100)) {
        renameSync(file, `${file}.1`);
        writeFileSync(file, `${file} third\n`);
      }
      await untilTold(500);
      const expected = [
        ...files.flatMap((file) => [`${file} first`, `${file} second`]),
        ...files.slice(0, 100).map((file) => `${file} third`),
      ];
      expect([...told().lines].sort()).toEqual(expected.sort());
      expect(told().errors).toEqual([]);
    });
  },
);

asRoot('row 32: a log that may not be read is told, and read when it may', async () => {
  const [file = ''] = logs(1);
  mkdirSync(place.dir, { recursive: true });
  chmodSync(place.dir, 0o755);
  writeFileSync(file, 'first\n');
  chownSync(file, OTHER_USER, OTHER_USER);
  chmodSync(file, 0);
  const user = String(OTHER_USER);
  await followedBy(['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'], async (told) => {
    await until(
      () => told().errors.length > 0,
      30_000,
      () => JSON.stringify(told()),
    );
    expect(told().errors).toEqual(['not readable by this user: run as its owner or join its group']);
    chmodSync(file, 0o644);
    await until(() => told().lines.length === 1, 30_000);
    chmodSync(file, 0);
    renameSync(file, `${file}.1`);
    writeFileSync(file, 'second\n');
    chmodSync(file, 0o644);
    await until(() => told().lines.length === 2, 30_000);
    expect(told().lines).toEqual(['first', 'second']);
  });
});

test('row 54: files that are moved and removed while they are listed do no harm', async () => {
  open.push(await collect(place.dir, [{ id: 'log', type: 'log', glob: '*.log' }]));
  const [seen] = open;
  const written: string[] = [];
  for (let count = 0; count < 300; count += 1) {
    const file = join(place.dir, `run-${count % 7}.log`);
    const line = `line ${count} of a log that comes and goes, told apart by its number`;
    written.push(line);
    appendFileSync(file, `${line}\n`);
    if (count % 3 === 0) renameSync(file, join(place.dir, `moved-${count}.log`));
    if (count % 10 === 0) {
      writeFileSync(join(place.dir, `short-${count}.log`), '');
      rmSync(join(place.dir, `short-${count}.log`));
    }
    if (count % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until(() => (seen?.lines().length ?? 0) >= written.length, 20_000);
  expect([...(seen?.lines() ?? [])].sort()).toEqual([...written].sort());
});
