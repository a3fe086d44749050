import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../../src/domain/log.ts';
import type { Json } from '../../../src/lib/json.ts';
import { aragoraParsers } from '../../../src/systems/aragora/parse.ts';
import type { Chunk, Line } from '../../../src/systems/system.ts';
import { at, linesOf, located } from './told.ts';

interface Result {
  readonly facts: { [key: string]: Json };
  readonly records: LogRecord[];
  readonly bad: number;
  readonly carry: Json;
}

/** Folds chunks one after the other, as the engine does. */
function fold(name: string, chunks: readonly Chunk[], zone = 'UTC', modified = '23:00:00'): Result {
  const parser = aragoraParsers[name];
  if (!parser) throw new Error(`no parser ${name}`);
  let facts: { [key: string]: Json } = {};
  const records: LogRecord[] = [];
  let bad = 0;
  let carry = parser.start;
  for (const chunk of chunks) {
    const known = facts;
    const folded = parser.fold(carry, chunk, {
      located: located({ timezone: zone }),
      source: name,
      path: '.nomic/backups/backup_x_20261120_220000',
      now: at('23:00:00'),
      modifiedAt: at(modified),
      fact: (key) => (Object.hasOwn(known, key) ? known[key] : undefined),
    });
    carry = folded.carry;
    records.push(...(folded.records ?? []));
    bad += folded.bad?.length ?? 0;
    if (!folded.facts) continue;
    if (chunk.type !== 'lines') facts = {};
    for (const [key, value] of Object.entries(folded.facts)) {
      if (value === null) delete facts[key];
      else facts[key] = value;
    }
  }
  return { facts, records, bad, carry };
}

const lines = (text: string, partial?: true): Chunk => ({
  type: 'lines',
  lines: linesOf(text),
  ...(partial ? { partial } : {}),
});
const document = (text: string): Chunk => ({ type: 'document', text });
const times = (result: Result): (string | undefined)[] =>
  result.records.map((one) =>
    one.at === undefined ? undefined : new Date(one.at).toISOString().slice(0, 19),
  );

describe('the loop’s log', () => {
  it('takes the date from its header and goes over midnight', () => {
    const text =
      '=== NOMIC LOOP STARTED: 2026-11-20T23:59:58.734750 ===\n[23:59:58] Max cycles: 1\n[00:00:03] a\n[23:59:00] b\n[00:00:01] c\n';
    expect(times(fold('loop-log', [lines(text)]))).toEqual([
      '2026-11-20T23:59:58',
      '2026-11-20T23:59:58',
      '2026-11-21T00:00:03',
      '2026-11-21T23:59:00',
      '2026-11-22T00:00:01',
    ]);
  });

  it('does not take a clock that goes back a little, or the hour of autumn, for midnight', () => {
    const text =
      '=== NOMIC LOOP STARTED: 2026-11-01T01:58:00.000000 ===\n[01:59:59] a\n[01:00:10] b\n[01:00:05] c\n';
    const days = times(fold('loop-log', [lines(text)], 'America/Denver')).map((time) => time?.slice(0, 10));
    expect(new Set(days)).toEqual(new Set(['2026-11-01']));
  });

  it('is in the zone of the installation', () => {
    const text = '=== NOMIC LOOP STARTED: 2026-11-20T14:00:00.000000 ===\n[14:00:05] a\n';
    expect(times(fold('loop-log', [lines(text)], 'America/Los_Angeles'))).toEqual([
      '2026-11-20T22:00:00',
      '2026-11-20T22:00:05',
    ]);
  });

  it('gives a line without a stamp the time of the message it goes on with', () => {
    const text =
      '=== NOMIC LOOP STARTED: 2026-11-20T22:00:00.0 ===\n[22:23:34] \nCycle 1 outcome: cycle_timeout\n';
    const { records } = fold('loop-log', [lines(text)]);
    expect(records[1]).toMatchObject({
      text: 'Cycle 1 outcome: cycle_timeout',
      at: at('22:23:34'),
      level: 'error',
    });
  });

  it('read from its middle counts back from the first line with a date, else from when it was written', () => {
    const middle = '[23:50:00] a\n[00:10:00] b\n';
    const started = '[00:20:00] Started: 2026-11-20T00:20:00.000000\n';
    expect(times(fold('loop-log', [lines(middle + started, true)]))).toEqual([
      '2026-11-19T23:50:00',
      '2026-11-20T00:10:00',
      '2026-11-20T00:20:00',
    ]);
    expect(times(fold('loop-log', [lines(middle, true)], 'UTC', '2026-11-22T00:10:00Z'))).toEqual([
      '2026-11-21T23:50:00',
      '2026-11-22T00:10:00',
    ]);
  });

  it('has no times before any line tells the date', () => {
    const { records } = fold('loop-log', [lines('[22:00:00] torn beginning\n')]);
    expect(records[0]?.at).toBeUndefined();
  });

  it('keeps the newest forty cycles and forgets a former file that was begun anew', () => {
    const cycles = Array.from({ length: 60 }, (_, index) => `[22:00:00] NOMIC CYCLE ${index + 1}`).join('\n');
    const first = fold('loop-log', [lines(cycles)]);
    expect(Object.keys(first.facts).filter((key) => key.startsWith('cycle/'))).toHaveLength(40);
    const parser = aragoraParsers['loop-log'];
    const again = parser?.fold(parser.start, lines('[22:00:00] NOMIC CYCLE 1\n'), {
      located: located(),
      source: 'nomic.log',
      path: 'x',
      now: at('23:00:00'),
      fact: (key) => first.facts[key],
    });
    expect(Object.values(again?.facts ?? {}).filter((fact) => fact === null).length).toBeGreaterThanOrEqual(
      40,
    );
    expect(again?.facts?.['cycle/1']).toMatchObject({ n: 1 });
  });

  it('tells phase by phase what happened', () => {
    const text = [
      '=== NOMIC LOOP STARTED: 2026-11-20T22:00:00.0 ===',
      '[22:00:00] NOMIC CYCLE 7',
      "[22:00:01]   [timeout] Phase 'context' has 1200s budget",
      '[22:00:01] ',
      'PHASE 0: CONTEXT GATHERING',
      '[22:01:01]   [context] Completed in 60.0s (5% of 1200s budget)',
      "[22:01:01]   [timeout] Phase 'debate' has 1800s budget",
      "[22:31:01]   [TIMEOUT] Phase 'debate' exceeded 1800s timeout",
      "[22:31:02]   [timeout] Phase 'debate' retry 1: escalated to 2340s budget",
    ].join('\n');
    const { phases } = fold('loop-log', [lines(text)]).facts['cycle/1'] as unknown as {
      phases: Record<string, Json>[];
    };
    expect(
      phases.map((one) => [one['name'], one['retry'], one['budgetS'], one['timedOut'], one['seconds']]),
    ).toEqual([
      ['context', 0, 1200, false, 60],
      ['debate', 0, 1800, true, null],
      ['debate', 1, 2340, false, null],
    ]);
    expect(phases[0]?.['at']).toBe(at('22:00:01'));
  });
});

