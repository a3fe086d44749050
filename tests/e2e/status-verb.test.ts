/** `status` where items are set aside, in a status bar, and an act whose end nobody saw. */
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { openHostStore } from '../../src/db/host-store.ts';
import { instant } from '../../src/domain/instant.ts';
import { layOutCase } from '../systems/fixture-case.ts';
import { mainPath, temporaryDirectory } from './cockpit.ts';
import { layOutQueue } from './queue-system.ts';
import { endOf, runVerb, startVerb } from './verb.ts';

const undo: (() => unknown)[] = [];
afterAll(() => {
  for (const step of undo.splice(0).reverse()) step();
});

function stateDirectory(): string {
  const { path, remove } = temporaryDirectory('status-verb');
  undo.push(remove);
  chmodSync(path, 0o700);
  return path;
}

async function stalled(): Promise<{ dir: string; args: string[] }> {
  const { dir, remove } = await layOutCase('orket', 'stalled-turn');
  undo.push(remove);
  return { dir, args: ['-s', `orket=${dir},timezone=UTC`, '--at', '2026-02-20T04:30:00Z'] };
}

describe.concurrent('status', () => {
  it('counts without what is set aside and ends with 0; --all shows and counts it', async () => {
    const { args } = await stalled();
    const state = stateDirectory();
    const run = (...words: string[]): ReturnType<typeof runVerb> =>
      runVerb([...words, ...args], { env: { BINNACLE_STATE_DIR: state } });
    const shown = JSON.parse((await run('status', '--json')).stdout) as {
      attention: { ref: string; asideUntil: unknown }[];
    };
    expect(shown.attention).toMatchObject([{ ref: 'orket/9c41e7b0:tide-3:3:coder', asideUntil: null }]);
    const store = openHostStore({ directory: state, now: instant(Date.now()) });
    store.asides.put(
      {
        key: 'orket/turn/9c41e7b0:tide-3:3:coder',
        revision: 'any',
        forGood: true,
        reason: 'known, the model host is being moved',
        by: 'alice',
      },
      instant(Date.now()),
    );
    store.close();
    const [text, all, tmux, json, allJson, list] = await Promise.all([
      run('status'),
      run('status', '--all'),
      run('status', '--tmux'),
      run('status', '--json'),
      run('status', '--json', '--all'),
      run('list', 'attention', '--json'),
    ]);
    expect(text.stdout.split('\n')[0]).toBe('04:30:00Z  nothing needs a human, 1 set aside  (x0 !0 ~0 >4)');
    expect(text.code).toBe(0);
    expect(all.stdout).toMatch(/^04:30:00Z {2}1 needs a human, 1 set aside {2}\(x0 !0 ~1 >4\)\n/);
    expect(all.stdout).toMatch(/^STALLED +orket/m);
    expect(all.code).toBe(1);
    expect(tmux).toMatchObject({ code: 0, stdout: 'x0 !0 ~0 >4\n' });
    expect(json.code).toBe(0);
    expect(JSON.parse(json.stdout)).toMatchObject({ attention: [] });
    expect(allJson.code).toBe(1);
    expect(JSON.parse(allJson.stdout)).toMatchObject({ attention: [{ asideUntil: 'for good' }] });
    expect(JSON.parse(list.stdout)).toEqual([]);
  });

  it('--tmux says how many systems it could not read whole', async () => {
    const { dir, args } = await stalled();
    writeFileSync(join(dir, '.orket/durable/db/orket_persistence.db'), 'no database'.repeat(900));
    expect(await runVerb(['status', '--tmux', ...args])).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/^x\d+ !\d+ ~\d+ >\d+( \+\d+)? \?1\n$/),
    });
  });

  it('--tmux says that it failed where a status bar would show nothing', async () => {
    const { code, stdout, stderr } = await runVerb(['status', '--tmux', '-s', 'orket=/nowhere']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: 'binnacle: no status\n' });
    expect(stderr).toContain('/nowhere does not exist');
  });
});

const HOSTILE = '#[bg=red]#(touch /tmp/owned)#{E:#(touch owned)}#S%% \u001b]0;owned\u0007';

