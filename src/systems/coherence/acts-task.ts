import type { StageState, Step } from '../../domain/act.ts';
import type { Entity, Job } from '../../domain/entity.ts';
import { getBoolean, getString, type Json } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import { CLOCK_GRAIN_MS, patchStep, readTaskAnswer, stageOf, taskRefusal } from './act-common.ts';
import { ABORT_ACT, DIAGNOSE_ACT, FAIL_ACT, REQUEUE_ACT } from './condition.ts';

/** From a change to the store on disk, and to our look at it. */
const STORED_MS = 30_000;
/** From "pending" to the runner's next look. */
const TAKEN_MS = 90_000;
/** The runner looks for a control every few seconds, then gives its program time to end. */
const ABORTED_MS = 60_000;
const DIAGNOSED_MS = 120_000;

const ABOUT = 'PATCH /api/agent/tasks/ID';

/** The task an act is about, also where its card is that of the decision it waits for. */
function taskOf(view: StateView, target: Entity): Job | undefined {
  return view.entity('job', target.id);
}

function taskIn(view: StateView, order: ActOrder): Job | undefined {
  return view.entity('job', order.target.id);
}

/** A task some worker runs now, as far as leases and processes tell. */
function isAtWork(job: Job): boolean {
  return job.status === 'running';
}

/** Status, claim and, where no beat moves it, the time of the last change. */
function taskRevision(view: StateView, target: Entity): string {
  const job = taskOf(view, target);
  const changed = job && isAtWork(job) ? job.createdAt : job?.updatedAt;
  return [job?.nativeStatus ?? '-', getString(job?.data, 'worker') ?? '-', changed ?? '-'].join('|');
}

function wordsOf(job: Job | undefined): string {
  return job ? `it is ${job.nativeStatus ?? job.status}` : 'the task is not in the store';
}

function isChangedSince(order: ActOrder, job: Job | undefined): boolean {
  return (job?.updatedAt ?? 0) >= order.startedAt - CLOCK_GRAIN_MS;
}

/** `{"status": "failed", "output": ...}`: the project manager goes on with the next iteration, or leaves the item. */
export const failTask: ActSpec = {
  id: FAIL_ACT,
  title: 'fail the task (skip the decision)',
  menu: 'cancel',
  risk: 'costly',
  does: 'marks the task failed with your words as its output; the project manager tries its item again or leaves it',
  runs: `${ABOUT} {"status": "failed", "output"}`,
  outcome: 'the store says failed, with these words as its output',
  params: [
    {
      name: 'output',
      title: 'why it is failed',
      form: 'text',
      required: true,
      maxLength: 300,
      hint: 'becomes the output of the task',
    },
  ],
  appliesTo: (target) =>
    (target.type === 'job' && ['pending', 'running', 'needs_decision'].includes(target.nativeStatus ?? '')) ||
    target.type === 'approval',
  precondition: (view, target) => {
    const job = taskOf(view, target);
    if (!job) return 'the store does not have it';
    return taskRefusal(view, target.id);
  },
  warnings(view, target) {
    const job = taskOf(view, target);
    if (!job) return [];
    const warnings: string[] = [];
    if (isAtWork(job))
      warnings.push('Its runner goes on and writes its own end over this: abort it instead.');
    if (job.nativeStatus === 'needs_decision')
      warnings.push('The question stays unanswered: the next iteration of the same item may ask it again.');
    return warnings;
  },
  revision: taskRevision,
  plan: (view, target, params): readonly Step[] => [
    patchStep(view, target.id, `fail ${target.id}`, { status: 'failed', output: params['output'] ?? '' }),
  ],
  read: readTaskAnswer,
  expect(view, order): readonly StageState[] {
    const job = taskIn(view, order);
    const base = stageOf(order, 'done', 'the store says failed, with these words', STORED_MS);
    if (job?.nativeStatus === 'completed')
      return [{ ...base, state: 'contradicted', detail: 'it was completed meanwhile' }];
    const given = (order.params['output'] ?? '').trim();
    const isOurs = (getString(job?.data, 'output') ?? '').trim().endsWith(given);
    const isSeen = job?.nativeStatus === 'failed' && isOurs && isChangedSince(order, job);
    const other =
      job?.nativeStatus === 'failed' && !isOurs ? 'it failed by itself, with other words' : wordsOf(job);
    return [{ ...base, state: isSeen ? 'seen' : 'waiting', detail: isSeen ? wordsOf(job) : other }];
  },
  undo: { act: REQUEUE_ACT, text: 'set it to pending again: its worker can take it once more' },
};

