/** `binnacle init DIR...` of the built program: what it writes, where, and what it leaves as it is. */
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from './cockpit.ts';
import { runVerb } from './verb.ts';

const fixture = (path: string): string => new URL(`../../fixtures/${path}/root`, import.meta.url).pathname;

describe('init', () => {
  let top: ReturnType<typeof temporaryDirectory>;
  let srv: string;
  let desk: string;
  beforeEach(() => {
    top = temporaryDirectory('init');
    srv = join(top.path, 'srv');
    desk = join(top.path, 'desk');
    mkdirSync(desk);
    cpSync(fixture('orket/stalled-turn'), join(srv, 'orket'), { recursive: true });
    cpSync(fixture('coherence/api-hangs'), join(srv, 'cn'), { recursive: true });
  });
  afterEach(() => top.remove());

  const init = (args: readonly string[], cwd = desk) =>
    runVerb(['init', ...args], { cwd, env: { HOME: join(top.path, 'home') } });

  it('writes a configuration that is right, says by what each was found, and is used from then on', async () => {
    const { code, stdout, stderr } = await init([srv]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^found coherence +\S+\/cn +by .*\nfound orket +\S+\/orket +by orket\/logging.py and main.py\n/,
    );
    expect(stdout).toContain(`wrote ${join(desk, 'binnacle.yaml')}`);
    expect(await runVerb(['config', 'check'], { cwd: desk })).toMatchObject({ code: 0 });
    const systems = await runVerb(['list', 'systems', '--at', '2026-02-20T04:30:00Z'], { cwd: desk });
    expect(systems.stdout).toMatch(/^coherence +.*\norket +/m);
  });

  it('overwrites nothing, but with --force', async () => {
    const file = join(desk, 'binnacle.yaml');
    writeFileSync(file, 'version: 1\n');
    const refused = await init([srv]);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/is there already.*\n.*\n.*--force/),
    });
    expect(readFileSync(file, 'utf8')).toBe('version: 1\n');
    expect(await init([srv, '--force'])).toMatchObject({ code: 0 });
    expect(readFileSync(file, 'utf8')).toContain('kind: orket');
    expect(readdirSync(desk)).toEqual(['binnacle.yaml']);
  });

  it('prints it with -, so that it can be taken as it is, and writes nothing', async () => {
    const { code, stdout, stderr } = await init([srv, '-']);
    expect({ code, written: readdirSync(desk) }).toEqual({ code: 0, written: [] });
    expect(stderr).toMatch(/^found coherence/);
    writeFileSync(join(desk, 'mine.yaml'), stdout);
    expect(await runVerb(['config', 'check', '-C', 'mine.yaml'], { cwd: desk })).toMatchObject({ code: 0 });
  });

  it('leaves nothing in a watched directory: started in one, it writes to the configuration of its user', async () => {
    const orket = join(srv, 'orket');
    const before = readdirSync(orket);
    const { code, stdout } = await init([], orket);
    expect({ code, now: readdirSync(orket) }).toEqual({ code: 0, now: before });
    expect(stdout).toContain(`wrote ${join(top.path, 'home/.config/binnacle/binnacle.yaml')}`);
    expect(await init(['-C', 'workspace/b.yaml'], orket)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('which is watched: nothing of ours is left there'),
    });
  });

  it.skipIf(process.getuid?.() !== 0)(
    'names what this user may not look into, and finds the rest',
    async () => {
      mkdirSync(join(srv, 'closed'), { mode: 0o700 });
      for (const path of [top.path, srv]) chmodSync(path, 0o755);
      const { code, stderr } = await runVerb(['init', srv, '-'], { cwd: '/', uid: 65_534 });
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/^found coherence.*\nfound orket/),
      });
      expect(stderr).toContain(`not looked into, it can't be read: ${join(srv, 'closed')}`);
    },
  );

  it('tells the server of a system by the port its process listens on', async () => {
    const orket = join(srv, 'orket');
    writeFileSync(
      join(orket, 'server.py'),
      "const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port));",
    );
    const server = spawn(process.execPath, ['server.py'], {
      cwd: orket,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const port = await new Promise<string>((resolve) =>
        server.stdout.once('data', (part: Buffer) => resolve(part.toString().trim())),
      );
      const { stdout } = await init([srv, '-']);
      expect(stdout).toContain(
        `    # url: http://127.0.0.1:${port}   # process ${server.pid} of this directory`,
      );
    } finally {
      server.kill('SIGKILL');
    }
  });

  it.each([
    [['nowhere'], /nowhere does not exist/],
    [['.'], /no system was found in or below \.\n {2}looked at one directory/],
    [['.', '--group', 'x'], /--group belongs to/],
    [['.', '--host'], /--host and directories are not given together/],
  ])('%j is a mistake of use: exit 2, and nothing is written', async (args, what) => {
    const { code, stderr } = await init(args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(what) });
    expect(readdirSync(desk)).toEqual([]);
  });
});
