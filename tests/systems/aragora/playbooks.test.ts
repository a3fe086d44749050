import { describe, expect, it } from 'vitest';
import { type Entity, entityKey } from '../../../src/domain/entity.ts';
import { stateViewOf } from '../../../src/engine/state-view.ts';
import { aragoraKind } from '../../../src/systems/aragora/index.ts';
import { aragoraPlaybooks } from '../../../src/systems/aragora/playbooks.ts';
import type { StateView } from '../../../src/systems/system.ts';
import { reachOf } from '../playbook-reach.ts';
import { at, located, loopLog, loopProcess, Told } from './told.ts';

describe('playbooks', () => {
  /** What no fixture has: a status page that is answered, with components in trouble. */
  const components = (status: string): Told => {
    const ids = ['redis', 'database', 'websocket'];
    const list = ids.map((id) => ({ id, name: id, status, response_time_ms: null, message: null }));
    return new Told().http('api.status', '22:00:00', { status: 200, body: { status, components: list } });
  };

  it('are each named by an item, fit what they are done to, and look at what there is', async () => {
    const ids = aragoraPlaybooks.map((one) => one.id);
    expect(new Set(ids).size).toBe(ids.length);
    const reach = await reachOf(aragoraKind, {
      python: '/usr/bin/python3',
      url: 'http://127.0.0.1:8080',
      keyEnv: 'ARAGORA_KEY',
    });
    const line = (second: number): string =>
      JSON.stringify({
        level: 'ERROR',
        logger: 'aragora.server.request_logging',
        message: '[request] GET /api/debates status=500 duration=3.1ms ip=127.0.0.1',
        timestamp: `2026-11-20T21:59:0${second}.000000+00:00`,
      });
    const failing = new Told().log('server.log', [1, 2, 3, 4, 5, 6].map(line).join('\n'));
    const told = [components('major_outage'), failing].flatMap((one) =>
      one
        .derive('22:00:10')
        .entities.flatMap(({ attention, playbook }) => attention?.playbook ?? playbook ?? []),
    );
    expect([...new Set([...reach.named, ...told])].sort()).toEqual(ids.toSorted());
    expect(reach.unfit).toEqual([]);
    // No fixture has git on its PATH, or a server that hangs: what is done then has tests of its own.
    for (const name of reach.neverPossible) expect(name).toMatch(/: (tree\.(inspect|stash)|api\.kill)$/);
    expect(reach.unled).toEqual([]);
    // The next two tests have them.
    expect(reach.constant).toEqual([
      'rate-limit: the cache answers',
      'redis-down: the cache answers',
      'rollout: every deployment is available',
    ]);
  });

  it('check the components its status page names', () => {
    for (const id of ['rate-limit', 'redis-down']) {
      expect(holding(id, components('operational'), '22:00:10'), id).toContain('the cache answers');
      expect(holding(id, components('major_outage'), '22:00:10'), id).not.toContain('the cache answers');
    }
  });

  it('check deployments by what the cluster says, and nothing by its silence', () => {
    const where = located({
      extra: { ...located().extra, cluster: { argv: ['/bin/kubectl'], namespace: 'a' } },
    });
    const cluster = (available: number): Told =>
      new Told(where).probe('cluster', '22:00:00', {
        items: [
          {
            kind: 'Deployment',
            metadata: { name: 'aragora', generation: 2 },
            spec: { replicas: 2 },
            status: {
              observedGeneration: 2,
              replicas: 2,
              updatedReplicas: 2,
              availableReplicas: available,
              conditions: [{ type: 'Available', status: available === 2 ? 'True' : 'False' }],
            },
          },
        ],
      });
    expect(holding('rollout', cluster(2), '22:00:10')).toEqual(['every deployment is available']);
    expect(holding('rollout', cluster(0), '22:00:10')).toEqual([]);
    expect(holding('rollout', new Told(where), '22:00:10')).toEqual([]);
  });

  it('offer to clear a cooldown for agents of the loop alone: nothing clears a breaker of the server', () => {
    const told = new Told().document('nomic.breakers', { failures: {}, cooldowns: { codex: 1 } });
    const [step] = (aragoraPlaybooks.find(({ id }) => id === 'breaker-open')?.steps ?? []).filter(
      ({ type }) => type === 'act',
    );
    const derived = told.derive('22:00:10');
    const view = viewOf(told, '22:00:10');
    const loopBreaker = derived.entities.find(({ id }) => id === 'breaker-open/nomic.codex') as Entity;
    const own: Entity = { ...loopBreaker, id: 'breaker-open/codex', key: 'breaker-open/codex' } as Entity;
    expect(step?.type === 'act' && step.on?.(view, loopBreaker)?.id).toBe('breaker-open/nomic.codex');
    expect(step?.type === 'act' && step.on?.(view, own)).toBeUndefined();
  });

  function viewOf(told: Told, when: string): StateView {
    const derived = told.derive(when);
    const entities = new Map(derived.entities.map((one) => [entityKey(one), one]));
    const table = { readAt: at(when), processes: told.processes };
    return stateViewOf(told.located, at(when), entities, derived.data ?? {}, table);
  }

  /** Texts of the checks of a playbook that hold. */
  function holding(id: string, told: Told, when: string): string[] {
    const view = viewOf(told, when);
    const target = told.derive(when).entities[0];
    const steps = aragoraPlaybooks.find((one) => one.id === id)?.steps ?? [];
    return steps.flatMap((step) =>
      step.type === 'check' && target && step.holds(view, target) ? [step.text] : [],
    );
  }

  it('check the state itself: a stalled loop, then none, then one that works', () => {
    const told = new Told().log(
      'nomic.log',
      loopLog("[22:00:05]   [timeout] Phase 'context' has 60s budget"),
    );
    told.processes = [loopProcess('21:59:00')];
    expect(holding('loop-stalled', told, '22:05:00')).toEqual(['it does not wait at a terminal']);
    expect(holding('loop-stalled', told, '22:00:30')).toContain('a loop of this root runs within its limits');
    told.processes = [];
    expect(holding('loop-stalled', told, '22:05:00')).toContain('no loop of this root runs');
  });
});
