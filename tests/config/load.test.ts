import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkConfig, loadConfig } from '../../src/config/load.ts';
import { UserError } from '../../src/domain/error.ts';
import { temporaryDirectory } from '../db/temporary.ts';

function problem(text: string): string {
  try {
    checkConfig(text, 'binnacle.yaml');
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  return 'no problem';
}

describe('a configuration with a mistake', () => {
  it('names file, line and key of an unknown key', () => {
    expect(problem('version: 1\nsystems: []\nredonly: true\n')).toBe(
      'binnacle.yaml:3: redonly: is no key of this configuration',
    );
  });

  it('names the line of a value of the wrong form, deep inside', () => {
    const text =
      'systems:\n  - kind: orket\n    root: /srv/orket\n  - kind: coherence\n    root:\n      a: 1\n';
    expect(problem(text)).toMatch(/^binnacle\.yaml:5: systems\.1\.root: /);
  });

  it('names line and column of broken YAML', () => {
    expect(problem('systems:\n  - kind: [orket\n')).toMatch(/^binnacle\.yaml:\d+:\d+: /);
  });

  it('names a key given twice', () => {
    expect(problem('read-only: true\nread-only: false\n')).toMatch(/^binnacle\.yaml:2:1: /);
  });

  it('bounds what aliases may blow up', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (let index = 1; index < 8; index += 1) {
      const before = String.fromCharCode(96 + index);
      const name = String.fromCharCode(97 + index);
      bomb.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(',')}]`);
    }
    expect(() => checkConfig(bomb.join('\n'), 'binnacle.yaml')).toThrow();
  });
});

describe('finding the configuration', () => {
  it('takes the one in the working directory before the user’s', () => {
    const cwd = temporaryDirectory();
    const home = temporaryDirectory();
    mkdirSync(join(home, '.config', 'binnacle'), { recursive: true });
    writeFileSync(join(home, '.config', 'binnacle', 'binnacle.yaml'), 'read-only: true\n');
    expect(loadConfig(undefined, cwd, { HOME: home }).file).toEqual({ 'read-only': true });
    writeFileSync(join(cwd, 'binnacle.yaml'), 'read-only: false\n');
    expect(loadConfig(undefined, cwd, { HOME: home })).toMatchObject({
      path: join(cwd, 'binnacle.yaml'),
      file: { 'read-only': false },
    });
  });

  it('refuses a file that everyone can write', () => {
    const cwd = temporaryDirectory();
    const path = join(cwd, 'binnacle.yaml');
    writeFileSync(path, 'read-only: true\n');
    chmodSync(path, 0o666);
    expect(() => loadConfig(undefined, cwd, { HOME: cwd })).toThrow(/can be written by everyone/);
  });

  it('says that a named configuration does not exist', () => {
    expect(() => loadConfig('nowhere.yaml', temporaryDirectory(), {})).toThrow(
      /nowhere\.yaml does not exist/,
    );
  });
});
