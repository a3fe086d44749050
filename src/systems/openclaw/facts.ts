/**
 * Shapes of the facts this kind's parsers make and its derivation reads. They are type aliases (not interfaces) so that
 * they are plain JSON for the compiler too. Times are instants already, `null` where the source has none.
 */
import type { Instant } from '../../domain/instant.ts';
import type { Json } from '../../lib/json.ts';
import type { FileFacts } from '../system.ts';

/** One row of `events`, or one line of an older `<job_id>.events.jsonl`. */
export type EventFact = {
  /** Grows; row id in the database, line offset in a file. */
  readonly id: number;
  readonly run: string | null;
  readonly at: Instant | null;
  readonly event: string;
  /** What decides something: status, result_status, action, answer, reason, worker, pid. Others are left out. */
  readonly status: string | null;
  readonly action: string | null;
  readonly answer: string | null;
  readonly dedupe: string | null;
  /** When the command was given that a worker's pass now took up. */
  readonly given: Instant | null;
  readonly pid: number | null;
  /** One readable line. */
  readonly text: string;
};

/** One task of a plan or of a result. */
export type TaskFact = {
  readonly id: string;
  readonly title: string;
  readonly agent: string | null;
  readonly status: string | null;
};

/** What the last pass of a runner left behind (`last_result`). */
export type ResultFact = {
  readonly status: string | null;
  readonly run: string | null;
  /** Number of waiting tasks, and the first question with its task. */
  readonly waiting: readonly (readonly [task: string, question: string])[];
  readonly total: number | null;
  readonly done: number | null;
  readonly failed: number | null;
  readonly convergedFailed: number | null;
  readonly errorCode: string | null;
  readonly tasks: readonly TaskFact[];
};

/** One job, whichever generation keeps it. */
export type JobFact = {
  readonly id: string;
  readonly project: string;
  readonly goal: string;
  /** The goal was longer than what is kept. */
  readonly goalCut: boolean;
  readonly status: string;
  readonly decision: string;
  readonly revision: string;
  readonly passed: boolean;
  readonly run: string | null;
  readonly result: ResultFact | null;
  /** Why `last_result` could not be read. */
  readonly resultBad: string | null;
  /** Last line of `error`, which may be a whole traceback. */
  readonly error: string | null;
  readonly answers: readonly string[];
  readonly worker: string | null;
  readonly pid: number | null;
  readonly lease: Instant | null;
  readonly beat: Instant | null;
  readonly attempts: number;
  readonly created: Instant | null;
  readonly updated: Instant | null;
  /** Newest events, oldest first, beats left out. */
  readonly events: readonly EventFact[];
};

/** One row of `runs`. */
export type RunFact = {
  readonly id: string;
  readonly job: string;
  readonly status: string;
  readonly started: Instant | null;
  readonly finished: Instant | null;
};

/** One task of a plan under review (`audit_<run_id>.json`). */
export type PlanTaskFact = {
  readonly id: string;
  readonly title: string;
  readonly agent: string | null;
  readonly routing: string | null;
  readonly after: readonly string[];
  readonly outputs: readonly string[];
  readonly doneWhen: readonly string[];
  readonly commands: readonly string[];
  readonly description: string | null;
};

export type PlanFact = {
  readonly run: string | null;
  readonly goal: string | null;
  readonly created: Instant | null;
  readonly tasks: readonly PlanTaskFact[];
};

/** `waiting_<run_id>.json`. */
export type QuestionFact = {
  readonly run: string | null;
  readonly created: Instant | null;
  readonly items: readonly {
    readonly task: string;
    readonly title: string;
    readonly agent: string | null;
    readonly question: string;
  }[];
};

/** What the agent of one task left in `artifacts/<task_id>/`. */
export type ArtifactsFact = {
  readonly task: string;
  readonly count: number;
  /** The first names. */
  readonly names: readonly string[];
  readonly newest: Instant | null;
};

/** One task of `m4_state.json`. */
export type TaskStateFact = {
  readonly id: string;
  readonly status: string;
  readonly attempts: number;
  readonly error: string | null;
  readonly updated: Instant | null;
};

/** One entry of `temporal_signals.json`. */
export type SignalFact = {
  readonly job: string;
  readonly action: string;
  readonly request: string | null;
  readonly answer: string | null;
  readonly at: Instant | null;
};

/** `runs/canary_rollout.json`: the stage and the newest decision. */
export type CanaryFact = {
  readonly stage: number | null;
  readonly decision: {
    readonly action: string;
    readonly target: string | null;
    readonly reason: string | null;
    readonly at: Instant | null;
  } | null;
};

/** Counts over the whole database, which the rows read do not give. */
export type TotalsFact = {
  /** Jobs that were ever resumed, and those of them that completed or ask again. */
  readonly resumed: number | null;
  readonly resumedWell: number | null;
  /** Mean seconds from creation to last change of jobs that ended or ask. */
  readonly converge: number | null;
};

/** Exceptions of the worker's loop, counted per operation and cause. */
export type ExceptionFact = {
  readonly op: string;
  readonly code: string;
  readonly cause: string;
  readonly count: number;
  readonly first: Instant | null;
  readonly last: Instant | null;
  readonly offset: number;
};

/**
 * A fact of a file in its shape. The parsers of this folder are the only writers, and facts saved by another version of
 * them are never handed in, so the shape is certain.
 */
export function factOf<T extends Json>(file: FileFacts | undefined, key: string): T | undefined {
  return file?.facts.get(key) as T | undefined;
}
