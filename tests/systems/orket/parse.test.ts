import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SystemId } from '../../../src/domain/entity.ts';
import { instant } from '../../../src/domain/instant.ts';
import type { Json } from '../../../src/lib/json.ts';
import { orketKind } from '../../../src/systems/orket/index.ts';
import { KEPT_TURNS } from '../../../src/systems/orket/log-facts.ts';
import { orketParsers } from '../../../src/systems/orket/parse.ts';
import { readMove } from '../../../src/systems/orket/parse-database.ts';
import type {
  Chunk,
  FileFacts,
  Folded,
  Line,
  Located,
  ParseContext,
  Parser,
} from '../../../src/systems/system.ts';

const located: Located = {
  system: 'orket' as SystemId,
  kind: 'orket',
  root: '/srv/orket',
  timezone: 'America/Denver',
  settings: {},
  extra: {},
};

/** Folds chunk after chunk the way the engine does. */
function foldAll(name: string, chunks: readonly Chunk[], path = 'workspace/default/orket.log') {
  const parser = orketParsers[name] as Parser;
  let carry = parser.start;
  let facts = new Map<string, Json>();
  const folded: Folded[] = [];
  for (const chunk of chunks) {
    const context: ParseContext = {
      located,
      source: name,
      path,
      now: instant(Date.UTC(2026, 1, 20)),
      fact: (key) => facts.get(key),
    };
    const one = parser.fold(carry, chunk, context);
    carry = one.carry;
    folded.push(one);
    if (!one.facts) continue;
    if (chunk.type !== 'lines') facts = new Map();
    for (const [key, value] of Object.entries(one.facts)) {
      if (value === null) facts.delete(key);
      else facts.set(key, value);
    }
  }
  return {
    facts,
    carry,
    records: folded.flatMap((one) => one.records ?? []),
    bad: folded.flatMap((one) => one.bad ?? []),
  };
}

function linesOf(texts: readonly string[]): Line[] {
  let offset = 0;
  return texts.map((text) => {
    const line = { text, offset };
    offset += text.length + 1;
    return line;
  });
}

const lines = (texts: readonly string[]): Chunk => ({ type: 'lines', lines: linesOf(texts) });

function event(
  name: string,
  data: object,
  role = 'system',
  timestamp = '2026-02-19T21:14:09.360047-07:00',
): string {
  return JSON.stringify({ timestamp, role, event: name, data });
}

describe('orket.log', () => {
  it('turns a line into a readable record with its own offset from UTC, level and keys', () => {
    const { records } = foldAll('log', [
      lines([
        event(
          'tool_call_result',
          {
            issue_id: 'TIDE-3',
            role: 'coder',
            session_id: '9c41e7b0',
            turn_index: 5,
            tool: 'write_file',
            ok: false,
            error: 'Is a directory',
          },
          'coder',
        ),
      ]),
    ]);
    expect(records).toEqual([
      {
        offset: 0,
        at: Date.UTC(2026, 1, 20, 4, 14, 9, 360),
        level: 'error',
        text: 'tool_call_result TIDE-3 #5 coder tool=write_file ok=false error=Is a directory run=9c41e7b0',
        keys: ['TIDE-3', '9c41e7b0', '9c41e7b0/tide-3/5/coder'],
        origin: 'coder',
      },
    ]);
  });

  it('takes run events by their run_id, which session_id never carries', () => {
    const { facts } = foldAll('log', [
      lines([
        event('session_start', {
          epic: 'tide_ledger',
          run_id: '9c41e7b0',
          build_id: 'b',
          runtime_event: { session_id: '' },
        }),
        event('session_end', { run_id: '9c41e7b0', status: 'failed', failure_class: 'ModelTimeoutError' }),
      ]),
    ]);
    expect(facts.get('run/9c41e7b0')).toMatchObject({
      epic: 'tide_ledger',
      end: { status: 'failed', failureClass: 'ModelTimeoutError' },
    });
  });

  it('counts what is no event with its place and shows it all the same', () => {
    const torn = event('turn_start', { issue_id: 'A', session_id: 'r', turn_index: 1, role: 'c' }).slice(
      0,
      60,
    );
    const { records, bad, facts } = foldAll('log', [
      {
        type: 'lines',
        lines: [
          ...linesOf(['[]', 'x', torn]),
          { text: '{"timestamp": "2026-02-20T00:00:00Z"', offset: 99, cut: true },
        ],
      },
    ]);
    expect(bad.map((one) => [one.offset, one.reason.split(':')[0]])).toEqual([
      [0, 'no event name'],
      [3, 'not a JSON line'],
      [5, 'not a JSON line'],
      [99, 'line longer than the limit'],
    ]);
    expect(records).toHaveLength(4);
    expect(records[3]?.at).toBe(Date.UTC(2026, 1, 20));
    expect([...facts.keys()].filter((key) => !key.startsWith('ring'))).toEqual([]);
  });

  it('keeps a bounded number of turns, the newest ones, also when folded line by line', () => {
    const texts = Array.from({ length: KEPT_TURNS + 50 }, (_, index) =>
      event('turn_complete', { issue_id: 'A', session_id: 'r', turn_index: index + 1, role: 'c' }, 'c'),
    );
    const { facts } = foldAll(
      'log',
      linesOf(texts).map((line): Chunk => ({ type: 'lines', lines: [line] })),
    );
    const turns = [...facts.keys()].filter((key) => key.startsWith('turn/'));
    expect(turns).toHaveLength(KEPT_TURNS);
    expect(facts.has('turn/r:a:50:c')).toBe(false);
    expect(facts.has(`turn/r:a:${KEPT_TURNS + 50}:c`)).toBe(true);
    expect([...facts.keys()].length).toBeLessThan(2 * KEPT_TURNS + 20);
  });

  it('forgets the end of a turn that begins again', () => {
    const ids = { issue_id: 'A', session_id: 'r', turn_index: 1, role: 'c' };
    const { facts } = foldAll('log', [
      lines([event('turn_complete', ids, 'c'), event('turn_start', { ...ids, selected_model: 'm' }, 'c')]),
    ]);
    expect(facts.get('turn/r:a:1:c')).not.toHaveProperty('end');
  });
});

