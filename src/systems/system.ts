/**
 * The contract of a kind: what one sort of orchestrator means. A kind knows formats and rules; it opens nothing, starts
 * nothing and has no clock. The engine reads its sources, folds them with its parsers, joins them with `derive`, and
 * carries out the acts it declares as data.
 */
import type { ZodMiniType } from 'zod/mini';
import type {
  ActMenu,
  ParamSpec,
  Params,
  Risk,
  StageState,
  Step,
  StepAnswer,
  StepOutput,
} from '../domain/act.ts';
import type { ActRules } from '../domain/act-rules.ts';
import type { Dependencies } from '../domain/dependency.ts';
import type { Entity, EntityOf, EntityType, Ref, SystemId } from '../domain/entity.ts';
import type { HostCheck, HostCheckAnswer } from '../domain/host-check.ts';
import type { Instant } from '../domain/instant.ts';
import type { LogRecord } from '../domain/log.ts';
import type { ProcessInfo, ProcessTable } from '../domain/process.ts';
import type { BadRecord, SourceStatus } from '../domain/source.ts';
import type { Json, JsonObject } from '../lib/json.ts';

/** What `recognise` and `locate` may see of a directory: names and small files (64 KiB at most). */
export interface Look {
  /** True for a file or directory at this path below the directory (or an absolute one). */
  exists(path: string): boolean;
  /** Text of a small file, or undefined when it is missing, too large or unreadable. */
  text(path: string): string | undefined;
  /** Names in a directory, [] when there is none. */
  names(path: string): readonly string[];
  /** An environment variable of the cockpit. */
  env(name: string): string | undefined;
  /** Absolute path of a program on PATH. */
  which(program: string): string | undefined;
}

/** How sure a kind is that a directory is one of its own, 0 to 1, and by what. */
export interface Recognition {
  readonly confidence: number;
  readonly because: string;
}

/** Settings every kind has, given by configuration or `-s KIND=DIR,key=value`. */
export interface CommonSettings {
  readonly name?: string | undefined;
  /** Base URL of the system's HTTP server; HTTP sources are off without it. */
  readonly url?: string | undefined;
  readonly python?: string | undefined;
  /** File with `NAME=value` lines whose variables acts may use. */
  readonly envFile?: string | undefined;
  /** IANA zone of its naive local times; default is the cockpit host's zone. */
  readonly timezone?: string | undefined;
  readonly project?: string | undefined;
  /** Name of the environment variable that holds the API key. */
  readonly keyEnv?: string | undefined;
  /** Path of a log that is not at its usual place. */
  readonly log?: string | undefined;
  readonly environment?: string | undefined;
  readonly runAs?: string | undefined;
  readonly readOnly?: boolean | undefined;
  /** What the configuration says about its acts. */
  readonly acts?: ActRules | undefined;
  /** What it needs beside itself, looked at for it; see `config/dependency-kind.ts`. */
  readonly dependencies?: Dependencies | undefined;
}

/** One installation, with every path and program made definite. Plain data: it travels to the runner. */
export interface Located {
  readonly system: SystemId;
  readonly kind: string;
  /** Absolute directory the paths of sources and evidence are relative to. */
  readonly root: string;
  readonly url?: string;
  /** Zone of naive local times. */
  readonly timezone: string;
  /** Absolute Python interpreter, or undefined: acts that need one say so. */
  readonly python?: string;
  readonly settings: CommonSettings;
  /** Whatever else the kind made out: queue directory, project, config limits. */
  readonly extra: JsonObject;
}

// ---------------------------------------------------------------- sources

interface SourceCommon {
  /** Short, unique in the system: `orket.log`, `tasks`, `api.health`. */
  readonly id: string;
  /** Key in `parsers`. */
  readonly parser: string;
  /** `detail` sources are read when an entity of theirs is looked at. Default `always`. */
  readonly needs?: 'always' | 'detail';
  /** The writer empties it in place; what was read is kept in a spool and shown as wiped. */
  readonly volatile?: true;
}

