import { describe, expect, it } from 'vitest';
import type { Entity, EntityOf, EntityType } from '../../../src/domain/entity.ts';
import { reflexiveKind } from '../../../src/systems/reflexive/index.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { deriveLocated, layOutCase, locateCase } from '../fixture-case.ts';
import { reachOf } from '../playbook-reach.ts';

interface Look {
  readonly view: StateView;
  readonly entities: readonly Entity[];
}

async function look(name: string): Promise<Look> {
  const laid = await layOutCase('reflexive', name);
  try {
    const located = locateCase(reflexiveKind, laid.dir, laid.case);
    const derived = deriveLocated(reflexiveKind, located, laid.case);
    const view: StateView = {
      located,
      now: laid.case.at,
      data: derived.data ?? {},
      processes: laid.case.processes,
      entity: <T extends EntityType>(type: T, id: string) =>
        derived.entities.find((one) => one.type === type && one.id === id) as EntityOf<T> | undefined,
      entities: <T extends EntityType>(type: T) =>
        derived.entities.filter((one) => one.type === type) as unknown as readonly EntityOf<T>[],
    };
    return { view, entities: derived.entities };
  } finally {
    laid.remove();
  }
}

/** Texts of the checks that do not hold. */
function failing({ view, entities }: Look, playbook: string): string[] {
  const steps = reflexiveKind.playbooks.find((one) => one.id === playbook)?.steps ?? [];
  const target = entities[0];
  if (!target) return ['nothing to look at'];
  return steps.flatMap((step) => (step.type === 'check' && !step.holds(view, target) ? [step.text] : []));
}

describe('playbooks of the reflexive kind', () => {
  it('are each named by an item, fit what they are done to, and look at what there is', async () => {
    const ids = reflexiveKind.playbooks.map((one) => one.id);
    expect(new Set(ids).size).toBe(ids.length);
    const reach = await reachOf(reflexiveKind, { python: '/usr/bin/python3' });
    expect([...reach.named].sort()).toEqual(ids.toSorted());
    expect(reach.unfit).toEqual([]);
    // No fixture has gh on its PATH: what it answers has tests of its own.
    expect(reach.neverPossible).toEqual([
      'approval-request: pr.check',
      'ci-failure: pr.check',
      'issue-failed: pr.check',
    ]);
    expect(reach.constant).toEqual([]);
    expect(reach.unled).toEqual([]);
  });

  it('point at what is wrong, and hold where nothing is', async () => {
    expect(failing(await look('cost-near-limit'), 'cost-limit')).toEqual([
      'cost below 80 % of the limit',
      'no operation is in flight (a restart orphans it)',
    ]);
    expect(failing(await look('limit-reached-past-midnight'), 'cost-limit')).toEqual([
      'cost below 80 % of the limit',
      'no answer is paid for and refused',
      'the window is of today (a running daemon never resets)',
      'the limit written is the limit in force',
    ]);
    expect(failing(await look('killed-and-will-not-start'), 'will-not-start')).toEqual([
      'the configuration would start',
      'no operation was left in flight',
      'the daemon runs',
    ]);
    expect(failing(await look('log-moved-under-daemon'), 'not-processing')).toEqual([
      'no operation in flight over an hour (it holds up all others)',
    ]);
    expect(failing(await look('stopped-on-request'), 'cost-limit')).toEqual([]);
  });

  it('lead to acts on the daemon whatever the item is, offered where they can be done', async () => {
    const { view } = await look('kept-by-systemd-with-points');
    const job = view.entity('job', 'op-1');
    for (const playbook of reflexiveKind.playbooks) {
      for (const step of playbook.steps) {
        if (step.type !== 'act' || !step.on || !job) continue;
        const on = step.on(view, job);
        // A step on the item itself, which this one is not for.
        if (on === undefined) continue;
        const target = on && view.entity(on.type, on.id);
        const act = reflexiveKind.acts.find(({ id }) => id === step.act);
        expect(target && act?.appliesTo(target), `${playbook.id}: ${step.act}`).toBe(true);
        const params = step.params?.(view, job) ?? {};
        const known = act?.params.map(({ name }) => name) ?? [];
        expect(known, `${playbook.id}: ${step.act}`).toEqual(expect.arrayContaining(Object.keys(params)));
      }
    }
    const system = reflexiveKind.playbooks.find(({ id }) => id === 'system-failure');
    const back = system?.steps.find((step) => step.type === 'act' && step.act === 'checkout.rollback');
    // The newest of all is where the checkout stands already; the archive beside them holds no commit.
    expect(back?.type === 'act' && job && back.on?.(view, job)?.id).toBe('rollback-point-20260224-060000');
  });

  it('stop before they roll back, roll back before they start, and validate before they end anything that runs', () => {
    const acts = (id: string): string[] =>
      (reflexiveKind.playbooks.find((one) => one.id === id)?.steps ?? []).flatMap((step) =>
        step.type === 'act' ? [step.act] : [],
      );
    const isOrdered = (id: string, ...wanted: string[]): void => {
      const places = wanted.map((act) => acts(id).indexOf(act));
      expect(places, `${id}: ${wanted.join(' ')}`).toEqual([...places].sort((a, b) => a - b));
      expect(places).not.toContain(-1);
    };
    isOrdered('rollback', 'daemon.stop', 'checkout.rollback', 'daemon.start');
    isOrdered('system-failure', 'daemon.stop', 'repository.check', 'checkout.rollback', 'daemon.start');
    isOrdered('cost-limit', 'config.set', 'config.validate', 'daemon.restart');
    isOrdered('safety-violation', 'config.set', 'config.validate', 'daemon.restart');
    isOrdered('security-incident', 'daemon.stop', 'daemon.kill', 'activity.review', 'daemon.start');
    isOrdered(
      'data-loss',
      'daemon.stop',
      'backup.create',
      'backup.restore',
      'config.validate',
      'daemon.start',
    );
  });

  it('warn of what destroys and offer none of it', () => {
    const notes = reflexiveKind.playbooks.flatMap(({ steps }) => steps.map((step) => step.text)).join('\n');
    for (const word of ['FLUSHALL', 'rm *.db', 'git push --force', 'git reset --hard', 'pkill -9 -f']) {
      expect(notes).toContain(word);
      expect(reflexiveKind.acts.some((act) => act.runs?.includes(word))).toBe(false);
    }
  });

  it('name acts that exist, and no command that does not', () => {
    const acts = new Set(reflexiveKind.acts.map((act) => act.id));
    const wrong = [
      'health-check ',
      'approvals list',
      'config set',
      'metrics cost',
      'redis-cli',
      'rollback list',
    ];
    for (const { steps } of reflexiveKind.playbooks) {
      for (const step of steps) {
        if (step.type === 'act') expect(acts).toContain(step.act);
        for (const command of wrong) expect(step.text).not.toContain(`src.cli ${command}`);
      }
    }
  });
});
