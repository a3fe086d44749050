import type { ActMenu, StageState } from '../../domain/act.ts';
import { menuOfAct } from '../../domain/act-menu.ts';
import { stateWord } from '../../domain/diff.ts';
import type { Entity, EntityType } from '../../domain/entity.ts';
import { addMs } from '../../domain/instant.ts';
import { isPlainId } from '../../lib/ids.ts';
import { isObject, type Json } from '../../lib/json.ts';
import type { ActSpec } from '../system.ts';
import { fillTemplate } from './field.ts';
import { type DescribedAct, durationMs } from './schema.ts';

const DEFAULT_TIMEOUT_MS = 60_000;

/** An act of a described kind. Judged by the state of its target, never by the program's exit. */
export function actOf(act: DescribedAct): ActSpec {
  const appliesTo = (target: Entity): boolean =>
    target.type === act.applies.type &&
    (act.applies.status === undefined || act.applies.status.includes(stateWord(target)));
  return {
    id: act.id,
    title: act.title,
    menu: act.menu ?? menuOf(act.id),
    risk: act.risk,
    does: act.does,
    params: [],
    appliesTo: (target) => target.type === act.applies.type,
    precondition(view, target) {
      if (!isPlainId(target.id)) return 'its id has characters that are not passed to a program';
      if (!appliesTo(target)) return `it is ${stateWord(target)}; wanted: ${act.applies.status?.join(', ')}`;
      const program = act.run[0] ?? '';
      if (!program.startsWith('/') && program.includes('..'))
        return `${program} leads out of ${view.located.root}`;
      const option = argumentsOf(act, target).find(
        (word, index) => word.startsWith('-') && !act.run[index]?.startsWith('-'),
      );
      if (option !== undefined) return `its value ${option} would be taken for an option of the program`;
      return undefined;
    },
    revision: (_view, target) => stateWord(target),
    plan(view, target) {
      const root = view.located.root;
      const [program = '', ...rest] = argumentsOf(act, target);
      return [
        {
          type: 'process',
          title: act.title,
          argv: [program.startsWith('/') ? program : `${root}/${program}`, ...rest],
          cwd: act.cwd === undefined || act.cwd === '.' ? root : `${root}/${act.cwd}`,
          timeoutMs: act.timeout === undefined ? DEFAULT_TIMEOUT_MS : durationMs(act.timeout),
        },
      ];
    },
    expect(view, order): StageState[] {
      const target = view.entity(order.target.type as EntityType, order.target.id);
      const word = target ? stateWord(target) : 'gone';
      return act.expect.map((stage) => {
        const seen = stage.status.includes(word);
        return {
          stage: stage.stage,
          title: `${order.target.id} becomes ${stage.status.join(' or ')}`,
          state: seen ? 'seen' : 'waiting',
          detail: `it is ${word}`,
          deadline: addMs(order.startedAt, durationMs(stage.within)),
          required: true,
          ...(seen ? { seenAt: view.now } : {}),
        };
      });
    },
    undo: { text: act.undo ?? 'not described for this act' },
  };
}

/** The menu the screen's key for this verb opens; a described kind has no approval cards. */
function menuOf(act: string): ActMenu {
  const menu = menuOfAct(act);
  return menu === 'approve' ? 'other' : menu;
}

/** An entity whose row names an act, with the menu the act stands in where its verb alone would tell another one. */
export function withMenu(entity: Entity, acts: readonly DescribedAct[]): Entity {
  const id = entity.attention?.act;
  if (!entity.attention || id === undefined) return entity;
  const menu = acts.find((one) => one.id === id)?.menu ?? menuOf(id);
  return menu === menuOfAct(id) ? entity : { ...entity, attention: { ...entity.attention, menu } };
}

/** Program and arguments with the target's values put in; each stays one argument. The program itself is fixed. */
function argumentsOf(act: DescribedAct, target: Entity): readonly string[] {
  const fields = target.data?.['value'];
  const value: Json = { ...(isObject(fields) ? fields : {}), id: target.id };
  return act.run.map((word, index) => (index === 0 ? word : fillTemplate(word, value)));
}