/** A queue in which every text that can be theirs is a command of a status bar. */
async function hostileQueue(): Promise<{ root: string; args: readonly string[] }> {
  const queue = await layOutQueue('honest');
  undo.push(queue.remove);
  const path = join(queue.root, 'state/queue.json');
  const laid = JSON.parse(readFileSync(path, 'utf8')) as { jobs: Record<string, unknown>[] };
  for (const job of laid.jobs) job['name'] = job['error'] = HOSTILE;
  laid.jobs.push({ id: HOSTILE, name: HOSTILE, state: 'ERR', error: HOSTILE, beat: HOSTILE });
  writeFileSync(path, JSON.stringify(laid));
  appendFileSync(join(queue.root, 'logs/app.log'), `{"msg": ${JSON.stringify(HOSTILE)}, "lvl": "ERROR"}\n`);
  return { root: queue.root, args: queue.args };
}

describe.concurrent('in a status bar', () => {
  it('nothing but figures stands, whatever the watched texts are', async () => {
    const { args } = await hostileQueue();
    const { stdout } = await runVerb(['status', '--tmux', ...args]);
    expect(stdout).toMatch(/^x\d+ !\d+ ~\d+ >\d+( \+\d+)?( \?\d+)?\n$/);
    expect((await runVerb(['status', ...args])).stdout).toContain('#[bg=red]');
  });

  it('of a real tmux, the figures are shown and nothing of theirs is run or styled', async ({ skip }) => {
    if (spawnSync('tmux', ['-V']).status !== 0) return skip('no tmux on this host');
    const { root, args } = await hostileQueue();
    const directory = stateDirectory();
    const tmux = (...words: string[]): string =>
      execFileSync('tmux', ['-S', join(directory, 'socket'), ...words], { encoding: 'utf8', cwd: root });
    const command = [process.execPath, mainPath, 'status', '--tmux', ...args].join(' ');
    tmux('-f', '/dev/null', 'new-session', '-d', '-x', '80', '-y', '5', 'sleep 60');
    try {
      // The bar of a session is drawn into the terminal of its client: here a pane of an outer session.
      tmux('set-option', '-g', 'status-interval', '1');
      tmux('set-option', '-g', 'status-left', `[#(${command})]`);
      tmux('set-option', '-g', 'status-left-length', '60');
      tmux('set-option', '-g', 'status-right', '');
      tmux('new-session', '-d', '-s', 'outer', '-x', '80', '-y', '12');
      const socket = join(directory, 'socket');
      tmux('respawn-pane', '-k', '-t', 'outer', `env -u TMUX tmux -S ${socket} attach -t 0`);
      let bar = '';
      for (const end = performance.now() + 20_000; !/\[x\d/.test(bar) && performance.now() < end; ) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        bar = tmux('capture-pane', '-p', '-e', '-t', 'outer');
      }
      expect(bar).toMatch(/\[x\d+ !\d+ ~\d+ >\d+( \+\d+)?( \?\d+)?\]/);
      expect(bar).not.toContain('owned');
      expect(bar).not.toMatch(/\u001b\[[\d;]*41m/);
    } finally {
      tmux('kill-server');
    }
  });
});

describe.concurrent('act', () => {
  it('whose runner is killed while its program runs ends with 7: nobody knows how it ended', async () => {
    const queue = await layOutQueue('hangs', { within: '60s' });
    undo.push(queue.remove);
    const state = stateDirectory();
    const env = { BINNACLE_STATE_DIR: state };
    const child = startVerb(['act', 'job.retry', 'j-3', '--yes', '--reason', 'x', '--json', ...queue.args], {
      env,
    });
    const end = endOf(child);
    const runner = await runnerAt(join(state, 'host.db'), () => queue.runs().length > 0);
    process.kill(runner, 'SIGKILL');
    const { code, stdout } = await end;
    expect(JSON.parse(stdout)).toMatchObject({ act: 'job.retry', target: 'nightly/j-3', status: 'unknown' });
    expect(code).toBe(7);
    // It never runs again by itself, and a second try waits for a person's word.
    const again = await runVerb(['act', 'job.retry', 'j-3', '--yes', '--reason', 'x', ...queue.args], {
      env,
    });
    expect(again.stderr).toMatch(/^refused: .*unknown/);
    expect({ code: again.code, runs: queue.runs().length }).toEqual({ code: 4, runs: 1 });
  });
});

/** The pid of the newest order's runner, once its program has run. */
async function runnerAt(path: string, hasRun: () => boolean): Promise<number> {
  for (const end = performance.now() + 30_000; performance.now() < end; ) {
    if (hasRun()) {
      const database = new Database(path, { readonly: true });
      const row = database.prepare('SELECT runner_pid AS pid FROM orders').get() as { pid: number | null };
      database.close();
      if (row.pid !== null) return row.pid;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('its program was not started');
}
