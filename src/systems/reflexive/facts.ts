/**
 * What the parsers of this kind keep of the files, and how `derive` reads it back. Plain data; instants are
 * milliseconds. A change of a shape here raises the `version` of the parser that writes it.
 */
import type { Instant } from '../../domain/instant.ts';

/** One lifetime of the daemon, begun by "Starting orchestrator"; key `run:<ms>`. */
export type RunFact = {
  readonly at: Instant;
  readonly offset: number;
  readonly mode?: string;
  readonly repository?: string;
  readonly pollS?: number;
  /** Daily limit it loaded, USD: what it goes by until it ends, whatever the file says later. */
  readonly limit?: number;
  readonly signalAt?: Instant;
  readonly errorAt?: Instant;
  readonly error?: string;
  readonly stoppedAt?: Instant;
  readonly stoppedOffset?: number;
  /** Last line of the daemon before the next lifetime began. */
  readonly lastAt?: Instant;
};

/** An issue taken into the daemon's memory; key `claim:<number>`. */
export type ClaimFact = { readonly at: Instant; readonly offset: number; readonly title?: string };

/** An issue queued by `process-issue`, a process of its own; key `request:<number>`. */
export type RequestFact = { readonly at: Instant; readonly offset: number; readonly title?: string };

/** What the log tells of one row of `operations`; key `op:<db id>`. */
export type OperationLogFact = {
  readonly issue?: string;
  readonly at: Instant;
  readonly offset: number;
  readonly stage?: string;
  readonly stageAt?: Instant;
  readonly stageOffset?: number;
  readonly completedAt?: Instant;
  readonly success?: boolean;
  readonly pr?: number;
  readonly error?: string;
  readonly finalStage?: string;
  readonly endOffset?: number;
};

/**
 * Progress of an issue in a file that begins in the middle of its operation (the log was moved meanwhile); key
 * `item:<number>`.
 */
export type ItemFact = {
  readonly at: Instant;
  readonly offset: number;
  readonly stage?: string;
  readonly stageAt?: Instant;
  readonly stageOffset?: number;
  readonly pr?: number;
  readonly error?: string;
  readonly ended?: boolean;
};

/** What was spent, as the log tells; key `cost`. */
export type CostLogFact = {
  readonly at: Instant;
  readonly offset: number;
  readonly total: number;
  readonly warnedAt?: Instant;
  readonly warnedOffset?: number;
  readonly maxCost?: number;
  readonly maxCostAt?: Instant;
};

/** Requests that were made, paid for and then refused by the limit; key `refused`. */
export type RefusedFact = {
  readonly firstAt: Instant;
  readonly lastAt: Instant;
  readonly count: number;
  readonly offset: number;
  readonly text: string;
};

/** Errors of one sort that come again with each pass; keys `fails:main`, `fails:github`, `fails:work`, `fails:coder`. */
export type FailingFact = {
  readonly event: string;
  readonly error: string;
  readonly firstAt: Instant;
  readonly lastAt: Instant;
  readonly count: number;
  readonly offset: number;
  /** The same step was seen to work after the last error. */
  readonly passedAt?: Instant;
};

/** Pending items announced pass after pass and not begun; key `pending`. */
export type PendingFact = {
  readonly firstAt: Instant;
  readonly lastAt: Instant;
  readonly times: number;
  readonly count: number;
  readonly offset: number;
};

/** GitHub's limit as the daemon saw it; key `github`. */
export type GithubFact = {
  readonly at: Instant;
  readonly offset: number;
  readonly remaining?: number;
  readonly limit?: number;
  readonly resetAt?: Instant;
  readonly exceeded: boolean;
  readonly since: Instant;
};

/** A request for approval of a program that keeps it in memory; key `ask:<operation>:<second>`. */
export type AskFact = {
  readonly at: Instant;
  readonly offset: number;
  readonly operation: string;
  readonly context: string;
  readonly subject?: string;
};

/** How such a request ended; key `decided:<request id>`. */
export type DecidedFact = {
  readonly at: Instant;
  readonly offset: number;
  readonly how: 'approved' | 'denied' | 'timeout' | 'auto';
  readonly by?: string;
};

/** Bounds of what a log file holds; key `seen`. */
export type SeenFact = { readonly firstAt: Instant; readonly lastAt: Instant };

/** Newest line that only the daemon writes; key `life`. */
export type LifeFact = { readonly at: Instant; readonly offset: number };

/**
 * The running total before the first and after the last request of five minutes; key `spend:<ms>`. Totals, not sums:
 * lines that two files of one log share count once.
 */
