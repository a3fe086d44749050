import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SystemId } from '../../../src/domain/entity.ts';
import { instant } from '../../../src/domain/instant.ts';
import type { Json } from '../../../src/lib/json.ts';
import { openclawParsers } from '../../../src/systems/openclaw/parse.ts';
import type { Chunk, Folded, Line, Located, ParseContext, Parser } from '../../../src/systems/system.ts';

const located: Located = {
  system: 'openclaw' as SystemId,
  kind: 'openclaw',
  root: '/base',
  timezone: 'UTC',
  settings: {},
  extra: { projects: ['harbour'], pollMs: 2000 },
};

const LOGS = ['orchestratorLog', 'taskEvents', 'scheduler', 'queueEvents', 'auditLog'] as const;
const DOCUMENTS = ['plan', 'question', 'taskState', 'signals', 'queueJob'] as const;

function parserOf(name: string): Parser {
  const parser = openclawParsers[name];
  if (!parser) throw new Error(`no parser ${name}`);
  return parser;
}

function context(facts: ReadonlyMap<string, Json>, path: string): ParseContext {
  return { located, source: 's', path, now: instant(0), fact: (key) => facts.get(key) };
}

/** Folds chunks of lines as the engine does: facts merged by key, null removes. */
function foldLines(
  name: string,
  chunks: readonly (readonly Line[])[],
): { facts: Map<string, Json>; folds: Folded[] } {
  const parser = parserOf(name);
  const facts = new Map<string, Json>();
  const folds: Folded[] = [];
  let carry = parser.start;
  for (const lines of chunks) {
    const folded = parser.fold(
      carry,
      { type: 'lines', lines },
      context(facts, 'x_a1c0ffee00000001/.orchestrator/logs/l'),
    );
    carry = folded.carry;
    for (const [key, value] of Object.entries(folded.facts ?? {})) {
      if (value === null) facts.delete(key);
      else facts.set(key, value);
    }
    folds.push(folded);
  }
  return { facts, folds };
}

const fieldNames = fc.constantFrom(
  'timestamp',
  'ts',
  'event',
  'op',
  'root_cause',
  'job_id',
  'task_id',
  'payload',
  'title',
  'level',
  'message',
  'run_id',
  'pid',
  'to',
  'from',
  'error',
  'status',
  'tasks',
  'signals',
  'items',
  '__proto__',
  'constructor',
);
const hostileLine = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.json({ maxDepth: 3 }),
  fc
    .dictionary(
      fieldNames,
      fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.object({ maxDepth: 1 })),
      { maxKeys: 8 },
    )
    .map((value) => JSON.stringify(value)),
  fc
    .tuple(fc.constantFrom('t1', 't2', '__proto__', 'toString'), fc.string())
    .map(([id, title]) =>
      JSON.stringify({ payload: { task_id: id, title }, op: id, root_cause: title, event: 'e' }),
    ),
);

describe('lines', () => {
  test.each(LOGS)(
    '%s never throws, keeps every line as a record, and folds alike in any chunking',
    (name) => {
      fc.assert(
        fc.property(
          fc.array(hostileLine, { maxLength: 25 }),
          fc.array(fc.nat(6), { maxLength: 12 }),
          (texts, sizes) => {
            const lines = texts.map(
              (text, index): Line => ({ text: text.replaceAll('\n', ' '), offset: index * 100 }),
            );
            const chunks: Line[][] = [];
            let from = 0;
            for (const size of sizes) {
              chunks.push(lines.slice(from, from + size));
              from += size;
            }
            chunks.push(lines.slice(from));
            const whole = foldLines(name, [lines]);
            const pieces = foldLines(name, chunks);
            expect([...pieces.facts].sort()).toEqual([...whole.facts].sort());
            expect(JSON.parse(JSON.stringify([...whole.facts]))).toEqual([...whole.facts]);
            const records = whole.folds.flatMap((fold) => fold.records ?? []);
            expect(records.map((record) => record.offset)).toEqual(
              lines.filter((line) => line.text.trim() !== '').map((line) => line.offset),
            );
            expect(pieces.folds.flatMap((fold) => fold.records ?? [])).toEqual(records);
          },
        ),
        { numRuns: 150 },
      );
    },
  );

  test('counts a torn line as bad with its place, and not the half line a file is entered at', () => {
    const parser = parserOf('scheduler');
    const lines: Line[] = [
      { text: '"op": "x"}', offset: 50 },
      { text: '{"op": "claim_jo', offset: 90 },
    ];
    const folded = parser.fold(null, { type: 'lines', lines, partial: true }, context(new Map(), 'p'));
    expect(folded.bad).toEqual([
      { path: 'p', offset: 90, reason: expect.stringContaining('not JSON'), excerpt: '{"op": "claim_jo' },
    ]);
    expect(folded.records).toHaveLength(2);
  });

  test('reads a line of the log with its naive local time in the zone of the host', () => {
    const text =
      '{"timestamp": "2026-03-02T04:14:07.360411", "level": "INFO", "logger": "m2.decompose", "message": "Goal classified", "task_type": "docs"}';
    const folded = parserOf('orchestratorLog').fold(
      null,
      { type: 'lines', lines: [{ text, offset: 0 }] },
      { ...context(new Map(), 'p'), located: { ...located, timezone: 'Europe/Berlin' } },
    );
    expect(folded.records).toEqual([
      {
        offset: 0,
        at: Date.parse('2026-03-02T03:14:07.360Z'),
        level: 'info',
        text: 'Goal classified  task_type=docs',
        origin: 'm2.decompose',
      },
    ]);
  });

  test('keeps a bounded number of task titles', () => {
    const lines = Array.from(
      { length: 900 },
      (_, index): Line => ({
        text: JSON.stringify({ payload: { task_id: `t${index}`, title: `Task ${index}` } }),
        offset: index,
      }),
    );
    const { facts } = foldLines('orchestratorLog', [lines]);
    expect(Object.keys(facts.get('titles') as object)).toHaveLength(400);
  });
});