describe('the server’s log', () => {
  it('reads both formatters, text lines and lines behind a prefix; banners stay banners', () => {
    const text = [
      '== ARAGORA ==',
      '{"level": "INFO", "logger": "aragora.x", "message": "one", "timestamp": "2026-11-20T22:00:00.5+00:00", "extra": {"structured_fields": {"debate_id": "d1"}}}',
      '{"ts": "2026-11-20T22:00:01.5+00:00Z", "level": "ERROR", "logger": "aragora.y", "msg": "two", "trace_id": "t9", "exception": {"type": "ValueError", "message": "no"}}',
      'Nov 20 22:00:02 vm python[801]: {"level": "WARNING", "logger": "z", "message": "three", "timestamp": "2026-11-20T22:00:02+00:00"}',
      '[2026-11-20 22:00:03.100] [INFO    ] [req-1|-] aragora.q - four',
    ].join('\n');
    const { records } = fold('server-log', [lines(text)]);
    expect(records.map((one) => [one.text, one.level])).toEqual([
      ['== ARAGORA ==', undefined],
      ['one debate_id=d1', 'info'],
      ['two trace_id=t9 (ValueError: no)', 'error'],
      ['three', 'warning'],
      ['four', 'info'],
    ]);
    expect(times({ records } as Result).slice(1)).toEqual([
      '2026-11-20T22:00:00',
      '2026-11-20T22:00:01',
      '2026-11-20T22:00:02',
      '2026-11-20T22:00:03',
    ]);
    expect(records[1]?.keys).toEqual(['d1']);
  });

  it('keeps requests that went well out of the way', () => {
    const request = (status: number, level: string): string =>
      JSON.stringify({
        level,
        logger: 'r',
        message: `[request] GET /x status=${status} duration=1ms ip=::1`,
        timestamp: '2026-11-20T22:00:00+00:00',
      });
    const { records } = fold('server-log', [
      lines([request(200, 'INFO'), request(404, 'WARNING'), request(500, 'ERROR')].join('\n')),
    ]);
    expect(records.map((one) => one.level)).toEqual(['debug', 'warning', 'error']);
  });

  it('remembers a hundred breakers and no more, however many a log names', () => {
    const many = Array.from({ length: 300 }, (_, index) =>
      JSON.stringify({
        level: 'WARNING',
        logger: 'c',
        message: `Circuit breaker OPEN for n${index} after 5 failures`,
        timestamp: '2026-11-20T22:00:00+00:00',
      }),
    );
    const { facts } = fold('server-log', [lines(many.join('\n'))]);
    expect(Object.keys(facts).filter((key) => key.startsWith('breaker/'))).toHaveLength(100);
  });
});

