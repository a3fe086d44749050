import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SystemId } from '../../src/domain/entity.ts';
import { instant } from '../../src/domain/instant.ts';
import type { LogRecord } from '../../src/domain/log.ts';
import { LogStore } from '../../src/logs/log-store.ts';

const system = 'orket' as SystemId;
const origin = (path: string) => ({ system, source: 'log', path });
const record = (text: string, at?: number): LogRecord => ({
  offset: 0,
  text,
  ...(at === undefined ? {} : { at: instant(at) }),
});
const texts = (store: LogStore): string[] => store.page({}, 'end', 1_000).rows.map((row) => row.text);

describe('the merged view', () => {
  it('orders rows of several files by event time', () => {
    const store = new LogStore();
    store.add(origin('a'), [record('a1', 10), record('a2', 30)], instant(99));
    store.add(origin('b'), [record('b1', 20), record('b2', 40)], instant(99));
    expect(texts(store)).toEqual(['a1', 'b1', 'a2', 'b2']);
  });

  it('keeps a line without a time behind its predecessor in its file', () => {
    const store = new LogStore();
    store.add(origin('a'), [record('Traceback', 10), record('  File x'), record('Error')], instant(99));
    store.add(origin('b'), [record('later', 20)], instant(99));
    expect(texts(store)).toEqual(['Traceback', '  File x', 'Error', 'later']);
  });

  it('places leading lines without a time at the first time of their file', () => {
    const store = new LogStore();
    store.add(origin('a'), [record('banner'), record('first', 10)], instant(99));
    store.add(origin('b'), [record('early', 5)], instant(99));
    expect(texts(store)).toEqual(['early', 'banner', 'first']);
  });

  it('marks a line that is well behind the one before it in its log as late, and no line for one wrong time', () => {
    const store = new LogStore();
    const day = 86_400_000;
    store.add(
      origin('a'),
      [record('one', 10_000), record('threads', 9_500), record('late', 2_000)],
      instant(0),
    );
    store.add(origin('a'), [record('wrong clock', day), record('right again', 11_000)], instant(0));
    store.add(origin('a'), [record('later still', 3_000), record('no time')], instant(0));
    store.add(origin('b'), [record('of another log', 1_000)], instant(0));
    const { rows } = store.page({}, 'start', 20);
    expect(rows.filter(({ late }) => late).map(({ text }) => text)).toEqual(['late', 'later still']);
  });

  it('folds what one program wrote to two files into one row with a count', () => {
    const store = new LogStore();
    store.add(origin('a'), [record('same', 10)], instant(99));
    store.add(origin('b'), [record('same', 10)], instant(99));
    const page = store.page({}, 'end', 10);
    expect(page.rows.map((row) => [row.text, row.count])).toEqual([['same', 2]]);
  });

  it('folds a line that one file holds twice, with and without its level', () => {
    const store = new LogStore();
    store.add(origin('a'), [record('same', 10), { ...record('same', 10), level: 'error' }], instant(99));
    expect(store.page({}, 'end', 10).rows.map((row) => [row.text, row.count, row.level])).toEqual([
      ['same', 2, 'error'],
    ]);
  });

  it('does not fold the same words at another time', () => {
    const store = new LogStore();
    store.add(origin('a'), [record('tick', 10), record('tick', 20)], instant(99));
    expect(texts(store)).toEqual(['tick', 'tick']);
  });

  it('marks what was read of a wiped file and keeps it', () => {
    const store = new LogStore();
    store.add(origin('a'), [record('before', 10)], instant(99));
    store.markWiped(origin('a'));
    store.add(origin('a'), [record('after', 20)], instant(99));
    expect(store.page({}, 'end', 10).rows.map((row) => [row.text, row.wiped === true])).toEqual([
      ['before', true],
      ['after', false],
    ]);
  });

  it('pages around a cursor and counts what lies before and after', () => {
    const store = new LogStore();
    store.add(
      origin('a'),
      Array.from({ length: 100 }, (_value, index) => record(`line ${index}`, index)),
      instant(999),
    );
    const page = store.page({}, { sortAt: instant(50), id: 'm51' }, 10);
    expect(page.rows[5]?.text).toBe('line 50');
    expect([page.before, page.after, page.total]).toEqual([45, 45, 100]);
  });

  it('knows from where on each log is in memory, and keeps no line of it from before that', () => {
    const store = new LogStore();
    const file = (path: string, firstOffset: number) => ({ ...origin(path), file: `1:${path}`, firstOffset });
    store.add(file('quiet', 700), [record('old', 5)], instant(999));
    const many = Array.from({ length: 70_000 }, (_value, index) => ({
      ...record(`line ${index}`, index === 10 ? 69_990 : 100 + index),
      offset: index * 10,
    }));
    store.add(file('busy', 0), many, instant(999));
    const since = new Map([...store.heldSince].map((held) => [held.path, held]));
    expect(since.get('quiet')).toMatchObject({ file: '1:quiet', offset: 1 });
    const busy = since.get('busy');
    const { rows } = store.page({ grep: '^line' }, 'start', 1);
    expect(rows[0]?.offset).toBe((busy?.offset ?? 0) + 9);
    // Written early with a time of later: what lies behind it in its file has left.
    expect(store.find({ grep: '^line 10$' }, 'end', -1)).toBeUndefined();
  });

  it('looks for words in lines as they stand too, and tells them as they are shown', () => {
    const store = new LogStore();
    const line = { offset: 0, text: '{"event":"done","note":"budget_exceeded","key":"hidden"}' };
    store.add(origin('a'), [record('done', 10)], instant(999), [line]);
    expect(store.find({ grep: 'Budget' }, 'end', -1)).toBeUndefined();
    const field = [{ is: 'field', name: 'note', value: 'budget_exceeded' }] as const;
    for (const query of [{ grep: 'budget' }, { filter: field }])
      expect(JSON.stringify(store.page(query, 'end', 9).rows)).toMatch(/"text":"done".*/);
    expect(JSON.stringify(store.page({}, 'end', 9).rows)).not.toContain('hidden');
    expect(store.count({ filter: [{ is: 'text', text: 'budget', out: true }] })).toBe(0);
  });

  it('counts rows that left memory', () => {
    const store = new LogStore();
    const many = Array.from({ length: 70_000 }, (_value, index) => record(`line ${index}`, index));
    store.add(origin('a'), many, instant(999));
    expect(store.size + store.left).toBe(70_000);
    expect(store.left).toBeGreaterThan(0);
    expect(texts(store).at(-1)).toBe('line 69999');
  });

  it('tells a follower each row once, in whatever batches they come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 8 }), { maxLength: 20 }),
        (batches) => {
          const store = new LogStore();
          const seen: string[] = [];
          let seq = 0;
          let id = 0;
          for (const batch of batches) {
            const records = batch.map((at) => {
              id += 1;
              return record(`line ${id}`, at);
            });
            store.add(origin('a'), records, instant(99));
            for (const row of store.after({}, seq)) {
              seen.push(row.text);
              seq = row.seq;
            }
          }
          expect(seen).toEqual(Array.from({ length: id }, (_value, index) => `line ${index + 1}`));
          const times = store.page({}, 'start', 1_000).rows.map((row) => row.sortAt);
          expect(times).toEqual([...times].sort((a, b) => a - b));
        },
      ),
    );
  });
});