describe('runtime_events.jsonl', () => {
  it('tells how turns ended, and shows no line whose time nobody knows', () => {
    const ids = { session_id: 'r', issue_id: 'A', turn_index: 1, turn_trace_id: 'r:A:coder:1' };
    const { facts, records, bad } = foldAll('events', [
      lines([
        JSON.stringify({ event: 'turn_start', role: 'coder', ...ids, selected_model: 'm' }),
        JSON.stringify({ event: 'turn_failed', role: 'system', ...ids, turn_trace_id: 'r:A:coder:1' }),
        'torn',
      ]),
    ]);
    expect(facts.get('turn/r:a:1:coder')).toMatchObject({ model: 'm', end: { how: 'failed' } });
    expect(records).toEqual([]);
    expect(bad).toHaveLength(1);
  });
});

describe('the crash log', () => {
  it("reads naive times in the installation's zone and keeps the traceback's lines", () => {
    const { records, facts } = foldAll('crash', [
      lines([
        '2026-02-19 21:19:12,433 - ERROR - CRITICAL CRASH: no answer',
        'Traceback (most recent call last):',
      ]),
    ]);
    expect(records[0]?.at).toBe(Date.UTC(2026, 1, 20, 4, 19, 12, 433));
    expect(records[1]).toMatchObject({ level: 'error', text: 'Traceback (most recent call last):' });
    expect(facts.get('crash')).toMatchObject({ text: 'CRITICAL CRASH: no answer' });
  });
});

describe('a turn directory', () => {
  const path = 'workspace/default/observability/9c41e7b0/tide-3/005_coder';
  const directory = (texts: Record<string, string>, more: readonly string[] = []): Chunk => ({
    type: 'directory',
    names: ['messages.json', ...Object.keys(texts), ...more].sort(),
    texts,
    modifiedAt: {},
  });
  const checkpoint = JSON.stringify({
    issue_id: 'TIDE-3',
    model: 'm',
    tool_calls: [
      { tool: 'read_file', args: { path: 'a' } },
      { tool: 'read_file', args: { path: 'a' } },
    ],
  });

  it('keeps the last whole checkpoint while a new one is half-written, and says so', () => {
    const { facts, bad } = foldAll(
      'turn',
      [
        directory({ 'checkpoint.json': checkpoint }),
        directory({ 'checkpoint.json': checkpoint.slice(0, 30) }),
      ],
      path,
    );
    expect(facts.get('turn')).toMatchObject({ torn: true, checkpoint: { issue: 'TIDE-3' } });
    expect(bad).toMatchObject([{ path: `${path}/checkpoint.json` }]);
  });

  it('expects one result file of two equal calls', () => {
    const { facts } = foldAll('turn', [directory({ 'checkpoint.json': checkpoint })], path);
    expect(facts.get('turn')).toMatchObject({
      checkpoint: { distinctCalls: 1, tools: ['read_file', 'read_file'] },
    });
  });

  it('is refused with a reason when its name is no turn', () => {
    const { bad, facts } = foldAll('turn', [directory({})], 'workspace/default/observability/r/i/notes');
    expect(bad).toHaveLength(1);
    expect(facts.size).toBe(0);
  });
});

