import type { Entity } from './entity.ts';
import { entityKey } from './entity.ts';

/** How the entities of one system moved between two looks. */
export interface EntityDiff {
  readonly appeared: readonly Entity[];
  readonly changed: readonly {
    readonly before: Entity;
    readonly after: Entity;
  }[];
  readonly gone: readonly Entity[];
}

/**
 * Compares two derivations of one system. `observedAt` alone is no change. Entities that did not change keep their
 * former object, so that whoever compares by reference sees nothing. Those that are the very objects of before, in
 * their order, cost nothing but that. `told`: what of a derived entity is kept; one that was kept as it is stays so.
 */
export function diffEntities(
  before: ReadonlyMap<string, Entity>,
  after: readonly Entity[],
  told: (entity: Entity) => Entity = (entity) => entity,
): { readonly diff: EntityDiff; readonly next: Map<string, Entity> } {
  const next = new Map<string, Entity>();
  const appeared: Entity[] = [];
  const changed: { before: Entity; after: Entity }[] = [];
  const keys = [...before.keys()];
  const entities = [...before.values()];
  let place = 0;
  /** Places that were passed over. */
  const left: number[] = [];
  for (const derived of after) {
    const placeKey = keys[place];
    if (placeKey !== undefined && entities[place] === derived) {
      place += 1;
      next.set(placeKey, derived);
      continue;
    }
    const entity = told(derived);
    const key = entityKey(entity);
    const known = before.get(key);
    if (key === placeKey) place += 1;
    else if (known === derived) {
      const at = entities.indexOf(derived, place);
      for (; place < at; place += 1) left.push(place);
      if (at === place) place += 1;
    }
    if (!known) {
      appeared.push(entity);
      next.set(key, entity);
    } else if (isSameEntity(known, entity)) {
      next.set(key, known.observedAt === entity.observedAt ? known : entity);
    } else {
      changed.push({ before: known, after: entity });
      next.set(key, entity);
    }
  }
  const gone: Entity[] = [];
  for (; place < entities.length; place += 1) left.push(place);
  for (const at of left) {
    const [key, entity] = [keys[at], entities[at]];
    if (key !== undefined && entity !== undefined && !next.has(key)) gone.push(entity);
  }
  return { diff: { appeared, changed, gone }, next };
}

/** True when nothing a person or an act could see differs. */
export function isSameEntity(a: Entity, b: Entity): boolean {
  return a === b || deepEqual({ ...a, observedAt: 0 }, { ...b, observedAt: 0 });
}

function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keysA = Object.keys(a);
  const keysB = Object.keys(b);
  if (keysA.length !== keysB.length) return false;
  return keysA.every(
    (key) =>
      Object.hasOwn(b, key) &&
      deepEqual((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

/** The word that tells an entity's state, for change lines: `running`, `stalled`, `open` ... */
export function stateWord(entity: Entity): string {
  switch (entity.type) {
    case 'run':
    case 'job':
    case 'approval':
    case 'issue':
    case 'layer':
    case 'service':
      return entity.status;
    case 'turn':
      return entity.state;
    case 'meter':
      return `${entity.status} ${entity.value}`;
    case 'restorePoint':
      return 'present';
  }
}

/** The state with what is known of it, in one line: `failed: 1 stalled, 7 failed`, `unknown: native claimed`. Raw. */
export function stateText(entity: Entity): string {
  const more = moreOf(entity);
  return more === undefined || more === '' ? stateWord(entity) : `${stateWord(entity)}: ${more}`;
}

function moreOf(entity: Entity): string | undefined {
  switch (entity.type) {
    case 'layer':
      return entity.summary;
    case 'service':
    case 'issue':
      return entity.detail;
    case 'run':
    case 'job':
      return entity.nativeStatus === undefined || entity.nativeStatus === entity.status
        ? undefined
        : `native ${entity.nativeStatus}`;
    case 'meter':
      return entity.limit === undefined ? entity.unit : `of ${entity.limit} ${entity.unit}`;
    case 'restorePoint':
      return entity.label;
    case 'turn':
    case 'approval':
      return undefined;
  }
}