/** `{"status": "pending"}`, and what an abort left in its context taken out, which would end it again at once. */
export const requeueTask: ActSpec = {
  id: REQUEUE_ACT,
  title: 'requeue the task',
  menu: 'resume',
  risk: 'costly',
  does: 'sets the task to pending: the worker that claimed it, and no other, runs the same command again',
  runs: `${ABOUT} {"status": "pending"}`,
  outcome: 'the store says pending, and a runner takes it',
  params: [],
  appliesTo: (target) => target.type === 'job' && !['pending', ''].includes(target.nativeStatus ?? ''),
  precondition(view, target) {
    const job = taskOf(view, target);
    if (job && isAtWork(job)) return 'it runs now: abort it first, or its work is done twice';
    if (job?.nativeStatus === 'needs_decision')
      return 'it waits for a decision: answer it, that sets it to pending too';
    return taskRefusal(view, target.id);
  },
  warnings(view, target) {
    const job = taskOf(view, target);
    const worker = getString(job?.data, 'worker');
    const warnings: string[] = [];
    if (worker !== undefined)
      warnings.push(
        getString(job?.data, 'workerLife') === 'gone'
          ? `Worker ${worker}, who alone can take it, is gone: start a runner under that name (runner.start).`
          : `Only worker ${worker} can take it.`,
      );
    if (getBoolean(job?.data, 'abortAsked') === true)
      warnings.push(
        'An abort is still in its context and would end it at once: it is cleared with the same request.',
      );
    if (job?.nativeStatus === 'completed') warnings.push('It was completed: its work is done a second time.');
    return warnings;
  },
  revision: taskRevision,
  plan(view, target): readonly Step[] {
    const isAborted = getBoolean(taskOf(view, target)?.data, 'abortAsked') === true;
    const cleared = isAborted ? { context: { control: null, abort_requested: false } } : {};
    return [patchStep(view, target.id, `requeue ${target.id}`, { status: 'pending', ...cleared })];
  },
  read: readTaskAnswer,
  expect(view, order): readonly StageState[] {
    const job = taskIn(view, order);
    const stored = stageOf(order, 'accepted', 'the store says pending', STORED_MS);
    const taken = stageOf(order, 'done', 'a runner takes it', TAKEN_MS, false);
    const isChanged = isChangedSince(order, job);
    const isTaken = job?.status === 'running' && (job.heartbeatAt ?? 0) >= order.startedAt;
    const isAborted = job?.nativeStatus === 'pending' && getBoolean(job.data, 'abortAsked') === true;
    const isPending = isChanged && job?.nativeStatus === 'pending' && !isAborted;
    const detail = isAborted ? 'pending, and an abort is still in its context' : wordsOf(job);
    return [
      { ...stored, state: isPending || isTaken ? 'seen' : 'waiting', detail },
      {
        ...taken,
        state: isTaken ? 'seen' : 'waiting',
        detail: job?.waitingFor ? `waits for ${job.waitingFor}` : wordsOf(job),
      },
    ];
  },
  undo: { act: FAIL_ACT, text: 'fail it again while it is pending; what a runner began is not undone' },
};

