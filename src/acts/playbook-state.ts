import type { ActOffer, Params } from '../domain/act.ts';
import { type Entity, type Ref, refOf } from '../domain/entity.ts';
import type { Playbook, PlaybookStep, StateView } from '../systems/system.ts';

/** A playbook of an item with the state of each step, as the screen shows it. */
export interface PlaybookState {
  readonly id: string;
  readonly title: string;
  readonly steps: readonly {
    readonly type: 'check' | 'act' | 'note';
    readonly text: string;
    readonly state: 'done' | 'open' | 'unknown';
    readonly act?: string;
    readonly offer?: ActOffer;
    /** What the act of this step is done to. */
    readonly target?: Ref;
    readonly params?: Params;
  }[];
}

/** Checks a playbook's steps against the state. A check that fails on what it sees is unknown, not open. */
export function playbookState(
  playbook: Playbook,
  view: StateView,
  target: Entity,
  offersFor: (target: Ref) => readonly ActOffer[],
  isDone: (act: string, target: Ref) => boolean,
): PlaybookState {
  return {
    id: playbook.id,
    title: playbook.title,
    steps: playbook.steps.map((step) => {
      if (step.type === 'note') return { type: step.type, text: step.text, state: 'open' };
      if (step.type === 'check')
        return { type: step.type, text: step.text, state: check(step, view, target) };
      const { act } = step;
      const on = targetOf(step, view, target);
      if (!on) return { type: step.type, text: step.text, state: 'unknown', act };
      const offer = offersFor(on).find((one) => one.act === act);
      const params = paramsOf(step, view, target);
      return {
        type: step.type,
        text: step.text,
        state: isDone(act, on) ? 'done' : 'open',
        act,
        target: on,
        ...(offer ? { offer } : {}),
        ...(params ? { params } : {}),
      };
    }),
  };
}

type ActStep = Extract<PlaybookStep, { type: 'act' }>;

function targetOf(step: ActStep, view: StateView, target: Entity): Ref | undefined {
  if (!step.on) return refOf(target);
  try {
    return step.on(view, target);
  } catch {
    return undefined;
  }
}

function paramsOf(step: ActStep, view: StateView, target: Entity): Params | undefined {
  try {
    return step.params?.(view, target);
  } catch {
    return undefined;
  }
}

function check(
  step: Extract<PlaybookStep, { type: 'check' }>,
  view: StateView,
  target: Entity,
): 'done' | 'open' | 'unknown' {
  try {
    return step.holds(view, target) ? 'done' : 'open';
  } catch {
    return 'unknown';
  }
}
