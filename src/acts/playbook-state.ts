import type { ActOffer } from '../domain/act.ts';
import type { Entity } from '../domain/entity.ts';
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
  }[];
}

/** Checks a playbook's steps against the state. A check that fails on what it sees is unknown, not open. */
export function playbookState(
  playbook: Playbook,
  view: StateView,
  target: Entity,
  offers: readonly ActOffer[],
  isDone: (act: string) => boolean,
): PlaybookState {
  return {
    id: playbook.id,
    title: playbook.title,
    steps: playbook.steps.map((step) => {
      if (step.type === 'note') return { type: step.type, text: step.text, state: 'open' };
      if (step.type === 'check')
        return { type: step.type, text: step.text, state: check(step, view, target) };
      const offer = offers.find((one) => one.act === step.act);
      const state = isDone(step.act) ? 'done' : 'open';
      return { type: step.type, text: step.text, state, act: step.act, ...(offer ? { offer } : {}) };
    }),
  };
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
