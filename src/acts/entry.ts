import type { ActEntry } from '../domain/act.ts';
import type { OrderRow } from '../domain/order.ts';
import type { OrderPlan } from './order.ts';
import type { ActSystem } from './ports.ts';

/** An order as the acts pane shows it. `orphaned` says why its runner is known to be gone, where it is. */
export function entryOf(
  row: OrderRow,
  outputTail: string | undefined,
  orphaned: string | undefined,
  playbook?: ActEntry['playbook'],
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
    ...(plan.undoAct === undefined ? {} : { undoAct: plan.undoAct }),
    ...(plan.undoes === undefined ? {} : { undoes: plan.undoes }),
    ...(plan.reason === undefined ? {} : { reason: plan.reason }),
    ...(row.endedAt === undefined ? {} : { endedAt: row.endedAt }),
    ...(progress.exitCode === undefined ? {} : { exitCode: progress.exitCode }),
    ...(summary === undefined ? {} : { summary }),
    ...(progress.answer === undefined ? {} : { answer: progress.answer }),
    ...(outputTail === undefined || outputTail === '' ? {} : { outputTail }),
    ...(row.beatAt === undefined ? {} : { beatAt: row.beatAt }),
    ...(orphaned === undefined && (row.status === 'placed' || row.status === 'ready')
      ? { queued: true }
      : {}),
    ...(playbook ? { playbook } : {}),
    ...(row.unseen && row.status === 'finished' ? { unseen: true } : {}),
  };
}

/** Results nobody saw come first, then what runs, then the rest, each newest first. */
export function inReadingOrder(entries: readonly ActEntry[]): readonly ActEntry[] {
  const place = (entry: ActEntry): number => (entry.unseen ? 0 : entry.status === 'running' ? 1 : 2);
  return [...entries].sort((a, b) => place(a) - place(b) || b.startedAt - a.startedAt);
}

/**
 * The playbook for an act that did not do what was wanted: that of its item, else one of its kind that names the act.
 * Undefined where it did, or is on its way.
 */
export function playbookFor(row: OrderRow, system: ActSystem | undefined): ActEntry['playbook'] {
  if (!system || !row.outcome || !['not-seen', 'failed', 'timed-out', 'unknown'].includes(row.outcome))
    return undefined;
  const { target } = JSON.parse(row.plan) as OrderPlan;
  const entity = system.view().entity(target.type, target.id);
  const named = entity?.attention?.playbook ?? (entity?.type === 'issue' ? entity.playbook : undefined);
  const { playbooks } = system.kind;
  const found =
    playbooks.find(({ id }) => id === named) ??
    playbooks.find(({ steps }) => steps.some((step) => step.type === 'act' && step.act === row.act));
  return found && { id: found.id, title: found.title };
}
