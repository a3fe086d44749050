import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mergeStages } from '../../../src/acts/verify.ts';
import type { StageState } from '../../../src/domain/act.ts';
import type { Entity, EntityOf, EntityType } from '../../../src/domain/entity.ts';
import { instant } from '../../../src/domain/instant.ts';
import { coherenceActs } from '../../../src/systems/coherence/acts.ts';
import { coherenceKind } from '../../../src/systems/coherence/index.ts';
import type { ActOrder, Derived } from '../../../src/systems/system.ts';
import { deriveCase } from '../fixture-case.ts';
import { type Live, layLive, startLive, zone } from './live.ts';

function entity<T extends EntityType>(derived: Derived, type: T, id: string): EntityOf<T> | undefined {
  return derived.entities.find((one): one is EntityOf<T> => one.type === type && one.id === id);
}

describe('the simulated checkout, laid out', () => {
  it('shows a fatal issue, a question, old code and a deserted task before anything runs', async () => {
    const { dir, laid } = await layLive();
    try {
      const fixture = {
        at: instant(Date.now()),
        settings: { ...laid.settings, timezone: zone() },
        mtimes: {},
        processes: [],
        http: {},
      };
      const derived = await deriveCase(coherenceKind, laid.dir, fixture);
      expect(entity(derived, 'issue', 'fatal.pr_followthrough_blocked')?.attention?.label).toBe('FATAL');
      expect(entity(derived, 'issue', 'stale_version')?.attention?.label).toBe('OLD CODE');
      expect(entity(derived, 'approval', 'task_864e65b18d8b704c')?.question).toContain('two datums');
      expect(entity(derived, 'job', 'task_5be2f77a8d14c0ab')?.attention?.label).toBe('ORPHAN');
      expect(entity(derived, 'issue', 'needs_decision')?.since).toBeDefined();
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe('the simulated checkout, running', () => {
  const restart = coherenceActs.find((act) => act.id === 'pipeline.restart');
  let live: Live;
  beforeAll(async () => {
    live = await startLive();
  });
  afterAll(() => live.end());

  /** Waits until all parts run, then commits something, so that they run old code. */
  async function running(): Promise<Entity> {
    const parts = ['pipeline', 'project-manager', 'agent-runner', 'monitor', 'watchdog', 'api'];
    await live.until('all parts up', 30, ({ derived }) =>
      parts.every((id) => entity(derived, 'service', id)?.status === 'up') ? true : undefined,
    );
    const commit = String(Math.random()).slice(2).padEnd(40, '0');
    writeFileSync(join(live.laid.dir, '.git/refs/heads/main'), `${commit}\n`);
    return await live.until('an old commit', 30, ({ derived }) => {
      const stale = entity(derived, 'issue', 'stale_version');
      return stale?.attention ? stale : undefined;
    });
  }

  /** Does what the act's one step says, as the runner would, and returns the order. */
  async function request(target: Entity): Promise<ActOrder> {
    if (!restart) throw new Error('no restart act');
    const { view } = await live.look();
    expect(restart.precondition(view, target)).toBeUndefined();
    const [step] = restart.plan(view, target, {});
    if (step?.type !== 'file') throw new Error('not a file step');
    const startedAt = instant(Date.now());
    const baseline = restart.baseline?.(view, target) ?? null;
    writeFileSync(join(live.laid.dir, step.path), step.text ?? '');
    const ref = { system: target.system, type: target.type, id: target.id };
    return {
      order: 'o1',
      act: restart.id,
      target: ref,
      params: {},
      startedAt,
      revision: '',
      baseline,
      stepsDone: 1,
      lastStepAt: instant(Date.now()),
    };
  }

  /** Asks what is expected until every stage is seen or one is contradicted. */
  async function outcome(order: ActOrder): Promise<readonly StageState[]> {
    let stages: readonly StageState[] = [];
    return await live.until('an outcome', 40, ({ view }) => {
      stages = mergeStages(stages, restart?.expect(view, { ...order, stages }) ?? [], view.now);
      const isOver =
        stages.every((one) => one.state === 'seen') || stages.some((one) => one.state === 'contradicted');
      return isOver ? stages : undefined;
    });
  }

  it('restarts on request, proven by a younger project manager and a health of 200', async () => {
    await live.until('the supervisor to give up', 20, ({ derived }) =>
      entity(derived, 'issue', 'fatal.pr_followthrough_blocked')?.severity === 'fatal' &&
      entity(derived, 'service', 'project-manager')?.status === 'up'
        ? true
        : undefined,
    );
    const target = await running();
    const before = (await live.look()).view.data['managerPid'];
    const stages = await outcome(await request(target));
    expect(stages.map((one) => one.state)).toEqual(['seen', 'seen', 'seen']);
    expect((await live.look()).view.data['managerPid']).not.toBe(before);
    await live.until('the old commit to be gone and the fatal file to be left over', 20, ({ derived }) => {
      const isOver = entity(derived, 'issue', 'stale_version') === undefined;
      const fatal = entity(derived, 'issue', 'fatal.pr_followthrough_blocked');
      return isOver && fatal?.attention?.label === 'LEFTOVER' ? true : undefined;
    });
  }, 90_000);

  it('takes an answer under the worker’s name, and the task goes on', async () => {
    const answer = coherenceActs.find((act) => act.id === 'job.answer');
    const { view } = await live.look();
    const target = view.entity('approval', 'task_864e65b18d8b704c');
    if (!answer || !target) throw new Error('nothing to answer');
    expect(answer.precondition(view, target)).toBeUndefined();
    const params = { decision: 'chart datum' };
    const [step] = answer.plan(view, target, params);
    if (step?.type !== 'http') throw new Error('not a request');
    const bare = await fetch(step.url, { method: 'PATCH', body: JSON.stringify({ decision: 'yes' }) });
    expect(bare.status).toBe(409);
    const startedAt = instant(Date.now());
    const given = await fetch(step.url, { method: 'PATCH', body: JSON.stringify(step.body) });
    expect(given.status).toBe(200);
    const ref = { system: target.system, type: target.type, id: target.id };
    const order: ActOrder = {
      order: 'o2',
      act: answer.id,
      target: ref,
      params,
      startedAt,
      revision: '',
      baseline: null,
      stepsDone: 1,
    };
    await live.until('the task to be taken again', 30, (seen) => {
      const stages = answer.expect(seen.view, order).map((one) => one.state);
      return stages.every((one) => one === 'seen') ? true : undefined;
    });
  }, 60_000);

  it('tells a request that was eaten from a restart', async () => {
    const target = await running();
    live.lie('eat-request');
    const stages = await outcome(await request(target));
    live.lie();
    expect(existsSync(join(live.laid.dir, 'api/logs/restart_requested.json'))).toBe(false);
    expect(stages.map((one) => one.state)).toEqual(['seen', 'contradicted', 'waiting']);
    expect(stages[1]?.detail).toContain('request eaten');
  }, 90_000);

  it('tells a new version with a dead pipeline behind it from a restart', async () => {
    const target = await running();
    live.lie('version-only');
    const stages = await outcome(await request(target));
    expect(stages.map((one) => one.state)).toEqual(['seen', 'seen', 'contradicted']);
    expect(stages[2]?.detail).toContain('no project manager lives');
    await live.until('the dead pipeline to be an issue', 30, ({ derived }) =>
      entity(derived, 'issue', 'version_without_manager')?.severity === 'fatal' ? true : undefined,
    );
    live.lie();
  }, 90_000);
});