/** A query of a database source. `optional` ones may fail because their table does not exist yet. */
export interface DatabaseQuery {
  readonly id: string;
  readonly sql: string;
  readonly params?: readonly (string | number)[];
  readonly optional?: true;
}

/**
 * Paths and globs are relative to the root, or absolute. A glob has `*` within a segment and `**` for any number of
 * directories; it never matches rotated siblings unless written so.
 */
export type SourceSpec = SourceCommon &
  (
    | { readonly type: 'log'; readonly glob: string }
    | { readonly type: 'document'; readonly glob: string; readonly maxBytes?: number }
    | {
        /** Directories matching `glob` are the items; `read` names files (or `*.ext`) whose text is wanted. */
        readonly type: 'tree';
        readonly glob: string;
        readonly read: readonly string[];
        readonly maxBytes?: number;
      }
    | { readonly type: 'database'; readonly path: string; readonly queries: readonly DatabaseQuery[] }
    | {
        readonly type: 'http';
        /** Path below the base URL, or the whole address of another server of the system. */
        readonly path: string;
        readonly everyMs: number;
        readonly timeoutMs?: number;
        /** Statuses beside 2xx that are answers too: 404 where an older version has no such address. */
        readonly accepts?: readonly number[];
        /** Budget shared by every cockpit of this host. */
        readonly perMinute?: number;
        readonly headers?: { readonly [name: string]: string };
        readonly secretHeader?: {
          readonly name: string;
          readonly variable: string;
          readonly prefix?: string;
        };
      }
    | {
        readonly type: 'probe';
        readonly argv: readonly string[];
        readonly cwd?: string;
        readonly everyMs: number;
        readonly timeoutMs?: number;
        /** What running it leaves behind, shown in `list sources`. */
        readonly sideEffects: string;
      }
    | { readonly type: 'stream'; readonly argv: readonly string[]; readonly cwd?: string }
    | {
        readonly type: 'check';
        readonly check: HostCheck;
        readonly everyMs: number;
        readonly timeoutMs?: number;
      }
    | { readonly type: 'process'; readonly match: ProcessMatch }
  );

/** Which processes a system is interested in; the table given to `derive` holds just these and their descendants. */
export interface ProcessMatch {
  /** Any of these occurs in an argument. */
  readonly words: readonly string[];
  /** Ports whose listener is wanted, whoever it is. */
  readonly ports?: readonly number[];
  /** Pids named by facts. */
  readonly pids?: readonly number[];
}

// ---------------------------------------------------------------- parsing

/** One complete line, without its newline. */
export interface Line {
  readonly text: string;
  /** Byte offset of its first byte. */
  readonly offset: number;
  /** The line was longer than the cap and only its beginning is here. */
  readonly cut?: true;
}

/** What a parser is given. */
export type Chunk =
  | {
      readonly type: 'lines';
      readonly lines: readonly Line[];
      /** First lines of a file read from its middle (a long file whose beginning is left out). */
      readonly partial?: true;
    }
  | { readonly type: 'document'; readonly text: string }
  | {
      /** One item directory: the names in it and the texts asked for. */
      readonly type: 'directory';
      readonly names: readonly string[];
      readonly texts: { readonly [name: string]: string };
      readonly modifiedAt: { readonly [name: string]: Instant };
    }
  | {
      readonly type: 'database';
      readonly results: {
        readonly [queryId: string]: readonly { readonly [column: string]: string | number | null }[];
      };
      /** Queries that failed (table missing) and why. */
      readonly failed: { readonly [queryId: string]: string };
    }
  | {
      readonly type: 'http';
      /** Undefined: no answer. */
      readonly status?: number;
      readonly body?: string;
      readonly error?: string;
      readonly latencyMs: number;
      /** Answers in a row without success, this one included. */
      readonly failures: number;
    }
  | {
      readonly type: 'probe';
      readonly exitCode: number | null;
      readonly stdout: string;
      readonly stderr: string;
      readonly error?: string;
    }
  | { readonly type: 'check'; readonly answer: HostCheckAnswer };

