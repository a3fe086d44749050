import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SystemId } from '../../../src/domain/entity.ts';
import { type Instant, instant } from '../../../src/domain/instant.ts';
import { FactStore } from '../../../src/engine/fact-store.ts';
import type { IngestChunk } from '../../../src/ingest/ingest.ts';
import { instantOf } from '../../../src/systems/custom/field.ts';
import { customKind } from '../../../src/systems/custom/index.ts';
import { readAnswer, readLine } from '../../../src/systems/custom/reading.ts';
import type { Located, SystemKind } from '../../../src/systems/system.ts';

const NOW = instant(Date.parse('2026-03-01T03:00:00Z'));
/** Any unit of a text, halves of pairs and control characters too. */
const ANY = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));

describe('reading', () => {
  it('takes blocks of NAME=value, equal signs in values and carriage returns as they come', () => {
    expect(readAnswer({ format: 'keyvalue' }, 'Id=a\r\nDescription=x = y\r\n\r\n\r\nId=b\nnoise\n')).toEqual({
      ok: true,
      value: [{ Id: 'a', Description: 'x = y' }, { Id: 'b' }],
    });
  });

  it('takes pairs of a line with quotes, escapes and empty values', () => {
    expect(readLine('keyvalue', undefined, 'ts=1 msg="a \\"b\\" \\n c" empty= lonely k-x.y=z')).toEqual({
      ts: '1',
      msg: 'a "b" \n c',
      empty: '',
      'k-x.y': 'z',
    });
    expect(readLine('keyvalue', undefined, 'no pairs here')).toBeUndefined();
  });

  it('takes lines by a pattern, and leaves out groups that took no part', () => {
    const pattern = '^(?<pid>\\d+) (?:(?<user>\\w+) )?(?<command>/.*)$';
    expect(readAnswer({ format: 'text', pattern }, '12 root /bin/a\n13 /bin/b\nheader\n')).toEqual({
      ok: true,
      value: [
        { pid: '12', user: 'root', command: '/bin/a' },
        { pid: '13', command: '/bin/b' },
      ],
    });
  });

  it('names the line that is no JSON', () => {
    expect(readAnswer({ format: 'json-lines' }, '{"a":1}\n{torn')).toMatchObject({
      ok: false,
      error: expect.stringContaining('line 2'),
    });
  });

  it('never throws, whatever was written', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: ANY }),
        fc.constantFrom('json', 'json-lines', 'keyvalue', 'text'),
        (text, format) => {
          readAnswer({ format, pattern: '(?<a>.+)' }, text);
          for (const one of ['json', 'keyvalue', 'text'] as const) readLine(one, /(?<a>.)/u, text);
        },
      ),
    );
  });

  it.each([
    ['2026-03-01T03:00:00Z', NOW],
    [1772334000, NOW],
    [1772334000000, NOW],
    ['1772334000000000', NOW],
    ['1772334000000000000', NOW],
    ['@1772334000', NOW],
    ['Sun 2026-03-01 03:00:00 UTC', NOW],
    ['Sun 2026-03-01 04:00:00 CET', NOW],
    ['Sun 2026-03-01 05:00:00 +02', NOW],
    ['n/a', undefined],
    ['', undefined],
    [0, undefined],
    ['infinity', undefined],
    [null, undefined],
  ])('%j is a time as its writer means it', (found, at) => {
    expect(instantOf(found, 'Europe/Berlin')).toBe(at);
  });
});

/** A store with one system of a described kind, fed by hand. */
class Fed {
  readonly kind: SystemKind;
  readonly #facts: FactStore;
  readonly #located: Located;
  constructor(sources: object, entities: readonly object[]) {
    this.kind = customKind('it', { title: 'It', sources, entities }, 'test');
    this.#located = {
      system: 'it' as SystemId,
      kind: 'it',
      root: '/r',
      timezone: 'UTC',
      settings: {},
      extra: {},
    };
    this.#facts = new FactStore(this.#located, this.kind.parsers);
    this.#facts.setSpecs(this.kind.sources(this.#located, {}));
  }
  give(path: string, chunk: IngestChunk, fresh = false, at: Instant = NOW) {
    return this.#facts.take({ type: 'chunk', source: 's', path, chunk, at, fresh });
  }
  lines(path: string, rows: readonly object[], fresh = false) {
    const lines = rows.map((row, index) => ({ text: JSON.stringify(row), offset: index * 100 }));
    return this.give(path, { type: 'lines', lines }, fresh);
  }
  derive(now: Instant = NOW) {
    return this.kind.derive({
      located: this.#located,
      facts: this.#facts,
      processes: { readAt: now, processes: [] },
      now,
    });
  }
  values(): unknown[] {
    return this.derive().entities.map(({ id, data }) => [id, data?.['value']]);
  }
}

const FOLD = {
  n: { count: true },
  bad: { count: true, when: { level: 'error' } },
  sum: { sum: 'cost' },
  most: { max: 'cost' },
  least: { min: 'cost' },
  begin: { first: 'step' },
  end: { last: 'step' },
};
const logOf = (type: 'log' | 'stream', fold: object) => ({
  s: {
    ...(type === 'log' ? { type, glob: '*.jsonl' } : { type, argv: ['follow'] }),
    format: 'json',
    time: 'at',
    fold: { it: { take: FOLD, ...fold } },
  },
});
const JOB = [{ type: 'job', from: 's.it', id: 'key', title: '{key}' }];

