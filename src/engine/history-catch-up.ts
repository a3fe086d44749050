/** Comparing the record with what a cockpit sees, part by part, once it is the one that writes. */
import { type HistoryStore, type KnownThing, storedKey } from '../db/history-store.ts';
import { entityKey, type SystemId } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import { GONE, isSameTraits, type Sighting, sightingOf } from '../domain/sighting.ts';
import type { SystemWatch } from './system-watch.ts';

/** What the last writer saw so shortly before this cockpit read, or later, it may have seen in a newer state of the source. */
const LAG_MS = 1_000;

/** The part of a system's watch that is compared. */
export type ComparedWatch = Pick<SystemWatch, 'located' | 'entities' | 'summary'>;

/** What is still to be compared. */
export interface CatchUp {
  readonly keys: readonly string[];
  readonly next: number;
  /** Where the look for things that are no longer there stands. */
  readonly after: KnownThing | undefined;
  /** `first`: what the record may know better is left for a second look; `some left`: that was the case. */
  readonly look: 'first' | 'some left' | 'second';
}

/** What one part came to. */
export interface CatchUpStep {
  readonly sightings: readonly Sighting[];
  readonly rest: CatchUp | undefined;
  /** All was compared, and some of it has to be again. */
  readonly isLeftOver: boolean;
}

/** The comparison of all there is now. */
export function beginCatchUp({ entities }: ComparedWatch, look: 'first' | 'second'): CatchUp {
  return { keys: [...entities.keys()], next: 0, after: undefined, look };
}

/**
 * The next part, of at most `limit` things. The last writer may have read a source later than this cockpit: what it saw
 * then is no change back, but news to come. Such things are left for a second look, once.
 */
export function caughtUp(
  { keys, next, after, look }: CatchUp,
  given: {
    readonly store: HistoryStore;
    readonly row: number;
    readonly watch: ComparedWatch;
    readonly now: Instant;
    readonly limit: number;
  },
): CatchUpStep {
  const { store, row, watch, now, limit } = given;
  const { entities, located } = watch;
  const sources = new Map(watch.summary().sources.map((source) => [source.id, source]));
  let isLeft = look === 'some left';
  const leave = (source: string, seenAt: Instant): boolean => {
    const isNewer = look !== 'second' && seenAt > (sources.get(source)?.lastReadAt ?? now) - LAG_MS;
    isLeft ||= isNewer;
    return isNewer;
  };
  if (next < keys.length) {
    const end = next + limit;
    const sightings = keys.slice(next, end).flatMap((key) => {
      const entity = entities.get(key);
      if (!entity) return [];
      const sighting = sightingOf(entity, now, false);
      const known = store.known(row, entity);
      const isNews =
        known && (known.state !== sighting.state || !isSameTraits(known.traits, sighting.traits));
      return isNews && leave(entity.evidence.source, known.seenAt) ? [] : [sighting];
    });
    return {
      sightings,
      rest: { keys, next: end, after, look: isLeft ? 'some left' : look },
      isLeftOver: false,
    };
  }
  const things = store.present(row, after, limit);
  const here = new Set([...entities.values()].map(storedKey));
  const isRead = (source: string): boolean => (sources.get(source)?.state ?? 'fresh') === 'fresh';
  const sightings = things
    // What rests on a source that can't be read now is not gone.
    .filter((thing) => !here.has(entityKey(thing)) && isRead(thing.source))
    .filter((thing) => !leave(thing.source, thing.seenAt))
    .map((thing) => goneSince(located.system, thing, now));
  const isOver = things.length < limit;
  const rest: CatchUp = { keys, next, after: things.at(-1), look: isLeft ? 'some left' : look };
  return { sightings, rest: isOver ? undefined : rest, isLeftOver: isOver && isLeft };
}

function goneSince(system: SystemId, thing: KnownThing, seenAt: Instant): Sighting {
  return {
    ref: { system, type: thing.type, id: thing.id },
    title: thing.title,
    state: GONE,
    traits: {},
    weight: 'info',
    seenAt,
    live: false,
    evidence: { source: thing.source },
    logKeys: [],
  };
}
