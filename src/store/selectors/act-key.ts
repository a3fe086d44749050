import type { ActMenu } from '../../domain/act.ts';
import { menuOfAct } from '../../domain/act-menu.ts';
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

/**
 * The one key that helps with an item: an approval's card, the menu of its act, the steps of its playbook, else the
 * page that shows it whole.
 */
export function keyOfItem(item: AttentionItem): string {
  if (item.kind === 'approval') return 'a';
  if (item.act !== undefined) return menuKeys[item.menu ?? menuOfAct(item.act)];
  return item.playbook !== undefined ? 'b' : 'Ent';
}

/** True where an approval names acts beside deciding: asking again, taking it back. */
export function hasOtherWays(approval: Pick<Approval, 'decisions'>): boolean {
  return approval.decisions.some((act) => menuOfAct(act) !== 'approve');
}
