import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IngestSpec } from '../../src/ingest/ingest.ts';
import { type Collector, collect, pause, temporary } from './collector.ts';

const queries = [
  { id: 'jobs', sql: 'SELECT id, status, tries FROM jobs ORDER BY id' },
  { id: 'extra', sql: 'SELECT * FROM not_yet', optional: true as const },
];
const spec: IngestSpec = { id: 'db', type: 'database', path: 'queue.db', queries };

let place: ReturnType<typeof temporary>;
let file: string;
let open: Collector[] = [];
let children: ChildProcess[] = [];
beforeEach(() => {
  place = temporary();
  file = join(place.dir, 'queue.db');
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  for (const collector of open) await collector.pump.close();
  open = [];
  place.remove();
});

async function follow(more: Parameters<typeof collect>[2] = {}, specs: readonly IngestSpec[] = [spec]) {
  const collector = await collect(place.dir, specs, more);
  open.push(collector);
  return collector;
}

function make(mode: 'WAL' | 'DELETE' | 'PERSIST'): Database.Database {
  const database = new Database(file);
  database.pragma(`journal_mode = ${mode}`);
  database.exec('CREATE TABLE jobs (id TEXT PRIMARY KEY, status TEXT, tries INTEGER, blob BLOB)');
  database.exec("INSERT INTO jobs VALUES ('a', 'ready', 3, NULL)");
  return database;
}

function jobs(seen: Collector): readonly Record<string, unknown>[] {
  const chunk = seen.chunks().at(-1)?.chunk;
  return chunk?.type === 'database' ? (chunk.results['jobs'] ?? []) : [];
}

