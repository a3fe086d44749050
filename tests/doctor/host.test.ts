/** What `doctor` says of a host, its terminal and our records, on real directories laid out as such hosts have them. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkHost } from '../../src/doctor/machine.ts';
import { checkRecords } from '../../src/doctor/records.ts';
import { checkTerminal, type TerminalLook } from '../../src/doctor/terminal.ts';
import { exitOf, type PartFinding } from '../../src/domain/finding.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'binnacle-host-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const about = (findings: readonly PartFinding[], subject: string): PartFinding | undefined =>
  findings.find((one) => one.subject === subject);

describe('the host', () => {
  beforeEach(() => {
    put(
      'proc/self/limits',
      'Limit   Soft Limit   Hard Limit   Units\nMax open files            1024                 4096      files\n',
    );
    put('proc/sys/fs/inotify/max_user_watches', '65536\n');
    put('proc/sys/fs/inotify/max_user_instances', '128\n');
    put('proc/1/stat', '1 (init) S');
    put('proc/self/cgroup', '0::/user.slice/user-1000.slice/session-3.scope\n');
    mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
  });
  const check = (more: { user?: string; openLogs?: number; watchable?: string } = {}) =>
    checkHost({ root, user: 'ann', openLogs: 10, watchable: root, ...more });

  it('is right where nothing stands in the way', () => {
    expect(check().map(({ subject, level }) => [subject, level])).toEqual([
      ['log-out', 'ok'],
      ['file watches', 'ok'],
      ['open files', 'ok'],
      ['processes', 'ok'],
    ]);
  });

  it.each<[string, Readonly<Record<string, string>>, 'ok' | 'warn']>([
    ['is set', { 'etc/systemd/logind.conf': '[Login]\nKillUserProcesses=yes\n' }, 'warn'],
    [
      'is what the main file tells as the default',
      { 'usr/lib/systemd/logind.conf': '#KillUserProcesses=yes\n' },
      'warn',
    ],
    [
      'is taken back by a later drop-in',
      {
        'etc/systemd/logind.conf': 'KillUserProcesses=yes\n',
        'usr/lib/systemd/logind.conf.d/50-keep.conf': 'KillUserProcesses=no\n',
      },
      'ok',
    ],
    [
      'is set by the drop-in that comes last by its name',
      {
        'etc/systemd/logind.conf.d/10-a.conf': 'KillUserProcesses=no\n',
        'run/systemd/logind.conf.d/90-b.conf': 'KillUserProcesses = yes\n',
      },
      'warn',
    ],
    [
      'leaves this user out',
      { 'etc/systemd/logind.conf': 'KillUserProcesses=yes\nKillExcludeUsers=root ann\n' },
      'ok',
    ],
    ['is for others', { 'etc/systemd/logind.conf': 'KillUserProcesses=yes\nKillOnlyUsers=bob\n' }, 'ok'],
    [
      'does not reach what is in no session',
      {
        'etc/systemd/logind.conf': 'KillUserProcesses=yes\n',
        'proc/self/cgroup': '0::/system.slice/x.service\n',
      },
      'ok',
    ],
  ])('knows whether acts end with the log-out: KillUserProcesses %s', (_how, files, level) => {
    for (const [path, text] of Object.entries(files)) put(path, text);
    const finding = about(check(), 'log-out');
    expect(finding).toMatchObject({ level });
    if (level === 'warn') expect(finding?.mend).toContain('systemd-run --user --scope binnacle');
  });

  it('tells few watches, few descriptors and hidden processes, each with what to do', () => {
    put('proc/sys/fs/inotify/max_user_watches', '1024\n');
    rmSync(join(root, 'proc/1'), { recursive: true });
    const findings = check({ openLogs: 2_000 });
    expect(about(findings, 'file watches')).toMatchObject({
      level: 'warn',
      says: 'only 1024 watches and 128 instances a user, shared with all programs of this user',
      mend: expect.stringContaining('sysctl fs.inotify.max_user_watches='),
    });
    expect(about(findings, 'open files')).toMatchObject({
      level: 'warn',
      says: expect.stringMatching(/^1024 allowed, 2128/),
    });
    expect(about(findings, 'processes')).toMatchObject({
      level: 'warn',
      says: expect.stringContaining('hidepid'),
    });
  });
});

describe('the records', () => {
  const who = { user: 'ann', uid: process.geteuid?.() ?? 0, host: 'h' };
  const check = (env: Record<string, string>) => checkRecords({ BINNACLE_HOST_DIR: '', ...env }, who);

  it('need a directory that is there or can be made', () => {
    expect(about(check({ BINNACLE_STATE_DIR: root }), 'state directory')).toMatchObject({
      level: 'ok',
      says: root,
    });
    expect(about(check({ BINNACLE_STATE_DIR: join(root, 'a/b') }), 'state directory')).toMatchObject({
      level: 'ok',
      says: expect.stringContaining('is made when it is first needed'),
    });
    put('file', '');
    expect(about(check({ BINNACLE_STATE_DIR: join(root, 'file/b') }), 'state directory')).toMatchObject({
      level: 'fail',
      says: expect.stringContaining('is a file'),
    });
  });

  it('are shared in a safe directory, and not in one that everybody may write to', () => {
    const host = join(root, 'host');
    expect(
      about(check({ BINNACLE_STATE_DIR: root, BINNACLE_HOST_DIR: host }), 'host directory'),
    ).toMatchObject({
      level: 'warn',
      mend: expect.stringContaining('binnacle init --host'),
    });
    mkdirSync(host);
    chmodSync(host, 0o770);
    expect(
      about(check({ BINNACLE_STATE_DIR: root, BINNACLE_HOST_DIR: host }), 'host directory'),
    ).toMatchObject({ level: 'ok' });
    chmodSync(host, 0o777);
    expect(
      about(check({ BINNACLE_STATE_DIR: root, BINNACLE_HOST_DIR: host }), 'host directory'),
    ).toMatchObject({
      level: 'warn',
      says: expect.stringContaining('everybody may write to it'),
    });
  });
});

describe('the terminal', () => {
  const look: TerminalLook = {
    problem: undefined,
    isTerminal: true,
    columns: 120,
    rows: 40,
    env: { TERM: 'xterm', LANG: 'en_GB.UTF-8' },
    tmuxOption: () => Promise.resolve(undefined),
  };
  const inTmux = (options: Readonly<Record<string, string>>): TerminalLook => ({
    ...look,
    env: { ...look.env, TMUX: '/tmp/x,1,0' },
    tmuxOption: (name) => Promise.resolve(options[name]),
  });
  const levels = async (one: TerminalLook) =>
    (await checkTerminal(one)).map(({ subject, level }) => `${subject} ${level}`);

  it.each<[string, TerminalLook, string[]]>([
    ['one that can do all', look, ['cockpit ok', 'size ok', 'letters ok', 'copying ok']],
    ['none', { ...look, isTerminal: false, problem: 'x' }, ['cockpit ok']],
    ['a small one', { ...look, columns: 60 }, ['cockpit ok', 'size warn', 'letters ok', 'copying ok']],
    [
      'one without UTF-8',
      { ...look, env: { LANG: 'C' } },
      ['cockpit ok', 'size ok', 'letters warn', 'copying ok'],
    ],
    [
      'one that only prints',
      { ...look, problem: 'TERM=dumb' },
      ['cockpit warn', 'size ok', 'letters ok', 'copying ok'],
    ],
    [
      'GNU screen',
      { ...look, env: { ...look.env, STY: '1.x' } },
      ['cockpit ok', 'size ok', 'letters ok', 'copying warn'],
    ],
    [
      'tmux that copies',
      inTmux({ 'set-clipboard': 'on', 'escape-time': '10' }),
      ['cockpit ok', 'size ok', 'letters ok', 'copying ok'],
    ],
    // Its default: tmux sets the clipboard itself and takes no sequence for it from what runs in it.
    [
      'tmux as it comes',
      inTmux({ 'set-clipboard': 'external', 'escape-time': '500' }),
      ['cockpit ok', 'size ok', 'letters ok', 'copying warn', 'Esc warn'],
    ],
    ['tmux that does not answer', inTmux({}), ['cockpit ok', 'size ok', 'letters ok', 'copying warn']],
  ])('knows %s', async (_name, one, wanted) => {
    expect(await levels(one)).toEqual(wanted);
  });
});

describe('the exit code', () => {
  const of = (...levels: [PartFinding['level'], (2 | 3)?][]): number =>
    exitOf(
      levels.map(([level, exit]) => ({
        area: 'a',
        subject: 'b',
        level,
        says: '',
        ...(exit ? { exit } : {}),
      })),
    );

  it('is 2 before 3 before 1 before 0', () => {
    expect([of(), of(['ok']), of(['ok'], ['warn'])]).toEqual([0, 0, 1]);
    expect([of(['warn'], ['fail']), of(['fail', 3], ['fail', 2])]).toEqual([3, 2]);
  });
});
