import type { Attention, Evidence, Issue, SystemId } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import { attentionOfJob } from './attention.ts';
import type { JudgedJob } from './derive-job.ts';
import type { Queue } from './derive-queue.ts';
import type { Condition } from './judge.ts';
import { clockText, counted, headline, jobTitle } from './words.ts';

/** A worker that lives claims within a few polls; shorter waits are no sign of its absence. */
export function claimGraceMs(pollMs: number): number {
  return Math.max(10_000, pollMs * 5);
}

/** Exceptions of a loop that showed no sign of recovery ask for a human this long, then only stay listed. */
const EXCEPTION_ATTENTION_MS = 24 * 3_600_000;

/** Issues of one queue, and when they would change by themselves. */
export interface QueueIssues {
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
  }
  const worker = noWorkerIssue(system, queue, judged, pollMs, now, unchecked);
  if (worker.issue) issues.push(worker.issue);
  changes.push(...worker.changes);
  issues.push(...signalIssues(system, queue, judged, pollMs, now, worker.issue !== undefined, changes));
  issues.push(...schedulerIssues(system, queue, now, changes));
  issues.push(...strayIssues(system, queue));
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
  unknown: { key: 'unknown-status', severity: 'warning', what: 'unknown status', playbook: 'stalled' },
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
    playbook: form.playbook,
    data: { job: job.id },
  };
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
  const own = queue.workers.find((worker) => worker.mine === 'yes');
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
  const attention: Attention = {
    rank: 2,
    label: 'FATAL',
    why: `${counted(waiting.length, 'job')} could run; ${detail}`,
    since,
    onExpiry: 'nothing runs until a worker does',
    playbook: 'no-worker',
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
      playbook: 'no-worker',
      data: { project: queue.project },
    },
  };
}

/** Commands left in `temporal_signals.json`: poison, or never taken up. */
function signalIssues(
  system: SystemId,
  queue: Queue,
  judged: readonly JudgedJob[],
  pollMs: number,
  now: Instant,
  workerMissing: boolean,
  changes: Instant[],
): readonly Issue[] {
  const { signals, signalsFile } = queue;
  const first = signals[0];
  if (!first || !signalsFile) return [];
  const issues: Issue[] = [];
  const evidence = (text: string, at: Instant | null): Evidence => ({
    source: signalsFile.source,
    path: signalsFile.path,
    text,
    ...(at === null ? {} : { at }),
  });
  const base = { type: 'issue' as const, system, observedAt: signalsFile.readAt, status: 'open' as const };
  const known = new Set(judged.map(({ job }) => job.id));
  const poison = queue.complete ? signals.filter((signal) => !known.has(signal.job)) : [];
  const worst = poison[0];
  if (worst) {
    const others = signals.length - poison.length;
    const key = `poison:${queue.project}`;
    const why = `${headline(worst.action, 20)} of unknown job ${headline(worst.job, 24)}: the next pass throws away ${
      others === 0 ? 'the batch' : counted(others, 'other command')
    }`;
    const since = worst.at === null ? {} : { since: worst.at };
    issues.push({
      ...base,
      id: key,
      key,
      title: 'a command for an unknown job poisons the signals',
      evidence: evidence(`${worst.action} ${worst.job}`, worst.at),
      attention: {
        rank: 4,
        label: 'POISON',
        why,
        ...since,
        onExpiry: 'the batch is lost at the next pass',
        playbook: 'poison',
      },
      severity: 'error',
      detail: 'control.py accepts any job id; the drain then breaks on it and drops the rest of its batch',
      ...since,
      suggestedAction: 'look whether the other commands took effect; give those again that did not',
      playbook: 'poison',
    });
  }
  const oldest = signals.reduce<Instant | null>(
    (at, signal) => (signal.at !== null && (at === null || signal.at < at) ? signal.at : at),
    null,
  );
  const due = addMs(oldest ?? now, claimGraceMs(pollMs));
  if (due > now) {
    changes.push(due);
    return issues;
  }
  const busy = judged.find(({ job, busyWith }) => job.id === busyWith);
  const key = `undrained:${queue.project}`;
  const since = oldest === null ? {} : { since: oldest };
  const title = `${counted(signals.length, 'command')} not taken up by a worker`;
  const reverts = signals.filter((signal) => signal.action === 'cancel' || signal.action === 'revise');
  const detail = [
    busy
      ? `held until the pass with ${busy.job.id.slice(0, 8)} ends`
      : 'no pass takes up the signals of this project',
    reverts.length > 0
      ? `${counted(reverts.length, 'cancel or revise')} will be applied again then, whatever came since`
      : '',
  ]
    .filter((part) => part !== '')
    .join('; ');
  issues.push({
    ...base,
    id: key,
    key,
    title,
    evidence: evidence(`${first.action} ${first.job}`, oldest),
    trail: signals.slice(0, 8).map((signal) => evidence(`${signal.action} ${signal.job}`, signal.at)),
    ...(busy || workerMissing
      ? {}
      : {
          attention: {
            rank: 4 as const,
            label: 'UNDRAINED',
            why: `${title}: ${detail}`,
            ...since,
            onExpiry: 'applied at once already; applied again when a pass comes',
            playbook: 'no-worker',
          },
        }),
    severity: busy ? 'info' : 'warning',
    detail,
    ...since,
    playbook: 'no-worker',
  });
  return issues;
}

