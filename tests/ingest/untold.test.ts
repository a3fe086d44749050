/** Changes no notification tells of, though the directory is watched: they are found within a second or two. */
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, linkSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isChangeTold, parseMountInfo } from '../../src/ingest/mounts.ts';
import { type Collector, collect, pause, temporary, until } from './collector.ts';

/**
 * What is not sure to tell is swept each second, the rest in ten parts: of so many logs some would come later than this,
 * where they counted as sure.
 */
const SWEPT_MS = 5_000;
const LOGS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

let place: ReturnType<typeof temporary>;
let open: Collector[] = [];
beforeEach(() => {
  place = temporary();
  for (const name of ['logs', 'elsewhere']) mkdirSync(join(place.dir, name));
});
afterEach(async () => {
  for (const collector of open) await collector.pump.close();
  open = [];
  place.remove();
});

const logPath = (name: string): string => join(place.dir, 'logs', `${name}.log`);
const elsewhere = (name: string): string => join(place.dir, 'elsewhere', name);

/** Follows the logs, and lets them come to rest. */
async function follow(): Promise<Collector> {
  const collector = await collect(place.dir, [{ id: 'log', type: 'log', glob: 'logs/*.log' }]);
  open.push(collector);
  await pause(1_500);
  return collector;
}

/** Each log gets a line under its other name: all of them are told in time. */
async function expectAllTold(lines: () => readonly string[], withinMs = SWEPT_MS): Promise<void> {
  for (const name of LOGS) appendFileSync(elsewhere(name), `one more of ${name}\n`);
  const since = performance.now();
  await until(() => LOGS.every((name) => lines().includes(`one more of ${name}`)), 30_000);
  expect(performance.now() - since).toBeLessThan(withinMs);
}

describe('logs are found to have grown', () => {
  test('through other names in another directory', async () => {
    for (const name of LOGS) {
      writeFileSync(elsewhere(name), 'first\n');
      linkSync(elsewhere(name), logPath(name));
    }
    const seen = await follow();
    await expectAllTold(() => seen.lines());
  });

  test('through other names that they were given later, in the round of what is sure to tell', async () => {
    for (const name of LOGS) writeFileSync(logPath(name), 'first\n');
    const seen = await follow();
    for (const name of LOGS) linkSync(logPath(name), elsewhere(name));
    await expectAllTold(() => seen.lines(), 15_000);
  });

  test('behind links to another directory', async () => {
    for (const name of LOGS) {
      writeFileSync(elsewhere(name), 'first\n');
      symlinkSync(elsewhere(name), logPath(name));
    }
    const seen = await follow();
    await expectAllTold(() => seen.lines());
  });

  test('row 33: gone and back with its directory, which was moved away', async () => {
    writeFileSync(logPath('a'), 'first\n');
    const seen = await follow();
    renameSync(join(place.dir, 'logs'), join(place.dir, 'away'));
    await seen.until(() => seen.of('gone').length === 1, 6_000);
    mkdirSync(join(place.dir, 'logs'));
    writeFileSync(logPath('a'), 'second\n');
    await seen.until(() => seen.lines().length === 2, 6_000);
    expect(seen.lines()).toEqual(['first', 'second']);
  });
});

const canMount = spawnSync('unshare', ['-Urm', 'true']).status === 0;

test.skipIf(!canMount)('logs that are mounted in their places alone are found to have grown', async () => {
  const mounts: string[] = [];
  for (const name of LOGS) {
    writeFileSync(elsewhere(name), 'first\n');
    writeFileSync(logPath(name), '');
    mounts.push(`mount --bind ${elsewhere(name)} ${logPath(name)}`);
  }
  const program = new URL('./follow-process.ts', import.meta.url).pathname;
  const command = [...mounts, 'exec "$@"'].join(' && ');
  const follower = ['sh', '-c', command, 'sh', process.execPath, program, join(place.dir, 'logs')];
  const child = spawn('unshare', ['-Urm', ...follower], { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.on('data', (data: Buffer) => {
    told += data.toString();
  });
  const lines = (): string[] => [...told.matchAll(/first|one more of \w/g)].map(([line]) => line);
  try {
    await until(() => lines().length === LOGS.length, 20_000);
    await pause(1_500);
    await expectAllTold(lines);
  } finally {
    child.kill('SIGKILL');
  }
});

describe('what the kernel knows of', () => {
  test('is read from the list of mounts, with blanks in names, the latest of two on one place', () => {
    const lines = [
      '22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw',
      '31 22 0:40 / /mnt/two\\040words rw - nfs4 host:/x rw,addr=1.2.3.4',
      '32 22 0:41 / /srv rw shared:7 master:2 - fuse.sshfs a:/ rw',
      '33 22 0:42 / /srv rw - xfs /dev/x rw',
      '',
    ];
    const mounts = parseMountInfo(lines.join('\n'));
    expect([...mounts]).toEqual([
      ['/', 'ext4'],
      ['/mnt/two words', 'nfs4'],
      ['/srv', 'xfs'],
    ]);
  });

  test('is nothing of what other programs hand in as files', () => {
    expect(isChangeTold('/proc/self/stat')).toBe(false);
    expect(isChangeTold('/no/such/directory/file')).toBe(false);
  });
});
