import { describe, expect, it } from 'vitest';
import type { Approval, Entity, Issue, Job, Meter, SystemId } from '../../src/domain/entity.ts';
import { changeOf, changeText, type KnownState, unrecorded, usualStay } from '../../src/domain/history.ts';
import { addMs, type Instant, instant } from '../../src/domain/instant.ts';
import { sightingOf, sinceOf, stateOf, type Traits, weightOf } from '../../src/domain/sighting.ts';

const NIGHT = instant(Date.UTC(2026, 10, 20, 3, 0, 0));
const system = 'mill' as SystemId;
const base = { system, id: 'a', title: 'a', observedAt: NIGHT, evidence: { source: 's' } };
const at = (seconds: number): Instant => addMs(NIGHT, seconds * 1000);

function job(status: Job['status'], more: Partial<Job> = {}): Job {
  return { ...base, type: 'job', status, ...more };
}
function known(state: string, seconds: number, traits: Traits = {}): KnownState {
  return { state, traits, seenAt: at(seconds) };
}

describe('the state of a thing', () => {
  it('is a word that does not move with its value', () => {
    const meter: Meter = { ...base, type: 'meter', name: 'cost', value: 3, unit: 'USD', status: 'warning' };
    expect(stateOf(meter)).toBe('warning');
  });

  it('began when its system says so, and not when that says something else', () => {
    expect(sinceOf(job('failed', { updatedAt: at(1) }))).toBe(at(1));
    // The heartbeat of a running job moves this time on.
    expect(sinceOf(job('running', { updatedAt: at(1), createdAt: at(0) }))).toBeUndefined();
    expect(sinceOf(job('queued', { createdAt: at(0) }))).toBe(at(0));
    expect(sinceOf(job('queued', { createdAt: at(0), attempts: 1 }))).toBeUndefined();
    const approval: Approval = {
      ...base,
      type: 'approval',
      ask: 'approve',
      status: 'pending',
      answerable: true,
      decisions: [],
      requestedAt: at(1),
      expiresAt: at(9),
    };
    expect([sinceOf(approval), sinceOf({ ...approval, status: 'expired' })]).toEqual([at(1), at(9)]);
  });

  it('is as bad as its severity or its rank', () => {
    const issue: Issue = { ...base, type: 'issue', key: 'a', severity: 'fatal', status: 'open' };
    const ranked = (rank: 1 | 2 | 3): Entity => job('waiting', { attention: { rank, label: 'X', why: '' } });
    expect([issue, ranked(2), ranked(1), ranked(3), job('failed'), job('done')].map(weightOf)).toEqual([
      'fatal',
      'fatal',
      'error',
      'warning',
      'error',
      'info',
    ]);
  });
});

describe('a change', () => {
  const text = (before: Job, after: Job): string | undefined => {
    const first = sightingOf(before, at(0), false);
    const change = changeOf(
      { state: first.state, traits: first.traits, seenAt: at(0) },
      sightingOf(after, at(10), true),
      undefined,
    );
    return change && changeText(change);
  };

  it('is told in words, with what matters beside the state', () => {
    const stalled = { rank: 4 as const, label: 'STALLED', why: '' };
    expect(text(job('queued'), job('running', { attempts: 1 }))).toBe('job a: queued -> running, attempts 1');
    expect(text(job('running'), job('running', { attention: stalled }))).toBe('job a: running, now STALLED');
    expect(text(job('running', { attention: stalled }), job('running'))).toBe(
      'job a: running, no longer STALLED',
    );
    expect(
      text(job('running', { heartbeatAt: at(1) }), job('running', { heartbeatAt: at(2) })),
    ).toBeUndefined();
  });

  it('does not take a time of the future, nor one before the state it ends', () => {
    const change = (updatedAt: Instant): Instant | undefined =>
      changeOf(
        { ...known('running', 0), since: at(0) },
        sightingOf(job('failed', { updatedAt }), at(10), true),
        undefined,
      )?.at;
    expect([change(at(5)), change(at(-5)), change(at(600))]).toEqual([at(5), at(10), at(10)]);
  });

  it('of something never seen before is news only when it says it came since somebody watched', () => {
    const found = (updatedAt: Instant | undefined, watchedUntil: Instant | undefined): boolean =>
      changeOf(
        undefined,
        sightingOf(job('failed', updatedAt === undefined ? {} : { updatedAt }), at(100), false),
        watchedUntil,
      ) !== undefined;
    expect(found(at(50), at(10))).toBe(true);
    expect(found(at(5), at(10))).toBe(false);
    expect(found(undefined, at(10))).toBe(false);
    expect(found(at(50), undefined)).toBe(false);
  });
});

describe('what another cockpit did not get to', () => {
  const chain = (...states: [string, number][]): ReturnType<typeof sightingOf>[] => {
    let before = 'queued';
    return states.map(([state, seconds]) => {
      const sighting = {
        ...sightingOf(job(state as Job['status']), at(seconds), true),
        before: { state: before, traits: {} },
      };
      before = state;
      return sighting;
    });
  };
  const left = (record: KnownState | undefined, ...states: [string, number][]): string[] =>
    unrecorded(chain(...states), record).map(({ state }) => state);

  it('is what follows its last record', () => {
    expect(left(known('running', 1.1), ['running', 1], ['done', 2])).toEqual(['done']);
    expect(left(known('done', 1.9), ['running', 1], ['done', 2])).toEqual([]);
    expect(left(known('queued', 0), ['running', 1], ['done', 2])).toEqual(['running', 'done']);
    expect(left(undefined, ['running', 1])).toEqual(['running']);
  });

  it('is told by time where a thing came back to a state', () => {
    const round: [string, number][] = [
      ['running', 1],
      ['done', 2],
      ['queued', 3],
    ];
    expect(left(known('queued', 0.5), ...round)).toEqual(['running', 'done', 'queued']);
    expect(left(known('queued', 3.1), ...round)).toEqual([]);
  });
});

describe('a usual stay', () => {
  it('needs five, and is what nine of ten took at most', () => {
    expect(usualStay([1, 2, 3, 4])).toBeUndefined();
    expect(usualStay([5, 1, 4, 2, 3])).toBe(5);
    expect(usualStay(Array.from({ length: 100 }, (_, index) => 100 - index))).toBe(90);
  });
});
