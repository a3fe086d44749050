/**
 * Every act that starts or ends a program, with what goes wrong: it is refused, exits 0 and does nothing, never ends,
 * does half. Requests: acts-outcomes-requests.test.ts. That they work is shown by acts.test.ts (files, git, cluster),
 * acts-live.test.ts (systemctl, the loop) and acts-run.test.ts (docker, a server of its own, loop.kill, api.kill).
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import type { CommonSettings, StateView } from '../../../src/systems/system.ts';
import { type Ended, type Given, ManyActing, outcomesOf, until } from '../acting.ts';
import { Played, REFUSAL } from './played.ts';

let played: Played;
let watch: SystemWatch;
let many: ManyActing;
let backup: string;

/** Pid of the server as the system sees it; null while there is none. */
const serverIn = ({ data }: StateView): unknown => (data['server'] as { pid: unknown }).pid;

beforeAll(async () => {
  played = await Played.lay();
  watch = await played.watch();
  many = new ManyActing(watch, join(played.dir, 'states'));
  const points = watch.view().entities('restorePoint');
  backup = points.find((one) => one.data?.['form'] === 'backup')?.id ?? '';
});

afterAll(async () => {
  many.close();
  await played.end();
});

describe('acts that run a program to its end', () => {
  const BACKEND = 'deployment.aragora-backend';
  let given: readonly Given[] = [];
  const serverPid = (): unknown => serverIn(watch.view());
  const whole = (): void => {
    played.play('honest');
    played.cluster();
    played.unit('active');
    spawnSync('git', ['stash', 'clear'], { cwd: played.root });
    writeFileSync(join(played.root, 'CLAUDE.md'), 'damaged\n');
    writeFileSync(join(played.root, 'aragora/__init__.py'), 'damaged\n');
  };

  beforeAll(() => {
    given = [
      ['loop.check', 'service', 'loop'],
      ['constitution.check', 'service', 'loop'],
      ['tree.inspect', 'service', 'loop'],
      ['tree.stash', 'restorePoint', backup],
      ['backup.restore', 'restorePoint', backup],
      ['deployment.inspect', 'service', BACKEND],
      ['deployment.restart', 'service', BACKEND],
      ['deployment.rollback', 'service', BACKEND],
      ['deployment.scale', 'service', 'deployment.aragora-frontend', { replicas: '3' }],
      ['autoscaler.raise', 'service', BACKEND, { minimum: '4' }],
      ['api.restart', 'service', 'api'],
      ['api.stop', 'service', 'api'],
    ];
  });
  beforeEach(async () => {
    whole();
    const scaled = (): unknown =>
      (watch.view().data['deployments'] as { name: string; replicas: number }[]).find(
        ({ name }) => name === 'aragora-frontend',
      )?.replicas;
    await played.reread(watch, () => scaled() === 1 && serverPid() === 4242);
  });

  it.each([
    ['refuses', 'refuse', 'failed'],
    ['exits 0 and says and does nothing', 'silent', 'not-seen'],
    ['never ends', 'hang', 'timed-out'],
  ] as const)('fail, are not seen or time out where it %s, and nothing has changed', async (...row) => {
    const [, what, outcome] = row;
    const before = played.snapshot();
    const doing = what === 'hang' ? { runMs: 300 } : {};
    played.play(what);
    const running = await many.each(given, doing);
    played.unit('inactive');
    await played.reread(watch, () => serverPid() === null);
    const start: Given = ['api.start', 'service', 'api'];
    const all = [...given, start];
    const ended = [...running, await many.act(start, doing)];
    expect(outcomesOf(all, ended)).toEqual(all.map(([id]) => `${id}: ${outcome}`));
    const why = { refuse: REFUSAL, silent: '', hang: '' }[what];
    ended.forEach(({ summary }, index) => {
      expect(summary, all[index]?.[0]).toContain(why);
      if (what === 'hang') expect(summary, all[index]?.[0]).toMatch(/did not end in|no end within/);
    });
    expect(played.snapshot()).toEqual(before);
    expect(played.living()).toEqual([]);
  });

  it('are not done where it does half, and say which half is missing', async () => {
    played.play('half');
    const byAct = (id: string): Given => given.find(([act]) => act === id) as Given;
    const inTurn = ['tree.stash', 'backup.restore', 'api.stop'];
    const atOnce = given.filter(([id]) => !inTurn.includes(id));
    const said: Record<string, string> = {};
    const note = (id: string, { outcome, summary }: Ended): void => {
      said[id] = `${outcome}: ${summary}`;
    };
    // What git puts aside it takes out of the tree, and the restore puts something there.
    for (const id of inTurn) note(id, await many.act(byAct(id), { hurry: 1 }));
    played.unit('active');
    await played.reread(watch, () => serverPid() === 4242);
    const ended = await many.each(atOnce, { hurry: 1 });
    for (const [index, [id]] of atOnce.entries()) note(id, ended[index] as Ended);
    played.unit('inactive');
    await played.reread(watch, () => serverPid() === null);
    note('api.start', await many.act(['api.start', 'service', 'api'], { hurry: 1 }));
    const stuck = 'the rollout is stuck: its pods did not come up in time';
    expect(said).toEqual({
      'loop.check': 'failed: no report (ended by SIGKILL: [PASS] Disk Space)',
      'constitution.check': 'failed: not believed: ended by SIGKILL: Constitution signature is VALID',
      'tree.inspect': 'failed: git failed: ended by SIGKILL: ## main',
      'tree.stash': 'not-seen: a new stash entry: another entry: On main: of somebody else',
      'backup.restore': 'failed: says 1 files; they could not be compared with the backup',
      'deployment.inspect': `failed: kubectl failed: exit 1: ${REFUSAL}`,
      'deployment.restart': `not-seen: every pod is new and available: ${stuck}`,
      'deployment.rollback': `not-seen: every pod is new and available: ${stuck}`,
      'deployment.scale': `not-seen: 3 available: ${stuck}`,
      'autoscaler.raise': `not-seen: at least 4 available: ${stuck}`,
      'api.restart': 'not-seen: a server process begun after this: failed: start-limit-hit',
      'api.start': 'not-seen: a server process begun after this: failed: start-limit-hit',
      'api.stop': 'not-seen: no server process is left: it was started again: pid 4343',
    });
  });
});

