import type { Params, StageState, Step } from '../../domain/act.ts';
import { type Entity, type Job, refTo } from '../../domain/entity.ts';
import { getBoolean, getString, type Json } from '../../lib/json.ts';
import type { ActOrder, ActSpec, StateView } from '../system.ts';
import {
  acceptDeadline,
  argumentOf,
  conditionOf,
  idOf,
  isJobTarget,
  jobBaseline,
  jobOf,
  marksSince,
  scriptStep,
  unreachable,
  workerWarnings,
} from './act-common.ts';
import {
  jobsLike,
  LONGEST_GOAL,
  plannedStage,
  readSubmission,
  submittedJob,
  submittedStage,
} from './submitted-job.ts';
import { headline } from './words.ts';

/** Conditions in which the old job still waits, so that it must be cancelled beside the new one. */
const STILL_WAITS = new Set(['question', 'no-signal', 'review', 'no-plan', 'dead-end', 'silent-dead']);

/**
 * The answer that works: the goal with the operator's text in it as a new job, then the old one cancelled. Also what a
 * revision should be: `revise` itself leads into a dead end.
 */
export const resubmitAct: ActSpec = {
  ...submission({
    conditions: new Set(['question', 'review', 'dead-end', 'failed']),
    expectedGoal: (goal, question, params) => goalWith(goal, question, params['answer'] ?? ''),
  }),
  id: 'job.resubmit',
  title: 'submit the goal with your text, cancel this job',
  menu: 'replay',
  does: 'submits the goal with your answer in it as a new job, then cancels this one; its agents do get the answer',
  runs: 'submit.py GOAL, then control.py cancel JOB',
  outcome: 'a new job with this goal, and the old one cancelled',
  params: [
    {
      name: 'answer',
      title: 'Answer, or what to do differently',
      form: 'lines',
      required: true,
      maxLength: 4000,
      hint: 'becomes part of the new goal',
    },
  ],
};

/**
 * The same goal once more, where there is nothing to add: planning failed, an agent fell silent, the run failed, or it is
 * over and is to be done again with a plan and a review of its own.
 */
export const retryAct: ActSpec = {
  ...submission({
    conditions: new Set([
      ...['no-plan', 'no-signal', 'failed', 'fake-success', 'dead-end', 'silent-dead'],
      ...['done', 'cancelled'],
    ]),
    expectedGoal: (goal) => goal,
  }),
  id: 'job.retry',
  title: 'submit the same goal again',
  menu: 'replay',
  does: 'submits the goal as a new job with a plan and a review of its own; cancels this one if it still waits',
  runs: 'submit.py GOAL, and control.py cancel JOB if it still waits',
  outcome: 'a new job with the same goal; the old one cancelled if it waited',
  params: [],
};

/** The new goal. The old one comes first: run directories are named after its beginning. */
function goalWith(goal: string, question: string, answer: string): string {
  const text = answer.replaceAll('\0', '').trim();
  return question === '' ? `${goal}\n\n${text}` : `${goal}\n\nAnswer to "${question}": ${text}`;
}

interface Form {
  readonly conditions: ReadonlySet<string>;
  expectedGoal(goal: string, question: string, params: Params): string;
}

type Shared = Omit<ActSpec, 'id' | 'title' | 'menu' | 'does' | 'params'>;

function submission(form: Form): Shared {
  const newGoal = (job: Job, params: Params): string =>
    form.expectedGoal(getString(job.data, 'goal') ?? '', getString(job.data, 'question') ?? '', params);
  return {
    risk: 'costly',
    appliesTo: (target: Entity) =>
      isJobTarget(target) && form.conditions.has(getString(target.data, 'condition') ?? ''),
    precondition(view, target) {
      const job = jobOf(view, target);
      const reason = unreachable(view, job);
      if (reason !== undefined || job === undefined) return reason;
      const goal = getString(job.data, 'goal') ?? '';
      if (goal.trim() === '') return 'the job has no goal';
      if (getBoolean(job.data, 'goalCut') === true || goal.length > LONGEST_GOAL)
        return 'the goal is too long to be submitted from here';
      const condition = conditionOf(job);
      if (!form.conditions.has(condition))
        return `not for a job that is ${job.nativeStatus ?? 'gone'} (${condition})`;
      return undefined;
    },
    warnings(view, target) {
      const job = jobOf(view, target);
      if (!job) return [];
      const revision = getString(job.data, 'revision') ?? '';
      return [
        'a new job is planned and waits for a review of its own',
        ...(revision === '' ? [] : [`the revision asked for is not in the goal: ${headline(revision, 200)}`]),
        ...workerWarnings(view, job),
      ];
    },
    strands: () => ["what this job's run has done so far"],
    revision(view, target) {
      const job = jobOf(view, target);
      const { data } = job ?? {};
      return [
        job?.nativeStatus ?? 'gone',
        getString(data, 'run') ?? '',
        getString(data, 'question') ?? '',
      ].join('|');
    },
    baseline(view, target): Json {
      const job = jobOf(view, target);
      if (!job) return {};
      const goal = getString(job.data, 'goal') ?? '';
      return {
        ...jobBaseline(view, job),
        goal,
        project: getString(job.data, 'project') ?? '',
        question: getString(job.data, 'question') ?? '',
        cancels: STILL_WAITS.has(conditionOf(job)),
        known: jobsLike(view, goal),
      };
    },
    plan(view, target, params): readonly Step[] {
      const job = jobOf(view, target);
      if (!job) return [];
      const submit = scriptStep(
        view,
        job,
        'submit.py',
        [argumentOf(newGoal(job, params))],
        'submit the goal',
      );
      if (!STILL_WAITS.has(conditionOf(job))) return [submit];
      return [submit, scriptStep(view, job, 'control.py', ['cancel', idOf(job)], 'cancel the old job')];
    },
    read: readSubmission,
    expect: (view, order) => submissionStages(view, order, form),
    undo: {
      act: 'job.cancel',
      text: 'cancel the new job; the old one can only be run again from its start',
      on: (view, order) => refTo(newJob(view, order, form)),
    },
  };
}

function newJob(view: StateView, order: ActOrder, form: Form): Job | undefined {
  const { baseline, params } = order;
  const question = getString(baseline, 'question') ?? '';
  const goal = form.expectedGoal(getString(baseline, 'goal') ?? '', question, params);
  return submittedJob(view, order, goal);
}

function submissionStages(view: StateView, order: ActOrder, form: Form): readonly StageState[] {
  const fresh = newJob(view, order, form);
  const cancels = getBoolean(order.baseline, 'cancels') === true;
  return [
    submittedStage(order, fresh),
    ...(cancels ? [oldCancelled(view, order)] : []),
    plannedStage(order, fresh),
  ];
}

function oldCancelled(view: StateView, order: ActOrder): StageState {
  const old = jobOf(view, order.target);
  const native = old?.nativeStatus ?? '';
  const cancelled = old
    ? marksSince(old, order.baseline).find((mark) => mark.event === 'job_cancelled')
    : undefined;
  const common = {
    stage: 'started' as const,
    title: 'the old job is cancelled',
    deadline: acceptDeadline(order),
    required: true,
  };
  if (native === 'cancelled') {
    return { ...common, state: 'seen', ...(cancelled?.at === undefined ? {} : { seenAt: cancelled.at }) };
  }
  const was = getString(order.baseline, 'status') ?? '';
  if (old && (cancelled || (native !== was && native !== ''))) {
    return { ...common, state: 'contradicted', detail: `the old job is ${native}: both may run` };
  }
  return { ...common, state: 'waiting' };
}
