import type { Evidence, Issue, SystemId } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import { counted } from '../../lib/phrase.ts';
import type { JudgedJob } from './derive-job.ts';
import type { Queue } from './derive-queue.ts';
import { claimGraceMs } from './schema.ts';
import { clockText, headline } from './words.ts';

/** Exceptions of a loop that showed no sign of recovery ask for a human this long, then only stay listed. */
const EXCEPTION_ATTENTION_MS = 24 * 3_600_000;

/** Commands left in `temporal_signals.json`: poison, or never taken up. */
export function signalIssues(
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
export function schedulerIssues(
  system: SystemId,
  queue: Queue,
  now: Instant,
  changes: Instant[],
): readonly Issue[] {
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
