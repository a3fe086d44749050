import { type Entity, type Ref, refTo } from '../../domain/entity.ts';
import { getBoolean, getObject, getString } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { answerOf, endingText, stageOf, timeIn, unansweredText } from './act-common.ts';
import { deploymentIn, NAME, nameOf, number, ROLLOUT_MS, rolloutStages, settled } from './cluster-outcome.ts';
import { placeOf } from './schema.ts';

const isDeployment = (target: Entity): boolean =>
  (target.type === 'service' && target.id.startsWith('deployment.')) ||
  (target.type === 'issue' && target.key.startsWith('deployment/'));

/** The deployment of an act that was done for a condition of it: that may be over. */
const serviceOf = (view: StateView, { target }: Pick<ActOrder, 'target'>): Ref | undefined =>
  refTo(view.entity('service', `deployment.${nameOf(target) ?? ''}`));

function refusalOf(view: StateView, target: Entity): string | undefined {
  if (!placeOf(view.located).cluster) return 'no cluster is configured: cluster=kubectl:NAMESPACE';
  if (nameOf(target) === undefined) return 'the name of this deployment is not safe as an argument';
  if (getBoolean(view.data, 'isClusterKnown') !== true) return 'the cluster gives no answer now';
  return deploymentIn(view, target) ? undefined : 'the cluster does not list it any more';
}

function kubectl(view: StateView, title: string, words: readonly string[]) {
  const cluster = placeOf(view.located).cluster;
  const argv = [...(cluster?.argv ?? []), `--namespace=${cluster?.namespace ?? ''}`, ...words];
  return { type: 'process' as const, title, argv, cwd: view.located.root, timeoutMs: 60_000 };
}

const baselineOf = (view: StateView, target: Entity) => {
  const one = deploymentIn(view, target);
  return {
    generation: number(one, 'generation'),
    revision: number(one, 'revision'),
    replicas: number(one, 'replicas'),
    min: number(getObject(one, 'scaler'), 'min'),
  };
};

const read: NonNullable<ActSpec['read']> = (outputs) => {
  const last = outputs.at(-1);
  const words = `${last?.stdout ?? ''}${last?.stderr ?? ''}`.trim().split('\n')[0] ?? '';
  return answerOf(last?.exitCode === 0, words || `exit ${last?.exitCode ?? '?'}`, outputs);
};

const revisionOf = (view: StateView, target: Entity): string => JSON.stringify(baselineOf(view, target));

/** `kubectl rollout restart`: pod by pod, with the budget for disruptions kept. */
export const restartDeployment: ActSpec = {
  id: 'deployment.restart',
  title: 'rollout restart',
  menu: 'restart',
  risk: 'costly',
  does: 'kubectl rollout restart: replaces the pods one after the other',
  runs: 'kubectl rollout restart deployment/NAME',
  outcome: 'a new generation, all its pods available',
  params: [],
  appliesTo: isDeployment,
  precondition: refusalOf,
  warnings: (view, target) =>
    number(deploymentIn(view, target), 'replicas') < 2
      ? ['It has one replica: nothing answers while it is replaced.']
      : ['Debates that run in a pod are lost with it.'],
  revision: revisionOf,
  baseline: baselineOf,
  plan: (view, target) => [
    kubectl(view, `restart ${nameOf(target)}`, ['rollout', 'restart', `deployment/${nameOf(target)}`]),
  ],
  read,
  expect: (view, order) => rolloutStages(view, order, 'the cluster took it: a new generation'),
  undo: {
    text: 'the pods before it had the same template: nothing to go back to',
  },
};