/** What broke in the worker's loop, unless a later success of the same operation is on record. */
function schedulerIssues(system: SystemId, queue: Queue, now: Instant, changes: Instant[]): readonly Issue[] {
  const file = queue.exceptionsFile;
  if (!file) return [];
  const newest = new Map<string, (typeof queue.exceptions)[number]>();
  const counts = new Map<string, number>();
  for (const exception of queue.exceptions) {
    const id = `${exception.op}:${exception.code}`;
    counts.set(id, (counts.get(id) ?? 0) + exception.count);
    const known = newest.get(id);
    if (!known || (exception.last ?? 0) >= (known.last ?? 0)) newest.set(id, exception);
  }
  return [...newest].map(([id, exception]): Issue => {
    const recovered = exception.op === 'drain_control_signals' ? queue.lastDrain : queue.lastClaim;
    const isOver = exception.last !== null && recovered !== null && recovered > exception.last;
    const ends = exception.last === null ? null : addMs(exception.last, EXCEPTION_ATTENTION_MS);
    const asks = !isOver && (ends === null || ends > now);
    if (asks && ends !== null) changes.push(ends);
    const key = `scheduler:${queue.project}:${id}`;
    const count = counts.get(id) ?? 1;
    const since = exception.first === null ? {} : { since: exception.first };
    const eaten = exception.op === 'drain_control_signals' && /FOREIGN KEY/i.test(exception.cause);
    return {
      type: 'issue',
      system,
      id: key,
      key,
      title: `worker loop: ${exception.op} failed${count > 1 ? ` ${count} times` : ''}`,
      observedAt: file.readAt,
      evidence: {
        source: file.source,
        path: file.path,
        offset: exception.offset,
        text: exception.cause,
        ...(exception.last === null ? {} : { at: exception.last }),
      },
      logFiles: [file.path],
      ...(asks
        ? {
            attention: {
              rank: 4 as const,
              label: eaten ? 'EATEN' : 'WORKER',
              why: eaten
                ? 'a command for an unknown job broke a drain: the others of its batch were thrown away'
                : `${exception.op}: ${headline(exception.cause)}`,
              ...(exception.last === null ? {} : { since: exception.last }),
              onExpiry: 'the pass goes on without it',
              playbook: eaten ? 'poison' : 'worker-loop',
            },
          }
        : {}),
      severity: isOver ? 'info' : eaten ? 'warning' : 'error',
      status: 'open',
      detail: isOver
        ? `${exception.cause}; it worked again at ${clockText(recovered, now)}`
        : exception.cause,
      ...since,
      playbook: eaten ? 'poison' : 'worker-loop',
    };
  });
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
    };
  });
}
