import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HistoryStore, openHistory } from '../../src/db/history-store.ts';
import { diffEntities } from '../../src/domain/diff.ts';
import type { Entity, Job, SystemId } from '../../src/domain/entity.ts';
import { moveText } from '../../src/domain/history.ts';
import { addMs, type Instant } from '../../src/domain/instant.ts';
import type { ProcessMark } from '../../src/domain/order.ts';
import { HistoryRecorder, type RecordedWatch } from '../../src/engine/history-recorder.ts';
import { manualClock } from '../../src/host/clock.ts';
import { NIGHT, temporaryDirectory } from '../db/temporary.ts';
import { millAt } from './mill.ts';

const system = 'mill' as SystemId;

/** What a cockpit watches, moved by hand; the record below it is a real one. */
class Watched {
  readonly located = millAt('/srv/mill');
  settled = true;
  entities: ReadonlyMap<string, Entity> = new Map();
  unread = false;
  /** When the file was last read; undefined: now. */
  readAt: Instant | undefined;
  summary(): ReturnType<RecordedWatch['summary']> {
    return {
      id: system,
      kind: 'mill',
      title: 'Mill',
      root: '/srv/mill',
      readOnly: false,
      state: 'ok',
      settled: true,
      sources: [
        {
          id: 'jobs',
          type: 'document',
          place: 'jobs.json',
          state: this.unread ? 'error' : 'fresh',
          items: 1,
          records: 0,
          badRecords: 0,
          unreadBytes: 0,
          ...(this.readAt === undefined ? {} : { lastReadAt: this.readAt }),
        },
      ],
    };
  }
}

function job(id: string, status: Job['status'], more: Partial<Job> = {}): Job {
  return {
    type: 'job',
    system,
    id,
    title: `job ${id}`,
    status,
    observedAt: NIGHT,
    evidence: { source: 'jobs', path: 'jobs.json' },
    ...more,
  };
}

let clock: ReturnType<typeof manualClock>;
let directory: string;
const ends: (() => void)[] = [];
const living = new Set<number>();

beforeEach(() => {
  clock = manualClock(NIGHT);
  directory = temporaryDirectory();
});
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
  living.clear();
});

class Cockpit {
  readonly watched = new Watched();
  readonly store: HistoryStore;
  readonly recorder: HistoryRecorder;
  readonly self: ProcessMark;
  readonly found: string[] = [];
  constructor(pid: number) {
    living.add(pid);
    this.self = { pid, startedAt: NIGHT };
    this.store = openHistory({ directory, now: NIGHT });
    this.recorder = new HistoryRecorder({
      store: this.store,
      clock,
      self: this.self,
      mask: (text) => text.replaceAll('hunter2', '***'),
      isAlive: (holder) => living.has(holder.pid),
      onFound: (changes) => this.found.push(...changes.map((one) => `${one.ref.id} ${moveText(one)}`)),
      onTrouble: () => {},
    });
    ends.push(() => this.store.close());
  }
  see(...entities: Entity[]): void {
    const { diff, next } = diffEntities(this.watched.entities, entities);
    this.watched.entities = next;
    this.recorder.take(this.watched, diff);
  }
  /** As kill -9 leaves it: no lease given back, nothing written any more. */
  kill(): void {
    living.delete(this.self.pid);
    this.store.close();
  }
}

function rows(): string[] {
  const store = openHistory({ directory, now: NIGHT });
  try {
    return store.changes({ limit: 100_000 }).map((one) => `${one.ref.id} ${moveText(one)}`);
  } finally {
    store.close();
  }
}

