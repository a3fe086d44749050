import type { ActEntry } from '../domain/act.ts';
import { isAside } from '../domain/aside.ts';
import { type AttentionItem, attentionOf, compareAttention, sourceAttentions } from '../domain/attention.ts';
import {
  type Entity,
  type EntityOf,
  type EntityType,
  entityKey,
  type Ref,
  refKey,
  type SystemId,
} from '../domain/entity.ts';
import type { Signal } from '../domain/hook.ts';
import { type Instant, instant } from '../domain/instant.ts';
import type { WatchEntry } from '../domain/watch.ts';
import type {
  Aside,
  EngineFigures,
  EnginePort,
  Hold,
  Presence,
  StateChanges,
  SystemSummary,
} from '../engine/protocol.ts';

export type { EnginePort, StateChanges };

/** Lists by type, in the order of systems and then as the engine gave them. */
export type EntityLists = { readonly [T in EntityType]: readonly EntityOf<T>[] };

/** An entity that is no more, with what was last known of it. */
export interface Departed {
  readonly entity: Entity;
  readonly at: Instant;
}

/**
 * What is known of the watched systems, as of the last message. Immutable: a part that did not change keeps its
 * reference, so that selectors and panes can compare by identity.
 */
export interface CockpitState {
  /** `loading` until the first whole snapshot is here. */
  readonly phase: 'loading' | 'live' | 'failed';
  /** Slices of a snapshot that is not whole yet: what is shown stays until it is. */
  readonly pending: readonly StateChanges[];
  /** Why there is nothing more to come, for `failed`. */
  readonly failure?: string;
  /** As of when the engine said this last. It goes on while nothing happens. */
  readonly now: Instant;
  /** When something a person can see came in last: a quiet screen has no need to be drawn again. */
  readonly movedAt: Instant;
  readonly factsSince?: Instant;
  readonly systems: readonly SystemSummary[];
  /** By system, then by `type/id`. */
  readonly entities: ReadonlyMap<SystemId, ReadonlyMap<string, Entity>>;
  readonly lists: EntityLists;
  /** The queue without what is set aside, most urgent first. */
  readonly queue: readonly AttentionItem[];
  readonly aside: readonly AttentionItem[];
  /** By `system/type/id`; the newest two hundred. */
  readonly departed: ReadonlyMap<string, Departed>;
  readonly acts: readonly ActEntry[];
  readonly asides: readonly Aside[];
  readonly holds: readonly Hold[];
  readonly presence: readonly Presence[];
  /** What this user watches, those that ended within a day included. */
  readonly watches: readonly WatchEntry[];
  /** The newest of what the engine asked of this screen. */
  readonly signals: readonly Signal[];
  readonly figures: EngineFigures;
  readonly logSeq: number;
  readonly notices: readonly string[];
}

const maxDeparted = 200;
const emptyLists: EntityLists = {
  run: [],
  turn: [],
  job: [],
  approval: [],
  issue: [],
  layer: [],
  service: [],
  meter: [],
  restorePoint: [],
};

/** Before the first message. */
export const initialState: CockpitState = {
  phase: 'loading',
  pending: [],
  now: instant(0),
  movedAt: instant(0),
  systems: [],
  entities: new Map(),
  lists: emptyLists,
  queue: [],
  aside: [],
  departed: new Map(),
  acts: [],
  asides: [],
  holds: [],
  presence: [],
  watches: [],
  signals: [],
  figures: { lagMs: 0, unreadBytes: 0, badRecords: 0, linesPerSecond: 0, polling: false },
  logSeq: 0,
  notices: [],
};

/** The entity a reference names, if it is still there. */
export function entityAt(state: CockpitState, ref: Ref): Entity | undefined {
  return state.entities.get(ref.system)?.get(entityKey(ref));
}

/** Takes in a message of the engine. Slices are kept until the snapshot is whole, and taken in as one. */
export function reduceChanges(state: CockpitState, changes: StateChanges): CockpitState {
  if (!changes.complete) return { ...state, pending: [...(changes.reset ? [] : state.pending), changes] };
  return takeIn(state, state.pending.length === 0 ? changes : wholeOf([...state.pending, changes]));
}

