import { beforeEach, describe, expect, it } from 'vitest';
import { instant } from '../../src/domain/instant.ts';
import { FactStore, type FoldOutcome } from '../../src/engine/fact-store.ts';
import type { IngestEvent } from '../../src/ingest/ingest.ts';
import { millAt, millKind } from './mill.ts';

const located = millAt('/mill');
let store: FactStore;
let now = 0;

beforeEach(() => {
  now = 0;
  store = new FactStore(located, millKind.parsers);
  store.setSpecs(millKind.sources(located, {}));
});

type Chunk = Extract<IngestEvent, { type: 'chunk' }>;
function lines(texts: readonly string[], more: Partial<Chunk> = {}): FoldOutcome {
  now += 1;
  const chunk = { type: 'lines', lines: texts.map((text, offset) => ({ text, offset })) } as const;
  return store.take({
    type: 'chunk',
    source: 'log',
    path: 'mill.log',
    chunk,
    at: instant(now),
    fresh: false,
    ...more,
  });
}
function jobs(text: string): FoldOutcome {
  now += 1;
  return store.take({
    type: 'chunk',
    source: 'jobs',
    path: 'jobs.json',
    chunk: { type: 'document', text },
    at: instant(now),
    fresh: true,
  });
}
const facts = (source: string): unknown => Object.fromEntries(store.files(source)[0]?.facts ?? []);

describe('facts', () => {
  it('of a log are merged chunk by chunk, and its parser starts over where its file begins anew', () => {
    lines(['1 a', '2 b'], { fresh: true });
    lines(['3 c']);
    expect(facts('log')).toEqual({ lines: 3, inFile: 3 });
    lines(['4 d'], { fresh: true });
    expect(facts('log')).toEqual({ lines: 4, inFile: 1 });
  });

  it('are listed by file, as the same objects in the same places until something of them moves', () => {
    lines(['1 a'], { path: 'a.log', fresh: true });
    lines(['1 b'], { path: 'b.log', fresh: true });
    const first = store.files('log');
    expect(store.files('log')).toBe(first);
    lines(['2 a'], { path: 'a.log' });
    lines(['1 c'], { path: 'c.log', fresh: true });
    const second = store.files('log');
    expect(first.map(({ path }) => path)).toEqual(['a.log', 'b.log']);
    expect(second.map(({ path }) => path)).toEqual(['a.log', 'b.log', 'c.log']);
    expect(second.map((file, place) => file === first[place])).toEqual([false, true, false]);
    store.take({ type: 'gone', source: 'log', path: 'b.log', at: instant(9) });
    expect(store.files('log').map(({ present }) => present)).toEqual([true, false, true]);
    expect(second.map(({ present }) => present)).toEqual([true, true, true]);
  });

  it('of a document are replaced, and stay the last good ones when it is no good', () => {
    jobs('{"a": 1}');
    jobs('{"b": 2}');
    expect(facts('jobs')).toEqual({ jobs: { b: 2 } });
    const outcome = jobs('{"b": ');
    expect(outcome.bad).toHaveLength(1);
    expect(facts('jobs')).toEqual({ jobs: { b: 2 } });
    expect(store.files('jobs')[0]).toMatchObject({
      present: true,
      error: expect.stringContaining('no JSON'),
    });
    jobs('{"c": 3}');
    expect(store.files('jobs')[0]).not.toHaveProperty('error');
  });

  it('stay when a parser throws, which is counted, told at the file and over with the next good chunk', () => {
    lines(['1 a'], { fresh: true });
    const outcome = lines(['fault']);
    expect(outcome).toMatchObject({ changed: true, records: [], bad: [{ path: 'mill.log' }] });
    expect(store.files('log')[0]?.error).toBe('parser log failed: a rule of ours is wrong');
    lines(['2 b']);
    expect(facts('log')).toEqual({ lines: 2, inFile: 2 });
    expect(store.files('log')[0]).not.toHaveProperty('error');
  });

  it('stay of a file that is gone, emptied or not to be read, with what happened and when', () => {
    const mark = (event: { type: 'gone' | 'wiped' } | { type: 'failed'; error: string }): void => {
      now += 1;
      store.take({ source: 'log', path: 'mill.log', at: instant(now), ...event });
    };
    lines(['1 a'], { fresh: true });
    mark({ type: 'failed', error: 'not readable' });
    expect(store.files('log')[0]).toMatchObject({ present: true, error: 'not readable', readAt: 1 });
    mark({ type: 'wiped' });
    expect(store.files('log')[0]).toMatchObject({ present: true, wipedAt: 3 });
    mark({ type: 'gone' });
    expect(store.files('log')[0]).toMatchObject({ present: false, readAt: 4 });
    expect(facts('log')).toEqual({ lines: 1, inFile: 1 });
    lines(['2 b'], { fresh: true });
    expect(store.files('log')[0]).toMatchObject({ present: true, wipedAt: 3 });
  });

  it('of sources nobody declares any more are forgotten, and their late chunks ignored', () => {
    lines(['1 a'], { fresh: true });
    store.setSpecs(millKind.sources(located, {}).filter(({ id }) => id !== 'log'));
    expect(store.files('log')).toEqual([]);
    expect(lines(['2 b'])).toEqual({ records: [], bad: [], changed: false });
    expect(store.files('log')).toEqual([]);
  });

  it('are the same list until one of them moves', () => {
    lines(['1 a'], { fresh: true });
    const before = store.files('log');
    jobs('{}');
    expect(store.files('log')).toBe(before);
    lines(['2 b']);
    expect(store.files('log')).not.toBe(before);
  });
});
