/** What undoes an act, as things stand now. */
import type { ActOffer, Params, UndoOffer } from '../domain/act.ts';
import { type Entity, type EntityType, type Ref, refOf } from '../domain/entity.ts';
import { type OrderBook, type OrderRow, RESTORE_ACT } from '../domain/order.ts';
import { quietly } from '../lib/quietly.ts';
import { clockText } from '../lib/time-text.ts';
import type { ActOrder, StateView, UndoSpec } from '../systems/system.ts';
import type { OrderPlan } from './order.ts';

/** What finding an undo needs to know. */
export interface UndoSurroundings {
  readonly orders: Pick<OrderBook, 'get' | 'list'>;
  /** Whose newest order is meant where none is named. */
  readonly user: string;
  viewOf(plan: OrderPlan): StateView | undefined;
  /** What the kind says of undoing this act. */
  specOf(plan: OrderPlan): UndoSpec | undefined;
  /** What can be done to a target, `restore` for putting files back. */
  offersFor(target: Ref): readonly ActOffer[];
  restoreOffer(order: string, target: Ref): ActOffer | undefined;
}

/** Orders looked through for one that has undone this one already. */
const LOOKED_THROUGH = 200;

/** Finds what undoes an order. */
export function undoOf(wanted: string | undefined, around: UndoSurroundings): UndoOffer {
  const row = wanted === undefined ? newestOf(around) : around.orders.get(wanted);
  if (!row)
    return { why: wanted === undefined ? 'you have done nothing yet' : `there is no order ${wanted}` };
  const plan = JSON.parse(row.plan) as OrderPlan;
  const common = { order: row.id, title: `${plan.title}: ${plan.targetTitle}` };
  const why = whyNever(row, plan, around);
  if (why !== undefined) return { ...common, why };
  if (plan.undoAct === undefined) return { ...common, why: plan.undo };
  const view = around.viewOf(plan);
  if (!view) return { ...common, why: `${plan.target.system} is not watched here` };
  const found =
    plan.undoAct === RESTORE_ACT
      ? restoration(row.id, plan, view, around)
      : compensation(row, plan, view, around);
  if (!found)
    return { ...common, why: `${plan.undoAct} would undo it, and applies to nothing that is there now` };
  return {
    ...common,
    ...found,
    ...(found.offer.disabled === undefined ? {} : { why: found.offer.disabled }),
  };
}

interface FoundUndo {
  readonly offer: ActOffer;
  readonly target: Ref;
  readonly targetTitle: string;
  readonly params?: Params;
}

function newestOf({ orders, user }: UndoSurroundings): OrderRow | undefined {
  return orders.list(LOOKED_THROUGH).find((row) => row.user === user);
}

function whyNever(row: OrderRow, plan: OrderPlan, { orders }: UndoSurroundings): string | undefined {
  if (row.status !== 'finished') return 'it is under way: end it first, or wait for its outcome';
  if (row.outcome === 'unknown') return 'its outcome is unknown: settle it first';
  if (row.progress.stepsBegun === 0 && row.outcome !== 'settled') return 'nothing of it was started';
  const undone = orders
    .list(LOOKED_THROUGH)
    .find((one) => one.outcome === 'verified' && (JSON.parse(one.plan) as OrderPlan).undoes === row.id);
  return (
    undone &&
    `it was undone by ${undone.user} at ${clockText(undone.endedAt ?? undone.createdAt)}Z (${plan.undoAct ?? undone.act})`
  );
}

/** The act may have turned its item into another thing of the same id: a job that was approved no longer waits. */
const OTHER_TYPES: readonly EntityType[] = ['job', 'run', 'approval', 'issue', 'service', 'turn'];

function compensation(
  row: OrderRow,
  plan: OrderPlan,
  view: StateView,
  around: UndoSurroundings,
): FoundUndo | undefined {
  const spec = around.specOf(plan);
  const order = orderOf(row, plan);
  const places = spec?.on ? [quietly(() => spec.on?.(view, order), undefined)] : placesOf(plan.target);
  const found = places.flatMap((ref): FoundUndo[] => {
    const entity: Entity | undefined = ref && view.entity(ref.type, ref.id);
    const offer = entity && around.offersFor(refOf(entity)).find(({ act }) => act === plan.undoAct);
    return offer ? [{ offer, target: refOf(entity), targetTitle: entity.title }] : [];
  });
  const best = found.find(({ offer }) => offer.disabled === undefined) ?? found[0];
  const params = best && quietly(() => spec?.params?.(view, order), undefined);
  return best && { ...best, ...(params === undefined ? {} : { params }) };
}

function placesOf(target: Ref): readonly Ref[] {
  return [target.type, ...OTHER_TYPES.filter((type) => type !== target.type)].map((type) => ({
    ...target,
    type,
  }));
}

/** The order as its act's own rules know it. */
function orderOf({ id, progress }: OrderRow, plan: OrderPlan): ActOrder {
  const { act, target, params, revision } = plan;
  const { since = plan.startedAt, baseline = plan.baseline } = progress.watch ?? {};
  const { stages, stepsDone } = progress;
  return { order: id, act, target, params, revision, startedAt: since, baseline, stages, stepsDone };
}

function restoration(
  order: string,
  plan: OrderPlan,
  view: StateView,
  around: UndoSurroundings,
): FoundUndo | undefined {
  const entity = view.entity(plan.target.type, plan.target.id);
  const offer = entity && around.restoreOffer(order, plan.target);
  return offer && { offer, target: plan.target, targetTitle: entity.title };
}