describe('a query', () => {
  it('finds the rows of an item by key, by file and by mention', () => {
    const store = new LogStore();
    store.add(
      origin('a'),
      [{ ...record('one', 1), keys: ['run-1'] }, record('about run-1 too', 2), record('other', 3)],
      instant(9),
    );
    store.add(origin('task.log'), [record('all of it', 4)], instant(9));
    const page = store.page({ keys: ['run-1'], files: ['task.log'] }, 'end', 10);
    expect(page.rows.map((row) => row.text)).toEqual(['one', 'about run-1 too', 'all of it']);
  });

  it('treats a line without a level as information', () => {
    const store = new LogStore();
    store.add(origin('a'), [record('plain', 1), { ...record('bad', 2), level: 'error' }], instant(9));
    expect(store.page({ minLevel: 'warning' }, 'end', 10).rows.map((row) => row.text)).toEqual(['bad']);
    expect(store.page({ minLevel: 'info' }, 'end', 10).total).toBe(2);
  });

  it('tells the rows of a query that is asked again and again as those of one that is asked once', () => {
    const line = fc.record({
      file: fc.constantFrom('a', 'b'),
      text: fc.constantFrom('one', 'two', 'three', 'other one'),
      at: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
    });
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.array(line, { minLength: 1, maxLength: 4 }) },
      { weight: 1, arbitrary: fc.constantFrom('wipe', 'change') },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.constantFrom({}, { grep: 'one' }), (steps, query) => {
        const [often, once] = [new LogStore(), new LogStore()];
        for (const [index, one] of steps.entries()) {
          for (const store of [often, once]) {
            if (one === 'wipe') store.markWiped(origin('a'));
            else if (one === 'change') {
              const at = instant(index);
              store.addChange({
                system,
                source: 'x',
                path: 'x',
                at,
                sortAt: at,
                text: `change ${index} one`,
              });
            } else
              for (const { file, text, at } of one) store.add(origin(file), [record(text, at)], instant(50));
          }
          const before = often.matching(query).rows;
          const told = JSON.stringify(before);
          often.matching(query).rows;
          expect(JSON.stringify(before)).toBe(told);
        }
        expect(often.matching(query).rows).toEqual(once.matching(query).rows);
      }),
      { numRuns: 300 },
    );
  });
});