describe('acts that start or end a program of their own', () => {
  const words = ['-m', 'aragora.server', '--http-port', '8080'];
  const start: Given = ['api.start', 'service', 'api'];
  const restart: Given = ['api.restart', 'service', 'api'];
  const stop: Given = ['api.stop', 'service', 'api'];
  const loop: Given = ['loop.start', 'service', 'loop', { cycles: '1' }];
  let own: SystemWatch;
  let acting: ManyActing;
  const serverPid = (): unknown => serverIn(own.view());

  beforeAll(async () => {
    const program = join(played.dir, 'bin/python');
    const run = `process:${program} ${words.join(' ')}`;
    own = await played.watch({ run, cluster: undefined } as CommonSettings);
    acting = new ManyActing(own, join(played.dir, 'states-own'));
  });
  afterAll(() => acting.close());
  beforeEach(() => played.clear(own));

  it.each([
    ['refuses', 'refuse'],
    ['exits 0 at once', 'silent'],
    ['is killed halfway', 'half'],
  ] as const)('are not done where it %s, and nothing of it lives', async (_what, what) => {
    const before = played.snapshot();
    played.play(what);
    const ended = await acting.each([start, loop]);
    // Of a program that ends at once the runner sees either its end or nothing.
    for (const outcome of outcomesOf([start, loop], ended)) expect(outcome).toMatch(/: (failed|not-seen)$/);
    await until(() => played.living().length === 0);
    expect(played.snapshot()).toEqual(before);
  });

  it('fail with the reason where there is no program to start, and nothing is changed', async () => {
    const before = played.snapshot();
    chmodSync(join(played.dir, 'program'), 0o644);
    const ended = await acting
      .each([start, loop])
      .finally(() => chmodSync(join(played.dir, 'program'), 0o755));
    for (const one of ended)
      expect(one).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('EACCES') });
    expect(played.snapshot()).toEqual(before);
  });

  it('are not seen where it lives and does nothing, and say what is missing', async () => {
    const before = played.snapshot();
    played.play('hang');
    const lives = (view: StateView): boolean => view.data['loopPid'] !== null && serverIn(view) !== null;
    const ended = await acting.each([start, loop], { patientUntil: lives });
    expect(ended.map(({ outcome }) => outcome)).toEqual(['not-seen', 'not-seen']);
    expect(ended[0]?.summary).toContain('it says that it is ready');
    expect(ended[1]?.summary).toContain('nomic_loop.log begins a new loop');
    expect(played.living()).toHaveLength(2);
    expect(played.snapshot()).toEqual(before);
  });

  it('fail where the server ignores SIGTERM: no second one is started beside it, and SIGKILL is offered', async () => {
    const server = await played.part(words, 'deaf');
    await played.reread(own, () => serverPid() === server.pid);
    const ended = await acting.each([stop, restart], { hurry: 50 });
    for (const one of ended) {
      expect(one.outcome).toBe('failed');
      expect(one.summary).toContain(`process ${server.pid} took SIGTERM and still lives`);
    }
    expect(played.living()).toEqual([server.pid]);
    const killed = await acting.act(['api.kill', 'service', 'api'], { hurry: 1 });
    expect(killed.outcome).toBe('verified');
    expect(played.living()).toEqual([]);
  });

  it('api.restart is half done where the old one is gone and the new one refuses', async () => {
    const server = await played.part(words, 'hang');
    await played.reread(own, () => serverPid() === server.pid);
    played.play('refuse');
    const ended = await acting.act(restart);
    expect(ended.outcome).toMatch(/^(failed|not-seen)$/);
    expect(ended.summary).toContain('a server process begun after this');
    expect(server.exitCode ?? server.signalCode).toBe('SIGTERM');
    await until(() => played.living().length === 0);
  });
});

