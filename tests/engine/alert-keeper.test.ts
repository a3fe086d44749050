/** Which events arise from the engine's messages, with the record of watches on disk. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { openHostStore } from '../../src/db/host-store.ts';
import type { Alert } from '../../src/domain/alert.ts';
import type { Approval, Entity, Issue, Job, Ref, SystemId } from '../../src/domain/entity.ts';
import { refKey } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import { AlertKeeper } from '../../src/engine/alert-keeper.ts';
import type { StateChanges, SystemSummary } from '../../src/engine/protocol.ts';
import { WatchList } from '../../src/engine/watch-list.ts';
import { manualClock } from '../../src/host/clock.ts';
import { NIGHT, temporaryDirectory } from '../db/temporary.ts';

const SYSTEM = 'mill' as SystemId;
const base = { system: SYSTEM, observedAt: NIGHT, evidence: { source: 'board' } };
const minutes = (count: number): number => count * 60_000;

function job(status: Job['status'], more: Partial<Job> = {}): Job {
  return { ...base, type: 'job', id: 'j1', title: 'grind', status, ...more };
}

function issue(id: string, more: Partial<Issue> = {}): Issue {
  const since = addMs(NIGHT, -minutes(5));
  return {
    ...base,
    type: 'issue',
    id,
    key: id,
    title: id,
    severity: 'fatal',
    status: 'open',
    since,
    ...more,
  };
}

function approval(id: string, more: Partial<Approval> = {}): Approval {
  return {
    ...base,
    type: 'approval',
    id,
    title: id,
    ask: 'approve',
    status: 'pending',
    answerable: true,
    decisions: [],
    requestedAt: NIGHT,
    ...more,
  };
}

const JOB: Ref = { system: SYSTEM, type: 'job', id: 'j1' };

function summary(settled: boolean): SystemSummary {
  return {
    id: SYSTEM,
    kind: 'custom',
    title: 'Mill',
    root: '/srv/mill',
    readOnly: false,
    state: 'ok',
    sources: [],
    settled,
  };
}

interface Cockpit {
  readonly clock: ReturnType<typeof manualClock>;
  readonly watches: WatchList;
  /** Events told since asked last, as `on text`. */
  told(): readonly string[];
  readonly alerts: Alert[];
  say(changes: Partial<StateChanges>): void;
  /** Says that everything was read. */
  settle(...entities: Entity[]): Promise<void>;
  trouble: boolean;
}

function openCockpit(
  directory: string,
  more: {
    clock?: ReturnType<typeof manualClock>;
    within?: readonly number[];
    usualMs?: number;
    by?: string;
  } = {},
): Cockpit {
  const store = openHostStore({ directory, now: NIGHT });
  onTestFinished(() => store.close());
  const clock = more.clock ?? manualClock(NIGHT);
  const alerts: Alert[] = [];
  let read = 0;
  const watches = new WatchList({
    store: store.watches,
    by: more.by ?? 'alice',
    now: () => clock.now(),
    entity: (ref) => keeper.entity(refKey(ref)),
    reading: (system) => (!keeper.isKnown(system) ? 'unread' : cockpit.trouble ? 'partly' : 'read'),
    usualStayMs: () => more.usualMs,
  });
  const keeper: AlertKeeper = new AlertKeeper({
    clock,
    watches,
    withinMs: more.within ?? [],
    emit: (some) => alerts.push(...some),
  });
  onTestFinished(() => keeper.close());
  const cockpit: Cockpit = {
    clock,
    watches,
    alerts,
    trouble: false,
    told() {
      const rest = alerts.slice(read);
      read = alerts.length;
      return rest.map((alert) => `${alert.isOld ? 'old ' : ''}${alert.on} ${alert.text}`);
    },
    say: (changes) =>
      keeper.take({ reset: false, complete: true, now: clock.now(), upserts: [], removed: [], ...changes }),
    async settle(...entities) {
      cockpit.say({ reset: true, upserts: entities, systems: [summary(true)], acts: [], asides: [] });
      await Promise.resolve();
    },
  };
  return cockpit;
}

