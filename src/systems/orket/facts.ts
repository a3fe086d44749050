import type { Instant } from '../../domain/instant.ts';
import type { Json } from '../../lib/json.ts';
import type { FileFacts } from '../system.ts';

/**
 * What the parsers of this kind keep. All of it is JSON-safe; a field that is not known is absent. Times are instants,
 * `offset` is that of the line in the file the fact was folded from.
 */

/** A place in a log with its time. */
export type Mark = { at?: Instant; offset: number };

/** One turn as `orket.log` or `runtime_events.jsonl` tells it. */
export type LoggedTurn = {
  run: string;
  issue: string;
  index: number;
  role: string;
  model?: string;
  start?: Mark;
  end?: Mark & { how: 'complete' | 'failed' | 'no-progress'; error?: string; errorType?: string };
  last?: Mark;
  durationMs?: number;
  tokens?: number;
  tools?: number;
  /** The newest tool call that did not happen, and why. */
  refused?: Mark & { how: 'failed' | 'blocked' | 'approval'; tool: string; reason?: string };
  reprompt?: Mark & { reason?: string };
};

/** One run as `orket.log` tells it. */
export type LoggedRun = {
  run: string;
  epic?: string;
  build?: string;
  start?: Mark;
  end?: Mark & { status: string; failureClass?: string };
  last?: Mark;
  /** `orchestrator_stalled`: nothing in the backlog can be dispatched. */
  stalled?: Mark & { reason?: string; backlog: { id: string; status: string }[] };
  halted?: Mark;
  requeued?: string[];
  /** The run's files were not exported (to a Gitea), and why. */
  exportFailed?: Mark & { error?: string };
};

/** What `orket.log` tells of one card beside its turns. */
export type LoggedCard = {
  card: string;
  retry?: Mark & { run: string; count: number; limit: number; error?: string };
  verdict?: Mark & { run: string; how: string; rationale?: string };
  verifier?: { run: string; start: Mark; done?: Mark & { ok: boolean } };
};

/** `model_timeout_retry`, `model_connection_retry`: they name neither run nor card. */
export type ModelRetry = Mark & { event: string; model: string; attempt: number; error?: string };

/** The newest line of a log with a time. */
export type LastLine = { at: Instant; offset: number; event: string };

/** A turn's directory; `run`, `issue` and `role` are directory names. */
export type TurnFiles = {
  id: string;
  run: string;
  issue: string;
  index: number;
  role: string;
  names: string[];
  /** When the prompt was written: the turn's beginning as the disk knows it. */
  openedAt?: Instant;
  /** Newest file of the directory. */
  touchedAt?: Instant;
  checkpoint?: Checkpoint;
  /** checkpoint.json is there and can't be read. */
  torn?: boolean;
  /** The prompt is newer than the checkpoint: the directory is used a second time and the old answer is not this turn's. */
  reopened?: boolean;
  results: { name: string; tool: string; ok: boolean; error?: string }[];
};

export type Checkpoint = {
  issue?: string;
  model?: string;
  capturedAt?: Instant;
  from?: string;
  to?: string;
  tools: string[];
  /** Different (tool, arguments) pairs: equal calls share one result file. */
  distinctCalls: number;
};

export type CardRow = {
  id: string;
  build?: string;
  summary?: string;
  status: string;
  note?: string;
  retries?: number;
  maxRetries?: number;
  dependsOn?: string[];
  createdAt?: Instant;
};

/** The newest time a card entered one status, from `card_transactions`. */
export type CardMove = {
  id: number;
  /** Status, or `archived` for the rows an archive writes. */
  to: string;
  from?: string;
  reason?: string;
  run?: string;
  role?: string;
  at?: Instant;
  error?: string;
};

export type LedgerRow = {
  id: string;
  name?: string;
  build?: string;
  status: string;
  failureClass?: string;
  failureReason?: string;
  target?: string;
  resume?: boolean;
  /** `status_counts` of the summary written at the end. */
  counts?: { [status: string]: number };
  workspace?: string;
  startedAt?: Instant;
  endedAt?: Instant;
  updatedAt?: Instant;
};

