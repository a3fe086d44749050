/** Units of systemd as a described kind, by the built program: what it shows, and acts to their end. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runVerb } from '../../e2e/verb.ts';
import { descriptionOf } from './described.ts';
import { layOutUnits, type Manner, type UnitHost } from './unit-host.ts';

const hosts: UnitHost[] = [];
afterAll(() => {
  for (const host of hosts) host.remove();
});

function hostOf(manner: Manner, more: Parameters<typeof layOutUnits>[1] = {}): UnitHost {
  const host = layOutUnits(manner, more);
  hosts.push(host);
  return host;
}

const YES = ['--yes', '--reason', 'asked by phone'];

describe.concurrent('units of systemd, described', () => {
  it('are shown with what is down, and their journal with times, levels and bytes that are no UTF-8', async () => {
    const host = hostOf('honest');
    const status = await host.run('status', '--json');
    expect(status.stderr).toBe('');
    const told = JSON.parse(status.stdout) as {
      attention: { ref: string; key: string }[];
      services: { id: string; status: string }[];
    };
    expect(told.services.map(({ id, status: word }) => `${id} ${word}`).sort()).toEqual([
      'agent-clean.service unknown',
      'agent-crash.service down',
      'agent-gateway.service down',
      'agent-index@eu.service down',
      'agent-worker.service up',
    ]);
    const steps = await host.run('steps', 'service/agent-gateway.service');
    expect(steps.stdout).toMatch(
      /A unit is down[\s\S]*its unit file is the one that is loaded[\s\S]*start it anew/,
    );
    const { stdout } = await host.run('logs', '--json');
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { time: string; level?: string; text: string });
    expect(rows.map(({ time, level, text }) => [time, level, text])).toEqual([
      ['2026-03-01T02:58:40.000Z', 'error', 'could not bind: address in use'],
      ['2026-03-01T02:58:40.500Z', 'info', '\u001b[31mjob \ufffd'],
      ['2026-03-01T02:58:41.000Z', 'info', "agent-gateway.service: Failed with result 'exit-code'."],
      ['2026-03-01T02:58:42.000Z', 'info', expect.stringContaining('"MESSAGE":null')],
    ]);
  });

  it('a restart counts when the unit was started anew', async () => {
    const host = hostOf('honest');
    const { code, stdout } = await host.run('act', 'unit.restart', 'agent-worker.service', ...YES);
    expect(stdout).toMatch(/verified, exit 0/);
    expect(code).toBe(0);
    expect(host.calls()).toEqual([['restart', '--', 'agent-worker.service']]);
    // It is another decision once it was started anew, though its status is the same word.
    expect((await host.run('act', 'unit.restart', 'agent-worker.service', '--dry-run')).code).toBe(0);
  });

  it('exit 0 and nothing happened is told as such, though the unit is up', async () => {
    const host = hostOf('idle', { within: '1s' });
    const { code, stdout } = await host.run('act', 'unit.restart', 'agent-worker.service', ...YES);
    expect(stdout).toMatch(/not seen in \d+ s: it was started anew/);
    expect(code).toBe(6);
  });

  it('a refusal is told in the words of systemctl', async () => {
    const host = hostOf('denied', { within: '500ms' });
    const { code, stdout } = await host.run('act', 'unit.restart', 'agent-worker.service', ...YES);
    expect(stdout).toContain('exit 4');
    expect(code).toBe(5);
  });

  it('a program that hangs is ended, and the act is not called done', async () => {
    const host = hostOf('hangs', { within: '500ms' });
    const { code, stdout } = await host.run('act', 'unit.stop', 'agent-worker.service', ...YES);
    expect(stdout).toMatch(/timed out/);
    expect(code).toBe(5);
  });

  it('a unit that was started too often is reset before it is started', async () => {
    const host = hostOf('honest');
    const refused = await host.run('act', 'unit.restart', 'agent-index@eu.service', ...YES);
    expect([refused.code, refused.stderr]).toEqual([
      4,
      expect.stringContaining('systemd refuses until it is reset'),
    ]);
    const { code, stdout } = await host.run('act', 'unit.reset-and-start', 'agent-index@eu.service', ...YES);
    expect(stdout).toMatch(/verified/);
    expect(code).toBe(0);
    expect(host.calls()).toEqual([
      ['reset-failed', '--', 'agent-index@eu.service'],
      ['start', '--', 'agent-index@eu.service'],
    ]);
  });

  it('where there is no systemctl the source says so, and the act is off with that reason', async () => {
    const host = hostOf('honest', { withoutPrograms: true });
    const status = await host.run('status');
    expect(status.code).toBe(3);
    expect(status.stdout + status.stderr).toContain('unit');
  });
});

describe('the real systemctl of this host', () => {
  it.skipIf(spawnSync('systemctl', ['--version']).error)(
    'is understood, or shown as giving no answer',
    async () => {
      const base = mkdtempSync(join(tmpdir(), 'binnacle-real-units-'));
      try {
        const config = join(base, 'binnacle.yaml');
        writeFileSync(
          config,
          `kinds: { units: ${JSON.stringify(descriptionOf('units'))} }\nsystems: [{ kind: units, root: ${base} }]\n`,
        );
        const { stdout } = await runVerb(['status', '--json', '-C', config]);
        const told = JSON.parse(stdout) as {
          services: { id: string }[];
          issues: { id: string; detail: string }[];
        };
        const isRunning = spawnSync('systemctl', ['show', '--property=Version']).status === 0;
        if (isRunning) expect(told.services.length).toBeGreaterThan(0);
        else
          expect(told.issues).toEqual([
            expect.objectContaining({
              id: 'systemctl gives no answer',
              detail: expect.stringMatching(/^exit 1: /),
            }),
          ]);
      } finally {
        rmSync(base, { recursive: true });
      }
    },
  );
});
