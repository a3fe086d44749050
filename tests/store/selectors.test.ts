import { describe, expect, it } from 'vitest';
import { menuOfAct } from '../../src/domain/act-menu.ts';
import type { AttentionItem } from '../../src/domain/attention.ts';
import { newDesk } from '../../src/store/desk.ts';
import { keyOfItem } from '../../src/store/selectors/act-key.ts';
import { cardOf, placeOf } from '../../src/store/selectors/card.ts';
import { selectCounts, selectFreshness } from '../../src/store/selectors/header.ts';
import { selectPipeline } from '../../src/store/selectors/pipeline.ts';
import { arrangeQueue, emptyQueue } from '../../src/store/selectors/queue.ts';
import { lensQuery, subjectOf } from '../../src/store/selectors/subject.ts';
import { selectWork } from '../../src/store/selectors/work.ts';
import { initialState, reduceChanges } from '../../src/store/state.ts';
import {
  coherence,
  hangs,
  orket,
  question,
  source,
  storyNow,
  storySnapshot,
  system,
} from '../views/sample-state.ts';

const story = reduceChanges(initialState, storySnapshot());

describe('selectors', () => {
  it('give the same object again when nothing they look at changed', () => {
    const next = reduceChanges(story, {
      reset: false,
      complete: true,
      upserts: [],
      removed: [],
      now: storyNow,
    });
    expect(selectCounts(next.queue, next.lists, next.aside)).toBe(
      selectCounts(story.queue, story.lists, story.aside),
    );
    expect(selectWork(next.lists)).toBe(selectWork(story.lists));
    expect(selectFreshness(next.systems)).toBe(selectFreshness(story.systems));
    const queue = arrangeQueue(emptyQueue, story, newDesk(120, 40), storyNow);
    expect(arrangeQueue(queue, next, newDesk(120, 40), storyNow)).toBe(queue);
  });

  it('count what a first look must tell', () => {
    expect(selectCounts(story.queue, story.lists, story.aside)).toMatchObject({
      fatal: 2,
      waiting: 1,
      stalled: 0,
      running: 1,
      aside: 0,
      meter: { id: 'cost' },
    });
  });

  it('count fresh sources, and leave out those that are off, waited for, or over their own limit', () => {
    const systems = [
      system(coherence, [
        source('a', 'log'),
        source('b', 'document', 'error'),
        source('c', 'http', 'stale'),
        source('d', 'http', 'off'),
        source('e', 'log', 'waiting'),
        source('f', 'http', 'limited'),
      ]),
    ];
    expect(selectFreshness(systems)).toMatchObject({
      fresh: 1,
      total: 3,
      noAnswer: ['coherence-c'],
      unread: ['coherence-b'],
    });
  });

  it('say which long log is being read for the first time, and how far', () => {
    const reading = { ...source('a.log', 'log'), readShare: 0.345 };
    const systems = [system(coherence, [source('b.log', 'log'), reading])];
    expect(selectFreshness(systems).reading).toBe('reading 34 % of a.log');
    expect(selectFreshness([system(coherence, [source('b.log', 'log')])]).reading).toBeUndefined();
  });

  it('open the pipeline of the system in view, and put it first', () => {
    const pipeline = selectPipeline(story.systems, story.lists.layer, orket);
    expect(pipeline.systems[0]).toMatchObject({ open: true, system: { id: 'orket' } });
    expect(pipeline.systems.filter((one) => one.open)).toHaveLength(1);
    const none = selectPipeline(story.systems, story.lists.layer, undefined);
    expect(none.systems.find((one) => one.open)?.system.id).toBe('coherence');
  });

  it('list what works, and what should and does not, that first', () => {
    expect(selectWork(story.lists).map((row) => [row.text, row.alarm])).toEqual([
      ['runner:4120 (w7)', 'ORPHAN'],
      ['monitor:4121', 'ORPHAN'],
      ['9c41:TIDE-3/6 coder', undefined],
      ['3c4d billing-cron', undefined],
    ]);
  });

  it('make the lens of an item from its keys and files, else from its system', () => {
    const queue = arrangeQueue(emptyQueue, story, newDesk(120, 40), storyNow);
    const desk = newDesk(120, 40);
    expect(lensQuery(subjectOf(story, desk, queue))).toEqual({
      systems: ['coherence'],
      keys: ['api_unreachable', ':8000'],
      files: ['monitor.log', 'autonomous_api.log'],
    });
    const atSource = { ...desk, selected: { queue: 'coherence/source/error.http' } };
    expect(lensQuery(subjectOf(story, atSource, queue))).toEqual({
      systems: ['coherence'],
      sources: ['api'],
    });
    expect(lensQuery({ entity: question })).toEqual({ systems: ['coherence'] });
    expect(lensQuery({})).toEqual({});
  });

  it('show the places of evidence, each once, the trail before the first one', () => {
    const card = cardOf(story, { entity: { ...hangs, trail: [...(hangs.trail ?? []), hangs.evidence] } });
    expect(card?.facts.map((fact) => `${fact.form} ${fact.place}`)).toEqual([
      'http :8000/api/health',
      'proc pid 2210',
      'src autonomous_api.log@1899',
      'doc monitor_issues.json',
    ]);
    expect(placeOf({ source: 'jobs', query: 'select 1' })).toBe('select 1');
  });

  it('give each item the one key that helps', () => {
    const item = (more: Partial<AttentionItem>): AttentionItem => ({
      key: 'k',
      kind: 'job',
      ref: undefined,
      system: coherence,
      title: 't',
      rank: 4,
      label: 'X',
      why: '',
      count: 1,
      revision: '',
      ...more,
    });
    expect(keyOfItem(item({ kind: 'approval' }))).toBe('a');
    expect(keyOfItem(item({ act: 'turn.replay' }))).toBe('r');
    expect(keyOfItem(item({ act: 'pipeline.restart' }))).toBe('R');
    expect(keyOfItem(item({ act: 'job.answer-and-resume' }))).toBe('a');
    expect(keyOfItem(item({ act: 'constructor' }))).toBe('A');
    expect(keyOfItem(item({ playbook: 'p' }))).toBe('b');
    expect(keyOfItem(item({}))).toBe('Ent');
    expect(menuOfAct('backup.rollback')).toBe('rollback');
  });
});
