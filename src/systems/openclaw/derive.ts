import type { Entity, Issue } from '../../domain/entity.ts';
import { entityKey } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { DeriveContext, Derived } from '../system.ts';
import { approvalEntity } from './derive-approval.ts';
import { queueIssues } from './derive-issue.ts';
import { type JudgedJob, jobEntity, rowOf } from './derive-job.ts';
import { layersOf, workerService } from './derive-layer.ts';
import { metersOf } from './derive-meter.ts';
import { type Queue, queuesOf } from './derive-queue.ts';
import { runEntity } from './derive-run.ts';
import { NO_DIRECTORY, questionOf, runDirectoryOf } from './derive-rundir.ts';
import type { JobFact } from './facts.ts';
import { judge } from './judge.ts';
import { placeOf } from './schema.ts';
import type { Watched } from './sources.ts';
import { type Verdict, watchedJobs } from './watched.ts';

/** Runs that are over, listed per queue, newest first; older ones are in the database. */
const LISTED_ENDED_RUNS = 500;
/** Joins everything known of an installation: the only place that decides states. */
export function deriveOpenclaw(context: DeriveContext): Derived {
  const { located, processes, now } = context;
  const place = placeOf(located);
  const queues = queuesOf(context);
  const byPid = new Map(processes.processes.map((process) => [process.pid, process]));
  const entities: Entity[] = [];
  const changes: Instant[] = [];
  const watched: Watched[] = [];
  const wantedPids = new Set<number>();
  for (const queue of queues) {
    const { judged, watched: own } = judgeQueue(context, queue, byPid);
    for (const one of judged) {
      if (one.judgement.until !== null) changes.push(one.judgement.until);
      if (one.job.pid !== null && one.judgement.condition !== 'done') wantedPids.add(one.job.pid);
    }
    const { issues, changes: due } = queueIssues(located.system, queue, judged, place.pollMs, now);
    changes.push(...due);
    watched.push(...own);
    entities.push(...queueEntities(context, queue, judged, issues, queues.length > 1));
    const meters = metersOf(located.system, queue, judged, queues.length > 1, now);
    entities.push(...meters.entities);
    changes.push(...meters.changes);
    const look = nextTable(queue, processes.readAt, now);
    if (look !== undefined) changes.push(look);
  }
  const next = changes
    .filter((at) => at > now)
    .reduce<Instant | undefined>((least, at) => (least === undefined || at < least ? at : least), undefined);
  watched.sort((a, b) => (a.job < b.job ? -1 : a.job > b.job ? 1 : 0));
  return {
    entities: queues.length > 1 ? uniquely(entities) : entities,
    ...(next === undefined ? {} : { nextInstant: next }),
    data: { watched } as unknown as JsonObject,
    wantedPids: [...wantedPids].sort((a, b) => a - b),
  };
}

/** A worker younger than this is looked at again: it may have ended at once. */
const YOUNG_MS = 8_000;
const YOUNG_LOOK_MS = 1_000;
const ABSENT_LOOK_MS = 30_000;

/**
 * When the same processes would say something new by having been read later: that a worker lives on, or that none has
 * come. What was started or stopped from here is proven by that.
 */
function nextTable({ workers, generation }: Queue, readAt: Instant, now: Instant): Instant | undefined {
  if (generation !== 'database') return undefined;
  if (workers.length === 0) return addMs(now, ABSENT_LOOK_MS);
  const isYoung = workers.some(({ process }) => readAt < process.startedAt + YOUNG_MS);
  return isYoung ? addMs(now, YOUNG_LOOK_MS) : undefined;
}

function judgeQueue(
  { facts, located, now }: DeriveContext,
  queue: Queue,
  byPid: ReadonlyMap<number, ProcessInfo>,
): { readonly judged: readonly JudgedJob[]; readonly watched: readonly Watched[] } {
  const workerPids = new Set(queue.workers.map(({ process }) => process.pid));
  const around = {
    now,
    hasLeases: queue.generation === 'database',
    staleMs: placeOf(located).staleMs,
    newestByGoal: queue.newestByGoal,
    process: (pid: number) => byPid.get(pid),
    isWorkerPid: (pid: number) => workerPids.has(pid),
    question: (job: JobFact) => questionOf(job, NO_DIRECTORY),
  };
  const verdicts = queue.jobs.map((job): Verdict => ({ job, judgement: judge(job, around) }));
  const watched = watchedJobs(verdicts);
  const read = new Set(watched.map(({ job }) => job));
  const busyWith = busyJob(queue, verdicts);
  const judged = verdicts.map(({ job, judgement }): JudgedJob => {
    const directory = read.has(job.id) ? runDirectoryOf(facts, job) : NO_DIRECTORY;
    const question = job.status === 'waiting_human' ? questionOf(job, directory) : '';
    const isAsked = judgement.condition === 'no-signal' && question !== '';
    return {
      queue,
      job,
      judgement: isAsked ? { ...judgement, condition: 'question' } : judgement,
      directory,
      question,
      busyWith,
      row: rowOf(queue, job),
    };
  });
  return { judged, watched };
}

/**
 * The job that keeps every worker from claiming. A worker joins the threads of its pass: while one of its jobs runs it
 * claims nothing and drains nothing. A second worker may still be free.
 */
function busyJob(queue: Queue, verdicts: readonly Verdict[]): string | undefined {
  const running = verdicts.filter(({ judgement }) => judgement.condition === 'running');
  const busy = new Set(running.map(({ job }) => job.worker));
  const isFree = queue.workers.some(
    ({ process, mine }) => mine === 'yes' && !busy.has(`worker-${process.pid}`),
  );
  return isFree ? undefined : running[0]?.job.id;
}

function queueEntities(
  { located, processes, facts, now }: DeriveContext,
  queue: Queue,
  judged: readonly JudgedJob[],
  issues: readonly Issue[],
  many: boolean,
): readonly Entity[] {
  const { system } = located;
  const entities: Entity[] = [];
  let ended = 0;
  for (const one of judged) {
    entities.push(jobEntity(system, one, now));
    const approval = approvalEntity(system, one, now);
    if (approval) entities.push(approval);
    if (one.judgement.runner !== 'alive' && one.job.status !== 'running' && one.job.status !== 'planning') {
      ended += 1;
      if (ended > LISTED_ENDED_RUNS) continue;
    }
    const run = runEntity(system, one, located.timezone, now);
    if (run) entities.push(run);
  }
  entities.push(...issues);
  entities.push(...layersOf(system, queue, judged, issues, many, processes.readAt));
  const tableRead = facts.status('processes')?.state === 'fresh';
  entities.push(workerService(system, queue, judged, processes, { many, tableRead }, now));
  return entities;
}

/** Two projects may hold copies of one job: the second keeps its place under another id, so that none is lost. */
function uniquely(entities: readonly Entity[]): readonly Entity[] {
  const seen = new Set<string>();
  return entities.map((entity) => {
    let named = entity;
    for (let copy = 2; seen.has(entityKey(named)); copy += 1)
      named = { ...entity, id: `${entity.id}~${copy}` };
    seen.add(entityKey(named));
    return named;
  });
}
