import type { Issue } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { getArray, getBoolean, getNumber, getString, type Json, type JsonObject } from '../../lib/json.ts';
import type { ApiView } from './derive-api.ts';
import type { Breaker } from './derive-breakers.ts';
import { autoscalerFor, deploymentsOf } from './derive-cluster.ts';
import { unitOf } from './derive-manager.ts';
import { instantOf } from './facts.ts';
import type { Scene } from './scene.ts';

/** What acts and playbooks look at and no entity carries: above all when something was last seen, and of whom. */
export function actData(
  scene: Scene,
  api: ApiView,
  breakers: readonly Breaker[],
  issues: readonly Issue[],
): JsonObject {
  const { loop } = scene;
  const crash = scene.fact('nomic.crash', 'error');
  return {
    loopState: loop.state,
    loopPid: loop.process?.pid ?? null,
    loopProcessAt: loop.process?.startedAt ?? null,
    loopPorts: loop.process ? [...loop.process.ports].sort((a, b) => a - b) : [],
    otherLoopPid: loop.unattributed[0]?.pid ?? null,
    loopStarts: getNumber(loop.start, 'starts') ?? 0,
    loopHasLog: loop.log !== undefined,
    openCycle: loop.open?.n ?? null,
    openPhase: loop.phase?.name ?? null,
    openBackup: loop.open?.backup ?? null,
    crash:
      crash === undefined
        ? null
        : { at: getNumber(crash, 'at') ?? null, text: getString(crash, 'text') ?? '' },
    lastLineAt: loop.last?.at ?? null,
    question: loop.question ?? null,
    apiState: api.state,
    apiAnswered: answeredAt(scene),
    server: serverOf(scene),
    openBreakers: breakers
      .filter((one) => one.owner === 'server' && one.status === 'open')
      .map((one) => one.name),
    isDamaged: issues.some((issue) => issue.key === 'protected-files'),
    loopBreakers: loopBreakersOf(scene),
    stash: movedTo(scene, 'git.stash'),
    head: movedTo(scene, 'git.head'),
    copies: copiesOf(scene),
    debates: debatesOf(scene),
    debateInvalid: lineOf(scene, 'debateInvalid'),
    inbox: inboxOf(scene),
    deployments: deploymentsOf(scene).map(({ name, fact }): Json => {
      const scaler = autoscalerFor(scene, name);
      return { ...(fact as JsonObject), scaler: scaler ?? null };
    }),
    clusterAt: getNumber(scene.fact('cluster', 'answer'), 'at') ?? null,
    isClusterKnown: getBoolean(scene.fact('cluster', 'answer'), 'ok') ?? false,
    pods: getArray(scene.fact('cluster', 'cluster'), 'pods').map(
      (pod): Json => ({
        name: getString(pod, 'name') ?? '',
        waiting: getString(pod, 'waiting') ?? null,
        startedAt: getNumber(pod, 'startedAt') ?? null,
      }),
    ),
    replays: scene.files('replays').flatMap((file): Json[] => {
      const replay = file.facts.get('replay');
      return replay === undefined ? [] : [{ cycle: getNumber(replay, 'cycle') ?? null, path: file.path }];
    }),
  };
}

/** The newest answer by which the server said that it takes work; null while it does not. */
function answeredAt(scene: Scene): Instant | null {
  if (scene.place.server === 'nomic') {
    const answer = scene.fact('api.health', 'answer');
    return getBoolean(answer, 'ok') === true ? (instantOf(answer, 'at') ?? null) : null;
  }
  const answer = scene.fact('api.readyz', 'answer');
  const ready = scene.fact('api.readyz', 'ready');
  const isReady = getString(ready, 'status') === 'ready' && getArray(ready, 'failed').length === 0;
  return getBoolean(answer, 'ok') === true && isReady ? (instantOf(answer, 'at') ?? null) : null;
}

/** The server's process, by systemd or docker where one of them runs it, else by the process table. */
function serverOf(scene: Scene): Json {
  const unit = unitOf(scene);
  if (unit) {
    const { pid, startedAt, state, result, isKnown } = unit;
    const at = getNumber(unit.file.facts.get('answer'), 'at') ?? null;
    return { pid: pid ?? null, startedAt: startedAt ?? null, state, result, isKnown, at, argv: [] };
  }
  const [process] = scene.crew.servers;
  const argv = process ? [process.executable ?? process.argv[0] ?? '', ...process.argv.slice(1)] : [];
  return {
    pid: process?.pid ?? null,
    startedAt: process?.startedAt ?? null,
    state: process ? 'active' : 'inactive',
    result: '',
    isKnown: true,
    at: scene.processesAt,
    argv,
  };
}

function loopBreakersOf(scene: Scene): Json {
  const file = scene.file('nomic.breakers');
  return { raw: getString(file?.facts.get('saved'), 'raw') ?? null };
}

function movedTo(scene: Scene, source: string): Json {
  const newest = scene.fact(source, 'newest');
  return newest === undefined
    ? null
    : {
        commit: getString(newest, 'commit') ?? '',
        at: getNumber(newest, 'at') ?? 0,
        text: getString(newest, 'text') ?? '',
      };
}

function copiesOf(scene: Scene): Json {
  const facts = scene.file('backups.files')?.facts;
  return [...(facts ?? [])].flatMap(([key]) => (key.startsWith('copy/') ? [key.slice('copy/'.length)] : []));
}

function debatesOf(scene: Scene): Json {
  return getArray(scene.fact('api.debates', 'debates'), 'items').map(
    (one): Json => ({
      id: getString(one, 'id') ?? '',
      task: getString(one, 'task') ?? '',
      status: getString(one, 'status') ?? '',
    }),
  );
}

function lineOf(scene: Scene, key: string): Json {
  const line = scene.server?.facts.get(key);
  return line === undefined
    ? null
    : { at: getNumber(line, 'at') ?? null, text: getString(line, 'text') ?? '' };
}

function inboxOf(scene: Scene): Json {
  const answer = scene.fact('api.approvals', 'answer');
  return {
    at: getBoolean(answer, 'ok') === true ? (getNumber(answer, 'at') ?? null) : null,
    waiting: getArray(scene.fact('api.approvals', 'inbox'), 'items')
      .filter((item) => getString(item, 'status')?.toLowerCase() === 'pending')
      .map((item) => getString(item, 'id') ?? ''),
  };
}
