/**
 * An act goes on when the hands that began it are gone: the connection drops, nobody reads the terminal, a runbook ends
 * everything by name. The built program, with a queue whose program works until the test lets it end.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, it, type TestContext } from 'vitest';
import { jsonLines, type LedgerLine, pressFor, startCockpit, temporaryDirectory, textOf } from './cockpit.ts';
import { isAlive, parentOf } from './processes.ts';
import { layOutQueue } from './queue-system.ts';
import type { DrivenTerminal } from './terminal.ts';
import { runVerb } from './verb.ts';

/** The tests run side by side, for most of their time is waiting: each asks and ends for itself. */
type Test = Pick<TestContext, 'expect' | 'onTestFinished'>;

interface Bench {
  readonly root: string;
  readonly terminal: DrivenTerminal;
  open(): DrivenTerminal;
  /** Lets the program that was started do its work and end. */
  letGo(): void;
  order(): { readonly status: string; readonly outcome: string | null; readonly runner: number };
  query<T>(text: string): T;
  ledger(): Promise<readonly (readonly [string, string | undefined])[]>;
}

/** A cockpit whose operator holds a failed job and has begun to retry it; the program runs. */
async function begun({ expect, onTestFinished: atEnd }: Test): Promise<Bench> {
  const queue = await layOutQueue('honest', { within: '60s' });
  const state = temporaryDirectory('hands-gone');
  const { root } = queue;
  renameSync(join(root, 'bin', 'retry'), join(root, 'bin', 'put-back'));
  const program = `#!/bin/sh\n: >began\nwhile [ ! -e go ]; do sleep 0.05; done\nexec bin/put-back "$@"\n`;
  writeFileSync(join(root, 'bin', 'retry'), program);
  chmodSync(join(root, 'bin', 'retry'), 0o755);
  const letGo = (): void => writeFileSync(join(root, 'go'), '');
  atEnd(queue.remove);
  atEnd(state.remove);
  atEnd(letGo);
  const query = <T>(text: string): T => {
    const database = new Database(join(state.path, 'host.db'), { readonly: true });
    try {
      return database.prepare(text).get() as T;
    } finally {
      database.close();
    }
  };
  const open = (): DrivenTerminal => {
    const opened = startCockpit({ args: queue.args, state: state.path });
    atEnd(() => opened.close());
    return opened;
  };
  const terminal = open();
  await terminal.waitFor(/3\/3 fresh[\s\S]*^>- FAILED +nightly mail digest/m, 20_000);
  await pressFor(terminal, 'K', /\[held by you\]/);
  await pressFor(terminal, 'r', /Enter choose|>no, back/);
  if (/Enter choose/.test(terminal.text())) await pressFor(terminal, 'enter', />no, back/);
  await pressFor(terminal, 'y', /Reason[^\n]*kept in the ledger/);
  terminal.type('by hand');
  await terminal.waitFor('by hand');
  await pressFor(terminal, 'enter', /: started/);
  await expect.poll(() => existsSync(join(root, 'began')), { timeout: 20_000 }).toBe(true);
  return {
    root,
    terminal,
    open,
    letGo,
    query,
    order: () => query('SELECT status, outcome, runner_pid AS runner FROM orders'),
    async ledger() {
      const env = { BINNACLE_STATE_DIR: state.path };
      const { stdout } = await runVerb(['ledger', '--json'], { env });
      return jsonLines<LedgerLine>(stdout).map(({ record }) => [record.phase, record.outcome] as const);
    },
  };
}

/** The cockpit and what it keeps beside it, the runner and its program left out. */
function cockpitAndGuard({ terminal, order }: Bench): readonly number[] {
  const { runner } = order();
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map(all.map((name) => [Number(name), parentOf(Number(name))]));
  const isOurs = (pid: number): boolean =>
    pid === terminal.pid || (pid !== runner && parents.has(pid) && isOurs(parents.get(pid) ?? 0));
  return [...parents.keys()].filter(isOurs);
}

