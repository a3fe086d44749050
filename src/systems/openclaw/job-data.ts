import type { Instant } from '../../domain/instant.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { JudgedJob } from './derive-job.ts';
import type { Queue } from './derive-queue.ts';
import type { JobFact } from './facts.ts';
import type { Judgement } from './judge.ts';

/** Newest events kept for acts: what came after the moment an act was planned must be among them. */
const MARKS = 16;

/** True for a job that asks for nothing more. */
export function isClosed(judgement: Judgement): boolean {
  return judgement.condition === 'done' || judgement.condition === 'cancelled';
}

/** What acts on a job rest on beside its row. */
export function jobData({ job, judgement, queue, busyWith, question, directory }: JudgedJob): JsonObject {
  return {
    job: job.id,
    project: queue.project,
    generation: queue.generation,
    condition: judgement.condition,
    run: job.run,
    passed: job.passed,
    ...(isClosed(judgement)
      ? { goal: job.goal.slice(0, 2000) }
      : {
          goal: job.goal,
          goalCut: job.goalCut,
          question,
          revision: job.revision,
          ...(job.answers.length > 0 ? { answers: job.answers } : {}),
          pid: job.pid,
          tasksRun: directory.tasksRun ?? null,
          ...(directory.artifacts.length > 0
            ? { artifacts: directory.artifacts.reduce((sum, { fact }) => sum + fact.count, 0) }
            : {}),
          ...(busyWith === undefined || busyWith === job.id ? {} : { busyWith }),
        }),
    lastEvent: job.events.at(-1)?.id ?? 0,
    marks: job.events.slice(-MARKS).map(({ id, event, at, status, action, answer, given }) => ({
      id,
      event,
      at,
      status,
      action,
      answer,
      ...(given === null ? {} : { given }),
    })),
    ...commandsOf(queue, job),
    ...decisionsOf(job),
  };
}

const DECISIONS = new Set([
  'audit_approved',
  'audit_revise_requested',
  'job_resumed',
  'job_cancelled',
  'audit_gate_blocked',
  'signal_rejected',
]);

/** Decisions on the job, each once: a command writes its event when given and again when taken up. */
function decisionsOf({ events }: JobFact): JsonObject {
  const decisions = events.filter(
    (event, index) =>
      DECISIONS.has(event.event) &&
      events.slice(0, index).findLast((one) => DECISIONS.has(one.event))?.event !== event.event,
  );
  return decisions.length === 0
    ? {}
    : { decisions: decisions.slice(-MARKS).map(({ at, text }) => ({ at, text })) };
}

/** Commands for the job that no pass has taken up, and when a drain broke last: they decide what stays in force. */
function commandsOf({ signals, exceptions }: Queue, job: JobFact): JsonObject {
  const pending = signals.filter((signal) => signal.job === job.id).map(({ action, at }) => ({ action, at }));
  let broke: Instant | null = null;
  for (const { op, last } of exceptions) {
    if (op === 'drain_control_signals' && last !== null && (broke === null || last > broke)) broke = last;
  }
  return {
    ...(pending.length > 0 ? { pending } : {}),
    ...(broke === null ? {} : { drainBrokeAt: broke }),
  };
}