describe('the first look', () => {
  it('tells what was so before as old, and what comes then as new', async () => {
    const cockpit = openCockpit(temporaryDirectory());
    cockpit.say({ upserts: [issue('early')], systems: [summary(false)] });
    // Entities of an address that answers late are still part of it, in as many slices as there are.
    cockpit.say({ upserts: [approval('late')], systems: [summary(true)] });
    cockpit.say({ upserts: [issue('last slice')], systems: [summary(true)] });
    expect(cockpit.told()).toEqual([]);
    await Promise.resolve();
    expect(cockpit.alerts.map(({ title, isOld }) => [title, isOld])).toEqual([
      ['early', true],
      ['late', true],
      ['last slice', true],
    ]);
    cockpit.told();
    cockpit.say({ upserts: [issue('new')] });
    expect(cockpit.alerts.at(-1)).toMatchObject({ title: 'new' });
    expect(cockpit.told()).toEqual(['fatal nothing moves']);
  });

  it('takes acts that ended before for old news, and only those whose result nobody saw', async () => {
    const act = (order: string, more: object): NonNullable<StateChanges['acts']>[number] => ({
      order,
      act: 'job.retry',
      title: 'Retry',
      target: JOB,
      targetTitle: 'grind',
      status: 'verified',
      attempt: 1,
      startedAt: NIGHT,
      by: 'bob',
      stages: [],
      ...more,
    });
    const cockpit = openCockpit(temporaryDirectory());
    const acts = [
      act('1', {}),
      act('2', { status: 'unknown', unseen: true }),
      act('3', { status: 'running' }),
    ];
    cockpit.say({ acts, systems: [summary(true)] });
    expect(cockpit.told()).toEqual(['old act Retry by bob: outcome unknown, a person must settle it']);
    cockpit.say({
      acts: [acts[0], acts[1], act('3', {}), act('4', { status: 'failed' })].flatMap((one) => one ?? []),
    });
    expect(cockpit.told()).toEqual(['act Retry by bob: verified', 'act Retry by bob: failed']);
    cockpit.say({ acts: [act('3', {}), act('4', { status: 'failed' })] });
    expect(cockpit.told()).toEqual([]);
  });
});

describe('an item that flickers', () => {
  it('rings once an occasion, and where that is not known once an hour', async () => {
    const cockpit = openCockpit(temporaryDirectory());
    await cockpit.settle(issue('stood'));
    cockpit.told();
    const { since: _none, ...timeless } = issue('timeless');
    const flicker = (entity: Entity): void => {
      cockpit.say({ removed: [{ system: SYSTEM, type: entity.type, id: entity.id }] });
      cockpit.say({ upserts: [entity] });
    };
    for (let count = 0; count < 5; count += 1)
      for (const entity of [issue('stood'), issue('came'), timeless]) flicker(entity);
    expect(cockpit.alerts.slice(1).map(({ title }) => title)).toEqual(['came', 'timeless']);
    cockpit.clock.advance(minutes(61));
    for (const entity of [issue('came'), timeless]) flicker(entity);
    expect(cockpit.alerts.slice(3).map(({ title }) => title)).toEqual(['timeless']);
    flicker(issue('came', { since: cockpit.clock.now() }));
    expect(cockpit.alerts.slice(4).map(({ title }) => title)).toEqual(['came']);
  });
});

describe('what is set aside', () => {
  it('does not ring until it is brought back', async () => {
    const cockpit = openCockpit(temporaryDirectory(), { within: [minutes(15)] });
    await cockpit.settle();
    const attention = {
      rank: 2,
      label: 'FATAL',
      why: 'it stands',
      until: addMs(NIGHT, minutes(30)),
    } as const;
    const noisy = issue('noisy', { attention });
    const aside = { key: `${SYSTEM}/issue/noisy`, revision: 'x', forGood: true, by: 'bob' };
    cockpit.say({ asides: [aside], upserts: [noisy] });
    cockpit.clock.advance(minutes(20));
    expect(cockpit.told()).toEqual([]);
    cockpit.say({ asides: [], upserts: [issue('other', { attention })] });
    // Brought back, its deadline counts again; that it is there is no news.
    expect(cockpit.alerts.map(({ title, on }) => `${title} ${on}`)).toEqual([
      'other fatal',
      'noisy deadline',
      'other deadline',
    ]);
  });
});

