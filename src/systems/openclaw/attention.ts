import type { Attention } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { counted } from '../../lib/phrase.ts';
import type { JudgedJob } from './derive-job.ts';
import { failedSilently, failedTasksOf } from './judge.ts';
import { MAX_ATTEMPTS } from './schema.ts';
import { clockText, headline } from './words.ts';

/**
 * Why a job needs a human, if it does. Reviews and questions are not here: their approvals carry the attention, and a
 * queue without a worker is one issue, not a row per job.
 */
export function attentionOfJob(judged: JudgedJob, now: Instant): Attention | undefined {
  const attention = attentionBy(judged, now);
  if (attention === undefined || judged.queue.generation === 'database') return attention;
  // No act of ours reaches an older queue: none is advised.
  const { act: _act, ...rest } = attention;
  return { ...rest, playbook: 'older-queue' };
}

function attentionBy(judged: JudgedJob, now: Instant): Attention | undefined {
  const { job, judgement, queue, busyWith } = judged;
  const since = judgement.since === null ? {} : { since: judgement.since };
  const lastBeat = job.beat === null ? 'no beat ever' : `no beat since ${clockText(job.beat, now)}`;
  const hasWorker = queue.workers.length > 0;
  switch (judgement.condition) {
    case 'orphaned':
      return {
        rank: hasWorker ? 1 : 4,
        label: 'ORPHAN',
        why: `${lastBeat}: runner ${job.pid} goes on without its worker`,
        ...since,
        ...(judgement.until === null ? {} : { until: judgement.until }),
        onExpiry: 'the next worker pass runs the job a second time beside it',
        playbook: 'orphan',
      };
    case 'silent-alive':
      return {
        rank: hasWorker && busyWith === undefined ? 1 : 4,
        label: 'ORPHAN',
        why: `${lastBeat}, runner ${job.pid} lives: a worker pass would run the job twice`,
        ...since,
        onExpiry: hasWorker
          ? 'a second run beside it'
          : 'it runs on unwatched; a started worker runs it twice',
        playbook: 'orphan',
      };
    case 'silent-dead': {
      const runner =
        job.pid === null ? 'no runner' : judgement.runner === 'gone' ? `runner ${job.pid} is gone` : '';
      return {
        rank: 4,
        label: judgement.runner === 'gone' ? 'DEAD' : 'STALLED',
        why: [lastBeat, runner].filter((part) => part !== '').join(', '),
        ...since,
        onExpiry: hasWorker
          ? `the next free pass takes it back to ${takenBackTo(job.status, job.passed)}`
          : 'never ends: no worker takes it back',
        playbook: 'stalled',
      };
    }
    case 'overtaken':
      return {
        rank: 4,
        label: 'ORPHAN',
        why: `${job.status}, but runner ${job.pid} still works on it`,
        ...since,
        onExpiry: 'its result overwrites the status when it ends',
        playbook: 'orphan',
      };
    case 'failed':
      if (judgement.superseded) return undefined;
      if (failedSilently(job))
        return {
          rank: 4,
          label: 'NO SIGNAL',
          why: `an agent ended without its closing signal, and that fails a job here (${job.result?.errorCode})`,
          ...since,
          onExpiry: 'never tried again',
          act: 'job.retry',
          playbook: 'no-signal',
        };
      return {
        rank: 4,
        label: 'FAILED',
        why: `${job.error === null ? 'no error recorded' : headline(job.error)} (attempt ${job.attempts} of ${MAX_ATTEMPTS})`,
        ...since,
        onExpiry: 'never tried again',
        act: 'job.retry',
        playbook: 'failed',
      };
    case 'fake-success': {
      if (judgement.superseded) return undefined;
      const failed = failedTasksOf(job);
      return {
        rank: 7,
        label: 'FAKE OK',
        why: `completed, but ${failed} of ${counted(job.result?.total ?? failed, 'task')} failed`,
        ...since,
        onExpiry: 'counts as done',
        act: 'job.retry',
        playbook: 'fake-success',
      };
    }
    case 'dead-end':
      if (judgement.superseded) return undefined;
      return {
        rank: 7,
        label: 'DEAD END',
        why: `revise was asked and nothing takes it up: ${headline(job.revision) || 'no text'}`,
        ...since,
        onExpiry: 'stays so for ever',
        act: 'job.resubmit',
        playbook: 'dead-end',
      };
    case 'unknown':
      return {
        rank: 4,
        label: 'UNKNOWN',
        why: `status "${headline(job.status, 30)}" is none this program knows`,
        ...since,
        onExpiry: 'no worker claims it',
        playbook: 'unknown-status',
      };
    default:
      return undefined;
  }
}

/** Where `recover_stale_jobs` of scripts/state_store.py puts a job it takes back. */
function takenBackTo(status: string, passed: boolean): string {
  if (status === 'planning') return 'queued';
  return passed ? 'approved, to run again' : 'awaiting_audit';
}
