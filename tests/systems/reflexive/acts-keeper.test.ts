import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/domain/error.ts';
import { instant } from '../../../src/domain/instant.ts';
import { listedParser } from '../../../src/systems/reflexive/parse-approvals.ts';
import { tagsParser, treeParser } from '../../../src/systems/reflexive/parse-git.ts';
import { readProgram } from '../../../src/systems/reflexive/parse-program.ts';
import { unitParser } from '../../../src/systems/reflexive/parse-unit.ts';
import type { Chunk, Parser } from '../../../src/systems/system.ts';
import { until } from '../acting.ts';
import { Rig } from './rig.ts';

describe('a daemon that systemd or docker keeps', () => {
  let rig: Rig;
  afterEach(() => rig.end());
  const asked = (): string => join(rig.dir, 'asked');

  it('is started and stopped by its unit, and a stop by SIGTERM is told as a stop', async () => {
    rig = new Rig();
    rig.settings = { keeper: 'systemd:orchestrator' } as Rig['settings'];
    const show = join(rig.dir, 'show');
    rig.world.write(
      'show',
      'ActiveState=inactive\nSubState=dead\nResult=success\nExecMainStatus=0\nMainPID=0\nNRestarts=0\n',
    );
    // As systemd does: it starts the unit's program, and ends it by SIGTERM.
    rig.tool(
      'systemctl',
      `case "$*" in
show*) cat '${show}' ;;
'--no-ask-password start -- orchestrator') cd '${rig.dir}' && setsid '${join(rig.bin, 'python')}' -m src.cli start >/dev/null 2>&1 & ;;
'--no-ask-password stop -- orchestrator') kill -TERM "$(cat '${rig.dir}/.demo-daemon')" ;;
*) exit 64 ;;
esac`,
    );
    const start = await rig.preview('daemon.start', 'service', 'daemon');
    expect(start.commands).toEqual([
      `cd ${rig.dir} && ${join(rig.bin, 'systemctl')} --no-ask-password start -- orchestrator`,
    ]);
    expect(start.warnings.join(' ')).not.toContain('GITHUB_TOKEN');
    expect((await rig.act('daemon.start', 'service', 'daemon')).outcome).toBe('verified');
    const stop = await rig.preview('daemon.stop', 'service', 'daemon');
    expect(stop.warnings.join(' ')).toContain('SIGTERM');
    expect((await rig.act('daemon.stop', 'service', 'daemon')).outcome).toBe('verified');
    // Its log has no word of the end; the unit has.
    const cold = (await rig.look(true)).view();
    expect(cold.entity('service', 'daemon')?.attention).toMatchObject({ label: 'STOPPED', rank: 4 });
    expect(rig.log()).not.toContain('Orchestrator stopped');
  });

  it('whose unit comes back at once is not called stopped', async () => {
    rig = new Rig();
    rig.settings = { keeper: 'docker:orchestrator' } as Rig['settings'];
    const pid = await rig.daemon();
    rig.tool(
      'docker',
      `case "$1" in
inspect) echo '{"Status":"running","Running":true,"Pid":${pid},"ExitCode":0}' ;;
stop) kill -TERM ${pid}; cd '${rig.dir}' && setsid '${join(rig.bin, 'python')}' -m src.cli start >/dev/null 2>&1 & ;;
esac`,
    );
    await until(async () => (await rig.find('service', 'daemon')).type === 'service');
    const { outcome, summary } = await rig.act('daemon.stop', 'service', 'daemon');
    expect(summary).toMatch(/was started in its place/);
    expect(outcome).toBe('not-seen');
  });

  it('that does not answer leaves the refusal of its keeper as the reason', async () => {
    rig = new Rig();
    rig.settings = { keeper: 'systemd-user:orchestrator' } as Rig['settings'];
    rig.tool(
      'systemctl',
      `echo "$@" >> '${asked()}'; echo 'Unit orchestrator.service not found.' >&2; exit 5`,
    );
    rig.hurry = 100;
    const { outcome, summary } = await rig.act('daemon.start', 'service', 'daemon');
    expect(outcome).toBe('failed');
    expect(summary).toContain('Unit orchestrator.service not found');
    expect(existsSync(asked())).toBe(true);
  });

  it('is refused as a setting that names none', () => {
    rig = new Rig();
    for (const keeper of ['systemd:', 'systemd:-x', 'runit:x', 'docker:a b', 'systemd:a/../b']) {
      rig.settings = { keeper } as Rig['settings'];
      expect(() => rig.located, keeper).toThrow(UserError);
    }
  });
});

