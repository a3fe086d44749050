/** What an open cockpit does for the ledger, on real records and beside real processes. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { keepLedger } from '../../src/app/ledger-keeper.ts';
import type { Ledger } from '../../src/db/ledger.ts';
import { openJournal } from '../../src/db/ledger-journal.ts';
import { addMs } from '../../src/domain/instant.ts';
import { NO_PROGRESS } from '../../src/domain/order.ts';
import { manualClock } from '../../src/host/clock.ts';
import { finished, started } from '../db/ledger-records.ts';
import { NIGHT, temporaryDirectory } from '../db/temporary.ts';
import { roomAt, userAt } from './environment.ts';

const DAY_MS = 24 * 3_600_000;
const DAY_MINUTES = 24 * 60;
const RETRY_MS = 30_000;
/** So many days into the time of the tests. */
const day = (n: number) => addMs(NIGHT, n * DAY_MS);

/** Records of an operator with one act a day. */
function bench(days: number, directory = temporaryDirectory()) {
  const room = roomAt(directory);
  if (!room.ledger.ok) throw new Error(room.ledger.error);
  const ledger = room.ledger.value;
  for (let n = 0; n < days; n += 1) {
    ledger.append(started(`o${n}`, n * DAY_MINUTES));
    ledger.append(finished(`o${n}`, n * DAY_MINUTES));
  }
  return { directory, room, ledger, keep: (text: string) => ({ ledger: { keep: text } }) };
}

const archivesOf = (ledger: Ledger): string[] =>
  readdirSync(dirname(ledger.path))
    .filter((name) => name.includes('.sealed-'))
    .sort();
const ordersIn = (ledger: Ledger): string[] =>
  ledger.rows().flatMap(({ record }) => (record.phase === 'started' ? [record.order] : []));