describe('one cockpit', () => {
  it('records what moves, and not what was there at its first look', () => {
    const cockpit = new Cockpit(1);
    cockpit.see(job('a', 'queued'), job('b', 'running', { attempts: 1 }));
    clock.advance(1000);
    expect(rows()).toEqual([]);
    cockpit.see(job('a', 'running'), job('b', 'running', { attempts: 2 }), job('c', 'queued'));
    clock.advance(200);
    cockpit.see(job('a', 'running'), job('c', 'queued'));
    clock.advance(200);
    expect(rows().sort()).toEqual([
      'a queued -> running',
      'b gone (was running)',
      'b running, attempts 1 -> 2',
      'c queued',
    ]);
  });

  it('records a state that came and went between two writes', () => {
    const cockpit = new Cockpit(1);
    cockpit.see(job('a', 'queued'));
    clock.advance(1000);
    cockpit.see(job('a', 'running'));
    clock.advance(5);
    cockpit.see(job('a', 'queued'));
    clock.advance(5);
    cockpit.see(job('a', 'running'));
    clock.advance(1000);
    expect(rows()).toEqual(['a queued -> running', 'a running -> queued', 'a queued -> running']);
  });

  it("takes the system's own time of a change, and its own of when it looked where there is none", () => {
    const cockpit = new Cockpit(1);
    cockpit.see(job('a', 'running'), job('b', 'queued'));
    clock.advance(60_000);
    cockpit.see(job('a', 'failed', { updatedAt: addMs(NIGHT, 50_000) }), job('b', 'running'));
    clock.advance(200);
    const [a, b] = cockpit.store.changes({});
    expect(a).toMatchObject({ at: addMs(NIGHT, 50_000), seenAt: addMs(NIGHT, 60_000), weight: 'error' });
    expect(b).toMatchObject({ at: addMs(NIGHT, 60_000), seenAt: addMs(NIGHT, 60_000) });
    expect(a?.notBefore).toBeUndefined();
  });

  it('does not date a return before the departure, whatever the system says', () => {
    const cockpit = new Cockpit(1);
    const open = job('a', 'blocked', { updatedAt: addMs(NIGHT, -5000) });
    cockpit.see(open);
    clock.advance(1000);
    cockpit.see();
    clock.advance(1000);
    cockpit.see(open);
    clock.advance(1000);
    const times = cockpit.store.changes({}).map((one) => [moveText(one), one.at - NIGHT]);
    expect(times).toEqual([
      ['gone (was blocked)', 1000],
      ['blocked', 2000],
    ]);
  });

  it('stores no secret it knows', () => {
    const cockpit = new Cockpit(1);
    const secret = { title: 'job with hunter2', evidence: { source: 'jobs', text: 'key=hunter2' } };
    cockpit.see(job('a', 'queued', secret));
    clock.advance(1000);
    cockpit.see(job('a', 'running', { ...secret, nativeStatus: 'hunter2' }));
    clock.advance(1000);
    expect(rows()).toEqual(['a queued -> running, native ***']);
    cockpit.recorder.close();
    cockpit.store.close();
    const bytes = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'latin1'));
    expect(bytes.join('')).not.toContain('hunter2');
    expect(bytes.join('')).toContain('key=***');
  });

  it('records nothing before every source was read once', () => {
    const cockpit = new Cockpit(1);
    cockpit.watched.settled = false;
    cockpit.see(job('a', 'queued'));
    cockpit.see(job('a', 'running'), job('b', 'queued'));
    clock.advance(1000);
    cockpit.watched.settled = true;
    cockpit.see(job('a', 'running'), job('b', 'queued'));
    clock.advance(1000);
    expect(rows()).toEqual([]);
  });
});

describe('after a restart', () => {
  function watchedBefore(...entities: Entity[]): void {
    const before = new Cockpit(1);
    before.see(...entities);
    clock.advance(1000);
    before.recorder.close();
    before.store.close();
    living.delete(1);
  }

  it('what moved meanwhile is recorded once, between the times somebody looked', () => {
    watchedBefore(job('a', 'running'), job('b', 'running'), job('c', 'queued'));
    clock.advance(600_000);
    const after = new Cockpit(2);
    after.see(job('a', 'done', { updatedAt: addMs(NIGHT, 300_000) }), job('b', 'queued'));
    clock.advance(1000);
    expect(after.store.changes({}).map((one) => [one.ref.id, moveText(one), one.notBefore])).toEqual([
      ['a', 'running -> done', undefined],
      ['b', 'running -> queued', addMs(NIGHT, 1000)],
      ['c', 'gone (was queued)', addMs(NIGHT, 1000)],
    ]);
    expect(after.found).toHaveLength(3);
    after.recorder.close();
    const third = new Cockpit(3);
    third.see(job('a', 'done', { updatedAt: addMs(NIGHT, 300_000) }), job('b', 'queued'));
    clock.advance(1000);
    expect(rows()).toHaveLength(3);
  });

  it('a thing whose source can not be read is not gone', () => {
    watchedBefore(job('a', 'running'));
    clock.advance(1000);
    const after = new Cockpit(2);
    after.watched.unread = true;
    after.see();
    clock.advance(1000);
    expect(rows()).toEqual([]);
  });

  it('more things than one slice holds are all compared', () => {
    const many = (status: Job['status']): Job[] =>
      Array.from({ length: 1700 }, (_, index) => job(`j${index}`, status));
    watchedBefore(...many('queued'));
    clock.advance(5000);
    const after = new Cockpit(2);
    after.see(...many('running').slice(0, 1200));
    clock.advance(2000);
    const texts = rows().map((row) => row.split(' ').slice(1).join(' '));
    expect(texts.filter((text) => text === 'queued -> running')).toHaveLength(1200);
    expect(texts.filter((text) => text === 'gone (was queued)')).toHaveLength(500);
  });
});

