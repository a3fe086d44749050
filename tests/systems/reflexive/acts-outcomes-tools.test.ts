/**
 * Acts that use a program of the host (git, gh, tar, sed, a keeper) and the restart of the daemon, with what goes wrong:
 * it refuses, does nothing, never ends, does half. That they work: acts-keeper.test.ts, acts-more.test.ts, acts.test.ts.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EntityType } from '../../../src/domain/entity.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { until } from '../acting.ts';
import { Rig } from './rig.ts';
import { line } from './world.ts';

type Given = readonly [act: string, type: EntityType, id: string, params?: Readonly<Record<string, string>>];

const ARCHIVE = 'backup-20260224-0600.tar.gz';
const GIVEN: readonly Given[] = [
  ['pr.check', 'approval', 'merge-pr-455'],
  ['activity.review', 'service', 'daemon'],
  ['repository.check', 'service', 'daemon'],
  ['backup.create', 'service', 'daemon'],
  ['backup.restore', 'restorePoint', ARCHIVE],
  ['config.set', 'service', 'daemon', { key: 'safety.max_api_cost_per_day', value: '80' }],
];

/** What a tool does that an act starts; what is only looked at goes on as ever. */
const DEEDS = {
  refuse: "echo 'error: No space left on device' >&2; exit 2",
  hang: 'exec sleep 600',
  silent: 'exit 0',
  // As far as each of them comes: a list that breaks off, an archive that is not whole, another value.
  half: `case "$0 $*" in
  */gh*) echo '[{"number": 7, "title": "Add' ;;
  *--create*) for word; do case "$word" in --file=*) echo part > "\${word#--file=}" ;; esac; done ;;
  */sed*) for last; do :; done; printf 'safety:\\n  max_api_cost_per_day: 8 # USD\\n' > "$last"; exit 0 ;;
esac
kill -KILL $$`,
} as const;

describe('acts that use a program of the host', () => {
  let rig: Rig;
  const config = 'config/orchestrator-config.yaml';
  const files = (): readonly string[] =>
    readdirSync(rig.dir)
      .filter((name) => name !== 'state-of-ours')
      .map((name) => (name.endsWith('.gz') || name === 'NOTES.md' ? `${name} ${hash(name)}` : name));
  const hash = (name: string): string => execFileSync('cksum', [join(rig.dir, name)], { encoding: 'utf8' });

  /** The tools, each of which does that where an act has started it. */
  function tools(deed: string): void {
    const real = (name: string): string =>
      spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    const acts = { git: '*--since=*|fsck*', tar: '*--extract*|*--create*', gh: '*', sed: '*' };
    for (const [name, started] of Object.entries(acts))
      rig.tool(name, `case "$*" in ${started}) ${deed} ;; esac\nexec ${real(name) || 'false'} "$@"`);
  }

  beforeAll(async () => {
    rig = new Rig();
    rig.layCheckout();
    tools('exit 0');
    execFileSync('tar', ['-czf', ARCHIVE, 'config'], { cwd: rig.dir });
    const event = {
      timestamp: new Date().toISOString().slice(0, -1),
      event_type: 'human_approval_requested',
      message: 'merge',
      actor: 'orchestrator',
      resource_type: 'pr',
      resource_id: '455',
      metadata: { action: 'merge PR #455' },
    };
    rig.world.write('logs/audit.log', `${JSON.stringify(event)}\n`);
    await rig.find('approval', 'merge-pr-455');
    await rig.find('restorePoint', ARCHIVE);
    await rig.find('service', 'daemon');
    rig.hurry = 50_000;
  });
  afterAll(() => rig.end());

  async function outcomes(given: readonly Given[]): Promise<Readonly<Record<string, readonly string[]>>> {
    const ended: Record<string, readonly string[]> = {};
    for (const [act, type, id, params] of given) {
      const { outcome, summary } = await rig.act(act, type, id, params);
      ended[act] = [outcome, summary];
    }
    return ended;
  }

  it.each([
    ['fail with its word when it refuses', 'refuse', 'failed', /No space left on device/],
    ['time out when it never ends', 'hang', 'timed-out', /no end within its time|was killed/],
  ] as const)('%s, and nothing has changed', async (...row) => {
    const [, deed, outcome, why] = row;
    tools(DEEDS[deed]);
    rig.longestRunMs = deed === 'hang' ? 100 : Number.POSITIVE_INFINITY;
    const before = [...files(), readFileSync(join(rig.dir, config), 'utf8')];
    const ended = await outcomes(GIVEN);
    rig.longestRunMs = Number.POSITIVE_INFINITY;
    expect(Object.keys(ended)).toEqual(GIVEN.map(([act]) => act));
    for (const said of Object.values(ended)) expect(said).toEqual([outcome, expect.stringMatching(why)]);
    expect([...files(), readFileSync(join(rig.dir, config), 'utf8')]).toEqual(before);
  });

  it('are not called done by exit 0 of one that says nothing and does nothing', async () => {
    tools(DEEDS.silent);
    rig.world.write(config, readFileSync(join(rig.dir, config), 'utf8').replace('50.0', '40.0'));
    await until(async () => JSON.stringify((await rig.view()).data['written']).includes('40.0'));
    // A sound repository is one of which git says nothing.
    const ended = await outcomes(GIVEN.filter(([act]) => act !== 'repository.check'));
    // That its bytes are not there is told by the comparison, with exit 1.
    for (const [act, [outcome]] of Object.entries(ended))
      expect([act, outcome]).toEqual([act, act === 'backup.restore' ? 'failed' : 'not-seen']);
    expect(ended['backup.restore']?.[1]).toMatch(/(Contents|Size) differ/);
    expect(ended['activity.review']?.[1]).toBe('gh printed no list of pull requests');
  });

  it('are not done by half: a list that breaks off, an archive that is not whole, another value', async () => {
    tools(DEEDS.half);
    rig.hurry = 1;
    const ended = await outcomes(GIVEN);
    expect(ended).toMatchObject({
      'pr.check': ['failed', 'ended by SIGKILL'],
      'activity.review': ['failed', 'ended by SIGKILL'],
      'repository.check': ['failed', expect.stringContaining('ended by SIGKILL')],
      'backup.create': [
        'failed',
        expect.stringMatching(/the archive is there, and ours was not taken: ended by SIGKILL/),
      ],
      'backup.restore': ['failed', 'ended by SIGKILL'],
      'config.set': ['not-seen', expect.stringContaining('max_api_cost_per_day: 8')],
    });
  });
});