describe('card history', () => {
  it.each([
    [
      `Set Status to 'ready' (from 'in_progress') reason='retry_scheduled' meta={"error": "it's \\"so\\"", "run_id": "r1"}`,
      { to: 'ready', from: 'in_progress', reason: 'retry_scheduled', run: 'r1', error: `it's "so"` },
    ],
    [`Set Status to 'code_review' (from 'in_progress')`, { to: 'code_review', from: 'in_progress' }],
    [`Archived card (project removal)`, { to: 'archived' }],
    [`Archived build 'b' (project removal)`, { to: 'archived' }],
    [`Set Status to 'done' (from 'x') reason='r' meta={broken`, { to: 'done', from: 'x', reason: 'r' }],
  ])('reads %s', (action, expected) => {
    expect(readMove(1, action)).toEqual({ id: 1, ...expected });
  });

  it('passes over rows that change no status', () => {
    expect(readMove(1, 'Reassigned to coder')).toBeUndefined();
  });
});

describe('documents that are half-written', () => {
  it.each(['violation', 'verification'])('keep the last good facts of a %s', (name) => {
    const good =
      name === 'violation'
        ? '{"card_id": "A", "violation_type": "tool_gate"}'
        : '{"ok": false, "issue_id": "A"}';
    const { facts, bad } = foldAll(name, [
      { type: 'document', text: good },
      { type: 'document', text: good.slice(0, 20) },
    ]);
    expect(facts.get('document')).toMatchObject({ card: 'A' });
    expect(bad).toHaveLength(1);
  });
});

describe('health', () => {
  it('remembers since when the answers are bad', () => {
    const bad: Chunk = { type: 'http', latencyMs: 5, failures: 1, error: 'refused' };
    const { facts } = foldAll('health', [bad, bad]);
    expect(facts.get('health')).toMatchObject({ state: 'none', since: Date.UTC(2026, 1, 20) });
    const up = foldAll('health', [
      bad,
      { type: 'http', status: 200, body: '{"status":"ok"}', latencyMs: 3, failures: 0 },
    ]);
    expect(up.facts.get('health')).toEqual({ state: 'up', httpStatus: 200, latencyMs: 3, failures: 0 });
  });
});

