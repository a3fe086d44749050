import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../../src/domain/log.ts';
import type { Json } from '../../../src/lib/json.ts';
import { coherenceParsers } from '../../../src/systems/coherence/parse.ts';
import type { Chunk, Folded, Line, ParseContext } from '../../../src/systems/system.ts';
import { at, linesOf, located } from './facts.ts';

/** Folds chunks one after the other as the engine does, and gives facts and records. */
function fold(name: string, chunks: readonly Chunk[], path = `api/logs/${name}`, zone = 'UTC') {
  const parser = coherenceParsers[name];
  if (!parser) throw new Error(`no parser ${name}`);
  let facts = new Map<string, Json>();
  let carry = parser.start;
  const records: LogRecord[] = [];
  const bad: string[] = [];
  for (const chunk of chunks) {
    const context: ParseContext = {
      located: located({ timezone: zone }),
      source: name,
      path,
      now: at('03:00:00'),
      fact: (key) => facts.get(key),
    };
    const folded: Folded = parser.fold(JSON.parse(JSON.stringify(carry)) as Json, chunk, context);
    carry = folded.carry;
    if (folded.facts && chunk.type !== 'lines') facts = new Map();
    for (const [key, value] of Object.entries(folded.facts ?? {})) {
      if (value === null) facts.delete(key);
      else facts.set(key, value);
    }
    records.push(...(folded.records ?? []));
    bad.push(...(folded.bad ?? []).map((one) => one.reason));
  }
  return { facts: Object.fromEntries(facts), records, bad };
}

const lines = (text: string): Chunk => ({ type: 'lines', lines: linesOf(text) });
const document = (text: string): Chunk => ({ type: 'document', text });

describe('logs of the scripts', () => {
  const doubled =
    '2026-02-21 03:14:07,646 INFO task=task_72cac94041b5a359 starting command=echo tide\n' +
    '2026-02-21 03:14:07,646 task=task_72cac94041b5a359 starting command=echo tide\n' +
    'Running: echo tide...\n\n' +
    '2026-02-21 03:14:11,404 INFO task=task_72cac94041b5a359 failed exit=2 duration=3.0s output_len=49 out_file=/x.log\n' +
    '2026-02-21 03:14:11,404 task=task_72cac94041b5a359 failed exit=2 duration=3.0s output_len=49 out_file=/x.log\n';

  it('counts a line and its redirected copy once, and gives both the same words, time and level', () => {
    const { facts, records } = fold('runner-log', [lines(doubled)]);
    expect(facts['task/task_72cac94041b5a359']).toMatchObject({
      runs: 1,
      status: 'failed',
      exit: 2,
      durationS: 3,
    });
    const [first, copy, bare] = records;
    expect({ ...copy, offset: 0 }).toEqual({ ...first, offset: 0 });
    expect(first?.keys).toEqual(['task_72cac94041b5a359']);
    expect(bare).toEqual({
      offset: Buffer.byteLength(doubled.split('Running')[0] ?? ''),
      text: 'Running: echo tide...',
    });
  });

  it('counts two lines of one millisecond twice when both have their level', () => {
    const line =
      '2026-02-21 03:14:07,646 INFO task=task_72cac94041b5a359 already claimed by another worker; skipping\n';
    expect(fold('runner-log', [lines(line + line)]).facts['task/task_72cac94041b5a359']).toMatchObject({
      refusals: 2,
    });
  });

  it('finds the copy across chunks', () => {
    const all = linesOf(doubled);
    const chunks = all.map((line): Chunk => ({ type: 'lines', lines: [line] }));
    expect(fold('runner-log', chunks).facts).toEqual(fold('runner-log', [lines(doubled)]).facts);
  });

  it('takes a naive time in the zone of the installation, on both sides of a change of clocks', () => {
    const text =
      '2026-03-08 01:59:59,000 INFO a\n2026-03-08 03:00:01,000 INFO b\n2026-02-21 03:00:00,250 INFO c\n';
    const { records } = fold('plain-log', [lines(text)], 'x', 'America/Denver');
    expect(records.map((one) => new Date(one.at ?? 0).toISOString())).toEqual([
      '2026-03-08T08:59:59.000Z',
      '2026-03-08T09:00:01.000Z',
      '2026-02-21T10:00:00.250Z',
    ]);
  });

  it('keeps the lines of a traceback with the record before them', () => {
    const text =
      '2026-02-21 03:00:00,000 ERROR task=task_72cac94041b5a359 broke\nTraceback (most recent call last):\n  File "x.py", line 1\nValueError: no\n2026-02-21 03:00:01,000 INFO next\n';
    const { records } = fold('runner-log', [lines(text)]);
    expect(records.map((one) => one.level)).toEqual(['error', 'error', 'error', 'error', 'info']);
    expect(records[3]).toMatchObject({ keys: ['task_72cac94041b5a359'], text: 'ValueError: no' });
    expect(records[3]?.at).toBeUndefined();
  });

  it('lets the oldest tasks go beyond its cap', () => {
    const many = Array.from(
      { length: 1100 },
      (_, index) =>
        `2026-02-21 03:00:00,000 INFO task=task_${String(index).padStart(16, '0')} starting command=x`,
    );
    const { facts } = fold('runner-log', [lines(many.join('\n'))]);
    expect(Object.keys(facts).filter((key) => key.startsWith('task/'))).toHaveLength(1000);
    expect(facts['task/task_0000000000001099']).toBeDefined();
    expect(facts['task/task_0000000000000000']).toBeUndefined();
  });
});

