import type { SignalStep, StageState } from '../../domain/act.ts';
import type { Job } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import { getArray, getBoolean, getField, getNumber, type Json } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import {
  acceptDeadline,
  conditionOf,
  idOf,
  isJobTarget,
  jobBaseline,
  jobOf,
  marksSince,
  readControl,
  scriptStep,
  unreachable,
} from './act-common.ts';
import { descendantsOf, runnerOfJob } from './runner-process.ts';
import { claimGraceMs } from './schema.ts';
import { isTableRead } from './worker-queue.ts';

/** Conditions in which a runner is, or may be, at work on the job. */
export const AT_WORK: ReadonlySet<string> = new Set(['running', 'orphaned', 'silent-alive', 'overtaken']);

/** How long a worker may take to see that its runner is gone, write so and come to its next pass. */
const WORKER_SEES_MS = 30_000;
const MOST_AGENTS = 30;

/** Baseline of an act that cancels: the runner as it is now, and whether a worker will write over the mark. */
export function cancelBaseline(view: StateView, job: Job): { readonly [key: string]: Json } {
  const runner = runnerOfJob(view, job);
  const agents = runner ? descendantsOf(view, runner.pid) : [];
  return {
    ...jobBaseline(view, job),
    runner: runner ? markOf(runner) : null,
    agents: agents.slice(0, MOST_AGENTS).map(markOf),
    watched: runner !== undefined && runner.parentPid > 1 && conditionOf(job) === 'running',
  };
}

function markOf({ pid, startedAt }: ProcessInfo): { readonly pid: number; readonly startedAt: number } {
  return { pid, startedAt };
}

/** "Status cancelled", which the program's own event must tell. */
export function cancelledStage(view: StateView, order: ActOrder): StageState {
  const job = jobOf(view, order.target);
  const marks = job ? marksSince(job, order.baseline) : [];
  const cancelled = marks.find((mark) => mark.event === 'job_cancelled');
  const native = job?.nativeStatus ?? '';
  const state = ((): Pick<StageState, 'state' | 'detail' | 'seenAt'> => {
    if (native === 'cancelled')
      return { state: 'seen', ...(cancelled?.at === undefined ? {} : { seenAt: cancelled.at }) };
    if (job && cancelled)
      // With a worker at it, that is what happens between two passes; the last stage tells how it ends.
      return getBoolean(order.baseline, 'watched') === true
        ? { state: 'waiting', detail: `cancelled, and then ${native}: its worker wrote over it` }
        : { state: 'contradicted', detail: `cancelled, and then ${native}: overwritten` };
    if (native === 'completed') return { state: 'contradicted', detail: 'it completed before the cancel' };
    return { state: 'waiting' };
  })();
  return {
    stage: 'accepted',
    title: 'status cancelled',
    ...state,
    deadline: acceptDeadline(order),
    required: true,
  };
}

/** Events by which a worker writes that a run is over, whatever the row said meanwhile. */
const RUN_ENDS = new Set(['status_changed', 'job_failed', 'job_timeout']);

/**
 * "It stays cancelled". The worker that started the runner writes its end over the mark (completed, failed, or approved
 * to be tried again); the next pass then applies the cancel again. Without such a worker nobody writes over it.
 */
export function staysCancelledStage(view: StateView, order: ActOrder, waitMs: number): StageState {
  const job = jobOf(view, order.target);
  const marks = job ? marksSince(job, order.baseline) : [];
  const native = job?.nativeStatus ?? '';
  const first = marks.find((mark) => mark.event === 'job_cancelled');
  const end = first && marks.findLast((mark) => mark.id > first.id && RUN_ENDS.has(mark.event));
  const again = end && marks.find((mark) => mark.event === 'job_cancelled' && mark.id > end.id);
  const applied = marks.some(
    (mark) => mark.event === 'control_signal_applied' && mark.action === 'cancel' && mark.id < (end?.id ?? 0),
  );
  const isOver = isTableRead(view) && living(view, order).length === 0;
  const watched = getBoolean(order.baseline, 'watched') === true;
  const state = ((): Pick<StageState, 'state' | 'detail'> => {
    if (!isOver || first === undefined) return { state: 'waiting' };
    if (!watched || again) {
      return native === 'cancelled'
        ? { state: 'seen' }
        : { state: 'contradicted', detail: `the job is ${native}` };
    }
    if (end && applied && native !== 'cancelled')
      return {
        state: 'contradicted',
        detail: `its worker put it back to ${native} after the cancel was applied`,
      };
    return {
      state: 'waiting',
      detail: end ? `${native} until the next pass` : 'its worker has not seen it yet',
    };
  })();
  return {
    stage: 'done',
    title: 'the job stays cancelled',
    ...state,
    deadline: addMs(
      order.lastStepAt ?? order.startedAt,
      waitMs + WORKER_SEES_MS + claimGraceMs(getNumber(order.baseline, 'pollMs') ?? 2000),
    ),
    required: true,
  };
}

