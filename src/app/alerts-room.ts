/** The alerts of a cockpit, composed: watches, events, hooks, and what its screen is asked to do. */
import { hostname } from 'node:os';
import type { Alert } from '../domain/alert.ts';
import type { EntityType, SystemId } from '../domain/entity.ts';
import { refKey } from '../domain/entity.ts';
import { messageOf } from '../domain/error.ts';
import { alertLine, type Hook, type Signal } from '../domain/hook.ts';
import { AlertKeeper } from '../engine/alert-keeper.ts';
import type { AlertDesk } from '../engine/engine.ts';
import { type DeliveryLimits, type DeliveryPorts, deliveryLimits } from '../engine/hook-delivery.ts';
import { HookRunner } from '../engine/hook-runner.ts';
import type { EnginePort, SystemSummary } from '../engine/protocol.ts';
import { WatchList } from '../engine/watch-list.ts';
import type { Clock } from '../host/clock.ts';
import { askHttp } from '../host/http.ts';
import { allowedEnv, runProcess } from '../host/process.ts';
import type { ActsRoom } from './acts-room.ts';
import { ownMasker } from './secrets.ts';
import { programVersion } from './version.ts';

/** Signals kept for the screen; it obeys each once, as soon as it hears of it. */
const KEPT_SIGNALS = 20;
/** How often watches begun and ended in the user's other cockpits are looked for. */
const RELOAD_MS = 2_000;

export interface AlertRoomOptions {
  readonly room: Pick<ActsRoom, 'store' | 'who'>;
  readonly hooks: readonly Hook[];
  readonly clock: Clock;
  /** How long such an item usually stays in a state, in milliseconds; undefined while that is not known. */
  usualStayMs?(system: SystemId, type: EntityType, state: string): number | undefined;
  /** A program or a server was handed an event: what came of it, for the record. */
  fired?(text: string, alert: Alert): void;
  readonly limits?: DeliveryLimits;
}

/** The alerts of one cockpit. */
export interface AlertRoom {
  readonly desk: AlertDesk;
  /** Begins to follow what an engine in this thread tells. */
  follow(engine: Pick<EnginePort, 'subscribe'>): void;
  close(): Promise<void>;
}

/** What hooks reach the world with on this host. */
export function hookHands(clock: Clock): DeliveryPorts {
  return {
    clock,
    masker: ownMasker,
    run: runProcess,
    ask: askHttp,
    environment: () => allowedEnv(),
    secret: (variable) => process.env[variable] || undefined,
    hostName: hostname(),
    version: programVersion(),
  };
}

/** Opens the alerts. */
export function openAlerts(options: AlertRoomOptions): AlertRoom {
  const { clock, hooks, room } = options;
  const { store, who } = room;
  const by = who.cameFrom ?? who.user;
  const listeners = new Set<() => void>();
  const moved = (): void => {
    for (const listener of listeners) listener();
  };
  let systems: readonly SystemSummary[] = [];
  let signals: readonly Signal[] = [];
  let seq = 0;
  const signal = (what: Omit<Signal, 'seq'>): void => {
    seq += 1;
    signals = [...signals, { ...what, seq }].slice(-KEPT_SIGNALS);
    moved();
  };
  const runner = new HookRunner(
    hooks,
    {
      ...hookHands(clock),
      claim: store.alertClaims.claim,
      ring: signal,
      fired: (text, alert) => options.fired?.(text, alert),
      failed: (text) => signal({ text: `hook: ${text}`, tone: 'refusal' }),
    },
    options.limits ?? deliveryLimits,
  );
  const emit = (alerts: readonly Alert[]): void => {
    for (const alert of alerts) {
      if (alert.on === 'watch') {
        const isBad = alert.severity === 'error' || alert.severity === 'fatal';
        signal({
          text: `watched: ${alertLine({ first: alert, count: 1 })}`,
          tone: isBad ? 'refusal' : 'note',
        });
      }
      runner.fire(alert);
    }
  };
  const watches = new WatchList({
    store: store.watches,
    by,
    now: () => clock.now(),
    entity: (ref) => keeper.entity(refKey(ref)),
    reading(system) {
      if (!keeper.isKnown(system)) return 'unread';
      const state = systems.find(({ id }) => id === system)?.state;
      return state === 'error' || state === 'unreachable' ? 'partly' : 'read';
    },
    usualStayMs: (system, type, state) => options.usualStayMs?.(system, type, state),
  });
  const keeper: AlertKeeper = new AlertKeeper({
    clock,
    watches,
    withinMs: [...new Set(hooks.filter(({ on }) => on.includes('deadline')).map(({ withinMs }) => withinMs))],
    emit,
  });
  const reload = (): void => {
    if (watches.reload()) moved();
    keeper.watchesMoved();
  };
  const stopReload = clock.every(RELOAD_MS, reload);
  let stopFollowing = (): void => {};
  return {
    desk: {
      watch({ target, on }) {
        try {
          const why = on ? watches.begin(target) : watches.end(target);
          moved();
          return why === undefined ? { watched: on } : { watched: false, why };
        } catch (error) {
          return { watched: !on, why: messageOf(error) };
        }
      },
      watches: () => watches.entries(),
      signals: () => signals,
      notices: () => runner.troubles(),
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    follow(engine) {
      stopFollowing = engine.subscribe((changes) => {
        if (changes.systems) systems = changes.systems;
        keeper.take(changes);
      });
    },
    async close() {
      stopReload();
      stopFollowing();
      keeper.close();
      await runner.close();
    },
  };
}
