import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { readIdentity } from '../../src/host/identity.ts';

const source = new URL('../../src/host/identity.ts', import.meta.url).pathname;

describe.skipIf(process.platform !== 'linux')('who is at the keyboard', () => {
  it('is named with the SSH client, whose variable comes first', () => {
    expect(readIdentity({ SSH_CONNECTION: '10.0.0.7 4711 10.0.0.1 22', SUDO_USER: 'alice' })).toMatchObject({
      sshFrom: '10.0.0.7',
      uid: process.geteuid?.(),
    });
  });

  it('is named with it where sudo took the variable away: the shell above still has it', () => {
    const program = `const { readIdentity } = await import('${source}'); console.log(readIdentity().sshFrom)`;
    const { stdout } = spawnSync(
      'sh',
      [
        '-c',
        'env -u SSH_CONNECTION -u SSH_CLIENT "$0" --input-type=module -e "$1"; true',
        process.execPath,
        program,
      ],
      { encoding: 'utf8', env: { PATH: process.env['PATH'], SSH_CONNECTION: '10.9.8.7 4711 10.0.0.1 22' } },
    );
    expect(stdout.trim()).toBe('10.9.8.7');
  });
});
