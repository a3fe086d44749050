/** Acts really done to an installation that is watched: the real service, ledger, runner and hands, in this process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { runOrder } from '../../src/acts/runner.ts';
import { type ActService, createActService } from '../../src/acts/service.ts';
import type { ActPreview, Params, UndoOffer } from '../../src/domain/act.ts';
import type { EntityType } from '../../src/domain/entity.ts';
import type { OrderRow } from '../../src/domain/order.ts';
import { SystemWatch } from '../../src/engine/system-watch.ts';
import { type Clock, systemClock } from '../../src/host/clock.ts';
import { createPump } from '../../src/ingest/pump.ts';
import { LogStore } from '../../src/logs/log-store.ts';
import type { Located, SystemKind } from '../../src/systems/system.ts';
import { type Cockpit, cockpit, runnerPorts } from '../acts/toy/ports.ts';

/** How an act ended, and what was told of it. */
export interface Ended {
  readonly outcome: string;
  readonly summary: string;
  readonly row: OrderRow;
}

export interface Doing {
  readonly params?: Params;
  /** How many times faster deadlines pass: for what never comes. */
  readonly hurry?: number;
  /** Longest a program or a request may take, in place of what its act allows, in milliseconds. */
  readonly runMs?: number;
  /** The order it undoes. */
  readonly undoes?: string;
}

/** A watch of the system as a cockpit has it: real sources, nothing kept from before. */
export function watchOf(kind: SystemKind, located: Located, once = false): SystemWatch {
  return new SystemWatch(kind, located, {
    clock: systemClock(),
    logs: new LogStore(),
    once,
    makePump: createPump,
    secret: () => undefined,
    onChange: () => {},
    onStatus: () => {},
  });
}

/** Whoever acts on one system that is watched already. `state` is the directory of our own databases. */
export class Acting {
  readonly #kind: SystemKind;
  readonly #system: Located['system'];
  readonly #watch: SystemWatch;
  readonly #state: string;
  readonly #ours: Cockpit;
  readonly #service: ActService;

  constructor(kind: SystemKind, located: Located, watch: SystemWatch, state: string) {
    this.#kind = kind;
    this.#system = located.system;
    this.#watch = watch;
    this.#state = state;
    this.#ours = cockpit(located, state, {
      system: () => ({ kind, policy: { readOnly: false, runAs: '*' }, view: () => watch.view() }),
      spawnRunner: () => {},
    });
    this.#service = createActService(this.#ours.ports);
  }

  preview(act: string, type: EntityType, id: string, params: Params = {}): ActPreview {
    return this.#service.preview({ act, target: { system: this.#system, type, id }, params });
  }

  /** What undoes the newest act. */
  undo(): UndoOffer {
    return this.#service.undo({});
  }

  /** Says yes, and waits until the order is recorded as ended. Throws where the act is refused. */
  async act(act: string, type: EntityType, id: string, doing: Doing = {}): Promise<Ended> {
    const { params = {}, hurry = 1, runMs = Number.POSITIVE_INFINITY, undoes } = doing;
    const target = { system: this.#system, type, id };
    const occasion = undoes === undefined ? {} : { occasion: { undoes } };
    const preview = this.#service.preview({ act, target, params, ...occasion });
    const started = await this.#service.start({
      ...{ act, target, params, ...occasion, revision: preview.revision, reason: 'tried' },
      confirmedBy: preview.code === undefined ? 'yes' : 'code',
      ...(preview.code === undefined ? {} : { code: preview.code }),
      ...(preview.payloadDigest === undefined ? {} : { payloadDigest: preview.payloadDigest }),
    });
    if (started.order === undefined) throw new Error(`refused: ${started.refused}`);
    const ports = runnerPorts(this.#state);
    const watch = this.#watch;
    try {
      await runOrder(started.order, {
        ...ports,
        clock: hurried(ports.clock, hurry),
        hands: {
          ...ports.hands,
          run: (program) => ports.hands.run({ ...program, timeoutMs: Math.min(program.timeoutMs, runMs) }),
          ask: (request) => ports.hands.ask({ ...request, timeoutMs: Math.min(request.timeoutMs, runMs) }),
        },
        kindOf: () => this.#kind,
        observe(_kind, _located, listener) {
          listener(watch.view());
          return { close: watch.observe(listener) };
        },
      });
    } finally {
      ports.close();
    }
    const row = this.#ours.host.orders.get(started.order) as OrderRow;
    return { outcome: row.outcome ?? row.status, summary: row.progress.summary ?? '', row };
  }

  close(): void {
    this.#service.close();
    this.#ours.close();
  }
}

/** A clock whose time passes faster. */
function hurried(clock: Clock, factor: number): Clock {
  if (factor === 1) return clock;
  const began = clock.monotonic();
  return {
    ...clock,
    monotonic: () => began + (clock.monotonic() - began) * factor,
    after: (ms, task) => clock.after(ms / factor, task),
  };
}

/** Asks every 20 ms, for 15 s at most. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 750; tries += 1) {
    if (await holds()) return;
    await sleep(20);
  }
  throw new Error('did not come to hold');
}
