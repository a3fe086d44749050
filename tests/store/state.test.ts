import { describe, expect, it } from 'vitest';
import { type Issue, refKey, refOf } from '../../src/domain/entity.ts';
import { addMs } from '../../src/domain/instant.ts';
import { cardOf } from '../../src/store/selectors/card.ts';
import { lensQuery } from '../../src/store/selectors/subject.ts';
import { entityAt, initialState, reduceChanges, tickState } from '../../src/store/state.ts';
import { costRatio } from '../cost.ts';
import {
  coherence,
  hangs,
  orket,
  question,
  source,
  storyEntities,
  storyNow,
  storySnapshot,
  system,
} from '../views/sample-state.ts';

const story = reduceChanges(initialState, storySnapshot());
const later = addMs(storyNow, 1000);
const nothing = { reset: false, complete: true, upserts: [], removed: [], now: later } as const;

describe('what is known of the systems', () => {
  it('is loading until a snapshot is whole', () => {
    const half = reduceChanges(
      initialState,
      storySnapshot({ complete: false, upserts: storyEntities.slice(0, 3) }),
    );
    expect(half.phase).toBe('loading');
    expect(half.queue).toEqual([]);
    const whole = reduceChanges(half, { ...nothing, upserts: storyEntities.slice(3) });
    expect(whole.phase).toBe('live');
    expect(whole.lists.layer).toHaveLength(18);
    expect(entityAt(whole, refOf(hangs))).toBe(hangs);
  });

  it('keeps every part that a message does not touch', () => {
    const next = reduceChanges(story, nothing);
    expect(next.lists).toBe(story.lists);
    expect(next.queue).toBe(story.queue);
    expect(next.entities).toBe(story.entities);
    expect(next.departed).toBe(story.departed);
    expect(next.now).toBe(later);
  });

  it('keeps lists of other types, maps of other systems and items that read the same', () => {
    const next = reduceChanges(story, { ...nothing, upserts: [{ ...question, observedAt: later }] });
    expect(next.lists.approval).not.toBe(story.lists.approval);
    expect(next.lists.issue).toBe(story.lists.issue);
    expect(next.entities.get(coherence)).not.toBe(story.entities.get(coherence));
    expect(next.queue).toBe(story.queue);
  });

  it('never changes a state it was given', () => {
    const before = JSON.stringify([...story.entities].map(([key, map]) => [key, [...map.keys()]]));
    reduceChanges(story, { ...nothing, upserts: [{ ...hangs, id: 'x', key: 'x' }], removed: [refOf(hangs)] });
    expect(JSON.stringify([...story.entities].map(([key, map]) => [key, [...map.keys()]]))).toBe(before);
  });

  it('remembers what went away, until it comes back', () => {
    const gone = reduceChanges(story, { ...nothing, removed: [refOf(hangs)] });
    expect(entityAt(gone, refOf(hangs))).toBeUndefined();
    expect(gone.departed.get(refKey(refOf(hangs)))).toEqual({ entity: hangs, at: later });
    const back = reduceChanges(gone, { ...nothing, upserts: [hangs] });
    expect(back.departed.size).toBe(0);
  });

  it('keeps no more than two hundred of them', () => {
    const many = Array.from({ length: 300 }, (_, index) => ({ ...hangs, id: `i${index}`, key: `i${index}` }));
    const full = reduceChanges(story, { ...nothing, upserts: many });
    const empty = reduceChanges(full, { ...nothing, removed: many.map(refOf) });
    expect(empty.departed.size).toBe(200);
    expect(empty.departed.has(refKey(refOf(many[299]!)))).toBe(true);
  });

  it('forgets everything on a reset', () => {
    const next = reduceChanges(story, { ...nothing, reset: true, upserts: [hangs] });
    expect(next.lists.layer).toEqual([]);
    expect(next.queue.map((item) => item.kind)).toContain('issue');
    expect(next.lists.issue).toEqual([hangs]);
  });

  it('puts sources that are stale or unreadable into the queue, as rank 6', () => {
    const systems = [system(coherence, [source('tasks', 'log', 'stale'), source('off', 'http', 'off')])];
    const next = reduceChanges(initialState, storySnapshot({ systems, upserts: [] }));
    expect(next.queue).toMatchObject([{ kind: 'source', rank: 6, label: 'STALE' }]);
  });

  it('puts no source there whose trouble an item of the system tells, and only while it does', () => {
    const health = source('api.health', 'http', 'error', 'answered 503');
    const tasks = source('api.tasks', 'http', 'error', 'answered 401: the key is not accepted');
    const down: Issue = {
      ...hangs,
      system: coherence,
      attention: { rank: 2, label: 'DOWN', why: 'not ready', tells: ['api.health'] },
    };
    const told = reduceChanges(
      story,
      storySnapshot({ systems: [system(coherence, [health, tasks])], upserts: [down] }),
    );
    expect(told.queue.map(({ label, sources }) => [label, sources])).toEqual([
      ['DOWN', undefined],
      ['UNREAD', ['api.tasks']],
    ]);
    const gone = reduceChanges(told, { ...nothing, removed: [refOf(down)] });
    expect(gone.queue.map(({ label, sources }) => [label, sources])).toEqual([
      ['UNREAD', ['api.health', 'api.tasks']],
    ]);
  });

  it('puts one row per trouble of a system there, however many sources it takes along', () => {
    const down = (id: string, tries: number) =>
      source(id, 'http', 'stale', `connection refused (${tries} in a row)`);
    const statesOf = (...sources: ReturnType<typeof source>[]) =>
      reduceChanges(
        story,
        storySnapshot({
          systems: [system(coherence, sources), system(orket, [down('health', 1)])],
          upserts: [],
        }),
      );
    const torn = source('report', 'document', 'error', 'not readable by this user');
    const next = statesOf(down('api.tasks', 3), down('api.health', 5), torn);
    expect(next.queue.map((item) => [item.system, item.label, item.count, item.title, item.sources])).toEqual(
      [
        ['coherence', 'UNREAD', 1, 'source report: not readable by this user', ['report']],
        ['coherence', 'STALE', 2, 'source api.tasks: connection refused', ['api.tasks', 'api.health']],
        ['orket', 'STALE', 1, 'source health: connection refused', ['health']],
      ],
    );
    const [, both] = next.queue;
    expect(both?.why).toBe('connection refused');
    // The card names each of them, and the lens shows the lines of all.
    const facts = both ? cardOf(next, { item: both })?.facts : [];
    expect(facts?.map((fact) => fact.text)).toEqual([
      'connection refused (3 in a row)',
      'connection refused (5 in a row)',
    ]);
    expect(both && lensQuery({ item: both })).toEqual({
      systems: ['coherence'],
      sources: ['api.tasks', 'api.health'],
    });
    // Another try is no news; another address is.
    const later = statesOf(down('api.tasks', 4), down('api.health', 6), torn);
    expect(later.queue[1]?.revision).toBe(both?.revision);
    const worse = statesOf(down('api.tasks', 4), down('api.health', 6), down('api.state', 1), torn);
    expect(worse.queue[1]?.key).toBe(both?.key);
    expect(worse.queue[1]?.revision).not.toBe(both?.revision);
  });
});

