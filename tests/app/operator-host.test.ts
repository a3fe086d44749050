import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { lookingEditor } from '../../src/app/operator-host.ts';

const dir = mkdtempSync(join(tmpdir(), 'binnacle-editor-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the editor that looks at a watched file', () => {
  it('leaves no swap file beside it, whatever name leads to Vim', () => {
    for (const name of ['vim.basic', 'busybox', 'nano']) writeFileSync(join(dir, name), '');
    symlinkSync('vim.basic', join(dir, 'vi'));
    symlinkSync('busybox', join(dir, 'ex'));
    expect(lookingEditor(['vi'], `/nowhere:${dir}`)).toEqual(['vi', '-R', '-n']);
    expect(lookingEditor([join(dir, 'vi'), '-u', 'NONE'])).toEqual([
      join(dir, 'vi'),
      '-R',
      '-n',
      '-u',
      'NONE',
    ]);
    expect(lookingEditor(['nvim'], '/nowhere')).toEqual(['nvim', '-R', '-n']);
  });

  it('is started as it is where that would be no option of it', () => {
    expect(lookingEditor(['ex'], dir)).toEqual(['ex']);
    expect(lookingEditor(['nano', '-w'], dir)).toEqual(['nano', '-w']);
  });
});