/** Slices as the one message they were cut from. */
function wholeOf(slices: readonly StateChanges[]): StateChanges {
  return {
    ...(Object.assign({}, ...slices) as StateChanges),
    reset: slices.some((slice) => slice.reset),
    upserts: slices.flatMap((slice) => slice.upserts),
    removed: slices.flatMap((slice) => slice.removed),
  };
}

function takeIn(state: CockpitState, changes: StateChanges): CockpitState {
  const touched = new Set<EntityType>();
  const entities = nextEntities(state, changes, touched);
  const systems = changes.systems ? keepSystems(state.systems, changes.systems) : state.systems;
  const lists = nextLists(changes.reset ? emptyLists : state.lists, entities, systems, touched);
  const asides = keepEqual(state.asides, changes.asides);
  const queueMoves = entities !== state.entities || systems !== state.systems || asides !== state.asides;
  const queues = queueMoves ? queuesOf(entities, systems, asides, changes.now) : undefined;
  const next: CockpitState = {
    phase: 'live',
    pending: [],
    now: changes.now,
    movedAt: changes.now,
    ...optional('factsSince', changes.factsSince ?? state.factsSince),
    systems,
    entities,
    lists,
    queue: queues ? keepSame(state.queue, queues.queue) : state.queue,
    aside: queues ? keepSame(state.aside, queues.aside) : state.aside,
    departed: nextDeparted(state, changes),
    acts: keepEqual(state.acts, changes.acts),
    asides,
    holds: keepEqual(state.holds, changes.holds),
    presence: keepEqual(state.presence, changes.presence),
    watches: keepEqual(state.watches, changes.watches),
    signals: keepEqual(state.signals, changes.signals),
    figures: keepEqual(state.figures, changes.figures),
    logSeq: changes.logSeq ?? state.logSeq,
    notices: keepEqual(state.notices, changes.notices),
  };
  return isSameButNow(state, next) ? { ...next, movedAt: state.movedAt } : next;
}

/** True when a message told nothing but that time went on, and that files nobody minds came or went. */
function isSameButNow(before: CockpitState, after: CockpitState): boolean {
  const names = Object.keys(after) as (keyof CockpitState)[];
  return names.every((name) => {
    if (name === 'now' || name === 'movedAt' || name === 'pending' || before[name] === after[name])
      return true;
    return (
      name === 'systems' &&
      systemsText(before.systems, figureNames) === systemsText(after.systems, figureNames)
    );
  });
}

/** The former value where the new one reads the same: what crossed a thread is never the same object. */
function keepEqual<T>(before: T, after: T | undefined): T {
  return after === undefined || JSON.stringify(before) === JSON.stringify(after) ? before : after;
}

/** Figures of a source that only its page tells: programs come and go on a host all the time. */
const figureNames: ReadonlySet<string> = new Set([
  'lastReadAt',
  'lastChangedAt',
  'items',
  'records',
  'unreadBytes',
]);
const readAgainNames: ReadonlySet<string> = new Set(['lastReadAt']);

/** The former systems where sources were merely read again: that a fresh one was read lately goes without saying. */
function keepSystems(
  before: readonly SystemSummary[],
  after: readonly SystemSummary[],
): readonly SystemSummary[] {
  return systemsText(before, readAgainNames) === systemsText(after, readAgainNames) ? before : after;
}

/** Systems as a text to compare by, the values of some fields left out; whether they are there at all is not. */
function systemsText(systems: readonly SystemSummary[], without: ReadonlySet<string>): string {
  return JSON.stringify(systems, (name, value: unknown) => (without.has(name) ? name : value));
}

/** The engine is gone: what is known stays, and says so. */
export function failState(state: CockpitState, failure: string): CockpitState {
  return { ...state, phase: 'failed', failure };
}

