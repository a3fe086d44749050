import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../acting.ts';
import { Rig } from './rig.ts';

describe('the daemon, started and stopped from the cockpit', () => {
  let rig: Rig;
  afterEach(() => rig.end());

  it('is started after its configuration was validated, and seen in the process table and in its own log', async () => {
    rig = new Rig();
    const preview = await rig.preview('daemon.start', 'service', 'daemon', { mode: 'supervised' });
    expect(preview.refused).toBeUndefined();
    expect(preview.commands[0]).toContain('-m src.cli validate-config');
    expect(preview.commands[1]).toContain('setsid');
    expect(preview.commands[1]).toContain('start --mode=supervised');
    expect(preview.warnings.join(' ')).toContain('GITHUB_TOKEN');
    const { outcome, row } = await rig.act('daemon.start', 'service', 'daemon', { mode: 'supervised' });
    expect(outcome).toBe('verified');
    expect(row.progress.stages.map(({ title, state }) => [title, state])).toEqual([
      ['a process of the daemon', 'seen'],
      ['its log says that it went to work', 'seen'],
    ]);
    expect((await rig.preview('daemon.start', 'service', 'daemon')).refused).toMatch(/^it runs: pid \d+/);

    const { outcome: stopped, row: end } = await rig.act('daemon.stop', 'service', 'daemon');
    expect(stopped).toBe('verified');
    await until(async () => (await rig.find('service', 'daemon')).attention?.label === 'STOPPED');
    expect(end.progress.stages.map(({ title }) => title)).toContain('its log says goodbye');
    expect(rig.log()).toContain('Received shutdown signal');
  });

  it('is not called started by exit 0 of a program that starts nothing', async () => {
    rig = new Rig();
    rig.lie('start-does-nothing');
    rig.hurry = 60;
    const { outcome } = await rig.act('daemon.start', 'service', 'daemon');
    expect(outcome).not.toBe('verified');
    expect((await rig.find('service', 'daemon')).type).toBe('service');
  });

  it('that begins and ends again with an error is told as that', async () => {
    rig = new Rig();
    rig.lie('start-dies');
    const { outcome, summary } = await rig.act('daemon.start', 'service', 'daemon');
    expect(outcome).not.toBe('verified');
    expect(summary).toMatch(/it ended: .*database is locked|began and ended again|ended within/);
  });

  it('is not started with a configuration that its start would refuse, nor ended for it', async () => {
    rig = new Rig();
    await rig.daemon();
    await rig.view();
    rig.world.write(
      'config/orchestrator-config.yaml',
      'github:\n  repository: acme/widgets\nsafety:\n  cost_limits:\n    daily_limit: 9\n',
    );
    await rig.find('issue', 'config-invalid');
    const preview = await rig.preview('daemon.restart', 'service', 'daemon');
    expect(preview.refused).toContain('cost_limits');
    expect((await rig.find('service', 'daemon')).type).toBe('service');
  });

  it('is restarted: the old one interrupted, a new one in the same mode', async () => {
    rig = new Rig();
    const old = await rig.daemon();
    const preview = await rig.preview('daemon.restart', 'service', 'daemon');
    expect(preview.commands).toHaveLength(3);
    expect(preview.commands[1]).toBe(`kill -INT ${old}`);
    expect(preview.commands[2]).toContain('--mode=supervised');
    const { outcome, row } = await rig.act('daemon.restart', 'service', 'daemon');
    expect(row.progress.stages.map(({ title, state }) => [title, state])).toEqual([
      ['the process has ended', 'seen'],
      ['a process of the daemon', 'seen'],
      ['its log says that it went to work', 'seen'],
    ]);
    expect(outcome).toBe('verified');
  });

  it('that ignores the interrupt is told as living on, and is killed by its pid', async () => {
    rig = new Rig();
    rig.lie('ignores-interrupt');
    const pid = await rig.daemon();
    rig.hurry = 60;
    const { outcome, summary } = await rig.act('daemon.stop', 'service', 'daemon');
    expect(outcome).toBe('failed');
    expect(summary).toContain(`process ${pid} took SIGINT and still lives`);
    rig.hurry = 1;
    const preview = await rig.preview('daemon.kill', 'service', 'daemon');
    expect(preview.confirmation).toBe('code');
    expect(preview.commands).toEqual([`kill -KILL ${pid}`]);
    expect((await rig.act('daemon.kill', 'service', 'daemon')).outcome).toBe('verified');
    await until(async () => (await rig.find('service', 'daemon')).attention?.label === 'DOWN');
  });
});
