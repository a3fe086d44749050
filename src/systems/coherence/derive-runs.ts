import { type Meter, type Run, type Service, trailOf } from '../../domain/entity.ts';
import { addMs, clockText, dayOf } from '../../domain/instant.ts';
import { getNumber, getObject, getString, isObject, type Json } from '../../lib/json.ts';
import { firstLine } from '../../lib/phrase.ts';
import type { DeriveContext } from '../system.ts';
import { taskLogPath } from './derive-jobs.ts';
import { entityBase } from './draft.ts';
import type { Scene } from './scene.ts';
import { instantOf, newestOf, type Seen, seenOf } from './seen.ts';
import type { TaskBook } from './tasks.ts';

const DAY_MS = 86_400_000;

/** What runners did, by `agent_runner_runs.json`: one run per attempt at a task. */
export function runsOf(context: DeriveContext, scene: Scene): readonly Run[] {
  const seen = seenOf(newestOf(context.facts.files('runs')));
  if (!seen) return [];
  return [...seen.file.facts].flatMap(([key, fact]) =>
    key.startsWith('run/') ? [runOf(scene, seen, key.slice('run/'.length), fact)] : [],
  );
}

function runOf(scene: Scene, seen: Seen, id: string, fact: Json): Run {
  const task = getString(fact, 'task');
  const native = getString(fact, 'status') ?? '';
  const startedAt = instantOf(fact, 'startedAt') ?? instantOf(fact, 'createdAt');
  const endedAt = instantOf(fact, 'completedAt');
  const beat = instantOf(fact, 'heartbeatAt');
  const failure = getString(fact, 'failureClass');
  const type = getString(fact, 'type');
  const attempt = getNumber(fact, 'attempt');
  const words = [
    native,
    attempt === undefined ? undefined : `attempt ${attempt}`,
    getString(fact, 'worker'),
    failure || undefined,
  ].filter((word) => word !== undefined && word !== '');
  return {
    ...entityBase(scene, id, seen.file.readAt),
    type: 'run',
    title: firstLine(`${type ? `${type}: ` : ''}${getString(fact, 'direction') ?? task ?? id}`, 100),
    status: runStatus(native, endedAt !== undefined, scene, getString(fact, 'worker')),
    nativeStatus: native,
    evidence: seen.at({ at: endedAt ?? beat ?? startedAt ?? null }, words.join(', ')),
    logKeys: task ? [task, id] : [id],
    ...(task ? { logFiles: [taskLogPath(task)] } : {}),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
  };
}

/** A run without an end and without any living runner is over in an unknown way. */
function runStatus(
  native: string,
  isEnded: boolean,
  scene: Scene,
  worker: string | undefined,
): Run['status'] {
  if (native === 'completed') return 'succeeded';
  if (native === 'failed') return 'failed';
  if (native === 'needs_decision') return 'halted';
  if (native !== 'running' || isEnded) return 'unknown';
  const pid = Number(/:(\d{1,9})$/.exec(worker ?? '')?.[1] ?? Number.NaN);
  const live = scene.crew.of.runner;
  const isAlive = Number.isNaN(pid) ? live.length > 0 : live.some((process) => process.pid === pid);
  return isAlive ? 'running' : 'unknown';
}

/** Runners as they report themselves: better than the process table, where they run on another host. */
export function runnersOf(context: DeriveContext, scene: Scene, book: TaskBook): readonly Service[] {
  const runners = new Map<string, { fact: Json; seen: Seen }>();
  for (const source of ['runners', 'api.runners']) {
    const seen = seenOf(newestOf(context.facts.files(source)));
    for (const [key, fact] of seen?.file.facts ?? []) {
      if (!seen || !key.startsWith('runner/')) continue;
      const id = key.slice('runner/'.length);
      const known = getNumber(runners.get(id)?.fact, 'leaseUntil') ?? -1;
      if ((getNumber(fact, 'leaseUntil') ?? -1) >= known) runners.set(id, { fact, seen });
    }
  }
  return [...runners].map(([id, { fact, seen }]) => runnerOf(scene, book, id, fact, seen));
}

function runnerOf(scene: Scene, book: TaskBook, id: string, fact: Json, seen: Seen): Service {
  const life = book.workerLife(id);
  const said = getString(fact, 'status') ?? '';
  const until = instantOf(fact, 'leaseUntil');
  const task = getString(fact, 'task');
  const error = getString(fact, 'error');
  const isIll = said === 'degraded' || Boolean(error);
  const detail = [
    said || 'says nothing',
    task ? `on ${task}` : undefined,
    until === undefined ? undefined : `lease until ${clockText(until, scene.now)}`,
    error ? `last error: ${error}` : undefined,
  ].filter((part) => part !== undefined);
  return {
    ...entityBase(scene, `runner.${id}`, seen.file.readAt),
    type: 'service',
    title: `runner ${firstLine(id, 60)}`,
    status: life === 'gone' ? 'down' : life === 'unknown' ? 'unknown' : isIll ? 'degraded' : 'up',
    detail: detail.join(', '),
    evidence: seen.at({ at: instantOf(fact, 'seenAt') ?? null }, detail.join(', ')),
    trail: trailOf(),
    logFiles: ['api/logs/agent_runner.log'],
  };
}

/** Success over seven days by `metrics.jsonl`, and how near the goal is by the newest report. */
export function metersOf(context: DeriveContext, scene: Scene): readonly Meter[] {
  return [successMeter(context, scene), goalMeter(scene)].filter((meter) => meter !== undefined);
}

function successMeter(context: DeriveContext, scene: Scene): Meter | undefined {
  const seen = seenOf(newestOf(context.facts.files('metrics')));
  if (!seen) return undefined;
  const first = dayOf(addMs(scene.now, -7 * DAY_MS));
  const counts = { completed: 0, failed: 0 };
  for (const [key, fact] of seen.file.facts) {
    if (!key.startsWith('day/') || key.slice('day/'.length) < first || !isObject(fact)) continue;
    counts.completed += getNumber(fact, 'completed') ?? 0;
    counts.failed += getNumber(fact, 'failed') ?? 0;
  }
  const total = counts.completed + counts.failed;
  if (total === 0) return undefined;
  const value = Math.round((100 * counts.completed) / total);
  const isLow = (scene.check?.issues ?? []).some((one) => getString(one, 'condition') === 'low_success_rate');
  return {
    ...entityBase(scene, 'success-rate', seen.file.readAt),
    type: 'meter',
    name: 'success',
    title: 'tasks that succeed',
    value,
    unit: '%',
    window: 'the last 7 days',
    status: isLow ? 'warning' : 'ok',
    evidence: seen.at(undefined, `${counts.completed} of ${total} tasks completed`),
  };
}

/** The report calls the goal near from 0.7 on. */
function goalMeter(scene: Scene): Meter | undefined {
  const report = scene.report?.fact('report');
  const proximity = getNumber(getObject(getObject(report, 'layers') ?? {}, 'layer_0_goal'), 'proximity');
  if (!scene.report || proximity === undefined) return undefined;
  return {
    ...entityBase(scene, 'goal-proximity', scene.report.file.readAt),
    type: 'meter',
    name: 'goal',
    title: 'goal proximity',
    value: Math.round(100 * proximity) / 100,
    unit: 'of 1',
    window: 'near from 0.7 on',
    status: proximity >= 0.7 ? 'ok' : 'warning',
    evidence: scene.report.at(
      { at: instantOf(report, 'generatedAt') ?? null },
      'loses 15 % for each open issue',
    ),
  };
}
