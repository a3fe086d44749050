import { type AbsentSystem, type ConfiguredSystem, kindsOf, lookAgain, secretOf } from '../config/systems.ts';
import type { SystemId } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import {
  type ActDesk,
  type AlertDesk,
  createEngine,
  type Engine,
  type EngineOptions,
} from '../engine/engine.ts';
import type { HistoryDesk } from '../engine/history-desk.ts';
import type { SystemSummary } from '../engine/protocol.ts';
import type { SystemWatch } from '../engine/system-watch.ts';
import { type Clock, fixedClock, systemClock } from '../host/clock.ts';
import { createPump } from '../ingest/pump.ts';
import type { Json } from '../lib/json.ts';
import type { LogPort } from '../logs/log-protocol.ts';
import type { LogStore } from '../logs/log-store.ts';
import type { CommonSettings, Located, SystemKind } from '../systems/system.ts';
import { programEntry } from './entry.ts';
import { ownMasker } from './secrets.ts';
import { learnSecretsOf } from './system-secrets.ts';

/**
 * What an engine is to watch, as plain data: the cockpit's thread, the engine's thread and the runner each build the
 * same engine from it, looking kinds up by name.
 */
export interface EnginePlan {
  readonly systems: readonly { readonly kind: string; readonly located: Located }[];
  /** Systems that were named and are not there. */
  readonly absent?: readonly PlannedAbsence[];
  /** Kinds described by the configuration, as written there. */
  readonly describedKinds: { readonly [name: string]: Json };
  /** Read once and stop, for verbs; else watch. */
  readonly once: boolean;
  /** As of when ages and deadlines are judged; undefined: now. */
  readonly at?: Instant;
  readonly notices: readonly string[];
  /** Why there are no acts, where they were wanted. */
  readonly actsOff?: string;
  /** Directory of the records shared by the cockpits of this host. */
  readonly budgetDir?: string;
}

/** A system that is waited for: how it is shown, and what it will be watched with. */
export interface PlannedAbsence {
  readonly summary: SystemSummary;
  readonly settings: CommonSettings;
}

/** The plan for systems the configuration found. */
export function planFor(systems: readonly ConfiguredSystem[], rest: Omit<EnginePlan, 'systems'>): EnginePlan {
  return { ...rest, systems: systems.map(({ kind, located }) => ({ kind: kind.kind, located })) };
}

/** A system that is not there, as one whose only source, its directory, can't be read. */
export function absencesOf(absent: readonly AbsentSystem[]): readonly PlannedAbsence[] {
  return absent.map((one) => ({ summary: summaryOf(one), settings: one.settings }));
}

function summaryOf({ system, kind, title, root, error }: AbsentSystem): SystemSummary {
  return {
    id: system,
    kind,
    title,
    root,
    readOnly: true,
    state: 'error',
    settled: true,
    sources: [
      {
        id: 'root',
        type: 'tree',
        place: root,
        state: 'error',
        items: 0,
        records: 0,
        badRecords: 0,
        unreadBytes: 0,
        error: error.message.replace(/^.*?: (?=\/)/, ''),
      },
    ],
  };
}

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

/** Kind objects by the names of the plan. */
export function kindOf(plan: Pick<EnginePlan, 'describedKinds'>, name: string): SystemKind {
  const kind = kindsOf({ kinds: { ...plan.describedKinds } }, { path: undefined }).find(
    (one) => one.kind === name,
  );
  if (!kind) throw new Error(`no kind "${name}" in this program`);
  return kind;
}

/** The log engine of a plan: beside a verb that looks once in its own thread, for a cockpit in one that does nothing else. */
async function openLogs(plan: EnginePlan): Promise<LogPort> {
  if (plan.once) {
    const [{ LogDesk }, { readersOf }] = await Promise.all([
      import('../logs/log-desk.ts'),
      import('../engine/kind-lines.ts'),
    ]);
    return new LogDesk(
      readersOf(plan.systems.map(({ kind, located }) => ({ kind: kindOf(plan, kind), located }))),
      true,
    );
  }
  const [{ Worker }, { connectLogs }] = await Promise.all([
    import('node:worker_threads'),
    import('../logs/log-carrier.ts'),
  ]);
  return connectLogs(new Worker(programEntry('logs'), { workerData: plan, stdout: true, stderr: true }));
}

/** Builds the engine of a plan in this thread. It starts reading at once. */
export function engineOf(
  plan: EnginePlan,
  makeActs?: (watches: ReadonlyMap<SystemId, SystemWatch>, clock: Clock) => ActDesk,
  alerts?: AlertDesk,
  makeHistory?: (logs: LogStore, clock: Clock, onChange: () => void) => HistoryDesk,
  writeTimeline?: EngineOptions['writeTimeline'],
  keeperOf?: EngineOptions['keeperOf'],
): Engine {
  const clock = clockOf(plan);
  for (const { located } of plan.systems) learnSecretsOf(located);
  return createEngine({
    systems: plan.systems.map(({ kind, located }) => ({ kind: kindOf(plan, kind), located })),
    clock,
    once: plan.once,
    makePump: createPump,
    openLogs: () => openLogs(plan),
    secret: (located, name) => secretOf(located, name, process.env),
    masker: ownMasker,
    notices: plan.notices,
    ...(plan.actsOff === undefined ? {} : { actsOff: plan.actsOff }),
    absent: (plan.absent ?? []).map(({ summary, settings }) => ({
      summary,
      look: () => comeOf(kindOf(plan, summary.kind), summary, settings),
    })),
    ...(plan.budgetDir === undefined ? {} : { budgetDir: plan.budgetDir }),
    // Copies of another host's files: what runs here has nothing to do with them.
    ...(process.env['BINNACLE_PROCESSES'] === 'none' ? { hideProcesses: true } : {}),
    ...(alerts ? { alerts } : {}),
    ...(writeTimeline ? { writeTimeline } : {}),
    ...(keeperOf ? { keeperOf } : {}),
    ...(makeActs ? { makeActs: (watches) => makeActs(watches, clock) } : {}),
    ...(makeHistory ? { makeHistory: (logs, onChange) => makeHistory(logs, clock, onChange) } : {}),
  });
}