export type SessionRow = {
  id: string;
  name?: string;
  status: string;
  startedAt?: Instant;
  endedAt?: Instant;
};

export type GateRow = {
  id: string;
  run?: string;
  card?: string;
  seat?: string;
  mode?: string;
  request?: string;
  reason?: string;
  status: string;
  payload?: string;
  payloadBytes?: number;
  createdAt?: Instant;
  resolvedAt?: Instant;
};

/** A tool call that a run of later versions may not make without a person (orket/core/domain/outward_approvals.py). */
export type ProposalRow = {
  id: string;
  run?: string;
  tool?: string;
  /** Why it is asked, in the run's own words. */
  summary?: string;
  risk?: string;
  status: string;
  payload?: string;
  payloadBytes?: number;
  /** Who decided; `system:timeout` when nobody did. */
  by?: string;
  reason?: string;
  submittedAt?: Instant;
  expiresAt?: Instant;
  decidedAt?: Instant;
};

/** `policy_violation_<card>.json`. */
export type Violation = {
  run?: string;
  card: string;
  type: string;
  detail?: string;
  remedy?: string;
  at?: Instant;
};

/** `runtime_verification.json`. */
export type Verification = {
  run?: string;
  card?: string;
  ok: boolean;
  checked: number;
  errors: string[];
  action?: string;
  terminal: boolean;
  terminalReason?: string;
  fixHint?: string;
  at?: Instant;
};

/** An answer of the API's `/health`. */
export type Health = {
  state: 'up' | 'odd' | 'none';
  /** First bad answer in a row. */
  since?: Instant;
  httpStatus?: number;
  latencyMs: number;
  failures: number;
  error?: string;
};

/** What systemd or docker say of the unit or container that keeps a server. */
export type KeeperState = { word: string; isUp: boolean; pid?: number; since?: Instant };

/** An answer of `/v1/sessions/ID/status`. */
export type SessionAnswer = { active: boolean; task?: string };

/** Counts of `failure_modes.json`. */
export type FailureReport = {
  events: { [name: string]: number };
  failures: { [type: string]: number };
  idle: { [role: string]: number };
  guards: { [outcome: string]: number };
  retries: number;
};

/** `prompt_eval_metrics.json`: rates from 0 to 1. */
export type PromptMetrics = { turns: number; rates: { [name: string]: number } };

/** A comment on a card. */
export type CommentRow = { card: string; author?: string; content: string; at?: Instant };

type Undefinable<T> = { [K in keyof T]: undefined extends T[K] ? K : never }[keyof T];

/** `T` with the fields that may be undefined made optional. */
type Compact<T> = { [K in Exclude<keyof T, Undefinable<T>>]: T[K] } & {
  [K in Undefinable<T>]?: Exclude<T[K], undefined>;
};

/** A copy of the object without its undefined fields. Copying is much cheaper than deleting, which V8 punishes. */
export function compact<const T extends object>(fields: T): Compact<T> {
  const kept: Record<string, unknown> = {};
  for (const key in fields) if (fields[key] !== undefined) kept[key] = fields[key];
  return kept as unknown as Compact<T>;
}

/** A fact and the file it was folded from. */
export interface Found<T> {
  readonly fact: T;
  readonly file: FileFacts;
}

/** The latest of some instants. */
export function newest(times: readonly (Instant | undefined)[]): Instant | undefined {
  let best: Instant | undefined;
  for (const at of times) if (at !== undefined && (best === undefined || at > best)) best = at;
  return best;
}

/** A fact on its way out of a parser. */
export function toJson(fact: object): Json {
  return fact as Json;
}

/** A fact on its way back in: only this kind's parsers of the same version wrote it. */
export function fromJson<T>(fact: Json | undefined): T | undefined {
  return fact === undefined || fact === null ? undefined : (fact as T);
}

/** `text` cut to `length` characters, a cut marked. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
