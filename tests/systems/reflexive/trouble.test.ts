import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Json } from '../../../src/lib/json.ts';
import type { DeriveContext } from '../../../src/systems/system.ts';
import { costRatio } from '../../cost.ts';
import { at, beginning, find, line, World } from './world.ts';

const error = (time: string, event: string, text: string): string =>
  line(time, event, { error: text }, 'error');

describe('trouble of a reflexive installation', () => {
  let world: World;
  const begin = beginning('2026-02-25T06:00:00Z');
  beforeEach(() => {
    world = new World();
    world.write(
      'config/orchestrator-config.yaml',
      'github:\n  repository: acme/widgets\n',
      '2026-02-20T00:00:00Z',
    );
    world.write('logs/orchestrator.log', begin);
    world.daemon(10, '2026-02-25T05:59:58Z');
  });
  afterEach(() => world.remove());

  it('is fatal when the main loop fails three times in a row, with the first as since', async () => {
    const once = error('2026-02-25T09:30:00Z', 'Error in main loop', 'boom');
    world.write('logs/orchestrator.log', begin + once);
    expect(find(await world.derive('2026-02-25T09:30:30Z'), 'issue', 'main-loop')).toMatchObject({
      severity: 'error',
    });
    const more =
      error('2026-02-25T09:31:01Z', 'Error in main loop', 'boom') +
      error('2026-02-25T09:32:02Z', 'Error in main loop', 'boom');
    world.write('logs/orchestrator.log', begin + once + more);
    const derived = await world.derive('2026-02-25T09:32:30Z');
    expect(find(derived, 'issue', 'main-loop')).toMatchObject({
      severity: 'fatal',
      since: at('2026-02-25T09:30:00Z'),
      attention: { rank: 2, label: 'FATAL' },
    });
    expect(find(derived, 'layer', 'loop')?.status).toBe('failed');
  });

  it('lets go of the main loop once a pass got through, or when the next tries were silent', async () => {
    const failed = error('2026-02-25T09:30:00Z', 'Error in main loop', 'boom');
    world.write('logs/orchestrator.log', begin + failed);
    const derived = await world.derive('2026-02-25T09:31:00Z');
    expect(derived.nextInstant).toBe(at('2026-02-25T09:34:00Z'));
    expect(find(await world.derive('2026-02-25T09:34:00Z'), 'issue', 'main-loop')).toBeUndefined();
    world.write(
      'logs/orchestrator.log',
      begin + failed + line('2026-02-25T09:31:10Z', 'Processing 1 pending work items', { count: 1 }),
    );
    expect(find(await world.derive('2026-02-25T09:31:30Z'), 'issue', 'main-loop')).toBeUndefined();
  });

  it('does not call the failing loop of a dead daemon failing', async () => {
    world.write('logs/orchestrator.log', begin + error('2026-02-25T09:30:00Z', 'Error in main loop', 'boom'));
    world.processes = [];
    const derived = await world.derive('2026-02-25T09:30:30Z');
    expect(find(derived, 'issue', 'main-loop')).toBeUndefined();
    expect(find(derived, 'service', 'daemon')?.attention?.label).toBe('DOWN');
  });

  it('waits a poll longer for GitHub, and is not calmed by the rest of the pass', async () => {
    const log =
      begin +
      error('2026-02-25T09:30:00Z', 'Error checking for issues', '401') +
      line('2026-02-25T09:30:01Z', 'Processing 1 pending work items', { count: 1 });
    world.write('logs/orchestrator.log', log);
    expect(find(await world.derive('2026-02-25T09:41:59Z'), 'issue', 'github-check')).toBeDefined();
    expect(find(await world.derive('2026-02-25T09:42:00Z'), 'issue', 'github-check')).toBeUndefined();
  });

  it('does not count the check of the limit that always fails, nor errors twice', async () => {
    let audit = '';
    for (let minute = 30; minute < 40; minute += 1) {
      const entry = {
        event_type: 'error_occurred',
        message: 'Failed to check rate limit',
        actor: 'orchestrator',
        resource_type: null,
        resource_id: null,
        metadata: {},
      };
      const time = `2026-02-25T09:${minute}:00.000000`;
      audit += `${JSON.stringify({ timestamp: `${time}Z`, ...entry, event: 'audit_event', level: 'info', logger: 'audit' })}\n${JSON.stringify({ timestamp: time, ...entry })}\n`;
    }
    world.write('logs/audit.log', audit);
    expect(find(await world.derive('2026-02-25T09:40:00Z'), 'issue', 'error-burst')).toBeUndefined();
    const pairs = (count: number): string => {
      let text = '';
      for (let index = 0; index < count; index += 1) {
        const entry = {
          event_type: 'error_occurred',
          message: `Failed to push branch ${index}`,
          resource_id: null,
          metadata: {},
        };
        const time = `2026-02-25T09:3${index}:00.000000`;
        text += `${JSON.stringify({ timestamp: `${time}Z`, ...entry, logger: 'audit' })}\n${JSON.stringify({ timestamp: time, ...entry })}\n`;
      }
      return text;
    };
    world.write('logs/audit.log', pairs(4));
    expect(find(await world.derive('2026-02-25T09:36:00Z'), 'issue', 'error-burst')).toBeUndefined();
    world.write('logs/audit.log', pairs(5));
    const derived = await world.derive('2026-02-25T09:36:00Z');
    expect(find(derived, 'issue', 'error-burst')?.title).toMatch(/^5 errors in 10 minutes/);
    expect(find(await world.derive('2026-02-25T09:41:00Z'), 'issue', 'error-burst')).toBeUndefined();
  });

  it('counts the error lines of the main log where there is no audit.log', async () => {
    let log = begin;
    for (let minute = 30; minute < 36; minute += 1)
      log += error(`2026-02-25T09:${minute}:00Z`, 'Failed to push branch', 'denied');
    world.write('logs/orchestrator.log', log);
    expect(find(await world.derive('2026-02-25T09:36:00Z'), 'issue', 'error-burst')?.title).toMatch(
      /^6 errors/,
    );
  });

  it('holds the GitHub limit until it begins anew, by time alone', async () => {
    const fields = { remaining: 61, limit: 5000, reset_time: '2026-02-25T09:41:00+00:00' };
    world.write(
      'logs/orchestrator.log',
      begin + line('2026-02-25T09:25:00Z', 'GitHub API rate limit running low', fields, 'warning'),
    );
    const derived = await world.derive('2026-02-25T09:40:00Z');
    expect(find(derived, 'issue', 'github-limit')).toMatchObject({
      severity: 'warning',
      attention: { rank: 5, until: at('2026-02-25T09:41:00Z') },
    });
    expect(derived.nextInstant).toBe(at('2026-02-25T09:41:00Z'));
    expect(find(await world.derive('2026-02-25T09:41:00Z'), 'issue', 'github-limit')).toBeUndefined();
  });

  it('keeps an approval pending to its 24 hours and expires it by time alone', async () => {
    const ask = line('2026-02-25T08:00:00Z', 'approval_requested', {
      operation: 'merge_to_main',
      context: { pr_number: 4 },
    });
    world.write('logs/orchestrator.log', begin + ask);
    const id = `approval-merge_to_main-${at('2026-02-25T08:00:00Z') / 1000}`;
    const early = await world.derive('2026-02-25T09:00:00Z');
    expect(find(early, 'approval', id)).toMatchObject({
      status: 'pending',
      answerable: false,
      risk: 'critical',
      attention: { rank: 3 },
    });
    const soon = await world.derive('2026-02-26T07:00:00Z');
    expect(find(soon, 'approval', id)?.attention).toMatchObject({
      rank: 1,
      until: at('2026-02-26T08:00:00Z'),
      onExpiry: 'counts as denied',
    });
    expect(soon.nextInstant).toBe(at('2026-02-26T08:00:00Z'));
    const late = await world.derive('2026-02-26T08:00:00Z');
    expect(find(late, 'approval', id)).toMatchObject({
      status: 'expired',
      attention: { rank: 7, label: 'EXPIRED' },
    });
  });

  it('joins a decision to the request of the same operation that was asked just before it', async () => {
    const second = at('2026-02-25T08:10:00Z') / 1000;
    world.write(
      'logs/orchestrator.log',
      begin +
        line('2026-02-25T08:00:00Z', 'approval_requested', { operation: 'merge_to_main', context: {} }) +
        line('2026-02-25T08:09:58Z', 'approval_requested', { operation: 'merge_to_main', context: {} }) +
        line('2026-02-25T08:30:00Z', 'approval_denied', {
          request_id: `approval-merge_to_main-${second}`,
          decided_by: 'bob',
        }),
    );
    const approvals = (await world.derive('2026-02-25T09:00:00Z')).entities.filter(
      (one) => one.type === 'approval',
    );
    expect(approvals.map((one) => one.status).sort()).toEqual(['decided', 'pending']);
    expect(approvals.find((one) => one.status === 'decided')?.id).toBe(`approval-merge_to_main-${second}`);
  });

  it('knows that a merge asked for with auto_merge on was answered by the program itself', async () => {
    const entry = {
      timestamp: '2026-02-25T08:00:00.000000',
      event_type: 'human_approval_requested',
      message: 'm',
      resource_type: 'pr',
      resource_id: '9',
      metadata: { action: 'merge PR #9', reason: 'r' },
    };
    world.write('logs/audit.log', `${JSON.stringify(entry)}\n`);
    expect(find(await world.derive('2026-02-25T09:00:00Z'), 'approval', 'merge-pr-9')).toMatchObject({
      status: 'decided',
    });
    world.write(
      'config/orchestrator-config.yaml',
      'github:\n  repository: a/b\npr_management:\n  auto_merge: false\n',
      '2026-02-20T00:00:00Z',
    );
    expect(find(await world.derive('2026-02-25T09:00:00Z'), 'approval', 'merge-pr-9')).toMatchObject({
      status: 'pending',
      attention: { rank: 3 },
    });
    const merged = {
      timestamp: '2026-02-25T08:30:00.000000',
      event_type: 'pr_merged',
      message: 'm',
      resource_type: 'pr',
      resource_id: '9',
      metadata: {},
    };
    world.write('logs/audit.log', `${JSON.stringify(entry)}\n${JSON.stringify(merged)}\n`);
    expect(find(await world.derive('2026-02-25T09:00:00Z'), 'approval', 'merge-pr-9')).toMatchObject({
      status: 'decided',
    });
  });

  it('sees that the log was moved from under the daemon, and not a copy that was emptied', async () => {
    const moved = begin + line('2026-02-25T09:20:00Z', 'Claimed 1 new issues', { count: 1 });
    world.write('logs/orchestrator.log.20260225', moved);
    world.write('logs/orchestrator.log', '', '2026-02-25T09:10:00Z');
    expect(find(await world.derive('2026-02-25T09:40:00Z'), 'issue', 'log-moved')?.since).toBe(
      at('2026-02-25T09:10:00Z'),
    );
    // copytruncate: the copy ends before the emptied file begins
    world.write('logs/orchestrator.log', '', '2026-02-25T09:20:05Z');
    expect(find(await world.derive('2026-02-25T09:40:00Z'), 'issue', 'log-moved')).toBeUndefined();
    world.write('logs/orchestrator.log', line('2026-02-25T09:25:00Z', 'Claimed 1 new issues', { count: 1 }));
    const derived = await world.derive('2026-02-25T09:40:00Z');
    expect(find(derived, 'issue', 'log-moved')).toBeUndefined();
    expect(derived.entities.filter((one) => one.type === 'run')).toHaveLength(1);
  });

  it('follows the configuration the daemon was started with on its command line', async () => {
    world.write(
      'etc/prod.yaml',
      'github:\n  repository: a/b\nsafety:\n  max_api_cost_per_day: 7\norchestrator:\n  work_dir: ./work\n',
      '2026-02-20T00:00:00Z',
    );
    world.write(
      'work/cost_tracker.json',
      JSON.stringify({ date: '2026-02-25', total_cost: 3, provider_usage: {} }),
      '2026-02-25T09:00:00Z',
    );
    world.write('logs/orchestrator.log', '');
    world.processes = [];
    world.daemon(10, '2026-02-25T05:59:58Z', {
      argv: ['python', '-m', 'src.cli', '-c', 'etc/prod.yaml', 'start'],
    });
    expect(find(await world.derive('2026-02-25T09:40:00Z'), 'meter', 'cost')).toMatchObject({
      value: 3,
      limit: 7,
    });
  });

  it('derives 10,000 operations at a cost in proportion to that of 1,000', async () => {
    const { reflexiveKind } = await import('../../../src/systems/reflexive/index.ts');
    const factsOf = (size: number): Map<string, Json> => {
      const facts = new Map<string, Json>();
      for (let id = 1; id <= size; id += 1) {
        facts.set(`op:${id}`, {
          id,
          kind: 'process_issue',
          issue: String(id % 3000),
          startedAt: at('2026-02-25T08:00:00Z'),
          completed: id % 2 === 0,
          success: id % 4 === 0,
          retries: 0,
          attempts: 1,
          newest: id,
        });
      }
      return facts;
    };
    const now = at('2026-02-25T09:40:00Z');
    const file = {
      source: 'analytics.db',
      path: 'workspace/analytics.db',
      present: true,
      readAt: now,
    };
    // A log that begins in the middle of an operation is joined with every row.
    const moved = new Map([['item:?', { at: at('2026-02-25T08:30:00Z'), offset: 0, stage: 'testing' }]]);
    const log = { ...file, source: 'orchestrator.log', path: 'logs/orchestrator.log.1', facts: moved };
    const located = reflexiveKind.locate(
      world.dir,
      {
        exists: () => true,
        text: () => undefined,
        names: () => [],
        env: () => undefined,
        which: () => undefined,
      },
      'reflexive' as never,
      {},
    );
    const contextOf = (size: number): DeriveContext => {
      const rows = { ...file, facts: factsOf(size) };
      return {
        located,
        now,
        processes: { readAt: now, processes: world.processes },
        facts: {
          files: (source: string) =>
            source === 'analytics.db' ? [rows] : source === 'orchestrator.log' ? [log] : [],
          status: () => undefined,
        },
      };
    };
    const [small, large] = [contextOf(1_000), contextOf(10_000)];
    expect(reflexiveKind.derive(large).entities.length).toBeGreaterThan(10_000);
    const ratio = costRatio(
      () => reflexiveKind.derive(small),
      () => reflexiveKind.derive(large),
    );
    expect(ratio).toBeLessThan(25);
  });
});
