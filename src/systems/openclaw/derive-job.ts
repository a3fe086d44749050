import type { Evidence, Job, SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { counted } from '../../lib/phrase.ts';
import { attentionOfJob } from './attention.ts';
import type { Queue } from './derive-queue.ts';
import type { RunDirectory } from './derive-rundir.ts';
import type { EventFact, JobFact } from './facts.ts';
import { isClosed, jobData } from './job-data.ts';
import { failedSilently, failedTasksOf, type Judgement } from './judge.ts';
import { MAX_ATTEMPTS } from './schema.ts';
import { clockText, jobTitle } from './words.ts';

/** One job with everything that was made out about it. */
export interface JudgedJob {
  readonly queue: Queue;
  readonly job: JobFact;
  readonly judgement: Judgement;
  readonly directory: RunDirectory;
  readonly question: string;
  /** The job every worker's pass is busy with (perhaps this one): nothing is claimed until it ends. */
  readonly busyWith: string | undefined;
  readonly row: JobRow;
}

/** Evidence of a job's row or file, and when it was read. */
export interface JobRow {
  readonly evidence: Evidence;
  readonly readAt: Instant;
}

const TRAIL_EVENTS = 6;

/** The entity of a job. */
export function jobEntity(system: SystemId, judged: JudgedJob, now: Instant): Job {
  const { job, judgement, directory } = judged;
  const attention = attentionOfJob(judged, now);
  const evidence = judged.row;
  const cautions = cautionsOf(judged);
  const waitingFor = waitingForOf(judged, now);
  const data = jobData(judged);
  // Assigned and not spread: a queue may hold ten thousand jobs, and conditional spreads cost most of their time.
  const entity: { -readonly [K in keyof Job]: Job[K] } = {
    type: 'job',
    system,
    id: job.id,
    title: jobTitle(job.id, job.goal),
    observedAt: evidence.readAt,
    evidence: evidence.evidence,
    logKeys: job.run === null ? [job.id] : [job.id, job.run],
    status: statusOf(judgement),
    nativeStatus: job.status,
    attempts: job.attempts,
    data,
  };
  if (!isClosed(judgement)) {
    const trail = trailOf(judged, now);
    if (trail.length > 0) entity.trail = trail;
  }
  if (attention !== undefined) entity.attention = attention;
  // Who decided what is asked of every job that somebody decided on.
  if (data['decisions'] !== undefined) entity.playbook = 'audit-trail';
  if (directory.logFiles.length > 0) entity.logFiles = directory.logFiles;
  if (cautions.length > 0) entity.cautions = cautions;
  if (waitingFor !== undefined) entity.waitingFor = waitingFor;
  if (job.lease !== null) entity.leaseUntil = job.lease;
  if (job.beat !== null) entity.heartbeatAt = job.beat;
  if (job.created !== null) entity.createdAt = job.created;
  if (job.updated !== null) entity.updatedAt = job.updated;
  return entity;
}

/** Where the job is kept: a row of the database, or its own file. */
export function rowOf(queue: Queue, job: JobFact): JobRow {
  const file = queue.file ?? queue.jobFiles.get(job.id);
  const query =
    queue.generation === 'database'
      ? `SELECT * FROM jobs WHERE job_id='${job.id.replaceAll("'", "''")}'`
      : undefined;
  return {
    readAt: file?.readAt ?? (0 as Instant),
    evidence: {
      source: queue.source,
      ...(file === undefined ? {} : { path: file.path }),
      ...(query === undefined ? {} : { query }),
      text: `status ${job.status}${job.attempts > 0 ? `, attempt ${job.attempts} of ${MAX_ATTEMPTS}` : ''}`,
      ...(job.updated === null ? {} : { at: job.updated }),
    },
  };
}

function statusOf({ condition }: Judgement): Job['status'] {
  switch (condition) {
    case 'claimable':
    case 'leased':
      return 'queued';
    case 'running':
    case 'orphaned':
    case 'silent-alive':
    case 'overtaken':
      return 'running';
    case 'silent-dead':
    case 'dead-end':
      return 'blocked';
    case 'review':
    case 'no-plan':
    case 'question':
    case 'no-signal':
      return 'waiting';
    case 'failed':
      return 'failed';
    case 'fake-success':
    case 'done':
      return 'done';
    case 'cancelled':
      return 'cancelled';
    case 'unknown':
      return 'unknown';
  }
}

function waitingForOf({ job, judgement, queue, busyWith }: JudgedJob, now: Instant): string | undefined {
  switch (judgement.condition) {
    case 'claimable':
      // A planning error leaves the job "approved" by nobody; the audit gate turns the next claim away.
      if (job.status === 'approved' && !job.passed)
        return 'the audit gate: nobody approved it, planning failed';
      if (busyWith !== undefined) return `the worker's pass, busy with ${busyWith.slice(0, 8)}`;
      return queue.workers.length > 0 ? "the worker's next pass" : 'a worker';
    case 'leased':
      return `the end of a lease at ${clockText(judgement.until, now)}`;
    case 'silent-dead':
      return 'a worker pass that takes it back';
    case 'review':
      return 'a decision on its plan';
    case 'no-plan':
      return 'a decision; it has no plan';
    case 'question':
      return 'an answer';
    case 'no-signal':
      return 'an answer to a question nobody asked';
    case 'dead-end':
      return 'nothing: no worker takes up revise_requested';
    default:
      return undefined;
  }
}

function cautionsOf({ judgement, job, queue }: JudgedJob): readonly string[] {
  const cautions: string[] = [];
  switch (judgement.condition) {
    case 'orphaned':
    case 'silent-alive':
      cautions.push(`runner ${job.pid} lives: a worker pass would start a second one beside it`);
      cautions.push('cancel does not stop it; only ending its process and its agents does');
      break;
    case 'overtaken':
      cautions.push(`runner ${job.pid} goes on: its result will overwrite ${job.status}`);
      break;
    case 'running':
      cautions.push(
        'cancel does not stop a running job: its result overwrites it, the next pass cancels again',
      );
      break;
    case 'fake-success':
      cautions.push(`completed here means that the runner ended, not that the tasks succeeded`);
      break;
    case 'dead-end':
      cautions.push('approve does not leave this state; resume leads to a review without a plan');
      break;
    default:
      break;
  }
  if (queue.generation !== 'database') cautions.push('kept by the older file queue: shown, not acted on');
  return cautions;
}

/** When the error of a job happened, as its events tell; the row's own time moves with every command. */
export function errorAt(job: JobFact): Instant | null {
  return (
    job.events.findLast((event) => event.event === 'job_failed' || event.event === 'job_timeout')?.at ?? null
  );
}

/** What a reader wants on the card: result, worker, runner and lease, then the newest events. */
function trailOf(judged: JudgedJob, now: Instant): readonly Evidence[] {
  const { job, judgement, queue, directory } = judged;
  const trail: Evidence[] = [];
  const from = queue.file ?? queue.jobFiles.get(job.id);
  const place = { source: queue.source, ...(from === undefined ? {} : { path: from.path }) };
  const say = (text: string, at: Instant | null = null): void => {
    trail.push({ ...place, text, ...(at === null ? {} : { at }) });
  };
  if (job.error !== null) say(job.error, errorAt(job));
  if (job.resultBad !== null) say(job.resultBad);
  const failed = failedTasksOf(job);
  if (failed > 0) say(`${failed} of ${counted(job.result?.total ?? failed, 'task')} failed`, job.updated);
  if (failedSilently(job)) say(`its last result says ${job.result?.errorCode}`, job.updated);
  trail.push(...taskTrail(directory, job.status === 'running'), ...artifactTrail(directory));
  if (job.revision !== '') say(`revision asked: ${job.revision}`);
  if (job.worker !== null) {
    const runner =
      job.pid === null ? '' : `, runner ${job.pid} ${judgement.runner === 'unknown' ? '' : judgement.runner}`;
    trail.push({
      ...place,
      ...(job.pid === null ? {} : { pid: job.pid }),
      text: `last beat by ${job.worker}${runner}`.trimEnd(),
      ...(job.beat === null ? {} : { at: job.beat }),
    });
  }
  if (job.lease !== null)
    say(`${job.lease > now ? 'leased until' : 'lease ended'} ${clockText(job.lease, now)}`, job.lease);
  for (const answer of job.answers.slice(-2)) say(`answered before: ${answer}`);
  for (const event of newestEvents(job.events)) say(event.text, event.at);
  return trail;
}

/** What its agents left, by task: where nothing told how they ended, the work may be done all the same. */
export function artifactTrail({ artifacts, titles }: RunDirectory): readonly Evidence[] {
  return artifacts.slice(0, 8).map(({ fact, file }) => ({
    source: file.source,
    path: file.path,
    text: `${titles.get(fact.task) ?? fact.task} left ${fact.names.slice(0, 5).join(', ')}${
      fact.count > 5 ? ` and ${fact.count - 5} more` : ''
    }`,
    ...(fact.newest === null ? {} : { at: fact.newest }),
  }));
}

/** Tasks of the newest run, the failed ones first: their errors are nowhere else. */
function taskTrail(directory: RunDirectory, isWorking: boolean): readonly Evidence[] {
  const state = directory.tasks;
  if (state === undefined) return [];
  const order = ['failed', 'waiting_human', 'running', 'completed'];
  const rank = (status: string): number => (order.includes(status) ? order.indexOf(status) : order.length);
  return [...state.fact]
    .sort((a, b) => rank(a.status) - rank(b.status))
    .slice(0, 8)
    .map((task) => ({
      source: state.file.source,
      path: state.file.path,
      text: [
        `${!isWorking && task.status === 'pending' ? 'not begun' : task.status} ${directory.titles.get(task.id) ?? task.id}`,
        task.attempts > 1 ? `attempt ${task.attempts}` : '',
        task.error ?? '',
      ]
        .filter((part) => part !== '')
        .join('  '),
      ...(task.updated === null ? {} : { at: task.updated }),
    }));
}

/**
 * Every control command writes its event twice (now, and when the worker takes the signal up, which it notes as well):
 * shown once, and the note only where the command had no effect.
 */
export function newestEvents(events: readonly EventFact[]): readonly EventFact[] {
  const shown: EventFact[] = [];
  for (const event of events) {
    if (event.event === 'control_signal_applied' && event.status !== 'waiting_human') continue;
    if (shown.at(-1)?.event === event.event && COMMANDS.has(event.event)) continue;
    shown.push(event);
  }
  return shown.slice(-TRAIL_EVENTS).reverse();
}

const COMMANDS = new Set(['audit_approved', 'audit_revise_requested', 'job_cancelled']);
