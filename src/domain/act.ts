import type { Json } from '../lib/json.ts';
import type { Ref, SystemId } from './entity.ts';
import type { Instant } from './instant.ts';
import type { StepPlace } from './steps.ts';

/** `read` starts nothing in the watched system and writes nothing there. */
export type Risk = 'read' | 'reversible' | 'costly' | 'destructive';

/** Which menu key offers the act. `approve` acts are offered on the approval card. */
export type ActMenu = 'approve' | 'replay' | 'restart' | 'resume' | 'pause' | 'rollback' | 'cancel' | 'other';

/** A parameter asked from the operator. */
export interface ParamSpec {
  readonly name: string;
  readonly title: string;
  readonly form: 'text' | 'lines' | 'choice';
  readonly required: boolean;
  readonly choices?: readonly string[];
  /** Longest accepted text in characters; default 4,000. */
  readonly maxLength?: number;
  /** What to write, in a few words. */
  readonly hint?: string;
}

/** Parameters as given: name to text. */
export type Params = { readonly [name: string]: string };

/** A program started without a shell. `argv[0]` is absolute. */
export interface ProcessStep {
  readonly type: 'process';
  readonly title: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Variables set for the program beside the allow list; values are not secret. */
  readonly env?: { readonly [name: string]: string };
  /** Names of secret variables taken from the cockpit's own environment or the system's env-file at run time. */
  readonly secretEnv?: readonly string[];
  /** Exit codes that are no failure; default 0 alone. */
  readonly successCodes?: readonly number[];
  readonly timeoutMs: number;
}

/** A request to the system's HTTP server. `secretHeader` names a header whose value is the key in that variable. */
export interface HttpStep {
  readonly type: 'http';
  readonly title: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly body?: Json;
  readonly headers?: { readonly [name: string]: string };
  readonly secretHeader?: {
    readonly name: string;
    readonly variable: string;
    readonly prefix?: string;
  };
  /** It changes nothing there though its method could: as with GET, one that got no answer has failed, and may be sent again. */
  readonly asksOnly?: true;
  readonly timeoutMs: number;
}

/** A file below the system's root written whole (text) or removed (`text` undefined). */
export interface FileStep {
  readonly type: 'file';
  readonly title: string;
  /** Relative to the root, or absolute below it. */
  readonly path: string;
  readonly text?: string;
}

/** A signal to one process, named by pid and start time so that a reused pid is never hit. */
export interface SignalStep {
  readonly type: 'signal';
  readonly title: string;
  readonly pid: number;
  readonly startedAt: Instant;
  readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL';
}

/** A long-lived program: started in its own session and let go. */
export interface ServiceStep {
  readonly type: 'service';
  readonly title: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env?: { readonly [name: string]: string };
  /** As for programs: variables taken from the cockpit's environment or the system's env-file when it is started. */
  readonly secretEnv?: readonly string[];
  readonly outputPath?: string;
}

/** Files of the system read and shown, nothing else: the step of `read` acts composed by us. */
export interface ReadStep {
  readonly type: 'read';
  readonly title: string;
  /** Relative to the root; a missing file is part of the answer. */
  readonly paths: readonly string[];
  readonly maxBytes: number;
}

export type Step = ProcessStep | HttpStep | FileStep | SignalStep | ServiceStep | ReadStep;

/** What one step gave back. */
export interface StepOutput {
  readonly title: string;
  readonly exitCode?: number | null;
  readonly signal?: string;
  readonly timedOut?: boolean;
  readonly error?: string;
  /** Captured output, capped and masked. */
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
  /** SHA-256 over all bytes of stdout, the dropped ones too. */
  readonly sha256?: string;
  readonly sizeBytes?: number;
  /** For `http` steps. */
  readonly httpStatus?: number;
  /** For `read` steps: path and text, `null` when the file is not there. */
  readonly files?: readonly {
    readonly path: string;
    readonly text: string | null;
    readonly error?: string;
  }[];
}

/** What the program said: kept, shown, never believed. */
export interface StepAnswer {
  readonly ok: boolean;
  /** One line. */
  readonly summary: string;
  /** Titled blocks for the details view. */
  readonly sections?: readonly {
    readonly title: string;
    readonly text: string;
  }[];
}

/** One stage of an expected outcome. */
export interface StageState {
  readonly stage: 'accepted' | 'started' | 'done';
  /** What will be seen, in words: "card leaves ready". */
  readonly title: string;
  readonly state: 'seen' | 'waiting' | 'contradicted';
  /** What was seen, or what was seen instead. */
  readonly detail?: string;
  readonly seenAt?: Instant;
  readonly deadline: Instant;
  /** Whether this stage must be seen for the act to count as verified. Later stages may be shown only. */
  readonly required: boolean;
  /** What is seen does not tell whose doing it was: it counts only when the program also took our request. */
  readonly anyones?: true;
}