describe('records of a log folded into items', () => {
  const rows = [
    { id: 'a', at: 1772333000, cost: 2, step: 'x', level: 'error' },
    { id: 'b', at: 1772333001, cost: '3', step: 'y' },
    { id: 'a', at: 1772333002, cost: 5, step: 'z' },
    { id: 'a', at: 1772333003, cost: 'much' },
  ];
  const a = { n: 3, bad: 1, sum: 7, most: 5, least: 2, begin: 'x', end: 'z' };

  it('are the same in one piece as in many', () => {
    const whole = new Fed(logOf('log', { by: 'id' }), JOB);
    whole.lines('x.jsonl', rows, true);
    const pieces = new Fed(logOf('log', { by: 'id' }), JOB);
    for (const [index, row] of rows.entries()) pieces.lines('x.jsonl', [row], index === 0);
    expect(whole.values()).toEqual([
      ['a', { ...a, key: 'a', file: 'x.jsonl', oldest: 1772333000000, newest: 1772333003000 }],
      [
        'b',
        {
          n: 1,
          sum: 3,
          most: 3,
          least: 3,
          begin: 'y',
          end: 'y',
          key: 'b',
          file: 'x.jsonl',
          oldest: 1772333001000,
          newest: 1772333001000,
        },
      ],
    ]);
    expect(pieces.values()).toEqual(whole.values());
  });

  it('go on in another file, whichever was read first', () => {
    const told = [
      ['one.jsonl', rows.slice(0, 2)],
      ['two.jsonl', rows.slice(2)],
    ] as const;
    const values = [told, told.toReversed()].map((order) => {
      const fed = new Fed(logOf('log', { by: 'id' }), JOB);
      for (const [path, part] of order) fed.lines(path, part, true);
      return fed.values().find((one) => (one as [string])[0] === 'a');
    });
    expect(values[0]).toEqual([
      'a',
      { ...a, key: 'a', file: 'two.jsonl', oldest: 1772333000000, newest: 1772333003000 },
    ]);
    expect(values[1]).toEqual(values[0]);
  });

  it('begin anew with a transcript that was rewritten, and with a program that was started again', () => {
    const file = new Fed(logOf('log', {}), JOB);
    const stream = new Fed(logOf('stream', { by: 'id' }), JOB);
    for (let round = 0; round < 2; round += 1) {
      file.lines('sessions/5b1c.jsonl', rows, true);
      stream.lines('follow', rows, true);
    }
    expect(file.values()).toMatchObject([['5b1c', { n: 4 }]]);
    expect(stream.values()).toMatchObject([
      ['a', { n: 3 }],
      ['b', { n: 1 }],
    ]);
  });

  it('are bounded, and what is left out is told', () => {
    const fed = new Fed(logOf('log', { by: 'id' }), JOB);
    const { bad } = fed.lines(
      'x.jsonl',
      Array.from({ length: 5_001 }, (_, id) => ({ id })),
      true,
    );
    expect(fed.values()).toHaveLength(5_000);
    expect(bad).toMatchObject([{ reason: expect.stringContaining('left out') }]);
  });

  it('are read anew when their description changed', () => {
    const versions = [logOf('log', {}), logOf('log', {}), logOf('log', { by: 'id' })].map(
      (sources) => new Fed(sources, JOB).kind.parsers['s']?.version,
    );
    expect(versions[0]).toBe(versions[1]);
    expect(versions[0]).not.toBe(versions[2]);
  });

  it('keep names of the prototype as plain values', () => {
    const fed = new Fed(logOf('log', { by: 'id' }), JOB);
    fed.lines(
      'x.jsonl',
      [
        { id: '__proto__', step: 'x' },
        { id: 'constructor', step: 'y' },
      ],
      true,
    );
    expect(fed.values()).toMatchObject([
      ['__proto__', { begin: 'x' }],
      ['constructor', { begin: 'y' }],
    ]);
    expect({}).not.toHaveProperty('begin');
  });
});

describe('answers', () => {
  const http = (more: object): IngestChunk => ({ type: 'http', latencyMs: 3, failures: 0, ...more });
  const fed = () =>
    new Fed({ s: { type: 'http', path: '/jobs' } }, [
      { type: 'job', from: 's', each: 'jobs', id: 'id', title: '{id}' },
      {
        type: 'service',
        from: 's.answer',
        title: 'API',
        status: { field: 'ok', map: { true: 'up', false: 'down' } },
        summary: '{error}',
      },
    ]);

  it.each([
    ['no answer', { error: 'connection refused' }, 'connection refused'],
    ['a failing server', { status: 503, body: '{}' }, 'HTTP 503'],
    ['a page instead of JSON', { status: 200, body: '<html>' }, /^not JSON/],
  ])('%s leaves what was known with its age, and is told', (_what, answer, error) => {
    const one = fed();
    one.give('/jobs', http({ status: 200, body: '{"jobs":[{"id":"a"}]}' }), true);
    const later = instant(NOW + 60_000);
    one.give('/jobs', http(answer), false, later);
    const { entities } = one.derive(later);
    expect(entities).toMatchObject([
      { type: 'job', id: 'a', observedAt: NOW },
      { type: 'service', id: 'API', status: 'down', detail: expect.stringMatching(error), observedAt: later },
    ]);
  });

  it('records without an id, and several with the same one, are told', () => {
    const one = fed();
    one.give('/jobs', http({ status: 200, body: '{"jobs":[{"id":"a"},{"name":"x"},{"id":"a"}]}' }), true);
    const { entities } = one.derive();
    expect(entities.filter(({ type }) => type !== 'service')).toMatchObject([
      { type: 'job', id: 'a', cautions: ['2 records have this id; this is the first'] },
      { type: 'issue', title: "1 of s can't be shown: nothing at id", severity: 'warning' },
    ]);
  });
});
