import type { Attention, Evidence, Issue, SystemId } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import { counted } from '../../lib/phrase.ts';
import { attentionOfJob } from './attention.ts';
import { eventIssues } from './derive-event-issue.ts';
import type { JudgedJob } from './derive-job.ts';
import type { Queue } from './derive-queue.ts';
import { schedulerIssues, signalIssues } from './derive-signal-issue.ts';
import { type Condition, failedSilently } from './judge.ts';
import { claimGraceMs } from './schema.ts';
import { clockText, headline, jobTitle } from './words.ts';

/** Issues of one queue, and when they would change by themselves. */
interface QueueIssues {
  readonly issues: readonly Issue[];
  readonly changes: readonly Instant[];
}

/** Everything broken in one queue: by job, then by the queue itself. */
export function queueIssues(
  system: SystemId,
  queue: Queue,
  judged: readonly JudgedJob[],
  pollMs: number,
  now: Instant,
): QueueIssues {
  const issues: Issue[] = [];
  const changes: Instant[] = [];
  const unchecked = queue.file !== undefined && (queue.file.error !== undefined || !queue.file.present);
  for (const one of judged) {
    const issue = jobIssue(system, one, unchecked, now);
    if (issue) issues.push(issue);
    issues.push(...eventIssues(system, one, unchecked));
  }
  const worker = noWorkerIssue(system, queue, judged, pollMs, now, unchecked);
  if (worker.issue) issues.push(worker.issue);
  changes.push(...worker.changes);
  issues.push(...signalIssues(system, queue, judged, pollMs, now, worker.issue !== undefined, changes));
  issues.push(...schedulerIssues(system, queue, now, changes));
  issues.push(...strayIssues(system, queue), ...unlistedIssues(system, queue));
  return { issues, changes };
}

interface JobIssueForm {
  readonly key: string;
  readonly severity: Issue['severity'];
  readonly what: string;
  readonly playbook: string;
}

/** Conditions of a job that are trouble. The job or its approval is the row in the queue; the issue is its record. */
const JOB_ISSUES: { readonly [C in Condition]?: JobIssueForm } = {
  orphaned: { key: 'orphan', severity: 'error', what: 'runner without its worker', playbook: 'orphan' },
  'silent-alive': { key: 'orphan', severity: 'error', what: 'silent, its runner lives', playbook: 'orphan' },
  overtaken: {
    key: 'orphan',
    severity: 'error',
    what: 'runner works on a job that is over',
    playbook: 'orphan',
  },
  'silent-dead': { key: 'stalled', severity: 'error', what: 'no beat', playbook: 'stalled' },
  'no-plan': {
    key: 'no-plan',
    severity: 'error',
    what: 'planning failed, shown as a review',
    playbook: 'no-plan',
  },
  'no-signal': { key: 'no-signal', severity: 'warning', what: 'no terminal signal', playbook: 'no-signal' },
  'dead-end': { key: 'dead-end', severity: 'warning', what: 'revise is a dead end', playbook: 'dead-end' },
  failed: { key: 'failed', severity: 'error', what: 'failed', playbook: 'failed' },
  'fake-success': {
    key: 'fake-success',
    severity: 'warning',
    what: 'completed with failed tasks',
    playbook: 'fake-success',
  },
  unknown: { key: 'unknown-status', severity: 'warning', what: 'unknown status', playbook: 'unknown-status' },
};

function jobIssue(system: SystemId, judged: JudgedJob, unchecked: boolean, now: Instant): Issue | undefined {
  const { job, judgement } = judged;
  const form = JOB_ISSUES[judgement.condition];
  if (!form || judgement.superseded) return undefined;
  const key = `${form.key}:${job.id}`;
  const why = attentionOfJob(judged, now)?.why ?? (job.error === null ? form.what : headline(job.error));
  const { evidence, readAt } = judged.row;
  return {
    type: 'issue',
    system,
    id: key,
    key,
    title: `${form.what}: ${jobTitle(job.id, job.goal)}`,
    observedAt: readAt,
    evidence,
    logKeys: [job.id],
    severity: form.severity,
    status: unchecked ? 'unchecked' : 'open',
    detail: why,
    ...(judgement.since === null ? {} : { since: judgement.since }),
    playbook: playbookOf(judged, form),
    data: { job: job.id },
  };
}

function playbookOf({ queue, job }: JudgedJob, { playbook }: JobIssueForm): string {
  if (queue.generation !== 'database') return 'older-queue';
  return failedSilently(job) ? 'no-signal' : playbook;
}

