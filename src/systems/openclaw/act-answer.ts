import { getArray, getString } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import {
  argumentOf,
  conditionOf,
  idOf,
  isJobTarget,
  jobBaseline,
  jobOf,
  readControl,
  scriptStep,
  unreachable,
  workerWarnings,
} from './act-common.ts';
import { resumeRefusal, resumeStages } from './act-resume.ts';
import { isSafeJobId } from './schema.ts';
import { sameText } from './words.ts';

/** Answer and resume: `control.py resume`. The answer is stored and shown, no agent ever gets it. */
export const answerAct: ActSpec = {
  id: 'job.answer',
  title: 'answer and resume',
  menu: 'resume',
  risk: 'costly',
  does: 'records the answer and runs the job again from its start; the agents do NOT get the answer',
  runs: 'control.py resume JOB ANSWER',
  outcome: 'job_resumed with this answer, a worker claims the job',
  params: [
    {
      name: 'answer',
      title: 'Answer',
      form: 'lines',
      required: true,
      maxLength: 4000,
      hint: 'word it differently from any answer given before',
    },
    {
      name: 'task',
      title: 'Task the answer is for',
      form: 'text',
      required: false,
      maxLength: 64,
      hint: 'its id; the job resumes as a whole either way',
    },
  ],
  appliesTo: (target) =>
    isJobTarget(target) &&
    (target.type !== 'approval' || target.ask === 'answer') &&
    (target.type !== 'job' || target.nativeStatus === 'waiting_human'),
  precondition(view, target) {
    const job = jobOf(view, target);
    const reason = unreachable(view, job);
    if (reason !== undefined || job === undefined) return reason;
    const condition = conditionOf(job);
    if (condition === 'question' || condition === 'no-signal') return resumeRefusal(job);
    return `the job is ${job.nativeStatus ?? 'gone'}, it does not wait for an answer`;
  },
  warnings(view, target, params) {
    const job = jobOf(view, target);
    const text = sameText(argumentOf(params?.['answer'] ?? ''));
    const before = getArray(job?.data, 'answers').some(
      (known) => typeof known === 'string' && text !== '' && sameText(known) === text,
    );
    return [
      ...(before ? ['this very answer was given before: the program will drop it and print success'] : []),
      'the answer is not passed on to the agents: the job starts again with the same goal and may ask again',
      'the same answer as before is swallowed: the program prints success and the job still waits',
      ...(job ? workerWarnings(view, job) : []),
    ];
  },
  strands: () => ['what the run has done so far: it begins anew'],
  revision(view, target) {
    const job = jobOf(view, target);
    const { data } = job ?? {};
    return [
      job?.nativeStatus ?? 'gone',
      getString(data, 'run') ?? '',
      getString(data, 'question') ?? '',
    ].join('|');
  },
  baseline(view, target) {
    const job = jobOf(view, target);
    return job ? jobBaseline(view, job) : {};
  },
  plan(view, target, params) {
    const job = jobOf(view, target);
    if (!job) return [];
    const answer = argumentOf(params['answer'] ?? '');
    const task = params['task']?.trim() ?? '';
    const named = isSafeJobId(task) ? [`--task-id=${task}`] : [];
    return [
      scriptStep(view, job, 'control.py', ['resume', ...named, idOf(job), answer], 'answer and resume'),
    ];
  },
  read(outputs) {
    const answer = readControl(outputs[0], ['approved', 'awaiting_audit']);
    return answer.summary.endsWith('waiting_human')
      ? { ...answer, summary: `${answer.summary}: swallowed, the same answer was given before` }
      : answer;
  },
  expect: (view, order) => resumeStages(view, order, argumentOf(order.params['answer'] ?? '')),
  undo: { act: 'job.cancel', text: 'cancel marks it cancelled; the question itself does not come back' },
};
