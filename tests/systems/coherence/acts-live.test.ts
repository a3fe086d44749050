/** Every act on a checkout whose parts are real processes: with the honest programs, and with each of their lies. */
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EntityType } from '../../../src/domain/entity.ts';
import { type Live, startLive } from './live.ts';
import { actOf, type Performed, perform } from './perform.ts';

const PARTS = ['pipeline', 'project-manager', 'agent-runner', 'monitor', 'watchdog', 'api'];
/** How long a lie is given to turn out to be none. */
const SHORT_MS = 700;

let live: Live;
beforeAll(async () => {
  live = await startLive();
  await allUp();
}, 60_000);
afterAll(() => live.end());

async function allUp(): Promise<void> {
  await live.until('all parts up', 40, ({ view }) =>
    PARTS.every((id) => view.entity('service', id)?.status === 'up') ? true : undefined,
  );
}

async function withLie(lie: string, run: () => Promise<Performed>): Promise<Performed> {
  live.lie(lie);
  try {
    return await run();
  } finally {
    live.lie();
  }
}

async function refusalOf(act: string, on: readonly [EntityType, string]): Promise<string | undefined> {
  const { view } = await live.look();
  const target = view.entity(...on);
  if (!target) throw new Error(`no ${on.join('/')}`);
  return actOf(act).precondition(view, target);
}

async function post(body: object): Promise<string> {
  const answer = await fetch(`${live.located.url}/api/agent/tasks`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  return ((await answer.json()) as { id: string }).id;
}

const logFile = (name: string): string => join(live.laid.dir, 'api/logs', name);

describe('acts that only look', () => {
  const looking: readonly (readonly [string, readonly [EntityType, string], RegExp])[] = [
    ['pipeline.report', ['service', 'pipeline'], /\d+ running, \d+ pending, goal needs_attention/],
    ['pipeline.check', ['service', 'pipeline'], /1 required action: Restart the pipeline/],
    ['fatal.report', ['service', 'pipeline'], /fatal: pr_followthrough_blocked/],
    ['manager.preview', ['service', 'project-manager'], /backlog index=0, phase=spec/],
    ['failures.report', ['layer', 'goal'], /passed: impl: 3 failures/],
    ['surface.report', ['service', 'api'], /passed: mounted routes/],
    ['tests.check', ['service', 'api'], /passed: pytest/],
    ['specs.check', ['service', 'pipeline'], /passed/],
    ['web.check', ['service', 'api'], /passed/],
    ['worktree.check', ['service', 'pipeline'], /passed/],
    ['prs.check', ['service', 'pipeline'], /passed/],
    ['telemetry.migrate', ['service', 'api'], /parity_ok/],
  ];

  it('are done by their answer', async () => {
    await live.until('the supervisor to give up', 20, ({ view }) =>
      view.entity('issue', 'fatal.pr_followthrough_blocked'),
    );
    const done = await Promise.all(looking.map(([act, on]) => perform(live, act, on)));
    done.forEach((one, index) => {
      expect(one, looking[index]?.[0]).toMatchObject({ outcome: 'verified' });
      expect(one.summary).toMatch(looking[index]?.[2] ?? /never/);
    });
  }, 60_000);

  it('are not believed when they exit 0 and say nothing, and show what a gate found', async () => {
    const telling = looking.filter(([act]) => /^(pipeline|fatal|manager|telemetry)/.test(act));
    live.lie('silent-report');
    const silent = await Promise.all(telling.map(([act, on]) => perform(live, act, on)));
    live.lie('gate-fails', 'no-parity');
    const gate = await perform(live, 'specs.check', ['service', 'pipeline']);
    const migration = await perform(live, 'telemetry.migrate', ['service', 'api']);
    live.lie();
    for (const one of silent) expect(one).toMatchObject({ outcome: 'not-seen' });
    expect(gate).toMatchObject({
      outcome: 'failed',
      answer: { summary: expect.stringContaining('1 check failed') },
    });
    expect(migration).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('keep the local files'),
    });
  }, 60_000);
});

