import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileCacheDirectory } from '../../src/app/compile-cache.ts';

const me = process.getuid?.();
let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'binnacle-cache-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('the directory of compiled code', () => {
  it('is made below the home directory, for its owner alone', () => {
    const directory = compileCacheDirectory({ HOME: home }, me);
    expect(directory).toBe(join(home, '.cache', 'binnacle'));
    expect(statSync(directory ?? '').mode & 0o777).toBe(0o700);
  });

  it('follows XDG_CACHE_HOME, unless that is relative', () => {
    const caches = join(home, 'caches');
    expect(compileCacheDirectory({ HOME: home, XDG_CACHE_HOME: caches }, me)).toBe(join(caches, 'binnacle'));
    expect(compileCacheDirectory({ HOME: home, XDG_CACHE_HOME: 'caches' }, me)).toBe(
      join(home, '.cache', 'binnacle'),
    );
  });

  it('is none where others can write, since they could put code there', () => {
    mkdirSync(join(home, '.cache', 'binnacle'), { recursive: true });
    chmodSync(join(home, '.cache', 'binnacle'), 0o777);
    expect(compileCacheDirectory({ HOME: home }, me)).toBeUndefined();
  });

  it("is none in another user's home: nothing of ours is left there", () => {
    expect(compileCacheDirectory({ HOME: home }, (me ?? 0) + 1)).toBeUndefined();
    expect(existsSync(join(home, '.cache'))).toBe(false);
  });

  it('is none without a home, or where it can not be made', () => {
    expect(compileCacheDirectory({}, me)).toBeUndefined();
    writeFileSync(join(home, '.cache'), 'a file in the way');
    expect(compileCacheDirectory({ HOME: home }, me)).toBeUndefined();
  });
});
