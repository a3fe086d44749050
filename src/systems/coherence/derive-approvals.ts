import type { DueTimes } from '../../domain/due-times.ts';
import { type Approval, type Attention, trailOf } from '../../domain/entity.ts';
import { addMs, clockText, type Instant } from '../../domain/instant.ts';
import { getField, getNumber, getString, isObject } from '../../lib/json.ts';
import { ANSWER_ACT, FAIL_ACT } from './condition.ts';
import { taskEvidence, taskLogPath, taskTitle, trailOfTask } from './derive-jobs.ts';
import { entityBase } from './draft.ts';
import type { Scene } from './scene.ts';
import { AUTONOMOUS_TIMEOUT_HOURS, decisionTimeoutOf } from './schema.ts';
import { instantOf } from './seen.ts';
import { isAnswerableId, pidOf, type Task, type TaskBook, taskText, taskTime } from './tasks.ts';

/** A decision that skips itself is a loss with a clock from here on. */
const LAST_HOUR_MS = 3_600_000;

/** Tasks that wait for a decision. A newer run of the same work does not end the wait: any of them blocks all. */
export function approvalsOf(scene: Scene, book: TaskBook, due: DueTimes): readonly Approval[] {
  return book.tasks
    .filter((task) => task.status === 'needs_decision')
    .map((task) => approvalOf(scene, book, task, due));
}

