import type { Approval, Attention, Evidence, Payload, SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { counted } from '../../lib/phrase.ts';
import { artifactTrail, errorAt, type JudgedJob, newestEvents } from './derive-job.ts';
import { planPayload, resultPayload, unrouted } from './plan-text.ts';
import { clockText, headline, jobTitle } from './words.ts';

const NEVER = 'never expires; nothing happens';

/** What waits for a person: the review of a plan, or an answer. Undefined for jobs that wait for neither. */
export function approvalEntity(system: SystemId, judged: JudgedJob, now: Instant): Approval | undefined {
  switch (judged.judgement.condition) {
    case 'review':
      return planReview(system, judged, now);
    case 'no-plan':
      return missingPlan(system, judged, now);
    case 'question':
    case 'no-signal':
      return answerAsked(system, judged, now);
    default:
      return undefined;
  }
}

type Common = Pick<
  Approval,
  'type' | 'system' | 'id' | 'title' | 'observedAt' | 'status' | 'subject' | 'logKeys' | 'onExpiry' | 'data'
> &
  Partial<Pick<Approval, 'requestedAt' | 'logFiles' | 'reason'>> & { readonly answerable: boolean };

function common(system: SystemId, judged: JudgedJob): Common {
  const { job, judgement, directory, queue } = judged;
  const older = queue.generation !== 'database';
  return {
    type: 'approval',
    system,
    id: job.id,
    title: jobTitle(job.id, job.goal),
    observedAt: judged.row.readAt,
    status: 'pending',
    subject: job.id,
    answerable: !older,
    ...(older ? { reason: 'kept by the older file queue: decide with its own control.py' } : {}),
    onExpiry: NEVER,
    ...(judgement.since === null ? {} : { requestedAt: judgement.since }),
    logKeys: [job.id, ...(job.run === null ? [] : [job.run])],
    ...(directory.logFiles.length > 0 ? { logFiles: directory.logFiles } : {}),
    data: { job: job.id, condition: judgement.condition, run: job.run },
  };
}

function attention(judged: JudgedJob, label: string, why: string, act: string, playbook: string): Attention {
  const { since } = judged.judgement;
  const known = since === null ? {} : { since };
  // No act of ours reaches an older queue: none is advised.
  return judged.queue.generation === 'database'
    ? { rank: 3, label, why, ...known, onExpiry: NEVER, act, playbook }
    : { rank: 3, label, why, ...known, onExpiry: NEVER, playbook: 'older-queue' };
}

function planReview(system: SystemId, judged: JudgedJob, now: Instant): Approval {
  const { job, directory } = judged;
  const plan = directory.plan;
  const readable = plan !== undefined && plan.fact.tasks.length > 0;
  const payload: Payload | undefined = readable ? planPayload(job.goal, plan.fact) : resultPayload(job);
  const cautions = [
    'approving makes a new plan: the tasks that run are not bound to be these',
    ...(readable ? [] : [insteadOfPlan(directory)]),
    ...answersCaution(judged),
  ];
  const unchosen = readable ? unrouted(plan.fact) : 0;
  if (unchosen > 0) {
    cautions.push(`for ${counted(unchosen, 'task')} no agent was chosen: the default one would take them`);
  }
  if (plan?.file.error !== undefined)
    cautions.push(`the plan's file is torn now, shown is what was read before: ${plan.file.error}`);
  if (job.lease !== null && job.lease > now) {
    cautions.push(`a lease is still set: after a yes nothing claims it before ${clockText(job.lease, now)}`);
  }
  const row = judged.row.evidence;
  const tasks = readable ? plan.fact.tasks.length : (job.result?.tasks.length ?? 0);
  const trail: Evidence[] = [...(readable ? [row] : []), ...eventTrail(judged)];
  return {
    ...common(system, judged),
    evidence: readable
      ? {
          source: plan.file.source,
          path: plan.file.path,
          text: `plan of ${counted(tasks, 'task')}`,
          ...(plan.fact.created === null ? {} : { at: plan.fact.created }),
        }
      : row,
    trail,
    attention: judged.judgement.superseded
      ? {
          ...attention(
            judged,
            'REVIEW',
            'a newer job has the same goal; this one still waits',
            'job.cancel',
            'review',
          ),
        }
      : attention(
          judged,
          'REVIEW',
          `a plan of ${counted(tasks, 'task')} waits; nothing runs before a yes`,
          'job.approve',
          'review',
        ),
    cautions,
    ask: 'review',
    risk: 'high',
    ...(payload === undefined ? {} : { payload }),
    decisions: decisionsOf(
      judged,
      payload === undefined ? ['job.retry', 'job.cancel'] : ['job.approve', 'job.resubmit', 'job.cancel'],
    ),
  };
}

/** Why the payload is the shorter list of the job's result. */
function insteadOfPlan({ planFile }: JudgedJob['directory']): string {
  const why =
    planFile === undefined
      ? 'is not there'
      : `can't be read${planFile.error === undefined ? '' : ` (${planFile.error})`}`;
  return `the plan's own file ${why}: this list is from the job's last result and shorter`;
}

function missingPlan(system: SystemId, judged: JudgedJob, _now: Instant): Approval {
  const { job, queue, judgement } = judged;
  const resumed = job.events.findLast(
    (event) => event.event === 'job_resumed' || event.event === 'audit_gate_blocked',
  );
  const why =
    job.resultBad !== null
      ? `its plan can't be read: ${job.resultBad}`
      : resumed?.event === 'job_resumed'
        ? 'resumed without a plan'
        : `planning failed: ${job.error === null ? 'no plan was made' : headline(job.error)}`;
  return {
    ...common(system, judged),
    answerable: false,
    reason: job.resultBad === null ? 'there is no plan to approve' : 'the plan can not be read',
    evidence: judged.row.evidence,
    trail: [
      ...(job.error === null ? [] : [said(judged, job.error, errorAt(job))]),
      ...(job.resultBad === null ? [] : [said(judged, job.resultBad, null)]),
      ...eventTrail(judged),
    ],
    ...(judgement.superseded ? {} : { attention: attention(judged, 'NO PLAN', why, 'job.retry', 'no-plan') }),
    cautions: [
      job.resultBad === null
        ? 'there is no plan: approving would run the goal unreviewed'
        : 'the plan cannot be read: approving would run the goal unreviewed',
      queue.generation === 'database'
        ? 'the way out: submit the goal again and cancel this job; revise is a dead end'
        : 'the way out: submit the goal again with its own program',
    ],
    ask: 'review',
    risk: 'critical',
    decisions: decisionsOf(judged, ['job.retry', 'job.cancel']),
  };
}

function answerAsked(system: SystemId, judged: JudgedJob, _now: Instant): Approval {
  const { job, question, judgement, directory } = judged;
  const asked = question !== '';
  const file = directory.question;
  const row = judged.row.evidence;
  const item = file?.fact.items.find((one) => one.question !== '') ?? file?.fact.items[0];
  const waiting = job.result?.waiting.length ?? 0;
  const left = directory.artifacts.reduce((sum, { fact }) => sum + fact.count, 0);
  const cautions = asked
    ? [
        'an answer is NOT passed on to the agents: resume runs the job again from its start with the same goal',
        'what works: submit the goal with the answer in it, then cancel this job',
        ...answersCaution(judged),
        ...(waiting > 1 ? [`${waiting} tasks ask; shown is the first, one answer resumes them all`] : []),
      ]
    : [
        left > 0
          ? `nobody asked anything, and ${counted(left, 'file')} lie in artifacts/: the work may be done`
          : 'nobody asked anything: an agent ended without its closing signal, and left no files',
        'resume runs the job again from its start; nothing of what was done is kept',
        ...answersCaution(judged),
      ];
  return {
    ...common(system, judged),
    evidence: file
      ? {
          source: file.file.source,
          path: file.file.path,
          text:
            item === undefined ? 'no question' : `${item.agent ?? 'an agent'} at ${item.title || item.task}`,
          ...(file.fact.created === null ? {} : { at: file.fact.created }),
        }
      : row,
    trail: [
      ...(file ? [row] : []),
      ...(asked ? [] : artifactTrail(directory)),
      ...job.answers.slice(-2).map((answer) => said(judged, `answered before: ${answer}`, null)),
      ...eventTrail(judged),
    ],
    attention: asked
      ? attention(
          judged,
          'ANSWER',
          headline(question),
          judgement.superseded ? 'job.cancel' : 'job.resubmit',
          'question',
        )
      : attention(
          judged,
          'NO SIGNAL',
          `an agent ended without saying how; no question was asked${left > 0 ? `, ${counted(left, 'file')} left` : ''}`,
          'job.answer',
          'no-signal',
        ),
    cautions,
    ask: 'answer',
    risk: 'high',
    ...(asked ? { question, payload: { form: 'question', text: question } } : {}),
    decisions: decisionsOf(
      judged,
      asked ? ['job.resubmit', 'job.answer', 'job.cancel'] : ['job.answer', 'job.retry', 'job.cancel'],
    ),
  };
}

/**
 * A resume that was eaten: the same answer was given before, so the program's dedupe threw it away and the job still
 * waits, although the command printed success.
 */
function answersCaution({ job, queue }: JudgedJob): readonly string[] {
  const texts: string[] = [];
  if (job.status === 'waiting_human') {
    if (isSwallowed(job)) {
      texts.push('the newest answer was swallowed: the same text was given before, and the job still waits');
    } else if (job.answers.length > 0) {
      texts.push('the same answer again would be swallowed: word it anew');
    }
  }
  const pending = queue.signals.filter((signal) => signal.job === job.id);
  const last = pending.at(-1);
  if (last)
    texts.push(
      `the command ${headline(last.action, 20)} is still in the signal file: the next pass applies it again`,
    );
  const rejected = job.events.findLast((event) => event.event === 'signal_rejected');
  if (rejected) texts.push('an earlier command was rejected as out of order');
  return texts;
}

/** A resume was taken up while the job waited, and no event says that it was resumed: its answer counted as known. */
function isSwallowed({ events }: JudgedJob['job']): boolean {
  const asked = events.findLast(
    (event) => event.event === 'status_changed' && event.status === 'waiting_human',
  );
  const since = events.filter((event) => event.id > (asked?.id ?? 0));
  if (since.some((event) => event.event === 'job_resumed')) return false;
  return since.some(
    (event) =>
      event.event === 'control_signal_applied' &&
      event.action === 'resume' &&
      event.status === 'waiting_human' &&
      // Given before this question and taken up late, it answered the question before.
      (event.given === null || asked?.at == null || event.given >= asked.at),
  );
}

function said({ queue, job }: JudgedJob, text: string, at: Instant | null): Evidence {
  const file = queue.file ?? queue.jobFiles.get(job.id);
  return {
    source: queue.source,
    ...(file === undefined ? {} : { path: file.path }),
    text,
    ...(at === null ? {} : { at }),
  };
}

function eventTrail(judged: JudgedJob): readonly Evidence[] {
  return newestEvents(judged.job.events).map((event) => said(judged, event.text, event.at));
}

function decisionsOf({ queue }: JudgedJob, acts: readonly string[]): readonly string[] {
  return queue.generation === 'database' ? acts : [];
}
