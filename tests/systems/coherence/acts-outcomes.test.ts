import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SystemWatch } from '../../../src/engine/system-watch.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { type Given, ManyActing, outcomesOf, until } from '../acting.ts';
import { Played } from './played.ts';

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

describe('acts that run a program to its end', () => {
  const given: readonly Given[] = [
    ['pipeline.report', 'service', 'pipeline'],
    ['pipeline.check', 'service', 'pipeline'],
    ['fatal.report', 'service', 'pipeline'],
    ['manager.preview', 'service', 'project-manager'],
    ['failures.report', 'layer', 'goal'],
    ['surface.report', 'service', 'api'],
    ['tests.check', 'service', 'api'],
    ['specs.check', 'service', 'pipeline'],
    ['web.check', 'service', 'api'],
    ['worktree.check', 'service', 'pipeline'],
    ['start.check', 'service', 'pipeline'],
    ['prs.check', 'service', 'pipeline'],
    ['telemetry.migrate', 'service', 'api'],
    ['monitor.check', 'service', 'monitor'],
  ];

  it.each([
    ['refuses', 'refuse', 'failed', /ModuleNotFoundError: No module named httpx/],
    ['exits 0 and says and does nothing', 'silent', 'not-seen', /\S/],
    ['never ends', 'hang', 'timed-out', /did not end in/],
    ['is killed halfway', 'half', 'failed', /exit|killed|no verdict/i],
  ] as const)('fail, time out or are not seen where it %s, and nothing has changed', async (...row) => {
    const [, what, outcome, why] = row;
    const token = process.env['GITHUB_TOKEN'];
    process.env['GITHUB_TOKEN'] = 'stand-in';
    const before = played.snapshot();
    played.play(what);
    const ended = await many.each(given, what === 'hang' ? { runMs: 300 } : {});
    played.play('honest');
    if (token === undefined) delete process.env['GITHUB_TOKEN'];
    else process.env['GITHUB_TOKEN'] = token;
    expect(outcomesOf(given, ended)).toEqual(given.map(([id]) => `${id}: ${outcome}`));
    ended.forEach(({ summary }, index) => {
      expect(summary, given[index]?.[0]).toMatch(why);
    });
    expect(played.snapshot()).toEqual(before);
    expect(played.living()).toEqual([]);
  });
});

describe('start.check', () => {
  it('is done by exit 0 of the gate that make runs, with its word', async () => {
    played.play('pass');
    const ended = await many.act(['start.check', 'service', 'pipeline'], { hurry: 1 });
    played.play('honest');
    expect(ended).toMatchObject({ outcome: 'verified', summary: expect.stringContaining('main green') });
  });
});

describe('acts that start a part of the pipeline', () => {
  beforeEach(() => played.clear(watch));
  const given: readonly Given[] = [
    ['runner.start', 'service', 'agent-runner', { worker: 'w7' }],
    ['manager.start', 'service', 'project-manager'],
    ['pipeline.start', 'service', 'pipeline'],
    ['pipeline.start', 'service', 'pipeline', { mode: 'autonomous' }],
    ['pipeline.start', 'service', 'pipeline', { mode: 'once' }],
  ];

  it.each([
    ['refuses', 'refuse'],
    ['exits 0 at once', 'silent'],
    ['is killed halfway', 'half'],
  ] as const)('are not done where it %s, and nothing of it lives', async (_what, what) => {
    const before = played.snapshot();
    played.play(what);
    const ended = await many.each(given);
    await until(() => played.living().length === 0);
    played.play('honest');
    // Of a program that ends at once the runner sees either its end or nothing.
    for (const outcome of outcomesOf(given, ended)) expect(outcome).toMatch(/: (failed|not-seen)$/);
    expect(played.snapshot()).toEqual(before);
  });

  it('fail with the reason where there is no program to start, and nothing is changed', async () => {
    const before = played.snapshot();
    chmodSync(join(played.dir, 'python'), 0o644);
    const ended = await many
      .each(given.slice(0, 2))
      .finally(() => chmodSync(join(played.dir, 'python'), 0o755));
    for (const one of ended)
      expect(one).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('EACCES') });
    expect(played.snapshot()).toEqual(before);
  });

  it('are not seen where it lives and does nothing, and say what is missing', async () => {
    played.play('hang');
    const before = played.snapshot();
    const program = join(played.dir, 'python');
    const lives = ({ processes }: StateView): boolean =>
      processes.filter((one) => one.argv.includes(program)).length === 2;
    const parts = await many.each(given.slice(0, 2), { patientUntil: lives });
    expect(played.living()).toHaveLength(2);
    await played.clear(watch);
    const ended = [...parts, await many.act(given[2] as Given)];
    await played.clear(watch);
    played.play('honest');
    expect(ended.map((one) => one.outcome)).toEqual(['not-seen', 'not-seen', 'not-seen']);
    expect(ended[0]?.summary).toMatch(/its log says that it started \(no such line since\)/);
    expect(ended[1]?.summary).toMatch(/project manager \d+ lives, its log has not moved/);
    expect(ended[2]?.summary).toMatch(/started_at is as it was/);
    expect(played.snapshot()).toEqual(before);
  });
});
