/** Follows the engine's messages and tells what is worth ringing for: the states before and after, and the deadlines. */
import type { ActEntry } from '../domain/act.ts';
import {
  type Alert,
  actAlert,
  deadlineAlert,
  deadlineLook,
  deadlineOf,
  entityAlerts,
} from '../domain/alert.ts';
import { isAside } from '../domain/aside.ts';
import { attentionOf } from '../domain/attention.ts';
import { type Entity, refKey, refOf, type SystemId } from '../domain/entity.ts';
import { type Instant, instant } from '../domain/instant.ts';
import type { Clock } from '../host/clock.ts';
import type { Aside, StateChanges } from './protocol.ts';
import type { WatchList } from './watch-list.ts';

/** Events told, so that each is told once though an item flickers; the oldest are forgotten. */
const MAX_TOLD = 5_000;

export interface AlertKeeperOptions {
  readonly clock: Clock;
  /** How long before a deadline hooks want to hear of it, in milliseconds; none: nobody asks. */
  readonly withinMs: readonly number[];
  readonly watches: WatchList;
  emit(alerts: readonly Alert[]): void;
}

/**
 * What a system shows until everything of it was read once is what was so before: told as old, for hooks that ask for
 * it. From then on, what appears is new.
 */
export class AlertKeeper {
  readonly #options: AlertKeeperOptions;
  readonly #entities = new Map<string, Entity>();
  /** Those of them that have a deadline. */
  readonly #withDeadline = new Map<string, Entity>();
  /** Systems of which everything was read once. */
  readonly #known = new Set<SystemId>();
  readonly #settling = new Set<SystemId>();
  readonly #told = new Map<string, Instant>();
  #acts: ReadonlyMap<string, ActEntry> | undefined;
  #asides: readonly Aside[] = [];
  #cancelLook: (() => void) | undefined;
  #closed = false;

  constructor(options: AlertKeeperOptions) {
    this.#options = options;
  }

  entity(key: string): Entity | undefined {
    return this.#entities.get(key);
  }

  /** Whether everything of a system was read, so that what is not there is gone. */
  isKnown(system: SystemId): boolean {
    return this.#known.has(system);
  }

  /** Takes in a message of the engine. */
  take(changes: StateChanges): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    if (changes.asides) this.#asides = changes.asides;
    const alerts: Alert[] = [];
    for (const after of changes.upserts) {
      const key = refKey(refOf(after));
      const before = this.#entities.get(key);
      this.#entities.set(key, after);
      if (deadlineOf(after) === undefined) this.#withDeadline.delete(key);
      else this.#withDeadline.set(key, after);
      if (this.#known.has(after.system))
        alerts.push(...this.#fresh(entityAlerts(before, after, clock.now()), after));
    }
    for (const ref of changes.removed) {
      this.#entities.delete(refKey(ref));
      this.#withDeadline.delete(refKey(ref));
    }
    if (changes.acts) alerts.push(...this.#actAlerts(changes.acts));
    for (const { id, settled } of changes.systems ?? []) if (settled) this.#settle(id);
    const moved = changes.upserts.length > 0 || changes.removed.length > 0;
    this.#tell(moved ? [...alerts, ...this.look()] : alerts);
  }

  /** Deadlines and watches as of now; looks again by itself when the next of them comes. */
  look(): readonly Alert[] {
    const { clock, watches, withinMs } = this.#options;
    const now = clock.now();
    const alerts: Alert[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const entity of this.#withDeadline.values()) {
      if (!this.#known.has(entity.system)) continue;
      for (const within of withinMs) {
        const alert = deadlineAlert(entity, within, now);
        if (alert) alerts.push(...this.#fresh([alert], entity));
        next = Math.min(next, deadlineLook(entity, within, now) ?? next);
      }
    }
    alerts.push(...watches.look());
    next = Math.min(next, watches.nextLook() ?? next);
    this.#cancelLook?.();
    this.#cancelLook = Number.isFinite(next)
      ? clock.at(instant(Math.max(next, now + 1)), () => this.#tell(this.look()))
      : undefined;
    return alerts;
  }

  /** Watches were begun, ended, or moved by another cockpit. */
  watchesMoved(): void {
    this.#tell(this.look());
  }

  close(): void {
    this.#closed = true;
    this.#cancelLook?.();
  }

  /**
   * Everything of the system was read: what is there now was there before. The message that says so may come in slices,
   * so it counts once all of them are here.
   */
  #settle(system: SystemId): void {
    if (this.#known.has(system) || this.#settling.has(system)) return;
    this.#settling.add(system);
    queueMicrotask(() => {
      this.#settling.delete(system);
      this.#known.add(system);
      if (!this.#closed) this.#tell([...this.#oldOf(system), ...this.look()]);
    });
  }

  #oldOf(system: SystemId): readonly Alert[] {
    const { clock, withinMs } = this.#options;
    const now = clock.now();
    const old: Alert[] = [];
    for (const entity of this.#entities.values()) {
      if (entity.system !== system) continue;
      const near = withinMs.flatMap((within) => deadlineAlert(entity, within, now) ?? []);
      const found = [...entityAlerts(undefined, entity, now), ...near];
      old.push(...this.#fresh(found, entity).map((alert) => ({ ...alert, isOld: true as const })));
    }
    return old;
  }

  /** Acts known at the first look are old news, but for results nobody saw. */
  #actAlerts(acts: readonly ActEntry[]): readonly Alert[] {
    const before = this.#acts;
    this.#acts = new Map(acts.map((act) => [act.order, act]));
    const now = this.#options.clock.now();
    if (before !== undefined) return acts.flatMap((act) => actAlert(before.get(act.order), act, now) ?? []);
    return acts
      .filter((act) => act.unseen)
      .flatMap((act) => actAlert(undefined, act, now) ?? [])
      .map((alert) => ({ ...alert, isOld: true as const }));
  }

  /** What somebody set aside does not ring, and nothing rings twice. */
  #fresh(alerts: readonly Alert[], entity: Entity): readonly Alert[] {
    if (alerts.length === 0 || this.#isAside(entity)) return [];
    return alerts.filter((alert) => this.#isFirst(alert));
  }

  #isAside(entity: Entity): boolean {
    const [item] = this.#asides.length === 0 ? [] : attentionOf([entity]);
    if (!item) return false;
    const aside = this.#asides.find(({ key }) => key === item.key);
    return isAside(aside, item.revision, this.#options.clock.now());
  }

  #isFirst({ id, at, repeatMs }: Alert): boolean {
    const before = this.#told.get(id);
    if (before !== undefined && (repeatMs === undefined || at - before < repeatMs)) return false;
    this.#told.delete(id);
    this.#told.set(id, at);
    const [oldest] = this.#told.keys();
    if (this.#told.size > MAX_TOLD && oldest !== undefined) this.#told.delete(oldest);
    return true;
  }

  #tell(alerts: readonly Alert[]): void {
    if (alerts.length > 0) this.#options.emit(alerts);
  }
}
