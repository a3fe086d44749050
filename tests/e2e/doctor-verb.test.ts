/** `binnacle doctor` of the built program: what it finds, what it says to do, and the code it ends with. */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/domain/finding.ts';
import { temporaryDirectory } from './cockpit.ts';
import { runVerb, type VerbOptions } from './verb.ts';

const NOBODY = 65_534;

describe('doctor', () => {
  let top: ReturnType<typeof temporaryDirectory>;
  let orket: string;
  const servers: Server[] = [];
  beforeEach(() => {
    top = temporaryDirectory('doctor');
    chmodSync(top.path, 0o755);
    orket = join(top.path, 'orket');
    cpSync(new URL('../../fixtures/orket/stalled-turn/root', import.meta.url).pathname, orket, {
      recursive: true,
    });
    mkdirSync(join(orket, '.venv/bin'), { recursive: true });
    writeFileSync(join(orket, '.venv/bin/python'), '#!/bin/sh\necho Python 3.12.9\n', { mode: 0o755 });
  });
  afterEach(() => {
    for (const server of servers.splice(0)) server.closeAllConnections() ?? server.close();
    top.remove();
  });

  async function doctor(args: readonly string[], options: VerbOptions = {}) {
    const env = { BINNACLE_STATE_DIR: join(top.path, 'state'), LANG: 'C.UTF-8', ...options.env };
    const ran = await runVerb(['doctor', '--json', ...args], { cwd: top.path, ...options, env });
    const told = JSON.parse(ran.stdout) as { exit: number; ok: number; findings: Finding[] };
    expect(told.exit).toBe(ran.code);
    return {
      ...{ ran, told },
      of: (area: string, subject: string) =>
        told.findings.find((one) => one.area === area && one.subject === subject),
    };
  }

  it('finds a system that is all right, and leaves nothing anywhere', async () => {
    const before = readdirSync(orket, { recursive: true }).length;
    const { ran, told, of } = await doctor(['-s', `orket=${orket}`]);
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
    expect(told).toMatchObject({ schema: 'binnacle-doctor/1', ok: told.findings.length });
    expect(of('orket', 'python')?.says).toBe(`${orket}/.venv/bin/python: Python 3.12.9`);
    expect(of('orket', 'main.py')?.says).toContain('for turn.replay');
    expect(of('orket', 'log orket.log')?.level).toBe('ok');
    expect(existsSync(join(top.path, 'state'))).toBe(false);
    expect(readdirSync(orket, { recursive: true })).toHaveLength(before);
  });

  it('says in words what it found, what to do, and how much of each', async () => {
    const { stdout, code } = await runVerb(['doctor', '-s', `orket=${orket},key-env=TOY_KEY`], {
      env: { BINNACLE_STATE_DIR: join(top.path, 'state') },
    });
    expect(code).toBe(2);
    expect(stdout).toMatch(/^binnacle\n {2}ok {4}version +\d+\.\d+\.\d+ on Node \d+/);
    expect(stdout).toMatch(/\n {2}fail {2}key-env +TOY_KEY is set neither.*\n +-> export TOY_KEY/);
    expect(stdout).toMatch(/\n1 to be mended, 0 with a limit, \d+ right\n$/);
  });

  it.each<[string, string[], RegExp]>([
    ['a system that is not there', ['-s', 'orket=/nowhere'], /\/nowhere does not exist/],
    ['nothing to watch', [], /there is nothing to watch/],
    ['a mistake in the configuration, by line', ['-C', 'wrong.yaml'], /wrong\.yaml:2: thema: is no key/],
    [
      'a hook whose program is missing',
      ['-C', 'hook.yaml'],
      /hook\.yaml:3: hooks\.0\.do\.program: \/nowhere can't be started/,
    ],
  ])('%s is told among the rest: exit 2', async (_what, args, says) => {
    writeFileSync(join(top.path, 'wrong.yaml'), 'version: 1\nthema: mono\n');
    const hook = `systems: [{ kind: orket, root: ${orket} }]\nhooks:\n  - { on: [fatal], do: { program: [/nowhere] } }\n`;
    writeFileSync(join(top.path, 'hook.yaml'), hook);
    const { ran, told, of } = await doctor(args);
    expect(ran.code).toBe(2);
    const failed = told.findings.filter(({ level }) => level === 'fail');
    expect(failed).toMatchObject([{ says: expect.stringMatching(says), mend: expect.any(String) }]);
    expect(of('records', 'state directory')?.level).toBe('ok');
  });

  it('tells an absent system beside those that are there', async () => {
    const { ran, of } = await doctor(['-s', `orket=${orket}`, '-s', 'orket=/nowhere,name=gone']);
    expect(ran.code).toBe(2);
    expect(of('gone', 'systems')).toMatchObject({
      level: 'fail',
      says: expect.stringContaining('/nowhere does not exist'),
    });
    expect(of('orket', 'log orket.log')?.level).toBe('ok');
  });

  it.skipIf(process.getuid?.() !== 0)(
    'as a user who may not read it: exit 3, with who may act and what can not be read',
    async () => {
      chmodSync(join(orket, 'workspace/default/orket.log'), 0o600);
      const { ran, of } = await doctor(['-s', `orket=${orket}`], {
        uid: NOBODY,
        env: { BINNACLE_STATE_DIR: join(top.path, 'closed/state') },
      });
      expect(ran.code).toBe(3);
      expect(of('orket', 'log orket.log')).toMatchObject({
        level: 'fail',
        says: expect.stringContaining('not readable by this user'),
        mend: expect.stringContaining('owner'),
      });
      expect(of('orket', 'acts')).toMatchObject({
        level: 'warn',
        says: expect.stringContaining(`who owns ${orket}`),
      });
      expect(of('records', 'state directory')).toMatchObject({ level: 'fail' });
    },
  );

  it("tells a server's clock that is off, a server that refuses, and lines that are not understood", async () => {
    const serve = (status: number, aheadMs: number): Promise<number> =>
      new Promise((resolve) => {
        const server = createServer((_request, response) => {
          response.writeHead(status, { date: new Date(Date.now() + aheadMs).toUTCString() });
          response.end('{"status":"ok","organization":"Orket"}');
        });
        servers.push(server);
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
      });
    const [ahead, closed] = await Promise.all([serve(200, 600_000), serve(403, 0)]);
    writeFileSync(join(orket, 'workspace/default/orket.log'), '{"torn\n', { flag: 'a' });
    const { ran, told, of } = await doctor([
      ...['-s', `orket=${orket},url=http://127.0.0.1:${ahead}`],
      ...['-s', `orket=${orket},name=other,url=http://127.0.0.1:${closed}`],
    ]);
    expect(ran.code).toBe(3);
    expect(of('orket', 'clock api.health')).toMatchObject({
      level: 'warn',
      says: expect.stringMatching(/clock is (9m5\d|10m0\d)s ahead of ours/),
    });
    expect(
      told.findings.filter(({ area, says }) => area === 'orket' && says.includes('not understood')),
    ).toMatchObject([
      { subject: 'log orket.log', level: 'warn', says: expect.stringMatching(/orket\.log at byte \d+: /) },
    ]);
    expect(of('other', 'clock api.health')).toBeUndefined();
    expect(of('other', 'http api.health')).toMatchObject({
      level: 'fail',
      says: expect.stringContaining('403'),
    });
  });

  it('asks the tmux it runs in whether copying works', async () => {
    const bin = join(top.path, 'bin');
    mkdirSync(bin);
    // What is asked of it is what a person would type.
    writeFileSync(
      join(bin, 'tmux'),
      '#!/bin/sh\n[ "$1 $2" = "show-options -sv" ] || exit 1\n[ "$3" = set-clipboard ] && echo external || echo 500\n',
      { mode: 0o755 },
    );
    const { startTerminal } = await import('./terminal.ts');
    const { mainPath } = await import('./cockpit.ts');
    const terminal = startTerminal({
      command: process.execPath,
      args: [mainPath, 'doctor', '-s', `orket=${orket}`],
      columns: 150,
      rows: 60,
      env: {
        PATH: `${bin}:/usr/bin:/bin`,
        TMUX: '/tmp/none,1,0',
        BINNACLE_STATE_DIR: top.path,
        BINNACLE_HOST_DIR: '',
        LANG: 'C.UTF-8',
      },
    });
    try {
      await terminal.waitFor('set-clipboard external');
      await terminal.waitFor('tmux set-option -s escape-time 10');
    } finally {
      await terminal.close();
    }
  });
});