/** What a parser may look at beside the chunk. */
export interface ParseContext {
  readonly located: Located;
  readonly source: string;
  /** Relative to the root where it lies below it; the URL for `http`. */
  readonly path: string;
  /** When the chunk was read. */
  readonly now: Instant;
  readonly modifiedAt?: Instant;
  readonly bornAt?: Instant;
  /** The fact of this file under that key, as of before this chunk. */
  fact(key: string): Json | undefined;
}

/** What a parser gives back. It never throws for bad input: it returns `bad`. */
export interface Folded {
  /** Small state to go on with; kept per file. */
  readonly carry: Json;
  /**
   * Facts of this file. For `lines` chunks they are merged by key (null removes); for all other chunks they replace
   * everything known of the file. Undefined keeps the facts as they are: the bytes were no good, the last good ones
   * stay with their age.
   */
  readonly facts?: { readonly [key: string]: Json | null };
  readonly records?: readonly LogRecord[];
  readonly bad?: readonly BadRecord[];
}

export interface Parser {
  /** Raised when facts or carry change shape: what an older version saved is not used. */
  readonly version: number;
  readonly start: Json;
  /**
   * The text of each of its records is a piece of the line it was made of, or of a JSON string in it. What is looked for
   * in old lines is then found, and ruled out, by their bytes; else each of them has to be parsed.
   */
  readonly showsWritten?: true;
  /**
   * Time and level of the record that `fold` would make of a line by itself, whatever came before; undefined where it
   * would make none. For parsers that make a record of each line: old lines are entered into an index by it.
   */
  judge?(line: string): Pick<LogRecord, 'at' | 'level'> | undefined;
  fold(carry: Json, chunk: Chunk, context: ParseContext): Folded;
}

// ---------------------------------------------------------------- deriving

/** One file, directory, URL or database of a source with the facts folded from it. */
export interface FileFacts {
  readonly source: string;
  readonly path: string;
  /** False: it was there and is gone; its facts are the last ones. */
  readonly present: boolean;
  /** Why the newest attempt to read it failed; facts are then the last good ones. */
  readonly error?: string;
  readonly readAt: Instant;
  readonly modifiedAt?: Instant;
  readonly bornAt?: Instant;
  readonly sizeBytes?: number;
  /** When its writer emptied or replaced it under our eyes. */
  readonly wipedAt?: Instant;
  readonly facts: ReadonlyMap<string, Json>;
}

/** Everything folded of one system. */
export interface FactsOf {
  files(source: string): readonly FileFacts[];
  status(source: string): SourceStatus | undefined;
}

/** Entities of one system as of one instant. */
export interface Derived {
  readonly entities: readonly Entity[];
  /** When they would change by themselves, without any new byte. */
  readonly nextInstant?: Instant;
  /** Kind facts that acts need and no entity carries. */
  readonly data?: JsonObject;
  /** Pids that facts name, to be included in the process table. */
  readonly wantedPids?: readonly number[];
}

export interface DeriveContext {
  readonly located: Located;
  readonly facts: FactsOf;
  readonly processes: ProcessTable;
  readonly now: Instant;
}

// ---------------------------------------------------------------- acting

/** A read-only look at one system as of one instant. */
export interface StateView {
  readonly located: Located;
  readonly now: Instant;
  readonly data: JsonObject;
  readonly processes: readonly ProcessInfo[];
  entity<T extends EntityType>(type: T, id: string): EntityOf<T> | undefined;
  entities<T extends EntityType>(type: T): readonly EntityOf<T>[];
}