describe('the ledger of an open cockpit', () => {
  it('is sealed up to the days that are kept, at once and then once a day; the chain stays whole', () => {
    const { room, ledger, keep } = bench(10);
    const clock = manualClock(day(9));
    const stop = keepLedger(room, keep('5d'), clock);
    expect(ordersIn(ledger)).toEqual(['o4', 'o5', 'o6', 'o7', 'o8', 'o9']);
    expect(archivesOf(ledger)).toEqual(['ledger.db.sealed-000000000001-000000000008.jsonl']);
    expect(ledger.rows().at(-1)?.record).toMatchObject({
      phase: 'sealed',
      count: 8,
      who: { user: room.who.user },
      at: day(9),
    });
    clock.advance(DAY_MS - RETRY_MS);
    expect(archivesOf(ledger)).toHaveLength(1);
    clock.advance(2 * RETRY_MS);
    expect(ordersIn(ledger)).toEqual(['o5', 'o6', 'o7', 'o8', 'o9']);
    expect(archivesOf(ledger)).toHaveLength(2);
    expect(ledger.verify()).toMatchObject({ ok: true });
    stop();
    clock.advance(10 * DAY_MS);
    expect(archivesOf(ledger)).toHaveLength(2);
    room.close();
  });

  it('is left as it is where the configuration does not say how long it is kept', () => {
    const { room, ledger } = bench(10);
    const clock = manualClock(day(5_000));
    keepLedger(room, {}, clock);
    clock.advance(2 * DAY_MS);
    expect(ordersIn(ledger)).toHaveLength(10);
    expect(archivesOf(ledger)).toEqual([]);
    room.close();
  });

  it('is not sealed while an act of this user is under way, and soon after it has ended', () => {
    const { room, ledger, keep } = bench(10);
    const { orders } = room.store;
    const order = (id: string, user: string) => ({
      ...{ id, user, act: 'job.run', system: 's', slot: id, target: 's/job/1', revision: 'r', attempt: 1 },
      ...{ plan: '{}', createdAt: day(9), placedBy: room.self },
    });
    // Another user's act under way is nothing to this ledger.
    orders.place(order('theirs', 'somebody else'));
    orders.place(order('ours', room.who.user));
    const clock = manualClock(day(9));
    keepLedger(room, keep('5d'), clock);
    clock.advance(10 * RETRY_MS);
    expect(archivesOf(ledger)).toEqual([]);
    const row = orders.get('ours');
    if (!row) throw new Error('no such order');
    orders.finish(row, { outcome: 'failed', at: day(9), progress: NO_PROGRESS, release: true });
    clock.advance(RETRY_MS);
    expect(archivesOf(ledger)).toHaveLength(1);
    expect(orders.get('theirs')?.status).toBe('placed');
    room.close();
  });

  it('is not sealed over a row that is not what was written; the next try is a day later', () => {
    const { room, ledger, keep } = bench(10);
    const other = new Database(ledger.path);
    other.exec('DROP TRIGGER ledger_no_update');
    other.exec("UPDATE ledger SET body = replace(body, 'looked at', 'liked') WHERE seq = 3");
    const clock = manualClock(day(9));
    keepLedger(room, keep('5d'), clock);
    clock.advance(3 * RETRY_MS);
    expect(archivesOf(ledger)).toEqual([]);
    expect(ledger.verify()).toMatchObject({ ok: false, firstBad: { seq: 3 } });
    other.exec("UPDATE ledger SET body = replace(body, 'liked', 'looked at') WHERE seq = 3");
    clock.advance(DAY_MS - 4 * RETRY_MS);
    expect(archivesOf(ledger)).toEqual([]);
    clock.advance(2 * RETRY_MS);
    expect(archivesOf(ledger)).toHaveLength(1);
    other.close();
    room.close();
  });

  it('takes in what waits in the journal, as soon as another process lets it', () => {
    const { directory, room, ledger } = bench(1);
    const journal = openJournal(ledger.path, [join(directory, 'runtime', 'binnacle')]);
    journal.add(started('late', 5));
    expect(ledger.state()).toMatchObject({ state: 'journal only' });
    const other = new Database(ledger.path);
    other.exec('BEGIN IMMEDIATE');
    const clock = manualClock(day(1));
    const stop = keepLedger(room, {}, clock);
    clock.advance(RETRY_MS);
    expect(journal.isThere()).toBe(true);
    other.exec('ROLLBACK');
    clock.advance(RETRY_MS);
    expect(journal.isThere()).toBe(false);
    expect(ordersIn(ledger)).toEqual(['o0', 'late']);
    expect(ledger.state()).toEqual({ state: 'ok' });
    expect(ledger.verify()).toMatchObject({ ok: true });
    stop();
    other.close();
    room.close();
  });

  it('that can not be used is left alone', () => {
    const { room } = bench(0);
    const stop = keepLedger({ ...room, ledger: { ok: false, error: 'damaged' } }, {}, manualClock(day(1)));
    stop();
    room.close();
  });

  it('is sealed once when several cockpits are opened at the same moment', async () => {
    const { directory, ledger, room } = bench(40);
    room.close();
    const source = new URL('../../src/', import.meta.url).pathname;
    const program = `
      const { openActs } = await import('${source}app/acts-room.ts');
      const { keepLedger } = await import('${source}app/ledger-keeper.ts');
      const { manualClock } = await import('${source}host/clock.ts');
      const room = openActs('create');
      const clock = manualClock(${day(39)});
      process.stdout.write('ready');
      await new Promise((go) => process.stdin.once('data', go));
      keepLedger(room, { ledger: { keep: '10d' } }, clock)();
      room.close();
      process.exit();`;
    const env = { ...process.env, ...userAt(directory) };
    const cockpits = Array.from({ length: 3 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', program], {
        env,
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    await Promise.all(cockpits.map((one) => new Promise((ready) => one.stdout.once('data', ready))));
    const ends = cockpits.map((one) => new Promise((end) => one.once('close', end)));
    for (const one of cockpits) one.stdin.write('go');
    expect(await Promise.all(ends)).toEqual([0, 0, 0]);
    const after = roomAt(directory);
    if (!after.ledger.ok) throw new Error(after.ledger.error);
    expect(archivesOf(ledger)).toHaveLength(1);
    const archive = readFileSync(join(dirname(ledger.path), archivesOf(ledger)[0] ?? ''), 'utf8');
    expect(archive.trimEnd().split('\n')).toHaveLength(2 * 29);
    expect(ordersIn(after.ledger.value)).toHaveLength(11);
    expect(after.ledger.value.rows().filter(({ record }) => record.phase === 'sealed')).toHaveLength(1);
    expect(after.ledger.value.verify()).toMatchObject({ ok: true });
    after.close();
  });
});
