import { getArray, getString } from '../../lib/json.ts';
import { argumentOf, conditionOf, readControl, workerWarnings } from './act-common.ts';
import { resumeStages } from './act-resume.ts';
import { controlAct, olderRefusal } from './control-act.ts';
import { isSafeJobId } from './schema.ts';
import { sameText } from './words.ts';

const ACCEPTS = ['approved', 'awaiting_audit'];

/** Answer and resume: `control.py resume`. The answer is stored and shown, no agent ever gets it. */
export const answerAct = controlAct({
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
  command: 'resume',
  on: 'waiting_human',
  ask: 'answer',
  accepts: ACCEPTS,
  options(params) {
    const task = params['task']?.trim() ?? '';
    return isSafeJobId(task) ? [`--task-id=${task}`] : [];
  },
  text: (_job, params) => params['answer'] ?? '',
  refusal(job, view) {
    const condition = conditionOf(job);
    return condition === 'question' || condition === 'no-signal'
      ? olderRefusal(job, 'resume', view)
      : `the job is ${job.nativeStatus ?? 'gone'}, it does not wait for an answer`;
  },
  warnings(view, job, params) {
    const text = sameText(argumentOf(params?.['answer'] ?? ''));
    const before = getArray(job.data, 'answers').some(
      (known) => typeof known === 'string' && text !== '' && sameText(known) === text,
    );
    return [
      ...(before ? ['this very answer was given before: the program will drop it and print success'] : []),
      'the answer is not passed on to the agents: the job starts again with the same goal and may ask again',
      'the same answer as before is swallowed: the program prints success and the job still waits',
      ...workerWarnings(view, job),
    ];
  },
  strands: () => ['what the run has done so far: it begins anew'],
  revision: ({ data }) => [getString(data, 'run') ?? '', getString(data, 'question') ?? ''],
  read(outputs) {
    const answer = readControl(outputs[0], ACCEPTS);
    return answer.summary.endsWith('waiting_human')
      ? { ...answer, summary: `${answer.summary}: swallowed, the same answer was given before` }
      : answer;
  },
  expect: (view, order) => resumeStages(view, order, argumentOf(order.params['answer'] ?? '')),
  undo: { act: 'job.cancel', text: 'cancel marks it cancelled; the question itself does not come back' },
});
