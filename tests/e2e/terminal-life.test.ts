import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildLaunched, type Launched } from './launched.ts';
import { childrenOf, isAlive, stateOf } from './processes.ts';
import { closeTerminals, type DrivenTerminal, startShell, startTerminal } from './terminal.ts';

const GUARDED = new URL('fixtures/guarded.ts', import.meta.url).pathname;

/** The shell has said so, and asks for the next command. */
const STOPPED = /Stopped[\s\S]*\nready>\s*$/;

let launched: Launched;
/** The words that start the full-screen program, for a shell's command line. */
let screen = '';
beforeAll(async () => {
  launched = await buildLaunched({ withNode: false });
  screen = `${process.execPath} ${launched.program} screen`;
});
afterAll(() => launched.remove());

let state = '';
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'binnacle-terminal-'));
});
afterEach(async () => {
  await closeTerminals();
  rmSync(state, { recursive: true, force: true });
});

/** A shell with our program started in it, as an operator starts it. */
async function startUnderShell(
  env: Readonly<Record<string, string>> = {},
): Promise<{ shell: DrivenTerminal; pid: number }> {
  const shell = await startShell({
    columns: 80,
    rows: 24,
    env: { ...launched.env, BINNACLE_STATE_DIR: state, ...env },
  });
  shell.type(`${screen}; code=$?; echo "status $code"\r`);
  await shell.waitFor('bottom of 24');
  expect(shell.modes()).toEqual({
    alternateScreen: true,
    cursorVisible: false,
    mouse: 'drag',
    paste: true,
    focus: true,
  });
  expect(shell.lineModes().raw).toBe(true);
  return { shell, pid: Number(/pid (\d+)/.exec(shell.text())?.[1]) };
}

const UNTOUCHED = {
  alternateScreen: false,
  cursorVisible: true,
  mouse: 'none',
  paste: false,
  focus: false,
} as const;

/** The terminal as the shell had it, within two seconds. */
async function expectRestored(shell: DrivenTerminal): Promise<void> {
  await shell
    .waitFor(() => isDeepStrictEqual(shell.modes(), UNTOUCHED) && shell.lineModes().cooked, 2000)
    .catch(() =>
      expect({ ...shell.modes(), ...shell.lineModes() }).toMatchObject({ ...UNTOUCHED, cooked: true }),
    );
  expect(shell.text()).not.toContain('bottom of');
}

