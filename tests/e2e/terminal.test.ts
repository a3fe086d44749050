import { afterEach, describe, expect, it } from 'vitest';
import { bytesOfKey } from './keys.ts';
import { closeTerminals, startShell, startTerminal } from './terminal.ts';

const KEYS_PROGRAM = new URL('fixtures/keys.ts', import.meta.url).pathname;

afterEach(closeTerminals);

const startKeys = () =>
  startTerminal({ command: process.execPath, args: [KEYS_PROGRAM], columns: 60, rows: 10 });

describe('the driven terminal', () => {
  it('shows what the program drew, with its look', async () => {
    const terminal = startKeys();
    await terminal.waitFor('hello 60x10');
    expect(terminal.screen()[0]).toBe('hello 60x10');
    expect(terminal.cell(0, 0)).toMatchObject({ text: 'h', bold: true, foreground: 1 });
    expect(terminal.cell(6, 0)).toMatchObject({ text: '6', bold: false });
    expect(terminal.cell(6, 0).foreground).toBeUndefined();
  });

  it('presses keys one read each, and types text in one', async () => {
    const terminal = startKeys();
    await terminal.waitFor('hello');
    await terminal.press('a', 'enter', 'down', 'ctrl-d', 'alt-x');
    await terminal.waitFor(/read 61\nread 0d\nread 1b5b42\nread 04\nread 1b78/);
    terminal.type('yes');
    await terminal.waitFor('read 796573');
  });

  it('pastes in brackets where the program asked for them', async () => {
    const terminal = startKeys();
    await terminal.waitFor('hello');
    terminal.paste('y\n');
    await terminal.waitFor('read 1b5b3230307e790d1b5b3230317e');
  });

  it('tells modes, size, exit code and raw bytes', async () => {
    const terminal = startKeys();
    await terminal.waitFor('hello');
    expect(terminal.modes()).toEqual({
      alternateScreen: false,
      cursorVisible: true,
      mouse: 'none',
      paste: true,
      focus: false,
    });
    expect(terminal.lineModes()).toMatchObject({ cooked: false, raw: true, columns: 60, rows: 10 });
    terminal.resize(33, 7);
    await terminal.waitFor('now 33x7');
    await terminal.press('c');
    await terminal.waitFor('other screen');
    expect(terminal.modes()).toMatchObject({ alternateScreen: true, cursorVisible: false });
    await terminal.press('q');
    expect(await terminal.exit).toEqual({ code: 7, signal: null });
    expect(terminal.output().includes('\x1b[?1049h')).toBe(true);
  });

  it('names the signal that ended the program', async () => {
    const terminal = startKeys();
    await terminal.waitFor('hello');
    terminal.kill('SIGKILL');
    expect(await terminal.exit).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('fails with the screen when what is awaited does not come, or the program ended', async () => {
    const terminal = startKeys();
    await terminal.waitFor('hello');
    await expect(terminal.waitFor('never', 50)).rejects.toThrow(
      /not within 50 ms.*"never"[\s\S]*\| hello 60x10/,
    );
    const waiting = terminal.waitFor('never');
    terminal.kill('SIGTERM');
    await expect(waiting).rejects.toThrow(/the program ended/);
  });

  it('gives a shell whose terminal is cooked between commands', async () => {
    const shell = await startShell({ columns: 80, rows: 24 });
    expect(shell.lineModes()).toMatchObject({ cooked: true, raw: false });
    shell.type(`${process.execPath} ${KEYS_PROGRAM}\r`);
    await shell.waitFor('hello 80x24');
    expect(shell.lineModes()).toMatchObject({ cooked: false, raw: true });
    await shell.press('q');
    await shell.waitFor(/read 71\nready>/);
    expect(shell.lineModes()).toMatchObject({ cooked: true });
  });

  it('knows no key it can not send', () => {
    expect(bytesOfKey('ctrl-z')).toBe('\x1a');
    expect(() => bytesOfKey('hyper-q')).toThrow(/no such key/);
  });
});