/** `kubectl rollout undo`: the template of the revision before. */
export const rollBackDeployment: ActSpec = {
  id: 'deployment.rollback',
  title: 'rollout undo',
  menu: 'rollback',
  risk: 'costly',
  does: 'kubectl rollout undo: back to the template of the revision before; data and database schemas stay as they are',
  runs: 'kubectl rollout undo deployment/NAME',
  outcome: 'a new revision, all its pods available',
  params: [],
  appliesTo: isDeployment,
  precondition: (view, target) =>
    refusalOf(view, target) ??
    (number(deploymentIn(view, target), 'revision') > 1 ? undefined : 'there is no revision before this one'),
  warnings: () => [
    'A rollback of the images does not take a migration of the database back.',
    'After a "rollout restart" the revision before has the same image.',
  ],
  revision: revisionOf,
  baseline: baselineOf,
  plan: (view, target) => [
    kubectl(view, `undo ${nameOf(target)}`, ['rollout', 'undo', `deployment/${nameOf(target)}`]),
  ],
  read,
  expect(view, order) {
    const [accepted, done] = rolloutStages(view, order, 'a new revision');
    const isNew = number(deploymentIn(view, order.target), 'revision') > number(order.baseline, 'revision');
    const first = accepted && {
      ...accepted,
      state: isNew ? ('seen' as const) : accepted.state === 'seen' ? ('waiting' as const) : accepted.state,
    };
    return [first, done].filter((stage) => stage !== undefined);
  },
  undo: {
    act: 'deployment.rollback',
    text: 'deployment.rollback once more: back to the revision it came from',
    on: serviceOf,
  },
};

const COUNTS = ['1', '2', '3', '4', '5', '6', '8', '10'];

/** `kubectl scale`; where an autoscaler has it, that one sets it back. */
export const scaleDeployment: ActSpec = {
  id: 'deployment.scale',
  title: 'scale',
  menu: 'other',
  risk: 'reversible',
  does: 'kubectl scale: that many replicas',
  runs: 'kubectl scale deployment/NAME --replicas=N',
  outcome: 'that many replicas wanted and available',
  params: [{ name: 'replicas', title: 'replicas', form: 'choice', required: true, choices: COUNTS }],
  appliesTo: isDeployment,
  precondition(view, target) {
    const refusal = refusalOf(view, target);
    if (refusal !== undefined) return refusal;
    const scaler = getObject(deploymentIn(view, target), 'scaler');
    return scaler === undefined
      ? undefined
      : `autoscaler ${getString(scaler, 'name')} (${number(scaler, 'min')}-${number(scaler, 'max')}) would set it back: raise its minimum (autoscaler.raise)`;
  },
  warnings: (view, target) => [
    `It has ${number(deploymentIn(view, target), 'replicas')} now. Fewer replicas end pods with what runs in them.`,
  ],
  revision: revisionOf,
  baseline: baselineOf,
  plan: (view, target, params) =>
    COUNTS.includes(params['replicas'] ?? '')
      ? [
          kubectl(view, `scale ${nameOf(target)} to ${params['replicas']}`, [
            'scale',
            `deployment/${nameOf(target)}`,
            `--replicas=${params['replicas']}`,
          ]),
        ]
      : [],
  read,
  expect(view, order) {
    const wanted = Number(order.params['replicas']);
    const one = deploymentIn(view, order.target);
    const isWanted = number(one, 'replicas') === wanted;
    const isSameAsBefore = wanted === number(order.baseline, 'replicas');
    const done = isSameAsBefore
      ? isWanted && number(one, 'available') === wanted
      : isWanted
        ? settled(view, order)
        : false;
    return [
      stageOf(order, 'accepted', `${wanted} replicas wanted`, isWanted, 60_000),
      stageOf(order, 'done', `${wanted} available`, done, ROLLOUT_MS),
    ];
  },
  undo: {
    act: 'deployment.scale',
    text: 'deployment.scale with the number it had',
    on: serviceOf,
    params: (_view, { baseline }) => ({ replicas: String(number(baseline, 'replicas')) }),
  },
};

