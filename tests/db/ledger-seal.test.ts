import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { readChainLines } from '../../src/db/chain-lines.ts';
import { type Ledger, openLedger } from '../../src/db/ledger.ts';
import { walkChain } from '../../src/db/ledger-verify.ts';
import { addMs, type Instant } from '../../src/domain/instant.ts';
import type { ChainRow, LedgerRecord, SealedRecord } from '../../src/domain/ledger.ts';
import { finished, ledgerOf, STAMP, started } from './ledger-records.ts';
import { NIGHT, temporaryDirectory } from './temporary.ts';

const minute = (n: number): Instant => addMs(NIGHT, n * 60_000);
const orderTo = (before: Instant, isIdle = () => true) => ({ ...STAMP, before, isIdle });

function archiveRows(path: string): ChainRow[] {
  return readdirSync(dirname(path))
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => [...readChainLines(readFileSync(join(dirname(path), name), 'utf8')).rows]);
}

/** Orders of all rows, sealed or not, in their order. */
function ordersOf(ledger: Ledger): string[] {
  return [...archiveRows(ledger.path), ...ledger.chain()].flatMap((row) => {
    const record = JSON.parse(row.body) as LedgerRecord;
    return record.phase === 'started' ? [record.order] : [];
  });
}

describe('sealing', () => {
  it('moves older rows to a file of their own, and the chain says which, how many and their digest', () => {
    const { path, ledger } = ledgerOf(10);
    const sealed = ledger.seal(orderTo(minute(5)));
    const archive = join(dirname(path), 'ledger.db.sealed-000000000001-000000000004.jsonl');
    expect(sealed).toMatchObject({ from: 1, to: 4, count: 4 });
    expect(statSync(archive).mode & 0o777).toBe(0o600);
    const record = ledger.rows().at(-1)?.record as SealedRecord;
    expect(record).toMatchObject({ phase: 'sealed', from: 1, to: 4, count: 4, until: minute(5), ...STAMP });
    expect(record.sha256).toBe(createHash('sha256').update(readFileSync(archive)).digest('hex'));
    expect(ledger.rows().map((row) => row.seq)).toEqual([5, 6, 7, 8, 9, 10, 11]);
    expect(ledger.verify()).toEqual({
      ok: true,
      rows: 7,
      notes: [],
      archives: [{ file: record.archive, from: 1, to: 4, state: 'whole' }],
    });
    // With the archive alone the chain is one: its end is what the first row left names as the one before.
    const all = walkChain([...archiveRows(path), ...ledger.chain()]);
    expect(all).toMatchObject({ count: 11, firstBad: undefined, start: { seq: 0 } });
    ledger.close();
  });

  it('can be done again and again: older archives are found through newer ones', () => {
    const { path, ledger } = ledgerOf(10);
    ledger.seal(orderTo(minute(4)));
    ledger.append(started('late', 3_000));
    ledger.append(started('later', 4_000));
    ledger.seal(orderTo(minute(3_500)));
    expect(ledger.rows().map((row) => row.seq)).toEqual([13, 14]);
    expect(ledger.verify()).toMatchObject({
      ok: true,
      archives: [
        { from: 1, to: 3, state: 'whole' },
        { from: 4, to: 12, state: 'whole' },
      ],
    });
    renameSync(
      join(dirname(path), 'ledger.db.sealed-000000000001-000000000003.jsonl'),
      join(temporaryDirectory(), 'moved.jsonl'),
    );
    expect(ledger.verify()).toMatchObject({
      ok: true,
      archives: [{ state: 'elsewhere' }, { state: 'whole' }],
      notes: [
        expect.stringMatching(/rows 1 to 3 are in \S+, which can't be read here: they were not checked/),
      ],
    });
    ledger.close();
  });

  it('does nothing while an order is open, asked before and after the archive was written', () => {
    const { ledger } = ledgerOf(5);
    expect(() => ledger.seal(orderTo(minute(9), () => false))).toThrow(/an act is under way/);
    let asked = 0;
    expect(() => ledger.seal(orderTo(minute(9), () => ++asked === 1))).toThrow(/an act is under way/);
    expect(ledger.rows()).toHaveLength(5);
    expect(ledger.seal(orderTo(minute(9)))).toMatchObject({ from: 1, to: 5 });
    expect(ordersOf(ledger)).toEqual(['o1', 'o2', 'o3', 'o4', 'o5']);
    ledger.close();
  });

  it('has nothing to do where no act is older, and never moves only its own records', () => {
    const { ledger } = ledgerOf(3);
    expect(ledger.seal(orderTo(NIGHT))).toBeUndefined();
    ledger.seal(orderTo(minute(9)));
    expect(ledger.seal(orderTo(minute(9_000)))).toBeUndefined();
    expect(ledger.rows()).toHaveLength(1);
    ledger.append(finished('o3', 5_000));
    expect(ledger.verify()).toMatchObject({ ok: true, rows: 2 });
    ledger.close();
  });

  it('is refused for rows that are not what was written', () => {
    const { path, ledger } = ledgerOf(6);
    ledger.close();
    const database = new Database(path);
    database.exec(
      "DROP TRIGGER ledger_no_update; UPDATE ledger SET body = replace(body, 'alice', 'bob') WHERE seq = 3",
    );
    database.close();
    const again = openLedger({ path, now: NIGHT });
    expect(() => again.seal(orderTo(minute(9)))).toThrow(/row 3 is not what was written/);
    expect(again.rows()).toHaveLength(6);
    again.close();
  });

  it('lets no row go that no record of sealing covers', () => {
    const { path, ledger } = ledgerOf(6);
    ledger.seal(orderTo(minute(4)));
    ledger.close();
    const database = new Database(path);
    expect(() => database.exec('DELETE FROM ledger WHERE seq = 4')).toThrow(/only grows/);
    database.close();
  });

  const changes: readonly [string, number, (text: string) => string][] = [
    ['a text edited', 2, (text) => text.replace(/^(.*\n.*)alice/, '$1mallory')],
    ['a row removed', 2, (text) => text.replace(/\n.*\n/, '\n')],
    ['its end cut', 3, (text) => text.split('\n').slice(0, 2).join('\n')],
    ['its beginning cut', 1, (text) => text.split('\n').slice(1).join('\n')],
    ['a blank line at its end', 1, (text) => `${text}\n`],
    ['nothing in it', 1, () => ''],
  ];

  it.each(changes)('notices an archive with %s', (_, seq, change) => {
    const { path, ledger } = ledgerOf(6);
    const { archive } = ledger.seal(orderTo(minute(4))) ?? { archive: '' };
    const file = join(dirname(path), archive);
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    const verdict = ledger.verify();
    expect(verdict).toMatchObject({ ok: false, archives: [{ state: 'bad' }] });
    expect(verdict.firstBad?.seq).toBe(seq);
    expect(verdict.firstBad?.why).toContain(archive);
    ledger.close();
  });

  it('follows no name that leads away from the ledger', () => {
    const { ledger } = ledgerOf(2);
    const record = {
      phase: 'sealed',
      from: 1,
      to: 1,
      count: 1,
      lastHash: '',
      sha256: '',
      until: NIGHT,
    } as const;
    ledger.append({ ...STAMP, ...record, archive: '../../etc/passwd' });
    expect(ledger.verify()).toMatchObject({ ok: false });
    ledger.close();
  });
});

/** A program that seals rows before minute 5 and is killed where `trap` says. */
function sealAndDie(path: string, trap: string): void {
  const source = (name: string) => JSON.stringify(new URL(`../../src/db/${name}`, import.meta.url).pathname);
  const program = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    import { createRequire } from 'node:module';
    const Database = createRequire(${source('ledger.ts')})('better-sqlite3');
    const die = () => process.kill(process.pid, 'SIGKILL');
    const { openLedger } = await import(${source('ledger.ts')});
    const ledger = openLedger({ path: ${JSON.stringify(path)}, now: 0 });
    ${trap}
    syncBuiltinESMExports();
    ledger.seal({ ...${JSON.stringify(STAMP)}, before: ${minute(5)}, isIdle: () => true });`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(child.signal, child.stderr).toBe('SIGKILL');
}

describe.concurrent('a sealing that is killed', () => {
  const traps: readonly [string, string, 'before' | 'after'][] = [
    ['before the first row of the archive', 'fs.writeSync = die;', 'before'],
    ['before the archive is on disk', 'fs.fsyncSync = die;', 'before'],
    ['before the archive has its name', 'fs.renameSync = die;', 'before'],
    [
      'once the archive has its name',
      'const rename = fs.renameSync; fs.renameSync = (...names) => { rename(...names); die(); };',
      'before',
    ],
    [
      'between the record and the removal of the rows',
      `const { prepare } = Database.prototype;
       Database.prototype.prepare = function (sql) { if (sql.startsWith('DELETE')) die(); return prepare.call(this, sql); };`,
      'before',
    ],
    [
      'before the head is written',
      'const open = fs.openSync; fs.openSync = (path, ...more) => String(path).endsWith(".head") && more[0] !== "r" ? die() : open(path, ...more);',
      'after',
    ],
  ];

  it.each(traps)(
    '%s leaves every row in its place or in its archive, and the next one ends it',
    (_, trap, where) => {
      const { path, ledger: before } = ledgerOf(8);
      before.close();
      sealAndDie(path, trap);
      const ledger = openLedger({ path, now: NIGHT });
      expect(ledger.verify()).toMatchObject({ ok: true });
      expect(ledger.rows().filter((row) => row.record.phase === 'started')).toHaveLength(
        where === 'before' ? 8 : 4,
      );
      const again = ledger.seal(orderTo(minute(6)));
      expect(again).toMatchObject(where === 'before' ? { from: 1, to: 5 } : { from: 5, to: 5 });
      expect(ledger.verify()).toMatchObject({ ok: true });
      expect(ordersOf(ledger)).toEqual(['o1', 'o2', 'o3', 'o4', 'o5', 'o6', 'o7', 'o8']);
      expect(readdirSync(dirname(path)).filter((name) => name.endsWith('.part'))).toEqual([]);
      expect(ledger.rows().filter((row) => row.record.phase === 'damage')).toEqual([]);
      ledger.close();
    },
  );
});
