/**
 * Every check, gate and report, and a pass of the worker, where its program refuses, says nothing, never ends or is killed
 * halfway. That they work: acts-report.test.ts, acts-live.test.ts; acts on a job: acts-live.test.ts, acts-stop.test.ts.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STORY } from '../../../fixtures/demo/openclaw/story.ts';
import { lookInto } from '../../../src/config/look.ts';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import { filesBelow, type Given, ManyActing, outcomesOf, watchOf } from '../acting.ts';
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
