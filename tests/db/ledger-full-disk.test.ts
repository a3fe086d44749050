import { spawnSync } from 'node:child_process';
import { openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ballastPath } from '../../src/db/ballast.ts';
import { type Ledger, openLedger } from '../../src/db/ledger.ts';
import { openJournal } from '../../src/db/ledger-journal.ts';
import type { LedgerRecord } from '../../src/domain/ledger.ts';
import { finished, ledgerOf, STAMP, started } from './ledger-records.ts';
import { canMount, fillDisk, smallDisk } from './small-disk.ts';
import { NIGHT, temporaryDirectory } from './temporary.ts';

function ordersOf(ledger: Ledger): string[] {
  return ledger.rows().flatMap(({ record }) => (record.phase === 'started' ? [record.order] : []));
}

if (!canMount) console.warn('no disk may be mounted here: the ledger on a full disk is not tested');

describe.skipIf(!canMount)('row 26: the ledger on a full disk', () => {
  it('lives on its ballast, then on a journal elsewhere, and has all rows in order once there is room', () => {
    const disk = smallDisk() as string;
    const elsewhere = temporaryDirectory();
    const { path, ledger } = ledgerOf(3, { path: join(disk, 'ledger.db'), journalIn: [elsewhere] });
    expect(ledger.state()).toEqual({ state: 'ok' });
    expect(statSync(ballastPath(path)).size).toBe(256 * 1024);
    expect(statSync(ballastPath(path)).mode & 0o777).toBe(0o600);

    const makeRoom = fillDisk(disk);
    ledger.append(started('first'));
    let count = 0;
    const states = new Set<string>();
    while (ledger.state().state !== 'journal only' && count < 500) {
      states.add(ledger.state().state);
      fillDisk(disk);
      count += 1;
      ledger.append({ ...started(`full-${count}`), note: 'x'.repeat(2_000) } as LedgerRecord);
    }
    expect([...states]).toContain('on ballast');
    expect(readdirSync(disk)).not.toContain('ledger.db.ballast');
    expect(ledger.state()).toMatchObject({ state: 'journal only', why: expect.stringContaining('full') });
    expect(readdirSync(elsewhere)).toHaveLength(1);
    expect(statSync(join(elsewhere, readdirSync(elsewhere)[0] as string)).mode & 0o777).toBe(0o600);

    // What waits in the journal is found by this process and by any other, and is not written twice.
    const waiting = ledger.appendOnce(finished('first'));
    expect(waiting.seq).toBe(0);
    expect(ledger.appendOnce({ ...finished('first'), summary: 'another' })).toEqual(waiting);
    const other = openLedger({ path, now: NIGHT, journalIn: [elsewhere] });
    expect(other.find('first', 'finished')).toEqual(waiting);
    expect(other.verify().notes.join()).toContain('records wait in the journal');
    other.close();

    makeRoom();
    ledger.append(started('after'));
    expect(ledger.state()).toEqual({ state: 'ok' });
    expect(readdirSync(elsewhere)).toEqual([]);
    const full = Array.from({ length: count }, (_, n) => `full-${n + 1}`);
    expect(ordersOf(ledger)).toEqual(['o1', 'o2', 'o3', 'first', ...full, 'after']);
    expect(ledger.find('first', 'finished')?.record).toMatchObject({
      outcome: 'verified',
      late: { enteredAt: started('after').at, line: waiting.hash },
    });
    expect(ledger.verify()).toEqual({ ok: true, rows: 3 + 1 + count + 1 + 1, notes: [] });
    expect(statSync(ballastPath(path)).size).toBe(256 * 1024);
    ledger.close();
  });

  it('refuses a record that can be written nowhere, and says so before the next one', () => {
    const disk = smallDisk() as string;
    const { path, ledger } = ledgerOf(1, {
      path: join(disk, 'ledger.db'),
      journalIn: [join(disk, 'journal')],
    });
    const makeRoom = fillDisk(disk);
    rmSync(ballastPath(path));
    fillDisk(disk);
    const append = () => {
      for (let n = 0; n < 500; n += 1) ledger.append(started(`n${n}`));
    };
    expect(append).toThrow(/the ledger can't be written/);
    expect(ledger.state()).toMatchObject({
      state: 'unusable',
      why: expect.stringContaining('no journal either'),
    });
    makeRoom();
    ledger.append(started('again'));
    expect(ledger.state()).toEqual({ state: 'ok' });
    expect(ledger.verify()).toMatchObject({ ok: true });
    ledger.close();
  });
});

describe('the journal of a ledger', () => {
  function withWaiting(records: readonly LedgerRecord[]) {
    const elsewhere = temporaryDirectory();
    const { path, ledger } = ledgerOf(1, { journalIn: [elsewhere] });
    const journal = openJournal(path, [elsewhere]);
    for (const record of records) journal.add(record);
    return { path, ledger, journal, file: join(elsewhere, readdirSync(elsewhere)[0] as string), elsewhere };
  }

  it('comes into the chain in its order, once, however often its entering is ended early', () => {
    const { ledger, file } = withWaiting([started('a'), finished('a'), started('b')]);
    const kept = readFileSync(file);
    expect(ledger.enterJournal(STAMP.at)).toBe(3);
    expect(ledger.enterJournal(STAMP.at)).toBe(0);
    // Ended after the commit and before the journal was removed: it is there again.
    writeSync(openSync(file, 'w', 0o600), kept);
    expect(ledger.state().state).toBe('journal only');
    expect(ledger.enterJournal(STAMP.at)).toBe(0);
    expect(ledger.state().state).toBe('ok');
    expect(ledger.rows().map(({ record }) => record.phase)).toEqual([
      'started',
      'started',
      'finished',
      'started',
    ]);
    expect(ledger.verify().ok).toBe(true);
    ledger.close();
  });

  it('loses no second end of an order, and tells of a line that can not be read', () => {
    const { ledger, file } = withWaiting([finished('o1')]);
    writeSync(openSync(file, 'a'), `${'0'.repeat(64)} {"phase":"finished"\n`);
    // Another process, that does not know of the journal, gave the order its end.
    const other = openLedger({ path: ledger.path, now: NIGHT });
    other.append({ ...finished('o1'), outcome: 'unknown', summary: 'its runner was ended' });
    other.close();
    expect(ledger.enterJournal(STAMP.at)).toBe(2);
    expect(
      ledger
        .rows()
        .slice(-2)
        .map(({ record }) => record),
    ).toMatchObject([
      { phase: 'settled', order: 'o1', note: expect.stringContaining('verified: card left ready') },
      { phase: 'damage', note: 'a line of the journal could not be read' },
    ]);
    ledger.close();
  });

  it('is taken from nobody else and through no link', () => {
    const { ledger, journal, file, elsewhere } = withWaiting([started('a')]);
    const secret = join(elsewhere, 'secret');
    spawnSync('mv', [file, secret]);
    spawnSync('ln', ['-s', secret, file]);
    expect(journal.isThere()).toBe(false);
    expect(journal.lines()).toEqual([]);
    expect(() => journal.add(started('b'))).toThrow(/ELOOP/);
    expect(readFileSync(secret, 'utf8')).not.toContain('"order":"b"');
    ledger.close();
  });
});
