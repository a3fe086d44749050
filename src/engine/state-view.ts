import { type Entity, type EntityOf, type EntityType, entityKey } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import type { ProcessTable } from '../domain/process.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Located, StateView } from '../systems/system.ts';

/** The look at one system that preconditions, plans and verifications get. */
export function stateViewOf(
  located: Located,
  now: Instant,
  entities: ReadonlyMap<string, Entity>,
  data: JsonObject,
  table: ProcessTable,
): StateView {
  return {
    located,
    now,
    data,
    processes: table.processes,
    entity<T extends EntityType>(type: T, id: string) {
      return entities.get(entityKey({ type, id })) as EntityOf<T> | undefined;
    },
    entities<T extends EntityType>(type: T) {
      return [...entities.values()].filter((entity): entity is EntityOf<T> => entity.type === type);
    },
  };
}