describe('a daemon that is restarted', () => {
  let rig: Rig;
  afterEach(async () => {
    // Those that a restart has begun are nobody's children here.
    await rig.refresh();
    for (const pid of await daemons()) process.kill(pid, 'SIGKILL');
    await rig.end();
  });
  const daemonsIn = ({ processes }: StateView): readonly number[] =>
    processes.filter(({ argv, cwd }) => argv.includes('start') && cwd === rig.dir).map(({ pid }) => pid);
  const daemons = async (): Promise<readonly number[]> => daemonsIn(await rig.view());

  const isUp = async (): Promise<boolean> => {
    const daemon = (await rig.view()).entity('service', 'daemon');
    return daemon?.type === 'service' && daemon.status !== 'down' && (await daemons()).length === 1;
  };

  it('and ignores the interrupt, has no second one started beside it', async () => {
    rig = new Rig();
    rig.lie('ignores-interrupt');
    const pid = await rig.daemon();
    rig.hurry = 60;
    const { outcome, summary } = await rig.act('daemon.restart', 'service', 'daemon');
    expect(outcome).toBe('failed');
    expect(summary).toContain(`process ${pid} took SIGINT and still lives`);
    expect(await daemons()).toEqual([pid]);
  });

  it('is not interrupted where its configuration is refused', async () => {
    rig = new Rig();
    rig.stillDaemon();
    await until(isUp);
    const before = await daemons();
    rig.tool('python', "echo '✗ Configuration is not valid'; exit 1");
    rig.hurry = 50_000;
    const { outcome, summary } = await rig.act('daemon.restart', 'service', 'daemon');
    expect([outcome, summary]).toEqual(['failed', expect.stringContaining('Configuration is not valid')]);
    expect(await daemons()).toEqual(before);
  });

  it.each([
    ['refuses', "echo '✗ database is locked'; exit 1", /a process of the daemon/],
    ['exits 0 at once', 'exit 0', /a process of the daemon/],
    ['lives and does nothing', `read -r _ < "$(dirname "$0")/never"`, /its log says that it went to work/],
  ])('is half done where the old one is gone and the new one %s', async (_what, body, missing) => {
    rig = new Rig();
    spawnSync('mkfifo', [join(rig.bin, 'never')]);
    rig.world.write(
      'logs/orchestrator.log',
      line(new Date(Date.now() - 60_000).toISOString(), 'Starting main loop', {}),
    );
    rig.stillDaemon();
    await until(isUp);
    const [old] = await daemons();
    rig.tool('python', `case "$*" in *validate*) echo '✓ Configuration is valid' ;; *) ${body} ;; esac`);
    rig.hurry = 1_000;
    const left = missing.source.includes('went to work') ? 1 : 0;
    rig.patientUntil = (view) => daemonsIn(view).length === left && !daemonsIn(view).includes(old ?? 0);
    const { outcome, summary } = await rig.act('daemon.restart', 'service', 'daemon');
    // Of a program that ends at once the runner sees either its end or nothing.
    expect(outcome).toMatch(/^(failed|not-seen)$/);
    expect(summary).toMatch(missing);
    expect(await daemons()).not.toContain(old);
  });
});

describe('a daemon that a keeper keeps', () => {
  let rig: Rig;
  afterEach(() => rig.end());

  it.each([
    ['refuses', "echo 'error: Access denied' >&2; exit 4", 'failed', /Access denied/],
    ['says nothing and does nothing', 'exit 0', 'not-seen', /^not seen in/],
    ['never ends', 'exec sleep 600', 'timed-out', /was killed|no end within/],
  ] as const)('is not called started, stopped or restarted where it %s', async (...row) => {
    const [, deed, outcome, why] = row;
    rig = new Rig();
    rig.settings = { keeper: 'systemd:orchestrator' } as Rig['settings'];
    const told =
      'ActiveState=inactive\\nSubState=dead\\nResult=success\\nExecMainStatus=0\\nMainPID=0\\nNRestarts=0\\n';
    rig.tool('systemctl', `case "$*" in show*) printf '${told}' ;; *) ${deed} ;; esac`);
    rig.hurry = 50_000;
    rig.longestRunMs = outcome === 'timed-out' ? 100 : Number.POSITIVE_INFINITY;
    await rig.find('service', 'daemon');
    const ended = [await rig.act('daemon.start', 'service', 'daemon')];
    rig.stillDaemon();
    const lives = async (): Promise<boolean> =>
      (await rig.view()).entity('service', 'daemon')?.status === 'up';
    await until(lives);
    for (const act of ['daemon.stop', 'daemon.restart']) ended.push(await rig.act(act, 'service', 'daemon'));
    for (const one of ended)
      expect([one.outcome, one.summary]).toEqual([outcome, expect.stringMatching(why)]);
    expect(await lives()).toBe(true);
  });
});
