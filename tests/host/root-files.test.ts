import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownerOf, readBelow, removeBelow, writeBelow } from '../../src/host/root-files.ts';
import { temporaryDirectory } from '../db/temporary.ts';

function places(): { root: string; outside: string } {
  const base = temporaryDirectory();
  const root = join(base, 'root');
  const outside = join(base, 'outside');
  mkdirSync(join(root, 'logs'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'not yours');
  return { root, outside };
}

describe('files below a root', () => {
  it('are written whole, with the directories they lie in, and leave nothing else behind', () => {
    const { root } = places();
    expect(writeBelow(root, 'a/b/request.json', '{"é":1}')).toEqual({ ok: true, value: 'written' });
    expect(readFileSync(join(root, 'a/b/request.json'), 'utf8')).toBe('{"é":1}');
    expect(writeBelow(root, join(root, 'a/b/request.json'), '')).toEqual({ ok: true, value: 'written' });
    expect(readdirSync(join(root, 'a/b'))).toEqual(['request.json']);
    expect(statSync(join(root, 'a/b/request.json')).size).toBe(0);
  });

  it('keep the mode they had', () => {
    const { root } = places();
    writeFileSync(join(root, 'x'), 'old');
    chmodSync(join(root, 'x'), 0o640);
    writeBelow(root, 'x', 'new');
    expect(statSync(join(root, 'x')).mode & 0o777).toBe(0o640);
  });

  it('are read up to a limit, and may be absent', () => {
    const { root } = places();
    writeFileSync(join(root, 'x'), '0123456789');
    expect(readBelow(root, 'x', 4)).toMatchObject({ ok: true, value: { truncated: true } });
    const read = readBelow(root, 'x', 100);
    expect(read.ok && read.value?.bytes.toString()).toBe('0123456789');
    expect(readBelow(root, 'none', 4)).toEqual({ ok: true, value: undefined });
    expect(readBelow(root, 'no/such/dir', 4)).toEqual({ ok: true, value: undefined });
    expect(removeBelow(root, 'x')).toEqual({ ok: true, value: 'removed' });
    expect(removeBelow(root, 'x')).toEqual({ ok: true, value: 'absent' });
  });

  it.each([
    ['a way up', () => '../outside/secret'],
    ['an absolute path elsewhere', ({ outside }: { outside: string }) => join(outside, 'secret')],
    [
      'a link to a file',
      ({ root, outside }: { root: string; outside: string }) => {
        symlinkSync(join(outside, 'secret'), join(root, 'link'));
        return 'link';
      },
    ],
    [
      'a link to a directory',
      ({ root, outside }: { root: string; outside: string }) => {
        symlinkSync(outside, join(root, 'dir'));
        return 'dir/secret';
      },
    ],
    [
      'a link to nothing',
      ({ root, outside }: { root: string; outside: string }) => {
        symlinkSync(join(outside, 'made'), join(root, 'dangling'));
        return 'dangling/x';
      },
    ],
    ['a NUL character', () => 'a\0b'],
  ])('are not reached through %s', (_, prepare) => {
    const where = places();
    const path = prepare(where);
    for (const result of [
      readBelow(where.root, path, 100),
      writeBelow(where.root, path, 'mine'),
      removeBelow(where.root, path),
    ]) {
      expect(result.ok).toBe(false);
    }
    expect(readFileSync(join(where.outside, 'secret'), 'utf8')).toBe('not yours');
    expect(readdirSync(where.outside)).toEqual(['secret']);
  });

  it('are reached through a link that stays inside, and through a root that is one', () => {
    const { root } = places();
    symlinkSync('logs', join(root, 'alias'));
    symlinkSync(root, `${root}-link`);
    expect(writeBelow(root, 'alias/x', '1')).toEqual({ ok: true, value: 'written' });
    expect(writeBelow(`${root}-link`, join(`${root}-link`, 'logs', 'y'), '2')).toEqual({
      ok: true,
      value: 'written',
    });
    expect(readdirSync(join(root, 'logs')).sort()).toEqual(['x', 'y']);
  });

  it('never block on a pipe and never replace one', () => {
    const { root } = places();
    expect(spawnSync('mkfifo', [join(root, 'pipe')]).status).toBe(0);
    expect(readBelow(root, 'pipe', 10)).toMatchObject({ ok: false, error: 'pipe is not a regular file' });
    expect(writeBelow(root, 'pipe', 'x')).toMatchObject({ ok: false });
    expect(removeBelow(root, 'logs')).toMatchObject({ ok: false });
  });

  it('stay inside while another process exchanges the directory for a link again and again', async () => {
    const { root, outside } = places();
    const swapper = spawn(process.execPath, [
      '-e',
      `const fs = require('fs'); const [root, outside] = process.argv.slice(1); const until = Date.now() + 1500; let n = 0;
       while (Date.now() < until) {
         try { fs.rmSync(root + '/logs', { recursive: true, force: true }); fs.symlinkSync(outside, root + '/logs'); n += 1; } catch {}
         try { fs.unlinkSync(root + '/logs'); fs.mkdirSync(root + '/logs'); n += 1; } catch {}
       }
       console.log(n);`,
      root,
      outside,
    ]);
    let swaps = '';
    swapper.stdout.on('data', (part) => {
      swaps += part;
    });
    const ended = new Promise((resolve) => swapper.on('close', resolve));
    let [written, refused, running] = [0, 0, true];
    void ended.then(() => {
      running = false;
    });
    while (running) {
      for (let n = 0; n < 50; n += 1) {
        if (writeBelow(root, 'logs/made', 'x').ok) written += 1;
        else refused += 1;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(readdirSync(outside)).toEqual(['secret']);
    // The race was really run: both answers came, and the directory changed places all the time.
    expect(Number(swaps)).toBeGreaterThan(100);
    expect(written).toBeGreaterThan(10);
    expect(refused).toBeGreaterThan(10);
  });

  it('say whose a directory is', () => {
    expect(ownerOf(temporaryDirectory())).toMatchObject({ uid: process.getuid?.() });
    expect(ownerOf('/no/such/root')).toBeUndefined();
  });
});
