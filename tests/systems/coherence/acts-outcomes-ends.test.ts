/**
 * Every act that changes a file, ends processes or deletes, with what goes wrong: it is refused, nothing happens, it never
 * ends, half is done. Programs that are started: acts-outcomes.test.ts. That they work: acts-live.test.ts.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { type Doing, type Ended, type Given, ManyActing } from '../acting.ts';
import { Played } from './played.ts';

/** A word the masker of the tests knows as a secret: of what holds it no copy is kept, so it is not touched. */
const SECRET = 'the-toy-secret';

let played: Played;
let watch: SystemWatch;
let many: ManyActing;

beforeAll(async () => {
  played = await Played.lay();
  watch = await played.watch();
  many = new ManyActing(watch, join(played.dir, 'states'));
}, 60_000);

afterAll(async () => {
  many.close();
  await played.end();
});

describe('acts that change a file', () => {
  const request = (note: string): void =>
    writeFileSync(
      played.logFile('restart_requested.json'),
      JSON.stringify({ reason: 'stale_version', at: '2026-01-01T00:00:00Z', note }),
    );
  const fatal = (note: string): void =>
    writeFileSync(
      played.logFile('fatal_issues.json'),
      JSON.stringify({ at: '2026-01-01T00:00:00Z', reason: 'api_start_failed', detail: 'x', note }),
    );

  it('fail where no copy of what is there may be kept, and leave it as it is', async () => {
    const watchdog = await played.part(['scripts/run_overnight_pipeline_watchdog.sh']);
    // A fatal file is left over once a pipeline runs again.
    await played.part(['scripts/project_manager.py']);
    request(SECRET);
    fatal(SECRET);
    const view = () => watch.view();
    await played.reread(
      watch,
      () =>
        view().data['watchdogPid'] === watchdog.pid &&
        view().data['requestPresent'] === true &&
        view().entity('issue', 'fatal.api_start_failed')?.attention?.label === 'LEFTOVER',
    );
    const before = played.snapshot();
    const ended = await many.each([
      ['restart.withdraw', 'service', 'pipeline'],
      ['pipeline.restart', 'service', 'pipeline'],
      ['fatal.clear', 'issue', 'fatal.api_start_failed'],
    ]);
    for (const one of ended)
      expect(one).toMatchObject({
        outcome: 'failed',
        summary: expect.stringContaining('looks like a secret'),
      });
    expect(played.snapshot()).toEqual(before);
  });

  it('pipeline.restart is not seen where the watchdog never looks: the request lies there, and is withdrawn', async () => {
    request('');
    const ended = await many.act(['pipeline.restart', 'service', 'pipeline']);
    expect(ended).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('the watchdog takes the request'),
    });
    await played.reread(watch, () => watch.view().data['requestPresent'] === true);
    const withdrawn = await many.act(['restart.withdraw', 'service', 'pipeline'], { hurry: 1 });
    expect(withdrawn).toMatchObject({ outcome: 'verified' });
  });

  it.each([
    ['restart.withdraw', 'service', 'pipeline', request],
    ['fatal.clear', 'issue', 'fatal.api_start_failed', fatal],
  ] as const)('%s is not seen where its file is there again at once', async (act, type, on, write) => {
    write('the first');
    await played.reread(watch, () => {
      const item = watch.view().entity(type, on);
      const { requestPresent, fatalPresent } = watch.view().data;
      return item !== undefined && (write === request ? requestPresent : fatalPresent) === true;
    });
    const ended = await many.act([act, type, on], { onFileChanged: () => write('the second') });
    expect(ended).toMatchObject({ outcome: 'not-seen', summary: expect.stringContaining('(it is there)') });
    rmSync(played.logFile(write === request ? 'restart_requested.json' : 'fatal_issues.json'));
  });
});