describe('the terminal of the cockpit', () => {
  it('is given back by a clean end, with code 0 and nothing on the screen but the shell', async () => {
    const { shell } = await startUnderShell();
    await shell.press('j', 'down', 'q');
    await shell.waitFor('status 0');
    await expectRestored(shell);
    expect(shell.text()).toMatch(/echo "status \$code"\nstatus 0\nready>/);
  });

  it('ends with the code the program left with', async () => {
    const { shell } = await startUnderShell();
    await shell.press('7');
    await shell.waitFor('status 7');
    await expectRestored(shell);
  });

  it('gives keys, pastes, mouse and focus to who listens', async () => {
    const { shell } = await startUnderShell();
    shell.paste('y\n');
    await shell.waitFor(/paste\(y/);
    shell.send('\x1b[<0;3;4M\x1b[I');
    await shell.waitFor('mouse focus');
    await shell.press('escape');
    await shell.waitFor('escape');
  });

  it('row 65: reads an arrow that arrives in pieces as an arrow', async () => {
    const { shell } = await startUnderShell();
    for (const byte of '\x1b[B') await shell.press(byte);
    await shell.waitFor('keys down');
  });

  it.each(['SIGKILL', 'SIGABRT', 'SIGSEGV'] as const)(
    'row 16: is restored by the guard after %s',
    async (signal) => {
      const { shell, pid } = await startUnderShell();
      process.kill(pid, signal);
      await shell.waitFor('its terminal was put back');
      await expectRestored(shell);
      shell.type('echo "it was $code"\r');
      await shell.waitFor(`it was ${128 + constants.signals[signal]}`);
    },
  );

  it('row 16: is restored by the guard after process.abort()', async () => {
    const { shell } = await startUnderShell();
    await shell.press('A');
    await shell.waitFor('its terminal was put back');
    await expectRestored(shell);
    shell.type('echo "it was $code"\r');
    await shell.waitFor('it was 134');
  });

  it('row 16: is restored by the guard after the program ran out of memory', async () => {
    const { shell } = await startUnderShell({ NODE_OPTIONS: '--max-old-space-size=64' });
    await shell.press('M');
    await shell.waitFor('its terminal was put back', 30_000);
    await expectRestored(shell);
    shell.type('echo "it was $code"\r');
    await shell.waitFor('it was 134');
  });

  it('row 16: is restored by the guard when the whole group is killed', async () => {
    const { shell, pid } = await startUnderShell();
    process.kill(-pid, 'SIGKILL');
    await shell.waitFor('its terminal was put back');
    await expectRestored(shell);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
  ] as const)('row 17: is given back on %s, which ends the program and is named', async (signal, status) => {
    const { shell, pid } = await startUnderShell();
    process.kill(pid, signal);
    // A shell breaks off the command line when the job died of SIGINT.
    if (signal !== 'SIGINT') await shell.waitFor(`status ${status}`);
    await shell.waitFor(`ended by ${signal}`);
    await shell.waitFor('ready>');
    await expectRestored(shell);
  });

  it.each([
    ['R', 'thrown while rendering'],
    ['E', 'given to exit'],
    ['U', 'thrown by a timer'],
    ['P', 'rejected by nobody'],
  ] as const)(
    'row 17: is given back after a failure (%s): cause on stderr, stack in the diagnostics, code 70',
    async (key, cause) => {
      const { shell } = await startUnderShell();
      await shell.press(key);
      await shell.waitFor('status 70');
      await expectRestored(shell);
      expect(shell.text()).toContain(`binnacle: a fault of binnacle itself: Error: ${cause}`);
      expect(readFileSync(join(state, 'diagnostics.log'), 'utf8')).toMatch(
        new RegExp(`Error: ${cause}\\n\\s+at `),
      );
    },
  );

  it('row 17: is given back by process.exit from anywhere', async () => {
    const { shell } = await startUnderShell();
    await shell.press('X');
    await shell.waitFor('status 5');
    await expectRestored(shell);
  });

  it('is not written on by what strays to stdout and stderr, which goes to the diagnostics', async () => {
    const { shell } = await startUnderShell();
    await shell.press('S');
    await shell.waitFor('keys S');
    await shell.press('q');
    await shell.waitFor('status 0');
    expect(shell.output().toString()).not.toContain('stray');
    expect(readFileSync(join(state, 'diagnostics.log'), 'utf8')).toMatch(
      /stray to stdout[\s\S]*stray to stderr/,
    );
  });

  it('leaves a redirected stderr to what a person reads', async () => {
    const shell = await startShell({
      columns: 80,
      rows: 24,
      env: { ...launched.env, BINNACLE_STATE_DIR: state },
    });
    const errors = join(state, 'errors.txt');
    for (const [key, expected] of [
      ['q', /^$/],
      ['R', /^binnacle: a fault of binnacle itself: Error: thrown while rendering\n {2}details: \S+\n$/],
    ] as const) {
      shell.type(`${screen} 2>${errors}; echo "after ${key}"\r`);
      await shell.waitFor('bottom of 24');
      await shell.press(key);
      await shell.waitFor(new RegExp(`^after ${key}`, 'm'));
      expect(readFileSync(errors, 'utf8')).toMatch(expected);
    }
  });

  it('row 69: is not ended by SIGUSR1, nor does it open an inspector', async () => {
    const { shell, pid } = await startUnderShell();
    process.kill(pid, 'SIGUSR1');
    await shell.press('k');
    await shell.waitFor('keys k');
    await shell.press('q');
    await shell.waitFor('status 0');
    expect(shell.output().toString()).not.toMatch(/[Dd]ebugger/);
  });

  it('is watched by one guard, which ends with a clean end', async () => {
    const { shell, pid } = await startUnderShell();
    const guards = childrenOf(pid);
    expect(guards).toHaveLength(1);
    await shell.press('q');
    await shell.waitFor('status 0');
    await expect.poll(() => guards.filter(isAlive)).toEqual([]);
  });

  it('goes with the connection: no process is left', async () => {
    const terminal = startTerminal({
      command: process.execPath,
      args: [launched.program, 'screen'],
      env: { ...launched.env, BINNACLE_STATE_DIR: state },
    });
    await terminal.waitFor('bottom of 40');
    const all = [terminal.pid, ...childrenOf(terminal.pid)];
    expect(all).toHaveLength(2);
    terminal.hangUp();
    await expect.poll(() => all.filter(isAlive), { timeout: 2000 }).toEqual([]);
  });
});

describe('stopping and continuing', () => {
  it('Ctrl-Z gives the terminal to the shell, fg takes it back and draws everything', async () => {
    const { shell } = await startUnderShell();
    await shell.press('j');
    await shell.waitFor('keys j');
    await shell.press('ctrl-z');
    await shell.waitFor(STOPPED);
    await expectRestored(shell);
    shell.resize(70, 20);
    shell.type('echo still-here; fg; echo "then $?"\r');
    await shell.waitFor('bottom of 20');
    expect(shell.screen()[0]).toMatch(/^pid \d+ size 70x20$/);
    expect(shell.screen()[1]).toBe('keys j');
    expect(shell.lineModes().raw).toBe(true);
    expect(shell.modes()).toMatchObject({ alternateScreen: true, cursorVisible: false, paste: true });
    await shell.press('k', 'q');
    await shell.waitFor('then 0');
    await expectRestored(shell);
    expect(shell.text()).toContain('still-here');
  });

  it('can be stopped again and again', async () => {
    const { shell } = await startUnderShell();
    for (let round = 0; round < 3; round += 1) {
      await shell.press('ctrl-z');
      await shell.waitFor(STOPPED);
      await expectRestored(shell);
      shell.type('fg\r');
      await shell.waitFor('bottom of 24');
    }
    await shell.press('q');
    await expectRestored(shell);
  });

  it('a SIGTSTP from outside does the same', async () => {
    const { shell, pid } = await startUnderShell();
    process.kill(pid, 'SIGTSTP');
    await shell.waitFor(STOPPED);
    await expectRestored(shell);
    shell.type('fg\r');
    await shell.waitFor('bottom of 24');
    expect(shell.lineModes().raw).toBe(true);
  });

  it('row 45: after SIGSTOP, stty sane, a resize and fg it is raw, sized and whole again', async () => {
    const { shell, pid } = await startUnderShell();
    process.kill(pid, 'SIGSTOP');
    await shell.waitFor(STOPPED);
    // The shell reads a terminal that is still raw: Enter alone ends no line there.
    shell.type('stty sane\n');
    await shell.waitFor(() => shell.lineModes().cooked);
    shell.resize(66, 18);
    shell.type('fg\r');
    await shell.waitFor('bottom of 18', 2000);
    expect(shell.screen()[0]).toMatch(/^pid \d+ size 66x18$/);
    expect(shell.lineModes().raw).toBe(true);
    await shell.press('q');
    await expectRestored(shell);
  });

  it('bg leaves it stopped, as a program that needs the terminal must be', async () => {
    const { shell, pid } = await startUnderShell();
    await shell.press('ctrl-z');
    await shell.waitFor(STOPPED);
    await expect.poll(() => stateOf(pid)).toBe('T');
    shell.type('bg\r');
    await shell.waitFor(/ready> bg[\s\S]*\nready>\s*$/);
    await expect.poll(() => stateOf(pid)).toBe('T');
    shell.type('echo "line $((40+2))"\r');
    await shell.waitFor('line 42');
    expect(shell.modes().alternateScreen).toBe(false);
    expect(shell.lineModes().cooked).toBe(true);
    shell.type('fg\r');
    await shell.waitFor('bottom of 24');
    await shell.press('q');
    await expectRestored(shell);
  });

  it('after SIGSTOP and bg it waits, and fg draws it whole', async () => {
    const { shell, pid } = await startUnderShell();
    process.kill(pid, 'SIGSTOP');
    await shell.waitFor(STOPPED);
    shell.type('stty sane\n');
    await shell.waitFor(() => shell.lineModes().cooked);
    shell.type('bg\r');
    await shell.waitFor(/ready> bg[\s\S]*\nready>\s*$/);
    await expect.poll(() => stateOf(pid)).toBe('T');
    expect(shell.lineModes().cooked).toBe(true);
    shell.type('fg\r');
    await shell.waitFor((rows) => /^pid \d+ size 80x24$/.test(rows[0] ?? '') && rows[23] === 'bottom of 24');
    expect(shell.lineModes().raw).toBe(true);
    await shell.press('k', 'q');
    await expectRestored(shell);
  });

  it('a continue nobody needed changes nothing', async () => {
    const { shell, pid } = await startUnderShell();
    await shell.press('j');
    process.kill(pid, 'SIGCONT');
    process.kill(pid, 'SIGCONT');
    await shell.press('k');
    await shell.waitFor((rows) => rows[1] === 'keys j k' && rows[23] === 'bottom of 24');
    expect(shell.modes()).toMatchObject({ alternateScreen: true, cursorVisible: false, paste: true });
    expect(shell.lineModes().raw).toBe(true);
  });

  it('a stopped one that is killed leaves the shell alone', async () => {
    const { shell, pid } = await startUnderShell();
    await shell.press('ctrl-z');
    await shell.waitFor(STOPPED);
    const before = shell.output().length;
    process.kill(pid, 'SIGTERM');
    process.kill(pid, 'SIGCONT');
    shell.type('wait; echo "line $((40+2))"\r');
    await shell.waitFor('line 42');
    expect(shell.output().subarray(before).includes('\x1b[?1049')).toBe(false);
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(shell.lineModes().cooked).toBe(true);
    expect(shell.output().subarray(before).includes('\x1b[?1049')).toBe(false);
  });

  it('goes on where no shell could continue it', async () => {
    const terminal = startTerminal({
      command: process.execPath,
      args: [launched.program, 'screen'],
      columns: 60,
      rows: 15,
      env: { ...launched.env, BINNACLE_STATE_DIR: state },
    });
    await terminal.waitFor('bottom of 15');
    await terminal.press('ctrl-z');
    await terminal.press('k');
    await terminal.waitFor('keys k');
    expect(terminal.modes().alternateScreen).toBe(true);
  });

  it('is lent to another program and taken back', async () => {
    const { shell } = await startUnderShell();
    await shell.press('L');
    await shell.waitFor('lent');
    await expectRestored(shell);
    shell.type('some words\r');
    await shell.waitFor('bottom of 24');
    expect(shell.screen()[1]).toBe('keys L');
    await shell.press('q');
    await shell.waitFor('status 0');
    expect(shell.text()).toContain('got some words');
  });

  it('stops with the program it is lent to, and both go on', async () => {
    const { shell, pid } = await startUnderShell();
    await shell.press('L');
    await shell.waitFor('lent');
    await shell.press('ctrl-z');
    await shell.waitFor(STOPPED);
    expect(stateOf(pid)).toBe('T');
    shell.type('fg\r');
    await shell.waitFor(/ready> fg\n/);
    shell.type('some words\r');
    await shell.waitFor('bottom of 24');
    expect(shell.lineModes().raw).toBe(true);
  });

  it('does not end when Ctrl-c is meant for the program it is lent to', async () => {
    const { shell, pid } = await startUnderShell();
    await shell.press('L');
    await shell.waitFor('lent');
    await shell.press('ctrl-c');
    await shell.waitFor('bottom of 24');
    expect(isAlive(pid)).toBe(true);
    await shell.press('q');
    await shell.waitFor('status 0');
  });
});

describe('a storm of resizes', () => {
  it('row 46: 400 a second, down to one cell, leaves a program whose last frame is that of a fresh start', async () => {
    const { shell } = await startUnderShell();
    for (let round = 0; round < 400; round += 1) {
      if (round % 50 === 0) shell.resize(1, 1);
      else shell.resize(1 + ((round * 37) % 140), 1 + ((round * 17) % 50));
      await pause(2.5);
    }
    shell.resize(80, 24);
    await shell.press('k');
    await shell.waitFor((rows) => rows[1] === 'keys k' && rows[23] === 'bottom of 24', 5000);
    expect(shell.screen().slice(2, 23)).toEqual(Array.from({ length: 21 }, () => ''));
    expect(shell.screen()[0]).toMatch(/^pid \d+ size 80x24$/);
    expect(shell.output().includes('\x1b[3J')).toBe(false);
    await shell.press('q');
    await shell.waitFor('status 0');
  });
});

describe('the guard', () => {
  const start = async (how: string): Promise<DrivenTerminal> => {
    const shell = await startShell({ columns: 80, rows: 24 });
    shell.type(`${process.execPath} ${GUARDED} ${how}\r`);
    return shell;
  };

  it('leaves modes alone that were set by someone else since', async () => {
    const shell = await start('other-modes');
    await shell.waitFor('its terminal was put back');
    expect(shell.lineModes()).toMatchObject({ cooked: false, raw: false, echo: false });
    expect(shell.modes()).toEqual(UNTOUCHED);
  });

  it('does nothing once the terminal was let go, or everything restored', async () => {
    for (const how of ['let-go', 'dismissed']) {
      const shell = await start(how);
      await shell.waitFor('guard is gone');
      expect(shell.output().includes('put back')).toBe(false);
      expect(shell.lineModes().raw).toBe(true);
    }
  });

  it('restores what was held, though the process ends at once', async () => {
    const shell = await start('held');
    await shell.waitFor('its terminal was put back');
    await expectRestored(shell);
  });
});

/** The pace of the storm; nothing is waited for. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