describe('hostile input', () => {
  const eventName = fc.constantFrom(
    'session_start',
    'session_end',
    'session_halted',
    'turn_start',
    'turn_complete',
    'turn_failed',
    'turn_non_progress',
    'orchestrator_stalled',
    'retry_triggered',
    'runtime_verifier_started',
    'runtime_verifier_completed',
    'tool_call_result',
    'tool_call_blocked',
    'model_timeout_retry',
    'resume_requeue_issue',
  );
  const id = fc.constantFrom('r1', 'r2', 'TIDE-1', 'TIDE-2', '__proto__', '');
  const anything = fc.oneof(fc.jsonValue(), id, fc.integer({ min: -1, max: 3 }));
  const likely = fc
    .record({
      timestamp: fc.oneof(fc.constant('2026-02-19T21:14:09.360047-07:00'), fc.string()),
      role: fc.constantFrom('coder', 'system', 'reviewer'),
      event: eventName,
      data: fc.record(
        {
          session_id: id,
          run_id: id,
          issue_id: id,
          role: fc.constantFrom('coder', 'reviewer'),
          turn_index: fc.integer({ min: 0, max: 3 }),
          status: anything,
          error: anything,
          backlog: anything,
          ok: anything,
          retry_count: anything,
          review_payload: anything,
          runtime_event: anything,
        },
        { requiredKeys: [] },
      ),
    })
    .map((value) => JSON.stringify(value));
  const line = fc.oneof(
    likely,
    fc.string({ unit: 'binary' }),
    fc.json(),
    likely.map((text) => text.slice(0, 40)),
  );

  it.each(['log', 'events', 'crash'])(
    'never makes the %s parser throw, and any chunking gives the same',
    (name) => {
      fc.assert(
        fc.property(
          fc.array(line, { maxLength: 30 }),
          fc.array(fc.nat(29), { maxLength: 5 }),
          (texts, cuts) => {
            const all = linesOf(texts);
            const whole = foldAll(name, [{ type: 'lines', lines: all }]);
            const edges = [0, ...cuts.filter((cut) => cut < all.length).sort((a, b) => a - b), all.length];
            const pieces = edges
              .slice(1)
              .map((end, index): Chunk => ({ type: 'lines', lines: all.slice(edges[index], end) }));
            const split = foldAll(name, pieces);
            expect(Object.fromEntries(split.facts)).toEqual(Object.fromEntries(whole.facts));
            expect(split.records).toEqual(whole.records);
            expect(split.bad).toEqual(whole.bad);
            expect(split.carry).toEqual(whole.carry);
          },
        ),
        { numRuns: 150 },
      );
    },
  );

  it.each(['violation', 'verification'])('never makes the %s parser throw', (name) => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        const { bad, facts } = foldAll(name, [{ type: 'document', text }]);
        expect(bad.length + facts.size).toBe(1);
      }),
    );
  });

  it('never makes the parser of turn directories throw', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.json());
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text, text, (role, checkpoint, result) => {
        const texts = { 'checkpoint.json': checkpoint, 'tool_result_x_0123456789ab.json': result };
        const chunk: Chunk = { type: 'directory', names: Object.keys(texts), texts, modifiedAt: {} };
        foldAll('turn', [chunk], `workspace/w/observability/r/i/001_${role}`);
      }),
    );
  });

  it('never makes derive throw, whatever the parsers made of it', () => {
    const value = fc.oneof(id, fc.constantFrom('running', 'failed', 'blocked', 'done', 'pending'), fc.json());
    const columns = [
      'id',
      'session_id',
      'card_id',
      'issue_id',
      'build_id',
      'status',
      'failure_class',
      'summary_json',
    ];
    const row = fc.record(Object.fromEntries(columns.map((name) => [name, value])));
    const time = fc.constantFrom('2026-02-19T21:14:09+00:00', 'never', null);
    const rows = fc.array(
      fc
        .tuple(row, time)
        .map(([one, at]) => ({ ...one, request_id: one['id'], started_at: at, created_at: at })),
      { maxLength: 6 },
    );
    const role = fc.constantFrom('coder', 'reviewer', '-x', '\u001b[2J');
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 30 }),
        rows,
        role,
        fc.json(),
        (texts, some, name, checkpoint) => {
          const path = `workspace/default/observability/r1/tide-1/001_${name}`;
          const results = { cards: some, moves: some, runs: some, sessions: some, gates: some } as never;
          const chunk: Chunk = {
            type: 'directory',
            names: ['checkpoint.json', 'messages.json'],
            texts: { 'checkpoint.json': checkpoint },
            modifiedAt: {},
          };
          const now = instant(Date.UTC(2026, 1, 20));
          const file = (source: string, at: string, facts: ReadonlyMap<string, Json>) => [
            { source, path: at, present: true, readAt: now, facts },
          ];
          const sources: { readonly [source: string]: readonly FileFacts[] } = {
            'orket.log': file(
              'orket.log',
              'workspace/default/orket.log',
              foldAll('log', [lines(texts)]).facts,
            ),
            events: file('events', 'runtime_events.jsonl', foldAll('events', [lines(texts)]).facts),
            db: file('db', 'x.db', foldAll('database', [{ type: 'database', results, failed: {} }]).facts),
            turns: file('turns', path, foldAll('turn', [chunk], path).facts),
          };
          const { entities } = orketKind.derive({
            located,
            now,
            processes: { readAt: now, processes: [] },
            facts: { files: (source) => sources[source] ?? [], status: () => undefined },
          });
          const keys = entities.map((one) => `${one.type}/${one.id}`);
          expect(new Set(keys).size).toBe(keys.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('never makes the database parser throw, whatever types the columns hold', () => {
    const value = fc.oneof(fc.string(), fc.double(), fc.constant(null), fc.json());
    const columns = [
      'id',
      'session_id',
      'card_id',
      'action',
      'status',
      'timestamp',
      'summary_json',
      'payload_json',
      'request_id',
    ];
    const row = fc.record(Object.fromEntries(columns.map((name) => [name, value])));
    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), (rows) => {
        const results = { cards: rows, moves: rows, runs: rows, sessions: rows, gates: rows } as never;
        const { facts } = foldAll('database', [{ type: 'database', results, failed: {} }]);
        expect(facts.get('tables')).toMatchObject({ cards: true });
      }),
    );
  });
});