function approvalOf(scene: Scene, book: TaskBook, task: Task, due: DueTimes): Approval {
  const requestedAt = askedAt(book, task);
  const { expiresAt, onExpiry } = expiryOf(scene);
  const question = questionOf(task);
  const isPressing = expiresAt !== undefined && due.isPast(addMs(expiresAt, -LAST_HOUR_MS));
  if (expiresAt !== undefined) due.isPast(expiresAt);
  const answerAs = task.worker ?? book.onlyRunner;
  const obstacle = obstacleOf(scene, task);
  const until = book.workerLeaseUntil(task.worker);
  if (until !== undefined) due.isPast(until);
  const attention: Attention = {
    rank: isPressing ? 1 : 3,
    label: 'ANSWER',
    why: blocksText(scene, task),
    onExpiry,
    playbook: 'unblock-decision',
    ...(obstacle === undefined ? { act: ANSWER_ACT } : {}),
    ...(requestedAt === undefined ? {} : { since: requestedAt }),
    ...(expiresAt === undefined ? {} : { until: expiresAt }),
  };
  return {
    ...entityBase(scene, task.id, task.seen.file.readAt),
    type: 'approval',
    title: `${taskTitle(task)}${task.worker ? ` (worker ${task.worker})` : ''}`,
    ask: 'answer',
    status: 'pending',
    answerable: obstacle === undefined,
    ...(obstacle === undefined ? {} : { reason: obstacle }),
    question: question.text,
    payload: { form: 'question', text: question.text },
    decisions: obstacle === undefined ? [ANSWER_ACT, FAIL_ACT] : [],
    subject: task.id,
    evidence: taskEvidence(task),
    trail: trailOf(
      blockedEvidence(scene),
      ...trailOfTask(scene, book, task, undefined),
      question.from === 'decision_prompt'
        ? undefined
        : task.seen.at(undefined, `question taken from its ${question.from}: it has no decision_prompt`),
    ),
    cautions: cautionsOf(book, task, answerAs),
    logKeys: [task.id],
    logFiles: [taskLogPath(task.id)],
    onExpiry,
    attention,
    ...(requestedAt === undefined ? {} : { requestedAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(answerAs === undefined
      ? {}
      : { data: { ...(task.worker ? { worker: task.worker } : {}), answerAs } }),
  };
}

/** The moment the task began to wait: the policy's own time, the runner's line, else its last change. */
function askedAt(book: TaskBook, task: Task): Instant | undefined {
  const line = book.runnerLineOf(task.id);
  const logged = getString(line, 'status') === 'needs_decision' ? instantOf(line, 'endedAt') : undefined;
  const triggered = instantOf(getField(task.fact, 'policy'), 'triggeredAt');
  return triggered ?? logged ?? taskTime(task, 'updatedAt') ?? taskTime(task, 'createdAt');
}

/** The runner asks without a prompt: what it wants to know then stands in its output, or only in its policy. */
function questionOf(task: Task): { text: string; from: string } {
  const prompt = taskText(task, 'prompt');
  if (prompt) return { text: prompt, from: 'decision_prompt' };
  const output = taskText(task, 'output')?.trim();
  if (output) return { text: output.slice(-2000), from: 'output' };
  const policy = getField(task.fact, 'policy');
  if (isObject(policy)) {
    const score = getNumber(policy, 'score');
    const threshold = getNumber(policy, 'threshold');
    const failure = getString(policy, 'failureClass');
    const text =
      `The hold pattern policy stopped it: score ${score ?? 'unknown'} of ${threshold ?? 'unknown'}` +
      `${failure ? `, failure ${failure}` : ''}. How should it go on?`;
    return { text, from: 'context' };
  }
  return { text: 'No question is recorded; the task waits for steering.', from: 'state' };
}

/** run_autonomous.sh sets 24 hours; started otherwise a decision never expires unless the environment says so. */
function expiryOf(scene: Scene): { expiresAt?: Instant; onExpiry: string } {
  const configured = decisionTimeoutOf(scene.located);
  const hours = configured ?? (scene.crew.of.autonomous.length > 0 ? AUTONOMOUS_TIMEOUT_HOURS : 0);
  const since = scene.manager?.blockedAt;
  if (hours <= 0) return { onExpiry: 'never expires; nothing new starts meanwhile' };
  if (since === undefined || scene.crew.of.manager.length === 0) {
    return { onExpiry: `skipped ${hours} h after the manager noticed it` };
  }
  return { expiresAt: addMs(since, hours * 3_600_000), onExpiry: 'skipped: the task is marked failed' };
}

function blocksText(scene: Scene, task: Task): string {
  if (scene.manager?.blocked) return 'the project manager is blocked: no new task until it is answered';
  return task.isFlipped
    ? 'the API says it runs, its file says it waits'
    : 'the manager starts nothing while it waits';
}

function blockedEvidence(scene: Scene) {
  const { manager } = scene;
  if (!manager?.blocked) return undefined;
  const since = manager.blockedAt;
  const text = `project manager blocked${since === undefined ? '' : ` since ${clockText(since, scene.now)}`}`;
  return manager.seen.at(since === undefined ? undefined : { at: since }, text);
}

/** Why no answer can be given from here, now; undefined when one can. */
function obstacleOf(scene: Scene, task: Task): string | undefined {
  if (!isAnswerableId(task.id)) return 'its id is none the API would give';
  if (scene.located.url === undefined) {
    const body = task.worker
      ? '{"decision", "worker_id", "status": "pending"}'
      : '{"decision", "status": "pending"}';
    return `no url of the API is configured; by hand: PATCH /api/agent/tasks/${task.id} ${body}`;
  }
  if (scene.api.state === 'down') return `the API does not answer: ${scene.api.why}`;
  return undefined;
}

/** What happens otherwise than an operator expects, most important first. */
function cautionsOf(book: TaskBook, task: Task, answerAs: string | undefined): readonly string[] {
  const cautions: string[] = [];
  if (task.isFlipped) {
    cautions.push(
      'The API no longer lists it as waiting: an answer was refused (409) and lost, yet set it to running.',
    );
  }
  cautions.push('The answer is stored, not passed on: a runner runs the same command again.');
  if (task.worker === undefined) {
    cautions.push(
      answerAs === undefined
        ? 'Nobody has claimed it: an answer binds it to the worker "unknown", and no runner takes it then.'
        : `Nobody has claimed it: the answer binds it to ${answerAs}, the one runner that lives.`,
    );
    return cautions;
  }
  cautions.push(
    `By hand, an answer without "worker_id": "${task.worker}" is refused (409) and lost, and sets it to running.`,
  );
  if (book.workerLife(task.worker) === 'gone') {
    cautions.push(
      `Worker ${task.worker} is gone: only a runner started with AGENT_WORKER_ID=${task.worker} can take it.`,
    );
  } else if (pidOf(task.worker) === undefined) {
    cautions.push(`Only a runner started with AGENT_WORKER_ID=${task.worker} can take it again.`);
  } else {
    cautions.push(
      `Only ${task.worker} can take it again, and a restart ends that name: answer before restarting.`,
    );
  }
  return cautions;
}
