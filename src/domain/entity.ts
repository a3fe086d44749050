import type { Json } from '../lib/json.ts';
import type { ActMenu } from './act.ts';
import type { Instant } from './instant.ts';

/** Id of one watched installation: its `name`, else its kind, else `kind-2` and so on. */
export type SystemId = string & { readonly __brand: 'SystemId' };

/** What sorts of things a system shows. */
export type EntityType =
  | 'run'
  | 'turn'
  | 'job'
  | 'approval'
  | 'issue'
  | 'layer'
  | 'service'
  | 'meter'
  | 'restorePoint';

/** Names one entity everywhere: within its system by type and id. */
export interface Ref {
  readonly system: SystemId;
  readonly type: EntityType;
  readonly id: string;
}

/**
 * Where a statement on the screen comes from, so that a person can go and look. `source` is the id of the source;
 * `path` is relative to the system's root, or absolute when it lies outside.
 */
export interface Evidence {
  readonly source: string;
  readonly path?: string;
  /** Byte offset of the line in the file. */
  readonly offset?: number;
  readonly query?: string;
  readonly url?: string;
  readonly pid?: number;
  /** What was seen there, raw text of the watched system. */
  readonly text?: string;
  /** When that was written or seen, where the source says so. */
  readonly at?: Instant;
}

/**
 * Rank of attention, lower first: 1 loss with a clock (limit, bad default), 2 nothing moves, 3 people's answers block
 * work, 4 silent or dead work, 5 limits near, 6 sources stale, 7 fake successes and dead ends.
 */
export type AttentionRank = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** Why an entity needs a human now. An entity without this does not appear in the queue. */
export interface Attention {
  readonly rank: AttentionRank;
  /** The word in the first column of the queue, in capitals: FATAL, APPROVE, REVIEW, ANSWER, STALLED, DEAD, COST ... */
  readonly label: string;
  readonly why: string;
  readonly since?: Instant;
  /** When the default outcome comes by itself. */
  readonly until?: Instant;
  /** What happens at `until`, or when nobody does anything: "never expires", "counts as denied". */
  readonly onExpiry?: string;
  /** The act that helps most; its key is shown. */
  readonly act?: string;
  /** Where the kind puts that act, if it is not the menu its verb names. */
  readonly menu?: ActMenu;
  /** Playbook for this condition. */
  readonly playbook?: string;
  /** Equal items of one system are shown as one row with a count; default is the entity itself. */
  readonly group?: string;
  /** Sources that can't be read for just the reason this item tells: they need no row of their own. */
  readonly tells?: readonly string[];
}

/** What every entity has. Texts are raw; they are made safe at the edge of the screen. */
export interface EntityBase {
  readonly system: SystemId;
  /** Stable within system and type; never a position in a list. */
  readonly id: string;
  readonly title: string;
  /** When the newest source this entity rests on was last read. */
  readonly observedAt: Instant;
  /** The first place to look. */
  readonly evidence: Evidence;
  /** Further places, in the order a reader should see them on the card. */
  readonly trail?: readonly Evidence[];
  readonly attention?: Attention;
  /**
   * Texts that mark a log record as belonging to this entity (run id, card id, task id), and files whose every record
   * does. The lens of the logs pane uses them.
   */
  readonly logKeys?: readonly string[];
  readonly logFiles?: readonly string[];
  /** Steps that belong to it, needing a human or not: those of its `attention` come first. */
  readonly playbook?: string;
  /** First lines of the card: what the program will do differently from what is shown, in the order of importance. */
  readonly cautions?: readonly string[];
  /** What acts of this kind need and no screen prints. */
  readonly data?: { readonly [key: string]: Json };
}

export interface Run extends EntityBase {
  readonly type: 'run';
  readonly status: 'running' | 'succeeded' | 'failed' | 'halted' | 'stalled' | 'unknown';
  readonly nativeStatus?: string;
  readonly startedAt?: Instant;
  readonly endedAt?: Instant;
}

export interface Turn extends EntityBase {
  readonly type: 'turn';
  readonly run: string;
  /** The card or issue the turn works on. */
  readonly issue?: string;
  readonly index: number;
  readonly role: string;
  /** `stalled`: silent past its time while its run may live. `dead`: its run is over and nothing will end it. */
  readonly state: 'in-flight' | 'stalled' | 'no-progress' | 'failed' | 'completed' | 'dead' | 'unknown';
  readonly model?: string;
  readonly path?: string;
  readonly capturedAt?: Instant;
  readonly startedAt?: Instant;
}

