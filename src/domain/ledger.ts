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
  /** The row stood in the journal while the ledger's disk was full, and came into the chain later. */
  readonly late?: {
    readonly enteredAt: Instant;
    /** SHA-256 of the journal's line: no line is entered twice. */
    readonly line: string;
  };
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
  /** The order this act undoes. */
  readonly undoes?: string;
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
  /** The order this act undoes. */
  readonly undoes?: string;
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
  /** Name of the damaged file, which lies beside the ledger since it was repaired. */
  readonly file?: string;
}

/** Rows were moved to a sealed archive. The chain begins with the row after them from then on. */
export interface SealedRecord extends LedgerCommon {
  readonly phase: 'sealed';
  /** First and last row moved. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Hash of row `to`: the row after it names it as the one before. */
  readonly lastHash: string;
  /** Name of the archive, which lies beside the ledger until somebody moves it. */
  readonly archive: string;
  /** SHA-256 of the archive, hexadecimal. */
  readonly sha256: string;
  /** Only rows written before this time were moved. */
  readonly until: Instant;
}

export type LedgerRecord = StartedRecord | FinishedRecord | SettledRecord | DamageRecord | SealedRecord;

/** A record with its place in the chain. */
export interface LedgerRow {
  /** 0: it stands in the journal and has no place in the chain yet. */
  readonly seq: number;
  readonly hash: string;
  readonly record: LedgerRecord;
}

/**
 * A row as it is stored, exported and sealed: `hash` is the SHA-256, hexadecimal, of `seq`, `prev` and `body` with a
 * line feed between them; `prev` is the hash of the row before, 64 zeros for the first; `body` is the record's JSON text.
 */
export interface ChainRow {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
  readonly body: string;
}

/** Where a new record would go. Anything but `ok` means that something is to be done about the disk. */
export interface LedgerState {
  /**
   * `on ballast`: the disk is full, and records live on space that was set apart for that. `journal only`: records go
   * to a file elsewhere and come into the chain later.
   */
  readonly state: 'ok' | 'on ballast' | 'journal only' | 'unusable';
  /** In words, for whoever is asked to confirm an act; undefined when all is well. */
  readonly why?: string;
}

/** Which rows are wanted. All of what is given must fit. */
export interface LedgerFilter {
  readonly since?: Instant;
  /** Exclusive. */
  readonly until?: Instant;
  readonly act?: string;
  /** `system/id`, or the id alone. */
  readonly target?: string;
  /** The user, or the person behind `sudo`. */
  readonly by?: string;
}

/** Whether a record is wanted. Rows about the record itself have neither act nor target. */
export function fitsLedgerFilter(record: LedgerRecord, filter: LedgerFilter): boolean {
  if (filter.since !== undefined && record.at < filter.since) return false;
  if (filter.until !== undefined && record.at >= filter.until) return false;
  if (filter.by !== undefined && filter.by !== record.who.user && filter.by !== record.who.cameFrom)
    return false;
  if (filter.act === undefined && filter.target === undefined) return true;
  if (record.phase === 'damage' || record.phase === 'sealed') return false;
  const { act, target } = record;
  if (filter.act !== undefined && filter.act !== act) return false;
  return (
    filter.target === undefined ||
    filter.target === target.id ||
    filter.target === `${target.system}/${target.id}`
  );
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
  /** Rows that were moved to archives, and whether those are whole; `elsewhere`: not beside the ledger, or not readable. */
  readonly archives?: readonly {
    readonly file: string;
    readonly from: number;
    readonly to: number;
    readonly state: 'whole' | 'elsewhere' | 'bad';
  }[];
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