describe('two cockpits', () => {
  it('write each change once; the second takes over where the first was killed, and repeats nothing', () => {
    const first = new Cockpit(1);
    const second = new Cockpit(2);
    const both = (...entities: Entity[]): void => {
      first.see(...entities);
      // The other one looks a little later.
      clock.advance(40);
      second.see(...entities);
    };
    both(job('a', 'queued'), job('b', 'queued'));
    clock.advance(3000);
    both(job('a', 'running'), job('b', 'queued'));
    clock.advance(500);
    expect([first.recorder.leads(system), second.recorder.leads(system)]).toEqual([true, false]);
    expect(rows()).toEqual(['a queued -> running']);
    // Seen by both, written by nobody: the first is killed before its next write.
    both(job('a', 'done'), job('b', 'queued'));
    first.kill();
    clock.advance(300);
    second.see(job('a', 'done'), job('b', 'running'));
    second.see(job('a', 'done'), job('b', 'done'));
    clock.advance(1700);
    expect(second.recorder.leads(system)).toBe(true);
    expect(rows()).toEqual([
      'a queued -> running',
      'a running -> done',
      'b queued -> running',
      'b running -> done',
    ]);
  });

  it('one that has not read yet what the killed one saw takes nothing back', () => {
    const first = new Cockpit(1);
    const second = new Cockpit(2);
    first.see(job('a', 'queued'));
    second.see(job('a', 'queued'));
    clock.advance(1000);
    second.watched.readAt = clock.now();
    clock.advance(5);
    first.see(job('a', 'running'), job('b', 'queued'));
    clock.advance(200);
    first.kill();
    clock.advance(700);
    expect(second.recorder.leads(system)).toBe(true);
    second.watched.readAt = undefined;
    second.see(job('a', 'running'), job('b', 'queued'));
    clock.advance(5000);
    expect(rows().sort()).toEqual(['a queued -> running', 'b queued']);
  });

  it('one that has read, but did not see how it came, records it at its second look', () => {
    const first = new Cockpit(1);
    first.see(job('a', 'queued'), job('b', 'queued'), job('c', 'queued'));
    clock.advance(1000);
    first.see(job('a', 'running'), job('b', 'queued'), job('c', 'running'));
    clock.advance(200);
    first.kill();
    const second = new Cockpit(2);
    second.watched.readAt = clock.now();
    second.see(job('a', 'done'), job('b', 'queued'));
    clock.advance(600);
    expect(rows()).toHaveLength(2);
    clock.advance(3000);
    expect(rows().slice(2)).toEqual(['a running -> done', 'c gone (was running)']);
  });

  it('the first to end lets the other write at its next look', () => {
    const first = new Cockpit(1);
    const second = new Cockpit(2);
    first.see(job('a', 'queued'));
    second.see(job('a', 'queued'));
    clock.advance(1000);
    first.recorder.close();
    clock.advance(500);
    expect(second.recorder.leads(system)).toBe(true);
  });

  it('one that stood still finds the lease with another, and does not write', () => {
    const first = new Cockpit(1);
    first.see(job('a', 'queued'));
    clock.advance(1000);
    const store = openHistory({ directory, now: NIGHT });
    ends.push(() => store.close());
    const row = store.findSystem(system, '/srv/mill') ?? 0;
    const later = addMs(clock.now(), 11_000);
    expect(store.lease.take(row, { pid: 9, startedAt: NIGHT }, later, () => true)).toMatchObject({
      held: true,
      gained: true,
    });
    first.see(job('a', 'running'));
    clock.advance(150);
    expect(first.recorder.leads(system)).toBe(false);
    expect(rows()).toEqual([]);
  });
});

describe('a record that can not be written', () => {
  it('keeps what it saw and says how much waits, then writes it', () => {
    const cockpit = new Cockpit(1);
    cockpit.see(job('a', 'queued'));
    clock.advance(1000);
    const limit = refuseChanges();
    cockpit.see(...Array.from({ length: 400 }, (_, index) => job(`n${index}`, 'queued')));
    clock.advance(200);
    expect(cockpit.recorder.trouble).toMatch(
      /HISTORY NOT WRITTEN: database or disk is full; 401 changes wait/,
    );
    limit.lift();
    clock.advance(2000);
    expect(cockpit.recorder.trouble).toBeUndefined();
    expect(rows()).toHaveLength(401);
  });

  it('counts what it had to give up, and the record has the hole', () => {
    const cockpit = new Cockpit(1);
    cockpit.see();
    clock.advance(1000);
    const limit = refuseChanges();
    cockpit.see(job('n0', 'queued'));
    clock.advance(200);
    cockpit.see(...Array.from({ length: 20_100 }, (_, index) => job(`n${index}`, 'queued')));
    clock.advance(200);
    expect(cockpit.recorder.trouble).toMatch(/20000 changes wait, 100 lost/);
    limit.lift();
    clock.advance(5000);
    expect(rows().length).toBe(20_000);
    expect(cockpit.store.remarks.list({})).toMatchObject([
      { kind: 'gap', text: expect.stringMatching(/^100 changes between .* were not recorded: .*full/) },
    ]);
  });
});

/** Makes the record refuse every change, as a full disk does, until `lift`. */
function refuseChanges(): { lift(): void } {
  const database = new Database(join(directory, 'history.db'));
  database.exec(
    "CREATE TRIGGER full BEFORE INSERT ON changes BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
  );
  return {
    lift() {
      database.exec('DROP TRIGGER full');
      database.close();
    },
  };
}
