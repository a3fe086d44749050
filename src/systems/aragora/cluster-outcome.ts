import type { StageState } from '../../domain/act.ts';
import type { Entity } from '../../domain/entity.ts';
import { getArray, getBoolean, getNumber, getString, type Json, type JsonObject } from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';
import { stageOf, timeIn } from './act-common.ts';

/** Pods of a rollout pull images and pass their probes. */
export const ROLLOUT_MS = 600_000;

export const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

export function nameOf(target: Pick<Entity, 'type' | 'id'>): string | undefined {
  const name = target.id.startsWith('deployment.')
    ? target.id.slice('deployment.'.length)
    : target.type === 'issue' && target.id.startsWith('deployment/')
      ? target.id.slice('deployment/'.length)
      : undefined;
  return name !== undefined && NAME.test(name) ? name : undefined;
}

export function deploymentIn(view: StateView, target: Pick<Entity, 'type' | 'id'>): JsonObject | undefined {
  const name = nameOf(target);
  const found = getArray(view.data, 'deployments').find((one) => getString(one, 'name') === name);
  return name === undefined ? undefined : (found as JsonObject | undefined);
}

export const number = (fact: Json | undefined, key: string): number => getNumber(fact, key) ?? 0;

/** The rollout after a change: the controller saw it, and every pod is of the new kind and available. */
export function settled(view: StateView, order: ActOrder): boolean | { instead: string } | { seen: string } {
  const one = deploymentIn(view, order.target);
  const at = timeIn(view.data, 'clusterAt');
  if (!one || at === undefined || at <= order.startedAt) return false;
  const generation = number(one, 'generation');
  if (generation <= number(order.baseline, 'generation')) return false;
  if (getBoolean(one, 'stuck') === true && number(one, 'observed') >= generation)
    return { instead: 'the rollout is stuck: its pods did not come up in time' };
  const name = getString(one, 'name') ?? '';
  const hopeless = getArray(view.data, 'pods').find(
    (pod) =>
      (getString(pod, 'name') ?? '').startsWith(`${name}-`) &&
      (timeIn(pod, 'startedAt') ?? 0) > order.startedAt &&
      /BackOff|Err|Invalid/.test(getString(pod, 'waiting') ?? ''),
  );
  if (hopeless !== undefined)
    return { instead: `pod ${getString(hopeless, 'name')}: ${getString(hopeless, 'waiting')}` };
  const replicas = number(one, 'replicas');
  const isDone =
    number(one, 'observed') >= generation &&
    number(one, 'updated') === replicas &&
    number(one, 'available') === replicas &&
    number(one, 'total') === replicas;
  return isDone
    ? { seen: `${replicas} of ${replicas} available, revision ${number(one, 'revision')}` }
    : false;
}

function taken(view: StateView, order: ActOrder): boolean {
  return number(deploymentIn(view, order.target), 'generation') > number(order.baseline, 'generation');
}

export function rolloutStages(view: StateView, order: ActOrder, accepted: string): readonly StageState[] {
  return [
    stageOf(order, 'accepted', accepted, taken(view, order), 60_000),
    stageOf(order, 'done', 'every pod is new and available', settled(view, order), ROLLOUT_MS),
  ];
}
