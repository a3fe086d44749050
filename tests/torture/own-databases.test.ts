/** Our own databases under load: several cockpits on one record, a reader that stays, a million old rows, a writer that dies. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHistory } from '../../src/db/history-store.ts';
import { addMs, instant } from '../../src/domain/instant.ts';
import { createHistoryDesk } from '../../src/engine/history-desk.ts';
import { systemClock } from '../../src/host/clock.ts';
import { processStartedAt } from '../../src/host/process-stat.ts';
import { makeOldRows } from '../db/old-rows.ts';
import { type BoardJobs, type BoardSystem, layOutBoard } from '../e2e/board-system.ts';
import { jsonLines, startCockpit } from '../e2e/cockpit.ts';
import { layOutQueue } from '../e2e/queue-system.ts';
import { closeTerminals, type DrivenTerminal } from '../e2e/terminal.ts';
import { runVerb } from '../e2e/verb.ts';
import { Mill, type MillJob, millAt, millEngine } from '../engine/mill.ts';

/** How long things are under load. */
const LOAD_MS = 60_000;
/** What a cockpit may say of its record when all is well: nothing of this. */
const TROUBLE = /SQLITE_BUSY|database is locked|NOT WRITTEN|HISTORY OFF|ACTS OFF|ENGINE ENDED|BEGUN ANEW/;

