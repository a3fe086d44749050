import type { DueTimes } from '../../domain/due-times.ts';
import { type Attention, type Evidence, type Issue, type Job, trailOf } from '../../domain/entity.ts';
import { addMs, clockText, type Instant } from '../../domain/instant.ts';
import { getNumber, getObject, getString, type Json, type JsonObject } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import { REQUEUE_ACT } from './condition.ts';
import { entityBase } from './draft.ts';
import type { Scene } from './scene.ts';
import { LOGS, ORPHAN_MS } from './schema.ts';
import { instantOf } from './seen.ts';
import { type Task, type TaskBook, taskFlag, taskText, taskTime } from './tasks.ts';

/** A runner that took a task writes its lease within this time. */
const CLAIM_GRACE_MS = 60_000;
const OVER = new Set(['completed', 'failed', 'cancelled', 'needs_decision']);

/** Log of a task's newest run: the id itself begins with `task_`, and the file name puts another before it. */
export function taskLogPath(id: string): string {
  return `${LOGS}/task_${id}.log`;
}

/** What a task is called on screen. */
export function taskTitle(task: Task): string {
  const type = taskText(task, 'type');
  const direction = taskText(task, 'direction');
  return firstLine(`${type ? `${type}: ` : ''}${direction ?? task.id}`, 100);
}

/** All tasks as jobs. */
export function jobsOf(scene: Scene, book: TaskBook, due: DueTimes): readonly Job[] {
  const newest = newestByWork(book.tasks);
  return book.tasks.map((task) => {
    const superseded = newest.get(workOf(task));
    return jobOf(scene, book, task, superseded === task ? undefined : superseded, due);
  });
}

/** The same work again: the API's own fingerprint of type and text, or those two themselves. */
function workOf(task: Task): string {
  return (
    taskText(task, 'fingerprint') ??
    `${taskText(task, 'type') ?? ''}\n${taskText(task, 'direction') ?? task.id}`
  );
}

function newestByWork(tasks: readonly Task[]): ReadonlyMap<string, Task> {
  const newest = new Map<string, Task>();
  for (const task of tasks) {
    const key = workOf(task);
    const known = newest.get(key);
    if (!known || (taskTime(task, 'createdAt') ?? 0) >= (taskTime(known, 'createdAt') ?? 0))
      newest.set(key, task);
  }
  return newest;
}