/** `context.control`: the runner that has the task ends its program with TERM. */
export const abortTask: ActSpec = {
  id: ABORT_ACT,
  title: 'abort the task',
  menu: 'cancel',
  risk: 'costly',
  does: 'has its runner end the program it runs for this task; the task fails with exit -15',
  runs: `${ABOUT} {"context": {"control": {"action": "abort"}}}`,
  outcome: 'the task failed, ended by a signal, its lease says aborted_by_user',
  params: [
    {
      name: 'reason',
      title: 'reason',
      form: 'text',
      required: false,
      maxLength: 200,
      hint: 'stands in its output',
    },
  ],
  appliesTo: (target) => target.type === 'job' && target.nativeStatus === 'running',
  precondition(view, target) {
    const job = taskOf(view, target);
    if (job && !isAtWork(job)) return 'nobody runs it, so nobody would hear the abort: fail or requeue it';
    return taskRefusal(view, target.id);
  },
  warnings: () => [
    'What its program did so far stays: files, commits, calls that were paid for.',
    'The abort stays in its context: only "requeue" from here clears it.',
  ],
  revision: taskRevision,
  plan: (view, target, params): readonly Step[] => {
    const reason = params['reason']?.trim();
    const control = { action: 'abort', reason: reason || 'ended by an operator' };
    return [patchStep(view, target.id, `abort ${target.id}`, { context: { control } })];
  },
  read: readTaskAnswer,
  expect(view, order): readonly StageState[] {
    const job = taskIn(view, order);
    const isAsked = getBoolean(job?.data, 'abortAsked') === true;
    const asked = stageOf(order, 'accepted', 'the abort is in its context', STORED_MS);
    const ended = stageOf(order, 'done', 'its runner ended it', ABORTED_MS);
    const failureClass = getString(job?.data, 'failureClass');
    const isAborted = failureClass === 'aborted_by_user' || getString(job?.data, 'exit') === '-15';
    const isFailed = job?.nativeStatus === 'failed' && isAborted;
    const isPast = job?.nativeStatus === 'completed' || (job?.nativeStatus === 'failed' && !isAborted);
    return [
      {
        ...asked,
        state: isAsked || isFailed ? 'seen' : 'waiting',
        detail: isAsked ? 'it is in the store' : wordsOf(job),
      },
      {
        ...ended,
        state: isFailed
          ? 'seen'
          : isPast && view.now >= order.startedAt + STORED_MS
            ? 'contradicted'
            : 'waiting',
        detail: isFailed ? 'failed, ended by the abort' : wordsOf(job),
      },
    ];
  },
  undo: {
    act: REQUEUE_ACT,
    text: 'requeue it: the abort is cleared and the same command runs from its start',
  },
};

const OWN_DIAGNOSTIC = /^binnacle-(\d{13})$/;

function diagnosticOf(job: Job | undefined): string | undefined {
  return getString(job?.data, 'diagnosticId');
}

/** `context.diagnostic_request`: the runner hands the command to a shell beside the task it runs. */
export const diagnoseTask: ActSpec = {
  id: DIAGNOSE_ACT,
  title: 'run a diagnostic command beside the task',
  menu: 'other',
  risk: 'destructive',
  does: 'has the runner’s shell run a command of yours, as the runner’s user, while the task goes on',
  runs: `${ABOUT} {"context": {"diagnostic_request": {"id", "command"}}}`,
  outcome: 'a result with our id is in the task’s context',
  params: [
    {
      name: 'command',
      title: 'command',
      form: 'text',
      required: true,
      maxLength: 500,
      hint: 'a shell runs it as it stands',
    },
  ],
  appliesTo: (target) => target.type === 'job' && target.nativeStatus === 'running',
  precondition(view, target) {
    const job = taskOf(view, target);
    if (job && !isAtWork(job)) return 'nobody runs it: no runner would run the command';
    return taskRefusal(view, target.id);
  },
  warnings: () => ['It is run by a shell on the runner’s host, with all the runner may do there.'],
  revision: taskRevision,
  baseline: (view, target): Json => diagnosticOf(taskOf(view, target)) ?? null,
  plan: (view, target, params): readonly Step[] => {
    const request = { id: `binnacle-${Math.trunc(view.now)}`, command: params['command'] ?? '' };
    return [
      patchStep(view, target.id, `ask ${target.id} for a diagnostic`, {
        context: { diagnostic_request: request },
      }),
    ];
  },
  read(outputs) {
    const answer = readTaskAnswer(outputs);
    // A request that got no answer may have been stored, and the command runs: the task's context decides.
    return outputs.at(-1)?.httpStatus === undefined ? { ...answer, ok: true } : answer;
  },
  // Asked again it is another request: the same key would hold back the second one.
  answerIsProof: true,
  expect(view, order): readonly StageState[] {
    const job = taskIn(view, order);
    const id = diagnosticOf(job);
    const isOurs = id !== undefined && id !== order.baseline && OWN_DIAGNOSTIC.test(id);
    const base = stageOf(order, 'done', 'the result is in the task’s context', DIAGNOSED_MS);
    if (isOurs)
      return [{ ...base, state: 'seen', detail: getString(job?.data, 'diagnosticText') ?? 'it is there' }];
    const isOver = job !== undefined && !isAtWork(job);
    return [
      {
        ...base,
        state: isOver ? 'contradicted' : 'waiting',
        detail: isOver ? `no result, and ${wordsOf(job)}` : 'no result yet',
      },
    ];
  },
  undo: { text: 'cannot be undone: the command ran' },
};