describe('a deadline', () => {
  it('is told once for each time that is asked for, when it comes within reach and nothing else happens', async () => {
    const cockpit = openCockpit(temporaryDirectory(), { within: [minutes(15), minutes(5)] });
    await cockpit.settle(
      approval('a', { expiresAt: addMs(NIGHT, minutes(60)), onExpiry: 'counts as denied' }),
    );
    cockpit.told();
    cockpit.clock.advance(minutes(44));
    expect(cockpit.told()).toEqual([]);
    cockpit.clock.advance(minutes(1));
    expect(cockpit.told()).toEqual(['deadline 15 min left: counts as denied']);
    cockpit.say({ upserts: [approval('a', { title: 'b', expiresAt: addMs(NIGHT, minutes(60)) })] });
    cockpit.clock.advance(minutes(10));
    expect(cockpit.told()).toEqual(['deadline 5 min left: it is over then']);
    cockpit.clock.advance(minutes(30));
    expect(cockpit.told()).toEqual([]);
  });

  it('that is put off is told again, and one that was decided is not', async () => {
    const cockpit = openCockpit(temporaryDirectory(), { within: [minutes(15)] });
    await cockpit.settle(
      approval('a', { expiresAt: addMs(NIGHT, minutes(20)) }),
      approval('b', { expiresAt: addMs(NIGHT, minutes(20)) }),
    );
    cockpit.told();
    cockpit.say({ upserts: [approval('b', { status: 'decided', expiresAt: addMs(NIGHT, minutes(20)) })] });
    cockpit.clock.advance(minutes(10));
    expect(cockpit.alerts.filter(({ on }) => on === 'deadline').map(({ title }) => title)).toEqual(['a']);
    cockpit.told();
    cockpit.say({ upserts: [approval('a', { expiresAt: addMs(NIGHT, minutes(90)) })] });
    cockpit.clock.advance(minutes(70));
    expect(cockpit.told()).toEqual(['deadline 15 min left: it is over then']);
  });
});

