/** From a confirmed plan to a runner on its way: claim and row, then the ledger, then the process. */

import type { Entity } from '../domain/entity.ts';
import { messageOf } from '../domain/error.ts';
import type { Instant } from '../domain/instant.ts';
import type { StartedRecord } from '../domain/ledger.ts';
import type { NewOrder, OrderRow } from '../domain/order.ts';
import type { ActSpec, StateView } from '../systems/system.ts';
import type { StartRequest } from './confirm.ts';
import { claimKeyOf, type OrderPlan } from './order.ts';
import { claimRefusal, type Planned } from './plan.ts';
import type { ActServicePorts } from './ports.ts';
import { MOST_OPEN } from './queue.ts';
import { endOrder } from './recovery.ts';
import { retryWhileLocked } from './retry.ts';

/** Longest reason or note kept, in characters. */
export const LONGEST_REASON = 2_000;

/** An act that was confirmed, as of the view it was checked against. */
export interface Confirmed {
  readonly spec: ActSpec;
  readonly target: Entity;
  readonly view: StateView;
  readonly planned: Planned;
  readonly request: StartRequest;
  /** How many acts may run their steps in the system at once. */
  readonly atOnce?: number;
}

/** Places the order and starts its runner. Nothing runs unless claim, row and ledger line are on disk. */
export async function placeOrder(
  ports: ActServicePorts,
  confirmed: Confirmed,
): Promise<{ order?: string; refused?: string }> {
  const { clock, ledger, orders } = ports;
  if (!ledger.ok) return { refused: `nothing is done that can't be recorded: ${ledger.error}` };
  let row: OrderRow;
  let started: StartedRecord;
  try {
    const made = makeOrder(ports, confirmed);
    const waiting = await retryWhileLocked(clock, () =>
      orders.open().filter(({ system }) => system === made.order.system),
    );
    if (waiting.length >= MOST_OPEN)
      return { refused: `${waiting.length} acts on this system have no end yet: wait for some of them` };
    const placed = await retryWhileLocked(clock, () => orders.place(made.order));
    if (!placed.placed)
      return { refused: claimRefusal(placed.state) ?? 'it was tried meanwhile: look at it again' };
    row = placed.row;
    started = { ...made.started, planDigest: row.digest };
  } catch (error) {
    return { refused: `nothing is done that can't be recorded: ${messageOf(error)}` };
  }
  try {
    await retryWhileLocked(clock, () => ledger.value.appendOnce(started));
    if (!(await retryWhileLocked(clock, () => orders.ready(row.id))))
      return { refused: 'it was given up before it began' };
    await ports.spawnRunner({ order: row.id });
    return { order: row.id };
  } catch (error) {
    const summary = `nothing was started: ${messageOf(error)}`;
    // Whether a runner has it after all is decided by the row: ending it only succeeds while none has.
    const now = orders.get(row.id) ?? row;
    if (now.status === 'running' || now.status === 'finished') return { order: row.id };
    return endOrder(ports, now, { outcome: 'failed', summary }) ? { refused: summary } : { order: row.id };
  }
}

function makeOrder(
  { clock, masker, self, version, who }: ActServicePorts,
  { spec, target, view, planned, request, atOnce }: Confirmed,
): { order: NewOrder; started: Omit<StartedRecord, 'planDigest'> } {
  const { preview, steps } = planned;
  const at = clock.now();
  const id = newOrderId(at);
  const reason = masker.text((request.reason ?? '').trim().slice(0, LONGEST_REASON));
  const common = {
    order: id,
    act: spec.id,
    title: spec.title,
    target: preview.target,
    targetTitle: masker.text(preview.targetTitle),
    params: preview.params,
    revision: preview.revision,
    attempt: preview.attempt,
    commands: preview.commands,
    who,
    undo: preview.undo,
    ...(request.occasion?.undoes === undefined ? {} : { undoes: request.occasion.undoes }),
    ...(reason === '' ? {} : { reason }),
  };
  const plan: OrderPlan = {
    ...common,
    format: 1,
    risk: spec.risk,
    located: view.located,
    baseline: spec.baseline?.(view, target) ?? null,
    steps,
    startedAt: at,
    ...(preview.undoAct === undefined ? {} : { undoAct: preview.undoAct }),
    ...(preview.payloadDigest === undefined ? {} : { payloadDigest: preview.payloadDigest }),
    ...(atOnce === undefined ? {} : { atOnce }),
  };
  const order: NewOrder = {
    ...claimKeyOf(spec, preview.target, preview.revision),
    id,
    act: spec.id,
    system: preview.system,
    attempt: preview.attempt,
    user: who.user,
    plan: JSON.stringify(plan),
    createdAt: at,
    placedBy: self,
  };
  const started: Omit<StartedRecord, 'planDigest'> = {
    ...common,
    phase: 'started',
    at,
    version,
    root: preview.root,
    ...(preview.environment === undefined ? {} : { environment: preview.environment }),
    ...(preview.payloadDigest === undefined ? {} : { payloadDigest: preview.payloadDigest }),
    confirmedBy: request.confirmedBy,
  };
  return { order, started };
}

/** Sorts by time, and no two are alike: the file name of its output and the one argument of its runner. */
function newOrderId(at: Instant): string {
  const random = crypto.getRandomValues(new Uint8Array(5));
  const tail = [...random].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${Math.floor(at).toString(36)}-${tail}`;
}
