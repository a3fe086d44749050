import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { at, beginning, costFile, find, line, World } from './world.ts';

const config = (limit: number): string =>
  `github:\n  repository: acme/widgets\nsafety:\n  max_api_cost_per_day: ${limit}\n`;
const request = (time: string, cost: number, total: number): string =>
  line(time, 'api_request_tracked', { provider: 'anthropic', cost, daily_total_cost: total });

describe('the cost of a reflexive installation', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.write('config/orchestrator-config.yaml', config(50), '2026-02-20T00:00:00Z');
    world.write('logs/orchestrator.log', beginning('2026-02-25T01:00:00Z'));
    world.daemon(10, '2026-02-25T00:59:58Z');
  });
  afterEach(() => world.remove());

  it.each([
    [39.99, 'ok', undefined],
    [40, 'warning', 5],
    [47.5, 'critical', 1],
  ] as const)('is %d of 50: %s', async (total, status, rank) => {
    world.write('workspace/cost_tracker.json', costFile('2026-02-25', total, '2026-02-25T02:00:00+00:00'));
    const meter = find(await world.derive('2026-02-25T09:40:00Z'), 'meter', 'cost');
    expect(meter).toMatchObject({ value: total, limit: 50, status, window: '2026-02-25 UTC' });
    expect(meter?.attention?.rank).toBe(rank);
  });

  it('does not look at the file of the same name that only usage-report opens', async () => {
    world.write('state/cost_tracker.json', costFile('2026-02-25', 49.9, '2026-02-25T09:00:00+00:00'));
    expect(find(await world.derive('2026-02-25T09:40:00Z'), 'meter', 'cost')).toBeUndefined();
  });

  it('knows the rate of the last hour and when the limit will be reached, cold from the log', async () => {
    const log = [10, 20, 30]
      .map((minute, index) => request(`2026-02-25T09:${minute}:00Z`, 2, 42 + 2 * index))
      .join('');
    world.write('logs/orchestrator.log', beginning('2026-02-25T01:00:00Z') + log);
    world.write('workspace/cost_tracker.json', costFile('2026-02-25', 46, '2026-02-25T09:30:00+00:00'));
    const meter = find(await world.derive('2026-02-25T09:40:00Z'), 'meter', 'cost');
    expect(meter?.perHour).toBe(6);
    expect(meter?.exhaustsAt).toBe(at('2026-02-25T10:20:00Z'));
    expect(meter?.attention).toMatchObject({ rank: 1, until: at('2026-02-25T10:20:00Z') });
  });

  it('stands still between two steps of five minutes', async () => {
    world.write(
      'logs/orchestrator.log',
      beginning('2026-02-25T01:00:00Z') + request('2026-02-25T09:30:00Z', 2, 42),
    );
    world.write('workspace/cost_tracker.json', costFile('2026-02-25', 42, '2026-02-25T09:30:00+00:00'));
    const first = await world.derive('2026-02-25T09:40:01Z');
    const second = await world.derive('2026-02-25T09:44:59Z');
    expect(find(second, 'meter', 'cost')).toMatchObject({
      perHour: find(first, 'meter', 'cost')?.perHour,
      exhaustsAt: find(first, 'meter', 'cost')?.exhaustsAt,
    });
    expect(first.nextInstant).toBe(at('2026-02-25T09:45:00Z'));
    expect(find(await world.derive('2026-02-25T10:35:00Z'), 'meter', 'cost')?.perHour).toBe(0);
  });

  it('goes on counting yesterday after midnight while the daemon lives, and says so at midnight', async () => {
    world.write('workspace/cost_tracker.json', costFile('2026-02-25', 30, '2026-02-25T22:00:00+00:00'));
    const before = await world.derive('2026-02-25T23:59:00Z');
    expect(find(before, 'issue', 'cost-window')).toBeUndefined();
    expect(before.nextInstant).toBe(at('2026-02-26T00:00:00Z'));
    const after = await world.derive('2026-02-26T00:00:00Z');
    expect(find(after, 'issue', 'cost-window')).toMatchObject({
      since: at('2026-02-26T00:00:00Z'),
      attention: { rank: 5 },
    });
    expect(find(after, 'meter', 'cost')?.window).toBe('2026-02-25 UTC, not reset since');
  });

  it('is a day that is over when no daemon lives', async () => {
    world.processes = [];
    world.write('workspace/cost_tracker.json', costFile('2026-02-25', 49, '2026-02-25T22:00:00+00:00'));
    const derived = await world.derive('2026-02-26T03:00:00Z');
    expect(find(derived, 'issue', 'cost-window')).toBeUndefined();
    expect(find(derived, 'meter', 'cost')).toMatchObject({ status: 'ok' });
    expect(find(derived, 'meter', 'cost')?.attention).toBeUndefined();
    expect(find(derived, 'meter', 'cost')?.exhaustsAt).toBeUndefined();
  });

  it('goes by the limit the daemon was started with, not by an edit of the file', async () => {
    world.write('config/orchestrator-config.yaml', config(200), '2026-02-25T09:00:00Z');
    world.write('workspace/cost_tracker.json', costFile('2026-02-25', 45, '2026-02-25T09:00:00+00:00'));
    const derived = await world.derive('2026-02-25T09:40:00Z');
    expect(find(derived, 'meter', 'cost')).toMatchObject({ limit: 50, status: 'warning' });
    expect(find(derived, 'issue', 'config-not-in-force')?.title).toBe(
      'daily limit $200.00 is written, $50.00 is in force',
    );
    world.processes = [];
    expect(find(await world.derive('2026-02-25T09:40:00Z'), 'meter', 'cost')).toMatchObject({
      limit: 200,
      status: 'ok',
    });
  });

  it('says that refused answers were paid for, until a request goes through again', async () => {
    const refusal = line(
      '2026-02-25T09:30:00Z',
      'Unexpected error calling multi-agent-coder',
      { error: 'Daily cost limit would be exceeded: $50.1000 > $50.00' },
      'error',
    );
    const log = beginning('2026-02-25T01:00:00Z') + request('2026-02-25T09:20:00Z', 1, 49.8) + refusal;
    world.write('logs/orchestrator.log', log);
    world.write('workspace/cost_tracker.json', costFile('2026-02-25', 49.8, '2026-02-25T09:20:00+00:00'));
    const derived = await world.derive('2026-02-25T09:40:00Z');
    expect(find(derived, 'issue', 'cost-refused')).toMatchObject({
      severity: 'fatal',
      attention: { rank: 1, label: 'COST' },
    });
    expect(find(derived, 'meter', 'cost')?.attention).toBeUndefined();
    world.write('logs/orchestrator.log', log + request('2026-02-25T09:31:00Z', 0.1, 49.9));
    expect(find(await world.derive('2026-02-25T09:40:00Z'), 'issue', 'cost-refused')).toBeUndefined();
  });

  it('keeps to the log where the file could not be saved', async () => {
    world.write(
      'logs/orchestrator.log',
      beginning('2026-02-25T01:00:00Z') + request('2026-02-25T09:30:00Z', 5, 44),
    );
    world.write('workspace/cost_tracker.json', costFile('2026-02-25', 30, '2026-02-25T08:00:00+00:00'));
    expect(find(await world.derive('2026-02-25T09:40:00Z'), 'meter', 'cost')).toMatchObject({
      value: 44,
      window: '2026-02-25 UTC',
    });
  });

  it('takes what a rate limit says as over once its reset has passed', async () => {
    const limits = {
      rate_limits: {
        anthropic: { limit: 60, used: 59, remaining: 1, reset_time: '2026-02-25T09:30:00+00:00' },
      },
    };
    world.write('state/rate_limiter.json', JSON.stringify(limits));
    const before = await world.derive('2026-02-25T09:29:00Z');
    expect(find(before, 'meter', 'rate-anthropic')).toMatchObject({
      value: 59,
      status: 'critical',
      window: 'until 09:30Z',
    });
    expect(before.nextInstant).toBe(at('2026-02-25T09:30:00Z'));
    expect(find(await world.derive('2026-02-25T09:30:00Z'), 'meter', 'rate-anthropic')).toMatchObject({
      status: 'ok',
    });
  });
});
