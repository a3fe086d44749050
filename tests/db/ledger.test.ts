import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/db/canonical-json.ts';
import { type Ledger, openLedger } from '../../src/db/ledger.ts';
import { headPath } from '../../src/db/ledger-head.ts';
import { rowHash } from '../../src/db/ledger-verify.ts';
import type { LedgerVerdict } from '../../src/domain/ledger.ts';
import { started } from './ledger-records.ts';
import { NIGHT, temporaryDirectory } from './temporary.ts';

function ledgerWith(rows: number): { path: string; ledger: Ledger } {
  const path = join(temporaryDirectory(), 'ledger.db');
  const ledger = openLedger({ path, now: NIGHT });
  for (let n = 1; n <= rows; n += 1) ledger.append(started(`o${n}`));
  return { path, ledger };
}

/** What somebody with the file in hand can do. */
function tamper(path: string, sql: (database: Database.Database) => void): LedgerVerdict {
  const database = new Database(path);
  database.exec('DROP TRIGGER IF EXISTS ledger_no_update; DROP TRIGGER IF EXISTS ledger_no_delete;');
  sql(database);
  database.close();
  const ledger = openLedger({ path, now: NIGHT });
  const verdict = ledger.verify();
  ledger.close();
  return verdict;
}

describe('the ledger', () => {
  it('gives back what was written, in order, and finds it whole', () => {
    const { ledger } = ledgerWith(5);
    expect(ledger.rows().map((row) => [row.seq, row.record.phase === 'started' && row.record.order])).toEqual(
      [
        [1, 'o1'],
        [2, 'o2'],
        [3, 'o3'],
        [4, 'o4'],
        [5, 'o5'],
      ],
    );
    expect(ledger.rows({ limit: 2, before: 5 }).map((row) => row.seq)).toEqual([3, 4]);
    expect(ledger.find('o3', 'started')?.record).toEqual(started('o3'));
    expect(ledger.verify()).toEqual({ ok: true, rows: 5, notes: [] });
    ledger.close();
  });

  it('keeps database and head readable by their owner alone', () => {
    const { path, ledger } = ledgerWith(1);
    for (const file of [path, `${path}-wal`, headPath(path)]) expect(statSync(file).mode & 0o777).toBe(0o600);
    ledger.close();
  });

  it('can be checked by hand: SHA-256 over place, hash before, and canonical JSON', () => {
    const { path, ledger } = ledgerWith(2);
    ledger.close();
    const database = new Database(path, { readonly: true });
    const rows = database.prepare('SELECT seq, prev, hash, body FROM ledger ORDER BY seq').all() as {
      seq: number;
      prev: string;
      hash: string;
      body: string;
    }[];
    database.close();
    expect(rows[0]?.prev).toBe('0'.repeat(64));
    expect(rows[1]?.prev).toBe(rows[0]?.hash);
    for (const row of rows) {
      expect(row.hash).toBe(rowHash(row.seq, row.prev, row.body));
      expect(canonicalJson(JSON.parse(row.body))).toBe(row.body);
    }
  });

  it('only grows: rows are neither changed nor removed by a statement', () => {
    const { path, ledger } = ledgerWith(2);
    ledger.close();
    const database = new Database(path);
    expect(() => database.exec("UPDATE ledger SET body = '{}'")).toThrow(/only grows/);
    expect(() => database.exec('DELETE FROM ledger')).toThrow(/only grows/);
    database.close();
  });

  it('writes one finished row per order, whoever comes second', () => {
    const { ledger } = ledgerWith(0);
    const first = ledger.appendOnce(started('o1'));
    const second = ledger.appendOnce({ ...started('o1'), reason: 'another' });
    expect(second).toEqual(first);
    expect(() => ledger.append(started('o1'))).toThrow(/UNIQUE/);
    expect(ledger.verify()).toMatchObject({ ok: true, rows: 1 });
    ledger.close();
  });

  const tampers: readonly [string, number, (database: Database.Database) => void][] = [
    [
      'an edited text',
      4,
      (db) => db.exec(`UPDATE ledger SET body = replace(body, 'alice', 'mallory') WHERE seq = 4`),
    ],
    [
      'an edited text with its own hash taken again',
      5,
      (db) => {
        const row = db.prepare('SELECT prev, body FROM ledger WHERE seq = 4').get() as {
          prev: string;
          body: string;
        };
        const body = row.body.replace('alice', 'mallory');
        db.prepare('UPDATE ledger SET body = ?, hash = ? WHERE seq = 4').run(
          body,
          rowHash(4, row.prev, body),
        );
      },
    ],
    ['a deleted row', 6, (db) => db.exec('DELETE FROM ledger WHERE seq = 6')],
    [
      'a deleted row with the rest moved up',
      6,
      (db) => {
        db.exec('DELETE FROM ledger WHERE seq = 6');
        for (const seq of [7, 8, 9, 10]) db.exec(`UPDATE ledger SET seq = ${seq - 1} WHERE seq = ${seq}`);
      },
    ],
    [
      'a row put in between',
      3,
      (db) => {
        for (let seq = 10; seq >= 3; seq -= 1)
          db.exec(`UPDATE ledger SET seq = ${seq + 1} WHERE seq = ${seq}`);
        db.prepare('INSERT INTO ledger (seq, prev, hash, body) VALUES (3, ?, ?, ?)').run(
          '0'.repeat(64),
          rowHash(3, '0'.repeat(64), '{}'),
          '{}',
        );
      },
    ],
    [
      'two rows exchanged',
      2,
      (db) => {
        db.exec(
          'UPDATE ledger SET seq = -1 WHERE seq = 2; UPDATE ledger SET seq = 2 WHERE seq = 3; UPDATE ledger SET seq = 3 WHERE seq = -1',
        );
      },
    ],
    ['the first row removed', 1, (db) => db.exec('DELETE FROM ledger WHERE seq = 1')],
  ];

  it.each(tampers)('names the first bad row after %s', (_, seq, change) => {
    const { path, ledger } = ledgerWith(10);
    ledger.close();
    const verdict = tamper(path, change);
    expect(verdict.ok).toBe(false);
    expect(verdict.firstBad?.seq).toBe(seq);
  });

  it('notices that the end was cut, by the head kept outside', () => {
    const { path, ledger } = ledgerWith(10);
    ledger.close();
    const verdict = tamper(path, (db) => db.exec('DELETE FROM ledger WHERE seq > 7'));
    expect(verdict).toMatchObject({ ok: false, rows: 7, cutTail: { from: 8, to: 10 } });
    expect(verdict.firstBad).toBeUndefined();
  });

  it('notices an older copy put in its place, and a file that is gone', () => {
    const { path, ledger } = ledgerWith(3);
    ledger.close();
    copyFileSync(path, `${path}.old`);
    const again = openLedger({ path, now: NIGHT });
    again.append(started('o4'));
    again.close();
    copyFileSync(`${path}.old`, path);
    expect(tamper(path, () => {})).toMatchObject({ ok: false, cutTail: { from: 4, to: 4 } });
    rmSync(path);
    const begun = openLedger({ path, now: NIGHT });
    expect(begun.verify()).toMatchObject({ ok: false, rows: 0, cutTail: { from: 1, to: 4 } });
    begun.close();
  });

  it('notices a chain that was written anew from some row on', () => {
    const { path, ledger } = ledgerWith(6);
    ledger.close();
    const verdict = tamper(path, (db) => {
      let prev = (db.prepare('SELECT hash FROM ledger WHERE seq = 3').get() as { hash: string }).hash;
      for (let seq = 4; seq <= 6; seq += 1) {
        const { body } = db.prepare('SELECT body FROM ledger WHERE seq = ?').get(seq) as { body: string };
        const changed = body.replace('alice', 'mallory');
        const hash = rowHash(seq, prev, changed);
        db.prepare('UPDATE ledger SET prev = ?, hash = ?, body = ? WHERE seq = ?').run(
          prev,
          hash,
          changed,
          seq,
        );
        prev = hash;
      }
    });
    expect(verdict).toMatchObject({ ok: false, firstBad: { seq: 6 } });
  });

  it('does not heal a cut end by writing on: the next row is preceded by one that tells of it', () => {
    const { path, ledger } = ledgerWith(5);
    ledger.close();
    tamper(path, (db) => db.exec('DELETE FROM ledger WHERE seq > 3'));
    const again = openLedger({ path, now: NIGHT });
    const row = again.append(started('next'));
    expect(row.seq).toBe(5);
    expect(again.rows().at(-2)?.record).toMatchObject({
      phase: 'damage',
      note: expect.stringContaining('rows 4 to 5'),
    });
    const verdict = again.verify();
    expect(verdict).toMatchObject({ ok: false, firstBad: { seq: 4 } });
    expect(verdict.firstBad?.why).toContain('rows 4 to 5 are missing');
    again.close();
  });

  it('says that the end is not known when the head file is gone, and tells of it in the chain', () => {
    const { path, ledger } = ledgerWith(3);
    rmSync(headPath(path));
    expect(ledger.verify()).toMatchObject({
      ok: false,
      notes: [expect.stringContaining('head file is missing')],
    });
    ledger.append(started('o4'));
    expect(ledger.verify()).toMatchObject({ ok: false, firstBad: { seq: 4 } });
    ledger.close();
  });

  it('takes a head that lags for a writer that was killed, and the next row puts it right', () => {
    const { path, ledger } = ledgerWith(2);
    const lagging = readFileSync(headPath(path));
    ledger.append(started('o3'));
    writeFileSync(headPath(path), lagging);
    expect(ledger.verify()).toMatchObject({
      ok: true,
      rows: 3,
      notes: [expect.stringContaining('1 behind')],
    });
    ledger.append(started('o4'));
    expect(ledger.verify()).toEqual({ ok: true, rows: 4, notes: [] });
    ledger.close();
  });

  it('is refused, never replaced, when it is not a database', () => {
    const path = join(temporaryDirectory(), 'ledger.db');
    writeFileSync(path, 'not a ledger, but evidence\n'.repeat(10));
    expect(() => openLedger({ path, now: NIGHT })).toThrow(
      /the ledger can't be used.*not an SQLite database/,
    );
    expect(readFileSync(path, 'utf8')).toContain('evidence');
  });

  it('stays one unbroken chain under two connections that write in turn', () => {
    const { path, ledger } = ledgerWith(0);
    const other = openLedger({ path, now: NIGHT });
    for (let n = 0; n < 40; n += 1) (n % 2 ? ledger : other).append(started(`o${n}`));
    expect(other.verify()).toEqual({ ok: true, rows: 40, notes: [] });
    other.close();
    ledger.close();
  });

  it('stays whole when its writers are killed in the middle of writing', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'ledger.db');
    const program = join(directory, 'write.ts');
    writeFileSync(
      program,
      `import { openLedger } from ${JSON.stringify(new URL('../../src/db/ledger.ts', import.meta.url).pathname)};
       const ledger = openLedger({ path: ${JSON.stringify(path)}, now: 0, busyMs: 5000 });
       const record = ${JSON.stringify(started('x'))};
       // A pause, since SQLite's waiting is not fair: a loop without one keeps the other out for seconds.
       for (let n = 0; n < 5000; n += 1) { ledger.append({ ...record, order: process.pid + '-' + n }); if (n === 3) console.log('writing'); await new Promise((resolve) => setTimeout(resolve, 2)); }`,
    );
    for (let round = 0; round < 4; round += 1) {
      const children = [1, 2].map(() =>
        spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'ignore'] }),
      );
      const ended = children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
      const writing = children.map((child) => new Promise((resolve) => child.stdout.once('data', resolve)));
      await Promise.race([Promise.all(writing), ...ended]);
      await new Promise((resolve) => setTimeout(resolve, 20 + round * 17));
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(ended);
      const ledger = openLedger({ path, now: NIGHT });
      const verdict = ledger.verify();
      expect(verdict).toMatchObject({ ok: true });
      expect(verdict.rows).toBeGreaterThan(8 * (round + 1) - 1);
      expect(ledger.rows({ limit: 100_000 }).filter((row) => row.record.phase === 'damage')).toEqual([]);
      ledger.close();
    }
  });

  it('holds hostile text as it is', () => {
    const { ledger } = ledgerWith(0);
    const hostile = {
      ...started('o'),
      targetTitle: '\u001b]52;c;x\u0007 \ud800 \u0000 "\\',
      params: { ['__proto__x']: '\u2028' },
    };
    ledger.append(hostile);
    expect(ledger.find('o', 'started')?.record).toMatchObject({ targetTitle: hostile.targetTitle });
    expect(ledger.verify().ok).toBe(true);
    ledger.close();
  });
});