describe('the monitor’s log', () => {
  const check = (time: string, conditions: readonly string[]): string =>
    `2026-02-21 ${time},000 INFO STATUS ATTENTION | L0:! L1:ok L2:ok L3:!\n2026-02-21 ${time},002 INFO Detected ${conditions.length} issue(s): [${conditions.map((one) => `'${one}'`).join(', ')}]\n`;
  const blind = (time: string): string =>
    `2026-02-21 ${time},000 WARNING API unreachable: timed out\n2026-02-21 ${time},001 INFO STATUS ATTENTION | L0:! L1:ok L2:! L3:!\n2026-02-21 ${time},002 INFO   NEEDS_ATTENTION [1] api_unreachable\n`;

  it('remembers since when a condition was seen without a break', () => {
    const text = check('03:00:00', ['a', 'b']) + check('03:01:00', ['b']) + check('03:02:00', ['a', 'b']);
    const { facts } = fold('monitor-log', [lines(text)]);
    expect(facts['open']).toMatchObject({
      a: { since: at('03:02:00.002') },
      b: { since: at('03:00:00.002') },
    });
  });

  it('keeps what was open while the API is down, and drops it after a check that no longer finds it', () => {
    const down = fold('monitor-log', [
      lines(check('03:00:00', ['a']) + blind('03:01:00') + blind('03:02:00')),
    ]);
    expect(down.facts['open']).toMatchObject({
      a: { last: at('03:00:00.002') },
      api_unreachable: { since: at('03:01:00.002') },
    });
    expect(down.facts['unreachable']).toMatchObject({ since: at('03:01:00') });
    const up = fold('monitor-log', [
      lines(check('03:00:00', ['a']) + blind('03:01:00') + check('03:02:00', ['c'])),
    ]);
    expect(Object.keys(up.facts['open'] as object)).toEqual(['c']);
    expect(up.facts['unreachable']).toBeUndefined();
  });
});

describe('task logs', () => {
  const head = '# task_id=task_9b329deb0867dfde status=running\n# command=echo x\n---\n';

  it('has an end only when the footer is the last thing in it', () => {
    const footer = '# duration_seconds=3.0 exit=0 status=completed\n';
    expect(fold('task-log', [lines(`${head}ready\n\n${footer}`)]).facts['end']).toMatchObject({
      exit: 0,
      seconds: 3,
    });
    expect(fold('task-log', [lines(`${head}${footer}more output\n`)]).facts['end']).toBeUndefined();
  });

  it('knows its task by the file name when the header is not in what was read', () => {
    const { records } = fold('task-log', [lines('tail of it\n')], 'api/logs/task_task_9b329deb0867dfde.log');
    expect(records[0]?.keys).toEqual(['task_9b329deb0867dfde']);
  });
});

describe('the server’s log', () => {
  it('counts how often the port was taken since a server last got it', () => {
    const taken =
      "ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use\n";
    const text = `${taken}INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)\n${taken}${taken}`;
    expect(fold('api-log', [lines(text)]).facts['bindFailed']).toMatchObject({ count: 2 });
  });

  it('ranks requests that went well below those that did not', () => {
    const access = (status: number): string =>
      `INFO:     127.0.0.1:1 - "GET /api/health HTTP/1.1" ${status} X\n`;
    const { records } = fold('api-log', [lines(access(200) + access(404) + access(500))]);
    expect(records.map((one) => one.level)).toEqual(['debug', 'info', 'error']);
  });
});

describe('documents', () => {
  it('keeps the last good facts of a torn one and says what is wrong', () => {
    const good = document('{"git_sha": "abc", "started_at": "2026-02-21T03:14:05Z"}');
    const { facts, bad } = fold('version', [good, document('{"git_sha": "abd", "start')]);
    expect(facts['version']).toEqual({ sha: 'abc', startedAt: at('03:14:05') });
    expect(bad).toHaveLength(1);
  });

  it('reads a fatal issue whose own text has a quote in it', () => {
    const text =
      '{"at": "2026-02-21T03:28:59Z", "reason": "api_start_failed", "detail": "said "no"", "recovery_attempted": true}';
    const { facts, bad } = fold('fatal', [document(text)]);
    expect(facts['fatal']).toEqual({ reason: 'api_start_failed', detail: 'said "no"', at: at('03:28:59') });
    expect(bad).toHaveLength(1);
  });

  it('takes the word None of an untouched task for no time', () => {
    const text = JSON.stringify({
      tasks: [
        { id: 'task_1', status: 'pending', updated_at: 'None', created_at: '2026-02-21T03:00:00+00:00' },
      ],
    });
    expect(fold('tasks', [document(text)]).facts['task/task_1']).toMatchObject({
      updatedAt: null,
      createdAt: at('03:00:00'),
    });
  });

  it('keeps when the API last answered, and since when it does not', () => {
    const ok: Chunk = {
      type: 'http',
      status: 200,
      body: '{"status":"ok","started_at":"2026-02-21T01:00:00Z"}',
      latencyMs: 5.4,
      failures: 0,
    };
    const down: Chunk = { type: 'http', error: 'no answer in 5 s', latencyMs: 5000, failures: 1 };
    expect(fold('health-answer', [ok, down, down]).facts['health']).toMatchObject({
      ok: false,
      okAt: at('03:00:00'),
      failingSince: at('03:00:00'),
      error: 'no answer in 5 s',
    });
  });
});

