/**
 * Every check, gate and report, a pass of the worker and the stop of a job, where its program refuses, says nothing, never
 * ends or is killed halfway. That they work: acts-report.test.ts, acts-live.test.ts; other acts on a job: acts-live.test.ts.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withStore } from '../../../fixtures/demo/openclaw/queue-store.ts';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import { lookInto } from '../../../src/config/look.ts';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { filesBelow, type Given, ManyActing, outcomesOf, until, watchOf } from '../acting.ts';
import { writeInterpreter } from '../interpreter.ts';
import { type DemoSystem, layDemo } from './demo-system.ts';

const metrics = { metrics: 'metrics.json' };

const GIVEN: readonly Given[] = [
  ['job.status', 'job', STORY.review],
  ['report.metrics', 'service', 'worker'],
  ['check.imports', 'service', 'worker'],
  ['check.security', 'service', 'worker'],
  ['gate.slo', 'service', 'worker'],
  ['gate.canary', 'service', 'worker'],
  ['canary.decide', 'service', 'worker', metrics],
  ['gate.release', 'service', 'worker', metrics],
  ['gate.scorecard', 'service', 'worker', { file: 'metrics.json' }],
  ['gate.merge', 'service', 'worker', { repo: 'acme/harbour', pr: '7' }],
  ['gate.latency', 'service', 'worker'],
  ['worker.pass', 'service', 'worker'],
];

/** What a program does that is started. */
const DEEDS = {
  refuse: "echo 'sqlite3.OperationalError: database is locked' >&2; exit 1",
  silent: 'exit 0',
  hang: 'exec sleep 600',
  // All that each of them would print, and then it is killed before it has come to its end.
  half: `echo '{"pass": true, "ok": true, "status": "completed", "stalled_count": 0, "gates": {}}'; kill -KILL $$`,
} as const;

describe('checks, gates and reports', () => {
  let demo: DemoSystem;
  let watch: SystemWatch;
  let many: ManyActing;
  let python: string;
  const files = (): unknown => filesBelow(demo.dir, (path) => path === 'python' || path.startsWith('states'));

  beforeAll(async () => {
    demo = await layDemo(Date.now() - 4 * 3_600_000);
    const skill = join(demo.dir, 'agent-orchestrator');
    // Two that only one branch of the skill has.
    for (const name of ['utils/test_security_baseline.py', 'scripts/pr_merge_gate.py']) {
      mkdirSync(join(skill, name, '..'), { recursive: true });
      writeFileSync(join(skill, name), '# part of the simulated skill\n');
    }
    python = join(demo.dir, 'python');
    const settings = { ...demo.located.settings, python };
    const located = openclawKind.locate(skill, lookInto(skill, {}), demo.located.system, settings);
    watch = watchOf(openclawKind, located);
    await watch.start();
    many = new ManyActing(watch, join(demo.dir, 'states'));
  });
  afterAll(async () => {
    many.close();
    await watch.close();
    demo.remove();
  });

  test('are done by exit 0 with a word: gates and tests that pass', async () => {
    writeFileSync(
      python,
      `#!/bin/sh
case "$*" in
  *slo_gate.py*) echo '{"pass": true, "gates": {"M1": {"pass": true}, "M2": {"pass": true}}}' ;;
  *test_security*) echo '12 passed in 0.31s' ;;
  *pr_merge_gate.py*) echo '{"pass": true}' ;;
esac
`,
    );
    chmodSync(python, 0o755);
    const given = GIVEN.filter(([act]) => ['gate.slo', 'check.security', 'gate.merge'].includes(act));
    const ended = await many.each(given, { hurry: 1 });
    expect(ended.map(({ outcome, summary }) => [outcome, summary])).toEqual([
      ['verified', '12 passed in 0.31s'],
      ['verified', 'pass: M1, M2'],
      ['verified', 'pass'],
    ]);
  });

  test.each([
    ['refuses', 'refuse', 'failed', /database is locked/],
    ['exits 0 without a word', 'silent', 'not-seen', /said nothing|not seen in/],
    ['never ends', 'hang', 'timed-out', /no end within its time|was killed/],
    ['is killed before its end', 'half', 'failed', /ended by SIGKILL/],
  ] as const)('are not believed, and nothing has changed, where the program %s', async (...row) => {
    const [, deed, outcome, why] = row;
    writeFileSync(python, `#!/bin/sh\n${DEEDS[deed]}\n`);
    chmodSync(python, 0o755);
    const before = files();
    const ended = await many.each(GIVEN, deed === 'hang' ? { runMs: 200 } : {});
    expect(outcomesOf(GIVEN, ended)).toEqual(GIVEN.map(([act]) => `${act}: ${outcome}`));
    ended.forEach(({ summary }, index) => {
      expect(summary, GIVEN[index]?.[0]).toMatch(why);
    });
    expect(files()).toEqual(before);
    expect(readFileSync(python, 'utf8')).toContain(DEEDS[deed]);
  });
});