describe('a watch', () => {
  it('tells each move and the end, with which it ends', async () => {
    const cockpit = openCockpit(temporaryDirectory());
    await cockpit.settle(job('queued'));
    expect(cockpit.watches.begin(JOB)).toBeUndefined();
    cockpit.say({ upserts: [job('queued', { attempts: 2 })] });
    expect(cockpit.told()).toEqual([]);
    cockpit.say({ upserts: [job('running')] });
    cockpit.say({ upserts: [job('failed')] });
    cockpit.say({ upserts: [job('running')] });
    cockpit.say({ upserts: [job('done')] });
    cockpit.say({ upserts: [job('running')] });
    expect(cockpit.told()).toEqual([
      'watch moved: queued -> running',
      'watch moved: running -> failed',
      'watch moved: failed -> running',
      'watch ended: running -> done',
    ]);
    expect(new Set(cockpit.alerts.map(({ id }) => id)).size).toBe(4);
    expect(cockpit.alerts[1]?.severity).toBe('error');
    expect(cockpit.watches.entries()).toMatchObject([{ state: 'done', moves: 3, endedAt: NIGHT }]);
  });

  it('ends when the item is gone', async () => {
    const cockpit = openCockpit(temporaryDirectory());
    await cockpit.settle(job('running'));
    cockpit.watches.begin(JOB);
    cockpit.say({ removed: [JOB] });
    expect(cockpit.told()).toEqual(['watch ended: it is gone (was running)']);
  });

  it('is refused for what has ended or is not there, and can be taken back', async () => {
    const cockpit = openCockpit(temporaryDirectory());
    await cockpit.settle(job('done'));
    expect(cockpit.watches.begin(JOB)).toBe('it has ended: done');
    expect(cockpit.watches.begin({ ...JOB, id: 'none' })).toBe('it is no longer there');
    cockpit.say({ upserts: [job('running')] });
    cockpit.watches.begin(JOB);
    cockpit.watches.end(JOB);
    cockpit.say({ upserts: [job('failed')] });
    expect(cockpit.told()).toEqual([]);
    expect(cockpit.watches.entries()).toEqual([]);
  });

  it('is told once when the item stays longer than usual, and again after its next move', async () => {
    const cockpit = openCockpit(temporaryDirectory(), { usualMs: minutes(30) });
    await cockpit.settle(job('running'));
    cockpit.watches.begin(JOB);
    cockpit.say({ upserts: [job('running', { attempts: 1 })] });
    cockpit.clock.advance(minutes(29));
    expect(cockpit.told()).toEqual([]);
    cockpit.clock.advance(minutes(90));
    expect(cockpit.told()).toEqual(['watch has not moved: running for 30 min, usually at most 30 min']);
    cockpit.say({ upserts: [job('waiting')] });
    cockpit.clock.advance(minutes(31));
    expect(cockpit.told()).toEqual([
      'watch moved: running -> waiting',
      'watch has not moved: waiting for 30 min, usually at most 30 min',
    ]);
  });

  it('survives a restart, and tells what moved or ended while nobody looked', async () => {
    const directory = temporaryDirectory();
    const first = openCockpit(directory);
    await first.settle(job('running'), job('running', { id: 'j2' }));
    first.watches.begin(JOB);
    first.watches.begin({ ...JOB, id: 'j2' });

    const second = openCockpit(directory);
    second.say({ upserts: [job('failed')], systems: [summary(false)] });
    expect(second.told()).toEqual([]);
    await second.settle(job('failed'));
    expect(second.told()).toEqual([
      'watch moved: running -> failed',
      'watch ended: it is gone (was running)',
    ]);
    const third = openCockpit(directory);
    await third.settle(job('failed'));
    expect(third.told()).toEqual([]);
  });

  it('does not end because what it stands in can not be read', async () => {
    const directory = temporaryDirectory();
    const first = openCockpit(directory);
    await first.settle(job('running'));
    first.watches.begin(JOB);
    const second = openCockpit(directory);
    second.trouble = true;
    await second.settle();
    expect(second.told()).toEqual([]);
    second.trouble = false;
    second.say({ upserts: [job('done')] });
    expect(second.told()).toEqual(['watch ended: running -> done']);
  });

  it('is seen by all cockpits of its user, each of which tells it under the same id, and by nobody else', async () => {
    const directory = temporaryDirectory();
    const cockpits = [
      openCockpit(directory),
      openCockpit(directory),
      openCockpit(directory, { by: 'bob' }),
    ] as const;
    for (const cockpit of cockpits) await cockpit.settle(job('queued'));
    cockpits[0].watches.begin(JOB);
    for (const { watches } of cockpits) watches.reload();
    for (const status of ['running', 'failed', 'running', 'done'] as const) {
      for (const cockpit of cockpits) {
        cockpit.say({ upserts: [job(status)] });
        cockpit.watches.reload();
      }
    }
    const ids = cockpits.map(({ alerts }) => alerts.map(({ id }) => id));
    expect(ids[0]).toHaveLength(4);
    expect(ids[1]).toEqual(ids[0]);
    expect(ids[2]).toEqual([]);
  });

  it('keeps one id a move where one cockpit missed a state between', async () => {
    const directory = temporaryDirectory();
    const [quick, slow] = [openCockpit(directory), openCockpit(directory)];
    for (const cockpit of [quick, slow]) await cockpit.settle(job('queued'));
    quick.watches.begin(JOB);
    slow.watches.reload();
    for (const status of ['running', 'failed'] as const) quick.say({ upserts: [job(status)] });
    slow.say({ upserts: [job('failed')] });
    // The quick one is closed; what the slow one sees next is new to the host.
    slow.say({ upserts: [job('running')] });
    const told = quick.alerts.map(({ id }) => id);
    expect(told).toContain(slow.alerts[0]?.id);
    expect(told).not.toContain(slow.alerts[1]?.id);
  });
});
