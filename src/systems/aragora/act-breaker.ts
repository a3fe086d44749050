import type { Entity } from '../../domain/entity.ts';
import { getNumber, getObject, getString } from '../../lib/json.ts';
import type { ActSpec, StateView } from '../system.ts';
import { stageOf } from './act-common.ts';
import { loopPid, loopState } from './act-loop.ts';
import { placeOf } from './schema.ts';

/** Takes one agent's failures and cooldowns out of the file a new loop loads: the only way to clear them. */
export const clearBreaker: ActSpec = {
  id: 'breaker.clear',
  title: 'clear cooldown',
  menu: 'other',
  risk: 'reversible',
  does: "takes this agent's failures and cooldowns out of circuit_breaker.json; the next loop counts it in again",
  runs: 'writes .nomic/circuit_breaker.json',
  outcome: 'the file names the agent no more, and no loop has written it since',
  params: [],
  appliesTo: (target) =>
    (target.type === 'service' && target.id.startsWith('breaker.nomic.')) ||
    (target.type === 'issue' && target.key.startsWith('breaker-open/nomic.')),
  precondition(view, target) {
    if (loopPid(view) !== undefined)
      return 'the loop runs and would write its own numbers over it: stop it first';
    if (getNumber(view.data, 'otherLoopPid') !== undefined || loopState(view) === 'unseen')
      return 'the loop may run where it is not seen';
    return clearedFile(view, target) === undefined
      ? 'its file is not there, or too large to write anew'
      : undefined;
  },
  warnings: () => ['What made the agent fail is not mended by this: it fails again if the cause is there.'],
  revision: (view) =>
    `${getString(getObject(view.data, 'loopBreakers'), 'raw')?.length ?? 0}|${loopState(view)}`,
  plan(view, target) {
    const text = clearedFile(view, target);
    const agent = agentOf(target);
    if (text === undefined) return [];
    return [
      {
        type: 'file',
        title: `clear ${agent}`,
        path: `${placeOf(view.located).nomic}/circuit_breaker.json`,
        text,
      },
    ];
  },
  expect(view, order) {
    const agent = agentOf({ type: order.target.type, id: order.target.id });
    const isNamed = view.entity('service', `breaker.nomic.${agent}`) !== undefined;
    const hasLoop = loopPid(view) !== undefined;
    const seen = isNamed ? (hasLoop ? { instead: 'a loop was started and wrote it again' } : false) : true;
    return [stageOf(order, 'done', `${agent} is counted in again`, seen, 15_000)];
  },
  undo: { text: 'what was in the file is kept with the order' },
};

function agentOf(target: Pick<Entity, 'type' | 'id'>): string {
  return target.id.replace(/^(breaker\.nomic\.|breaker-open\/nomic\.)/, '');
}

const PARTS = ['failures', 'cooldowns', 'task_failures', 'task_cooldowns', 'task_success_rate'] as const;

function clearedFile(view: StateView, target: Entity): string | undefined {
  const raw = getString(getObject(view.data, 'loopBreakers'), 'raw');
  if (raw === undefined) return undefined;
  try {
    const value = JSON.parse(raw) as { [part: string]: unknown };
    const agent = agentOf(target);
    for (const part of PARTS) {
      const table = value[part];
      if (typeof table !== 'object' || table === null) continue;
      value[part] = Object.fromEntries(Object.entries(table).filter(([name]) => name !== agent));
    }
    return JSON.stringify(value, null, 2);
  } catch {
    return undefined;
  }
}
