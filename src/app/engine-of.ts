/** Makes the engine of a plan, and what goes with it, in the thread that asks. */
import { join } from 'node:path';
import { type ConfiguredSystem, kindsOf, lookAgain, secretOf } from '../config/systems.ts';
import { userStateDirectory } from '../db/state-dir.ts';
import type { SystemId } from '../domain/entity.ts';
import {
  type ActDesk,
  type AlertDesk,
  createEngine,
  type Engine,
  type EngineOptions,
} from '../engine/engine.ts';
import type { HistoryDesk } from '../engine/history-desk.ts';
import { LogSpool } from '../engine/log-spool.ts';
import type { SystemSummary } from '../engine/protocol.ts';
import type { SystemWatch } from '../engine/system-watch.ts';
import { type Clock, fixedClock, systemClock } from '../host/clock.ts';
import { createPump } from '../ingest/pump.ts';
import { quietly } from '../lib/quietly.ts';
import type { LogPort } from '../logs/log-protocol.ts';
import type { LogStore } from '../logs/log-store.ts';
import type { CommonSettings, SystemKind } from '../systems/system.ts';
import type { EnginePlan } from './engine-plan.ts';
import { programEntry } from './entry.ts';
import { YOUNG_MB } from './memory.ts';
import { ownMasker } from './secrets.ts';
import { learnSecretsOf } from './system-secrets.ts';

/** The clock a plan asks for. */
export function clockOf(plan: Pick<EnginePlan, 'at'>): Clock {
  return plan.at === undefined ? systemClock() : fixedClock(plan.at);
}

function comeOf(
  kind: SystemKind,
  { id, root }: SystemSummary,
  settings: CommonSettings,
): ConfiguredSystem | undefined {
  const located = lookAgain(kind, { system: id, root, settings }, process.env);
  if (located) learnSecretsOf(located);
  return located && { kind, located };
}

/** Kind objects by the names of a plan. */
export type KindOf = (name: string) => SystemKind;

/** Loads the kinds of a plan, of what is not there yet too. */
export async function kindsOfPlan({ systems, absent = [], describedKinds }: EnginePlan): Promise<KindOf> {
  const names = [...systems.map(({ kind }) => kind), ...absent.map(({ summary }) => summary.kind)];
  const kinds = await kindsOf({ kinds: { ...describedKinds } }, { path: undefined }, names);
  return (name) => {
    const kind = kinds.find((one) => one.kind === name);
    if (!kind) throw new Error(`no kind "${name}" in this program`);
    return kind;
  };
}

/** The log engine of a plan: beside a verb that looks once in its own thread, for a cockpit in one that does nothing else. */
async function openLogs(plan: EnginePlan, kindOf: KindOf): Promise<LogPort> {
  if (plan.once) {
    const [{ LogDesk }, { readersOf }] = await Promise.all([
      import('../logs/log-desk.ts'),
      import('../engine/kind-lines.ts'),
    ]);
    return new LogDesk(
      readersOf(plan.systems.map(({ kind, located }) => ({ kind: kindOf(kind), located }))),
      true,
    );
  }
  const [{ Worker }, { connectLogs }] = await Promise.all([
    import('node:worker_threads'),
    import('../logs/log-carrier.ts'),
  ]);
  return connectLogs(
    new Worker(programEntry('logs'), {
      workerData: plan,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      stdout: true,
      stderr: true,
    }),
  );
}

/**
 * What this user's cockpits keep of logs that their writers empty. `mayWrite`: whether this process adds to it. Undefined
 * where no state directory is to be had.
 */
function spoolOf(clock: Clock, mayWrite: ((system: SystemId) => boolean) | undefined): LogSpool | undefined {
  const state = quietly(() => userStateDirectory(process.env), undefined);
  if (state === undefined) return undefined;
  return new LogSpool({
    directory: join(state, 'emptied-logs'),
    clock,
    masker: ownMasker,
    ...(mayWrite ? { mayWrite } : {}),
  });
}

/** Builds the engine of a plan in this thread. It starts reading at once. */
export async function engineOf(
  plan: EnginePlan,
  makeActs?: (watches: ReadonlyMap<SystemId, SystemWatch>, clock: Clock) => ActDesk,
  alerts?: AlertDesk,
  makeHistory?: (logs: LogStore, clock: Clock, onChange: () => void) => HistoryDesk,
  writeTimeline?: EngineOptions['writeTimeline'],
  keeperOf?: EngineOptions['keeperOf'],
  maySpool?: (system: SystemId) => boolean,
): Promise<Engine> {
  const kindOf = await kindsOfPlan(plan);
  const clock = clockOf(plan);
  const spool = spoolOf(clock, maySpool);
  for (const { located } of plan.systems) learnSecretsOf(located);
  return createEngine({
    systems: plan.systems.map(({ kind, located }) => ({ kind: kindOf(kind), located })),
    clock,
    once: plan.once,
    makePump: createPump,
    openLogs: () => openLogs(plan, kindOf),
    secret: (located, name) => secretOf(located, name, process.env),
    masker: ownMasker,
    notices: plan.notices,
    ...(plan.actsOff === undefined ? {} : { actsOff: plan.actsOff }),
    absent: (plan.absent ?? []).map(({ summary, settings }) => ({
      summary,
      look: () => comeOf(kindOf(summary.kind), summary, settings),
    })),
    ...(plan.budgetDir === undefined ? {} : { budgetDir: plan.budgetDir }),
    // Copies of another host's files: what runs here has nothing to do with them.
    ...(process.env['BINNACLE_PROCESSES'] === 'none' ? { hideProcesses: true } : {}),
    ...(alerts ? { alerts } : {}),
    ...(writeTimeline ? { writeTimeline } : {}),
    ...(keeperOf ? { keeperOf } : {}),
    ...(spool ? { spool } : {}),
    ...(makeActs ? { makeActs: (watches) => makeActs(watches, clock) } : {}),
    ...(makeHistory ? { makeHistory: (logs, onChange) => makeHistory(logs, clock, onChange) } : {}),
  });
}
