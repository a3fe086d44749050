/**
 * What acting needs from the rest of the house, as small as it is used here. The stores are `src/db`'s; hands are the
 * host's; the looks at the state come from an engine.
 */
import type { SystemId } from '../domain/entity.ts';
import type { Instant } from '../domain/instant.ts';
import type { LedgerRecord, LedgerRow, LedgerState, Who } from '../domain/ledger.ts';
import type { OrderBook, ProcessMark } from '../domain/order.ts';
import type { StepBook } from '../domain/steps.ts';
import type { Clock } from '../host/clock.ts';
import type { askHttp } from '../host/http.ts';
import type { runProcess, signalProcess, startService } from '../host/process.ts';
import type { ownerOf, readBelow, removeBelow, writeBelow } from '../host/root-files.ts';
import type { Result } from '../lib/result.ts';
import type { Located, StateView, SystemKind } from '../systems/system.ts';
import type { Masker } from './mask.ts';
import type { SystemPolicy } from './policy.ts';

/** The ledger as acting uses it; see `db/ledger.ts`. */
export interface LedgerBook {
  append(record: LedgerRecord): LedgerRow;
  appendOnce(record: LedgerRecord & { readonly order: string }): LedgerRow;
  find(order: string, phase: LedgerRecord['phase']): LedgerRow | undefined;
  /** Where a new record would go. Anything but `ok`: an act needs a typed yes, and says why; `unusable`: none. */
  state?(): LedgerState;
}

/** Output of orders; see `db/spool.ts`. */
export interface OutputBook {
  open(order: string): { write(text: string): void; close(): void };
  tail(order: string, maxBytes: number): string;
  text(order: string, maxBytes: number): string;
}

/** What changes the world, and what looks at processes. `hands.ts` has the real ones. */
export interface Hands {
  readonly run: typeof runProcess;
  readonly ask: typeof askHttp;
  readonly startService: typeof startService;
  readonly signal: typeof signalProcess;
  readonly read: typeof readBelow;
  readonly write: typeof writeBelow;
  readonly remove: typeof removeBelow;
  readonly ownerOf: typeof ownerOf;
  /** When the process with this number started; undefined when there is none. */
  startedAt(pid: number): Instant | undefined;
  /** What a watched system's program may have of our environment. */
  environment(): { [name: string]: string };
}

/**
 * What a runner is started for: to carry out an order, or, with the digest of its plan, to go on watching for the effect
 * of steps that have run, in place of a runner that was ended.
 */
export interface RunnerErrand {
  readonly order: string;
  readonly watch?: string;
}

/** One watched system as the service sees it. */
export interface ActSystem {
  readonly kind: SystemKind;
  readonly policy: SystemPolicy;
  view(): StateView;
}

/** What the service of a cockpit or a verb needs. */
export interface ActServicePorts {
  readonly clock: Clock;
  /** Version of this program, for the ledger. */
  readonly version: string;
  readonly who: Who;
  /** This process. */
  readonly self: ProcessMark;
  readonly orders: OrderBook;
  readonly steps: StepBook;
  /** The reason when it can't be used: then nothing but `read` is done. */
  readonly ledger: Result<LedgerBook>;
  readonly output: OutputBook;
  readonly hands: Hands;
  readonly masker: Masker;
  system(id: SystemId): ActSystem | undefined;
  /** Another operator's hold on an attention item. */
  heldByOther(key: string): { readonly by: string; readonly until: Instant } | undefined;
  /** As {@link RunnerPorts.beatSilenceMs}. */
  readonly beatSilenceMs?: number;
  /** Starts a runner in a process of its own. Throws or rejects when it can't be started. */
  spawnRunner(errand: RunnerErrand): void | Promise<void>;
}

/** What the runner's process needs. */
export interface RunnerPorts {
  /** How long a runner without a process counts as there after its last beat; five seconds unless set. */
  readonly beatSilenceMs?: number;
  readonly clock: Clock;
  readonly version: string;
  readonly self: ProcessMark;
  readonly uid: number | undefined;
  readonly orders: OrderBook;
  readonly ledger: LedgerBook;
  readonly output: OutputBook;
  readonly hands: Hands;
  readonly masker: Masker;
  kindOf(kind: string): SystemKind | undefined;
  /** Watches one system for the runner alone; tells each new look at its state until closed. */
  observe(
    kind: SystemKind,
    located: Located,
    listener: (view: StateView) => void,
  ): { close(): void | Promise<void> };
  /** Value of a secret variable: of this process, else of the system's env-file. */
  secret(located: Located, name: string): string | undefined;
}
