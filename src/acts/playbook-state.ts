import type { Params } from '../domain/act.ts';
import { type Entity, type Ref, refOf } from '../domain/entity.ts';
import type { PlaybookStep, StateView } from '../systems/system.ts';

type ActStep = Extract<PlaybookStep, { type: 'act' }>;

/** What the act of a step is done to now: the item itself unless the step says otherwise. */
export function targetOf(step: ActStep, view: StateView, item: Entity): Ref | undefined {
  if (!step.on) return refOf(item);
  try {
    return step.on(view, item);
  } catch {
    return undefined;
  }
}

/** Parameters the act of a step is offered with. */
export function paramsOf(step: ActStep, view: StateView, item: Entity): Params | undefined {
  try {
    return step.params?.(view, item);
  } catch {
    return undefined;
  }
}

/** Whether a check holds. One that fails on what it sees is unknown, not open. */
export function checkStateOf(
  step: Extract<PlaybookStep, { type: 'check' }>,
  view: StateView,
  item: Entity,
): 'done' | 'open' | 'unknown' {
  try {
    return step.holds(view, item) ? 'done' : 'open';
  } catch {
    return 'unknown';
  }
}
