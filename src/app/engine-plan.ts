import { type ConfiguredSystem, kindsOf, secretOf } from '../config/systems.ts';
import type { SystemId } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import { type ActDesk, createEngine, type Engine } from '../engine/engine.ts';
import type { SystemWatch } from '../engine/system-watch.ts';
import { type Clock, fixedClock, systemClock } from '../host/clock.ts';
import { createPump } from '../ingest/pump.ts';
import type { Json } from '../lib/json.ts';
import type { Located, SystemKind } from '../systems/system.ts';

/**
 * What an engine is to watch, as plain data: the cockpit's thread, the engine's thread and the runner each build the
 * same engine from it, looking kinds up by name.
 */
export interface EnginePlan {
  readonly systems: readonly { readonly kind: string; readonly located: Located }[];
  /** Kinds described by the configuration, as written there. */
  readonly describedKinds: { readonly [name: string]: Json };
  /** Read once and stop, for verbs; else watch. */
  readonly once: boolean;
  /** As of when ages and deadlines are judged; undefined: now. */
  readonly at?: Instant;
  readonly notices: readonly string[];
  /** Directory of the records shared by the cockpits of this host. */
  readonly budgetDir?: string;
}

/** The plan for systems the configuration found. */
export function planFor(systems: readonly ConfiguredSystem[], rest: Omit<EnginePlan, 'systems'>): EnginePlan {
  return { ...rest, systems: systems.map(({ kind, located }) => ({ kind: kind.kind, located })) };
}

/** The clock a plan asks for. */
export function clockOf(plan: Pick<EnginePlan, 'at'>): Clock {
  return plan.at === undefined ? systemClock() : fixedClock(plan.at);
}

/** Kind objects by the names of the plan. */
export function kindOf(plan: Pick<EnginePlan, 'describedKinds'>, name: string): SystemKind {
  const kind = kindsOf({ kinds: { ...plan.describedKinds } }, undefined).find((one) => one.kind === name);
  if (!kind) throw new Error(`no kind "${name}" in this program`);
  return kind;
}

/** Builds the engine of a plan in this thread. It starts reading at once. */
export function engineOf(
  plan: EnginePlan,
  makeActs?: (watches: ReadonlyMap<SystemId, SystemWatch>, clock: Clock) => ActDesk,
): Engine {
  const clock = clockOf(plan);
  return createEngine({
    systems: plan.systems.map(({ kind, located }) => ({ kind: kindOf(plan, kind), located })),
    clock,
    once: plan.once,
    makePump: createPump,
    secret: (located, name) => secretOf(located, name, process.env),
    notices: plan.notices,
    ...(plan.budgetDir === undefined ? {} : { budgetDir: plan.budgetDir }),
    ...(makeActs ? { makeActs: (watches) => makeActs(watches, clock) } : {}),
  });
}
