import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { analyticsSchema } from '../../../fixtures/demo/reflexive/formats.ts';
import { at, beginning, find, line, World } from './world.ts';

const now = '2026-02-25T09:40:00Z';

describe('operations of a reflexive installation', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.write('config/orchestrator-config.yaml', 'github:\n  repository: acme/widgets\n');
    world.write('logs/orchestrator.log', beginning('2026-02-25T07:00:00Z'));
  });
  afterEach(() => world.remove());

  function database(sql: string): void {
    mkdirSync(join(world.dir, 'workspace'), { recursive: true });
    const file = new Database(join(world.dir, 'workspace/analytics.db'));
    file.exec(analyticsSchema + sql);
    file.close();
  }
  const open = (id: number, issue: number, started: string): string =>
    `INSERT INTO operations (id, operation_type, operation_id, started_at, success) VALUES (${id}, 'process_issue', '${issue}', '${started}', 0);`;
  const closed = (id: number, issue: number, ended: string, error: string): string =>
    `INSERT INTO operations (id, operation_type, operation_id, started_at, completed_at, success, error_message, error_type) VALUES (${id}, 'process_issue', '${issue}', '2026-02-25 07:01:00', '${ended}', 0, '${error}', 'testing');`;

  it('runs while its daemon lives and an hour is not over, and says when it will count as stuck', async () => {
    database(open(1, 5, '2026-02-25 09:00:00'));
    world.daemon(10, '2026-02-25T06:59:58Z');
    const derived = await world.derive(now);
    expect(find(derived, 'job', 'op-1')).toMatchObject({ status: 'running' });
    expect(find(derived, 'job', 'op-1')?.attention).toBeUndefined();
    expect(derived.nextInstant).toBe(at('2026-02-25T10:00:00Z'));
  });

  it('is stalled from the hour on, by time alone', async () => {
    database(open(1, 5, '2026-02-25 09:00:00'));
    world.daemon(10, '2026-02-25T06:59:58Z');
    expect(find(await world.derive('2026-02-25T09:59:59Z'), 'job', 'op-1')?.attention).toBeUndefined();
    const job = find(await world.derive('2026-02-25T10:00:00Z'), 'job', 'op-1');
    expect(job).toMatchObject({
      status: 'running',
      attention: { rank: 4, label: 'STALLED', since: at('2026-02-25T10:00:00Z') },
    });
  });

  it('is an orphan, not a failure, when no daemon lives', async () => {
    database(open(1, 5, '2026-02-25 09:00:00'));
    expect(find(await world.derive(now), 'job', 'op-1')).toMatchObject({
      status: 'unknown',
      nativeStatus: 'in flight, orphaned',
      attention: { rank: 4, label: 'ORPHAN' },
    });
  });

  it('is an orphan when the daemon of now was started after it', async () => {
    database(open(1, 5, '2026-02-25 06:30:00'));
    world.daemon(10, '2026-02-25T06:59:58Z');
    expect(find(await world.derive(now), 'job', 'op-1')?.nativeStatus).toBe('in flight, orphaned');
  });

  it('is an orphan when the one-threaded daemon went on to another issue', async () => {
    database(open(1, 5, '2026-02-25 09:00:00') + open(2, 6, '2026-02-25 09:10:00'));
    world.daemon(10, '2026-02-25T06:59:58Z');
    const derived = await world.derive(now);
    expect(find(derived, 'job', 'op-1')?.attention?.why).toContain('went on to another issue');
    expect(find(derived, 'job', 'op-2')?.status).toBe('running');
  });

  it('asks for nobody once a newer attempt at the same issue exists', async () => {
    database(
      open(1, 5, '2026-02-25 06:00:00') +
        closed(2, 5, '2026-02-25 09:10:00', 'Tests failed') +
        open(3, 5, '2026-02-25 09:20:00'),
    );
    world.daemon(10, '2026-02-25T06:59:58Z');
    const derived = await world.derive(now);
    expect(find(derived, 'job', 'op-1')?.attention).toBeUndefined();
    expect(find(derived, 'job', 'op-2')?.attention).toBeUndefined();
    expect(find(derived, 'job', 'op-2')?.status).toBe('failed');
    expect(find(derived, 'job', 'op-3')).toMatchObject({ status: 'running', attempts: 3 });
  });

  it('lets a failure fade from the queue after a day, and says when', async () => {
    database(closed(1, 5, '2026-02-25 09:10:00', 'Tests failed'));
    world.daemon(10, '2026-02-25T06:59:58Z');
    expect(find(await world.derive(now), 'job', 'op-1')?.attention).toMatchObject({
      rank: 7,
      label: 'FAILED',
    });
    const last = await world.derive('2026-02-26T09:09:59Z');
    expect(find(last, 'job', 'op-1')?.attention).toBeDefined();
    expect(last.nextInstant).toBe(at('2026-02-26T09:10:00Z'));
    const later = await world.derive('2026-02-26T09:10:00Z');
    expect(find(later, 'job', 'op-1')).toMatchObject({ status: 'failed' });
    expect(find(later, 'job', 'op-1')?.attention).toBeUndefined();
  });

  it('tells a refusal of the issue from a failure', async () => {
    database(closed(1, 5, '2026-02-25 09:10:00', 'Issue too complex: 9'));
    expect(find(await world.derive(now), 'job', 'op-1')?.attention?.label).toBe('REJECTED');
  });

  it('knows stage and pull request from the log', async () => {
    const log =
      beginning('2026-02-25T07:00:00Z') +
      line('2026-02-25T09:00:00Z', 'operation_started', {
        operation_type: 'process_issue',
        operation_id: '5',
        db_id: 1,
      }) +
      line('2026-02-25T09:08:00Z', 'Implementation plan generated for #5', { issue_number: 5 });
    world.write('logs/orchestrator.log', log);
    database(open(1, 5, '2026-02-25 09:00:00'));
    world.daemon(10, '2026-02-25T06:59:58Z');
    expect(find(await world.derive(now), 'job', 'op-1')).toMatchObject({
      nativeStatus: 'in flight, implementing',
      heartbeatAt: at('2026-02-25T09:08:00Z'),
    });
    const end =
      line('2026-02-25T09:20:00Z', 'operation_completed', { operation_db_id: 1, success: true }) +
      line('2026-02-25T09:20:00Z', 'Successfully processed work item 5', {
        work_item_id: '5',
        pr_created: true,
        pr_number: 88,
      });
    world.write('logs/orchestrator.log', log + end);
    database("UPDATE operations SET completed_at = '2026-02-25 09:20:00', success = 1 WHERE id = 1;");
    const done = find(await world.derive(now), 'job', 'op-1');
    expect(done).toMatchObject({ status: 'done', data: { issue: '5', pr: 88 } });
    expect(done?.cautions?.[0]).toContain('PR #88');
    expect(done?.logKeys).toContain('pr-88');
  });

  it('tells of process-issue that the daemon never heard of it, until the daemon takes the issue up', async () => {
    const log =
      beginning('2026-02-25T07:00:00Z') +
      line('2026-02-25T09:10:00Z', 'Manually triggered processing for issue #91', { issue_number: 91 });
    world.write('logs/orchestrator.log', log);
    world.daemon(10, '2026-02-25T06:59:58Z');
    expect(find(await world.derive(now), 'job', 'request-91')?.attention).toMatchObject({
      rank: 7,
      label: 'LOST',
    });
    world.write(
      'logs/orchestrator.log',
      log + line('2026-02-25T09:15:00Z', 'Claimed issue #91', { issue_number: 91, title: 'Sort' }),
    );
    const derived = await world.derive(now);
    expect(find(derived, 'job', 'request-91')).toBeUndefined();
    expect(find(derived, 'job', 'issue-91')).toMatchObject({ status: 'queued', title: '#91 Sort' });
  });

  it('reads a database of an older shape', async () => {
    mkdirSync(join(world.dir, 'workspace'), { recursive: true });
    const file = new Database(join(world.dir, 'workspace/analytics.db'));
    file.exec(
      "CREATE TABLE operations (id INTEGER PRIMARY KEY, operation_type TEXT, operation_id TEXT, started_at TEXT, completed_at TEXT, success INTEGER); INSERT INTO operations VALUES (4, 'process_issue', '7', '2026-02-25 09:00:00', NULL, 0);",
    );
    file.close();
    world.daemon(10, '2026-02-25T06:59:58Z');
    expect(find(await world.derive(now), 'job', 'op-4')).toMatchObject({ status: 'running', title: '#7' });
  });
});