describe('acts that end processes', () => {
  beforeEach(() => played.clear(watch));

  it('pipeline.halt fails at the part that ignores TERM: those before it are gone, those after it go on', async () => {
    const watchdog = await played.part(['scripts/run_overnight_pipeline_watchdog.sh']);
    const runner = await played.part(['scripts/agent_runner.py'], 'deaf');
    const manager = await played.part(['scripts/project_manager.py']);
    const { pid } = runner;
    await played.reread(watch, () => {
      const pids = watch.view().processes.map((one) => one.pid);
      return [watchdog, runner, manager].every((one) => pids.includes(one.pid ?? 0));
    });
    const before = played.snapshot();
    const isGone = () => watchdog.signalCode !== null;
    const ended = await many.act(['pipeline.halt', 'service', 'pipeline'], { patientUntil: isGone });
    expect(ended.outcome).toBe('failed');
    expect(ended.summary).toContain(`process ${pid} took SIGTERM and still lives`);
    expect([...played.living()].sort()).toEqual([pid, manager.pid].sort());
    expect(played.snapshot()).toEqual(before);
  });

  it('orphans.end fails at the one that ignores TERM, and names it', async () => {
    rmSync(join(played.dir, 'deaf'), { force: true });
    const both = 'PLAY=deaf "$0" scripts/agent_runner.py & PLAY=hang "$0" scripts/monitor_pipeline.py &';
    spawnSync('/bin/sh', ['-c', both, join(played.dir, 'python')], {
      cwd: join(played.root, 'api'),
      stdio: 'ignore',
    });
    await played.reread(
      watch,
      () =>
        played.isDeaf() && watch.view().entity('issue', 'orphans')?.title.startsWith('2 orphans') === true,
    );
    const words = ['/bin/sh', join(played.dir, 'python'), 'scripts/agent_runner.py'];
    const runner = watch.view().processes.find((one) => one.argv.join(' ') === words.join(' '));
    const ended = await many.act(['orphans.end', 'issue', 'orphans']);
    expect(ended.outcome).toBe('failed');
    expect(ended.summary).toContain(`process ${runner?.pid} took SIGTERM and still lives`);
    expect(played.living()).toHaveLength(2);
  });

  describe('manager.end', () => {
    const given: Given = ['manager.end', 'service', 'watchdog'];
    let later: SystemWatch;
    let acting: ManyActing;
    // A watchdog is not said to hang before the time of a restart is over.
    beforeAll(async () => {
      later = await played.watch(600_000);
      acting = new ManyActing(later, join(played.dir, 'states-later'));
    });
    afterAll(() => acting.close());

    /** A project manager that was there when a restart was asked for, and is there still. */
    async function hanging(what: 'hang' | 'deaf'): Promise<ChildProcess> {
      await played.part(['scripts/run_overnight_pipeline_watchdog.sh']);
      const manager = await played.part(['scripts/project_manager.py'], what);
      const asked = new Date(Date.now() + 5_000 - new Date().getTimezoneOffset() * 60_000).toISOString();
      const stamp = asked.replace('T', ' ').replace('.', ',').slice(0, 23);
      appendFileSync(played.logFile('monitor.log'), `${stamp} INFO Restart requested: stale_version\n`);
      await played.reread(later, () => later.view().data['hangsOnPid'] === manager.pid);
      return manager;
    }

    it('fails where the project manager ignores TERM', async () => {
      const manager = await hanging('deaf');
      const before = played.snapshot();
      const ended = await acting.act(given);
      expect(ended.outcome).toBe('failed');
      expect(ended.summary).toContain(`process ${manager.pid} took SIGTERM and still lives`);
      expect(played.living()).toHaveLength(2);
      expect(played.snapshot()).toEqual(before);
    });

    it('is half done where it is gone and the watchdog starts no other', async () => {
      const manager = await hanging('hang');
      const isGone = ({ processes }: StateView): boolean => !processes.some((one) => one.pid === manager.pid);
      const ended = await acting.act(given, { patientUntil: isGone });
      expect(ended).toMatchObject({
        outcome: 'not-seen',
        summary: expect.stringContaining('no new one lives'),
      });
      expect(manager.signalCode).toBe('SIGTERM');
    });
  });
});

describe('logs.clean', () => {
  const given: Given = ['logs.clean', 'service', 'agent-runner'];
  const then = Date.now() / 1000 - 9 * 86_400;
  const old = ['task_task_0123456789abcdef.log', 'task_task_fedcba9876543210.log'];
  const isOld = (at: number): boolean => at < then * 1_000 + 1_000;
  const olds = (): number =>
    ((watch.view().data['taskLogAges'] ?? []) as readonly number[]).filter(isOld).length;

  beforeEach(async () => {
    for (const name of old) {
      writeFileSync(played.logFile(name), 'old\n');
      utimesSync(played.logFile(name), then, then);
    }
    await played.reread(watch, () => olds() === 2);
  });

  /** Does it with another program in the place of find. */
  async function cleanBy(body: string, doing: Doing = {}): Promise<Ended> {
    const path = join(played.dir, 'find');
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    return await many.act(given, { instead: { '/usr/bin/find': path }, ...doing });
  }

  it.each([
    [
      'refuses',
      "echo 'find: api/logs: Permission denied' >&2; exit 1",
      'failed',
      /^0 files deleted, exit 1: find: api\/logs: Permission denied$/,
    ],
    [
      'never ends',
      `read -r _ < "$(dirname "$0")/never"`,
      'timed-out',
      /^0 files deleted, no end within its time$/,
    ],
  ] as const)('fails or times out where find %s, and nothing is deleted', async (...row) => {
    const [, body, outcome, why] = row;
    const before = played.snapshot();
    const ended = await cleanBy(body, outcome === 'timed-out' ? { runMs: 300 } : {});
    expect(ended.outcome).toBe(outcome);
    expect(ended.summary).toMatch(why);
    expect(played.snapshot()).toEqual(before);
  });

  it('fails where find is killed after the first of two, and says how far it came', async () => {
    const ended = await cleanBy(`rm "$1/${old[0]}"; echo "$1/${old[0]}"; kill -KILL $$`);
    expect(ended.outcome).toBe('failed');
    expect(ended.summary).toBe('1 file deleted, then ended by SIGKILL');
    await played.reread(watch, () => olds() === 1);
  });

  it('is not seen where find deletes nothing: it does not follow a link to the logs', async () => {
    renameSync(join(played.root, 'api/logs'), join(played.root, 'api/kept-logs'));
    symlinkSync('kept-logs', join(played.root, 'api/logs'));
    await played.reread(watch, () => olds() === 2);
    const before = played.snapshot();
    const ended = await many.act(given);
    expect(ended).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('an older one is there'),
    });
    expect(ended.row.progress.answer?.summary).toBe('0 files deleted, exit 0');
    expect(played.snapshot()).toEqual(before);
  });
});
