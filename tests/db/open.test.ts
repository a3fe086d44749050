import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { type DatabaseSpec, openDatabase } from '../../src/db/open.ts';
import { NIGHT, temporaryDirectory } from './temporary.ts';

function specAt(path: string, more: Partial<DatabaseSpec> = {}): DatabaseSpec {
  return {
    path,
    title: 'the test store',
    applicationId: 0x42495454,
    migrations: ['CREATE TABLE a (n INTEGER) STRICT', 'CREATE TABLE b (n INTEGER) STRICT'],
    synchronous: 'NORMAL',
    whenBroken: 'quarantine',
    now: NIGHT,
    ...more,
  };
}

function tables(database: Database.Database): unknown {
  return database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all();
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

describe('opening a database of ours', () => {
  it('creates it readable by its owner alone, whatever the umask, in WAL mode and with its marks', () => {
    const path = join(temporaryDirectory(), 'x.db');
    const before = process.umask(0);
    try {
      const { database } = openDatabase(specAt(path, { synchronous: 'FULL' }));
      database.exec('INSERT INTO a VALUES (1)');
      for (const suffix of ['', '-wal', '-shm']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600);
      expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
      expect(database.pragma('synchronous', { simple: true })).toBe(2);
      expect(database.pragma('busy_timeout', { simple: true })).toBe(50);
      expect(database.pragma('application_id', { simple: true })).toBe(0x42495454);
      expect(database.pragma('user_version', { simple: true })).toBe(2);
      database.close();
    } finally {
      process.umask(before);
    }
  });

  it('row 60: brings an older schema to the newest and keeps its rows', () => {
    const path = join(temporaryDirectory(), 'x.db');
    const old = openDatabase(specAt(path, { migrations: ['CREATE TABLE a (n INTEGER) STRICT'] })).database;
    old.exec('INSERT INTO a VALUES (7)');
    old.close();
    const { database } = openDatabase(specAt(path));
    expect(tables(database)).toEqual(['a', 'b']);
    expect(database.prepare('SELECT n FROM a').pluck().all()).toEqual([7]);
    database.close();
  });

  it('row 60: refuses a newer schema and leaves every byte of it', () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'x.db');
    openDatabase(
      specAt(path, { migrations: ['CREATE TABLE a (n)', 'CREATE TABLE b (n)', 'CREATE TABLE c (n)'] }),
    ).database.close();
    const before = { bytes: digest(path), names: readdirSync(directory), changed: statSync(path).mtimeMs };
    expect(() => openDatabase(specAt(path))).toThrow(/newer Binnacle.*schema 3, this one knows 2/);
    expect({ bytes: digest(path), names: readdirSync(directory), changed: statSync(path).mtimeMs }).toEqual(
      before,
    );
  });

  const damages: readonly [string, (path: string) => void][] = [
    ['text', (path) => writeFileSync(path, 'these are notes, not a database\n'.repeat(40))],
    ['nothing', (path) => writeFileSync(path, '')],
    ['a short file', (path) => writeFileSync(path, 'x')],
    ['zeros for a header', (path) => writeFileSync(path, Buffer.alloc(8192))],
    [
      "another program's database",
      (path) => {
        const foreign = new Database(path);
        foreign.exec('CREATE TABLE theirs (n)');
        foreign.close();
      },
    ],
    [
      'half of itself',
      (path) => {
        makeLarge(path);
        truncateSync(path, Math.floor(statSync(path).size / 2));
      },
    ],
    [
      'a page of junk',
      (path) => {
        makeLarge(path);
        const bytes = readFileSync(path);
        bytes.fill(0xa5, 4096, 4096 * 3);
        writeFileSync(path, bytes);
      },
    ],
  ];

  function makeLarge(path: string): void {
    const { database } = openDatabase(specAt(path));
    const insert = database.prepare('INSERT INTO a VALUES (?)');
    database.transaction(() => {
      for (let n = 0; n < 20_000; n += 1) insert.run(n);
    })();
    database.pragma('wal_checkpoint(TRUNCATE)');
    database.close();
  }

  it.each(damages)('row 25: puts aside %s, says so, and begins anew', (_, damage) => {
    const directory = temporaryDirectory();
    const path = join(directory, 'x.db');
    damage(path);
    const before = digest(path);
    const { database, quarantined } = openDatabase(specAt(path));
    expect(tables(database)).toEqual(['a', 'b']);
    expect(database.prepare('SELECT count(*) FROM a').pluck().get()).toBe(0);
    database.close();
    expect(quarantined?.path).toBe(`${path}.broken-20261120T031407Z`);
    expect(digest(quarantined?.path ?? '')).toBe(before);
  });

  it.each(damages)('refuses %s where it must not be replaced, and leaves it as it is', (_, damage) => {
    const directory = temporaryDirectory();
    const path = join(directory, 'x.db');
    damage(path);
    const before = digest(path);
    let refused = '';
    try {
      const { database } = openDatabase(specAt(path, { whenBroken: 'refuse' }));
      // A junk page inside is met when it is read; opening does not read every page of a ledger.
      database.prepare('SELECT count(*), sum(n) FROM a').get();
      database.close();
    } catch (error) {
      refused = (error as Error).message;
    }
    expect(refused).not.toBe('');
    expect(digest(path)).toBe(before);
    expect(readdirSync(directory).filter((name) => name.includes('broken'))).toEqual([]);
  });

  it('leaves nothing behind where it can not be made', () => {
    const directory = temporaryDirectory();
    expect(() =>
      openDatabase(specAt(join(directory, 'x.db'), { migrations: ['CREATE TABLE a (n', 'x'] })),
    ).toThrow(/x\.db/);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('says what is wrong when the place is a directory or does not exist', () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'x.db'));
    expect(() => openDatabase(specAt(join(directory, 'x.db')))).toThrow(/the test store/);
    expect(() => openDatabase(specAt(join(directory, 'none', 'x.db')))).toThrow(/can't be opened.*ENOENT/);
  });

  it('is created whole by four processes at once, each time', async () => {
    const directory = temporaryDirectory();
    const files = Array.from({ length: 8 }, (_, n) => join(directory, `x${n}.db`));
    const program = join(directory, 'open.ts');
    const source = new URL('../../src/db/open.ts', import.meta.url).pathname;
    writeFileSync(
      program,
      `import { openDatabase } from ${JSON.stringify(source)};
       import { existsSync, writeFileSync } from 'node:fs';
       const [self, ...files] = process.argv.slice(2);
       const there = (path) => [0, 1, 2, 3].every((one) => existsSync(path + '.' + one));
       for (const path of files) {
         // Nobody begins before all have come here.
         writeFileSync(path + '.' + self, '');
         while (!there(path));
         const { database, quarantined } = openDatabase({ path, title: 'x', applicationId: 0x42495454, synchronous: 'FULL',
           migrations: ['CREATE TABLE a (n INTEGER) STRICT', 'CREATE TABLE b (n INTEGER) STRICT'], whenBroken: 'quarantine', now: 0 });
         database.pragma('busy_timeout = 5000');
         database.prepare('INSERT INTO a VALUES (?)').run(process.pid);
         database.close();
         if (quarantined) process.exit(9);
       }`,
    );
    const children = ['0', '1', '2', '3'].map((self) =>
      spawn(process.execPath, [program, self, ...files], { stdio: 'inherit' }),
    );
    const ended = children.map((child) => new Promise((resolve) => child.on('exit', resolve)));
    // One that gives up leaves the others waiting for it.
    const end = await Promise.race([
      Promise.all(ended),
      ...ended.map((one) => one.then((code) => code || Promise.all(ended))),
    ]);
    for (const child of children) child.kill('SIGKILL');
    expect(end).toEqual([0, 0, 0, 0]);
    for (const path of files) {
      const { database } = openDatabase(specAt(path));
      expect(database.prepare('SELECT count(*) FROM a').pluck().get()).toBe(4);
      database.close();
    }
    expect(readdirSync(directory).filter((name) => name.includes('broken'))).toEqual([]);
  });
});
