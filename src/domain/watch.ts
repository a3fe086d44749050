import { stateWord } from './diff.ts';
import type { Entity, Ref } from './entity.ts';
import type { Instant } from './instant.ts';

/** "Watch this": one user wants to be told when an item moves, ends, or has not moved by its usual time. */
export interface WatchRecord {
  /** Who watches. A watch is seen in all cockpits of its user, and in no other's. */
  readonly by: string;
  readonly ref: Ref;
  /** Raw title, as it was last seen. */
  readonly title: string;
  /** The state that was last told, in the word of {@link watchedState}. */
  readonly state: string;
  /** Since when it is in that state, as far as is known. */
  readonly since: Instant;
  readonly setAt: Instant;
  /** How often it moved since it is watched. */
  readonly moves: number;
  /** When the item ended, and the watch with it. */
  readonly endedAt?: Instant;
}

/** A watch as the screen lists it. */
export interface WatchEntry extends WatchRecord {
  /** How long such an item usually stays in this state, in milliseconds; undefined while that is not known. */
  readonly usualMs?: number;
}

/** The word for the state of a watched item. The value of a meter moves all the time: its status counts. */
export function watchedState(entity: Entity): string {
  if (entity.type === 'meter') return entity.status;
  if (entity.type === 'job' || entity.type === 'run') {
    const { nativeStatus } = entity;
    return nativeStatus === undefined || nativeStatus.toLowerCase() === entity.status
      ? entity.status
      : `${entity.status} (${nativeStatus})`;
  }
  return stateWord(entity);
}

/**
 * True when the item will not move again. A failed job is not over: it waits for its retry, and its watcher wants to
 * know how that goes.
 */
export function isOver(entity: Entity): boolean {
  switch (entity.type) {
    case 'run':
      return entity.status === 'succeeded' || entity.status === 'failed' || entity.status === 'halted';
    case 'turn':
      return entity.state === 'completed' || entity.state === 'failed' || entity.state === 'dead';
    case 'job':
      return entity.status === 'done' || entity.status === 'cancelled' || entity.status === 'archived';
    case 'approval':
      return entity.status !== 'pending';
    case 'issue':
    case 'layer':
    case 'service':
    case 'meter':
    case 'restorePoint':
      return false;
  }
}

/** Since when the item is in its state, where its system says so. */
export function stateSince(entity: Entity): Instant | undefined {
  switch (entity.type) {
    case 'run':
      return entity.status === 'running' ? entity.startedAt : (entity.endedAt ?? entity.attention?.since);
    case 'turn':
      return entity.state === 'in-flight' ? entity.startedAt : entity.attention?.since;
    case 'approval':
      return entity.requestedAt;
    case 'issue':
      return entity.since;
    case 'job':
    case 'layer':
    case 'service':
    case 'meter':
    case 'restorePoint':
      return entity.attention?.since;
  }
}