describe('documents', () => {
  it.each(['loop-state', 'loop-breakers', 'implement', 'approval', 'rollback'])(
    '%s: a torn or foreign one is told and changes nothing',
    (name) => {
      for (const text of ['', '{"phase": "deb', '[]', 'null', '7', '{"a": '.repeat(500)]) {
        const { facts, bad } = fold(name, [document(text)]);
        expect(facts).toEqual({});
        expect(bad).toBe(1);
      }
    },
  );

  it('keeps the last good state when half a file is read', () => {
    const good = '{"phase": "debate", "cycle": 3, "saved_at": "2026-11-20T22:00:00"}';
    const { facts, bad } = fold('loop-state', [document(good), document(good.slice(0, 20))]);
    expect(facts['state']).toMatchObject({ phase: 'debate', cycle: 3, savedAt: at('22:00:00') });
    expect(bad).toBe(1);
  });

  it('reads the double zone suffix of the admin handlers', () => {
    const { facts } = fold('loop-state', [
      document('{"phase": "paused", "paused_at": "2026-11-20T22:16:40.513629+00:00Z"}'),
    ]);
    expect(facts['state']).toMatchObject({ pausedAt: at('22:16:40.513') });
  });

  it('takes a backup’s time from its name where the manifest is missing', () => {
    const { facts } = fold('backup', [
      { type: 'directory', names: ['CLAUDE.md'], texts: {}, modifiedAt: {} },
    ]);
    expect(facts['backup']).toMatchObject({ manifest: 'none', createdAt: at('22:00:00'), files: null });
  });
});

const nearLine = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }).map((text) => text.replaceAll('\n', ' ')),
  fc.constantFrom(
    '=== NOMIC LOOP STARTED: 2026-11-20T22:22:04.734750 ===',
    '[22:22:04] NOMIC CYCLE 1',
    '[22:22:04] Deadline: 2026-11-20T22:23:34.829538 (90s budget)',
    "[22:23:09]   [timeout] Phase 'debate' has 1800s budget",
    "[22:23:09]   [TIMEOUT] Phase 'debate' exceeded 1800s timeout",
    '[22:23:09]   [debate] Completed in 64.9s (5% of 1200s budget)',
    '[22:23:34] ',
    'Cycle 1 outcome: cycle_timeout',
    'PHASE 4: VERIFICATION',
    '[00:00:01] Changes ready for review:',
    '[23:00:00] NOMIC LOOP COMPLETE',
    '{"level": "WARNING", "logger": "x", "message": "Circuit breaker OPEN for a after 5 failures", "timestamp": "2026-11-20T22:00:00+00:00"}',
    '{"level": "INFO", "message": "debate_start", "extra": {"structured_fields": {"__proto__": 1, "debate_id": "d"}}}',
    'Traceback (most recent call last):',
    'ValueError: x',
    '2026-11-20 22:58:03,551 ERROR broke',
    '{"cycle": 3, "task": "t", "confidence": 0.41, "consensus": false, "level": "high"}',
  ),
);

describe('whatever bytes come', () => {
  it.each(['loop-log', 'server-log', 'crash-log', 'risks'])(
    '%s gives the same in any chunking, and never throws',
    (name) => {
      fc.assert(
        fc.property(
          fc.array(nearLine, { maxLength: 40 }),
          fc.array(fc.nat(39), { maxLength: 6 }),
          (texts, cuts) => {
            let offset = 0;
            const all: Line[] = texts.map((text) => {
              const line = { text, offset };
              offset += Buffer.byteLength(text) + 1;
              return line;
            });
            const edges = [
              0,
              ...cuts.map((edge) => Math.min(edge, all.length)).sort((a, b) => a - b),
              all.length,
            ];
            const chunks = edges
              .slice(1)
              .map((end, index): Chunk => ({ type: 'lines', lines: all.slice(edges[index], end) }))
              .filter((chunk) => chunk.type === 'lines' && chunk.lines.length > 0);
            const whole = fold(name, all.length === 0 ? [] : [{ type: 'lines', lines: all }]);
            expect(fold(name, chunks)).toEqual(whole);
          },
        ),
        { numRuns: 300 },
      );
    },
  );

  const documents = ['loop-state', 'loop-breakers', 'implement', 'approval', 'rollback'];
  const answers = ['health-answer', 'ready-answer', 'status-answer', 'breakers-answer', 'nomic-answer'];
  const anyText = fc.oneof(fc.json({ maxDepth: 5 }), fc.string({ unit: 'binary', maxLength: 200 }));

  it.each(documents)('%s never throws', (name) => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { facts, bad } = fold(name, [document(text)]);
        expect(bad > 0).toBe(Object.keys(facts).length === 0);
      }),
    );
  });

  it.each(answers)('%s never throws', (name) => {
    fc.assert(
      fc.property(
        anyText,
        fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined }),
        (body, status) => {
          const chunk: Chunk = {
            type: 'http',
            latencyMs: 1,
            failures: 0,
            body,
            ...(status === undefined ? {} : { status }),
          };
          expect(fold(name, [chunk]).facts['answer']).toBeDefined();
        },
      ),
    );
  });

  it.each(['backup', 'checkpoints'])('%s never throws', (name) => {
    fc.assert(
      fc.property(anyText, (text) => {
        const texts = { 'manifest.json': text, 'checkpoint_x.json': text };
        const chunk: Chunk = { type: 'directory', names: Object.keys(texts), texts, modifiedAt: {} };
        expect(Object.keys(fold(name, [chunk]).facts).length).toBeGreaterThan(0);
      }),
    );
  });
});
