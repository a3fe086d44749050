import * as z from 'zod/mini';
import { getArray, getBoolean, getNumber, getObject, getString, type JsonObject } from '../../lib/json.ts';
import type { Located } from '../system.ts';

const amount = z.optional(z.string().check(z.regex(/^\d{1,7}(\.\d{1,3})?$/, 'wants a number such as 3600')));

/** Settings of this kind beside the common ones. */
export const aragoraSettings = z.strictObject({
  stream: z
    .optional(z.string())
    .check(
      z.describe(
        "program whose output is the server's log, started without a shell: `journalctl -u aragora -o cat -n 500 -f`",
      ),
    ),
  nomic: z
    .optional(z.string())
    .check(z.describe("directory of the Nomic loop's files (ARAGORA_NOMIC_DIR); default `.nomic`")),
  server: z
    .optional(z.enum(['unified', 'nomic']))
    .check(
      z.describe(
        'which server `url` names: `unified` (`python -m aragora.server`, the default), or `nomic` (the one within `run_nomic_with_stream.py`, which knows fewer paths)',
      ),
    ),
  run: z
    .optional(z.string())
    .check(
      z.describe(
        'how the server is run, so that it can be started and stopped: `systemctl:UNIT`, `sudo systemctl:UNIT`, `docker:CONTAINER` or `process:COMMAND` (`process:python -m aragora.server --http-port 8080`)',
      ),
    ),
  cluster: z
    .optional(z.string())
    .check(z.describe('namespace of its deployments in Kubernetes: `kubectl:aragora`')),
  total: amount.check(z.describe('NOMIC_MAX_TOTAL_SECONDS the loop was started with; default 3600')),
  maxCost: amount.check(z.describe('NOMIC_MAX_COST_USD the loop was started with; default 100')),
});

/** The phases of a cycle in their order; `PHASE 0` is the first. */
export const PHASES = ['context', 'debate', 'design', 'implement', 'verify', 'commit'] as const;
export type PhaseName = (typeof PHASES)[number];

/** Seconds a phase may take where the log has no budget line for it (scripts/nomic/recovery.py). */
export const DEFAULT_BUDGET_S: { readonly [phase in PhaseName]: number } = {
  context: 1200,
  debate: 1800,
  design: 900,
  implement: 2400,
  verify: 600,
  commit: 180,
};

/** True for the name of a phase. */
export function isPhase(name: string | undefined): name is PhaseName {
  return name !== undefined && (PHASES as readonly string[]).includes(name);
}

/** A loop without a process is given up that long after its last line: it may run where we can't see it. */
export const UNSEEN_MS = 90_000;
/** A budget ends a phase by itself; a busy loop writes its `[TIMEOUT]` line a little later. */
export const BUDGET_GRACE_MS = 15_000;
/** Silence outside of any phase that counts as a stall: NOMIC_STALL_THRESHOLD, which the program itself never uses. */
export const SILENCE_MS = 1_800_000;
/** An approval's file is looked at every 5 s by whoever waits for it (ApprovalFlow). */
export const APPROVAL_TIMEOUT_S = 3600;
/** How long a decided or expired approval, and what failed without a successor, is still shown as news. */
export const NEWS_MS = 86_400_000;

/** The program that runs the server, and what it calls it. `none` says why nothing can be started or stopped. */
export type Manager =
  | {
      readonly tool: 'systemctl' | 'docker';
      /** Absolute program, with `sudo -n` before it where that is wanted. */
      readonly argv: readonly string[];
      readonly unit: string;
    }
  | { readonly tool: 'process'; readonly argv: readonly string[] }
  | { readonly tool: 'none'; readonly why: string };

/** A namespace of a cluster and the program it is asked with. */
export interface Cluster {
  readonly argv: readonly string[];
  readonly namespace: string;
}

/** Where things are in one installation; `located.extra` in readable form. */
export interface Place {
  /** Directory of the loop's files, relative to the root where it lies below it. */
  readonly nomic: string;
  readonly server: 'unified' | 'nomic';
  readonly totalS: number;
  /** The limit was given by the operator; otherwise it is the program's default. */
  readonly isTotalGiven: boolean;
  readonly maxCostUsd: number;
  readonly isMaxCostGiven: boolean;
  readonly stream: readonly string[];
  readonly manager: Manager;
  readonly cluster: Cluster | undefined;
  /** Absolute git, where there is one. */
  readonly git: string | undefined;
  /** The program that starts a loop, relative to the root; the one with a server of its own first. */
  readonly loopScript: string | undefined;
  readonly hasLoopProgram: boolean;
  readonly hasConstitutionProgram: boolean;
  /** Names of the variables with keys of providers that are set here or in the env-file. */
  readonly keys: readonly string[];
}

/** Reads what `locate` put down. */
export function placeOf(located: Located): Place {
  const { extra } = located;
  const total = getNumber(extra, 'totalS');
  const cost = getNumber(extra, 'maxCostUsd');
  const cluster = getObject(extra, 'cluster');
  return {
    nomic: getString(extra, 'nomic') ?? '.nomic',
    server: getString(extra, 'server') === 'nomic' ? 'nomic' : 'unified',
    totalS: total ?? 3600,
    isTotalGiven: total !== undefined,
    maxCostUsd: cost ?? 100,
    isMaxCostGiven: cost !== undefined,
    stream: textsIn(extra, 'stream'),
    manager: managerIn(getObject(extra, 'manager')),
    cluster: cluster && { argv: textsIn(cluster, 'argv'), namespace: getString(cluster, 'namespace') ?? '' },
    git: getString(extra, 'git'),
    loopScript: getString(extra, 'loopScript'),
    hasLoopProgram: getBoolean(extra, 'hasLoopProgram') === true,
    hasConstitutionProgram: getBoolean(extra, 'hasConstitutionProgram') === true,
    keys: textsIn(extra, 'keys'),
  };
}

function managerIn(value: JsonObject | undefined): Manager {
  const tool = getString(value, 'tool');
  const argv = textsIn(value, 'argv');
  const unit = getString(value, 'unit');
  if ((tool === 'systemctl' || tool === 'docker') && unit !== undefined) return { tool, argv, unit };
  if (tool === 'process') return { tool, argv };
  return { tool: 'none', why: getString(value, 'why') ?? 'how it is run is not known: run=systemctl:UNIT' };
}

function textsIn(value: JsonObject | undefined, key: string): readonly string[] {
  return getArray(value, key).filter((word) => typeof word === 'string');
}