/** The autoscaler's minimum, by the name the cluster has for it: `hpa aragora` of the runbook is not found. */
export const raiseAutoscaler: ActSpec = {
  id: 'autoscaler.raise',
  title: 'set the autoscaler’s minimum',
  menu: 'other',
  risk: 'reversible',
  does: 'kubectl patch: the autoscaler of this deployment keeps at least that many replicas',
  runs: 'kubectl patch horizontalpodautoscaler/NAME',
  outcome: 'the new minimum, and that many replicas available',
  params: [{ name: 'minimum', title: 'least replicas', form: 'choice', required: true, choices: COUNTS }],
  appliesTo: isDeployment,
  precondition(view, target) {
    const refusal = refusalOf(view, target);
    if (refusal !== undefined) return refusal;
    const scaler = getObject(deploymentIn(view, target), 'scaler');
    if (scaler === undefined) return 'no autoscaler has this deployment: scale it (deployment.scale)';
    return NAME.test(getString(scaler, 'name') ?? '')
      ? undefined
      : 'the name of its autoscaler is not safe as an argument';
  },
  warnings: (view, target) => {
    const scaler = getObject(deploymentIn(view, target), 'scaler');
    return [
      `It is ${number(scaler, 'min')} now, the most is ${number(scaler, 'max')}: a minimum above that is refused by the cluster.`,
    ];
  },
  revision: revisionOf,
  baseline: baselineOf,
  plan(view, target, params) {
    const scaler = getString(getObject(deploymentIn(view, target), 'scaler'), 'name') ?? '';
    const minimum = params['minimum'] ?? '';
    if (!COUNTS.includes(minimum)) return [];
    const patch = JSON.stringify({ spec: { minReplicas: Number(minimum) } });
    return [
      kubectl(view, `minimum ${minimum}`, ['patch', `horizontalpodautoscaler/${scaler}`, `--patch=${patch}`]),
    ];
  },
  read,
  expect(view, order) {
    const one = deploymentIn(view, order.target);
    const wanted = Number(order.params['minimum']);
    const isSet = number(getObject(one, 'scaler'), 'min') === wanted;
    const isFresh = (timeIn(view.data, 'clusterAt') ?? 0) > order.startedAt;
    const isThere = isSet && isFresh && number(one, 'available') >= wanted;
    // The rollout it brings about may come to nothing: that is not waited for.
    const rollout = isSet ? settled(view, order) : false;
    const done = !isThere && typeof rollout === 'object' && 'instead' in rollout ? rollout : isThere;
    return [
      stageOf(order, 'accepted', `a minimum of ${wanted}`, isSet && isFresh, 60_000),
      stageOf(order, 'done', `at least ${wanted} available`, done, ROLLOUT_MS),
    ];
  },
  undo: {
    act: 'autoscaler.raise',
    text: 'autoscaler.raise with the minimum it had',
    on: serviceOf,
    params: (_view, { baseline }) => ({ minimum: String(number(baseline, 'min')) }),
  },
};

/** Describe, events and history: what is looked at before a rollback. */
export const inspectDeployment: ActSpec = {
  id: 'deployment.inspect',
  title: 'describe',
  menu: 'other',
  risk: 'reversible',
  does: 'kubectl describe, rollout history and events of the namespace; changes nothing',
  runs: 'kubectl describe, rollout history, get events',
  outcome: 'what the cluster says',
  params: [],
  appliesTo: isDeployment,
  precondition: refusalOf,
  revision: revisionOf,
  plan: (view, target) => [
    kubectl(view, 'describe', ['describe', `deployment/${nameOf(target)}`]),
    kubectl(view, 'history', ['rollout', 'history', `deployment/${nameOf(target)}`]),
    kubectl(view, 'events', ['get', 'events', '--sort-by=.lastTimestamp']),
  ],
  read(outputs) {
    const failed = outputs.find((one) => one.exitCode !== 0);
    if (failed || outputs.length !== 3) {
      return answerOf(false, `kubectl failed: ${unansweredText(failed) ?? endingText(failed)}`, outputs);
    }
    // A namespace may have no events; a deployment has a description.
    const isTold = outputs[0]?.stdout.trim() !== '';
    return answerOf(isTold, isTold ? 'told' : 'kubectl said nothing of it', outputs);
  },
  answerIsProof: true,
  expect: () => [],
  undo: { text: 'nothing to undo: it only reads' },
};