describe('acts on files', () => {
  const compare = (): Given => ['backup.compare', 'restorePoint', backup];

  it.each([
    ['refuses', "echo 'cksum: input/output error' >&2; exit 1", 'failed', /input\/output error/],
    ['exits 0 without a sum', 'exit 0', 'not-seen', /^cksum failed \(exit 0\)$/],
  ] as const)('backup.compare does not call files the same where cksum %s', async (...row) => {
    const [, body, outcome, why] = row;
    const path = join(played.dir, 'cksum');
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    const ended = await many.act(compare(), { instead: { '/usr/bin/cksum': path } });
    expect([ended.outcome, ended.summary]).toEqual([outcome, expect.stringMatching(why)]);
  });

  it('backup.compare times out over a file that never ends, and tells of a copy that is missing', async () => {
    const copies = join(played.root, '.nomic/backups', backup);
    const copy = join(copies, 'CLAUDE.md');
    const text = readFileSync(copy);
    played.play('honest');
    rmSync(copy);
    const lacking = await many.act(compare());
    expect(lacking.outcome).toBe('verified');
    expect(lacking.summary).toContain('; the backup has no copy of CLAUDE.md');
    spawnSync('mkfifo', [copy]);
    expect(await many.act(compare(), { runMs: 300 })).toMatchObject({ outcome: 'timed-out' });
    rmSync(copy);
    writeFileSync(copy, text);
  });

  it('breaker.clear fails where its file can’t be written, and leaves what is there', async () => {
    const path = join(played.root, '.nomic/circuit_breaker.json');
    const text = readFileSync(path);
    rmSync(path);
    mkdirSync(path);
    const ended = await many.act(['breaker.clear', 'service', 'breaker.nomic.codex']);
    expect(ended).toMatchObject({
      outcome: 'failed',
      summary: '.nomic/circuit_breaker.json is not a regular file',
    });
    rmSync(path, { recursive: true });
    writeFileSync(path, text);
  });
});
