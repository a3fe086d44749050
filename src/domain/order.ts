import type { Json } from '../lib/json.ts';
import type { ActStatus, StageState, StepAnswer } from './act.ts';
import type { Instant } from './instant.ts';

/** The act that puts files back as they were before an order; no kind declares it. */
export const RESTORE_ACT = 'file.restore';

/** A process that can't be mistaken for a later one with the same number. */
export interface ProcessMark {
  readonly pid: number;
  readonly startedAt: Instant;
}

/**
 * Where an order stands. `placed`: claim and row are there, the ledger is not yet written. `ready`: may be taken by a
 * runner, once. `running`: a runner has it. `finished`: it has an outcome.
 */
export type OrderStatus = 'placed' | 'ready' | 'running' | 'finished';

/** How an order ended. */
export type OrderOutcome = Exclude<ActStatus, 'running'>;

/** How one step ended, as far as a verdict needs it. */
export type StepEnd =
  /** Exit 0, an HTTP answer below 400, a file written, a signal that worked. */
  | { readonly end: 'ok' }
  /** It ran and said no: exit code, HTTP status. */
  | { readonly end: 'refused'; readonly detail: string }
  /** Nothing happened: no such program, connection refused, path outside the root. */
  | { readonly end: 'not-started'; readonly detail: string }
  /** Ended by us at its deadline. */
  | { readonly end: 'timed-out'; readonly detail: string }
  /** Whether it had an effect is not known: the connection broke after the request was sent. */
  | { readonly end: 'no-answer'; readonly detail: string };

/** What another runner needs to go on watching for the effect of steps that have run. */
export interface WatchState {
  /** When the first step was begun: what deadlines count from. */
  readonly since: Instant;
  /** The act's baseline as of then. */
  readonly baseline: Json;
  /** How each step that was begun ended; no more are to come. */
  readonly ends: readonly StepEnd[];
  /** Hash and size of what each step printed, for the ledger. */
  readonly outputs: readonly {
    readonly title: string;
    readonly sha256: string;
    readonly sizeBytes: number;
  }[];
  /** Runners that have gone on watching in place of one that was ended. */
  readonly takeovers: number;
}

/** How far a runner has come; replaced whole with each step and stage. */
export interface OrderProgress {
  /** Steps begun: at `n`, the program of step `n` may have been started. 0 means nothing was started. */
  readonly stepsBegun: number;
  readonly stepsDone: number;
  readonly doing: string;
  readonly exitCode?: number | null;
  readonly stages: readonly StageState[];
  readonly summary?: string;
  readonly answer?: StepAnswer;
  /** Processes that left the program's group and were still alive when it had ended. */
  readonly escaped?: readonly number[];
  /** Set once all steps have run that will: from then on only the state is watched. */
  readonly watch?: WatchState;
}

/** What identifies a claim beside the attempt: the thing that is to happen once. */
export interface ClaimKey {
  /** The act, or `decision` for acts that decide the same approval. */
  readonly slot: string;
  /** System, type and id of the target. */
  readonly target: string;
  readonly revision: string;
}

/** A new order, before it has a row. */
export interface NewOrder extends ClaimKey {
  readonly id: string;
  readonly act: string;
  readonly system: string;
  readonly attempt: number;
  readonly user: string;
  /** Everything the runner needs, as JSON text. Names of secret variables, never values. */
  readonly plan: string;
  readonly createdAt: Instant;
  /** The process that placed it. */
  readonly placedBy: ProcessMark;
}

/** An order as stored. */
export interface OrderRow extends NewOrder {
  /** SHA-256 of `plan`, hexadecimal. */
  readonly digest: string;
  readonly status: OrderStatus;
  readonly outcome?: OrderOutcome;
  readonly runner?: ProcessMark;
  readonly beatAt?: Instant;
  readonly endedAt?: Instant;
  readonly cancel?: { readonly at: Instant; readonly by: string };
  readonly progress: OrderProgress;
  /** False once a screen has shown the result to a person. */
  readonly unseen: boolean;
}

/** Whether a key may be claimed, and what was done with it before. */
export interface ClaimState {
  /** Attempt a new order must carry. */
  readonly nextAttempt: number;
  /** The newest order under this key. */
  readonly last?: OrderRow;
  /** False while the newest order holds the key. */
  readonly free: boolean;
}

/** What came of placing an order. */
export type Placed =
  | { readonly placed: true; readonly row: OrderRow }
  | { readonly placed: false; readonly state: ClaimState };

/** What was at a path before a file step changed it. */
export interface KeptFile {
  readonly path: string;
  /** Undefined: there was no file. Bytes as base64. */
  readonly content?: string;
  readonly mode?: number;
}

/** Progress of an order nothing was started of. */
export const NO_PROGRESS: OrderProgress = {
  stepsBegun: 0,
  stepsDone: 0,
  doing: 'waiting for its runner',
  stages: [],
};

/**
 * Orders and the claims that make each of them fire once, as `db/orders.ts` keeps them for all of a host. Calls may throw
 * while another process has the lock.
 */
export interface OrderBook {
  /** Claim and row in one transaction, or neither. */
  place(order: NewOrder): Placed;
  claimState(key: ClaimKey): ClaimState;
  get(id: string): OrderRow | undefined;
  /** Newest first. */
  list(limit: number): readonly OrderRow[];
  /** Orders without an outcome. */
  open(): readonly OrderRow[];
  /** `placed` to `ready`: the ledger has it, a runner may take it. False when it has been given up meanwhile. */
  ready(id: string): boolean;
  /**
   * `ready` to `running`. False when another runner was first or it was given up: then nothing may be run. `mayBegin`
   * is asked with all orders without an outcome, under the lock that makes its answer hold.
   */
  take(
    id: string,
    runner: ProcessMark,
    at: Instant,
    mayBegin?: (open: readonly OrderRow[]) => boolean,
  ): boolean;
  /** A runner waits for its turn, and lives. False when the order is no longer `ready`, or another runner's. */
  wait(id: string, runner: ProcessMark, at: Instant, doing: string): boolean;
  /**
   * A runner goes on watching in place of one that was ended, of which the order is now, and is counted in its progress.
   * False when another was first.
   */
  takeOver(id: string, ended: ProcessMark, runner: ProcessMark, at: Instant): boolean;
  beat(id: string, runner: ProcessMark, at: Instant): void;
  progress(id: string, progress: OrderProgress): void;
  /** Asks the runner to stop. False when the order has ended. */
  cancel(id: string, by: string, at: Instant): boolean;
  /**
   * Gives the order its outcome, if it still is as `expected` was read: a runner that came alive meanwhile wins.
   * `release` frees the key for a next attempt.
   */
  finish(
    expected: Pick<OrderRow, 'id' | 'status' | 'runner'>,
    end: {
      readonly outcome: OrderOutcome;
      readonly at: Instant;
      readonly progress: OrderProgress;
      readonly release: boolean;
    },
  ): boolean;
  /** `unknown` to what is known of it after all. `release` frees the key. False when it was not unknown. */
  learn(
    id: string,
    end: { readonly outcome: OrderOutcome; readonly summary: string; readonly release: boolean },
  ): boolean;
  /** `unknown` to `settled`, and frees the key. False when it was not unknown. */
  settle(id: string, summary: string): boolean;
  keep(id: string, step: number, file: KeptFile): void;
  kept(id: string): readonly KeptFile[];
  markSeen(ids: readonly string[]): void;
  /** Grows with each write of any process; equal values mean nothing changed. Costs 2 µs. */
  version(): number;
}
