/**
 * The border between what watches and what shows. Every message is plain JSON, so that it passes a thread, a process or
 * a network alike. Snapshots travel in slices of at most 1,000 entities.
 */
import type {
  ActEntry,
  ActOccasion,
  ActOffer,
  ActPreview,
  Params,
  StepAnswer,
  UndoOffer,
} from '../domain/act.ts';
import type { Aside } from '../domain/aside.ts';
import type { AttentionItem } from '../domain/attention.ts';
import type { Entity, Ref, SystemId } from '../domain/entity.ts';
import type { Signal } from '../domain/hook.ts';
import type { Instant } from '../domain/instant.ts';
import type {
  LogCursor,
  LogFile,
  LogHistogram,
  LogPage,
  LogQuery,
  LogRow,
  PagePlace,
} from '../domain/log.ts';
import type { BadRecord, SourceStatus } from '../domain/source.ts';
import type { PlaybookView, StepPlace } from '../domain/steps.ts';
import type { WatchEntry } from '../domain/watch.ts';

export type { Aside, PlaybookView };

/** A watched system as the screen knows it. */
export interface SystemSummary {
  readonly id: SystemId;
  readonly kind: string;
  readonly title: string;
  readonly root: string;
  readonly url?: string;
  readonly environment?: string;
  readonly readOnly: boolean;
  readonly state: 'ok' | 'stale' | 'unreachable' | 'error';
  readonly sources: readonly SourceStatus[];
  /** Whether every source was read once, or is known missing, failed or over its limit. */
  readonly settled: boolean;
}

/** Figures about the engine itself. */
export interface EngineFigures {
  readonly lagMs: number;
  readonly unreadBytes: number;
  readonly badRecords: number;
  readonly linesPerSecond: number;
  /** Places in logs whose bytes were gone before anybody could read them; each stands in the log as a row. */
  readonly gaps?: number;
  readonly polling: boolean;
}

/** A record that could not be understood, and whose it is. */
export interface SourceBadRecord extends BadRecord {
  readonly system: SystemId;
  readonly source: string;
}

/** Someone else at a cockpit on this host. */
export interface Presence {
  readonly who: string;
  readonly terminal: string;
}

/** A hold on an item: who has it, until when. */
export interface Hold {
  readonly key: string;
  readonly by: string;
  readonly until: Instant;
  /** It is this cockpit's. */
  readonly ours?: true;
}

/** What changed since the last message. The first one is the whole. */
export interface StateChanges {
  /** True for the first slice of a snapshot: forget what was known. */
  readonly reset: boolean;
  /** False while further slices of the same snapshot follow. */
  readonly complete: boolean;
  /** As of when the engine says this. */
  readonly now: Instant;
  readonly factsSince?: Instant;
  readonly systems?: readonly SystemSummary[];
  readonly upserts: readonly Entity[];
  readonly removed: readonly Ref[];
  readonly acts?: readonly ActEntry[];
  readonly asides?: readonly Aside[];
  readonly holds?: readonly Hold[];
  readonly presence?: readonly Presence[];
  /** What this user watches, those that ended lately included. */
  readonly watches?: readonly WatchEntry[];
  /** The newest of what this cockpit's screen was asked to do, oldest first. */
  readonly signals?: readonly Signal[];
  readonly figures?: EngineFigures;
  /** Grows whenever log rows were added or changed; a window that follows asks for a page. */
  readonly logSeq?: number;
  /** `alone: others are not seen`, `demo`, `polling`: sentences for the first row. */
  readonly notices?: readonly string[];
}

