import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { instant } from '../../../src/domain/instant.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import type { Located } from '../../../src/systems/system.ts';
import { deriveLocated } from '../fixture-case.ts';
import { layLive, locateLaid, readProbes } from './live.ts';
import { actOf, type Done, type Looked, perform, targetIn, viewOf } from './perform.ts';

/** The checkout of the demo without its loop and server: what acts do to files, git and the cluster. */
let dir: string;
let root: string;
let located: Located;
let system: Looked;
const lie = (...names: string[]): void => writeFileSync(join(root, '.lies'), names.join(' '));

beforeAll(async () => {
  const laid = await layLive(40);
  dir = laid.dir;
  root = laid.laid.dir;
  located = locateLaid(laid.laid);
  system = {
    located,
    async look() {
      const fixture = { at: instant(Date.now()), settings: {}, mtimes: {}, processes: [], http: {} };
      const probes = await readProbes(root);
      return { derived: deriveLocated(aragoraKind, located, { ...fixture, probes }), processes: [] };
    },
  };
});
afterAll(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
beforeEach(() => {
  lie();
  execFileSync('git', ['checkout', '--quiet', '--', '.'], { cwd: root });
});

const backup = async (): Promise<string> => {
  const view = await viewOf(system);
  const found = view.entities('restorePoint').find((one) => one.data?.['form'] === 'backup');
  return found?.id ?? '';
};

describe('backup.restore', () => {
  const restore = async (...lies: string[]): Promise<Done> => {
    lie(...lies);
    writeFileSync(join(root, 'CLAUDE.md'), 'damaged\n');
    writeFileSync(join(root, 'aragora/__init__.py'), 'damaged\n');
    return await perform(system, 'backup.restore', ['restorePoint', await backup()], { isHopeful: false });
  };

  it('is verified when the count is right and every file is as in the backup', async () => {
    const done = await restore();
    expect(done).toMatchObject({ outcome: 'verified', summary: 'restored 3 files, all as in the backup' });
    expect(readFileSync(join(root, 'CLAUDE.md'), 'utf8')).not.toBe('damaged\n');
  });

  it.each([
    ['restore-not-found', /restored nothing \(exit 0\): Backup not found/],
    ['restore-nothing', /restored 0 files, exit 0/],
    ['restore-says', /says 3 files; .* still differ/],
    ['restore-half', /says 1 files; aragora\/__init__.py still differ/],
  ])('is not seen with exit 0 and %s', async (name, summary) => {
    const done = await restore(name);
    expect(done).toMatchObject({ outcome: 'not-seen', ends: [{ end: 'ok' }, { end: 'ok' }] });
    expect(done.summary).toMatch(summary);
  });

  it('shows before what it would overwrite', async () => {
    writeFileSync(join(root, 'CLAUDE.md'), 'damaged\n');
    const done = await perform(system, 'backup.compare', ['restorePoint', await backup()]);
    expect(done).toMatchObject({ outcome: 'verified', summary: '1 file would be overwritten: CLAUDE.md' });
    await perform(system, 'backup.restore', ['restorePoint', await backup()]);
    const after = await perform(system, 'backup.compare', ['restorePoint', await backup()]);
    expect(after.summary).toBe('no file differs: a restore would change nothing');
  });

  it('is refused while a loop works on these files, without a manifest, and for a name that is an option', async () => {
    const view = await viewOf(system);
    const target = targetIn(view, 'restorePoint', await backup());
    const act = actOf('backup.restore');
    expect(act.precondition({ ...view, data: { ...view.data, loopPid: 77 } }, target)).toContain('pid 77');
    expect(act.precondition(view, { ...target, data: { form: 'backup', files: null } })).toContain(
      'no manifest',
    );
    expect(act.precondition(view, { ...target, id: '--help' })).toContain('not safe');
    expect(act.precondition(view, { ...target, id: '../x' })).toContain('not safe');
  });
});

describe('the working tree', () => {
  it('is looked at, put aside and seen to be put aside in git’s own log', async () => {
    writeFileSync(join(root, 'CLAUDE.md'), '# changed\n');
    const looked = await perform(system, 'tree.inspect', ['service', 'loop']);
    expect(looked).toMatchObject({ outcome: 'verified' });
    expect(looked.summary).toMatch(/^1 file changed, \d+ new: 1 file changed/);
    const done = await perform(system, 'tree.stash', ['restorePoint', await backup()]);
    expect(done.outcome).toBe('verified');
    expect(readFileSync(join(root, 'CLAUDE.md'), 'utf8')).not.toBe('# changed\n');
    execFileSync('git', ['stash', 'pop', '--quiet'], { cwd: root });
    expect(readFileSync(join(root, 'CLAUDE.md'), 'utf8')).toBe('# changed\n');
    execFileSync('git', ['checkout', '--quiet', '--', 'CLAUDE.md'], { cwd: root });
  });

  it('with nothing to save is not called saved, though git exits 0', async () => {
    const done = await perform(system, 'tree.stash', ['restorePoint', await backup()], { isHopeful: false });
    expect(done).toMatchObject({
      outcome: 'not-seen',
      answer: { ok: false, summary: 'No local changes to save' },
    });
  });
});

describe('loop.check', () => {
  const check = async (...lies: string[]): Promise<Done> => {
    lie(...lies);
    return await perform(system, 'loop.check', ['service', 'loop'], {
      // Only the one that never ends is not waited for.
      timeoutMs: lies.includes('preflight-hang') ? 1_200 : 60_000,
      isHopeful: false,
    });
  };
  it('tells a report that passed from one that failed, from none at all, and from a program that hangs', async () => {
    expect(await check()).toMatchObject({
      outcome: 'verified',
      summary: '3 checks passed; warned: OpenRouter Fallback',
    });
    expect(await check('preflight-fail')).toMatchObject({
      outcome: 'failed',
      summary: 'cannot start; failed: Primary API Key; warned: OpenRouter Fallback',
    });
    expect(await check('preflight-silent')).toMatchObject({
      outcome: 'not-seen',
      summary: 'no report (exit 0)',
    });
    expect(await check('preflight-hang')).toMatchObject({ outcome: 'timed-out' });
  });
});

describe('constitution.check', () => {
  it('believes the words, and the words alone with exit 0', async () => {
    expect(await perform(system, 'constitution.check', ['service', 'loop'])).toMatchObject({
      outcome: 'verified',
    });
    writeFileSync(join(root, '.nomic/constitution.json'), '{"signature": "forged"}');
    expect(
      await perform(system, 'constitution.check', ['service', 'loop'], { isHopeful: false }),
    ).toMatchObject({
      outcome: 'failed',
      summary: 'Constitution signature is INVALID or missing',
    });
    rmSync(join(root, '.nomic/constitution.json'));
    const missing = await perform(system, 'constitution.check', ['service', 'loop'], { isHopeful: false });
    expect(missing.summary).toContain('Could not load Constitution');
  });
});

describe('breaker.clear', () => {
  it('takes one agent out of the file and leaves the others', async () => {
    const done = await perform(system, 'breaker.clear', ['service', 'breaker.nomic.codex']);
    expect(done).toMatchObject({ outcome: 'verified' });
    const left = JSON.parse(readFileSync(join(root, '.nomic/circuit_breaker.json'), 'utf8')) as object;
    expect(left).toMatchObject({ failures: { grok: 2 }, cooldowns: {}, saved_at: expect.any(String) });
  });

  it('is refused while a loop runs: it would write its own numbers over it', async () => {
    const view = await viewOf(system);
    const target = targetIn(view, 'service', 'breaker.nomic.grok');
    const running = { ...view, data: { ...view.data, loopPid: 77 } };
    expect(actOf('breaker.clear').precondition(running, target)).toContain('the loop runs');
  });
});

describe('deployments', () => {
  const on = ['service', 'deployment.aragora-backend'] as const;

  it('are restarted: a new generation, then every pod new and available', async () => {
    const done = await perform(system, 'deployment.restart', on);
    expect(done).toMatchObject({ outcome: 'verified' });
    expect(done.stages.map((stage) => stage.state)).toEqual(['seen', 'seen']);
  });

  it('are rolled back to the image before', async () => {
    const image = async (): Promise<string> => (await viewOf(system)).entity('service', on[1])?.detail ?? '';
    const before = await image();
    const done = await perform(system, 'deployment.rollback', on);
    expect(done).toMatchObject({ outcome: 'verified' });
    expect(await image()).not.toBe(before);
  });

  it('are not believed restarted when kubectl says so and nothing happened', async () => {
    lie('kubectl-nothing');
    const done = await perform(system, 'deployment.restart', on, { isHopeful: false });
    expect(done).toMatchObject({ outcome: 'not-seen', answer: { ok: true } });
  });

  it('that stay half done are said to be stuck, and are an issue', async () => {
    lie('rollout-stuck');
    const done = await perform(system, 'deployment.restart', on, { isHopeful: false });
    expect(done).toMatchObject({ outcome: 'not-seen' });
    expect(done.summary).toContain('the rollout is stuck');
    const view = await viewOf(system);
    expect(view.entity('issue', 'deployment/aragora-backend')?.attention?.label).toBe('STUCK');
    expect(view.entity('issue', 'deployment/aragora-backend')?.playbook).toBe('rollout');
  });

  it('are not scaled by hand where an autoscaler would set them back: its minimum is raised', async () => {
    const view = await viewOf(system);
    const refused = actOf('deployment.scale').precondition(view, targetIn(view, ...on));
    expect(refused).toContain('aragora-backend-hpa (2-10)');
    const done = await perform(system, 'autoscaler.raise', on, { params: { minimum: '4' } });
    expect(done).toMatchObject({ outcome: 'verified' });
  });

  it('without an autoscaler are scaled', async () => {
    const frontend = ['service', 'deployment.aragora-frontend'] as const;
    const done = await perform(system, 'deployment.scale', frontend, { params: { replicas: '3' } });
    expect(done).toMatchObject({ outcome: 'verified' });
    const view = await viewOf(system);
    expect(view.entity('service', frontend[1])?.detail).toContain('3 of 3 available');
    expect(actOf('autoscaler.raise').precondition(view, targetIn(view, ...frontend))).toContain(
      'no autoscaler',
    );
  });

  it('that may not be listed keep their last state, as unknown, and nothing is offered on it', async () => {
    const good = await readProbes(root);
    lie('kubectl-forbidden');
    const bad = await readProbes(root);
    const derive = (probes: typeof good) =>
      deriveLocated(aragoraKind, located, {
        ...{ at: instant(Date.now()), settings: {}, mtimes: {}, processes: [], http: {} },
        probes,
      });
    expect(good['cluster']?.exitCode).toBe(0);
    const derived = derive(bad);
    expect(derived.entities.some((one) => one.id.startsWith('deployment'))).toBe(false);
    expect(derived.data).toMatchObject({ isClusterKnown: false });
  });

  it('are asked by their real labels and names: nothing says app=aragora or hpa aragora', async () => {
    const view = await viewOf(system);
    const target = targetIn(view, ...on);
    expect(target.cautions?.[0]).toContain('app=aragora-backend');
    const [step] = actOf('autoscaler.raise').plan(view, target, { minimum: '3' });
    expect(step).toMatchObject({
      argv: [
        expect.stringMatching(/kubectl$/),
        '--namespace=aragora',
        'patch',
        'horizontalpodautoscaler/aragora-backend-hpa',
        '--patch={"spec":{"minReplicas":3}}',
      ],
    });
    expect(await perform(system, 'deployment.inspect', on)).toMatchObject({ outcome: 'verified' });
  });
});

describe('run.replay', () => {
  it('shows the recorded events of that cycle, without those of a later loop with the same number', async () => {
    const path = join(root, '.nomic/replays/nomic-cycle-1');
    const view = await viewOf(system);
    const run = view.entities('run').find((one) => one.data?.['cycle'] === 1);
    const start = (run?.startedAt ?? 0) / 1000;
    execFileSync('mkdir', ['-p', path]);
    writeFileSync(
      join(path, 'meta.json'),
      '{"schema_version": 1, "status": "in_progress", "event_count": 1}',
    );
    const event = (timestamp: number, content: string): string =>
      `${JSON.stringify({ event_id: 'e', timestamp, offset_ms: 0, event_type: 'turn', source: 'claude', content })}\n`;
    writeFileSync(join(path, 'events.jsonl'), event(start + 30, 'first thoughts'));
    appendFileSync(join(path, 'events.jsonl'), `{half\n${event(start + 90_000, 'of another loop')}`);
    const later = await viewOf(system);
    const target = targetIn(later, 'run', run?.id ?? '');
    const act = actOf('run.replay');
    expect(act.precondition(later, target)).toBeUndefined();
    expect(act.plan(later, target, {})).toMatchObject([
      {
        type: 'read',
        paths: ['.nomic/replays/nomic-cycle-1/events.jsonl', '.nomic/replays/nomic-cycle-1/meta.json'],
      },
    ]);
    const text = readFileSync(join(path, 'events.jsonl'), 'utf8');
    const output = {
      title: 'x',
      stdout: '',
      stderr: '',
      truncated: false,
      files: [{ path: 'events.jsonl', text }],
    };
    const order = {
      order: 'o',
      act: act.id,
      target: { system: target.system, type: target.type, id: target.id },
    };
    const answer = act.read?.([output], {
      ...{ ...order, params: {}, startedAt: later.now, revision: '', stepsDone: 1 },
      baseline: act.baseline?.(later, target) ?? null,
    });
    expect(answer?.summary).toBe('1 event, 1 of other cycles with that number left out, 1 unreadable');
    expect(answer?.sections?.[0]?.text).toContain('claude: first thoughts');
    expect(existsSync(path)).toBe(true);
  });
});
