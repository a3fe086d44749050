/** The built program on records of its own that are damaged, of another version, on a full disk, or not to be had. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHistory } from '../../src/db/history-store.ts';
import { openHostStore } from '../../src/db/host-store.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import { ledgerOf } from '../db/ledger-records.ts';
import { canMount, fillDisk, makeReadOnly, smallDisk } from '../db/small-disk.ts';
import { NIGHT } from '../db/temporary.ts';
import { mainPath, pressFor, selectRow, startCockpit } from './cockpit.ts';
import { layOutQueue, type QueueSystem } from './queue-system.ts';
import { closeTerminals, type DrivenTerminal, startTerminal } from './terminal.ts';
import { endOf, runVerb, startVerb } from './verb.ts';

let home: string;
let queue: QueueSystem;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'binnacle-own-'));
  queue = await layOutQueue('honest');
});
afterEach(async () => {
  await closeTerminals();
  queue.remove();
  rmSync(home, { recursive: true, force: true });
});

/** A state directory as a night leaves it: changes, holds and a ledger of ten acts. */
const used = mkdtempSync(join(tmpdir(), 'binnacle-own-used-'));
afterAll(() => rmSync(used, { recursive: true, force: true }));
{
  const self = { pid: 1, startedAt: NIGHT };
  const history = openHistory({ directory: used, now: NIGHT });
  const row = history.systemId('mill' as SystemId, '/srv/mill');
  history.lease.take(row, self, NIGHT, () => true);
  const seen = Array.from({ length: 400 }, (_, n) => ({
    ref: { system: 'mill' as SystemId, type: 'job' as const, id: `j${n}` },
    title: `job ${n}`,
    state: 'queued',
    traits: {},
    weight: 'info' as const,
    seenAt: addMs(NIGHT, n),
    live: true,
    evidence: { source: 'jobs' },
    logKeys: [],
  }));
  history.record(row, self, seen, undefined);
  history.close();
  const host = openHostStore({ directory: used, now: NIGHT });
  for (let n = 0; n < 400; n += 1) host.holds.take(`mill/job/j${n}`, 'bob pts/3', NIGHT);
  host.close();
  ledgerOf(10, { path: join(used, 'ledger.db') }).ledger.close();
}

function stateDirectory(): string {
  const state = join(home, 'state');
  cpSync(used, state, { recursive: true });
  return state;
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  writeSync(openSync(path, 'r+'), bytes, 0, bytes.length, at);
}

/** The whole of the page that says what the first row has no room for. */
async function noticesOf(cockpit: DrivenTerminal): Promise<string> {
  await pressFor(cockpit, ':', /^=Commands/m);
  cockpit.type('notices:');
  await cockpit.waitFor(/:notices:_/);
  await pressFor(cockpit, 'enter', /^.?Notices/m);
  return cockpit
    .screen()
    .map((line) => line.trim())
    .join(' ');
}

describe('row 25: history and orders that are damaged', () => {
  it.each<[string, (path: string) => void]>([
    ['a page of junk', (path) => overwrite(path, 4096, Buffer.alloc(8192, 0xa5))],
    ['zeros for a header', (path) => overwrite(path, 0, Buffer.alloc(100))],
    ['half of themselves', (path) => truncateSync(path, Math.floor(statSync(path).size / 2))],
    ['text', (path) => writeFileSync(path, 'notes\n'.repeat(2_000))],
    ['nothing', (path) => truncateSync(path, 0)],
  ])('by %s are put aside and told; all is shown, and the ledger is as it was', async (_what, damage) => {
    const state = stateDirectory();
    const ledger = readFileSync(join(state, 'ledger.db'));
    const damaged = ['history.db', 'host.db'].map((name) => {
      damage(join(state, name));
      return { name, bytes: readFileSync(join(state, name)) };
    });
    const cockpit = startCockpit({ args: queue.args, state, columns: 200 });
    await cockpit.waitFor(/FAILED +nightly mail digest/);
    await cockpit.waitFor(/RECORDS BEGUN ANEW/);
    const notices = await noticesOf(cockpit);
    for (const { name, bytes } of damaged) {
      const aside = readdirSync(state).find((one) => one.startsWith(`${name}.broken-`)) ?? 'none';
      expect(notices).toContain(`kept as ${join(state, aside)}`);
      expect(readFileSync(join(state, aside)).equals(bytes)).toBe(true);
    }
    cockpit.kill('SIGTERM');
    await cockpit.exit;
    expect(readFileSync(join(state, 'ledger.db')).equals(ledger)).toBe(true);
    expect(await runVerb(['ledger', 'verify'], { env: { BINNACLE_STATE_DIR: state } })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('10'),
    });
  });
});

