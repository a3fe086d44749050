/** Acts really done to an installation that is watched: the real service, ledger, runner and hands, in this process. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hands } from '../../src/acts/ports.ts';
import { runOrder } from '../../src/acts/runner.ts';
import { type ActService, createActService } from '../../src/acts/service.ts';
import type { ActPreview, Params, UndoOffer } from '../../src/domain/act.ts';
import type { EntityType } from '../../src/domain/entity.ts';
import type { OrderRow } from '../../src/domain/order.ts';
import { SystemWatch } from '../../src/engine/system-watch.ts';
import { type Clock, systemClock } from '../../src/host/clock.ts';
import type { IngestSpec } from '../../src/ingest/ingest.ts';
import { createPump } from '../../src/ingest/pump.ts';
import { LogStore } from '../../src/logs/log-store.ts';
import type { Located, StateView, SystemKind } from '../../src/systems/system.ts';
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
  /** Time passes no faster until the act has seen this: it is waited for, however busy the machine is. */
  readonly patientUntil?: (view: StateView) => boolean;
  /** Longest a program or a request may take, in place of what its act allows, in milliseconds. */
  readonly runMs?: number;
  /** Programs started in place of those with that path: of what has one path on every host. */
  readonly instead?: Readonly<Record<string, string>>;
  /** Called at the moment a file was changed or removed: what somebody else does at once. */
  readonly onFileChanged?: () => void;
  /** The order it undoes. */
  readonly undoes?: string;
}

/** A pump that reads each source as `asked` has it: more often, with more patience. */
export function pumpOf(asked: (spec: IngestSpec) => IngestSpec): typeof createPump {
  return (specs, options) => {
    const pump = createPump(specs.map(asked), options);
    // Facts name further addresses later on.
    const update = pump.update.bind(pump);
    return Object.assign(pump, { update: (next: readonly IngestSpec[]) => update(next.map(asked)) });
  };
}

/** A watch of the system as a cockpit has it: real sources, nothing kept from before. */
export function watchOf(
  kind: SystemKind,
  located: Located,
  once = false,
  { makePump = createPump, clock = systemClock() }: { makePump?: typeof createPump; clock?: Clock } = {},
): SystemWatch {
  return new SystemWatch(kind, located, {
    clock,
    logs: new LogStore(),
    once,
    makePump,
    secret: (_located, name) => process.env[name],
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
    const { params = {}, hurry = 1, patientUntil = () => true, undoes } = doing;
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
    let seen = watch.view();
    try {
      await runOrder(started.order, {
        ...ports,
        clock: hurried(ports.clock, () => (patientUntil(seen) ? hurry : 1)),
        hands: handsAs(ports.hands, doing),
        kindOf: () => this.#kind,
        observe(_kind, _located, listener) {
          const tell = (view: StateView): void => {
            seen = view;
            listener(view);
          };
          tell(watch.view());
          return { close: watch.observe(tell) };
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

/** The hands of this host, with what is said of them. */
function handsAs(hands: Hands, doing: Doing): Hands {
  const { runMs = Number.POSITIVE_INFINITY, instead = {}, onFileChanged = () => {} } = doing;
  const changed = <T>(done: T): T => {
    onFileChanged();
    return done;
  };
  return {
    ...hands,
    run(program) {
      const [path = '', ...words] = program.argv;
      const argv = [instead[path] ?? path, ...words];
      return hands.run({ ...program, argv, timeoutMs: Math.min(program.timeoutMs, runMs) });
    },
    ask: (request) => hands.ask({ ...request, timeoutMs: Math.min(request.timeoutMs, runMs) }),
    write: (root, path, text) => changed(hands.write(root, path, text)),
    remove: (root, path) => changed(hands.remove(root, path)),
  };
}

/** An act, what it is done to, and its parameters. */
export type Given = readonly [act: string, type: EntityType, id: string, params?: Params];

/** Acts that run at once, each as of a cockpit of its own: none waits for its turn behind another. */
export class ManyActing {
  readonly #watch: SystemWatch;
  readonly #state: string;
  readonly #hands = new Map<string, Acting>();

  /** `state`: the directory in which those of their databases are made. */
  constructor(watch: SystemWatch, state: string) {
    this.#watch = watch;
    this.#state = state;
  }

  async act([id, type, on, params = {}]: Given, doing: Doing = {}): Promise<Ended> {
    const name = [id, on, ...Object.values(params)].join(' ');
    const { kind, located } = this.#watch;
    const state = join(this.#state, String(this.#hands.size));
    const own = this.#hands.get(name) ?? new Acting(kind, located, this.#watch, state);
    this.#hands.set(name, own);
    return await own.act(id, type, on, { hurry: 1_000, ...doing, params });
  }

  async each(given: readonly Given[], doing: Doing = {}): Promise<readonly Ended[]> {
    return await Promise.all(given.map((one) => this.act(one, doing)));
  }

  close(): void {
    for (const one of this.#hands.values()) one.close();
  }
}

/** Act and outcome of each, to be compared in one go. */
export function outcomesOf(given: readonly Given[], ended: readonly Ended[]): readonly string[] {
  return given.map(([id], index) => `${id}: ${ended[index]?.outcome}`);
}

/** Everything below a directory but the paths that `isOthers` is true of. */
export function filesBelow(
  root: string,
  isOthers: (path: string) => boolean,
): Readonly<Record<string, string>> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => !isOthers(name) && statSync(join(root, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(root, name), 'utf8')]));
}

/** How often it is looked whether time passes faster by now, in milliseconds. */
const PACE_LOOK_MS = 20;

/** A clock whose time passes `factor` times as fast. */
function hurried(clock: Clock, factor: () => number): Clock {
  let ahead = 0;
  let before = clock.monotonic();
  const monotonic = (): number => {
    const now = clock.monotonic();
    ahead += (now - before) * (factor() - 1);
    before = now;
    return now + ahead;
  };
  return {
    ...clock,
    monotonic,
    after(ms, task) {
      const until = monotonic() + ms;
      let stop = (): void => {};
      const look = (): void => {
        const left = until - monotonic();
        if (left <= 0) task();
        else stop = clock.after(Math.min(left / factor(), PACE_LOOK_MS), look);
      };
      stop = clock.after(Math.min(ms / factor(), PACE_LOOK_MS), look);
      return () => stop();
    },
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