describe('documents', () => {
  test.each(DOCUMENTS)('%s never throws, and text that is no object leaves the last good facts', (name) => {
    const parser = parserOf(name);
    fc.assert(
      fc.property(
        fc.oneof(
          hostileLine,
          fc.jsonValue().map((value) => JSON.stringify({ tasks: value, items: value, signals: value })),
        ),
        (text) => {
          const folded = parser.fold(null, { type: 'document', text }, context(new Map(), 'q/jobs/a1.json'));
          if (folded.facts === undefined) expect(folded.bad).toHaveLength(1);
          else expect(JSON.parse(JSON.stringify(folded.facts))).toEqual(folded.facts);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('the database', () => {
  const parser = parserOf('database');
  const cell = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constant(null),
    fc.json(),
    fc.constantFrom('2026-03-02T03:14:07.000000Z', 'running', 'awaiting_audit', '{}', '[]'),
  );
  const columns = fc.constantFrom(
    'job_id',
    'project_id',
    'goal',
    'status',
    'last_result',
    'error',
    'human_inputs',
    'runner_pid',
    'lease_until',
    'heartbeat_at',
    'attempt_count',
    'id',
    'ts',
    'event',
    'payload',
    'run_id',
    'jobs',
    'failed_tasks',
  );
  const rows = fc.array(fc.dictionary(columns, cell, { maxKeys: 12 }), { maxLength: 8 });
  const chunk = (results: Record<string, Record<string, string | number | null>[]>, failed = {}): Chunk => ({
    type: 'database',
    results,
    failed,
  });

  test('never throws on any rows', () => {
    fc.assert(
      fc.property(rows, rows, rows, rows, (open, finished, recent, counts) => {
        const folded = parser.fold(
          parser.start,
          chunk({ open, finished, recent, opened: recent, counts, hidden: finished, runs: open }),
          context(new Map(), 'db'),
        );
        expect(JSON.parse(JSON.stringify(folded.facts))).toEqual(folded.facts);
      }),
      { numRuns: 150 },
    );
  });

  test('keeps the last good facts when the table of jobs cannot be read', () => {
    const folded = parser.fold(
      parser.start,
      chunk({}, { open: 'no such table: jobs' }),
      context(new Map(), 'db'),
    );
    expect(folded.facts).toBeUndefined();
    expect(folded.bad?.[0]?.reason).toBe('jobs: no such table: jobs');
  });

  test('works on an older shape without the later columns', () => {
    const folded = parser.fold(
      parser.start,
      chunk(
        { open: [{ job_id: 'a1', goal: 'g', status: 'queued' }] },
        { events: 'no such table', finished: 'no such column' },
      ),
      context(new Map(), 'db'),
    );
    expect(folded.facts?.['jobs']).toMatchObject([{ id: 'a1', status: 'queued', lease: null, attempts: 0 }]);
    expect(folded.bad).toHaveLength(2);
  });

  const row = (id: number): Record<string, string | number | null> => ({
    id,
    job_id: 'a1',
    ts: '2026-03-02T03:14:07.000000Z',
    event: 'status_changed',
    payload: '{"status": "running"}',
  });

  test('tells each event once, in order, across looks', () => {
    const first = parser.fold(
      parser.start,
      chunk({ open: [], recent: [row(2), row(1)] }),
      context(new Map(), 'db'),
    );
    const second = parser.fold(
      first.carry,
      chunk({ open: [], recent: [row(3), row(2), row(1)] }),
      context(new Map(), 'db'),
    );
    const again = parser.fold(
      second.carry,
      chunk({ open: [], recent: [row(3), row(2), row(1)] }),
      context(new Map(), 'db'),
    );
    expect(first.records?.map((record) => record.offset)).toEqual([1, 2]);
    expect(second.records?.map((record) => record.text)).toEqual(['a1 status_changed status=running']);
    expect(again.records).toEqual([]);
  });

  test('starts over when the database was laid out anew', () => {
    const first = parser.fold(
      parser.start,
      chunk({ open: [], recent: [row(900)] }),
      context(new Map(), 'db'),
    );
    const anew = parser.fold(first.carry, chunk({ open: [], recent: [row(1)] }), context(new Map(), 'db'));
    expect(anew.records).toHaveLength(1);
  });

  test('says how many events passed unseen when more came than one look holds', () => {
    const recent = Array.from({ length: 1000 }, (_, index) => row(5000 - index));
    const folded = parser.fold({ lastEvent: 1000 }, chunk({ open: [], recent }), context(new Map(), 'db'));
    expect(folded.records?.[0]?.text).toContain('3000 events passed between two looks');
  });
});
