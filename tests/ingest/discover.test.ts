import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { directoryCache } from '../../src/ingest/directory-cache.ts';
import { discover, fenceOf } from '../../src/ingest/discover.ts';
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

function find(glob: string, want: 'file' | 'directory' = 'file') {
  const fence = fenceOf(place.dir, glob, false);
  return discover(place.dir, glob, { want, fence, cache: directoryCache() });
}
const paths = (glob: string, want?: 'file' | 'directory'): string[] =>
  find(glob, want).found.map(({ path }) => path);

function put(path: string, text = 'x\n'): string {
  const file = join(place.dir, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}

async function follow(glob: string, more = {}) {
  const collector = await collect(place.dir, [{ id: 'log', type: 'log', glob }], more);
  open.push(collector);
  return collector;
}

describe('globs', () => {
  test('a star matches within a name, two any number of directories, a dot only when written', () => {
    for (const path of ['a.log', 'b.log', '.c.log', 'a.log.1', 'x/d.log', 'x/y/e.log', 'x/y/z/f.txt'])
      put(path);
    expect(paths('*.log')).toEqual(['a.log', 'b.log']);
    expect(paths('*.log*')).toEqual(['a.log', 'a.log.1', 'b.log']);
    expect(paths('.*.log')).toEqual(['.c.log']);
    expect(paths('**/*.log')).toEqual(['a.log', 'b.log', 'x/d.log', 'x/y/e.log']);
    expect(paths('x/*/*.log')).toEqual(['x/y/e.log']);
    expect(paths('x/**/f.txt')).toEqual(['x/y/z/f.txt']);
    expect(paths('x/*', 'directory')).toEqual(['x/y']);
    expect(paths('no/such/*.log')).toEqual([]);
    expect(paths('a.log')).toEqual(['a.log']);
    expect(paths(join(place.dir, 'x', '*.log'))).toEqual(['x/d.log']);
  });

  test('characters of regular expressions and brackets in names are just characters', () => {
    put('a+b(1).log');
    put('aab1.log');
    expect(paths('a+b(1)*')).toEqual(['a+b(1).log']);
    expect(paths('a+b(1).log')).toEqual(['a+b(1).log']);
  });

  test('does not follow directory links in circles', () => {
    put('x/a.log');
    symlinkSync('..', join(place.dir, 'x', 'up'));
    expect(paths('**/*.log')).toEqual(['x/a.log']);
    symlinkSync('loop', join(place.dir, 'loop'));
    expect(paths('loop/*.log')).toEqual([]);
  });
});

describe('what a watched system can put in our way', () => {
  test('row 49: hostile names are told and opened right', async () => {
    const names = [
      'a\u001b[31m.log',
      'b\nc.log',
      '--help.log',
      `${'n'.repeat(251)}.log`,
      'rtl\u202egol.log',
      ' .log',
      '$(x).log',
    ];
    for (const name of names) put(name, `${JSON.stringify(name)}\n`);
    const raw = Buffer.concat([
      Buffer.from(`${place.dir}/bad-`),
      Buffer.from([0xff, 0xe9]),
      Buffer.from('.log'),
    ]);
    writeFileSync(raw, 'bytes\n');
    const seen = await follow('*.log');
    for (const name of names) expect(seen.lines(name)).toEqual([JSON.stringify(name)]);
    expect(seen.lines('bad-\\xff\\xe9.log')).toEqual(['bytes']);
    appendFileSync(raw, 'more\n');
    await seen.until(() => seen.lines('bad-\\xff\\xe9.log').length === 2, 1500);
    expect(seen.of('failed')).toEqual([]);
  });

  test('row 51: a FIFO, a socket, a device and a directory named like a log are skipped and shown, and never block', async () => {
    put('good.log', 'good\n');
    expect(spawnSync('mkfifo', [join(place.dir, 'pipe.log')]).status).toBe(0);
    mkdirSync(join(place.dir, 'dir.log'));
    symlinkSync('/dev/zero', join(place.dir, 'device.log'));
    const server = createServer().listen(join(place.dir, 'socket.log'));
    await new Promise((resolve) => server.once('listening', resolve));
    const seen = await follow('*.log');
    expect(seen.lines()).toEqual(['good']);
    const reasons = new Map(seen.of('failed').map(({ path, error }) => [path, error]));
    expect(reasons.get('pipe.log')).toMatch(/skipped: a FIFO/);
    expect(reasons.get('dir.log')).toMatch(/skipped: a directory/);
    expect(reasons.get('socket.log')).toMatch(/skipped: a socket/);
    expect(reasons.get('device.log')).toMatch(/skipped: a device/);
    expect(seen.status()).toMatchObject({
      state: 'fresh',
      items: 1,
      error: expect.stringMatching(/and 3 more/),
    });
    server.close();
  });

  test('row 52: a link out of the root is refused unless it is allowed', async () => {
    const outside = temporary();
    writeFileSync(join(outside.dir, 'secret'), 'root:x:0\n');
    put('in/real.log', 'mine\n');
    symlinkSync(join(outside.dir, 'secret'), join(place.dir, 'a.log'));
    symlinkSync(outside.dir, join(place.dir, 'dir'));
    symlinkSync('in/real.log', join(place.dir, 'b.log'));
    const seen = await follow('*.log');
    expect(seen.lines()).toEqual(['mine']);
    expect(seen.of('failed')).toMatchObject([
      { path: 'a.log', error: expect.stringMatching(/^refused: a link out/) },
    ]);
    expect((await follow('dir/*')).lines()).toEqual([]);
    expect((await follow('*.log', { allowOutside: true })).lines().sort()).toEqual(['mine', 'root:x:0']);
    outside.remove();
  });

  test('a log that is replaced by a link out of the root is not read on', async () => {
    const log = put('app.log', 'mine\n');
    const seen = await follow('*.log');
    symlinkSync('/etc/passwd', `${log}.next`);
    renameSync(`${log}.next`, log);
    await seen.until(() => seen.of('failed').length === 1);
    expect(seen.lines()).toEqual(['mine']);
  });

  test.skipIf(process.getuid?.() !== 0)(
    'an unreadable log is shown as such, and read a moment after it becomes readable',
    async () => {
      const log = put('app.log', 'hidden\n');
      chmodSync(log, 0);
      chmodSync(place.dir, 0o755);
      chownSync(place.dir, 65534, 65534);
      const program = `
      import { createPump } from '${join(import.meta.dirname, '../../src/ingest/pump.ts')}';
      import { systemClock } from '${join(import.meta.dirname, '../../src/host/clock.ts')}';
      const pump = createPump([{ id: 'log', type: 'log', glob: '*.log' }], { root: ${JSON.stringify(place.dir)}, clock: systemClock(),
        once: false, secret: () => undefined, onEvent: (e) => console.log(JSON.stringify(e)) });
      pump.start(); setTimeout(() => process.exit(0), 60_000);`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        uid: 65534,
        gid: 65534,
        cwd: '/',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      child.stdout.on('data', (part) => {
        text += part;
      });
      await expect
        .poll(() => text, { timeout: 20_000 })
        .toMatch(/"type":"failed".*not readable by this user/);
      await expect.poll(() => text, { timeout: 20_000 }).toMatch(/"state":"error"/);
      chmodSync(log, 0o644);
      await expect.poll(() => text, { timeout: 20_000 }).toMatch(/"text":"hidden"/);
      await expect.poll(() => text.trim().split('\n').at(-1), { timeout: 20_000 }).toMatch(/"state":"fresh"/);
      child.kill('SIGKILL');
    },
  );
});

test('new files of a glob are found when they come, and forgotten when they go', async () => {
  put('logs/a.log', 'a\n');
  const seen = await follow('logs/**/*.log');
  await pause(150);
  // Told by the kernel, well before a walk would find it.
  const names: string[] = [];
  const come = async (): Promise<void> => {
    const name = `b${names.length}`;
    names.push(name);
    put(`logs/${name}.log`, `${name}\n`);
    await seen.until(() => seen.lines().includes(name));
  };
  expect(await quickest(300, come)).toBeLessThan(300);
  put('logs/deep/er/c.log', 'c\n');
  await seen.until(() => seen.lines().includes('c'));
  expect(seen.lines()).toEqual(['a', ...names, 'c']);
});

test('a directory that comes later, or again, is watched as one that was there', async () => {
  const seen = await follow('logs/*.log');
  for (const round of ['first', 'second']) {
    const log = put(`logs/${round}.log`, 'begin\n');
    await seen.until(() => seen.lines(`logs/${round}.log`).length === 1);
    // Until the watch is renewed, changes of old files are found by the sweep alone.
    await pause(2600);
    const more = async (): Promise<void> => {
      const count = seen.lines(`logs/${round}.log`).length;
      appendFileSync(log, 'more\n');
      await seen.until(() => seen.lines(`logs/${round}.log`).length === count + 1);
    };
    expect(await quickest(60, more, { before: () => pause(250) })).toBeLessThan(60);
    rmSync(join(place.dir, 'logs'), { recursive: true });
  }
});
