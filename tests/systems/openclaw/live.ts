/** The simulated installation that really runs, and acts that are really done: stand-ins as programs, signals, the ledger. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openclawSimulator } from '../../../fixtures/demo/openclaw/simulator.ts';
import { runOrder } from '../../../src/acts/runner.ts';
import { type ActService, createActService } from '../../../src/acts/service.ts';
import { lookInto } from '../../../src/config/look.ts';
import type { ActPreview, Params, UndoOffer } from '../../../src/domain/act.ts';
import type { EntityType, SystemId } from '../../../src/domain/entity.ts';
import type { OrderRow } from '../../../src/domain/order.ts';
import { SystemWatch } from '../../../src/engine/system-watch.ts';
import { type Clock, systemClock } from '../../../src/host/clock.ts';
import { createPump } from '../../../src/ingest/pump.ts';
import { LogStore } from '../../../src/logs/log-store.ts';
import { openclawKind } from '../../../src/systems/openclaw/index.ts';
import { type Cockpit, cockpit, runnerPorts } from '../../acts/toy/ports.ts';

const system = 'openclaw' as SystemId;
const node = new URL('../../../node_modules/.bin/node', import.meta.url).pathname;
const simulator = new URL('../../../fixtures/demo/openclaw/simulator.ts', import.meta.url).href;

/** How an act ended. */
export interface Ended {
  readonly outcome: string;
  readonly summary: string;
}

export interface Live {
  readonly dir: string;
  readonly watch: SystemWatch;
  lie(...names: string[]): void;
  preview(act: string, type: EntityType, id: string, params?: Params): Promise<ActPreview>;
  /** Says yes and waits for the end; `hurry`: how many times faster deadlines pass, `runMs`: longest a program may take. */
  act(
    act: string,
    type: EntityType,
    id: string,
    options?: {
      readonly params?: Params;
      readonly hurry?: number;
      readonly runMs?: number;
      /** The order it undoes. */
      readonly undoes?: string;
    },
  ): Promise<Ended>;
  /** What undoes the newest act. */
  undo(): UndoOffer;
  until(holds: (watch: SystemWatch) => boolean): Promise<void>;
  end(): Promise<void>;
}

/** Lays the story out and, if wanted, lets the queue go on with its workers. */
export async function startLive(options: { readonly workers: boolean }): Promise<Live> {
  const dir = mkdtempSync(join(tmpdir(), 'binnacle-openclaw-live-'));
  const python = writeInterpreter(dir);
  const simulated = { pace: 4, python, now: () => Date.now() };
  const laid = await openclawSimulator.lay(dir, simulated);
  const ending = new AbortController();
  const running = options.workers ? openclawSimulator.run(laid, simulated, ending.signal) : Promise.resolve();
  const located = openclawKind.locate(laid.dir, lookInto(laid.dir, {}), system, laid.settings);
  const watch = new SystemWatch(openclawKind, located, {
    clock: systemClock(),
    logs: new LogStore(),
    once: false,
    makePump: createPump,
    secret: () => undefined,
    onChange: () => {},
    onStatus: () => {},
  });
  await watch.start();
  const state = join(dir, 'state-of-ours');
  const ours: Cockpit = cockpit(located, state, {
    system: () => ({
      kind: openclawKind,
      policy: { readOnly: false, runAs: '*' },
      view: () => watch.view(),
    }),
    spawnRunner: () => {},
  });
  const service: ActService = createActService(ours.ports);
  return {
    dir,
    watch,
    lie: (...names) => writeFileSync(join(laid.dir, '.lies'), names.join(' ')),
    preview: async (act, type, id, params = {}) =>
      service.preview({ act, target: { system, type, id }, params }),
    undo: () => service.undo({}),
    async act(act, type, id, { params = {}, hurry = 1, runMs = Number.POSITIVE_INFINITY, undoes } = {}) {
      await watch.refresh();
      const target = { system, type, id };
      const occasion = undoes === undefined ? {} : { occasion: { undoes } };
      const preview = service.preview({ act, target, params, ...occasion });
      const started = await service.start({
        act,
        target,
        params,
        ...occasion,
        revision: preview.revision,
        confirmedBy: preview.code === undefined ? 'yes' : 'code',
        reason: 'tried',
        ...(preview.code === undefined ? {} : { code: preview.code }),
        ...(preview.payloadDigest === undefined ? {} : { payloadDigest: preview.payloadDigest }),
      } as Parameters<ActService['start']>[0]);
      if (started.order === undefined) throw new Error(`refused: ${started.refused}`);
      const ports = runnerPorts(state);
      try {
        await runOrder(started.order, {
          ...ports,
          clock: hurried(ports.clock, hurry),
          hands: {
            ...ports.hands,
            run: (program) => ports.hands.run({ ...program, timeoutMs: Math.min(program.timeoutMs, runMs) }),
          },
          kindOf: () => openclawKind,
          observe(_kind, _located, listener) {
            listener(watch.view());
            return { close: watch.observe(listener) };
          },
        });
      } finally {
        ports.close();
      }
      const row = ours.host.orders.get(started.order) as OrderRow;
      return { outcome: row.outcome ?? row.status, summary: row.progress.summary ?? '' };
    },
    async until(holds) {
      for (let tries = 0; tries < 750; tries += 1) {
        if (holds(watch)) return;
        await sleep(20);
      }
      throw new Error('did not come to hold');
    },
    async end() {
      service.close();
      await watch.close();
      ours.close();
      ending.abort();
      await running;
      // A worker of the stand-in ends at its next pass, when its script is gone.
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A clock whose time passes faster, for deadlines that nothing will meet. */
function hurried(clock: Clock, factor: number): Clock {
  if (factor === 1) return clock;
  const began = clock.monotonic();
  return {
    ...clock,
    monotonic: () => began + (clock.monotonic() - began) * factor,
    after: (ms, task) => clock.after(ms / factor, task),
  };
}

function writeInterpreter(dir: string): string {
  mkdirSync(join(dir, 'bin'), { recursive: true });
  const script = join(dir, 'bin', 'stand-in.mjs');
  writeFileSync(
    script,
    `import { existsSync, readFileSync } from 'node:fs';
import { openclawSimulator } from ${JSON.stringify(simulator)};
const lies = existsSync('.lies') ? readFileSync('.lies', 'utf8').split(' ') : [];
const host = { cwd: process.cwd(), env: process.env, lies: new Set(lies), out: (text) => process.stdout.write(text), error: (text) => process.stderr.write(text) };
process.exitCode = await openclawSimulator.standIn(process.argv.slice(2), host);
`,
  );
  const path = join(dir, 'bin', 'python');
  writeFileSync(path, `#!/bin/sh\nexec '${node}' --no-warnings '${script}' "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}
