import type { Entity, EntityType } from '../domain/entity.ts';
import { UserError } from '../domain/error.ts';
import type { CockpitState } from '../store/state.ts';

/**
 * Finds what `[system/]id` (or `[system/]type/id`) names. An id of more than one entity is an error with the
 * candidates, unless `prefer` picks one by type. `list`: the list that names what is wanted.
 */
export function findTarget(
  state: CockpitState,
  text: string,
  prefer?: (entity: Entity) => boolean,
  list = 'WHAT',
): Entity {
  const all = [...state.entities.values()].flatMap((map) => [...map.values()]);
  const named = all.filter((entity) => namesOf(entity).includes(text));
  const preferred = prefer ? named.filter(prefer) : named;
  const found = preferred.length > 0 ? preferred : named;
  const only = found[0];
  if (found.length === 1 && only) return only;
  if (found.length > 1) {
    throw new UserError(`"${text}" names ${found.length} things`, [
      'say which one:',
      ...found
        .slice(0, 20)
        .map((entity) => `  ${entity.system}/${typeWord(entity.type)}/${entity.id}  ${entity.title}`),
    ]);
  }
  const near = all
    .filter((entity) => entity.id.toLowerCase().includes(text.toLowerCase().split('/').at(-1) ?? ''))
    .slice(0, 5)
    .map((entity) => `  ${entity.system}/${entity.id}  ${entity.title}`);
  throw new UserError(
    `there is no "${text}"`,
    near.length > 0 ? ['near it:', ...near] : [`\`binnacle list ${list}\` names all`],
  );
}

function namesOf(entity: Entity): string[] {
  const { system, id } = entity;
  const type = typeWord(entity.type);
  return [id, `${system}/${id}`, `${type}/${id}`, `${system}/${type}/${id}`];
}

function typeWord(type: EntityType): string {
  return type === 'restorePoint' ? 'restore-point' : type;
}
