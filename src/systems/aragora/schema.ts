import * as z from 'zod/mini';
import { getNumber, getString } from '../../lib/json.ts';
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
}

/** Reads what `locate` put down. */
export function placeOf(located: Located): Place {
  const { extra } = located;
  const total = getNumber(extra, 'totalS');
  const cost = getNumber(extra, 'maxCostUsd');
  const words = extra['stream'];
  return {
    nomic: getString(extra, 'nomic') ?? '.nomic',
    server: getString(extra, 'server') === 'nomic' ? 'nomic' : 'unified',
    totalS: total ?? 3600,
    isTotalGiven: total !== undefined,
    maxCostUsd: cost ?? 100,
    isMaxCostGiven: cost !== undefined,
    stream: Array.isArray(words) ? words.filter((word) => typeof word === 'string') : [],
  };
}