/** Processes of the baseline that still live. */
function living(view: StateView, order: ActOrder): readonly number[] {
  const { baseline } = order;
  const marks = [runnerMark(baseline), ...getArray(baseline, 'agents')];
  return marks.flatMap((mark) => {
    const [pid, startedAt] = [getNumber(mark, 'pid'), getNumber(mark, 'startedAt')];
    const lives = view.processes.some(
      (process) => process.pid === pid && process.startedAt === startedAt && process.state !== 'Z',
    );
    return lives && pid !== undefined ? [pid] : [];
  });
}

function runnerMark(baseline: Json): Json {
  return getField(baseline, 'runner') ?? null;
}

/** "Its runner and agents have ended". */
export function endedStage(view: StateView, order: ActOrder, waitMs: number, waits: string): StageState {
  const remaining = living(view, order);
  return {
    stage: 'started',
    title: 'its runner and agents have ended',
    state: isTableRead(view) && remaining.length === 0 ? 'seen' : 'waiting',
    ...(remaining.length === 0 ? {} : { detail: `${remaining.slice(0, 5).join(', ')} ${waits}` }),
    deadline: addMs(order.lastStepAt ?? order.startedAt, waitMs),
    required: true,
  };
}

/** Cancels a job and ends what works on it: cancel alone lets the runner go on, and spend. */
export const stopAct: ActSpec = {
  id: 'job.stop',
  title: 'stop the job: cancel it and end its runner',
  menu: 'cancel',
  risk: 'destructive',
  does: 'marks the job cancelled, then ends its runner and the agents it started, wherever their sessions are',
  runs: 'control.py cancel JOB, then SIGTERM to runner and agents',
  outcome: 'runner and agents are gone and the job stays cancelled after the next pass',
  params: [],
  appliesTo: (target) => isJobTarget(target) && target.type === 'job' && target.status === 'running',
  precondition(view, target) {
    const job = jobOf(view, target);
    const reason = unreachable(view, job);
    if (reason !== undefined || job === undefined) return reason;
    if (!AT_WORK.has(conditionOf(job)))
      return `nothing works on it: the job is ${job.nativeStatus ?? 'gone'}`;
    return runnerOfJob(view, job)
      ? undefined
      : 'its runner is not among the processes of this host: cancel marks the job, end the runner where it runs';
  },
  warnings(view, target) {
    const job = jobOf(view, target);
    const runner = job && runnerOfJob(view, job);
    if (!job || !runner) return [];
    const agents = descendantsOf(view, runner.pid);
    return [
      `ends runner ${runner.pid}${
        agents.length === 0
          ? ''
          : ` and ${agents.length} of its agents: ${agents
              .map(({ pid }) => pid)
              .slice(0, 8)
              .join(', ')}`
      }`,
      ...(agents.length > MOST_AGENTS ? [`only the first ${MOST_AGENTS} agents are ended from here`] : []),
      'an agent started in this moment is missed: look again when it is done',
    ];
  },
  strands: () => ['what its agents were in the middle of: files half written, calls half made'],
  revision(view, target) {
    const job = jobOf(view, target);
    const runner = job && runnerOfJob(view, job);
    return [job?.nativeStatus ?? 'gone', runner ? `${runner.pid}@${runner.startedAt}` : ''].join('|');
  },
  baseline(view, target) {
    const job = jobOf(view, target);
    return job ? cancelBaseline(view, job) : {};
  },
  plan(view, target) {
    const job = jobOf(view, target);
    const runner = job && runnerOfJob(view, job);
    if (!job || !runner) return [];
    const end = (process: ProcessInfo, what: string): SignalStep => ({
      type: 'signal',
      title: `end ${what} ${process.pid}`,
      pid: process.pid,
      startedAt: process.startedAt,
      signal: 'SIGTERM',
    });
    return [
      // First the mark: a worker that sees its runner gone would otherwise try the job again.
      scriptStep(view, job, 'control.py', ['cancel', idOf(job)], 'cancel'),
      end(runner, 'runner'),
      ...descendantsOf(view, runner.pid)
        .slice(0, MOST_AGENTS)
        .map((process) => end(process, 'agent')),
    ];
  },
  read: (outputs) => readControl(outputs[0], ['cancelled']),
  expect: (view, order) => [
    cancelledStage(view, order),
    endedStage(view, order, WORKER_SEES_MS, 'live'),
    staysCancelledStage(view, order, 0),
  ],
  undo: {
    act: 'job.rerun',
    text: 'job.rerun runs it again, from its start; what was half done is not undone',
  },
};

/** The runner an order was planned with, by pid. */
export function plannedRunner(order: ActOrder): number | undefined {
  return getNumber(runnerMark(order.baseline), 'pid');
}