export interface Job extends EntityBase {
  readonly type: 'job';
  readonly status:
    | 'queued'
    | 'running'
    | 'waiting'
    | 'done'
    | 'failed'
    | 'cancelled'
    | 'blocked'
    | 'archived'
    | 'unknown';
  readonly nativeStatus?: string;
  readonly waitingFor?: string;
  readonly leaseUntil?: Instant;
  readonly heartbeatAt?: Instant;
  readonly attempts?: number;
  readonly createdAt?: Instant;
  readonly updatedAt?: Instant;
}

/** What a decision is about, shown whole on the card; the decision is bound to its digest. */
export interface Payload {
  readonly form: 'plan' | 'diff' | 'arguments' | 'question' | 'text';
  readonly text: string;
}

export interface Approval extends EntityBase {
  readonly type: 'approval';
  readonly ask: 'approve' | 'review' | 'answer';
  readonly status: 'pending' | 'decided' | 'expired';
  /** False when it can only be watched; `reason` says why. */
  readonly answerable: boolean;
  readonly reason?: string;
  readonly risk?: 'low' | 'medium' | 'high' | 'critical';
  readonly requestedAt?: Instant;
  readonly expiresAt?: Instant;
  /** How exactly that is known, in milliseconds, where its source is coarser than a second: "about 20 min". */
  readonly expiresGrainMs?: number;
  readonly onExpiry?: string;
  readonly question?: string;
  /** None (undefined) means there is nothing to approve: the approve key is off. */
  readonly payload?: Payload;
  /** SHA-256 of the payload, hexadecimal; added by the engine. */
  readonly payloadDigest?: string;
  /** Ids of the acts that decide it, most useful first. */
  readonly decisions: readonly string[];
  /** The job, task or card that waits. */
  readonly subject?: string;
}

export interface Issue extends EntityBase {
  readonly type: 'issue';
  /** Key of the condition: the same trouble seen again has the same key. Equal to `id`. */
  readonly key: string;
  /** `fatal` means nothing moves without a human, whatever the program calls it. */
  readonly severity: 'fatal' | 'error' | 'warning' | 'info';
  /** `unchecked`: the last check could not look; the issue is neither confirmed nor gone. */
  readonly status: 'open' | 'unchecked';
  readonly detail?: string;
  readonly since?: Instant;
  readonly suggestedAction?: string;
}

export interface Layer extends EntityBase {
  readonly type: 'layer';
  readonly order: number;
  readonly name: string;
  readonly status: 'ok' | 'attention' | 'failed' | 'unknown';
  readonly summary: string;
}

export interface Service extends EntityBase {
  readonly type: 'service';
  readonly status: 'up' | 'degraded' | 'down' | 'unknown';
  readonly latencyMs?: number;
  readonly detail?: string;
}

export interface Meter extends EntityBase {
  readonly type: 'meter';
  readonly name: string;
  readonly value: number;
  readonly limit?: number;
  readonly unit: string;
  /** What the value counts over, in words: `2026-11-20 UTC`. */
  readonly window?: string;
  readonly perHour?: number;
  readonly exhaustsAt?: Instant;
  readonly status: 'ok' | 'warning' | 'critical';
}

export interface RestorePoint extends EntityBase {
  readonly type: 'restorePoint';
  readonly label: string;
  readonly createdAt?: Instant;
  readonly commit?: string;
}

/** Anything a system shows. */
export type Entity = Run | Turn | Job | Approval | Issue | Layer | Service | Meter | RestorePoint;

/** The entity type with that tag. */
export type EntityOf<T extends EntityType> = Extract<Entity, { type: T }>;

/** Key of an entity within its system: `type/id`. */
export function entityKey(of: { readonly type: EntityType; readonly id: string }): string {
  return `${of.type}/${of.id}`;
}

/** Key of an entity across systems: `system/type/id`. */
export function refKey(of: Ref): string {
  return `${of.system}/${of.type}/${of.id}`;
}

/** The reference to an entity. */
export function refOf(entity: Entity): Ref {
  return { system: entity.system, type: entity.type, id: entity.id };
}

/** The reference to an entity that may not be there. */
export function refTo(entity: Entity | undefined): Ref | undefined {
  return entity && refOf(entity);
}

/** Evidence that is there, in order; nothing for what is missing. */
export function trailOf(...evidence: readonly (Evidence | undefined)[]): readonly Evidence[] {
  return evidence.filter((one) => one !== undefined);
}