describe('keeping and reviewing', () => {
  let rig: Rig;
  afterEach(() => rig.end());

  it('packs what is there, without .env and without files that do not exist, and sees the archive', async () => {
    rig = new Rig();
    rig.world.write('.env', 'GITHUB_TOKEN=x\n');
    await rig.find('service', 'daemon');
    const preview = await rig.preview('backup.create', 'service', 'daemon');
    expect(preview.commands[0]).toMatch(
      /--file=backup-\d{8}-\d{4}\.tar\.gz -- config\/orchestrator-config\.yaml$/,
    );
    const { outcome, summary } = await rig.act('backup.create', 'service', 'daemon');
    expect(outcome).toBe('verified');
    expect(summary).toContain('backup-');
  });

  it('puts an archive back byte by byte, not while the daemon runs, and believes no tar that only ends well', async () => {
    rig = new Rig();
    const tar = execFileSync('sh', ['-c', 'command -v tar'], { encoding: 'utf8' }).trim();
    // While that file is there it extracts nothing and says that all went well.
    rig.tool('tar', `case "$*" in *--extract*) test -f lying && exit 0 ;; esac; exec ${tar} "$@"`);
    await rig.find('service', 'daemon');
    const name = 'backup-20260224-0600.tar.gz';
    const config = (): string => readFileSync(join(rig.dir, 'config/orchestrator-config.yaml'), 'utf8');
    const kept = config();
    execFileSync(tar, ['-czf', name, 'config'], { cwd: rig.dir });
    await rig.find('restorePoint', name);
    rig.world.write('config/orchestrator-config.yaml', 'lost: true\n');
    expect((await rig.preview('backup.restore', 'restorePoint', name)).confirmation).toBe('code');
    expect((await rig.act('backup.restore', 'restorePoint', name)).outcome).toBe('verified');
    expect(config()).toBe(kept);
    rig.world.write('config/orchestrator-config.yaml', 'lost: again\n');
    rig.world.write('lying', '');
    const lied = await rig.act('backup.restore', 'restorePoint', name);
    expect(lied.outcome).not.toBe('verified');
    expect(lied.summary).toMatch(/(Contents|Size) differ/);
    rig.stillDaemon();
    await until(async () => (await rig.view()).entity('service', 'daemon')?.status === 'up');
    expect((await rig.preview('backup.restore', 'restorePoint', name)).refused).toContain('stop it first');
  });

  it('shows the commits of a day, and the merges where gh is there', async () => {
    rig = new Rig();
    rig.layCheckout();
    rig.tool(
      'gh',
      `echo '[{"number":7,"title":"Add OAuth","mergedAt":"2026-02-25T09:00:00Z","author":{"login":"mallory"}}]'`,
    );
    const { outcome, row } = await rig.act('activity.review', 'service', 'daemon');
    expect(outcome).toBe('verified');
    expect(JSON.stringify(row.progress.answer)).toContain('#7 2026-02-25T09:00:00Z mallory: Add OAuth');
    expect(JSON.stringify(row.progress.answer)).toContain('deduplicate webhook events');
    expect((await rig.act('repository.check', 'service', 'daemon')).summary).toBe(
      'no object is broken or missing',
    );
    rig.world.write('.git/objects/pack/x', '');
    rig.world.write('.git/refs/heads/broken', 'not a commit\n');
    expect((await rig.act('repository.check', 'service', 'daemon')).outcome).not.toBe('verified');
  });

  it('ends the newer of two daemons, and leaves the other', async () => {
    rig = new Rig();
    const first = await rig.daemon();
    rig.stillDaemon();
    await rig.find('issue', 'two-daemons');
    const preview = await rig.preview('daemon.stop', 'issue', 'two-daemons');
    expect(preview.commands).toHaveLength(1);
    expect(preview.commands[0]).not.toBe(`kill -INT ${first}`);
    expect((await rig.act('daemon.stop', 'issue', 'two-daemons')).outcome).toBe('verified');
    await until(async () => (await rig.view()).entity('issue', 'two-daemons') === undefined);
    expect((await rig.find('service', 'daemon')).type).toBe('service');
    expect(() => process.kill(first, 0)).not.toThrow();
  });
});

describe('what other programs print, when it is not what it should be', () => {
  const context = (parser: string) => ({
    located: { root: '/x' } as never,
    source: parser,
    path: parser,
    now: instant(1_772_012_400_000),
    fact: () => undefined,
  });
  const fold = (parser: Parser, stdout: string, exitCode = 0) => {
    const chunk: Chunk = { type: 'probe', exitCode, stdout, stderr: '' };
    return parser.fold(parser.start, chunk, context('p'));
  };

  it.each([
    ['approvals', listedParser],
    ['unit', unitParser],
  ] as const)('says so of %s, and keeps what was known', (_name, parser) => {
    for (const text of [
      '',
      '<html>502 Bad Gateway</html>',
      '{"half": ',
      '\u0000\u0001',
      '[\n{"request_id": ',
    ]) {
      const folded = fold(parser, text);
      expect(folded.facts, text).toBeUndefined();
      expect(folded.bad?.length, text).toBe(1);
    }
  });

  it('keeps what was known when they fail', () => {
    for (const parser of [listedParser, unitParser, tagsParser, treeParser]) {
      expect(fold(parser, 'whatever', 1)).toEqual({ carry: parser.start });
    }
  });

  it('takes no field of another type for what it should be', () => {
    const odd = JSON.stringify(
      [
        { request_id: 7 },
        { request_id: 'a', operation: [], risk_level: 4, timeout_hours: '24', created_at: {} },
        null,
      ],
      null,
      2,
    );
    const { facts } = fold(listedParser, `${odd}\n`);
    expect(Object.keys(facts ?? {})).toEqual(['listedAt', 'listed:a']);
    expect(facts?.['listed:a']).toEqual({ id: 'a', operation: '?', text: '{}', concerns: [] });
  });

  it('reads lines of git that are none as bad, and no commit out of them', () => {
    const { facts, bad } = fold(tagsParser, 'rollback-x\tcommit\t\tnot-a-hash\t2026\tx\n\t\t\t\n');
    // What was known stays.
    expect(facts).toBeUndefined();
    expect(bad).toHaveLength(1);
    expect(
      fold(treeParser, '# branch.oid (initial)\n# branch.head (detached)\nu UU x\n1 .M y\n').facts,
    ).toEqual({
      tree: { changed: 2, conflicts: 1 },
    });
  });

  it('finds commands of Click however they are named, and none in other text', () => {
    expect(readProgram('')).toEqual({ commands: [], listsApprovals: false });
    const text =
      '@main.command(name="a-b", help="x")\ndef whatever(\n  x,\n): pass\n@main.group("jobs")\ndef jobs_group(): ...\n@jobs_group.command()\nasync def run_all(ctx): ...\n';
    expect(readProgram(text).commands).toEqual(['a-b', 'jobs run-all']);
  });
});
