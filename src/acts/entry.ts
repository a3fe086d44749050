import type { ActEntry } from '../domain/act.ts';
import type { OrderRow } from '../domain/order.ts';
import type { OrderPlan } from './order.ts';

/** An order as the acts pane shows it. `orphaned` says why its runner is known to be gone, where it is. */
export function entryOf(
  row: OrderRow,
  outputTail: string | undefined,
  orphaned: string | undefined,
): ActEntry {
  const plan = JSON.parse(row.plan) as OrderPlan;
  const { progress } = row;
  const summary = orphaned ?? progress.summary ?? (row.status === 'finished' ? undefined : progress.doing);
  return {
    order: row.id,
    act: row.act,
    title: plan.title,
    target: plan.target,
    targetTitle: plan.targetTitle,
    status: orphaned === undefined ? (row.outcome ?? 'running') : 'unknown',
    attempt: row.attempt,
    startedAt: row.createdAt,
    by: row.user,
    stages: progress.stages,
    undo: plan.undo,
    ...(plan.reason === undefined ? {} : { reason: plan.reason }),
    ...(row.endedAt === undefined ? {} : { endedAt: row.endedAt }),
    ...(progress.exitCode === undefined ? {} : { exitCode: progress.exitCode }),
    ...(summary === undefined ? {} : { summary }),
    ...(progress.answer === undefined ? {} : { answer: progress.answer }),
    ...(outputTail === undefined || outputTail === '' ? {} : { outputTail }),
    ...(row.beatAt === undefined ? {} : { beatAt: row.beatAt }),
    ...(row.unseen && row.status === 'finished' ? { unseen: true } : {}),
  };
}

/** Results nobody saw come first, then what runs, then the rest, each newest first. */
export function inReadingOrder(entries: readonly ActEntry[]): readonly ActEntry[] {
  const place = (entry: ActEntry): number => (entry.unseen ? 0 : entry.status === 'running' ? 1 : 2);
  return [...entries].sort((a, b) => place(a) - place(b) || b.startedAt - a.startedAt);
}
