/** What `doctor` says of one system: real checkouts, programs and files. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookInto } from '../../src/config/look.ts';
import { checkSource } from '../../src/doctor/sources.ts';
import { checkSystem, type SystemLook } from '../../src/doctor/system.ts';
import type { SystemId } from '../../src/domain/entity.ts';
import type { PartFinding } from '../../src/domain/finding.ts';
import type { SourceStatus } from '../../src/domain/source.ts';
import { readIdentity } from '../../src/host/identity.ts';
import type { Located } from '../../src/systems/system.ts';

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'binnacle-system-')));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, text: string, mode = 0o644): string {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  chmodSync(full, mode);
  return full;
}

type More = Partial<Omit<SystemLook, 'located'>> & { settings?: Located['settings']; python?: string };

function check({ settings = {}, python, ...more }: More = {}): Promise<readonly PartFinding[]> {
  const located: Located = {
    ...{ system: 'one' as SystemId, kind: 'toy', root, timezone: 'UTC', settings, extra: {} },
    ...(python === undefined ? {} : { python }),
  };
  const look = lookInto(root, { PATH: join(root, 'bin') });
  return checkSystem({
    ...{ located, look, who: readIdentity(), sources: [], steps: [], secret: () => undefined },
    ...more,
  });
}

const about = async (subject: string, more: More = {}): Promise<PartFinding | undefined> =>
  (await check(more)).find((one) => one.subject === subject);

describe('a system', () => {
  it('has the version and commit its own files tell', async () => {
    expect((await about('system'))?.says).toBe(`toy in ${root}: it does not tell its version`);
    put('pyproject.toml', '[project]\nname = "x"\nversion = "0.4.2"\n');
    put('.git/HEAD', 'ref: refs/heads/main\n');
    put('.git/packed-refs', `${'a1'.repeat(20)} refs/heads/main\n`);
    expect((await about('system'))?.says).toBe(
      `toy in ${root}: 0.4.2 (pyproject.toml), commit a1a1a1a1a on main`,
    );
    put('.git/HEAD', `${'b2'.repeat(20)}\n`);
    expect((await about('system'))?.says).toContain('commit b2b2b2b2b');
  });

  it('says for whom acts are refused, and as whom they run', async () => {
    const me = readIdentity();
    expect(await about('acts')).toMatchObject({ level: 'ok', says: `run as ${me.user}` });
    const other = { ...me, uid: me.uid + 7, user: 'other' };
    expect(await about('acts', { who: other })).toMatchObject({
      level: 'warn',
      says: `refused for other: they run as ${me.user}, who owns ${root}`,
      mend: expect.stringContaining(`sudo -u ${me.user} binnacle`),
    });
    expect(await about('acts', { who: other, settings: { runAs: '*' } })).toMatchObject({ level: 'ok' });
    expect(await about('acts', { settings: { runAs: 'no-such-account' } })).toMatchObject({
      level: 'warn',
      says: expect.stringContaining('no local account'),
    });
    expect(await about('acts', { who: other, settings: { readOnly: true } })).toMatchObject({ level: 'ok' });
  });

  it('names keys that are not set and files of keys that are missing or open to all', async () => {
    expect(await about('key-env', { settings: { keyEnv: 'TOY_KEY' } })).toMatchObject({
      level: 'fail',
      exit: 2,
    });
    expect(await about('key-env', { settings: { keyEnv: 'TOY_KEY' }, secret: () => 'x' })).toMatchObject({
      level: 'ok',
    });
    const settings = { envFile: '.env' };
    expect(await about('env-file', { settings })).toMatchObject({ level: 'fail', exit: 2 });
    put('.env', 'A=1\n', 0o644);
    expect(await about('env-file', { settings })).toMatchObject({
      level: 'warn',
      mend: `chmod o-r ${root}/.env`,
    });
    put('.env', 'A=1\n', 0o600);
    expect(await about('env-file', { settings })).toMatchObject({ level: 'ok' });
  });

  it('starts the interpreter to ask its version, and tells one that does not run', async () => {
    expect(await about('python')).toMatchObject({
      level: 'warn',
      says: expect.stringContaining('there is none'),
    });
    const good = put('bin/python3', '#!/bin/sh\necho "Python 3.12.1"\n', 0o755);
    expect(await about('python', { python: good })).toMatchObject({
      level: 'ok',
      says: `${good}: Python 3.12.1`,
    });
    const bad = put('bin/broken', '#!/bin/sh\necho "no libpython" >&2; exit 127\n', 0o755);
    expect(await about('python', { python: bad })).toMatchObject({
      level: 'fail',
      says: expect.stringContaining('no libpython'),
    });
    const plain = put('bin/plain', '', 0o644);
    expect(await about('python', { python: plain })).toMatchObject({
      level: 'fail',
      says: expect.stringContaining("can't be started"),
    });
    expect(await about('python', { python: '/nowhere/python' })).toMatchObject({
      level: 'fail',
      says: expect.stringContaining('is not there'),
    });
  });

  it('looks at every program that settings, sources and acts would start, each once', async () => {
    const kubectl = put('bin/kubectl', '', 0o755);
    put('tool', '', 0o755);
    put('scripts/there.py', '');
    const step = (...argv: string[]) => ({
      type: 'process' as const,
      title: '',
      argv,
      cwd: root,
      timeoutMs: 1,
    });
    const findings = await check({
      settings: {
        keeper: 'systemd:toy.service',
        cluster: 'kubectl:ns',
        url: 'http://127.0.0.1:1',
      } as Located['settings'],
      sources: [{ id: 'follow', parser: 'x', type: 'stream', argv: ['journalctl', '-f'] }],
      steps: [
        { act: 'a.run', steps: [step(join(root, 'tool'), 'scripts/there.py')] },
        { act: 'b.run', steps: [step(join(root, 'tool'), 'scripts/gone.py')] },
      ],
    });
    const programs = findings.filter(({ subject }) => !['system', 'acts', 'python'].includes(subject));
    expect(programs.map(({ subject, level, says }) => [subject, level, says])).toEqual([
      ['systemctl', 'fail', 'systemctl is not on PATH, for systemd:'],
      ['kubectl', 'ok', `${kubectl}, for kubectl:`],
      ['journalctl', 'fail', 'journalctl is not on PATH, for follow'],
      ['tool', 'ok', `${root}/tool, for a.run, b.run`],
      ['there.py', 'ok', `${root}/scripts/there.py, for a.run`],
      ['gone.py', 'warn', `${root}/scripts/gone.py is not there, for b.run`],
    ]);
  });
});

describe('a source', () => {
  const source: SourceStatus = {
    ...{ id: 'a', type: 'log', place: 'a.log', state: 'fresh', items: 1 },
    ...{ records: 10, badRecords: 0, unreadBytes: 0 },
  };
  const findings = (more: Partial<SourceStatus>, named: string[] = []) =>
    checkSource({ ...source, ...more }, named).map(({ level, exit }) => (exit ? `${level} ${exit}` : level));

  it.each<[string, Partial<SourceStatus>, string[], string[]]>([
    ['read', {}, [], ['ok']],
    ['not there yet', { state: 'waiting' }, [], ['ok']],
    ['not there, and named by the configuration', { state: 'waiting' }, ['a.log'], ['fail 2']],
    ['read in part', { error: 'b.log: EACCES' }, [], ['warn']],
    ['unreadable', { state: 'error', error: 'EACCES' }, [], ['fail']],
    ['without an answer', { type: 'http', state: 'stale', error: 'refused' }, [], ['warn']],
    ['over its limit', { type: 'http', state: 'limited' }, [], ['warn']],
    ['in need of a setting', { type: 'http', state: 'off' }, [], ['ok']],
    [
      'with lines not understood',
      { badRecords: 2, lastBad: { path: 'a.log', offset: 7, reason: 'no JSON' } },
      [],
      ['ok', 'warn'],
    ],
    ['of a host whose clock is off', { type: 'http', clockAheadMs: -90_000 }, [], ['ok', 'warn']],
  ])('that is %s', (_what, more, named, wanted) => {
    expect(findings(more, named)).toEqual(wanted);
  });

  it('says where the newest line is that was not understood, and by how much the clock is off', () => {
    const told = checkSource(
      {
        ...source,
        badRecords: 2,
        lastBad: { path: 'a.log', offset: 7, reason: 'no JSON' },
        clockAheadMs: -90_000,
      },
      [],
    ).map(({ says }) => says);
    expect(told[1]).toBe('2 records of 12 not understood; the newest: a.log at byte 7: no JSON');
    expect(told[2]).toContain('1m30s behind ours');
  });
});