/** Jobs that could be claimed and are not: nothing moves. */
function noWorkerIssue(
  system: SystemId,
  queue: Queue,
  judged: readonly JudgedJob[],
  pollMs: number,
  now: Instant,
  unchecked: boolean,
): { readonly issue: Issue | undefined; readonly changes: readonly Instant[] } {
  const claimable = judged.filter(({ judgement }) => judgement.condition === 'claimable');
  if (claimable.length === 0 || claimable.some(({ busyWith }) => busyWith !== undefined)) {
    return { issue: undefined, changes: [] };
  }
  const changes: Instant[] = [];
  const waiting: JudgedJob[] = [];
  let since: Instant | undefined;
  for (const one of claimable) {
    const from = one.judgement.since ?? now;
    const due = addMs(from, claimGraceMs(pollMs));
    if (due > now) changes.push(due);
    else {
      waiting.push(one);
      if (since === undefined || from < since) since = from;
    }
  }
  const first = waiting[0];
  if (first === undefined || since === undefined) return { issue: undefined, changes };
  const busy = new Set(
    judged.flatMap(({ job, judgement }) => (judgement.condition === 'running' ? [job.worker] : [])),
  );
  const all = queue.workers.filter((worker) => worker.mine === 'yes');
  const own = all.find((worker) => !busy.has(`worker-${worker.process.pid}`)) ?? all[0];
  const maybe = queue.workers.find((worker) => worker.mine === 'maybe');
  const stranger = queue.strangers[0];
  const title = own
    ? `worker ${own.process.pid} runs and claims nothing`
    : `no worker takes up jobs of ${queue.project}`;
  const detail = own
    ? 'its pass may hang, or it serves another project'
    : maybe
      ? `a worker.py runs (pid ${maybe.process.pid}); of which installation can't be told`
      : stranger
        ? `worker ${stranger.pid} serves another project or installation`
        : 'no worker.py runs on this host and no job beats';
  const key = `no-worker:${queue.project}`;
  const { evidence, readAt } = first.row;
  const playbook = queue.generation === 'database' ? 'no-worker' : 'older-queue';
  const attention: Attention = {
    rank: 2,
    label: 'FATAL',
    why: `${counted(waiting.length, 'job')} could run; ${detail}`,
    since,
    onExpiry: 'nothing runs until a worker does',
    playbook,
  };
  return {
    changes,
    issue: {
      type: 'issue',
      system,
      id: key,
      key,
      title,
      observedAt: readAt,
      evidence: {
        ...evidence,
        text: `${counted(waiting.length, 'job')} queued or approved, no lease, unclaimed`,
      },
      trail: [
        ...waiting.slice(0, 5).map(
          ({ job }): Evidence => ({
            source: queue.source,
            text: `${job.status} ${jobTitle(job.id, job.goal)}`,
            ...(job.updated === null ? {} : { at: job.updated }),
          }),
        ),
        {
          source: queue.source,
          text: `last claim ${clockText(queue.lastClaim, now)}`,
          ...(queue.lastClaim === null ? {} : { at: queue.lastClaim }),
        },
      ],
      attention,
      severity: 'fatal',
      status: unchecked ? 'unchecked' : 'open',
      detail,
      since,
      suggestedAction:
        'start scripts/worker.py --interval 2 from the skill directory, its .env naming this project',
      playbook,
      data: { project: queue.project },
    },
  };
}

/** A job file of the older queue beside a database (ORCH_LEGACY_QUEUE_COMPAT=1): nobody will ever read it. */
function strayIssues(system: SystemId, queue: Queue): readonly Issue[] {
  return queue.strays.map(({ job, file }): Issue => {
    const key = `lost:${job.id}`;
    const since = job.created === null ? {} : { since: job.created };
    return {
      type: 'issue',
      system,
      id: key,
      key,
      title: `lost: ${jobTitle(job.id, job.goal)}`,
      observedAt: file.readAt,
      evidence: {
        source: file.source,
        path: file.path,
        text: `status ${job.status}`,
        ...(job.updated === null ? {} : { at: job.updated }),
      },
      attention: {
        rank: 7,
        label: 'LOST',
        why: 'submitted into the old file queue, which no worker reads',
        ...since,
        onExpiry: 'never runs',
        playbook: 'lost',
      },
      severity: 'warning',
      status: 'open',
      detail: 'written by submit.py with ORCH_LEGACY_QUEUE_COMPAT=1; the database has no such job',
      ...since,
      suggestedAction: 'submit the goal again without ORCH_LEGACY_QUEUE_COMPAT',
      playbook: 'lost',
      data: { project: queue.project, goal: job.goal },
    };
  });
}

/** More open jobs than are read: said, so that nothing seems to be missing in silence. */
function unlistedIssues(system: SystemId, queue: Queue): readonly Issue[] {
  const { file } = queue;
  if (!file) return [];
  const isOpen = (status: string): boolean => status !== 'completed' && status !== 'cancelled';
  let open = 0;
  for (const [status, count] of queue.counts) if (isOpen(status)) open += count;
  const unlisted = open - queue.jobs.filter((job) => isOpen(job.status)).length;
  if (unlisted <= 0) return [];
  const key = `unlisted:${queue.project}`;
  return [
    {
      type: 'issue',
      system,
      id: key,
      key,
      title: `${counted(unlisted, 'open job')} more than are listed`,
      observedAt: file.readAt,
      evidence: { source: file.source, path: file.path, text: `${open} open jobs by count` },
      severity: 'info',
      status: 'open',
      detail: 'the newest ones by their last change are read; cancel or finish old ones to see the rest',
    },
  ];
}
