import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SystemId } from '../../../src/domain/entity.ts';
import { instant } from '../../../src/domain/instant.ts';
import type { LogRecord } from '../../../src/domain/log.ts';
import { FactStore } from '../../../src/engine/fact-store.ts';
import { reflexiveKind } from '../../../src/systems/reflexive/index.ts';
import { readLogLine } from '../../../src/systems/reflexive/parse-line.ts';
import type { Chunk, Located } from '../../../src/systems/system.ts';
import { costRatio } from '../../cost.ts';
import { beginning, line } from './world.ts';

const located: Located = {
  system: 'reflexive' as SystemId,
  kind: 'reflexive',
  root: '/r',
  timezone: 'UTC',
  settings: {},
  extra: { logFile: 'logs/orchestrator.log', auditFile: 'logs/audit.log', workDir: 'workspace' },
};

interface Outcome {
  readonly facts: Record<string, unknown>;
  readonly records: readonly LogRecord[];
  readonly bad: number;
}

/** Feeds lines in pieces of the given sizes. */
function feed(source: 'orchestrator.log' | 'audit.log', text: string, sizes: readonly number[]): Outcome {
  const store = new FactStore(located, reflexiveKind.parsers);
  store.setSpecs(reflexiveKind.sources(located, {}));
  let offset = 0;
  const lines = text.split('\n').map((one) => {
    const at = offset;
    offset += Buffer.byteLength(one) + 1;
    return { text: one, offset: at };
  });
  const records: LogRecord[] = [];
  let bad = 0;
  let from = 0;
  let turn = 0;
  while (from < lines.length) {
    const size = Math.max(1, sizes[turn % Math.max(1, sizes.length)] ?? lines.length);
    const chunk: Chunk = { type: 'lines', lines: lines.slice(from, from + size) };
    const outcome = store.take({
      type: 'chunk',
      source,
      path: `logs/${source}`,
      chunk,
      at: instant(1),
      fresh: from === 0,
    });
    records.push(...outcome.records);
    bad += outcome.bad.length;
    from += size;
    turn += 1;
  }
  const facts: Record<string, unknown> = {};
  for (const file of store.files(source)) for (const [key, value] of file.facts) facts[key] = value;
  return { facts, records, bad };
}

const story = [
  beginning('2026-02-25T06:00:00.000001Z'),
  line('2026-02-25T06:01:00Z', 'Claimed issue #5', { issue_number: 5, title: 'A' }),
  line('2026-02-25T06:01:01Z', 'Processing 1 pending work items', { count: 1 }),
  line('2026-02-25T06:01:02Z', 'Processing work item 5 through Phase 2 workflow', {
    work_item_id: '5',
    issue_number: '5',
  }),
  line('2026-02-25T06:01:03Z', 'operation_started', {
    operation_type: 'process_issue',
    operation_id: '5',
    db_id: 9,
  }),
  line('2026-02-25T06:02:00Z', 'api_request_tracked', {
    provider: 'openai',
    cost: 0.2,
    daily_total_cost: 41,
  }),
  line(
    '2026-02-25T06:02:01Z',
    'cost_limit_warning',
    { current_cost: 41, max_cost: 50, percentage: 82 },
    'warning',
  ),
  line('2026-02-25T06:03:00Z', 'Error in main loop', { error: 'x' }, 'error'),
  line('2026-02-25T06:04:00Z', 'approval_requested', {
    operation: 'merge_to_main',
    context: { pr_number: 3 },
  }),
  line('2026-02-25T06:05:00Z', 'operation_completed', { operation_db_id: 9, success: true }),
  line('2026-02-25T06:05:01Z', 'Successfully processed work item 5', {
    work_item_id: '5',
    pr_created: true,
    pr_number: 12,
  }),
  line('2026-02-25T06:06:00Z', 'Orchestrator stopped'),
].join('');

const auditEntry = (index: number): string => {
  const entry = {
    event_type: index % 3 === 0 ? 'error_occurred' : 'issue_claimed',
    message: `m${index % 4}`,
    actor: 'orchestrator',
    resource_type: 'issue',
    resource_id: String(index % 5),
    metadata: {},
  };
  const time = `2026-02-25T06:0${index % 10}:00.000001`;
  return `${JSON.stringify({ timestamp: `${time}Z`, ...entry, event: 'audit_event', level: 'info', logger: 'audit' })}\n${JSON.stringify({ timestamp: time, ...entry })}\n`;
};

