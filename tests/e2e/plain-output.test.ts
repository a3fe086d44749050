import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildLaunched, type Launched } from './launched.ts';
import { closeTerminals, startTerminal } from './terminal.ts';

let launched: Launched;
beforeAll(async () => {
  launched = await buildLaunched({ withNode: false });
});
afterAll(() => launched.remove());

afterEach(closeTerminals);

/** Runs the full-screen program in a terminal whose shell command bends its streams; its output and exit code. */
async function runIn(
  command: string,
  env: Record<string, string> = {},
): Promise<{ text: string; code: number | null }> {
  const terminal = startTerminal({
    command: '/bin/sh',
    args: ['-c', `"$0" "$1" screen ${command}; echo "code $?"`, process.execPath, launched.program],
    env: { ...launched.env, ...env },
    columns: 100,
  });
  const { code } = await terminal.exit;
  return { text: terminal.output().toString(), code };
}

describe('where no screen can be drawn', () => {
  it.each([
    ['output into a pipe', '| cat', {}, 'standard output is not a terminal'],
    ['input from a file', '</dev/null', {}, 'standard input is not a terminal'],
    ['closed input', '<&-', {}, 'standard input is not a terminal'],
    ['closed output', '>&-', {}, 'standard output is not a terminal'],
    ['a dumb terminal', '', { TERM: 'dumb' }, 'TERM=dumb says this terminal can only print lines'],
    ['a build server', '', { CI: 'true' }, 'CI is set, so nobody is at the keys'],
  ])(
    'row 47: says why and what to do instead, as plain text with code 2: %s',
    async (_, command, env, why) => {
      const { text } = await runIn(command, env);
      expect(text).toBe(
        [
          `binnacle: the cockpit can not be drawn here: ${why}`,
          '  one look as text:  binnacle status',
          '  the logs as text:  binnacle logs --follow',
          `code ${command === '| cat' ? 0 : 2}`,
          '',
        ].join('\r\n'),
      );
      expect(text).not.toContain('\x1b');
    },
  );

  it('row 47: says so without any terminal at all', () => {
    const ended = spawnSync(process.execPath, [launched.program, 'screen'], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm' },
    });
    expect(ended).toMatchObject({ status: 2, stdout: '' });
    expect(ended.stderr).toMatch(
      /^binnacle: the cockpit can not be drawn here: standard output is not a terminal\n/,
    );
  });
});