describe('reading', () => {
  for (const mode of ['WAL', 'DELETE', 'PERSIST'] as const) {
    test(`reads a ${mode} database that its owner has open, and what is written later`, async () => {
      const owner = make(mode);
      const seen = await follow();
      expect(jobs(seen)).toEqual([{ id: 'a', status: 'ready', tries: 3 }]);
      expect(seen.chunks()[0]?.chunk).toMatchObject({ failed: { extra: 'no such table: not_yet' } });
      owner.exec("UPDATE jobs SET status = 'done'");
      await seen.until(() => jobs(seen)[0]?.['status'] === 'done', 7000);
      owner.close();
      await pause(300);
      expect(seen.of('failed')).toEqual([]);
      expect(seen.status()).toMatchObject({ state: 'fresh' });
    });
  }

  test('reads a WAL database nobody has open, and leaves no file beside it', async () => {
    make('WAL').close();
    const before = readdirSync(place.dir);
    const seen = await follow({ once: true });
    expect(jobs(seen)).toEqual([{ id: 'a', status: 'ready', tries: 3 }]);
    expect(readdirSync(place.dir)).toEqual(before);
  });

  for (const mode of ['WAL', 'DELETE', 'PERSIST']) {
    test(`never mixes two states of a ${mode} database whose owner writes all the time`, async () => {
      const program = `
        const Database = require(process.argv[1]);
        const db = new Database(process.argv[2]);
        db.pragma('journal_mode = ${mode}'); db.pragma('synchronous = OFF');
        db.exec('CREATE TABLE jobs (id INTEGER PRIMARY KEY, v INTEGER, pad BLOB)');
        const add = db.prepare('INSERT INTO jobs VALUES (?, 0, zeroblob(2000))');
        db.transaction(() => { for (let i = 0; i < 3000; i++) add.run(i); })();
        console.log('ready');
        const step = db.prepare('UPDATE jobs SET v = v + 1');
        const until = Date.now() + 1200;
        for (let n = 0; Date.now() < until; n++) {
          step.run();
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, n % 20 === 0 ? 40 : n % 3);
        }
        db.close();`;
      const require = join(import.meta.dirname, '../../node_modules/better-sqlite3');
      const child = spawn(process.execPath, ['-e', program, require, file], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      const ended = new Promise((resolve) => child.on('close', resolve));
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      const sql =
        'SELECT min(v) AS low, max(v) AS high, count(*) AS n, (SELECT integrity_check FROM pragma_integrity_check LIMIT 1) AS ok FROM jobs';
      const seen = await follow({}, [
        { id: 'db', type: 'database', path: 'queue.db', queries: [{ id: 'jobs', sql }] },
      ]);
      await ended;
      await pause(500);
      const states = seen
        .chunks()
        .flatMap(({ chunk }) => (chunk.type === 'database' ? (chunk.results['jobs'] ?? []) : []));
      for (const state of states)
        expect(state).toEqual({ low: state['high'], high: state['high'], n: 3000, ok: 'ok' });
      expect(states.length).toBeGreaterThan(0);
      const versions = states.map((state) => Number(state['high']));
      expect(versions).toEqual([...versions].sort((x, y) => x - y));
      expect(seen.of('failed').filter(({ error }) => /damaged|not a SQLite/.test(error))).toEqual([]);
    });
  }

  test('sees the last committed state while a transaction is under way', async () => {
    const owner = make('DELETE');
    owner.pragma('cache_spill = 1');
    owner.pragma('cache_size = 5');
    owner.exec('BEGIN IMMEDIATE');
    owner.exec("UPDATE jobs SET status = 'half'");
    // More than the cache holds: changed pages are in the file already, not committed.
    for (let index = 0; index < 300; index += 1) {
      owner.prepare("INSERT INTO jobs VALUES (?, 'new', 0, ?)").run(`n${index}`, Buffer.alloc(3000));
    }
    expect(statSync(`${file}-journal`).size).toBeGreaterThan(0);
    const seen = await follow();
    await seen.until(() => jobs(seen).length > 0, 4000);
    expect(jobs(seen)).toEqual([{ id: 'a', status: 'ready', tries: 3 }]);
    owner.exec('COMMIT');
    await seen.until(() => jobs(seen).length === 301, 7000);
    owner.close();
  });
});

describe('bad databases', () => {
  test('says that a file is not a database, and reads it when it is one', async () => {
    writeFileSync(file, 'hello, this is text, and more than a hundred bytes of it '.repeat(5));
    const seen = await follow();
    expect(seen.of('failed')[0]?.error).toMatch(/not a SQLite database/);
    expect(seen.status()?.state).toBe('error');
  });

  test('says which table is missing when the shape is another one', async () => {
    const other = new Database(file);
    other.exec('CREATE TABLE other (id TEXT)');
    const seen = await follow();
    expect(seen.of('failed')[0]?.error).toMatch(/no such table: jobs/);
    expect(seen.chunks()).toEqual([]);
    other.exec('CREATE TABLE jobs (id TEXT, status TEXT, tries INTEGER)');
    await seen.until(() => seen.chunks().length === 1, 7000);
    await seen.until(() => seen.status()?.state === 'fresh');
    other.close();
  });

  test('says that a damaged database is damaged', async () => {
    make('DELETE').close();
    const bytes = Buffer.alloc(8192);
    bytes.write('SQLite format 3\0', 'latin1');
    bytes.fill(0x5a, 100);
    writeFileSync(file, bytes);
    const seen = await follow({ once: true });
    expect(seen.of('failed')[0]?.error).toMatch(/damaged|not a SQLite database/);
  });

  test('an empty file is told as empty, a missing one is waited for', async () => {
    const seen = await follow();
    expect(seen.status()?.state).toBe('waiting');
    writeFileSync(file, '');
    await seen.until(() => seen.of('failed').length === 1, 7000);
    expect(seen.of('failed')[0]?.error).toMatch(/^empty/);
    make('WAL').close();
    await seen.until(() => jobs(seen).length === 1, 7000);
  });
});

describe('a database too large to copy', () => {
  test('is read in place while somebody has it open in WAL mode, and refused with the reason otherwise', async () => {
    const owner = make('WAL');
    owner.prepare("INSERT INTO jobs VALUES ('big', 'x', 1, zeroblob(?))").run(70 * 1024 * 1024);
    owner.pragma('wal_checkpoint(TRUNCATE)');
    owner.exec("UPDATE jobs SET tries = 4 WHERE id = 'a'");
    const seen = await follow();
    expect(jobs(seen)).toEqual([
      { id: 'a', status: 'ready', tries: 4 },
      { id: 'big', status: 'x', tries: 1 },
    ]);
    expect(readdirSync(place.dir).sort()).toEqual(['queue.db', 'queue.db-shm', 'queue.db-wal']);
    owner.exec("UPDATE jobs SET tries = 5 WHERE id = 'a'");
    await seen.until(() => jobs(seen)[0]?.['tries'] === 5, 6000);
    owner.close();
    await seen.until(() => seen.of('failed').length === 1, 6000);
    expect(seen.of('failed')[0]?.error).toMatch(/larger than 64 MiB.*would hold up its owner/);
    expect(readdirSync(place.dir)).toEqual(['queue.db']);
  });
});

describe.skipIf(process.getuid?.() !== 0)('another user’s database (as root)', () => {
  /** A program of user 65534 that opens, writes and closes for a while, and prints what went wrong. */
  function owner(mode: string, forMs: number): Promise<{ failures: string; writes: number }> {
    const program = `
      const Database = require(process.argv[1]);
      const until = Date.now() + ${forMs}; let writes = 0; const failures = [];
      while (Date.now() < until) {
        try {
          const db = new Database(process.argv[2], { timeout: 0 });
          db.pragma('journal_mode = ${mode}');
          db.exec('CREATE TABLE IF NOT EXISTS jobs (id TEXT, status TEXT, tries INTEGER)');
          for (let i = 0; i < 5; i++) { db.prepare('INSERT INTO jobs VALUES (?, ?, ?)').run('j' + writes, 'ready', writes); writes++; }
          db.close();
        } catch (error) { failures.push(error.code + ' ' + error.message); }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3);
      }
      console.log(JSON.stringify({ failures: failures.join(), writes }));`;
    const require = join(import.meta.dirname, '../../node_modules/better-sqlite3');
    const child = spawn(process.execPath, ['-e', program, require, file], {
      uid: 65534,
      gid: 65534,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    let text = '';
    child.stdout?.on('data', (part) => {
      text += part;
    });
    return new Promise((resolve) => child.on('close', () => resolve(JSON.parse(text))));
  }

  /** The watcher as a program of its own user, printing what it saw. */
  function watcher(uid: number, forMs: number): Promise<{ last: number; failed: string[]; chunks: number }> {
    const program = `
      import { createPump } from '${join(import.meta.dirname, '../../src/ingest/pump.ts')}';
      import { systemClock } from '${join(import.meta.dirname, '../../src/host/clock.ts')}';
      let last = 0, chunks = 0; const failed = [];
      const pump = createPump([{ id: 'db', type: 'database', path: 'queue.db', queries: [{ id: 'jobs', sql: 'SELECT count(*) AS n FROM jobs' }] }], {
        root: ${JSON.stringify(place.dir)}, clock: systemClock(), once: false, secret: () => undefined,
        onEvent: (e) => { if (e.type === 'chunk') { chunks++; last = e.chunk.results.jobs[0].n; } if (e.type === 'failed') failed.push(e.error); } });
      pump.start();
      setTimeout(async () => { await pump.refresh(); await pump.close(); console.log(JSON.stringify({ last, failed, chunks })); process.exit(0); }, ${forMs});`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      uid,
      gid: uid,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    let text = '';
    child.stdout?.on('data', (part) => {
      text += part;
    });
    return new Promise((resolve) => child.on('close', () => resolve(JSON.parse(text))));
  }

  for (const mode of ['WAL', 'DELETE']) {
    for (const [who, uid] of [
      ['root', 0],
      ['a third user', 65533],
    ] as const) {
      test(`row 67: leaves no trace in a ${mode} database watched by ${who} while its owner opens and closes it`, async () => {
        chmodSync(place.dir, 0o755);
        chownSync(place.dir, 65534, 65534);
        mkdirSync(join(place.dir, 'quiet'));
        const watching = watcher(uid, 2200);
        const owned = owner(mode, 1600);
        const foreign = new Set<string>();
        const until = performance.now() + 2000;
        while (performance.now() < until) {
          for (const name of readdirSync(place.dir)) {
            const stat = statSync(join(place.dir, name), { throwIfNoEntry: false });
            if (!/^queue\.db(-wal|-shm|-journal)?$|^quiet$/.test(name)) foreign.add(name);
            if (stat && name !== 'quiet' && stat.uid !== 65534) foreign.add(`${name} of ${stat.uid}`);
          }
          await pause(7);
        }
        const { failures, writes } = await owned;
        const settledListing = readdirSync(place.dir).map((name) => [
          name,
          statSync(join(place.dir, name)).mtimeMs,
        ]);
        const saw = await watching;
        expect(failures).toBe('');
        expect([...foreign]).toEqual([]);
        expect(writes).toBeGreaterThan(10);
        expect(saw.last).toBe(writes);
        expect(saw.failed.filter((error) => !/written to without a pause/.test(error))).toEqual([]);
        expect(saw.chunks).toBeGreaterThan(0);
        expect(readdirSync(place.dir).map((name) => [name, statSync(join(place.dir, name)).mtimeMs])).toEqual(
          settledListing,
        );
      });
    }
  }
});