describe('acts on tasks', () => {
  it('requeue: the failed task is pending and its worker takes it; nothing stored is not seen', async () => {
    const failed: readonly [EntityType, string] = ['job', 'task_1b09199f1e3d9185'];
    const lost = await withLie('patch-lost', () => perform(live, 'job.requeue', failed, {}, SHORT_MS));
    expect(lost).toMatchObject({ outcome: 'not-seen', answer: { ok: true } });
    expect(await perform(live, 'job.requeue', failed)).toMatchObject({ outcome: 'verified' });
  }, 30_000);

  it('fail: with the operator’s words; a task that failed by itself meanwhile is another thing', async () => {
    const id = await post({ direction: 'Chart the sandbank', task_type: 'spec' });
    const on: readonly [EntityType, string] = ['job', id];
    await live.until('the new task', 10, ({ view }) => view.entity(...on));
    const output = 'given up: no pilot aboard';
    const lost = await withLie('patch-lost', () => perform(live, 'job.fail', on, { output }, SHORT_MS));
    expect(lost).toMatchObject({ outcome: 'not-seen' });
    expect(await perform(live, 'job.fail', on, { output })).toMatchObject({ outcome: 'verified' });
    const { view } = await live.look();
    expect(view.entity(...on)).toMatchObject({ status: 'failed', data: { output } });
  }, 30_000);

  it('diagnose and abort: a runner that hears neither is found out', async () => {
    const running = async (): Promise<readonly [EntityType, string]> => {
      const job = await live.until('a task that runs', 20, ({ view }) =>
        view.entities('job').find((one) => one.status === 'running' && one.leaseUntil !== undefined),
      );
      return ['job', job.id];
    };
    live.lie('diagnostic-ignored', 'abort-ignored');
    const deaf = await running();
    const [asked, left] = await Promise.all([
      perform(live, 'job.diagnose', deaf, { command: 'df -h' }, SHORT_MS),
      perform(live, 'job.cancel', deaf, {}, SHORT_MS),
    ]);
    live.lie();
    expect(asked).toMatchObject({ outcome: 'not-seen' });
    expect(left).toMatchObject({ outcome: 'not-seen' });
    expect(left.stages[0]).toMatchObject({ state: 'seen' });
    // Nobody cleared what the deaf runner did not hear: it ends that task now, and the next one is fresh.
    const next = await live.until('another task that runs', 20, ({ view }) =>
      view
        .entities('job')
        .find(
          (one) =>
            one.status === 'running' &&
            one.id !== deaf[1] &&
            !one.data?.['abortAsked'] &&
            one.leaseUntil !== undefined,
        ),
    );
    const on: readonly [EntityType, string] = ['job', next.id];
    expect(await perform(live, 'job.diagnose', on, { command: 'df -h' })).toMatchObject({
      outcome: 'verified',
      summary: expect.stringContaining('ran: df -h'),
    });
    expect(await perform(live, 'job.cancel', on, { reason: 'wrong harbour' })).toMatchObject({
      outcome: 'verified',
    });
    // What the abort left in its context would end it again at once.
    expect(await perform(live, 'job.requeue', on)).toMatchObject({ outcome: 'verified' });
    const { view } = await live.look();
    expect(view.entity(...on)?.data?.['abortAsked']).toBeUndefined();
  }, 90_000);
});

describe('acts on files', () => {
  it('clean: deletes by age and nothing else', async () => {
    const old = logFile('task_task_0123456789abcdef.log');
    writeFileSync(old, 'old\n');
    const then = Date.now() / 1000 - 9 * 86_400;
    utimesSync(old, then, then);
    const { view } = await live.look();
    const runner = view.entity('service', 'agent-runner');
    if (!runner) throw new Error('no runner');
    expect(() => actOf('logs.clean').plan(view, runner, { days: '30' })).toThrow(
      'no task log is older than 30 days: there is nothing to delete',
    );
    expect(actOf('logs.clean').warnings?.(view, runner, {})[0]).toMatch(
      /^1 task log of \d+ would be deleted/,
    );
    expect(await perform(live, 'logs.clean', ['service', 'agent-runner'])).toMatchObject({
      outcome: 'verified',
    });
    expect(existsSync(old)).toBe(false);
    expect(existsSync(logFile('task_task_864e65b18d8b704c.log'))).toBe(true);
  }, 30_000);

  it('clear the fatal file: only once a pipeline runs that began after it', async () => {
    const fatal = { reason: 'api_start_failed', detail: 'x', recovery_attempted: true };
    const lay = (at: string): void =>
      writeFileSync(logFile('fatal_issues.json'), JSON.stringify({ at, ...fatal }));
    lay(new Date(Date.now() + 5_000).toISOString());
    expect(await refusalOf('fatal.clear', ['issue', 'fatal.api_start_failed'])).toContain('not over');
    lay('2026-01-01T00:00:00Z');
    expect(await perform(live, 'fatal.clear', ['issue', 'fatal.api_start_failed'])).toMatchObject({
      outcome: 'verified',
    });
    expect(existsSync(logFile('fatal_issues.json'))).toBe(false);
  }, 30_000);

  it('withdraw a request before the watchdog takes it', async () => {
    live.lie('deaf');
    writeFileSync(
      logFile('restart_requested.json'),
      '{"reason": "stale_version", "at": "2026-01-01T00:00:00+00:00"}',
    );
    const done = await perform(live, 'restart.withdraw', ['service', 'watchdog']);
    live.lie();
    expect(done).toMatchObject({ outcome: 'verified' });
    expect(await refusalOf('restart.withdraw', ['service', 'watchdog'])).toContain('no restart request');
  }, 30_000);

  it('one check of the monitor: exit 0 and nothing written is not a check', async () => {
    const silent = await withLie('check-silent', () =>
      perform(live, 'monitor.check', ['service', 'monitor'], {}, SHORT_MS),
    );
    // The monitor of the pipeline may have checked in the meantime: then a check was made, by whomever.
    expect(silent.answer).toMatchObject({ ok: true });
    expect(await perform(live, 'monitor.check', ['service', 'monitor'])).toMatchObject({
      outcome: 'verified',
    });
  }, 30_000);
});

