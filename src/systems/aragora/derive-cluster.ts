import type { Issue, Service } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import { getArray, getBoolean, getNumber, getString, type Json } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { FileFacts } from '../system.ts';
import { entityBase, probeEvidence, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import { issueOf } from './issue.ts';
import type { Scene } from './scene.ts';

// ---------------------------------------------------------------- Kubernetes

/** A deployment of the configured namespace. */
export interface DeploymentView {
  readonly name: string;
  readonly replicas: number;
  readonly available: number;
  readonly isSettled: boolean;
  readonly isStuck: boolean;
  readonly generation: number;
  readonly revision: number;
  readonly images: readonly string[];
  readonly fact: Json;
}

/** Deployments as the cluster last told them. */
export function deploymentsOf(scene: Scene): readonly DeploymentView[] {
  return getArray(scene.fact('cluster', 'cluster'), 'deployments').map((fact) => {
    const number = (key: string): number => getNumber(fact, key) ?? 0;
    const replicas = number('replicas');
    const isObserved = number('observed') >= number('generation');
    const isSettled =
      isObserved &&
      number('updated') === replicas &&
      number('available') === replicas &&
      number('total') === replicas;
    return {
      name: getString(fact, 'name') ?? '?',
      replicas,
      available: number('available'),
      isSettled,
      isStuck: getBoolean(fact, 'stuck') === true,
      generation: number('generation'),
      revision: number('revision'),
      images: getArray(fact, 'images').filter((one) => typeof one === 'string'),
      fact,
    };
  });
}

/** The autoscaler of a deployment. */
export function autoscalerFor(scene: Scene, deployment: string): Json | undefined {
  return getArray(scene.fact('cluster', 'cluster'), 'autoscalers').find(
    (one) => getString(one, 'target') === deployment,
  );
}

function clusterFile(scene: Scene): FileFacts | undefined {
  return scene.place.cluster ? scene.file('cluster') : undefined;
}

function isClusterKnown(file: FileFacts): boolean {
  return getBoolean(file.facts.get('answer'), 'ok') === true;
}

function labelText(fact: Json): string {
  return getArray(fact, 'labels')
    .map((pair) => (Array.isArray(pair) ? pair.join('=') : ''))
    .join(',');
}

export function clusterServices(scene: Scene): readonly Service[] {
  const file = clusterFile(scene);
  if (!file) return [];
  const isKnown = isClusterKnown(file);
  const namespace = scene.place.cluster?.namespace ?? '';
  const deployments = deploymentsOf(scene).map((one): Service => {
    const scaler = autoscalerFor(scene, one.name);
    const detail = textsOf(
      `${one.available} of ${one.replicas} available`,
      one.isStuck ? 'rollout stuck' : !one.isSettled && 'rollout under way',
      `revision ${one.revision}`,
      one.images.join(' '),
      scaler !== undefined &&
        `scaled ${getNumber(scaler, 'min')}-${getNumber(scaler, 'max')} by ${getString(scaler, 'name')}`,
    ).join(', ');
    return {
      ...entityBase(scene, `deployment.${one.name}`, file),
      type: 'service',
      title: `deployment ${one.name}`,
      status: !isKnown
        ? 'unknown'
        : one.replicas > 0 && one.available === 0
          ? 'down'
          : one.isSettled
            ? 'up'
            : 'degraded',
      detail,
      evidence: probeEvidence(file, `${namespace}/${one.name}: ${detail}`),
      cautions: textsOf(
        labelText(one.fact) !== '' &&
          `its pods carry ${labelText(one.fact)}; "-l app=aragora" selects those with that label only`,
      ),
      data: { form: 'deployment', name: one.name },
    };
  });
  return [
    ...deployments,
    ...getArray(file.facts.get('cluster'), 'pods').map((pod) => podService(scene, file, pod, isKnown)),
  ];
}

function podService(scene: Scene, file: FileFacts, pod: Json, isKnown: boolean): Service {
  const name = getString(pod, 'name') ?? '?';
  const isReady = getBoolean(pod, 'isReady') === true;
  const restarts = getNumber(pod, 'restarts') ?? 0;
  const waiting = getString(pod, 'waiting');
  const detail = textsOf(
    getString(pod, 'phase') ?? 'unknown',
    isReady ? 'ready' : 'not ready',
    waiting,
    restarts > 0 && counted(restarts, 'restart'),
    getString(pod, 'lastEnd') && `last ended: ${getString(pod, 'lastEnd')}`,
    getBoolean(pod, 'isLeaving') === true && 'ending',
  ).join(', ');
  const isDone = getString(pod, 'phase') === 'Succeeded';
  return {
    ...entityBase(scene, `pod.${name}`, file),
    type: 'service',
    title: `pod ${name}`,
    status: !isKnown
      ? 'unknown'
      : isReady || isDone
        ? 'up'
        : waiting !== undefined || getString(pod, 'phase') === 'Failed'
          ? 'down'
          : 'degraded',
    detail,
    evidence: probeEvidence(file, detail),
    logKeys: [name],
  };
}

/** How long pods of a rollout may come up before it counts as trouble. */
const COMING_MS = 180_000;

/** Reasons a container waits for that end by nothing but a change. */
const HOPELESS =
  /^(CrashLoopBackOff|ImagePullBackOff|ErrImagePull|InvalidImageName|CreateContainerConfigError|CreateContainerError)$/;

export function clusterIssues(scene: Scene): readonly Issue[] {
  const file = clusterFile(scene);
  if (!file || !isClusterKnown(file)) return [];
  const pods = getArray(file.facts.get('cluster'), 'pods');
  const unready = deploymentsOf(scene).flatMap((one) => unreadyIssue(scene, file, one) ?? []);
  const crashing = pods.flatMap((pod) => crashIssue(scene, file, pod) ?? []);
  return [...unready, ...crashing];
}

function unreadyIssue(scene: Scene, file: FileFacts, one: DeploymentView): Issue | undefined {
  const isDown = one.replicas > 0 && one.available === 0;
  if (!isDown && !one.isStuck) return undefined;
  return issueOf(scene, `deployment/${one.name}`, {
    severity: isDown ? 'fatal' : 'error',
    title: isDown ? `${one.name}: no pod available` : `${one.name}: rollout stuck`,
    detail: `${one.available} of ${one.replicas} available, ${one.images.join(' ')}`,
    since: undefined,
    evidence: probeEvidence(file, `revision ${one.revision}`),
    attention: {
      rank: isDown ? 2 : 4,
      label: isDown ? 'DOWN' : 'STUCK',
      why: one.isStuck ? 'its new pods did not come up in time' : `${one.replicas} wanted, none answers`,
      onExpiry: 'nothing rolls it back',
    },
    playbook: 'rollout',
  });
}

function crashIssue(scene: Scene, file: FileFacts, pod: Json): Issue | undefined {
  const waiting = getString(pod, 'waiting');
  const startedAt = instantOf(pod, 'startedAt');
  const name = getString(pod, 'name') ?? '?';
  const isHopeless = waiting !== undefined && HOPELESS.test(waiting);
  const isKilled = getString(pod, 'lastEnd') === 'OOMKilled';
  const isLate =
    getBoolean(pod, 'isReady') !== true &&
    getString(pod, 'phase') !== 'Succeeded' &&
    getBoolean(pod, 'isLeaving') !== true &&
    startedAt !== undefined &&
    scene.due.isPast(addMs(startedAt, COMING_MS));
  if (!isHopeless && !isKilled && !isLate) return undefined;
  const why = isHopeless ? waiting : isKilled ? 'killed for its memory' : 'not ready';
  return issueOf(scene, `pod/${name}`, {
    severity: isHopeless || isLate ? 'error' : 'warning',
    title: `pod ${name}: ${why}`,
    detail: `${counted(getNumber(pod, 'restarts') ?? 0, 'restart')}${isKilled ? ', last ended OOMKilled' : ''}`,
    since: startedAt,
    evidence: probeEvidence(file, why ?? ''),
    attention: {
      rank: isHopeless || isLate ? 4 : 5,
      label: isKilled && !isHopeless ? 'MEMORY' : 'POD',
      why: why ?? 'not ready',
      group: 'pods',
    },
    playbook: isKilled && !isHopeless ? 'memory' : 'rollout',
  });
}
