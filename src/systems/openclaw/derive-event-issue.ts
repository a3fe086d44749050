import type { Attention, Issue, SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { JudgedJob } from './derive-job.ts';
import { MAX_ATTEMPTS } from './schema.ts';
import { headline, jobTitle } from './words.ts';

/** Events of an open job that ask for somebody, or for a second look, whatever its status says. */
const EVENT_ISSUES: readonly {
  readonly event: string;
  readonly key: string;
  readonly severity: Issue['severity'];
  readonly what: string;
  readonly playbook: string;
  readonly attention?: Pick<Attention, 'rank' | 'label' | 'onExpiry'>;
}[] = [
  {
    event: 'ssot_guard_blocked',
    key: 'ssot',
    severity: 'error',
    what: 'two records of its state disagree and the worker refuses to go on',
    playbook: 'ssot',
    attention: { rank: 4, label: 'SSOT', onExpiry: 'blocked until the backend is set back' },
  },
  {
    event: 'signal_rejected',
    key: 'rejected',
    severity: 'info',
    what: 'a command was rejected as out of order, mostly the second application of one given with a sequence number',
    playbook: 'control',
  },
];

/** Trouble that the events of a job tell beside its status. */
export function eventIssues(
  system: SystemId,
  { job, judgement, row }: JudgedJob,
  unchecked: boolean,
): readonly Issue[] {
  if (judgement.condition === 'done' || judgement.condition === 'cancelled' || judgement.superseded)
    return [];
  const issues: Issue[] = [];
  const add = (form: (typeof EVENT_ISSUES)[number], text: string, at: Instant | null): void => {
    const key = `${form.key}:${job.id}`;
    const since = at === null ? {} : { since: at };
    issues.push({
      type: 'issue',
      system,
      id: key,
      key,
      title: `${form.what}: ${jobTitle(job.id, job.goal)}`,
      observedAt: row.readAt,
      evidence: { ...row.evidence, text, ...(at === null ? {} : { at }) },
      logKeys: [job.id],
      ...(form.attention
        ? { attention: { ...form.attention, why: headline(text), ...since, playbook: form.playbook } }
        : {}),
      severity: form.severity,
      status: unchecked ? 'unchecked' : 'open',
      detail: text,
      ...since,
      playbook: form.playbook,
      data: { job: job.id },
    });
  };
  for (const form of EVENT_ISSUES) {
    const found = job.events.findLast((event) => event.event === form.event);
    if (found) add(form, found.text, found.at);
  }
  // The first error of a job is tried again without a word; the second is final.
  const again = job.events.findLast((event) => event.event === 'job_failed' || event.event === 'job_timeout');
  const isTried = ['running', 'claimable', 'leased'].includes(judgement.condition);
  if (again && job.attempts === 1 && isTried) {
    add(
      {
        event: again.event,
        key: 'retry',
        severity: 'warning',
        what: `attempt 2 of ${MAX_ATTEMPTS}, the last`,
        playbook: 'failed',
      },
      again.text,
      again.at,
    );
  }
  return issues;
}