/** Requests and their answers. */
export interface EngineCalls {
  /** Answers when every source was read once, or is known missing, failed or over its limit. */
  settle: { request: Record<never, never>; answer: { readonly settled: true } };
  page: {
    request: { readonly query: LogQuery; readonly at: PagePlace; readonly rows: number };
    answer: LogPage;
  };
  /** The nearest row of a query behind (1) or before (-1) a place: the next error, hit, line of the same run. */
  find: {
    request: { readonly query: LogQuery; readonly from: PagePlace; readonly direction: 1 | -1 };
    answer: { readonly row: LogRow | null };
  };
  /**
   * How many rows of a query there are, or lie behind a row. Answered in slices: `next` is the `from` of the next one,
   * with the same query; the hits of all slices are the count. `share`: how much was looked through, 0 to 1.
   */
  count: {
    request: { readonly query: LogQuery; readonly behind?: LogCursor; readonly from?: string };
    answer: { readonly hits: number; readonly next?: string; readonly share: number };
  };
  /** Rows by time and level in [since, until), in at most so many spans. */
  histogram: {
    request: {
      readonly query: LogQuery;
      readonly since?: Instant;
      readonly until?: Instant;
      readonly spans: number;
    };
    answer: LogHistogram;
  };
  /** The files of the logs a query wants, the oldest of each log first, and what is wrong with them. */
  parts: {
    request: { readonly query: LogQuery };
    answer: { readonly files: readonly LogFile[]; readonly problems: readonly string[] };
  };
  /** Rows that match and came in after `seq`, in the order they came: what a follower prints next. `seq`: that of the last. */
  tail: {
    request: { readonly query: LogQuery; readonly seq: number; readonly rows: number };
    answer: { readonly rows: readonly LogRow[]; readonly more: boolean; readonly seq: number };
  };
  /** A file beside the evidence, below a system's root, its beginning or a range of it. */
  read: {
    request: {
      readonly system: SystemId;
      readonly path: string;
      readonly offset?: number;
      readonly maxBytes: number;
    };
    answer: { readonly text: string; readonly sizeBytes: number; readonly error?: string };
  };
  offers: { request: { readonly target: Ref }; answer: { readonly offers: readonly ActOffer[] } };
  /** The playbook of an item; `playbook` names another one of its kind, such as that for an act that failed. */
  playbook: {
    request: { readonly target: Ref; readonly playbook?: string };
    answer: { readonly playbook: PlaybookView | null };
  };
  preview: {
    request: {
      readonly act: string;
      readonly target: Ref;
      readonly params: Params;
      readonly occasion?: ActOccasion;
    };
    answer: ActPreview;
  };
  /** Starts an act that was previewed; refused when revision or payload changed since. */
  start: {
    request: {
      readonly act: string;
      readonly target: Ref;
      readonly params: Params;
      readonly revision: string;
      readonly payloadDigest?: string;
      readonly occasion?: ActOccasion;
      readonly reason?: string;
      readonly confirmedBy: 'none' | 'yes' | 'code' | 'card';
      readonly code?: string;
    };
    answer: { readonly order?: string; readonly refused?: string; readonly read?: StepAnswer };
  };
  /** A step is checked off, skipped, or opened again by a person. Checks follow what is seen, acts their outcome. */
  markStep: {
    request: StepPlace & { readonly state: 'done' | 'skipped' | 'open'; readonly remark?: string };
    answer: { readonly done: boolean; readonly why?: string };
  };
  /** What undoes an order (default: the newest of this operator), as things stand now, or why nothing does. */
  undo: {
    request: { readonly order?: string };
    answer: UndoOffer;
  };
  cancel: {
    request: { readonly order: string };
    answer: { readonly cancelled: boolean; readonly why?: string };
  };
  /** A person says how an act with unknown outcome ended. */
  settleAct: {
    request: { readonly order: string; readonly note: string };
    answer: { readonly done: boolean; readonly why?: string };
  };
  aside: {
    request: {
      readonly item: AttentionItem;
      readonly until?: Instant;
      readonly forGood: boolean;
      readonly reason?: string;
    };
    answer: { readonly done: boolean; readonly why?: string };
  };
  back: { request: { readonly key: string }; answer: { readonly done: boolean } };
  hold: {
    request: { readonly key: string; readonly take: boolean };
    answer: { readonly held: boolean; readonly by?: string };
  };
  /** "Tell me when this moves, ends, or does not": begins or ends a watch of this user. */
  watch: {
    request: { readonly target: Ref; readonly on: boolean };
    answer: { readonly watched: boolean; readonly why?: string };
  };
  /** What could not be understood, the newest of each source: of one source, one system, or of all. */
  bad: {
    request: { readonly system?: SystemId; readonly source?: string };
    answer: { readonly records: readonly SourceBadRecord[] };
  };
  /** Reads the sources of one system again now. */
  refresh: { request: { readonly system?: SystemId }; answer: { readonly asked: number } };
  /** Writes what is open, held, tried and set aside for the next shift. `why`: what of keeping it failed. */
  handOver: {
    request: { readonly since?: Instant; readonly note?: string };
    answer: {
      readonly text: string;
      /** The file it was written to. */
      readonly path?: string;
      /** Whether other cockpits will show it. */
      readonly recorded: boolean;
      readonly why?: string;
    };
  };
  /** Writes the incident report of a time, up to now, as Markdown. */
  timeline: {
    request: { readonly since?: Instant };
    answer: {
      readonly since: Instant;
      readonly events: number;
      readonly text: string;
      /** The file it was written to; where it could not be, `why`. */
      readonly path?: string;
      readonly why?: string;
    };
  };
  /** Hand-overs this operator has not read, newest first. */
  unreadHandOvers: {
    request: Record<never, never>;
    answer: {
      readonly handOvers: readonly {
        readonly seq: number;
        readonly at: Instant;
        readonly by: string;
        readonly text: string;
      }[];
    };
  };
  /** This operator has read a hand-over: it is not announced to them any more. */
  readHandOver: { request: { readonly seq: number }; answer: { readonly done: true } };
  /** A person has seen the results of these acts; until then they come first. */
  saw: { request: { readonly orders: readonly string[] }; answer: { readonly done: true } };
  /** Keys were pressed: the holds of this cockpit stay alive. */
  awake: { request: Record<never, never>; answer: { readonly done: true } };
  /** Output of an act, as far as it was captured. */
  output: { request: { readonly order: string }; answer: { readonly text: string } };
}

export type CallName = keyof EngineCalls;
export type RequestOf<C extends CallName> = EngineCalls[C]['request'];
export type AnswerOf<C extends CallName> = EngineCalls[C]['answer'];

/** What a screen or a verb holds of the engine. Two carriers: a message port, and a call in the same thread. */
export interface EnginePort {
  /**
   * Rejects with the engine's message when the engine can't answer (ended, bad query). A call on logs is given up when
   * the signal says so, and rejects.
   */
  call<C extends CallName>(name: C, request: RequestOf<C>, signal?: AbortSignal): Promise<AnswerOf<C>>;
  /** The whole state in slices, then changes. Returns the end of the subscription. */
  subscribe(listener: (changes: StateChanges) => void): () => void;
  close(): Promise<void>;
}

/** Client to engine. */
export type ClientMessage =
  | { readonly type: 'call'; readonly id: number; readonly name: CallName; readonly request: unknown }
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'subscribe' }
  | { readonly type: 'close' };

/** Engine to client. */
export type EngineMessage =
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly message: string }
  | { readonly type: 'changes'; readonly changes: StateChanges }
  | { readonly type: 'closed' };