function nextEntities(
  state: CockpitState,
  changes: StateChanges,
  touched: Set<EntityType>,
): CockpitState['entities'] {
  if (!changes.reset && changes.upserts.length === 0 && changes.removed.length === 0) return state.entities;
  const next = new Map<SystemId, Map<string, Entity>>();
  if (!changes.reset)
    for (const [system, map] of state.entities) next.set(system, map as Map<string, Entity>);
  const owned = new Set<SystemId>();
  const own = (system: SystemId): Map<string, Entity> => {
    const known = next.get(system);
    if (known && owned.has(system)) return known;
    const copy = new Map(known ?? []);
    next.set(system, copy);
    owned.add(system);
    return copy;
  };
  for (const entity of changes.upserts) {
    own(entity.system).set(entityKey(entity), entity);
    touched.add(entity.type);
  }
  for (const ref of changes.removed) {
    if (own(ref.system).delete(entityKey(ref))) touched.add(ref.type);
  }
  return next;
}

function nextLists(
  before: EntityLists,
  entities: CockpitState['entities'],
  systems: readonly SystemSummary[],
  touched: ReadonlySet<EntityType>,
): EntityLists {
  if (touched.size === 0) return before;
  const fresh: Record<EntityType, Entity[]> = {
    run: [],
    turn: [],
    job: [],
    approval: [],
    issue: [],
    layer: [],
    service: [],
    meter: [],
    restorePoint: [],
  };
  const order = [...new Set([...systems.map((system) => system.id), ...entities.keys()])];
  for (const system of order) {
    for (const entity of entities.get(system)?.values() ?? []) {
      if (touched.has(entity.type)) fresh[entity.type].push(entity);
    }
  }
  const picked = Object.fromEntries([...touched].map((type) => [type, fresh[type]]));
  return { ...before, ...picked } as EntityLists;
}

function queuesOf(
  entities: CockpitState['entities'],
  systems: readonly SystemSummary[],
  asides: readonly Aside[],
  now: Instant,
): { queue: AttentionItem[]; aside: AttentionItem[] } {
  const all: AttentionItem[] = [];
  for (const map of entities.values()) all.push(...attentionOf(map.values()));
  for (const system of systems)
    all.push(...sourceAttentions(system.id, system.sources, entities.get(system.id)?.values() ?? []));
  all.sort(compareAttention);
  const byKey = new Map(asides.map((aside) => [aside.key, aside]));
  const queue: AttentionItem[] = [];
  const aside: AttentionItem[] = [];
  for (const item of all) (isAside(byKey.get(item.key), item.revision, now) ? aside : queue).push(item);
  return { queue, aside };
}

function nextDeparted(state: CockpitState, changes: StateChanges): CockpitState['departed'] {
  const returned = changes.upserts.some((entity) => state.departed.has(refKey(entity)));
  if (!returned && changes.removed.length === 0) return state.departed;
  const next = new Map(state.departed);
  for (const entity of changes.upserts) next.delete(refKey(entity));
  for (const ref of changes.removed) {
    const entity = entityAt(state, ref);
    if (entity) next.set(refKey(ref), { entity, at: changes.now });
  }
  for (const key of next.keys()) {
    if (next.size <= maxDeparted) break;
    next.delete(key);
  }
  return next;
}

/** The former list when every item in it reads the same, so that nothing downstream moves. */
function keepSame(
  before: readonly AttentionItem[],
  after: readonly AttentionItem[],
): readonly AttentionItem[] {
  const merged = after.map((item, index) => {
    const known = before[index];
    return known && isSameItem(known, item) ? known : item;
  });
  return merged.length === before.length && merged.every((item, index) => item === before[index])
    ? before
    : merged;
}

function isSameItem(a: AttentionItem, b: AttentionItem): boolean {
  return (
    a.key === b.key &&
    a.revision === b.revision &&
    a.title === b.title &&
    a.why === b.why &&
    a.count === b.count &&
    a.rank === b.rank &&
    a.act === b.act &&
    a.onExpiry === b.onExpiry &&
    a.playbook === b.playbook &&
    a.ref?.id === b.ref?.id
  );
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

/** Time passed without a message: items set aside until now come back. The same object when nothing did. */
export function tickState(state: CockpitState, now: Instant): CockpitState {
  if (!state.asides.some((aside) => aside.until !== undefined)) return state;
  const queues = queuesOf(state.entities, state.systems, state.asides, now);
  const queue = keepSame(state.queue, queues.queue);
  return queue === state.queue ? state : { ...state, queue, aside: keepSame(state.aside, queues.aside) };
}