/** How an act ended. `running` while it has not. */
export type ActStatus =
  | 'running'
  | 'verified'
  | 'not-seen'
  | 'failed'
  | 'timed-out'
  | 'cancelled'
  | 'unknown'
  | 'settled';

/** An act on its way or done, as the acts pane shows it. */
export interface ActEntry {
  readonly order: string;
  readonly act: string;
  readonly title: string;
  readonly target: Ref;
  readonly targetTitle: string;
  readonly status: ActStatus;
  readonly attempt: number;
  readonly startedAt: Instant;
  readonly endedAt?: Instant;
  readonly by: string;
  readonly reason?: string;
  readonly stages: readonly StageState[];
  readonly exitCode?: number | null;
  readonly summary?: string;
  readonly answer?: StepAnswer;
  readonly outputTail?: string;
  readonly undo?: string;
  /** The act that compensates it. */
  readonly undoAct?: string;
  /** The order this one undoes. */
  readonly undoes?: string;
  readonly beatAt?: Instant;
  /** It has not begun: its runner is coming, or it waits for its turn behind another act; `summary` says which. */
  readonly queued?: true;
  /** Steps that help where it did not do what was wanted: a playbook of its kind, by id and title. */
  readonly playbook?: { readonly id: string; readonly title: string };
  /** It has ended, and no screen has shown that to a person yet. */
  readonly unseen?: true;
}

/** What an act is done for: to undo an earlier one, or as a step of a playbook. */
export interface ActOccasion {
  /** The order it undoes. */
  readonly undoes?: string;
  readonly step?: StepPlace;
}

/** An act as it can or cannot be done to one target now. */
export interface ActOffer {
  readonly act: string;
  readonly title: string;
  readonly menu: ActMenu;
  readonly risk: Risk;
  readonly params: readonly ParamSpec[];
  /** Why not, now; undefined when it can be done. */
  readonly disabled?: string;
  /** What it really does, in one line. */
  readonly does: string;
}

/** What undoes an order as things stand now: the compensating act and what it is done to, or why there is none. */
export interface UndoOffer {
  /** The order that would be undone. */
  readonly order?: string;
  /** Of the act that would be undone. */
  readonly title?: string;
  readonly offer?: ActOffer;
  /** What the compensating act is done to; not always the item of the act it undoes. */
  readonly target?: Ref;
  readonly targetTitle?: string;
  /** Parameters it is offered with: what was set before. */
  readonly params?: Params;
  readonly why?: string;
}

/** How an act must be confirmed. */
export type Confirmation = 'none' | 'yes' | 'yes-and-reason' | 'code';

/** Everything shown before a yes. */
export interface ActPreview {
  readonly act: string;
  readonly title: string;
  readonly system: SystemId;
  readonly root: string;
  readonly environment?: string;
  readonly target: Ref;
  readonly targetTitle: string;
  readonly params: Params;
  readonly steps: readonly Step[];
  /** Steps as a person reads them: the command line quoted, the request with secrets masked. */
  readonly commands: readonly string[];
  readonly risk: Risk;
  readonly confirmation: Confirmation;
  /** Four capital letters, for `code`. */
  readonly code?: string;
  readonly refused?: string;
  readonly warnings: readonly string[];
  readonly strands: readonly string[];
  readonly expected: readonly StageState[];
  readonly undo: string;
  /** The act that compensates it. */
  readonly undoAct?: string;
  /** What it is done for, as it was asked for. */
  readonly occasion?: ActOccasion;
  readonly revision: string;
  readonly payloadDigest?: string;
  readonly attempt: number;
  /** Result of an earlier attempt at the same revision. */
  readonly earlier?: string;
}

/** An act a kind declares, as lists name it. */
export interface ActSummary {
  readonly system: SystemId;
  readonly act: string;
  readonly title: string;
  readonly risk: Risk;
  readonly menu: ActMenu;
  readonly does: string;
  /** Names of the parameters, those that may be left out in brackets. */
  readonly params: string;
  /** How it runs, in a few words. */
  readonly runs?: string;
  /** What is watched for afterwards, in a few words. */
  readonly outcome?: string;
  /** What undoes it, or why nothing does. */
  readonly undo?: string;
}

/** An act as its kind declares it, whether or not a system of that kind is watched. */
export interface DeclaredAct extends Omit<ActSummary, 'system'> {
  readonly kind: string;
  /** The act that compensates it. */
  readonly undoAct?: string;
  /** Systems that are watched and have it. */
  readonly systems: readonly SystemId[];
}
