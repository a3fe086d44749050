import type { StageState, Step } from '../../domain/act.ts';
import type { Approval, Entity, Job } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import { getString, type Json } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { patchStep, readTaskAnswer } from './act-common.ts';
import { ANSWER_ACT, DECISION_CHARS } from './condition.ts';
import { isAnswerableId } from './tasks.ts';

/** From the answer to the store on disk, and to the runner's next look at what is pending. */
const STORED_MS = 30_000;
const TAKEN_MS = 90_000;

/**
 * One request does what the runbook's does not: it names the worker that holds the claim (without it the answer is
 * refused with 409, is lost, and leaves the task running with nobody on it), and sets the task to pending, since a
 * runner looks for nothing else.
 */
export const answerTask: ActSpec = {
  id: ANSWER_ACT,
  title: 'answer',
  menu: 'approve',
  risk: 'costly',
  does: 'stores the answer under the name of the task’s worker and sets the task to pending, so that a runner takes it again',
  runs: 'PATCH /api/agent/tasks/ID {"decision", "worker_id", "status": "pending"}',
  outcome: 'the answer is in the store, the task pending, then taken by its worker',
  params: [
    {
      name: 'decision',
      title: 'answer',
      form: 'text',
      required: true,
      maxLength: 2_000,
      hint: 'stored with the task; a second answer is ignored',
    },
  ],
  appliesTo: (target) => target.type === 'approval',
  precondition(_view, target) {
    if (target.type !== 'approval' || target.status !== 'pending') return 'it no longer waits for an answer';
    if (!isAnswerableId(target.id)) return 'its id is none the API would give';
    return target.answerable ? undefined : (target.reason ?? 'it can’t be answered from here');
  },
  warnings(_view, target) {
    return target.type === 'approval' ? (target.cautions ?? []) : [];
  },
  revision(_view, target) {
    const question = target.type === 'approval' ? (target.question ?? '') : '';
    return [workerOf(target) ?? '-', question].join('|');
  },
  plan(view, target, params): readonly Step[] {
    const worker = workerOf(target);
    const body: Record<string, Json> = { decision: params['decision'] ?? '', status: 'pending' };
    if (worker !== undefined) body['worker_id'] = worker;
    const title = `answer ${target.id}${worker === undefined ? '' : ` as ${worker}`}`;
    return [patchStep(view, target.id, title, body)];
  },
  read: readTaskAnswer,
  expect: expectAnswer,
  undo: { text: 'cannot be undone: a second answer is ignored; a task that runs can be aborted' },
};

/** The worker whose name the answer must carry: the claimant, else the runner that is to take the task. */
function workerOf(target: Entity): string | undefined {
  return getString(target.data, 'answerAs');
}

function expectAnswer(view: StateView, order: ActOrder): readonly StageState[] {
  const job = view.entity('job', order.target.id);
  const waits = view.entity('approval', order.target.id);
  return [storedStage(order, job), freeStage(view, order, job, waits), takenStage(order, job)];
}

function storedStage(order: ActOrder, job: Job | undefined): StageState {
  const base = {
    stage: 'accepted' as const,
    title: 'the answer is stored',
    deadline: addMs(order.startedAt, STORED_MS),
    required: true,
  };
  const stored = getString(job?.data, 'decision');
  if (stored === undefined) return { ...base, state: 'waiting', detail: 'no answer in the store' };
  const given = order.params['decision'] ?? '';
  // Only what was cut agrees as far as it goes: an earlier "yes" is not our "yes, but not tonight".
  const isCut = stored.length >= DECISION_CHARS;
  if (given === stored || (isCut && given.startsWith(stored)))
    return { ...base, state: 'seen', detail: 'it is in the store' };
  return { ...base, state: 'contradicted', detail: `an earlier answer stands: ${stored.slice(0, 80)}` };
}

function freeStage(
  view: StateView,
  order: ActOrder,
  job: Job | undefined,
  waits: Approval | undefined,
): StageState {
  const base = {
    stage: 'started' as const,
    title: 'the task can be taken again',
    deadline: addMs(order.startedAt, STORED_MS),
    required: true,
  };
  if (!job) return { ...base, state: 'waiting', detail: 'the task is not in the store' };
  if (waits) return { ...base, state: 'waiting', detail: 'it still waits for an answer' };
  if (job.status === 'unknown' && job.nativeStatus === 'running' && view.now >= base.deadline) {
    return { ...base, state: 'contradicted', detail: 'it says running and nobody runs it' };
  }
  if (job.status === 'unknown')
    return { ...base, state: 'waiting', detail: `it says ${job.nativeStatus ?? '?'}` };
  return { ...base, state: 'seen', detail: `it is ${job.nativeStatus ?? job.status}` };
}

function takenStage(order: ActOrder, job: Job | undefined): StageState {
  const base = {
    stage: 'done' as const,
    title: 'a runner takes it',
    deadline: addMs(order.startedAt, TAKEN_MS),
    required: false,
  };
  const isTaken = job?.status === 'running' && (job.heartbeatAt ?? 0) >= order.startedAt;
  const isOver = job?.status === 'done' || job?.status === 'failed';
  if (isTaken || isOver) return { ...base, state: 'seen', detail: `it is ${job.nativeStatus ?? job.status}` };
  return { ...base, state: 'waiting', detail: job?.waitingFor ? `waits for ${job.waitingFor}` : 'pending' };
}