describe('canonical JSON', () => {
  it('has one spelling whatever the order of keys', () => {
    expect(canonicalJson({ b: [1, undefined, { z: null, a: 'x' }], a: undefined, c: Number.NaN })).toBe(
      '{"b":[1,null,{"a":"x","z":null}],"c":null}',
    );
  });
});

describe('row 57: a reader that holds an old view', () => {
  it('lets the -wal file grow only until it lets go', () => {
    const { path, ledger } = ledgerWith(1);
    const reader = new Database(path);
    reader.exec('BEGIN');
    expect(reader.prepare('SELECT count(*) FROM ledger').pluck().get()).toBe(1);
    const writer = new Database(path);
    writer.pragma('synchronous = OFF');
    const note = 'x'.repeat(50_000);
    const grown = (): number => statSync(`${path}-wal`).size;
    writer.exec('CREATE TABLE filler (text TEXT)');
    const fill = writer.prepare('INSERT INTO filler VALUES (?)');
    for (let n = 0; n < 120; n += 1) fill.run(note);
    ledger.append(started('while it reads'));
    const whileRead = grown();
    expect(whileRead).toBeGreaterThan(5 * 1024 * 1024);
    expect(reader.prepare('SELECT count(*) FROM ledger').pluck().get()).toBe(1);
    reader.exec('COMMIT');
    reader.close();
    writer.close();
    // The next checkpoint takes all of it into the database, and the row after it begins the file anew.
    for (let n = 0; n < 6 && grown() > 4 * 1024 * 1024; n += 1) ledger.append(started(`after ${n}`));
    expect(grown()).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(ledger.verify().ok).toBe(true);
    ledger.close();
  });
});