describe('what is set aside', () => {
  const item = story.queue[0]!;
  const aside = { key: item.key, revision: item.revision, by: 'me', forGood: false };

  it('leaves the queue until it changes', () => {
    const next = reduceChanges(story, { ...nothing, asides: [aside] });
    expect(next.queue).toHaveLength(story.queue.length - 1);
    expect(next.aside).toEqual([item]);
    const changed = { ...hangs, attention: { ...hangs.attention!, label: 'WORSE' } };
    expect(reduceChanges(next, { ...nothing, upserts: [changed] }).aside).toEqual([]);
  });

  it('comes back when its time is over, without a message', () => {
    const next = reduceChanges(story, { ...nothing, asides: [{ ...aside, until: addMs(later, 5000) }] });
    expect(tickState(next, addMs(later, 4999))).toBe(next);
    expect(tickState(next, addMs(later, 5000)).aside).toEqual([]);
  });

  it('for good stays away whatever it becomes', () => {
    const next = reduceChanges(story, { ...nothing, asides: [{ ...aside, forGood: true }] });
    const changed = { ...hangs, attention: { ...hangs.attention!, label: 'WORSE' } };
    expect(reduceChanges(next, { ...nothing, upserts: [changed] }).aside).toHaveLength(1);
  });
});

describe('forty thousand entities', () => {
  it('come in slices of a thousand at a cost in proportion to that of four thousand', () => {
    const many = Array.from({ length: 40_000 }, (_, index) => ({
      ...hangs,
      id: `i${index}`,
      key: `i${index}`,
    }));
    const take = (size: number): typeof initialState => {
      let state = initialState;
      for (let from = 0; from < size; from += 1000) {
        state = reduceChanges(state, {
          ...nothing,
          reset: from === 0,
          complete: from + 1000 >= size,
          upserts: many.slice(from, from + 1000).map(({ attention: _none, ...rest }) => rest),
        });
      }
      return state;
    };
    expect(take(40_000).lists.issue).toHaveLength(40_000);
    const ratio = costRatio(
      () => take(4_000),
      () => take(40_000),
      3,
    );
    expect(ratio).toBeLessThan(40);
  });
});
