import type { ActMenu } from './act.ts';

/** Verbs of act ids (`noun.verb`) whose menu is not called after them. */
const verbMenus: { readonly [verb: string]: ActMenu } = {
  approve: 'approve',
  deny: 'approve',
  revise: 'approve',
  answer: 'approve',
  review: 'approve',
  decide: 'approve',
  replay: 'replay',
  retry: 'replay',
  restart: 'restart',
  start: 'restart',
  resume: 'resume',
  requeue: 'resume',
  pause: 'pause',
  halt: 'pause',
  rollback: 'rollback',
  restore: 'rollback',
  cancel: 'cancel',
  kill: 'cancel',
  end: 'cancel',
};

/** The menu an act id stands in, by its verb; the first word of a verb such as `answer-and-resume` decides. */
export function menuOfAct(act: string): ActMenu {
  const verb = act.slice(act.lastIndexOf('.') + 1);
  return lookUp(verb) ?? lookUp(verb.split('-')[0] ?? '') ?? 'other';
}

function lookUp(verb: string): ActMenu | undefined {
  return Object.hasOwn(verbMenus, verb) ? verbMenus[verb] : undefined;
}
