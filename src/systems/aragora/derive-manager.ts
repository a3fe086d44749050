import type { Evidence, Issue, Service } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import { getArray, getBoolean, getNumber, getString, type Json } from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { FileFacts } from '../system.ts';
import { entityBase, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import { issueOf } from './issue.ts';
import type { Scene } from './scene.ts';

/** What systemd or docker says of the server. */
export interface UnitView {
  readonly file: FileFacts;
  readonly name: string;
  readonly state: string;
  readonly result: string;
  readonly pid: number | undefined;
  readonly startedAt: Instant | undefined;
  readonly restarts: number;
  readonly isKnown: boolean;
  readonly why: string | undefined;
}

/** The unit or container that is configured; undefined when none is, or it was never read. */
export function unitOf(scene: Scene): UnitView | undefined {
  const { manager } = scene.place;
  if (manager.tool !== 'systemctl' && manager.tool !== 'docker') return undefined;
  const file = scene.file(manager.tool === 'systemctl' ? 'unit' : 'container');
  if (!file) return undefined;
  const unit = file.facts.get('unit');
  const answer = file.facts.get('answer');
  return {
    file,
    name: manager.unit,
    state: getString(unit, 'state') ?? 'unknown',
    result: getString(unit, 'result') ?? '',
    pid: getNumber(unit, 'pid'),
    startedAt: instantOf(unit, 'startedAt'),
    restarts: getNumber(unit, 'restarts') ?? 0,
    isKnown: getBoolean(answer, 'ok') === true,
    why: getString(answer, 'why'),
  };
}

function evidenceFor(file: FileFacts, text: string): Evidence {
  return { source: file.source, path: file.path, text };
}

/** The unit and the cluster's deployments, autoscalers and pods as services. */
export function managerServices(scene: Scene): readonly Service[] {
  const unit = unitOf(scene);
  return [...(unit ? [unitService(scene, unit)] : []), ...clusterServices(scene)];
}

function unitService(scene: Scene, unit: UnitView): Service {
  const status: Service['status'] = !unit.isKnown
    ? 'unknown'
    : unit.state === 'active'
      ? 'up'
      : unit.state === 'activating' || unit.state === 'reloading' || unit.state === 'deactivating'
        ? 'degraded'
        : 'down';
  const detail = textsOf(
    unit.isKnown ? unit.state : `not known: ${unit.why ?? 'no answer'}`,
    unit.state !== 'active' && unit.result !== '' && unit.result !== 'success' && unit.result,
    unit.pid !== undefined && `pid ${unit.pid}`,
    unit.restarts > 0 && `restarted ${unit.restarts} times by itself`,
  ).join(', ');
  return {
    ...entityBase(scene, 'unit', unit.file),
    type: 'service',
    title: `${unit.file.source} ${unit.name}`,
    status,
    detail,
    evidence: evidenceFor(unit.file, detail),
  };
}

/** A unit that failed stays down: systemd gives up after five starts in five minutes. */
export function managerIssues(scene: Scene): readonly Issue[] {
  const unit = unitOf(scene);
  return [unit && failedIssue(scene, unit), ...clusterIssues(scene)].filter((issue) => issue !== undefined);
}

function failedIssue(scene: Scene, unit: UnitView): Issue | undefined {
  if (!unit.isKnown || (unit.state !== 'failed' && unit.state !== 'dead' && unit.state !== 'exited'))
    return undefined;
  const isLimit = unit.result === 'start-limit-hit';
  return issueOf(scene, 'unit-failed', {
    severity: 'fatal',
    title: `${unit.name} ${unit.state}${unit.result === '' ? '' : `: ${unit.result}`}`,
    detail: isLimit
      ? 'five starts in five minutes failed: systemd starts it no more'
      : 'nothing starts it again by itself',
    since: undefined,
    evidence: evidenceFor(unit.file, `${unit.state} ${unit.result}`.trim()),
    attention: {
      rank: 2,
      label: 'FAILED',
      why: isLimit
        ? 'it started and ended five times, systemd gave up'
        : 'the server is not started again by itself',
      onExpiry: 'nothing starts it',
      act: 'api.start',
    },
    playbook: 'api-down',
    ...(scene.server ? { logFiles: [scene.server.path] } : {}),
  });
}

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

function clusterServices(scene: Scene): readonly Service[] {
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
      evidence: evidenceFor(file, `${namespace}/${one.name}: ${detail}`),
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
    evidence: evidenceFor(file, detail),
    logKeys: [name],
  };
}

/** How long pods of a rollout may come up before it counts as trouble. */
const COMING_MS = 180_000;
/** Reasons a container waits for that end by nothing but a change. */
const HOPELESS =
  /^(CrashLoopBackOff|ImagePullBackOff|ErrImagePull|InvalidImageName|CreateContainerConfigError|CreateContainerError)$/;

function clusterIssues(scene: Scene): readonly Issue[] {
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
    evidence: evidenceFor(file, `revision ${one.revision}`),
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
    evidence: evidenceFor(file, why ?? ''),
    attention: {
      rank: isHopeless || isLate ? 4 : 5,
      label: isKilled && !isHopeless ? 'MEMORY' : 'POD',
      why: why ?? 'not ready',
      group: 'pods',
    },
    playbook: isKilled && !isHopeless ? 'memory' : 'rollout',
  });
}