describe('parsers of the reflexive kind', () => {
  it('fold a story to the same facts and records in any chunking', () => {
    const whole = feed('orchestrator.log', story, []);
    expect(whole.bad).toBe(0);
    expect(whole.records).toHaveLength(story.trimEnd().split('\n').length);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        expect(feed('orchestrator.log', story, sizes)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  it('never throw on arbitrary lines, and give the same in any chunking', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.json(),
      fc
        .record({
          event: fc.constantFrom(
            'operation_started',
            'api_request_tracked',
            'approval_requested',
            'Starting main loop',
            'GitHub API rate limit exceeded',
            'cost_limit_warning',
          ),
          timestamp: fc.constantFrom('2026-02-25T06:00:00Z', 'x', ''),
          db_id: fc.anything(),
          operation: fc.anything(),
          context: fc.anything(),
          daily_total_cost: fc.anything(),
          reset_time: fc.anything(),
        })
        .map((value) => JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? String(one) : one))),
      fc.constantFrom(...story.split('\n')),
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 });
    for (const source of ['orchestrator.log', 'audit.log'] as const) {
      fc.assert(
        fc.property(fc.array(hostile, { maxLength: 30 }), sizes, (lines, cut) => {
          const text = lines.map((one) => (one ?? '').replaceAll('\n', ' ')).join('\n');
          expect(feed(source, text, cut)).toEqual(feed(source, text, []));
        }),
        { numRuns: 120 },
      );
    }
  });

  it('leave nothing behind that derive would throw on', () => {
    const odd = fc.oneof(fc.anything(), fc.constantFrom('1e999', -1, 1e300, '', null, {}, []));
    const events = fc.constantFrom(
      ...[
        'Starting orchestrator',
        'Starting main loop',
        'Orchestrator stopped',
        'operation_started',
        'operation_completed',
      ],
      ...[
        'Successfully processed work item 4',
        'Failed to process work item x',
        'Claimed issue #4',
        'api_request_tracked',
      ],
      ...[
        'cost_limit_warning',
        'Error in main loop',
        'Error checking for issues',
        'GitHub API rate limit exceeded',
      ],
      ...[
        'approval_requested',
        'approval_timeout',
        'approval_decided',
        'Processing 3 pending work items',
        'audit_event',
      ],
      ...[
        'Manually triggered processing for issue #9',
        'cost_tracker_initialized',
        'Orchestrator encountered an error',
      ],
    );
    const names = [
      'db_id',
      'operation_db_id',
      'operation_id',
      'operation',
      'context',
      'cost',
      'daily_total_cost',
      'current_cost',
    ];
    names.push(
      'max_cost',
      'max_daily_cost',
      'reset_time',
      'limit',
      'remaining',
      'request_id',
      'event_type',
      'metadata',
      'error',
    );
    const fields = fc.dictionary(fc.constantFrom(...names), odd);
    const times = fc.constantFrom(
      '2026-02-25T06:00:00Z',
      '2026-02-25T06:10:00Z',
      '9999-12-31T23:59:59Z',
      '0001-01-01T00:00:00Z',
    );
    const entry = fc.tuple(events, fields, times, fc.constantFrom('info', 'error'));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), fc.boolean(), (entries, alive) => {
        const text = entries
          .map(([event, more, timestamp, level]) =>
            JSON.stringify({ ...more, event, level, timestamp }, (_key, one) =>
              typeof one === 'bigint' ? String(one) : one,
            ),
          )
          .join('\n');
        const store = new FactStore(located, reflexiveKind.parsers);
        store.setSpecs(reflexiveKind.sources(located, {}));
        const lines = text.split('\n').map((one, index) => ({ text: one, offset: index }));
        for (const source of ['orchestrator.log', 'audit.log']) {
          store.take({
            type: 'chunk',
            source,
            path: `logs/${source}`,
            chunk: { type: 'lines', lines },
            at: instant(1),
            fresh: true,
          });
        }
        const now = instant(Date.parse('2026-02-25T06:20:00Z'));
        const daemon = {
          pid: 5,
          parentPid: 1,
          groupId: 5,
          startedAt: instant(now - 9e5),
          argv: ['python', '-m', 'src.cli', 'start'],
          cwd: '/r',
          state: 'S',
          ports: [],
          readsTerminal: false,
        };
        const processes = { readAt: now, processes: alive ? [daemon] : [] };
        const derived = reflexiveKind.derive({ located, facts: store, processes, now });
        const keys = derived.entities.map((one) => `${one.type}/${one.id}`);
        expect(new Set(keys).size).toBe(keys.length);
        expect(derived.nextInstant === undefined || derived.nextInstant > now).toBe(true);
        expect(() => JSON.stringify(derived)).not.toThrow();
      }),
      { numRuns: 200 },
    );
  });

  it('never throw on arbitrary documents, and keep the last good facts', () => {
    const documents = ['cost', 'rate', 'roadmap', 'config'] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...documents),
        fc.oneof(fc.string({ unit: 'binary' }), fc.json()),
        (name, text) => {
          const parser = reflexiveKind.parsers[name];
          const context = { located, source: name, path: name, now: instant(1), fact: () => undefined };
          const folded = parser?.fold(parser.start, { type: 'document', text }, context);
          expect(folded?.facts === undefined ? (folded?.bad?.length ?? 0) > 0 : true).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('never throw on rows of any shape', () => {
    const value = fc.oneof(fc.string(), fc.double(), fc.constant(null));
    const rows = fc.array(
      fc.dictionary(
        fc.constantFrom('id', 'operation_id', 'started_at', 'completed_at', 'success', 'context', 'attempts'),
        value,
      ),
    );
    const parser = reflexiveKind.parsers['analytics'];
    fc.assert(
      fc.property(rows, rows, (open, closed) => {
        const context = {
          located,
          source: 'analytics.db',
          path: 'a',
          now: instant(1),
          fact: () => undefined,
        };
        expect(() =>
          parser?.fold(null, { type: 'database', results: { open, closed }, failed: {} }, context),
        ).not.toThrow();
      }),
    );
  });

  it('take each audit event once, whichever half is missing', () => {
    const pairs = Array.from({ length: 12 }, (_, index) => auditEntry(index)).join('');
    expect(feed('audit.log', pairs, []).records).toHaveLength(12);
    const onlyFirst = auditEntry(1).split('\n')[0] ?? '';
    const mixed = feed('audit.log', `${onlyFirst}\n${auditEntry(2)}${auditEntry(3)}`, []);
    expect(mixed.records.map((one) => one.text)).toEqual([
      'issue_claimed: m1',
      'issue_claimed: m2',
      'error_occurred: m3',
    ]);
    // Two processes writing between each other's halves.
    const [a1 = '', a2 = ''] = auditEntry(4).split('\n');
    const [b1 = '', b2 = ''] = auditEntry(5).split('\n');
    expect(feed('audit.log', `${a1}\n${b1}\n${a2}\n${b2}\n`, []).records).toHaveLength(2);
  });

  it('count and keep lines that are no events', () => {
    const outcome = feed('orchestrator.log', '{"torn": \nplain words of urllib3\n', []);
    expect(outcome.bad).toBe(1);
    expect(outcome.records.map((one) => one.text)).toEqual(['{"torn": ', 'plain words of urllib3']);
  });

  it('give lines without a number of their own to the item at work', () => {
    const { records } = feed('orchestrator.log', story, []);
    const tracked = records.find((one) => one.text.startsWith('api_request_tracked'));
    expect(tracked?.keys).toEqual(['issue-5', 'op-9']);
    const asked = records.find((one) => one.text.startsWith('Orchestrator stopped'));
    expect(asked?.keys).toBeUndefined();
  });

  it('forget the oldest of what is finished, so that facts stay bounded', () => {
    let text = '';
    for (let id = 0; id < 1500; id += 1) {
      text += line('2026-02-25T06:00:00Z', 'operation_started', {
        operation_type: 'process_issue',
        operation_id: String(id),
        db_id: id,
      });
    }
    const keys = Object.keys(feed('orchestrator.log', text, [100]).facts).filter((key) =>
      key.startsWith('op:'),
    );
    expect(keys).toHaveLength(600);
    expect(keys).toContain('op:1499');
  });

  it('read the coloured and the bare console form like the JSON form', () => {
    const E = '\u001b';
    const coloured = `${E}[2m2026-11-20T22:17:43.130556Z${E}[0m [${E}[32m${E}[1minfo     ${E}[0m] ${E}[1mClaimed issue #41               ${E}[0m [${E}[34m${E}[1morchestrator${E}[0m] ${E}[36missue_number${E}[0m=${E}[35m41${E}[0m ${E}[36mtitle${E}[0m=${E}[35mRetry a=b on 502${E}[0m`;
    const event = readLogLine(coloured, false);
    expect(event).toMatchObject({
      form: 'console',
      level: 'info',
      logger: 'orchestrator',
      event: 'Claimed issue #41',
      fields: { issue_number: 41, title: 'Retry a=b on 502' },
    });
    const bare = readLogLine(
      '2026-11-20T22:17:43.130556Z [warning  ] cost_limit_warning             [orchestrator] current_cost=41.2 max_cost=50.0',
      false,
    );
    expect(bare).toMatchObject({
      form: 'console',
      level: 'warning',
      event: 'cost_limit_warning',
      fields: { current_cost: 41.2, max_cost: 50 },
    });
  });

  it('is not slowed down by a line made to be slow', () => {
    const read = (size: number) => (): void => {
      readLogLine(`2026-11-20T22:17:43.130556Z [info     ] ${' '.repeat(3 * size)}[x`, false);
      readLogLine(`2026-11-20T22:17:43.130556Z [info     ] a [orchestrator]${' a='.repeat(size)}`, false);
    };
    expect(costRatio(read(8_000), read(80_000))).toBeLessThan(25);
  });
});
