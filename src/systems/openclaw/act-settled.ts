import type { StageState } from '../../domain/act.ts';
import type { Job } from '../../domain/entity.ts';
import { addMs, type Instant, instant } from '../../domain/instant.ts';
import { getArray, getNumber, getString } from '../../lib/json.ts';
import type { ActOrder, StateView } from '../system.ts';
import { claimDeadline, type Mark, marksSince } from './act-common.ts';
import { isWorkerService } from './worker-queue.ts';

/** What scripts/control.py can ask for. */
export type Command = 'approve' | 'revise' | 'resume' | 'cancel';

/** A command that no pass has taken up yet, in the order of the file. */
export interface PendingCommand {
  readonly action: string;
  readonly at: Instant | undefined;
}

/** Our clock and the program's are one, but an order's start and the stamp of its command are rounded apart. */
const ROUNDING_MS = 2_000;
/** A drain applies its batch in one go: what it did not apply by then it did not have. */
const DRAIN_MS = 5_000;

/** Commands after which the effect of the first is gone. A cancel is the last word: whatever was given before it goes. */
const UNDONE_BY: { readonly [C in Command]: readonly string[] } = {
  approve: ['cancel', 'revise'],
  resume: ['cancel', 'revise'],
  revise: ['cancel', 'resume'],
  cancel: [],
};
const UNDOING_EVENTS: { readonly [C in Command]: readonly string[] } = {
  approve: ['job_cancelled', 'audit_revise_requested'],
  resume: ['job_cancelled', 'audit_revise_requested'],
  revise: ['job_cancelled', 'job_resumed'],
  cancel: ['job_resumed', 'audit_revise_requested'],
};

/** Commands for a job in the signal file. */
export function pendingOf(job: Job): readonly PendingCommand[] {
  return getArray(job.data, 'pending').map((one) => {
    const at = getNumber(one, 'at');
    return { action: getString(one, 'action') ?? '', at: at === undefined ? undefined : instant(at) };
  });
}

/** An earlier command that is still to be applied and would take this one back; undefined when there is none. */
export function undoing(job: Job, command: Command): PendingCommand | undefined {
  return pendingOf(job).find(({ action }) => UNDONE_BY[command].includes(action));
}

/** The event by which an earlier command took back what `first` had done. */
export function takenBack(
  marks: readonly Mark[],
  first: Mark | undefined,
  command: Command,
): Mark | undefined {
  if (first === undefined) return undefined;
  return marks.find((mark) => mark.id > first.id && UNDOING_EVENTS[command].includes(mark.event));
}

/**
 * The stage that says that our command stays in force. control.py applies a command at once and leaves it in
 * `temporal_signals.json` too, behind those given before; the next pass applies them all once more, in their order. A
 * worker may claim the job in between, so a claim proves nothing about an older cancel. What proves it does not depend on
 * when we look:
 * - the pass has written that it took up ours (`control_signal_applied`): everything before it is over; or
 * - ours is in the file with nothing before it that would undo it; or
 * - a drain broke after ours was given (scheduler_exceptions.jsonl): the rest of its batch was thrown away; or
 * - a pass has drained since, and ours is neither applied nor in the file: control.py reads and writes the file without a
 *   lock, so of two commands given in one moment one is lost. It took effect when given, and what was before it is over.
 */
export function settledStage(
  view: StateView,
  order: ActOrder,
  job: Job | undefined,
  command: Command,
): StageState {
  const marks = job ? marksSince(job, order.baseline) : [];
  const since = order.startedAt - ROUNDING_MS;
  const isOurs = (at: Instant | undefined): boolean => at !== undefined && at >= since;
  const applied = marks.find(
    (mark) =>
      mark.event === 'control_signal_applied' && mark.action === command && isOurs(mark.given ?? mark.at),
  );
  const common = {
    stage: 'done' as const,
    title: 'no command given before it takes it back',
    deadline: claimDeadline(order),
    required: true,
  };
  const first = marks.find((mark) => FIRST_EVENT[command] === mark.event);
  const undone = takenBack(marks, first, command);
  if (undone) return { ...common, state: 'contradicted', detail: `${undone.event} came after it` };
  if (applied) {
    return {
      ...common,
      state: 'seen',
      detail: 'a pass took it up, and what was given before it',
      ...(applied.at === undefined ? {} : { seenAt: applied.at }),
    };
  }
  if (job === undefined) return { ...common, state: 'waiting', detail: 'the job is not in the database now' };
  const pending = pendingOf(job);
  const ours = pending.findLastIndex(({ action, at }) => action === command && isOurs(at));
  const older = pending.filter(
    ({ action, at }, index) =>
      UNDONE_BY[command].includes(action) && (index < ours || at === undefined || at < order.startedAt),
  )[0];
  if (older)
    return {
      ...common,
      state: 'waiting',
      detail: `${older.action} was given before and is applied at the next pass`,
    };
  if (ours >= 0)
    return { ...common, state: 'seen', detail: 'nothing given before it waits among the commands' };
  const broke = getNumber(job.data, 'drainBrokeAt');
  if (first?.at !== undefined && broke !== undefined && broke >= first.at)
    return { ...common, state: 'seen', detail: 'the drain that held it broke: its batch was thrown away' };
  const drained = lastDrainOf(view, job);
  if (
    first?.at !== undefined &&
    drained !== undefined &&
    drained > first.at &&
    view.now > addMs(drained, DRAIN_MS)
  )
    return {
      ...common,
      state: 'seen',
      detail: 'a pass drained without it: it was lost beside another command',
    };
  return { ...common, state: 'waiting', detail: 'no pass has taken the command up' };
}

/** When a pass last applied a command of the job's queue, whichever job it was for. */
function lastDrainOf(view: StateView, job: Job): Instant | undefined {
  const project = getString(job.data, 'project');
  const worker = view
    .entities('service')
    .find((service) => isWorkerService(service) && getString(service.data, 'project') === project);
  const at = getNumber(worker?.data, 'lastDrain');
  return at === undefined ? undefined : instant(at);
}

/** What each command writes when it is applied the first time. */
const FIRST_EVENT: { readonly [C in Command]: string } = {
  approve: 'audit_approved',
  revise: 'audit_revise_requested',
  resume: 'job_resumed',
  cancel: 'job_cancelled',
};
