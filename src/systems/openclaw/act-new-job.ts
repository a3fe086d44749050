import { refTo } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import { getString } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import { argumentOf } from './act-common.ts';
import { placeOf } from './schema.ts';
import {
  jobsLike,
  LONGEST_GOAL,
  plannedStage,
  readSubmission,
  submittedJob,
  submittedStage,
} from './submitted-job.ts';
import {
  baselineOf,
  isWorkerService,
  pidsOf,
  queueStep,
  serviceOf,
  unreachableQueue,
} from './worker-queue.ts';

const SUBMIT_MS = 30_000;
const RECENT_MS = 60_000;

/** A goal of the operator's own, into this queue: a canary, a job that was lost, a first one. */
export const submitAct: ActSpec = {
  id: 'job.submit',
  title: 'submit a goal',
  menu: 'other',
  risk: 'costly',
  does: 'puts a new job into this queue: a worker plans it, and nothing of it runs before its review',
  runs: 'submit.py GOAL',
  outcome: 'a new job with this goal',
  params: [
    {
      name: 'goal',
      title: 'Goal',
      form: 'lines',
      required: true,
      maxLength: LONGEST_GOAL,
      hint: 'what the agents are to do',
    },
  ],
  appliesTo: isWorkerService,
  precondition: (view, target) => unreachableQueue(view, target, 'scripts/submit.py'),
  warnings(view, target, params) {
    const { data } = serviceOf(view, target) ?? {};
    const goal = params?.['goal']?.trim() ?? '';
    const same = goal === '' ? [] : jobsLike(view, goal);
    return [
      'planning asks the model: that costs before anybody has said yes',
      ...(pidsOf(data, 'workers').length === 0 ? ['no worker runs on this host: nothing will claim it'] : []),
      ...(same.length > 0 ? [`${same[0]} has this goal already; both would run`] : []),
    ];
  },
  revision: (_view, target) => target.id,
  baseline: (view, target) => ({
    ...(baselineOf(view, target) as object),
    project: getString(serviceOf(view, target)?.data, 'project') ?? '',
    // The goal is not known yet; older jobs are told by their time.
    known: view
      .entities('job')
      .filter(({ createdAt }) => createdAt === undefined || createdAt > addMs(view.now, -RECENT_MS))
      .map(({ id }) => id),
  }),
  plan: (view, target, params) => [
    {
      type: 'process',
      title: 'submit the goal',
      argv: [
        view.located.python ?? '',
        `${placeOf(view.located).skill ?? ''}/scripts/submit.py`,
        argumentOf(params['goal'] ?? ''),
      ],
      ...queueStep(view, target),
      timeoutMs: SUBMIT_MS,
    },
  ],
  read: readSubmission,
  expect(view, order) {
    const fresh = submittedJob(view, order, order.params['goal'] ?? '');
    return [submittedStage(order, fresh), plannedStage(order, fresh)];
  },
  undo: {
    act: 'job.cancel',
    text: 'cancel the new job; its planning goes on until it ends',
    on: (view, order) => refTo(submittedJob(view, order, order.params['goal'] ?? '')),
  },
};
