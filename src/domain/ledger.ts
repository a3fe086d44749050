import type { ActStatus, Params, StageState } from './act.ts';
import type { Ref } from './entity.ts';
import type { Instant } from './instant.ts';

/** Who stood at the keyboard, as far as the host can tell. */
export interface Who {
  readonly user: string;
  readonly uid?: number;
  /** The person behind `sudo` or `su`. */
  readonly cameFrom?: string;
  /** Client address of the SSH session. */
  readonly sshFrom?: string;
  /** `pts/4`. */
  readonly terminal?: string;
  readonly host: string;
}

interface LedgerCommon {
  readonly at: Instant;
  readonly who: Who;
  /** Version of the program that wrote the row. */
  readonly version: string;
}

/** Written before anything of an act runs. */
export interface StartedRecord extends LedgerCommon {
  readonly phase: 'started';
  readonly order: string;
  readonly act: string;
  readonly title: string;
  readonly target: Ref;
  readonly targetTitle: string;
  readonly root: string;
  readonly environment?: string;
  readonly revision: string;
  readonly payloadDigest?: string;
  readonly attempt: number;
  /** Secrets masked. */
  readonly params: Params;
  /** Secrets masked. */
  readonly commands: readonly string[];
  readonly reason?: string;
  readonly confirmedBy: string;
  /** SHA-256 of the order's plan: the runner refuses an order that differs from it. */
  readonly planDigest: string;
  readonly undo: string;
}

/** Written once an act has ended, however. */
export interface FinishedRecord extends LedgerCommon {
  readonly phase: 'finished';
  readonly order: string;
  readonly act: string;
  readonly target: Ref;
  readonly revision: string;
  readonly attempt: number;
  readonly outcome: Exclude<ActStatus, 'running' | 'settled'>;
  readonly summary: string;
  /** Of the last step that has one; null when it ended by a signal. */
  readonly exitCode?: number | null;
  readonly stages: readonly StageState[];
  /** One per step that gave output. */
  readonly outputs: readonly {
    readonly title: string;
    readonly sha256: string;
    readonly sizeBytes: number;
  }[];
  readonly undo: string;
}

/** A person said how an act with unknown outcome ended. */
export interface SettledRecord extends LedgerCommon {
  readonly phase: 'settled';
  readonly order: string;
  readonly act: string;
  readonly target: Ref;
  readonly note: string;
}

/** The record was found shorter than, or different from, what its head said; the chain goes on from here. */
export interface DamageRecord extends LedgerCommon {
  readonly phase: 'damage';
  readonly note: string;
}

export type LedgerRecord = StartedRecord | FinishedRecord | SettledRecord | DamageRecord;

/** A record with its place in the chain. */
export interface LedgerRow {
  readonly seq: number;
  readonly hash: string;
  readonly record: LedgerRecord;
}

/** Whether the record is whole. */
export interface LedgerVerdict {
  readonly ok: boolean;
  /** Rows looked at. */
  readonly rows: number;
  /** First row that is not what was written, and why. */
  readonly firstBad?: { readonly seq: number; readonly why: string };
  /** Rows that were recorded and are no longer there, at the end. */
  readonly cutTail?: { readonly from: number; readonly to: number };
  /** What to tell beside the verdict. */
  readonly notes: readonly string[];
}

/** Exit code of a verb whose act ended like this. `running` counts as unknown: nobody waited for its end. */
export function exitCodeOf(status: ActStatus): 0 | 5 | 6 | 7 {
  switch (status) {
    case 'verified':
    case 'settled':
      return 0;
    case 'failed':
    case 'timed-out':
    case 'cancelled':
      return 5;
    case 'not-seen':
      return 6;
    case 'unknown':
    case 'running':
      return 7;
  }
}