const logParsers = [
  'runner-log',
  'manager-log',
  'monitor-log',
  'plain-log',
  'api-log',
  'task-log',
  'resolutions',
];
const documentParsers = [
  'version',
  'restart',
  'fatal',
  'monitor-issues',
  'report',
  'manager-state',
  'tasks',
  'runners',
  'run-state',
];
const answerParsers = ['health-answer', 'attention-answer', 'runners-answer', 'fatal-answer'];

/** Lines near enough to the real ones that a parser takes them seriously. */
const nearLine = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }).map((text) => text.replaceAll('\n', ' ')),
  fc.constantFrom(
    '2026-02-21 03:14:07,646 INFO task=task_72cac94041b5a359 starting command=echo',
    '2026-02-21 03:14:07,646 task=task_72cac94041b5a359 starting command=echo',
    '2026-02-21 03:14:11,404 INFO task=task_72cac94041b5a359 needs_decision exit=-15 duration=3.0s output_len=49',
    'Traceback (most recent call last):',
    '2026-02-21 03:14:11,404 INFO STATUS ATTENTION | L0:! L1:ok L2:ok L3:!',
    "2026-02-21 03:14:11,404 INFO Detected 2 issue(s): ['stale_version', '__proto__']",
    '2026-02-21 03:14:11,404 INFO   NEEDS_ATTENTION [1] api_unreachable',
    '2026-02-21 03:14:11,404 WARNING API unreachable: timed out',
    '2026-02-21 03:14:11,404 INFO Restart requested: stale_version',
    '2026-02-21 03:14:11,404 INFO item 3 failed max iterations, advance',
    '2026-02-21 03:14:11,404 INFO Blocked: needs_decision',
    '2026-02-21 03:14:11,404 INFO Project Manager started API=http://x backlog=/b executor=c',
    "ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use",
    '# task_id=task_9b329deb0867dfde status=running',
    '# duration_seconds=3.0 exit=0 status=completed',
    '{"condition": "stale_version", "resolved_at": "2026-02-21T10:26:01.039132+00:00"}',
    '{"condition": "__proto__", "resolved_at": "2026-02-21T10:26:01+00:00"}',
  ),
);

describe('whatever comes', () => {
  for (const name of logParsers) {
    it(`${name} never throws, and cutting the lines into chunks changes neither facts nor records`, () => {
      fc.assert(
        fc.property(
          fc.array(nearLine, { maxLength: 40 }),
          fc.array(fc.nat(39), { maxLength: 6 }),
          (texts, cuts) => {
            const all: Line[] = linesOf(texts.join('\n'));
            const whole = fold(name, [{ type: 'lines', lines: all }]);
            const edges = [...new Set([0, ...cuts.filter((cut) => cut < all.length), all.length])].sort(
              (a, b) => a - b,
            );
            const parts = edges
              .slice(1)
              .map((end, index): Chunk => ({ type: 'lines', lines: all.slice(edges[index], end) }));
            expect(fold(name, parts)).toEqual(whole);
          },
        ),
        { numRuns: 150 },
      );
    });
  }

  const anyDocument = fc.oneof(
    fc.json({ maxDepth: 5 }),
    fc.string({ unit: 'binary' }),
    fc
      .record(
        {
          tasks: fc.oneof(fc.array(fc.anything()), fc.dictionary(fc.string(), fc.anything())),
          runners: fc.anything(),
          issues: fc.array(fc.anything()),
          history: fc.anything(),
          in_flight: fc.anything(),
          reason: fc.anything(),
        },
        { requiredKeys: [] },
      )
      .map(
        (value) =>
          JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one)) ?? '',
      ),
  );
  for (const name of [...documentParsers, ...answerParsers]) {
    it(`${name} never throws`, () => {
      fc.assert(
        fc.property(anyDocument, (text) => {
          fold(name, [
            document(text),
            { type: 'http', status: 200, body: text, latencyMs: 1, failures: 0 },
            { type: 'http', latencyMs: 1, failures: 2 },
          ]);
        }),
        { numRuns: 200 },
      );
    });
  }
});
