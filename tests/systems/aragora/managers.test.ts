import { describe, expect, it } from 'vitest';
import type { SystemId } from '../../../src/domain/entity.ts';
import { instant } from '../../../src/domain/instant.ts';
import type { Json } from '../../../src/lib/json.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import { aragoraParsers } from '../../../src/systems/aragora/parse.ts';
import { placeOf } from '../../../src/systems/aragora/schema.ts';
import type { Chunk, Look, ParseContext } from '../../../src/systems/system.ts';
import { located } from './told.ts';

function fold(
  parser: string,
  chunk: Partial<Extract<Chunk, { type: 'probe' }>>,
  known: Record<string, Json> = {},
) {
  const context: ParseContext = {
    located: located(),
    source: parser,
    path: parser,
    now: instant(1_000),
    fact: (key) => known[key],
  };
  const whole: Chunk = { type: 'probe', exitCode: 0, stdout: '', stderr: '', ...chunk };
  return aragoraParsers[parser]?.fold(null, whole, context).facts ?? {};
}

describe('what systemctl, docker and kubectl print', () => {
  it('of a unit: state, process and since when, in both forms of the time', () => {
    const said = (time: string): string =>
      `ActiveState=active\nSubState=running\nResult=success\nMainPID=812\nNRestarts=2\nActiveEnterTimestamp=${time}\n`;
    const unit = { state: 'active', pid: 812, restarts: 2, startedAt: Date.UTC(2026, 10, 20, 22, 0, 0) };
    expect(fold('unit', { stdout: said('@1795212000') })['unit']).toMatchObject(unit);
    expect(fold('unit', { stdout: said('Fri 2026-11-20 22:00:00 UTC') })['unit']).toMatchObject(unit);
    expect(fold('unit', { stdout: said('Fr 20. Nov 22:00') })['unit']).toMatchObject({ startedAt: null });
  });

  it('of a container: running with its process, or ended with its code', () => {
    const container = (state: object): string => JSON.stringify([{ RestartCount: 1, State: state }]);
    const up = container({ Status: 'running', Pid: 99, StartedAt: '2026-11-20T22:00:00.123456789Z' });
    expect(fold('container', { stdout: up })['unit']).toMatchObject({
      state: 'active',
      pid: 99,
      startedAt: Date.UTC(2026, 10, 20, 22, 0, 0, 123),
    });
    const down = container({ Status: 'exited', Pid: 0, ExitCode: 137 });
    expect(fold('container', { stdout: down })['unit']).toMatchObject({
      state: 'exited',
      pid: null,
      result: 'exit 137',
    });
  });

  it.each([
    ['unit', { stdout: 'Unit aragora.service could not be found.' }, 'its output is not what it should be'],
    ['unit', { exitCode: 1, stderr: 'Failed to connect to bus' }, 'Failed to connect to bus'],
    ['container', { stdout: '[]' }, 'its output is not what it should be'],
    ['container', { stdout: '[{"State": {"Sta' }, 'its output is not what it should be'],
    ['cluster', { stdout: '{"items": 3}' }, 'its output is not what it should be'],
    ['cluster', { stdout: '<html>' }, 'its output is not what it should be'],
    ['cluster', { exitCode: 1, stderr: 'Error from server (Forbidden)' }, 'Error from server (Forbidden)'],
    ['cluster', { exitCode: null, error: 'did not end in time' }, 'did not end in time'],
  ])('of %s, when it is not that: the last good one stays, with the reason', (parser, chunk, why) => {
    const kept = parser === 'cluster' ? 'cluster' : 'unit';
    const facts = fold(parser, chunk, { [kept]: { state: 'active' } });
    expect(facts).toEqual({ answer: { ok: false, at: 1_000, why }, [kept]: { state: 'active' } });
  });

  it('of a cluster, with fields of wrong types and kinds nobody asked for', () => {
    const items = [
      { kind: 'Deployment', metadata: { name: 'a' }, spec: { replicas: 'two' }, status: null },
      { kind: 'Deployment', metadata: {} },
      { kind: 'Pod', metadata: { name: 'p' }, status: { containerStatuses: 'none' } },
      { kind: 'HorizontalPodAutoscaler', metadata: { name: 'h' }, spec: { scaleTargetRef: 7 } },
      'x',
      null,
    ];
    const facts = fold('cluster', { stdout: JSON.stringify({ items }) })['cluster'];
    expect(facts).toMatchObject({
      deployments: [{ name: 'a', replicas: 1 }],
      pods: [{ name: 'p', isReady: false, restarts: 0 }],
      autoscalers: [{ name: 'h', target: null }],
    });
  });
});

describe('run= and cluster=', () => {
  const look = (programs: readonly string[]): Look => ({
    exists: (path) => !path.includes('venv'),
    text: () => undefined,
    names: () => [],
    env: () => undefined,
    which: (name) => (programs.includes(name) ? `/usr/bin/${name}` : undefined),
  });
  const place = (settings: object, programs: readonly string[]) =>
    placeOf(aragoraKind.locate('/srv/aragora', look(programs), 'a' as SystemId, settings));
  const manager = (run: string, ...programs: string[]) => place({ run }, programs).manager;

  it('name a program by where it is, a unit by its name', () => {
    expect(manager('systemctl:aragora', 'systemctl')).toEqual({
      tool: 'systemctl',
      argv: ['/usr/bin/systemctl'],
      unit: 'aragora',
    });
    expect(manager('sudo systemctl:aragora@1.service', 'systemctl', 'sudo')).toMatchObject({
      argv: ['/usr/bin/sudo', '-n', '/usr/bin/systemctl'],
      unit: 'aragora@1.service',
    });
    expect(manager('docker:web', 'docker')).toMatchObject({ tool: 'docker', unit: 'web' });
    expect(manager('process:python -m aragora.server --http-port 8080', 'python3')).toEqual({
      tool: 'process',
      argv: ['/usr/bin/python3', '-m', 'aragora.server', '--http-port', '8080'],
    });
    expect(place({ cluster: 'kubectl:aragora' }, ['kubectl']).cluster).toEqual({
      argv: ['/usr/bin/kubectl'],
      namespace: 'aragora',
    });
  });

  it.each([
    ['systemctl:aragora', [], 'systemctl is not on PATH'],
    ['systemctl:--now', ['systemctl'], 'is not PROGRAM:NAME'],
    ['systemctl', ['systemctl'], 'is not PROGRAM:NAME'],
    ['reboot:now', ['reboot'], 'names reboot'],
    ['sudo systemctl:aragora', ['systemctl'], 'sudo is not on PATH'],
    ['process:node server.js', [], 'node is not on PATH'],
  ])('%s with %j says what is wrong where something would be started', (run, programs, why) => {
    expect(manager(run, ...programs)).toMatchObject({ tool: 'none', why: expect.stringContaining(why) });
  });
});