describe('row 60: history and orders', () => {
  it('of a newer version are left as they are, byte by byte; all is shown without them', async () => {
    const state = stateDirectory();
    const newer = Buffer.of(0, 0, 0, 99);
    const files = ['history.db', 'host.db'].map((name) => join(state, name));
    for (const path of files) overwrite(path, 60, newer);
    const before = files.map((path) => readFileSync(path));
    const cockpit = startCockpit({ args: queue.args, state, columns: 200 });
    await cockpit.waitFor(/FAILED +nightly mail digest/);
    await cockpit.waitFor(/ACTS OFF: see :notices/);
    expect(await noticesOf(cockpit)).toMatch(/host\.db has schema 99, this one knows \d/);
    cockpit.kill('SIGTERM');
    await cockpit.exit;
    expect(files.every((path, n) => readFileSync(path).equals(before[n] as Buffer))).toBe(true);
    expect(readdirSync(state).filter((name) => /broken|-wal/.test(name))).toEqual([]);
  });

  it('of an older version are brought to this one with what they hold', async () => {
    const state = stateDirectory();
    const database = new Database(join(state, 'host.db'));
    const later = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%step%'")
      .pluck()
      .all() as string[];
    expect(later.length).toBeGreaterThan(0);
    for (const table of later) database.exec(`DROP TABLE ${table}`);
    database.pragma('user_version = 2');
    database.close();
    const cockpit = startCockpit({ args: queue.args, state, columns: 200 });
    await cockpit.waitFor(/FAILED +nightly mail digest/);
    await cockpit.waitFor('fresh');
    expect(cockpit.text()).not.toMatch(/ACTS OFF|BEGUN ANEW/);
    const now = new Database(join(state, 'host.db'), { readonly: true });
    expect(now.pragma('user_version', { simple: true })).toBe(3);
    expect(now.prepare('SELECT count(*) FROM holds').pluck().get()).toBe(400);
    now.close();
  });
});

describe('row 61: without the native part of SQLite', () => {
  it('all is shown and printed, and the missing file is named', async () => {
    const installed = join(home, 'installed');
    const dist = join(mainPath, '..');
    mkdirSync(join(installed, 'node_modules'), { recursive: true });
    cpSync(dist, join(installed, 'dist'), { recursive: true, filter: (path) => !path.endsWith('.map') });
    cpSync(join(dist, '..', 'package.json'), join(installed, 'package.json'));
    cpSync(
      join(dist, '..', 'node_modules', 'better-sqlite3'),
      join(installed, 'node_modules', 'better-sqlite3'),
      { recursive: true, dereference: true, filter: (path) => !/\.node$|\/deps$|\/src$/.test(path) },
    );
    const env = { BINNACLE_STATE_DIR: stateDirectory(), BINNACLE_HOST_DIR: '' };
    const program = join(installed, 'dist', 'main.js');
    const cockpit = startTerminal({
      command: process.execPath,
      args: [program, ...queue.args],
      columns: 200,
      env,
    });
    await cockpit.waitFor(/FAILED +nightly mail digest/);
    await cockpit.waitFor(/ACTS OFF: see :notices/);
    expect(await noticesOf(cockpit)).toMatch(/better-sqlite3 can't be loaded: .*better_sqlite3\.node/);
    const status = await endOf(startVerb(['status', ...queue.args], { env, program }));
    expect(status).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('mail digest'),
      stderr: expect.stringMatching(/^binnacle: .*better-sqlite3 can't be loaded: .*better_sqlite3\.node/),
    });
  });
});

