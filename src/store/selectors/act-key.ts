import type { ActMenu } from '../../domain/act.ts';
import type { AttentionItem } from '../../domain/attention.ts';
import type { Approval } from '../../domain/entity.ts';

/** The key under which a menu of acts opens. */
export const menuKeys: { readonly [M in ActMenu]: string } = {
  approve: 'a',
  replay: 'r',
  restart: 'R',
  resume: 'S',
  pause: 'P',
  rollback: 'B',
  cancel: 'C',
  other: 'A',
};

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

/**
 * The one key that helps with an item: an approval's card, the menu of its act, the steps of its playbook, else the
 * page that shows it whole.
 */
export function keyOfItem(item: AttentionItem): string {
  if (item.kind === 'approval') return 'a';
  if (item.act !== undefined) return menuKeys[menuOfAct(item.act)];
  return item.playbook !== undefined ? 'b' : 'Ent';
}

/** True where an approval names acts beside deciding: asking again, taking it back. */
export function hasOtherWays(approval: Pick<Approval, 'decisions'>): boolean {
  return approval.decisions.some((act) => menuOfAct(act) !== 'approve');
}

function lookUp(verb: string): ActMenu | undefined {
  return Object.hasOwn(verbMenus, verb) ? verbMenus[verb] : undefined;
}
