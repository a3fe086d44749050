/** Real stores, real processes and the toy, put together as a cockpit and as a runner. */
import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { hostHands } from '../../../src/acts/hands.ts';
import { createMasker } from '../../../src/acts/mask.ts';
import type { ActServicePorts, RunnerPorts } from '../../../src/acts/ports.ts';
import { openHostStore } from '../../../src/db/host-store.ts';
import { openLedger } from '../../../src/db/ledger.ts';
import { openSpool } from '../../../src/db/spool.ts';
import type { Who } from '../../../src/domain/ledger.ts';
import { systemClock } from '../../../src/host/clock.ts';
import { processStartedAt } from '../../../src/host/process-stat.ts';
import type { Located } from '../../../src/systems/system.ts';
import { toyKind, toyView } from './kind.ts';

const clock = systemClock();
/** Set in the processes of a second user of the host. */
const BOB = process.env['TOY_USER'];
/** A second user of the host; no account needs to have it. */
export const OTHER_USER = { uid: 54_321, gid: 54_322 };

/** How long a dead runner counts as there. */
const SILENCE = process.env['TOY_BEAT_SILENCE_MS'];
const BEATS = SILENCE === undefined ? {} : { beatSilenceMs: Number(SILENCE) };
const RUNNER = new URL('./runner.ts', import.meta.url).pathname;

function openAll(state: string, busyMs: number) {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const shared = BOB === undefined && !process.env['TOY_SHARED'] ? {} : { mode: 0o660 };
  const host = openHostStore({ directory: state, now: clock.now(), busyMs, ...shared });
  // A ledger per user: nobody can write another's.
  const path = join(state, BOB === undefined ? 'ledger.db' : `ledger-${BOB}.db`);
  const ledger = openLedger({ path, now: clock.now(), busyMs });
  return { host, ledger, output: openSpool(state, shared) };
}

const self = { pid: process.pid, startedAt: processStartedAt(process.pid) ?? clock.now() };
export const ALICE: Who = { user: BOB ?? 'alice', uid: process.getuid?.() ?? 0, host: 'test' };

/** How many acts may run at once: most tests are not about waiting for one's turn. */
const AT_ONCE = process.env['TOY_AT_ONCE']
  ? { rules: { allow: [], deny: [], reasonRequired: [], atOnce: Number(process.env['TOY_AT_ONCE']) } }
  : {};

export interface Cockpit {
  readonly ports: ActServicePorts;
  readonly host: ReturnType<typeof openHostStore>;
  readonly ledger: ReturnType<typeof openLedger>;
  close(): void;
}

/** A cockpit over the toy at `located`, with its state in `state`. */
export function cockpit(located: Located, state: string, more: Partial<ActServicePorts> = {}): Cockpit {
  const { host, ledger, output } = openAll(state, 50);
  const who = more.who ?? ALICE;
  return {
    host,
    ledger,
    ports: {
      clock,
      version: '0.0-test',
      who,
      self,
      orders: host.orders,
      steps: host.steps,
      ledger: { ok: true, value: ledger },
      output,
      hands: hostHands,
      masker: createMasker(['the-toy-secret']),
      system: (id) =>
        id === located.system
          ? {
              kind: toyKind,
              policy: { readOnly: false, ...AT_ONCE, ...(BOB === undefined ? {} : { runAs: '*' }) },
              view: () => toyView(located, clock.now()),
            }
          : undefined,
      heldByOther: (key) => {
        const holder = host.holds.holderOf(key, clock.now());
        return holder && holder.by !== who.user ? holder : undefined;
      },
      spawnRunner: ({ order, watch }) => void spawnRunner(state, order, {}, watch),
      ...BEATS,
      ...more,
    },
    close() {
      host.close();
      ledger.close();
    },
  };
}

/** Starts the runner as the cockpit does: detached, in its own session, with an order's id for its only argument. */
export function spawnRunner(
  state: string,
  order: string,
  env: NodeJS.ProcessEnv = {},
  watch?: string,
): number {
  const log = openSync(join(state, BOB === undefined ? 'runner.log' : `runner-${BOB}.log`), 'a', 0o600);
  const child = spawn(process.execPath, [RUNNER, order, ...(watch === undefined ? [] : [watch])], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, TOY_STATE: state, TOY_KEY: 'the-toy-secret', ...env },
  });
  child.unref();
  return child.pid ?? 0;
}

/** The ports of a runner's process. */
export function runnerPorts(
  state: string,
  { lookMs = 30, busyMs = 5_000 } = {},
): RunnerPorts & { close(): void } {
  const { host, ledger, output } = openAll(state, busyMs);
  return {
    ...BEATS,
    clock,
    version: '0.0-test',
    self,
    uid: process.getuid?.(),
    orders: host.orders,
    ledger,
    output,
    hands: hostHands,
    masker: createMasker(['the-toy-secret']),
    kindOf: (kind) => (kind === 'toy' ? toyKind : undefined),
    observe(_kind, located, listener) {
      let before = '';
      const look = (): void => {
        const view = toyView(located, clock.now());
        const now = JSON.stringify(view.entities('job').map((job) => ({ ...job, observedAt: 0 })));
        if (now === before) return;
        before = now;
        listener(view);
      };
      look();
      return { close: clock.every(lookMs, look) };
    },
    secret: (_located, name) => process.env[name],
    close() {
      host.close();
      ledger.close();
    },
  };
}
