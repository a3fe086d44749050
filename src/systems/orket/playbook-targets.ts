import type { Entity, Job, Ref, Run, Service, Turn } from '../../domain/entity.ts';
import { refOf } from '../../domain/entity.ts';
import { getString } from '../../lib/json.ts';
import type { PlaybookStep, StateView } from '../system.ts';
import { buildOf, cardsOf, isUnderWay, runOf } from './act-program.ts';

type Check = Extract<PlaybookStep, { type: 'check' }>['holds'];
type On = NonNullable<Extract<PlaybookStep, { type: 'act' }>['on']>;

/** The newest turn of the item's run or card that did not end well. */
export function troubledTurn(view: StateView, target: Entity): Turn | undefined {
  if (target.type === 'turn') return target;
  const run = runOf(view, target)?.id;
  const card = cardOf(view, target)?.id;
  return view
    .entities('turn')
    .filter(
      (turn) =>
        turn.attention !== undefined &&
        (run === undefined || turn.run === run) &&
        (card === undefined || turn.issue === card),
    )
    .sort((a, b) => b.index - a.index)[0];
}

/** The last turn of the item's card, else of its run. */
function lastTurn(view: StateView, target: Entity): Turn | undefined {
  const card = cardOf(view, target)?.id ?? deadCards(view, target)[0]?.id;
  const run = runOf(view, target)?.id;
  const startOf = (turn: Turn): number => view.entity('run', turn.run)?.startedAt ?? 0;
  return view
    .entities('turn')
    .filter((turn) => (card === undefined ? turn.run === run : turn.issue === card))
    .sort((a, b) => startOf(b) - startOf(a) || b.index - a.index)[0];
}

/** The card an item is about. */
export function cardOf(view: StateView, target: Entity): Job | undefined {
  if (target.type === 'job') return target;
  const id =
    target.type === 'turn'
      ? target.issue
      : target.type === 'approval'
        ? target.subject
        : getString(target.data, 'card');
  return id === undefined ? undefined : view.entity('job', id);
}

/** The build an item is about. */
export function buildOfItem(view: StateView, target: Entity): string | undefined {
  const run = runOf(view, target);
  if (run) return buildOf(run);
  const card = cardOf(view, target);
  return (card && buildOf(card)) ?? getString(target.data, 'build');
}

/** The newest run of the item's build. */
export function newestRun(view: StateView, target: Entity): Run | undefined {
  const build = buildOfItem(view, target);
  return view
    .entities('run')
    .filter((run) => build !== undefined && buildOf(run) === build)
    .sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0))[0];
}

/** Where an act is done: nowhere where there is nothing. */
export function refOrNone(entity: Entity | undefined): Ref | undefined {
  return entity && refOf(entity);
}

/** Acts on the whole checkout. */
export const onCheckout: On = (view) => refOrNone(view.entity('service', 'orket'));
/** Acts on the turn in trouble, else on the last one there was: what was given up has no trouble any more. */
export const onTurn: On = (view, target) => refOrNone(troubledTurn(view, target) ?? lastTurn(view, target));
/** Acts on the newest run of the item's build. */
export const onRun: On = (view, target) => refOrNone(newestRun(view, target) ?? runOf(view, target));
/** Acts on the item's card, else on the first that was given up. */
export const onCard: On = (view, target) => refOrNone(cardOf(view, target) ?? deadCards(view, target)[0]);

/** A newer run of the item's build is at work. */
export const isGoingOn: Check = (view, target) => {
  const run = newestRun(view, target);
  const old = runOf(view, target);
  return run !== undefined && isUnderWay(run) && run.id !== (old && isUnderWay(old) ? '' : old?.id);
};

/** Blocked cards of the item's build that no run takes up. */
export function deadCards(view: StateView, target: Entity): readonly Job[] {
  const build = buildOfItem(view, target);
  return build === undefined ? [] : cardsOf(view, build).filter(({ status }) => status === 'failed');
}

/** The API or the webhook server. */
export function server(view: StateView, id: 'api' | 'webhook'): Service | undefined {
  return view.entity('service', id);
}