describe.concurrent('an act whose', () => {
  it('row 18: connection drops: the cockpit is gone, the runner brings it to its end and records it', async ({
    expect,
    onTestFinished,
  }) => {
    const bench = await begun({ expect, onTestFinished });
    const { terminal, order, letGo, ledger, open } = bench;
    const ours = cockpitAndGuard(bench);
    expect(ours).toHaveLength(2);
    terminal.hangUp();
    await expect.poll(() => ours.filter(isAlive), { timeout: 10_000 }).toEqual([]);
    const { runner } = order();
    expect({ ...order(), lives: isAlive(runner) }).toMatchObject({ status: 'running', lives: true });
    letGo();
    await expect.poll(order, { timeout: 20_000 }).toMatchObject({ status: 'finished', outcome: 'verified' });
    await expect.poll(() => isAlive(runner), { timeout: 10_000 }).toBe(false);
    expect(await ledger()).toEqual([
      ['started', undefined],
      ['finished', 'verified'],
    ]);
    await open().waitFor(/retry.*verified/i, 20_000);
  });

  it('row 68: terminal nobody reads: it is verified, its item stays held, its operator is there', async ({
    expect,
    onTestFinished,
  }) => {
    const { terminal, order, letGo, query, ledger } = await begun({ expect, onTestFinished });
    const hold = (): unknown => query('SELECT key, holder, until > 1000 * unixepoch() AS held FROM holds');
    const before = hold();
    expect(before).toMatchObject({ held: 1 });
    terminal.pauseReading();
    // Each size is a screen of its own: soon the kernel takes no more, and the thread that draws stands still.
    for (let width = 0; !isWriting(terminal.pid); width = (width + 1) % 20) {
      terminal.resize(100 + width, 40);
      await pause(30);
    }
    const beat = (): number => query<{ beat: number }>('SELECT max(beat_at) AS beat FROM presence').beat;
    const beaten = beat();
    letGo();
    await expect.poll(order, { timeout: 20_000 }).toMatchObject({ status: 'finished', outcome: 'verified' });
    expect((await ledger()).at(-1)).toEqual(['finished', 'verified']);
    await expect.poll(beat, { timeout: 20_000 }).toBeGreaterThan(beaten);
    expect(hold()).toEqual(before);
    expect(isWriting(terminal.pid)).toBe(true);
    terminal.resumeReading();
    await terminal.waitFor(/retry.*verified/i, 20_000);
  });

  it('row 69: host is cleared by name: what ends a watched program by its command line names nothing of ours', async ({
    expect,
    onTestFinished,
  }) => {
    const bench = await begun({ expect, onTestFinished });
    const { root, terminal, order, letGo } = bench;
    const { runner } = order();
    const cockpit = cockpitAndGuard(bench);
    expect(cockpit).toHaveLength(2);
    for (const pid of [...cockpit, runner]) process.kill(pid, 'SIGUSR1');
    // The system's directory, its kind, and the words of its program; a stand-in shows that they name what they should.
    const names = [basename(root), 'nightly', 'queue', 'retry'];
    const watched = spawn('/bin/sh', ['-c', 'sleep 30; :', join(root, 'nightly-queue-retry')]);
    onTestFinished(() => void watched.kill('SIGKILL'));
    await expect.poll(() => commandLineOf(watched.pid ?? 0)).toContain('nightly-queue-retry');
    const named = (pid: number): boolean => names.some((name) => commandLineOf(pid).includes(name));
    expect([watched.pid ?? 0, runner, ...cockpit].filter(named)).toEqual([watched.pid]);
    letGo();
    await expect.poll(order, { timeout: 20_000 }).toMatchObject({ status: 'finished', outcome: 'verified' });
    await terminal.waitFor(/retry.*verified/i, 20_000);
    expect(cockpit.filter((pid) => !isAlive(pid))).toEqual([]);
    expect(terminal.output().toString()).not.toMatch(/[Dd]ebugger/);
  });
});

/** What `pkill -f` compares with. */
function commandLineOf(pid: number): string {
  return textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
}

/** Whether the thread that draws is held in writing to its terminal, now and a moment later. */
function isWriting(pid: number): boolean {
  return /^(1|20|64|66) 0x/.test(readFileSync(`/proc/${pid}/task/${pid}/syscall`, 'utf8'));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