export type SpendFact = { readonly before: number; readonly total: number };

/** Errors of one minute; key `errors:<ms>`. */
export type ErrorsFact = {
  readonly count: number;
  readonly lastAt: Instant;
  readonly offset: number;
  readonly text: string;
};

/** A guard that stopped something; key `guard:<guard>`. */
export type GuardFact = {
  readonly guard: string;
  readonly at: Instant;
  readonly offset: number;
  readonly reason: string;
  readonly blocked: string;
  readonly count: number;
};

/** A merge a human was asked for; key `merge:<pr>`. */
export type MergeFact = {
  readonly at: Instant;
  readonly offset: number;
  readonly action: string;
  readonly reason: string;
};

/** What became of a pull request; key `pr:<number>`. */
export type PullRequestFact = {
  readonly at: Instant;
  readonly offset: number;
  readonly event: string;
  readonly url?: string;
};

/** An end the daemon reported itself; key `stop` of the log, `stopped` of audit.log. `error`: it ended by that. */
export type StopFact = { readonly at: Instant; readonly offset: number; readonly error?: string };

/** A row of `operations`; key `op:<id>`. */
export type OperationFact = {
  readonly id: number;
  readonly kind: string;
  readonly issue: string;
  readonly title?: string;
  readonly startedAt?: Instant;
  /** `completed_at` is set, readable or not. */
  readonly completed: boolean;
  readonly completedAt?: Instant;
  readonly durationS?: number;
  readonly success: boolean;
  readonly error?: string;
  readonly errorType?: string;
  readonly retries: number;
  /** Rows of the same issue, this one included, and the newest of them. */
  readonly attempts: number;
  readonly newest: number;
  readonly complexity?: number;
  readonly filesChanged?: number;
};

/** `cost_tracker.json`; key `cost`. */
export type CostFileFact = {
  readonly date: string;
  readonly total: number;
  readonly requests?: number;
  readonly startedAt?: Instant;
  readonly updatedAt?: Instant;
  readonly providers: readonly { readonly name: string; readonly cost: number; readonly requests: number }[];
};

/** One provider of `rate_limiter.json`; key `rate:<provider>`. */
export type RateFact = {
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  readonly resetAt?: Instant;
};

/** `roadmap_schedule.json`; key `roadmap`. */
export type RoadmapFact = {
  readonly generatedAt?: Instant;
  readonly roadmapId?: string;
  readonly nextAt?: Instant;
  readonly count?: number;
  readonly error?: string;
  readonly errorAt?: Instant;
};

/** Commands that `src/cli.py` declares; key `program`. */
export type ProgramFact = {
  /** As they are typed: `health`, `approvals list`. */
  readonly commands: readonly string[];
  /** `approval-list` sets logging up, without which it ends in an error whatever there is to list. */
  readonly listsApprovals: boolean;
};

/** One move of HEAD in the checkout. */
export type MoveFact = {
  readonly from: string;
  readonly to: string;
  readonly at: Instant;
  readonly offset: number;
  readonly message: string;
};

/** The newest moves of HEAD, oldest first; key `head`. */
export type HeadFact = { readonly moves: readonly MoveFact[] };

/** A tag one can roll back to; key `point:<tag>`. */
export type PointFact = {
  readonly commit: string;
  /** The program's own list skips annotated tags. */
  readonly annotated: boolean;
  readonly at?: Instant;
  readonly subject: string;
};

/** The checkout against its commit; key `tree`. */
export type TreeFact = {
  /** Tracked files that differ from the commit, and how many of them are in conflict. */
  readonly changed: number;
  readonly conflicts: number;
  /** None: HEAD is detached. */
  readonly branch?: string;
  readonly commit?: string;
};

/** What keeps the daemon (a systemd unit, a container); key `unit`. */
export type UnitFact = {
  /** `active`, `inactive`, `failed`, `activating`, `deactivating`, as systemd says. */
  readonly active: string;
  readonly sub: string;
  readonly result: string;
  readonly exit?: number;
  readonly restarts?: number;
  readonly pid?: number;
  readonly endedAt?: Instant;
};

/** A request the program lists itself; key `listed:<id>`. */
export type ListedFact = {
  readonly id: string;
  readonly operation: string;
  readonly risk?: string;
  readonly requestedAt?: Instant;
  readonly expiresAt?: Instant;
  /** How exactly, in milliseconds, where it says hours. */
  readonly grainMs?: number;
  /** What it says of it, for the card. */
  readonly text: string;
  readonly concerns: readonly string[];
};