/** What an act was started with. */
export interface ActOrder {
  readonly order: string;
  readonly act: string;
  readonly target: Ref;
  readonly params: Params;
  readonly startedAt: Instant;
  readonly revision: string;
  /** What `baseline` returned when the act was planned. */
  readonly baseline: Json;
  /** Index of the step that ends the current stage group; steps run so far. */
  readonly stepsDone: number;
  /** When the newest step ended; undefined in a preview, and for a runner that went on in another's place. */
  readonly lastStepAt?: Instant;
  /** Stages as the look before left them: what was seen, and when. */
  readonly stages?: readonly StageState[];
}

export interface ActSpec {
  /** `noun.verb`, the same across kinds. */
  readonly id: string;
  readonly title: string;
  readonly menu: ActMenu;
  readonly risk: Risk;
  /** One line: what it really does. */
  readonly does: string;
  /** How it runs, in a few words: `main.py --replay-turn`, `PATCH /api/agent/tasks/ID`. Lists and README show it. */
  readonly runs?: string;
  /** What is watched for afterwards, in a few words: "card leaves ready within a poll". Lists and README show it. */
  readonly outcome?: string;
  readonly params: readonly ParamSpec[];
  appliesTo(target: Entity): boolean;
  /** Why not, now; undefined when it can be done. */
  precondition(view: StateView, target: Entity): string | undefined;
  warnings?(view: StateView, target: Entity, params?: Params): readonly string[];
  /** What is lost or orphaned by it, in words. */
  strands?(view: StateView, target: Entity, params?: Params): readonly string[];
  /** Only what the decision depends on; no heartbeat in it. */
  revision(view: StateView, target: Entity): string;
  /** What `expect` compares with later. */
  baseline?(view: StateView, target: Entity): Json;
  plan(view: StateView, target: Entity, params: Params): readonly Step[];
  /** What the programs said. */
  read?(outputs: readonly StepOutput[], order: ActOrder): StepAnswer;
  /** The answer itself is the outcome (programs that only print): `read` decides, `expect` may be empty. */
  readonly answerIsProof?: true;
  /** Looks at the state only; asked after every change and at its deadlines. */
  expect(view: StateView, order: ActOrder): readonly StageState[];
  undo?: UndoSpec;
}

/** What compensates an act that was done, or why nothing does. */
export interface UndoSpec {
  /** Id of the compensating act, of the same kind; without it `text` says why there is none. */
  readonly act?: string;
  readonly text: string;
  /**
   * What it is done to, where that is not the item itself: the job that was submitted, the service a condition was about.
   * Undefined: it is not there now.
   */
  on?(view: StateView, order: ActOrder): Ref | undefined;
  /** Parameters it is offered with: what was set before. */
  params?(view: StateView, order: ActOrder): Params;
}

export type PlaybookStep =
  | { readonly type: 'check'; readonly text: string; holds(view: StateView, target: Entity): boolean }
  | {
      readonly type: 'act';
      readonly text: string;
      readonly act: string;
      /** What it is done to, where that is not the item itself; undefined: there is nothing to do it to now. */
      on?(view: StateView, target: Entity): Ref | undefined;
      /** Parameters it is offered with. */
      params?(view: StateView, target: Entity): Params;
    }
  | { readonly type: 'note'; readonly text: string };

/** A procedure for a condition. On screen: steps. */
export interface Playbook {
  readonly id: string;
  readonly title: string;
  readonly steps: readonly PlaybookStep[];
}

// ---------------------------------------------------------------- the kind

export interface SystemKind {
  readonly kind: string;
  readonly title: string;
  /** Kind's own settings beside the common ones, as a zod object of optional strings. */
  readonly settings: ZodMiniType;
  recognise(look: Look): Recognition | undefined;
  /** Directory an operator named, to definite paths. Pure apart from `look`. Throws UserError when it can't be one. */
  locate(dir: string, look: Look, system: SystemId, settings: CommonSettings): Located;
  /** Asked again when `derive` returned other data. */
  sources(located: Located, data: JsonObject): readonly SourceSpec[];
  readonly parsers: { readonly [name: string]: Parser };
  derive(context: DeriveContext): Derived;
  readonly acts: readonly ActSpec[];
  readonly playbooks: readonly Playbook[];
}
