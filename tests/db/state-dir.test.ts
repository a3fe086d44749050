import { chmodSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensurePrivateDirectory, userStateDirectory } from '../../src/db/state-dir.ts';
import { temporaryDirectory } from './temporary.ts';

describe('the state directory', () => {
  it('is the one named, else below XDG_STATE_HOME, else below the home directory', () => {
    expect(userStateDirectory({ BINNACLE_STATE_DIR: '/s', XDG_STATE_HOME: '/x', HOME: '/h' })).toBe('/s');
    expect(userStateDirectory({ XDG_STATE_HOME: '/x', HOME: '/h' })).toBe('/x/binnacle');
    expect(userStateDirectory({ XDG_STATE_HOME: 'relative', HOME: '/h' })).toBe('/h/.local/state/binnacle');
    expect(userStateDirectory({})).toBe(join(homedir(), '.local/state/binnacle'));
    expect(() => userStateDirectory({ BINNACLE_STATE_DIR: 'relative' })).toThrow(/not an absolute path/);
  });

  it('is made for its owner alone, and made so when it was not', () => {
    const path = join(temporaryDirectory(), 'a', 'b');
    ensurePrivateDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    chmodSync(path, 0o755);
    ensurePrivateDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('says what is in the way', () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'file'), '');
    expect(() => ensurePrivateDirectory(join(directory, 'file'))).toThrow(/can't be used|not a directory/);
    symlinkSync(join(directory, 'nowhere'), join(directory, 'link'));
    expect(() => ensurePrivateDirectory(join(directory, 'link'))).toThrow(/state directory/);
  });
});