function jobOf(scene: Scene, book: TaskBook, task: Task, newer: Task | undefined, due: DueTimes): Job {
  const lease = book.leaseOf(task.id);
  const createdAt = taskTime(task, 'createdAt');
  const updatedAt = taskTime(task, 'updatedAt') ?? taskTime(task, 'startedAt');
  const deserted = task.status === 'running' ? desertedWhy(scene, book, task, due) : undefined;
  const isRunning = task.status === 'running';
  const attention = deserted && !newer ? desertedAttention(task, deserted, due) : undefined;
  const cautions = cautionsOf(task);
  const trail = trailOfTask(scene, book, task, newer);
  return {
    ...entityBase(scene, task.id, task.seen.file.readAt),
    type: 'job',
    title: taskTitle(task),
    status: deserted ? 'unknown' : statusOf(task.status),
    nativeStatus: task.status,
    evidence: taskEvidence(task),
    logKeys: [task.id],
    logFiles: [taskLogPath(task.id)],
    ...(trail.length > 0 ? { trail } : {}),
    ...waitingFor(task, deserted),
    ...(isRunning && lease?.until !== undefined ? { leaseUntil: lease.until } : {}),
    ...(isRunning && lease?.heartbeatAt !== undefined ? { heartbeatAt: lease.heartbeatAt } : {}),
    ...(lease?.attempt === undefined ? {} : { attempts: lease.attempt }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(updatedAt === undefined ? {} : { updatedAt }),
    ...(cautions.length > 0 ? { cautions } : {}),
    ...(attention ? { attention } : {}),
    ...(isRunning && !deserted ? { playbook: 'runaway-task' } : {}),
    ...jobData(book, task),
  };
}

/** What acts need: whose claim it is, the answer and the output the store has, how its last run ended. */
function jobData(book: TaskBook, task: Task): { data?: JsonObject } {
  const diagnostic = getObject(task.fact, 'diagnostic');
  const status = getString(diagnostic, 'status');
  const said = firstLine(`${status ?? 'done'}: ${getString(diagnostic, 'output') ?? ''}`, 160);
  const data: { readonly [key: string]: Json | undefined } = {
    worker: task.worker,
    workerLife: task.worker === undefined ? undefined : book.workerLife(task.worker),
    decision: taskText(task, 'decision'),
    output: task.status === 'failed' ? taskText(task, 'output') : undefined,
    abortAsked: taskFlag(task, 'abortAsked') ? true : undefined,
    failureClass: book.leaseOf(task.id)?.failureClass || undefined,
    exit: exitText(book, task),
    diagnosticId: getString(diagnostic, 'id'),
    diagnosticText: diagnostic ? said : undefined,
  };
  const known = Object.entries(data).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return known.length === 0 ? {} : { data: Object.fromEntries(known) };
}

/** Exit code of the newest run, by the footer of its log. */
function exitText(book: TaskBook, task: Task): string | undefined {
  const exit = getNumber(book.logEndOf(task.id)?.fact, 'exit');
  return exit === undefined ? undefined : String(exit);
}

function statusOf(status: string): Job['status'] {
  switch (status) {
    case 'pending':
      return 'queued';
    case 'running':
      return 'running';
    case 'completed':
      return 'done';
    case 'failed':
      return 'failed';
    case 'needs_decision':
      return 'waiting';
    default:
      return 'unknown';
  }
}

function waitingFor(task: Task, deserted: string | undefined): { waitingFor?: string } {
  if (deserted) return { waitingFor: 'a runner: nobody works on it' };
  if (task.status === 'needs_decision') return { waitingFor: 'a decision' };
  if (task.status === 'pending' && task.worker)
    return { waitingFor: `worker ${task.worker}, who alone can take it` };
  return {};
}

/** Why nobody runs a task that says it is running; undefined while somebody may. */
function desertedWhy(scene: Scene, book: TaskBook, task: Task, due: DueTimes): string | undefined {
  const lease = book.leaseOf(task.id);
  const since = runningSince(task) ?? taskTime(task, 'updatedAt');
  if (since !== undefined && !due.isPast(addMs(since, CLAIM_GRACE_MS))) return undefined;
  if (lease?.until !== undefined && !OVER.has(lease.status)) {
    if (!due.isPast(lease.until)) return undefined;
    return `lease of ${lease.worker ?? 'its worker'} ended ${clockText(lease.until, scene.now)}`;
  }
  const until = book.workerLeaseUntil(task.worker);
  if (until !== undefined) due.isPast(until);
  if (lease && OVER.has(lease.status)) {
    const decided = taskText(task, 'decision') !== undefined;
    return decided ? 'answered, but no runner took it up' : `its last run is over (${lease.status})`;
  }
  if (!taskFlag(task, 'isClaimable') && scene.crew.of.runner.length > 0) return undefined;
  if (task.worker === undefined || task.worker === 'unknown') return 'no worker has it';
  return book.workerLife(task.worker) === 'gone' ? `worker ${task.worker} is gone` : undefined;
}

function runningSince(task: Task): Instant | undefined {
  return taskTime(task, 'startedAt') ?? taskTime(task, 'claimedAt');
}

function desertedAttention(task: Task, why: string, due: DueTimes): Attention {
  const since = runningSince(task) ?? taskTime(task, 'updatedAt') ?? taskTime(task, 'createdAt');
  const until = since === undefined ? undefined : addMs(since, ORPHAN_MS);
  const isAhead = until !== undefined && !due.isPast(until);
  return {
    rank: 4,
    label: 'ORPHAN',
    why: `says running, nobody runs it: ${why}`,
    act: REQUEUE_ACT,
    playbook: 'deserted-task',
    ...(since === undefined ? {} : { since }),
    ...(isAhead ? { until, onExpiry: 'the monitor may fail it and ask for a restart' } : {}),
  };
}

function cautionsOf(task: Task): readonly string[] {
  const cautions: string[] = [];
  if (isQuotingFailure(task)) {
    cautions.push(
      'Backticks in the task’s text were run by the shell: a quoting fault of the runner, no outage.',
    );
  }
  if (taskFlag(task, 'abortAsked') && task.status === 'pending') {
    cautions.push(
      'An abort is still in its context: it aborts at once when a runner takes it, until that is cleared.',
    );
  }
  if (taskText(task, 'command') !== undefined) {
    cautions.push('It carries its own shell command; the runner runs that as it stands.');
  }
  return cautions;
}

/** `/bin/sh: 1: Syntax error` in a failed task: its direction holds a backtick, which the command line runs. */
function isQuotingFailure(task: Task): boolean {
  return task.status === 'failed' && /\/bin\/sh: \d+: Syntax error/.test(taskText(task, 'output') ?? '');
}

/** Evidence of a task: the store, with its state in words. */
export function taskEvidence(task: Task): Evidence {
  const at = taskTime(task, 'updatedAt') ?? taskTime(task, 'startedAt') ?? taskTime(task, 'createdAt');
  const text = [task.status, taskText(task, 'step'), task.worker ? `claimed by ${task.worker}` : undefined]
    .filter((part) => part !== undefined)
    .join(', ');
  return { ...task.seen.at(at === undefined ? undefined : { at }, text) };
}

/** Lease, runner log and task log, as a reader wants them. */
export function trailOfTask(
  scene: Scene,
  book: TaskBook,
  task: Task,
  newer: Task | undefined,
): readonly Evidence[] {
  if (task.status === 'completed') return [];
  const lease = book.leaseOf(task.id);
  const line = book.runnerLineOf(task.id);
  const end = book.logEndOf(task.id);
  return trailOf(
    newer ? { ...taskEvidence(newer), text: `done again as ${newer.id} (${newer.status})` } : undefined,
    lease
      ? lease.seen.at(
          { at: lease.heartbeatAt ?? null },
          `lease of ${lease.worker ?? 'nobody'}: ${lease.status}${lease.until === undefined ? '' : `, until ${clockText(lease.until, scene.now)}`}`,
        )
      : undefined,
    line === undefined ? undefined : runnerLineEvidence(scene, line),
    end
      ? end.seen.at(
          { offset: getNumber(end.fact, 'offset') ?? 0, at: end.seen.file.modifiedAt ?? null },
          `run ended: exit ${getNumber(end.fact, 'exit') ?? '?'}, ${getString(end.fact, 'status') ?? ''}`,
        )
      : undefined,
  );
}

function runnerLineEvidence(scene: Scene, line: Json): Evidence | undefined {
  const log = scene.runnerLog;
  const endedAt = instantOf(line, 'endedAt');
  const refusals = getNumber(line, 'refusals');
  if (!log) return undefined;
  if (refusals !== undefined) {
    return log.at(
      { at: instantOf(line, 'refusedAt') ?? null, offset: getNumber(line, 'refusedOffset') ?? 0 },
      `refused to another worker, ${counted(refusals, 'time')}`,
    );
  }
  if (endedAt !== undefined) {
    return log.at(
      { at: endedAt, offset: getNumber(line, 'endedOffset') ?? 0 },
      `${getString(line, 'status') ?? 'ended'}, exit ${getNumber(line, 'exit') ?? '?'}, ${getNumber(line, 'durationS') ?? '?'} s`,
    );
  }
  const startedAt = instantOf(line, 'startedAt');
  if (startedAt === undefined) return undefined;
  return log.at({ at: startedAt, offset: getNumber(line, 'startedOffset') ?? 0 }, 'runner started it');
}

/** Several tasks that failed of the runner's own quoting: one remark instead of a riddle. */
export function quotingIssue(scene: Scene, book: TaskBook): Issue | undefined {
  const failed = book.tasks.filter(isQuotingFailure);
  const last = failed.reduce<Task | undefined>(
    (best, task) =>
      (taskTime(best ?? task, 'createdAt') ?? 0) > (taskTime(task, 'createdAt') ?? 0) ? best : task,
    undefined,
  );
  if (!last || failed.length < 3) return undefined;
  const since = taskTime(last, 'updatedAt') ?? taskTime(last, 'createdAt');
  const why = 'each fails at once, with exit 2; the pipeline itself is well';
  return {
    ...entityBase(scene, 'quoting_failures', last.seen.file.readAt),
    type: 'issue',
    key: 'quoting_failures',
    title: `${counted(failed.length, 'task')} failed of backticks in their own text`,
    severity: 'warning',
    status: 'open',
    detail: 'The runner hands the text to a shell, which runs what stands between backticks.',
    evidence: taskEvidence(last),
    suggestedAction: 'Take the backticks out of the backlog items; this is no outage.',
    logKeys: ['Syntax error'],
    ...(since === undefined ? {} : { since }),
    playbook: 'failing-work',
    attention: {
      rank: 7,
      label: 'QUOTING',
      why,
      playbook: 'failing-work',
      ...(since === undefined ? {} : { since }),
    },
  };
}
