import { describe, expect, test } from 'vitest';
import { keeperOf, keeperStep } from '../../src/domain/keeper.ts';

const at = { program: '/usr/bin/systemctl', cwd: '/srv/x', timeoutMs: 1_000 };

describe('the keeper of a program', () => {
  test.each([undefined, '', 'process'])('is nobody where %j is set', (setting) => {
    expect(keeperOf(setting)).toEqual({ by: 'process' });
  });

  test.each(['systemd', 'systemd-user', 'docker'])('is named by %s:NAME', (by) => {
    expect(keeperOf(`${by}:worker@1.service`)).toEqual({ by, name: 'worker@1.service' });
  });

  test.each(['--help', 'systemd:', 'systemd:--now', 'systemd:a b', 'docker:$(x)', 'runit:x', 'systemd:a\nb'])(
    'is wrong as %j',
    (setting) => {
      expect(keeperOf(setting)).toBe('wrong');
    },
  );

  test('is told what to do without being asked for a password, its name behind --', () => {
    const unit = { by: 'systemd', name: 'api' } as const;
    expect(keeperStep(unit, 'restart', at).argv).toEqual([
      '/usr/bin/systemctl',
      '--no-ask-password',
      'restart',
      '--',
      'api',
    ]);
    expect(keeperStep({ ...unit, by: 'systemd-user' }, 'stop', at).argv.slice(1, 4)).toEqual([
      '--user',
      '--no-ask-password',
      'stop',
    ]);
    expect(
      keeperStep({ by: 'docker', name: 'api' }, 'start', { ...at, program: '/bin/docker' }).argv,
    ).toEqual(['/bin/docker', 'start', 'api']);
  });
});
