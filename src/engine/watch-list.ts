/** What one user watches, compared with how the items are now. */
import type { WatchStore } from '../db/watches.ts';
import { type Alert, watchGone, watchMoved, watchStill } from '../domain/alert.ts';
import type { Entity, EntityType, Ref, SystemId } from '../domain/entity.ts';
import { refKey, refOf } from '../domain/entity.ts';
import { addMs, type Instant } from '../domain/instant.ts';
import { isOver, stateSince, type WatchEntry, type WatchRecord, watchedState } from '../domain/watch.ts';

export interface WatchListPorts {
  readonly store: WatchStore;
  /** Whose watches these are. */
  readonly by: string;
  now(): Instant;
  entity(ref: Ref): Entity | undefined;
  /** `read`: everything of the system was read. `partly`: some of it can't be. `unread`: not everything was, yet. */
  reading(system: SystemId): 'read' | 'partly' | 'unread';
  /** How long such an item usually stays in a state, in milliseconds; undefined while that is not known. */
  usualStayMs(system: SystemId, type: EntityType, state: string): number | undefined;
}

/** Watches of one user in one cockpit. The record on disk is shared with the user's other cockpits. */
export class WatchList {
  readonly #ports: WatchListPorts;
  readonly #openedAt: Instant;
  /** As this cockpit saw the items last; by key of the item. */
  #known = new Map<string, WatchRecord>();
  readonly #stillTold = new Set<string>();
  /** Items that were there since this cockpit was opened. */
  readonly #seen = new Set<string>();

  constructor(ports: WatchListPorts) {
    this.#ports = ports;
    this.#openedAt = ports.now();
    this.reload();
  }

  entries(): readonly WatchEntry[] {
    return [...this.#known.values()].map((watch) => {
      const usualMs = watch.endedAt === undefined ? this.#usual(watch) : undefined;
      return { ...watch, ...(usualMs === undefined ? {} : { usualMs }) };
    });
  }

  /** Takes in what other cockpits of the user began and ended. True when something moved. */
  reload(): boolean {
    const { store, by, now } = this.#ports;
    let rows: readonly WatchRecord[];
    try {
      rows = store.list(by, now());
    } catch {
      // Locked by another process: what is known holds until the next look.
      return false;
    }
    const next = new Map<string, WatchRecord>();
    for (const row of rows) {
      const key = refKey(row.ref);
      const known = this.#known.get(key);
      // What this cockpit saw last stays its own: it has yet to see, and to say, what another one wrote. An item that
      // another one saw end is seen here too, unless it is gone.
      const isOurs = known !== undefined && known.setAt === row.setAt && known.endedAt === undefined;
      next.set(key, isOurs && (row.endedAt === undefined || this.#differs(known)) ? known : row);
    }
    const isSame = JSON.stringify([...this.#known.values()]) === JSON.stringify([...next.values()]);
    this.#known = next;
    return !isSame;
  }

  /** Begins a watch. Returns why not, when it can't be. */
  begin(ref: Ref): string | undefined {
    const { store, by, now, entity } = this.#ports;
    const target = entity(ref);
    if (!target) return 'it is no longer there';
    if (isOver(target)) return `it has ended: ${watchedState(target)}`;
    const at = now();
    store.set({
      by,
      ref,
      title: target.title,
      state: watchedState(target),
      since: stateSince(target) ?? at,
      setAt: at,
      moves: 0,
    });
    this.#known.delete(refKey(ref));
    this.reload();
    return undefined;
  }

  /** Ends a watch. */
  end(ref: Ref): void {
    this.#ports.store.drop(this.#ports.by, refKey(ref));
    this.reload();
  }

  /** Events of the watches as things are now. Asked after each change and at {@link nextLook}. */
  look(): readonly Alert[] {
    return [...this.#known].flatMap(([key, watch]) => this.#lookAt(key, watch) ?? []);
  }

  /** When an item will have been in its state for longer than usual. */
  nextLook(): Instant | undefined {
    const dues = [...this.#known.values()].flatMap((watch) => {
      const usual = watch.endedAt === undefined ? this.#usual(watch) : undefined;
      return usual === undefined || this.#stillTold.has(stillKey(watch)) ? [] : addMs(watch.since, usual);
    });
    return dues.length === 0 ? undefined : (Math.min(...dues) as Instant);
  }

  #lookAt(key: string, watch: WatchRecord): Alert | undefined {
    if (watch.endedAt !== undefined) return undefined;
    const { entity, reading, now } = this.#ports;
    const after = entity(watch.ref);
    if (after) this.#seen.add(key);
    const isRead = reading(watch.ref.system);
    if (isRead === 'unread') return undefined;
    if (!after) {
      // Never seen here, and it may stand in what can't be read: nobody knows whether it ended.
      if (isRead === 'partly' && !this.#seen.has(key)) return undefined;
      const alert = watchGone(watch, now());
      this.#close(key, watch, watch.state);
      return alert;
    }
    const state = watchedState(after);
    if (state === watch.state) return this.#stillAlert(watch);
    if (isOver(after)) {
      this.#close(key, watch, state);
      return watchMoved(watch, after, watch.moves + 1, now());
    }
    const to = { state, since: stateSince(after) ?? now(), title: after.title };
    let moves = watch.moves + 1;
    try {
      const row = this.#ports.store.move(watch, to);
      if (row) moves = row.moves;
    } catch {
      // Locked: told all the same; the row is moved with the next step.
    }
    this.#known.set(key, { ...watch, ...to, moves });
    return watchMoved(watch, after, moves, now());
  }

  #stillAlert(watch: WatchRecord): Alert | undefined {
    const usual = this.#usual(watch);
    const key = stillKey(watch);
    const now = this.#ports.now();
    if (usual === undefined || now - watch.since < usual || this.#stillTold.has(key)) return undefined;
    this.#stillTold.add(key);
    const alert = watchStill(watch, usual, now);
    return addMs(watch.since, usual) < Math.max(this.#openedAt, watch.setAt)
      ? { ...alert, isOld: true }
      : alert;
  }

  #close(key: string, watch: WatchRecord, state: string): void {
    const at = this.#ports.now();
    this.#known.set(key, { ...watch, state, endedAt: at });
    try {
      this.#ports.store.end(watch, state, at);
    } catch {
      // Locked: it ends again with the next cockpit that looks.
    }
  }

  #differs(watch: WatchRecord): boolean {
    const entity = this.#ports.entity(watch.ref);
    return (
      entity !== undefined &&
      refKey(refOf(entity)) === refKey(watch.ref) &&
      watchedState(entity) !== watch.state
    );
  }

  #usual({ ref, state }: WatchRecord): number | undefined {
    return this.#ports.usualStayMs(ref.system, ref.type, state);
  }
}

function stillKey(watch: WatchRecord): string {
  return `${refKey(watch.ref)}|${watch.setAt}|${watch.moves}|${watch.state}`;
}
