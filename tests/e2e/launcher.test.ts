import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildLaunched, findOldNode, type Launched } from './launched.ts';
import { isAlive, parentOf } from './processes.ts';
import { closeTerminals, startShell } from './terminal.ts';

let launched: Launched;
let bare: Launched;
beforeAll(async () => {
  [launched, bare] = await Promise.all([
    buildLaunched({ withNode: true }),
    buildLaunched({ withNode: false }),
  ]);
});
afterAll(() => {
  launched.remove();
  bare.remove();
});
/** The shell has said so, and asks for the next command. */
const STOPPED = /Stopped[\s\S]*\nready>\s*$/;

afterEach(closeTerminals);

function run(
  node: string,
  args: readonly string[],
  from: Launched = launched,
  env: Record<string, string> = {},
) {
  const ended = spawnSync(node, [from.program, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', ...from.env, ...env },
    timeout: 20_000,
  });
  return { code: ended.status, signal: ended.signal, out: ended.stdout, error: ended.stderr };
}

const oldNode = findOldNode();
const nodes: readonly (readonly [string, string | undefined])[] = [
  ['this Node', process.execPath],
  ['a Node that is too old', oldNode],
];

for (const [name, node] of nodes) {
  describe.skipIf(node === undefined)(`the launcher, started by ${name}`, () => {
    const by = node ?? '';

    it('answers --version', () => {
      expect(run(by, ['--version'])).toEqual({ code: 0, signal: null, out: '9.8.7\n', error: '' });
    });

    it('runs the program on a Node that is new enough, with its arguments as they are', () => {
      const told = JSON.parse(run(by, ['tell', '--x', '', 'a b', '$(id)', '-C']).out) as Record<
        string,
        unknown
      >;
      expect(told['argv']).toEqual(['tell', '--x', '', 'a b', '$(id)', '-C']);
      expect(Number(String(told['node']).split('.')[0])).toBeGreaterThanOrEqual(22);
      expect(told['title']).toBe('binnacle');
      expect(told['inspector']).toBe(1);
    });

    it('ends with the code the program returned, whatever is still open', () => {
      expect(run(by, ['exit', '6'])).toMatchObject({ code: 6, out: '', error: '' });
      expect(run(by, ['open'])).toMatchObject({ code: 1, out: 'done\n' });
    });

    it('says whose fault a failure is, and what to do next', () => {
      expect(run(by, ['user-error'])).toEqual({
        code: 4,
        signal: null,
        out: '',
        error: 'binnacle: there is no run "x\\x1b[2J"\n  run `binnacle list runs`\n',
      });
      expect(run(by, ['external-error'])).toMatchObject({
        code: 3,
        error: 'binnacle: stty: ended with 1\nand said so\n',
      });
    });

    it.each(['bug', 'late-bug'])('keeps the stack of a fault of its own (%s) out of the terminal', (verb) => {
      const { code, error } = run(by, [verb]);
      expect(code).toBe(70);
      expect(error).toMatch(
        /^binnacle: a fault of binnacle itself: TypeError: of ours.*\n {2}details: .*diagnostics\.log\n$/,
      );
      const path = join(launched.root, 'state', 'diagnostics.log');
      expect(readFileSync(path, 'utf8')).toMatch(/TypeError: of ours.*\n\s+at /);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    });

    it('row 47: ends quietly when the reader of its output went away', () => {
      const ended = spawnSync(
        '/bin/sh',
        ['-c', '("$0" "$1" lines; echo "code $?" >&2) | head -n 2', by, launched.program],
        {
          encoding: 'utf8',
          env: { PATH: process.env['PATH'] ?? '', ...launched.env },
          timeout: 20_000,
        },
      );
      expect(ended.stdout).toBe('line\nline\n');
      expect(ended.stderr).toBe('code 0\n');
    });

    it('says so when its output can not be written', () => {
      const ended = spawnSync(
        '/bin/sh',
        ['-c', '"$0" "$1" open >/dev/full; echo "code $?"', by, launched.program],
        {
          encoding: 'utf8',
          env: { PATH: process.env['PATH'] ?? '', ...launched.env },
        },
      );
      expect(ended.stderr).toMatch(/^binnacle: standard output: ENOSPC/);
      expect(ended.stdout).toBe('code 3\n');
    });

    it('row 69: is not ended by SIGUSR1, and passes SIGTERM on', async () => {
      const child = spawn(by, [launched.program, 'wait'], {
        env: { PATH: process.env['PATH'] ?? '', ...launched.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let out = '';
      child.stdout.on('data', (chunk) => {
        out += String(chunk);
      });
      const ended = new Promise((resolve) => {
        child.on('close', (code, signal) => resolve({ code, signal }));
      });
      await expect.poll(() => out).toContain('waiting as');
      child.kill('SIGUSR1');
      child.kill('SIGTERM');
      expect(await ended).toEqual({ code: 9, signal: null });
      expect(out).toMatch(/got SIGTERM\nclosed in order\n$/);
    });

    it('lets Ctrl-c reach the program once', async () => {
      const shell = await startShell({ columns: 80, rows: 24, env: { ...launched.env } });
      shell.type(`${by} ${launched.program} wait\r`);
      await shell.waitFor('waiting as');
      await shell.press('ctrl-c');
      await shell.waitFor('closed in order');
    });

    it('stops and continues with the program on Ctrl-Z, fg and bg', async () => {
      const shell = await startShell({ columns: 200, rows: 24, env: { ...launched.env } });
      shell.type(`${by} ${launched.program} wait\r`);
      await shell.waitFor('waiting as');
      await shell.press('ctrl-z');
      await shell.waitFor(STOPPED);
      shell.type('bg\r');
      shell.type('echo "line $((40+2))"\r');
      await shell.waitFor('line 42');
      shell.type('fg\r');
      await shell.waitFor(/ready> fg\n.*main\.js wait/);
      await shell.press('ctrl-c');
      await shell.waitFor('closed in order');
    });

    describe('with the screen up', () => {
      const start = async () => {
        const shell = await startShell({ columns: 80, rows: 24, env: { ...launched.env } });
        shell.type(`${by} ${launched.program} screen; code=$?; echo "status $code"\r`);
        await shell.waitFor('bottom of 24');
        const pid = Number(/pid (\d+)/.exec(shell.text())?.[1]);
        const outer = parentOf(pid);
        return { shell, pid, launcher: outer === shell.pid ? pid : outer };
      };

      it('quits with the code of the program, and leaves the terminal as it was', async () => {
        const { shell } = await start();
        await shell.press('q');
        await shell.waitFor('status 0');
        expect(shell.lineModes().cooked).toBe(true);
      });

      it.each([
        ['SIGTERM', 143],
        ['SIGHUP', 129],
        ['SIGQUIT', 131],
      ] as const)('ends by %s sent to the launcher', async (signal, status) => {
        const { shell, launcher } = await start();
        process.kill(launcher, signal);
        await shell.waitFor(`status ${status}`);
        expect(shell.text()).toContain(`binnacle: ended by ${signal}`);
        expect(shell.lineModes().cooked).toBe(true);
        expect(shell.modes().alternateScreen).toBe(false);
      });

      it('ends by SIGINT sent to the launcher', async () => {
        const { shell, launcher } = await start();
        process.kill(launcher, 'SIGINT');
        await shell.waitFor('binnacle: ended by SIGINT');
        await shell.waitFor(/SIGINT\s+ready>/);
        expect(shell.lineModes().cooked).toBe(true);
      });

      it('is stopped and continued by Ctrl-Z and fg', async () => {
        const { shell } = await start();
        await shell.press('ctrl-z');
        await shell.waitFor(STOPPED);
        expect(shell.lineModes().cooked).toBe(true);
        shell.type('fg; echo "then $?"\r');
        await shell.waitFor('bottom of 24');
        await shell.press('q');
        await shell.waitFor('then 0');
      });

      it('is stopped by a SIGTSTP sent to the launcher alone', async () => {
        const { shell, launcher } = await start();
        process.kill(launcher, 'SIGTSTP');
        await shell.waitFor(STOPPED);
        expect(shell.lineModes().cooked).toBe(true);
        expect(shell.modes().alternateScreen).toBe(false);
        shell.type('fg; echo "then $?"\r');
        await shell.waitFor('bottom of 24');
        await shell.press('k', 'q');
        await shell.waitFor('then 0');
      });

      it('gives the terminal back when the launcher is killed, and leaves nobody behind', async () => {
        const { shell, pid, launcher } = await start();
        process.kill(launcher, 'SIGKILL');
        await shell.waitFor('its terminal was put back', 3000);
        await expect.poll(() => shell.lineModes().cooked, { timeout: 2000 }).toBe(true);
        await expect
          .poll(() => shell.modes())
          .toMatchObject({ alternateScreen: false, cursorVisible: true, paste: false });
        await expect.poll(() => isAlive(pid)).toBe(false);
        shell.type('echo "line $((40+2))"\r');
        await shell.waitFor('line 42');
      });

      it('goes on with its end when the program under it is killed', async () => {
        const { shell, pid } = await start();
        process.kill(pid, 'SIGKILL');
        await shell.waitFor('its terminal was put back');
        shell.type('echo "it was $code"\r');
        await shell.waitFor('it was 137');
        expect(shell.lineModes().cooked).toBe(true);
      });
    });
  });
}

describe.skipIf(oldNode === undefined)('without a Node that is new enough', () => {
  it('says what is missing and what to do, with code 2', () => {
    const { code, out, error } = run(oldNode ?? '', ['status'], bare);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(error).toMatch(
      /^binnacle: this is Node \d+\.\d+\.\d+; Node 22\.22 or later is needed\.\n.*node-linux.*\n.*newer Node\.\n$/,
    );
  });

  it('still answers --version', () => {
    expect(run(oldNode ?? '', ['--version'], bare)).toMatchObject({ code: 0, out: '9.8.7\n' });
  });

  it('names a Node that can not be started, and does not go round in circles with one that is old itself', () => {
    const programs = join(bare.root, 'node_modules', '.bin');
    mkdirSync(programs, { recursive: true });
    writeFileSync(join(programs, 'node'), 'not a program');
    expect(run(oldNode ?? '', ['status'], bare).error).toMatch(/could not be started: .*\.bin\/node/);
    writeFileSync(join(programs, 'node'), `#!/bin/sh\nexec ${oldNode} "$@"\n`);
    chmodSync(join(programs, 'node'), 0o755);
    const { code, error } = run(oldNode ?? '', ['status'], bare);
    expect(code).toBe(2);
    expect(error.match(/is needed/g)).toHaveLength(1);
  });
});

describe('the compile cache', () => {
  it('is kept in the cache directory of the user, for nobody else', () => {
    run(process.execPath, ['exit', '0']);
    const directory = join(launched.root, 'home', '.cache', 'binnacle');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(readdirSync(directory).length).toBeGreaterThan(0);
  });

  it('is not used where others can write', () => {
    const shared = join(launched.root, 'shared');
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    expect(run(process.execPath, ['exit', '0'], launched, { XDG_CACHE_HOME: shared }).code).toBe(0);
    expect(readdirSync(shared)).toEqual([]);
  });
});