describe('a ledger of an older version', () => {
  it('is brought to this one with its rows, and proved as before', () => {
    const { path, ledger } = ledgerWith(4);
    ledger.close();
    const database = new Database(path);
    database.exec(`DROP INDEX ledger_sealed; DROP TRIGGER ledger_no_delete;
      CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
      PRAGMA user_version = 1`);
    database.close();
    const again = openLedger({ path, now: NIGHT });
    expect(again.verify()).toEqual({ ok: true, rows: 4, notes: [] });
    again.append(started('o5'));
    expect(again.rows()).toHaveLength(5);
    again.close();
  });

  it('of a newer version is refused and left as it is', () => {
    const { path, ledger } = ledgerWith(2);
    ledger.close();
    const database = new Database(path);
    database.pragma('user_version = 99');
    database.close();
    const before = readFileSync(path);
    expect(() => openLedger({ path, now: NIGHT })).toThrow(/the ledger was written by a newer Binnacle/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

describe('a ledger that is moved away while it is open', () => {
  it('takes no row that nobody would find', () => {
    const { path, ledger } = ledgerWith(2);
    renameSync(path, `${path}.moved`);
    expect(() => ledger.append(started('o3'))).toThrow(/moved or replaced while it was open/);
    writeFileSync(path, '');
    expect(() => ledger.append(started('o3'))).toThrow(/moved or replaced while it was open/);
    ledger.close();
  });
});