describe('acts on the whole', () => {
  it('release a hang: ends the project manager, and the watchdog restarts at once', async () => {
    expect(await refusalOf('manager.end', ['service', 'watchdog'])).toContain('no watchdog waits');
    live.lie('hang');
    const at = new Date(Date.now() - 60_000).toISOString();
    writeFileSync(logFile('restart_requested.json'), `{"reason": "stale_version", "at": "${at}"}`);
    await live.until('the request to be eaten', 15, () =>
      existsSync(logFile('restart_requested.json')) ? undefined : true,
    );
    const stamp =
      readFileSync(logFile('monitor.log'), 'utf8').trimEnd().split('\n').at(-1)?.slice(0, 23) ?? '';
    writeFileSync(logFile('monitor.log'), `${stamp} INFO Restart requested: stale_version\n`, { flag: 'a' });
    await live.until('the hang to be seen', 30, ({ view }) => view.entity('issue', 'restart_hangs'));
    expect(await refusalOf('pipeline.restart', ['service', 'pipeline'])).toContain(
      'waits for project manager',
    );
    const done = await perform(live, 'manager.end', ['issue', 'restart_hangs'], {}, 30_000);
    live.lie();
    expect(done).toMatchObject({ outcome: 'verified' });
  }, 90_000);

  it('end the orphans of a pipeline whose project manager died, by their pids', async () => {
    await allUp();
    await live.until('a project manager', 40, ({ view }) => {
      const pid = view.data['managerPid'];
      if (typeof pid !== 'number') return undefined;
      process.kill(pid, 'SIGKILL');
      return true;
    });
    await live.until('orphans', 20, ({ view }) => view.entity('issue', 'orphans'));
    expect(await perform(live, 'orphans.end', ['issue', 'orphans'])).toMatchObject({ outcome: 'verified' });
    await allUp();
  }, 90_000);

  it('halt: every part by its pid, the API goes on; then parts alone, then all of it anew', async () => {
    expect(await refusalOf('pipeline.start', ['service', 'pipeline'])).toContain('it runs');
    expect(await perform(live, 'pipeline.halt', ['service', 'pipeline'])).toMatchObject({
      outcome: 'verified',
    });
    const { view } = await live.look();
    expect(view.entity('service', 'api')?.status).toBe('up');
    expect(await refusalOf('pipeline.halt', ['service', 'pipeline'])).toBe('nothing of it runs');
    expect(await refusalOf('pipeline.restart', ['service', 'pipeline'])).toContain('no watchdog');
    const [runner, manager] = await Promise.all([
      perform(live, 'runner.start', ['service', 'agent-runner'], { worker: 'tidehost:401' }),
      perform(live, 'manager.start', ['service', 'project-manager']),
    ]);
    expect(runner).toMatchObject({ outcome: 'verified' });
    expect(manager).toMatchObject({ outcome: 'verified' });
    expect(await perform(live, 'pipeline.halt', ['service', 'pipeline'])).toMatchObject({
      outcome: 'verified',
    });
    const dying = await withLie('version-only', () =>
      perform(live, 'pipeline.start', ['service', 'pipeline'], {}, 3_000),
    );
    expect(dying).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('no project manager lives'),
    });
    await perform(live, 'pipeline.halt', ['service', 'watchdog']);
    expect(
      await perform(live, 'pipeline.start', ['service', 'pipeline'], { commit: 'no' }, 30_000),
    ).toMatchObject({ outcome: 'verified' });
  }, 120_000);

  it('restart the API alone: another process, a newer start, health 200', async () => {
    expect(await perform(live, 'api.restart', ['service', 'api'], {}, 30_000)).toMatchObject({
      outcome: 'verified',
    });
  }, 60_000);
});
