import type { AbsentSystem, ConfiguredSystem } from '../config/systems.ts';
import type { Instant } from '../domain/instant.ts';
import type { SystemSummary } from '../engine/protocol.ts';
import type { Json } from '../lib/json.ts';
import type { CommonSettings, Located } from '../systems/system.ts';

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
