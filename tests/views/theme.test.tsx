import { afterEach, describe, expect, it } from 'vitest';
import { themeFrom, toneCodes } from '../../views/theme.ts';
import { openScreen, type TestScreen } from './screen.tsx';

let screen: TestScreen | undefined;
afterEach(() => screen?.close());

describe('the theme', () => {
  it('has no colour where it is not wanted or not to be had', () => {
    expect(themeFrom({ TERM: 'xterm', LANG: 'C.UTF-8' })).toEqual({ color: '16', ascii: false });
    expect(themeFrom({ TERM: 'xterm', LANG: 'C.UTF-8', NO_COLOR: '1' }).color).toBe('none');
    expect(themeFrom({ TERM: 'xterm', NO_COLOR: '' }).color).toBe('16');
    expect(themeFrom({ TERM: 'dumb' }).color).toBe('none');
    expect(themeFrom({ TERM: 'vt100' }).color).toBe('none');
    expect(themeFrom({ TERM: 'xterm' }, { noColor: true }).color).toBe('none');
  });

  it('takes the locale for what the terminal can show, the option before it', () => {
    expect(themeFrom({ LANG: 'C' }).ascii).toBe(true);
    expect(themeFrom({ LANG: 'C', LC_ALL: 'de_DE.utf8' }).ascii).toBe(false);
    expect(themeFrom({ LANG: 'C.UTF-8', LC_ALL: 'C' }).ascii).toBe(true);
    expect(themeFrom({ LANG: 'C.UTF-8' }, { ascii: true }).ascii).toBe(true);
  });

  it('ends every tone it begins', () => {
    expect(toneCodes({ color: '16', ascii: false }, 'alarm')).toEqual(['\x1b[1;31m', '\x1b[22;39m']);
    expect(toneCodes({ color: '16', ascii: false }, undefined)).toEqual(['', '']);
    expect(toneCodes({ color: 'none', ascii: false }, 'alarm')).toEqual(['', '']);
  });

  it('only helps the eye: the same characters stand in the same places without it', async () => {
    screen = await openScreen();
    const plain = screen.rows();
    screen.close();
    screen = await openScreen({ theme: { color: '16', ascii: false } });
    const sequence = /\x1b\[[0-9;]*m/g;
    expect(screen.frame()).toMatch(sequence);
    expect(screen.rows().map((row) => row.replaceAll(sequence, '').trimEnd())).toEqual(plain);
    expect(screen.frame().replaceAll(sequence, '')).not.toContain('\x1b');
  });
});
