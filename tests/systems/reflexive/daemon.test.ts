import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { beginning, find, line, World } from './world.ts';

const start = '2026-02-25T09:00:00.000000Z';
const now = '2026-02-25T09:40:00Z';
const goodConfig = 'github:\n  repository: acme/widgets\n';

describe('the daemon of a reflexive installation', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.write('config/orchestrator-config.yaml', goodConfig, '2026-02-20T00:00:00Z');
    world.write('logs/orchestrator.log', beginning(start));
  });
  afterEach(() => world.remove());

  it('is up while its process lives, however long it is silent', async () => {
    world.daemon(10, '2026-02-25T08:59:58Z');
    const derived = await world.derive('2026-02-27T09:00:00Z');
    expect(find(derived, 'service', 'daemon')?.status).toBe('up');
    expect(find(derived, 'service', 'daemon')?.attention).toBeUndefined();
    expect(find(derived, 'run', 'daemon-20260225T090000Z')?.status).toBe('running');
  });

  it('is down and at rank 2 when it went without a stop event, with its last line as since', async () => {
    world.write(
      'logs/orchestrator.log',
      beginning(start) + line('2026-02-25T09:12:30Z', 'Claimed 1 new issues', { count: 1 }),
    );
    const service = find(await world.derive(now), 'service', 'daemon');
    expect(service?.status).toBe('down');
    expect(service?.attention).toMatchObject({ rank: 2, label: 'DOWN' });
    expect(service?.attention?.since).toBe(Date.parse('2026-02-25T09:12:30Z'));
  });

  it('is stopped, not lost, after SIGINT', async () => {
    const goodbye =
      line('2026-02-25T09:30:00Z', 'Received shutdown signal') +
      line('2026-02-25T09:30:00Z', 'Orchestrator stopped');
    world.write('logs/orchestrator.log', beginning(start) + goodbye);
    const derived = await world.derive(now);
    expect(find(derived, 'service', 'daemon')?.attention).toMatchObject({ rank: 4, label: 'STOPPED' });
    expect(find(derived, 'run', 'daemon-20260225T090000Z')).toMatchObject({
      status: 'halted',
      nativeStatus: 'stopped on request',
    });
  });

  it('takes the stop event of audit.log where the main log is at level WARNING', async () => {
    const stop = {
      timestamp: '2026-02-25T09:30:00.000000',
      event_type: 'orchestrator_stopped',
      message: 'Orchestrator stopped',
      metadata: {},
    };
    world.write('logs/audit.log', `${JSON.stringify(stop)}\n`);
    expect(find(await world.derive(now), 'service', 'daemon')?.attention?.label).toBe('STOPPED');
  });

  it('does not take orchestrator_started for a start', async () => {
    const said = { event_type: 'orchestrator_started', message: 'Orchestrator started in supervised mode' };
    world.write(
      'logs/orchestrator.log',
      line(start, 'audit_event', { ...said, logger: 'audit' }).replace(
        '"logger":"orchestrator"',
        '"logger":"audit"',
      ),
    );
    const derived = await world.derive(now);
    expect(derived.entities.filter((one) => one.type === 'run')).toEqual([]);
    expect(find(derived, 'service', 'daemon')?.status).toBe('unknown');
    expect(find(derived, 'service', 'daemon')?.attention).toBeUndefined();
  });

  it('ignores daemons of other checkouts, shells that hold the words in one argument, and the dead', async () => {
    world.daemon(11, start, { cwd: '/srv/elsewhere' });
    world.daemon(12, start, { argv: ['sh', '-c', 'python -m src.cli start'] });
    world.daemon(13, start, { state: 'Z' });
    world.daemon(14, start, { argv: ['python', '-m', 'src.cli', 'status'] });
    expect(find(await world.derive(now), 'service', 'daemon')?.status).toBe('down');
  });

  it('says unknown rather than down when a daemon hides its directory', async () => {
    world.daemon(11, start);
    world.processes = world.processes.map(({ cwd: _hidden, ...rest }) => rest);
    const service = find(await world.derive(now), 'service', 'daemon');
    expect(service?.status).toBe('unknown');
    expect(service?.attention).toBeUndefined();
  });

  it('counts sudo and the daemon below it as one', async () => {
    world.daemon(20, start, { argv: ['sudo', 'python', '-m', 'src.cli', 'start'] });
    world.daemon(21, start, { parentPid: 20 });
    const derived = await world.derive(now);
    expect(find(derived, 'issue', 'two-daemons')).toBeUndefined();
    expect(find(derived, 'service', 'daemon')?.detail).toContain('pid 21');
  });

  it('tells two daemons on one checkout at rank 1', async () => {
    world.daemon(20, '2026-02-25T08:59:59Z');
    world.daemon(30, '2026-02-25T09:20:00Z');
    const derived = await world.derive(now);
    expect(find(derived, 'issue', 'two-daemons')?.attention).toMatchObject({ rank: 1, label: 'DOUBLE' });
    expect(find(derived, 'run', 'daemon-pid-30')?.status).toBe('running');
  });

  it('says that a suspended daemon moves nothing', async () => {
    world.daemon(20, '2026-02-25T08:59:59Z', { state: 'T' });
    const service = find(await world.derive(now), 'service', 'daemon');
    expect(service).toMatchObject({ status: 'degraded', attention: { rank: 2, label: 'SUSPENDED' } });
  });

  it('finds the daemon of a container by the directory it was told', async () => {
    world.daemon(20, '2026-02-25T08:59:59Z', { cwd: '/app' });
    expect(find(await world.derive(now), 'service', 'daemon')?.status).toBe('down');
    world.settings = { daemonCwd: '/app' } as never;
    expect(find(await world.derive(now), 'service', 'daemon')?.status).toBe('up');
  });

  it.each([
    ['safety:\n  cost_limits:\n    daily_limit: 3\n', 'safety.max_api_cost_per_day'],
    ['safety:\n  complexity: {max_complexity: 9}\n', 'issue_processing.max_complexity'],
    ['logging:\n', 'logging: must be a section'],
    ['orchestrator:\n  mode: yolo\n', 'none of manual, supervised, autonomous'],
    ['safety: [\n', 'not YAML'],
  ])('says before a restart that %j will not start', async (text, reason) => {
    world.write('config/orchestrator-config.yaml', `${goodConfig}${text}`);
    world.daemon(10, '2026-02-25T08:59:58Z');
    const alive = find(await world.derive(now), 'issue', 'config-invalid');
    expect(alive).toMatchObject({ severity: 'error', attention: { rank: 7 } });
    expect(alive?.detail).toContain(reason);
    world.processes = [];
    const dead = await world.derive(now);
    expect(find(dead, 'issue', 'config-invalid')).toMatchObject({
      severity: 'fatal',
      attention: { rank: 2, label: 'FATAL' },
    });
    expect(find(dead, 'service', 'daemon')?.attention).toBeUndefined();
  });

  it('accepts unknown sections, as the program does', async () => {
    world.write('config/orchestrator-config.yaml', `${goodConfig}our_own:\n  anything: 1\n`);
    expect(find(await world.derive(now), 'issue', 'config-invalid')).toBeUndefined();
  });
});