describe('an act on a job of several steps', () => {
  const given: Given = ['job.stop', 'job', STORY.running];
  let demo: DemoSystem;
  let watch: SystemWatch;
  let many: ManyActing;
  let runner: ChildProcess;
  const skill = (): string => join(demo.dir, 'agent-orchestrator');

  /** A job with a runner that lives, and does that when it is told to end. */
  async function atWork(trap: string): Promise<void> {
    runner.kill('SIGKILL');
    const body = `${trap}\necho up\nread -r _ < '${demo.dir}/never'`;
    runner = spawn('/bin/sh', ['-c', body, `${skill()}/runner.py`, 'run'], { cwd: skill() });
    await new Promise((resolve) => runner.stdout?.once('data', resolve));
    const home = { base: `${demo.dir}/workspace`, project: 'harbour' };
    withStore(home, (store) =>
      store.update(STORY.running, { status: 'running', runner_pid: runner.pid ?? 0 }),
    );
    await until(async () => {
      await watch.refresh();
      const job = watch.view().entity('job', STORY.running);
      const lives = watch.view().processes.some(({ pid }) => pid === runner.pid);
      return job?.status === 'running' && job.data?.['pid'] === runner.pid && lives;
    });
  }
  const program = (body: string): void => {
    writeFileSync(join(demo.dir, 'python'), `#!/bin/sh\n${body}\n`);
    chmodSync(join(demo.dir, 'python'), 0o755);
  };

  beforeAll(async () => {
    demo = await layDemo();
    spawnSync('mkfifo', [join(demo.dir, 'never')]);
    writeInterpreter(join(demo.dir, 'simulated'), new URL('./stand-in.ts', import.meta.url));
    const settings = { ...demo.located.settings, python: join(demo.dir, 'python') };
    const located = openclawKind.locate(skill(), lookInto(skill(), {}), demo.located.system, settings);
    runner = spawn('/bin/true');
    watch = watchOf(openclawKind, located);
    await watch.start();
    many = new ManyActing(watch, join(demo.dir, 'states'));
  });
  afterAll(async () => {
    runner.kill('SIGKILL');
    many.close();
    await watch.close();
    demo.remove();
  });

  test('job.resubmit is half done where the new job is there and the old one could not be cancelled', async () => {
    program(`case "$*" in *submit.py*) exec '${demo.dir}/simulated' "$@" ;; *) ${DEEDS.refuse} ;; esac`);
    const goals = (view: StateView): readonly string[] =>
      view
        .entities('job')
        .filter(({ data }) => `${data?.['goal']}`.includes('the northern berth'))
        .map(({ id }) => id);
    const ended = await many.act(
      ['job.resubmit', 'approval', STORY.question, { answer: 'the northern berth' }],
      {
        patientUntil: (view) => goals(view).length === 1,
      },
    );
    expect([ended.outcome, ended.summary]).toEqual(['failed', expect.stringMatching(/database is locked/)]);
    expect(watch.view().entity('job', STORY.question)?.nativeStatus).toBe('waiting_human');
  });

  test.each([
    ['refuses', DEEDS.refuse, 'failed', /database is locked/],
    ['never ends', DEEDS.hang, 'timed-out', /was killed/],
  ] as const)('job.stop ends no runner where control.py %s: it would be tried again', async (...row) => {
    const [, deed, outcome, why] = row;
    await atWork('');
    program(deed);
    const ended = await many.act(given, outcome === 'timed-out' ? { runMs: 200 } : {});
    expect([ended.outcome, ended.summary]).toEqual([outcome, expect.stringMatching(why)]);
    expect(runner.signalCode).toBeNull();
    await watch.refresh();
    expect(watch.view().entity('job', STORY.running)?.nativeStatus).toBe('running');
  });

  test('job.stop is not seen where control.py exits 0 and cancels nothing, though the runner is gone', async () => {
    await atWork('');
    program('exit 0');
    const ended = await many.act(given);
    expect(ended).toMatchObject({
      outcome: 'not-seen',
      summary: expect.stringContaining('status cancelled'),
    });
  });

  test('job.stop is half done where the job is cancelled and its runner ignores SIGTERM', async () => {
    await atWork("trap '' TERM");
    program(`exec '${demo.dir}/simulated' "$@"`);
    const isCancelled = (view: StateView): boolean =>
      view.entity('job', STORY.running)?.nativeStatus === 'cancelled';
    const ended = await many.act(given, { patientUntil: isCancelled });
    expect(ended.outcome).toBe('failed');
    expect(ended.summary).toContain(`process ${runner.pid} took SIGTERM and still lives`);
    expect(runner.signalCode).toBeNull();
  });
});
