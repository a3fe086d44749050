/** What an open cockpit takes away of records and outputs, slice by slice. */
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keepRecords } from '../../src/app/record-keeper.ts';
import { addMs } from '../../src/domain/instant.ts';
import { NO_PROGRESS } from '../../src/domain/order.ts';
import { manualClock } from '../../src/host/clock.ts';
import { NIGHT, temporaryDirectory } from '../db/temporary.ts';
import { roomAt } from './environment.ts';

const DAY_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;
const day = (n: number) => addMs(NIGHT, n * DAY_MS);

function bench() {
  const directory = temporaryDirectory();
  const room = roomAt(directory);
  const { orders } = room.store;
  const spool = join(directory, 'state', 'spool');
  const output = (id: string, at: number): void => {
    const writer = room.spool.open(id);
    writer.write(`output of ${id}\n`);
    writer.close();
    utimesSync(join(spool, `${id}.out`), at / 1_000, at / 1_000);
  };
  return {
    room,
    spool,
    output,
    act(id: string, at: ReturnType<typeof day>, isOver = true) {
      orders.place({
        ...{ id, act: 'job.run', system: 's', slot: id, target: 's/job/1', revision: 'r', attempt: 1 },
        ...{ user: 'alice', plan: '{}', createdAt: at, placedBy: room.self },
      });
      output(id, at);
      const row = orders.get(id);
      if (!row || !isOver) return;
      orders.finish(row, { outcome: 'verified', at, progress: NO_PROGRESS, release: false });
    },
    ids: () => orders.list(1_000).map((row) => row.id),
    outputs: () =>
      readdirSync(spool)
        .map((name) => name.replace('.out', ''))
        .sort(),
  };
}

describe('the records of a host with an open cockpit', () => {
  it('lose acts that ended more than 30 days ago, with what they printed, and nothing that is open', () => {
    const { room, act, ids, output, outputs } = bench();
    act('old', day(0));
    act('old-under-way', day(0), false);
    act('young', day(20));
    output('of-no-act', day(0));
    output('coming', day(39));
    const clock = manualClock(day(40));
    const stop = keepRecords(room, {}, clock);
    expect(ids()).toHaveLength(3);
    clock.advance(MINUTE_MS);
    expect(ids()).toEqual(['young', 'old-under-way']);
    expect(outputs()).toEqual(['coming', 'old-under-way', 'young']);
    // Looked at again and again while the cockpit is open.
    clock.advance(11 * DAY_MS);
    expect(ids()).toEqual(['old-under-way']);
    stop();
    room.close();
  });

  it('are kept as long as the configuration says', () => {
    const { room, act, ids } = bench();
    act('a', day(0));
    const clock = manualClock(day(40));
    const stop = keepRecords(room, { history: { keep: '60d' } }, clock);
    clock.advance(MINUTE_MS);
    expect(ids()).toEqual(['a']);
    clock.advance(21 * DAY_MS);
    expect(ids()).toEqual([]);
    stop();
    clock.advance(DAY_MS);
    room.close();
  });

  it('lose them in slices, with pauses in which others can write', () => {
    const { room, act, ids } = bench();
    for (let n = 0; n < 450; n += 1) act(`o${n}`, addMs(day(0), n));
    const clock = manualClock(day(40));
    const stop = keepRecords(room, {}, clock);
    const left: number[] = [];
    clock.advance(10_000);
    for (let look = 0; look < 4; look += 1, clock.advance(2_000)) left.push(ids().length);
    expect(left).toEqual([250, 50, 0, 0]);
    stop();
    room.close();
  });

  it('lose the oldest outputs when all take too much; a sentence says so in their place', () => {
    const { room, spool, act } = bench();
    act('first', day(36));
    act('under-way', day(37), false);
    act('last', day(38));
    const open = new Set(['under-way']);
    const known = new Set(['first', 'under-way', 'last']);
    const all = 'output of first\noutput of under-way\noutput of last\n'.length;
    room.spool.prune({ open, known, before: day(10), maxBytes: all });
    expect(room.spool.text('first', 100)).toBe('output of first\n');
    for (const id of ['first', 'last', 'under-way']) {
      const writer = room.spool.open(id);
      writer.write('x'.repeat(1_000));
      writer.close();
    }
    utimesSync(join(spool, 'first.out'), 1, 1);
    room.spool.prune({ open, known, before: day(10), maxBytes: 2_500 });
    expect(room.spool.text('first', 100)).toBe('[what it printed is no longer kept]\n');
    expect(statSync(join(spool, 'first.out')).mode & 0o777).toBe(0o600);
    expect(room.spool.text('last', 14)).toBe('output of last');
    room.spool.prune({ open, known, before: day(10), maxBytes: 10 });
    expect(room.spool.text('under-way', 19)).toBe('output of under-way');
    expect(room.spool.text('last', 100)).toBe('[what it printed is no longer kept]\n');
    expect(existsSync(join(spool, 'last.out.new'))).toBe(false);
    room.close();
  });
});
