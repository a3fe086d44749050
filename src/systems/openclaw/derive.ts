import type { Entity, Issue } from '../../domain/entity.ts';
import { entityKey } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { DeriveContext, Derived } from '../system.ts';
import { approvalEntity } from './derive-approval.ts';
import { queueIssues } from './derive-issue.ts';
import { type JudgedJob, jobEntity } from './derive-job.ts';
import { layersOf, workerService } from './derive-layer.ts';
import { type Queue, queuesOf } from './derive-queue.ts';
import { runEntity } from './derive-run.ts';
import { questionOf, type RunDirectory, runDirectoryOf } from './derive-rundir.ts';
import type { JobFact } from './facts.ts';
import { type Condition, type Judgement, judge } from './judge.ts';
import { isSafeJobId, placeOf, type RunRole } from './schema.ts';
import type { Watched } from './sources.ts';

/** Finished runs that are listed per queue; older ones are in the database. */
const LISTED_FINISHED_RUNS = 200;
/** Jobs whose run directory is followed with its logs, per queue. */
const FOLLOWED_JOBS = 30;
/** Jobs whose plan or question is read beyond those. */
const READ_PLANS = 300;

const NO_DIRECTORY: RunDirectory = {
  plan: undefined,
  planFile: undefined,
  question: undefined,
  tasks: undefined,
  tasksRun: undefined,
  titles: new Map(),
  logFiles: [],
};

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
    const judged = judgeQueue(context, queue, byPid);
    for (const one of judged) {
      if (one.judgement.until !== null) changes.push(one.judgement.until);
      if (one.job.pid !== null && one.judgement.condition !== 'done') wantedPids.add(one.job.pid);
    }
    const { issues, changes: due } = queueIssues(located.system, queue, judged, place.pollMs, now);
    changes.push(...due);
    watched.push(...watchedOf(judged));
    entities.push(...queueEntities(context, queue, judged, issues, queues.length > 1));
  }
  const next = changes
    .filter((at) => at > now)
    .reduce<Instant | undefined>((least, at) => (least === undefined || at < least ? at : least), undefined);
  watched.sort((a, b) => (a.job < b.job ? -1 : a.job > b.job ? 1 : 0));
  return {
    entities: uniquely(entities),
    ...(next === undefined ? {} : { nextInstant: next }),
    data: { watched } as unknown as JsonObject,
    wantedPids: [...wantedPids].sort((a, b) => a - b),
  };
}

function judgeQueue(
  context: DeriveContext,
  queue: Queue,
  byPid: ReadonlyMap<number, ProcessInfo>,
): readonly JudgedJob[] {
  const { facts, now } = context;
  const workerPids = new Set(queue.workers.map(({ process }) => process.pid));
  const directories = new Map<string, RunDirectory>();
  const directoryOf = (job: JobFact): RunDirectory => {
    const known = directories.get(job.id);
    if (known) return known;
    const directory = runDirectoryOf(facts, job);
    directories.set(job.id, directory);
    return directory;
  };
  const around = {
    now,
    hasLeases: queue.generation === 'database',
    newestByGoal: queue.newestByGoal,
    process: (pid: number) => byPid.get(pid),
    isWorkerPid: (pid: number) => workerPids.has(pid),
    question: (job: JobFact) => questionOf(job, directoryOf(job)),
  };
  const verdicts = queue.jobs.map((job): readonly [JobFact, Judgement] => [job, judge(job, around)]);
  const busy = busyJob(queue, verdicts);
  return verdicts.map(([job, judgement]) => {
    const directory = isPlain(judgement.condition) ? NO_DIRECTORY : directoryOf(job);
    return {
      queue,
      job,
      judgement,
      directory,
      question: job.status === 'waiting_human' ? questionOf(job, directory) : '',
      busyWith: busy,
    };
  });
}

/**
 * The job that keeps every worker from claiming. A worker joins the threads of its pass: while one of its jobs runs it
 * claims nothing and drains nothing. A second worker may still be free.
 */
function busyJob(queue: Queue, verdicts: readonly (readonly [JobFact, Judgement])[]): string | undefined {
  const running = verdicts.filter(([, { condition }]) => condition === 'running');
  const busy = new Set(running.map(([job]) => job.worker));
  const isFree = queue.workers.some(
    ({ process, mine }) => mine === 'yes' && !busy.has(`worker-${process.pid}`),
  );
  return isFree ? undefined : running[0]?.[0].id;
}

/** Conditions without anything to read beside their row. */
function isPlain(condition: Condition): boolean {
  return condition === 'done' || condition === 'cancelled';
}

function queueEntities(
  { located, processes, now }: DeriveContext,
  queue: Queue,
  judged: readonly JudgedJob[],
  issues: readonly Issue[],
  many: boolean,
): readonly Entity[] {
  const { system } = located;
  const entities: Entity[] = [];
  let finished = 0;
  for (const one of judged) {
    entities.push(jobEntity(system, one, now));
    const approval = approvalEntity(system, one, now);
    if (approval) entities.push(approval);
    if (isPlain(one.judgement.condition)) {
      finished += 1;
      if (finished > LISTED_FINISHED_RUNS) continue;
    }
    const run = runEntity(system, one, located.timezone, now);
    if (run) entities.push(run);
  }
  entities.push(...issues);
  entities.push(...layersOf(system, queue, judged, issues, many, processes.readAt));
  entities.push(workerService(system, queue, judged, processes, many, now));
  return entities;
}

/** What is followed most readily: what runs, then what waits for a person, then what broke. */
const FOLLOW_ORDER: readonly Condition[] = [
  'running',
  'orphaned',
  'silent-alive',
  'silent-dead',
  'overtaken',
  'question',
  'no-signal',
  'review',
  'no-plan',
  'fake-success',
  'failed',
  'dead-end',
];
const ALL_ROLES: readonly RunRole[] = ['plan', 'question', 'tasks', 'task-events', 'run-log'];

/**
 * Run directories to read: a BASE_PATH keeps one for every job there ever was, so only those of jobs that matter now,
 * and the newest of each sort. Changes with states, not with beats.
 */
function watchedOf(judged: readonly JudgedJob[]): readonly Watched[] {
  const order = new Map(FOLLOW_ORDER.map((condition, index) => [condition, index]));
  const candidates = judged
    .filter(
      ({ job, judgement }) => order.has(judgement.condition) && !judgement.superseded && isSafeJobId(job.id),
    )
    .map((one) => ({ one, rank: order.get(one.judgement.condition) ?? 0 }))
    .sort((a, b) => a.rank - b.rank || (b.one.job.created ?? 0) - (a.one.job.created ?? 0));
  const followed = candidates.slice(0, FOLLOWED_JOBS);
  const further = candidates
    .slice(FOLLOWED_JOBS)
    .filter(({ one }) => one.job.status === 'awaiting_audit' || one.job.status === 'waiting_human')
    .slice(0, READ_PLANS);
  return [
    ...followed.map(({ one }): Watched => ({ job: one.job.id, roles: ALL_ROLES })),
    ...further.map(
      ({ one }): Watched => ({
        job: one.job.id,
        roles: [one.job.status === 'awaiting_audit' ? 'plan' : 'question'],
      }),
    ),
  ];
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
