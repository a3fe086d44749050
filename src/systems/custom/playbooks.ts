import type { SystemId } from '../../domain/entity.ts';
import type { Playbook, PlaybookStep } from '../system.ts';
import { entityTypeOf, holds, recordOf } from './acts.ts';
import { fillTemplate } from './field.ts';
import type { DescribedPlaybook } from './schema-act.ts';

/** A procedure of a described kind. */
export function playbookOf({ id, title, steps }: DescribedPlaybook): Playbook {
  return { id, title, steps: steps.map(stepOf) };
}

function stepOf(step: DescribedPlaybook['steps'][number]): PlaybookStep {
  if (step.type === 'note') return { type: 'note', text: step.text };
  if (step.type === 'check')
    return { type: 'check', text: step.text, holds: (view, target) => holds(step.when, view, target) };
  const { text, act, on, params } = step;
  return {
    type: 'act',
    text,
    act,
    ...(on && {
      on: (view, target) => ({
        system: view.located.system as SystemId,
        type: entityTypeOf(on.type),
        id: fillTemplate(on.id, recordOf(target)),
      }),
    }),
    ...(params && {
      params: (_view, target) =>
        Object.fromEntries(
          Object.entries(params).map(([name, given]) => [name, fillTemplate(given, recordOf(target))]),
        ),
    }),
  };
}