let board: BoardSystem;
beforeEach(() => {
  board = layOutBoard();
  mkdirSync(board.state, { mode: 0o700 });
  board.write({ first: { name: 'first', state: 'RUN' } });
  board.log({ msg: 'begun' });
});
afterEach(async () => {
  await closeTerminals();
  board.remove();
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Jobs that come one after the other and stay: each is to be in the record once. */
class Arrivals {
  readonly #jobs: Record<string, BoardJobs[string]> = {};
  count = 0;

  write(howMany: number): void {
    for (let n = 0; n < howMany; n += 1, this.count += 1)
      this.#jobs[`job-${this.count}`] = { name: `tide ${this.count}`, state: 'RUN' };
    board.write(this.#jobs);
    board.log({ ts: new Date().toISOString(), lvl: 'info', msg: `${this.count} came` });
  }
}

function read<T>(task: (database: Database.Database) => T): T {
  const database = new Database(join(board.state, 'history.db'), { readonly: true, timeout: 5_000 });
  try {
    return task(database);
  } finally {
    database.close();
  }
}

const arrived = (): string[] =>
  read((database) =>
    database.prepare("SELECT id FROM changes WHERE id LIKE 'job-%' ORDER BY seq").pluck().all(),
  ) as string[];

const writerPid = (): number | null =>
  read((database) =>
    database.prepare('SELECT lease_pid FROM systems WHERE root = ?').pluck().get(board.root),
  ) as number | null;

function cockpit(): DrivenTerminal {
  return startCockpit({ args: board.args, state: board.state, columns: 160 });
}

/** Until the cockpit that writes knows what is there: from then on whatever comes is a change. */
async function recording(arrivals: Arrivals): Promise<void> {
  await expect
    .poll(
      () => {
        arrivals.write(1);
        return arrived().length;
      },
      { timeout: 20_000, interval: 300 },
    )
    .toBeGreaterThan(0);
}

function expectOnce(arrivals: Arrivals, before: number): void {
  const ids = arrived();
  expect(new Set(ids).size, 'rows written twice').toBe(ids.length);
  const missing = Array.from({ length: arrivals.count - before }, (_, n) => `job-${before + n}`).filter(
    (id) => !ids.includes(id),
  );
  expect(missing, 'rows not written').toEqual([]);
}

describe('row 27: four cockpits of one host, with acts beside them', () => {
  it('write each change once, in a chain that is whole, and none of them ever shows a lock', async ({
    task,
  }) => {
    const queue = await layOutQueue('honest');
    try {
      const arrivals = new Arrivals();
      const cockpits = Array.from({ length: 4 }, cockpit);
      for (const one of cockpits) await one.waitFor(/2\/2 fresh/, 20_000);
      await recording(arrivals);
      const before = arrivals.count;
      const until = performance.now() + LOAD_MS;
      const codes: (number | null)[] = [];
      const acting = (async () => {
        while (performance.now() < until) {
          queue.fail(`load-${codes.length}`);
          const { code } = await runVerb(
            ['act', 'job.retry', `load-${codes.length}`, '--yes', '--reason', 'under load', ...queue.args],
            { env: { BINNACLE_STATE_DIR: board.state } },
          );
          codes.push(code);
        }
      })();
      while (performance.now() < until) {
        arrivals.write(1);
        await pause(50);
      }
      await acting;
      await expect
        .poll(() => arrived().includes(`job-${arrivals.count - 1}`), { timeout: 20_000 })
        .toBe(true);
      const shown = cockpits.filter((one) => TROUBLE.test(one.output().toString('utf8')));
      const env = { BINNACLE_STATE_DIR: board.state };
      const ledger = jsonLines<{ record: { phase: string } }>(
        (await runVerb(['ledger', '--json'], { env })).stdout,
      );
      const verdict = await runVerb(['ledger', 'verify'], { env });
      task.meta.figures = {
        cockpits: cockpits.length,
        'changes made': arrivals.count - before,
        'rows written': arrived().length,
        'acts verified': codes.filter((code) => code === 0).length,
        'acts that ended otherwise': codes.filter((code) => code !== 0).length,
        'rows in the ledger': ledger.length,
        'cockpits that showed trouble': shown.length,
      };
      expectOnce(arrivals, before);
      expect(shown.map((one) => one.text())).toEqual([]);
      expect(codes.every((code) => code === 0)).toBe(true);
      expect(ledger.filter(({ record }) => record.phase === 'finished')).toHaveLength(codes.length);
      expect(verdict.code).toBe(0);
    } finally {
      queue.remove();
    }
  }, 180_000);
});

describe('row 57: somebody who reads the history and does not end', () => {
  it('is told once the -wal file is large; it is small again when they end, and nothing is lost', async ({
    task,
  }) => {
    const arrivals = new Arrivals();
    const screen = cockpit();
    await screen.waitFor(/fresh/, 20_000);
    await recording(arrivals);
    const before = arrivals.count;
    const walBytes = (): number => statSync(join(board.state, 'history.db-wal')).size;
    const reader = new Database(join(board.state, 'history.db'), { readonly: true });
    reader.exec('BEGIN');
    const held = reader.prepare('SELECT count(*) FROM changes').pluck().get();
    // A program of its own, so that what it writes does not depend on how fast the cockpit is.
    const filler = spawn(process.execPath, ['--input-type=module', '-e', FILLER], {
      stdio: 'inherit',
      cwd: new URL('.', import.meta.url).pathname,
      env: { ...process.env, FILE: join(board.state, 'history.db') },
    });
    const until = performance.now() + LOAD_MS;
    let largest = 0;
    let told = '';
    while (performance.now() < until) {
      arrivals.write(1);
      await pause(100);
      largest = Math.max(largest, walBytes());
      told ||= /journal has \d+ MB/.exec(screen.text())?.[0] ?? '';
    }
    expect(reader.prepare('SELECT count(*) FROM changes').pluck().get()).toBe(held);
    reader.exec('COMMIT');
    reader.close();
    filler.kill('SIGTERM');
    await once(filler, 'exit');
    let left = 0;
    for (; left < 200 && walBytes() > 4 * 2 ** 20; left += 1) {
      arrivals.write(1);
      await pause(100);
    }
    await screen.waitGone(/journal has/, 20_000);
    await expect.poll(() => arrived().includes(`job-${arrivals.count - 1}`), { timeout: 20_000 }).toBe(true);
    task.meta.figures = {
      'held for, s': LOAD_MS / 1_000,
      'largest -wal, MiB': (largest / 2 ** 20).toFixed(1),
      told: told || 'nothing',
      'afterwards, MiB': (walBytes() / 2 ** 20).toFixed(1),
      'changes made': arrivals.count - before,
    };
    // At 32 MiB it is told; the engine takes more than one change until it looks.
    expect(largest > 40 * 2 ** 20).toBe(true);
    expect(told).not.toBe('');
    expect(walBytes()).toBeLessThanOrEqual(4 * 2 ** 20);
    expectOnce(arrivals, before);
  }, 180_000);
});

/** Grows the -wal file by about a MiB a second, in commits of one remark, as hand-overs and hooks are written. */
const FILLER = `
import Database from 'better-sqlite3';
const database = new Database(process.env.FILE, { timeout: 5000 });
const add = database.prepare("INSERT INTO remarks (at, kind, by_whom, text) VALUES (?, 'hook', 'filler', ?)");
const text = 'x'.repeat(60_000);
setInterval(() => add.run(Date.now(), text), 60);
`;

describe('row 58: a million old rows', () => {
  it('go in slices that hold nothing up, while what comes is written', async ({ task }) => {
    const directory = mkdtempSync(join(tmpdir(), 'binnacle-old-rows-'));
    const mill = new Mill();
    const clock = systemClock();
    const store = openHistory({ directory, now: clock.now() });
    const located = millAt(mill.dir);
    const row = store.systemId(located.system, located.root);
    makeOldRows(store.path, {
      rows: OLD_ROWS,
      system: row,
      from: addMs(clock.now(), -60 * 86_400_000),
      everyMs: 1,
    });
    const full = statSync(store.path).size;
    const slices: number[] = [];
    const sweep = store.sweep.bind(store);
    store.sweep = (...values) => {
      const since = performance.now();
      const removed = sweep(...values);
      slices.push(performance.now() - since);
      return removed;
    };
    const jobs: Record<string, MillJob> = { first: { status: 'queued' } };
    mill.jobs(jobs);
    const engine = millEngine(located, {
      makeHistory: (logs, onChange) =>
        createHistoryDesk({
          room: {
            store,
            self: { pid: process.pid, startedAt: processStartedAt(process.pid) ?? instant(0) },
            me: 'alice',
            host: 'here',
            keepMs: 3_600_000,
            mask: (text) => text,
            isAlive: () => true,
            saveHandOver: () => '/nowhere',
          },
          clock,
          logs,
          systems: [located],
          onChange,
        }),
    });
    const delay = monitorEventLoopDelay({ resolution: 5 });
    try {
      await engine.call('settle', {});
      const old = new Database(store.path, { readonly: true, timeout: 5_000 });
      const left = old
        .prepare('SELECT count(*) FROM (SELECT 1 FROM changes WHERE seen_at < ? LIMIT 1)')
        .pluck();
      await expect
        .poll(() => store.known(row, { type: 'job', id: 'first' }), { timeout: 20_000 })
        .toBeDefined();
      delay.enable();
      let made = 0;
      for (const end = performance.now() + 500_000; performance.now() < end; made += 1) {
        jobs[`j-${made}`] = { status: 'queued' };
        mill.jobs(jobs);
        mill.log(`${Date.now()} ${made}`);
        await pause(250);
        if (slices.length > 100 && left.get(addMs(clock.now(), -3_600_000)) === 0) {
          made += 1;
          break;
        }
      }
      delay.disable();
      await expect
        .poll(() => store.changes({ since: addMs(clock.now(), -3_600_000) }).length, { timeout: 20_000 })
        .toBe(made);
      old.close();
      slices.sort((a, b) => a - b);
      const at = (part: number): number => slices[Math.floor(slices.length * part)] ?? Number.NaN;
      task.meta.figures = {
        'old rows': OLD_ROWS,
        slices: slices.length,
        'a slice, ms p50': at(0.5).toFixed(1),
        'a slice, ms p99': at(0.99).toFixed(1),
        'a slice, ms max': (slices.at(-1) ?? 0).toFixed(1),
        'event loop held up, ms p99': (delay.percentile(99) / 1e6).toFixed(1),
        'event loop held up, ms max': (delay.max / 1e6).toFixed(1),
        'changes that came meanwhile': made,
        'file before, MiB': (full / 2 ** 20).toFixed(0),
        'file after, MiB': (statSync(store.path).size / 2 ** 20).toFixed(0),
        '-wal after, MiB': (store.walBytes() / 2 ** 20).toFixed(1),
      };
      // The rest is what others do to the disk and the processor meanwhile.
      expect(at(0.95)).toBeLessThan(50);
      expect(delay.percentile(95) / 1e6).toBeLessThan(50);
      expect(statSync(store.path).size).toBeLessThan(full * 1.1);
      expect(store.walBytes()).toBeLessThan(8 * 2 ** 20);
    } finally {
      delay.disable();
      await engine.close();
      store.close();
      mill.remove();
      rmSync(directory, { recursive: true, force: true });
    }
  }, 600_000);
});

const OLD_ROWS = 1_000_000;

describe('row 59: the cockpit that writes is killed', () => {
  it('another one takes over at its next look, and each change is written once', async ({ task }) => {
    const arrivals = new Arrivals();
    let alive = Array.from({ length: 3 }, cockpit);
    for (const one of alive) await one.waitFor(/fresh/, 20_000);
    await recording(arrivals);
    const before = arrivals.count;
    const takeovers: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const pid = writerPid();
      const writer = alive.find((one) => one.pid === pid);
      if (!writer) throw new Error(`the writer ${pid} is none of ours`);
      arrivals.write(1);
      writer.kill('SIGKILL');
      const since = performance.now();
      alive = [...alive.filter((one) => one !== writer), cockpit()];
      while (writerPid() === pid) {
        arrivals.write(1);
        await pause(20);
      }
      takeovers.push(performance.now() - since);
      await alive.at(-1)?.waitFor(/fresh/, 20_000);
    }
    const last = `job-${arrivals.count - 1}`;
    await expect.poll(() => arrived().includes(last), { timeout: 20_000 }).toBe(true);
    await pause(1_000);
    takeovers.sort((a, b) => a - b);
    task.meta.figures = {
      'writers killed': takeovers.length,
      'taken over after, ms p50': Math.round(takeovers[5] ?? 0),
      'taken over after, ms max': Math.round(takeovers.at(-1) ?? 0),
      'changes made': arrivals.count - before,
      'rows written': arrived().length,
    };
    expectOnce(arrivals, before);
    expect(takeovers.at(-1)).toBeLessThan(2_000);
  }, 300_000);
});