describe('row 62: a state directory', () => {
  it('that can not be made, with no home either, keeps nothing from being shown', async () => {
    const cockpit = startCockpit({
      args: queue.args,
      state: '',
      columns: 200,
      env: { BINNACLE_STATE_DIR: undefined, XDG_STATE_HOME: undefined, HOME: '/proc/nobody' },
    });
    await cockpit.waitFor(/FAILED +nightly mail digest/);
    await cockpit.waitFor(/ACTS OFF: see :notices/);
    expect(await noticesOf(cockpit)).toMatch(/\/proc\/nobody\S* can't be used/);
  });

  it.skipIf(!canMount)('on a file system that is read-only is named, and all is shown', async () => {
    const disk = smallDisk() as string;
    cpSync(used, disk, { recursive: true });
    const names = readdirSync(disk);
    makeReadOnly(disk);
    const cockpit = startCockpit({ args: queue.args, state: disk, columns: 200 });
    await cockpit.waitFor(/FAILED +nightly mail digest/);
    await cockpit.waitFor(/ACTS OFF: see :notices/);
    expect(await noticesOf(cockpit)).toContain(`${disk}/host.db`);
    cockpit.kill('SIGTERM');
    await cockpit.exit;
    expect(readdirSync(disk)).toEqual(names);
  });
});

describe.skipIf(!canMount)('row 26: a state directory whose disk is full', () => {
  /** Jobs that came and need nobody, and the one that waits for a hand. */
  function arrive(count: number): void {
    const jobs = [
      { id: 'j-3', name: 'mail digest', state: 'ERR', error: 'SMTP refused' },
      ...Array.from({ length: count }, (_, n) => ({ id: `new-${n}`, name: `new ${n}`, state: 'IDLE' })),
    ];
    const path = join(queue.root, 'state', 'queue.json');
    writeFileSync(`${path}.new`, JSON.stringify({ jobs }));
    renameSync(`${path}.new`, path);
  }
  const arrivals = (state: string): unknown[] => {
    const database = new Database(join(state, 'history.db'), { readonly: true });
    try {
      return database.prepare("SELECT id FROM changes WHERE id LIKE 'new-%' ORDER BY seq").pluck().all();
    } finally {
      database.close();
    }
  };

  it('is told; nothing ends, an act is recorded on what was set apart, and with room all is written once', async () => {
    const disk = smallDisk() as string;
    const env = { HOME: join(home, 'elsewhere') };
    arrive(0);
    const cockpit = startCockpit({ args: queue.args, state: disk, columns: 200, env });
    await cockpit.waitFor(/FAILED +nightly mail digest/);
    await cockpit.waitFor(/3\/3 fresh/);
    await expect.poll(() => readdirSync(disk).filter((name) => name.endsWith('.ballast'))).toHaveLength(2);
    arrive(1);
    await expect.poll(() => arrivals(disk), { timeout: 10_000 }).toEqual(['new-0']);

    const makeRoom = fillDisk(disk);
    arrive(400);
    await cockpit.waitFor(/HISTORY NOT WRITTEN: database or disk is full; 399 changes wait/);
    await cockpit.waitFor(/DISK FULL: the ledger is on ballast/);
    expect(arrivals(disk)).toEqual(['new-0']);

    await selectRow(cockpit, 'mail digest');
    await pressFor(cockpit, 'r', /Retry job {2}job\.retry/);
    await pressFor(
      cockpit,
      'enter',
      /its record can't be written in its place: the disk of the ledger is full/,
    );
    await pressFor(cockpit, 'y', /Type [A-Z]{4} and press Enter/);
    const code = /Type ([A-Z]{4}) and/.exec(cockpit.text())?.[1] ?? '';
    await cockpit.press(...code);
    await cockpit.waitFor(`> ${code}`);
    await pressFor(cockpit, 'enter', /^(?![\s\S]*press Enter:)/);
    await expect.poll(() => queue.stateOf('j-3'), { timeout: 10_000 }).toBe('RUN');
    await cockpit.waitFor(/Retry job.*verified/, 20_000);
    expect(queue.runs()).toHaveLength(1);

    makeRoom();
    await cockpit.waitGone(/HISTORY NOT WRITTEN|DISK FULL/, 20_000);
    await expect.poll(() => arrivals(disk).length, { timeout: 10_000 }).toBe(400);
    expect(new Set(arrivals(disk)).size).toBe(400);
    await cockpit.press('escape', 'Q');
    expect(await cockpit.exit).toEqual({ code: 0, signal: null });
    const verified = await runVerb(['ledger', 'verify'], { env: { ...env, BINNACLE_STATE_DIR: disk } });
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('2') });
  }, 90_000);
});
