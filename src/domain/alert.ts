/**
 * What is worth ringing for: which events arise from how a system, the acts and the time moved on. Pure; whoever keeps
 * the states calls these with the one before and the one after.
 */
import type { ActEntry, ActStatus } from './act.ts';
import type { Entity, Ref } from './entity.ts';
import { refKey, refOf } from './entity.ts';
import { dayOf, type Instant, instant } from './instant.ts';
import { isOver, type WatchRecord, watchedState } from './watch.ts';

/** What hooks are chosen by: `on` in the configuration. */
export type AlertTopic = 'approval' | 'fatal' | 'act' | 'deadline' | 'watch';
export const alertTopics = ['approval', 'fatal', 'act', 'deadline', 'watch'] as const;

/** How bad it is, mildest first. */
export const alertSeverities = ['info', 'warning', 'error', 'fatal'] as const;
export type AlertSeverity = (typeof alertSeverities)[number];

/** One event. Texts are raw. */
export interface Alert {
  /** The same in every cockpit of the host that sees the same thing happen: what fires once goes by it. */
  readonly id: string;
  readonly on: AlertTopic;
  readonly severity: AlertSeverity;
  /** When it was noticed. */
  readonly at: Instant;
  readonly ref: Ref;
  readonly title: string;
  /** What happened, in a sentence without the title. */
  readonly text: string;
  /** Since when that is so, and until when it can be helped, where known. */
  readonly since?: Instant;
  readonly until?: Instant;
  /** For `act`. */
  readonly act?: {
    readonly order: string;
    readonly act: string;
    readonly status: ActStatus;
    readonly by: string;
  };
  /** For `deadline`: how long before it this is, as hooks ask for it. */
  readonly withinMs?: number;
  /** It was already so at the first look: nothing just happened. Only hooks with `at-start` want it. */
  readonly isOld?: true;
  /** Nothing happened: a hook is being tried. */
  readonly isTest?: true;
  /**
   * The system does not say when this began, so a later occasion has the same id: it may fire again after this time, in
   * milliseconds.
   */
  readonly repeatMs?: number;
}

/** Without a time of its own, the same condition seen again after an hour is another one. */
const REPEAT_MS = 3_600_000;

/** Where a thing has no begin that could be told apart by, ids carry nothing and repeat after {@link REPEAT_MS}. */
function occasion(at: Instant | string | undefined): { readonly mark: string; readonly repeatMs?: number } {
  return at === undefined ? { mark: '', repeatMs: REPEAT_MS } : { mark: String(at) };
}

/** A new approval, a new fatal issue: what a change of one entity gives rise to. `before`: not there. */
export function entityAlerts(before: Entity | undefined, after: Entity, now: Instant): readonly Alert[] {
  const { attention } = after;
  if (after.type === 'approval' && waitsForAnswer(after)) {
    const begun = occasion(after.requestedAt ?? after.payloadDigest);
    if (before?.type === 'approval' && waitsForAnswer(before)) {
      // A plan made anew under the same id is another question. A request known by its payload alone (which may be read
      // a moment later than the rest) is not.
      if (after.requestedAt === before.requestedAt || before.requestedAt === undefined) return [];
    }
    const until = after.expiresAt ?? attention?.until;
    const expiry = after.onExpiry ?? attention?.onExpiry;
    return [
      {
        ...subjectOf(after, now),
        id: `approval:${refKey(refOf(after))}:${begun.mark}`,
        on: 'approval',
        severity: after.risk === 'critical' || after.risk === 'high' ? 'error' : 'warning',
        text: `${askWords[after.ask]}${expiry === undefined ? '' : `; left alone it ${expiry}`}`,
        ...(after.requestedAt === undefined ? {} : { since: after.requestedAt }),
        ...(until === undefined ? {} : { until }),
        ...repeating(begun.repeatMs),
      },
    ];
  }
  // A condition that goes on may learn its begin later, or count it anew with every check: not another one.
  if (isFatal(after) && (before === undefined || !isFatal(before))) {
    const since = sinceOf(after);
    const begun = occasion(since);
    return [
      {
        ...subjectOf(after, now),
        id: `fatal:${refKey(refOf(after))}:${begun.mark}`,
        on: 'fatal',
        severity: 'fatal',
        text:
          attention?.why ?? (after.type === 'issue' ? (after.detail ?? 'nothing moves') : 'nothing moves'),
        ...(since === undefined ? {} : { since }),
        ...repeating(begun.repeatMs),
      },
    ];
  }
  return [];
}

const askWords = {
  approve: 'waits for your yes or no',
  review: 'waits for your review',
  answer: 'waits for your answer',
} as const;

/** An act of anybody on this host that ended. `before`: not known yet. What a person settled is no news to them. */
export function actAlert(before: ActEntry | undefined, after: ActEntry, now: Instant): Alert | undefined {
  if (after.status === 'running' || after.status === 'settled') return undefined;
  if (before !== undefined && before.status !== 'running') return undefined;
  const { order, act, status, by } = after;
  return {
    id: `act:${order}:${status}`,
    on: 'act',
    severity: actSeverity[status],
    at: now,
    ref: after.target,
    title: after.targetTitle,
    text: `${after.title} by ${by}: ${actOutcome[status]}${after.summary === undefined ? '' : ` (${after.summary})`}`,
    ...(after.endedAt === undefined ? {} : { since: after.endedAt }),
    act: { order, act, status, by },
  };
}

type EndedStatus = Exclude<ActStatus, 'running' | 'settled'>;

const actSeverity: { readonly [S in EndedStatus]: AlertSeverity } = {
  verified: 'info',
  cancelled: 'warning',
  'not-seen': 'error',
  failed: 'error',
  'timed-out': 'error',
  unknown: 'error',
};

const actOutcome: { readonly [S in EndedStatus]: string } = {
  verified: 'verified',
  cancelled: 'cancelled',
  'not-seen': 'it ran, and its effect was not seen',
  failed: 'failed',
  'timed-out': 'timed out',
  unknown: 'outcome unknown, a person must settle it',
};

/** The deadline an entity has: when its default outcome comes, or its limit is reached. */
export function deadlineOf(entity: Entity): Instant | undefined {
  if (entity.type === 'approval') {
    return entity.status === 'pending' ? (entity.expiresAt ?? entity.attention?.until) : undefined;
  }
  return entity.attention?.until ?? (entity.type === 'meter' ? entity.exhaustsAt : undefined);
}

/** An entity whose deadline is at most `withinMs` away, and not over. Undefined while it is further. */
export function deadlineAlert(entity: Entity, withinMs: number, now: Instant): Alert | undefined {
  const until = deadlineOf(entity);
  if (until === undefined || until <= now || until - now > withinMs) return undefined;
  const expiry =
    (entity.type === 'approval' ? entity.onExpiry : undefined) ??
    entity.attention?.onExpiry ??
    'it is over then';
  return {
    ...subjectOf(entity, now),
    id: `deadline:${refKey(refOf(entity))}:${deadlineMark(entity, until)}:${withinMs}`,
    on: 'deadline',
    severity: 'warning',
    text: `${inMinutes(until - now)} left: ${expiry}`,
    until,
    withinMs,
  };
}

/** When an entity's deadline comes within reach, if that is still to come. */
export function deadlineLook(entity: Entity, withinMs: number, now: Instant): Instant | undefined {
  const until = deadlineOf(entity);
  if (until === undefined || until - now <= withinMs) return undefined;
  return instant(until - withinMs);
}

/** A deadline that is reckoned from a rate moves with every reading, and stays the one of its window or day. */
function deadlineMark(entity: Entity, until: Instant): string {
  if (entity.type === 'meter') return entity.window ?? dayOf(until);
  return String(Math.floor(until / 60_000));
}

/** A watched item moved. `moves`: how often it has now. */
export function watchMoved(watch: WatchRecord, after: Entity, moves: number, now: Instant): Alert {
  const over = isOver(after);
  const word = watchedState(after);
  return {
    ...subjectOf(after, now),
    id: `${watchId(watch)}:${over ? 'ended' : moves}`,
    on: 'watch',
    severity: badStates.test(word) ? 'error' : 'info',
    text: `${over ? 'ended' : 'moved'}: ${watch.state} -> ${word}`,
    since: watch.since,
  };
}

/** A watched item is no longer there. */
export function watchGone(watch: WatchRecord, now: Instant): Alert {
  return {
    id: `${watchId(watch)}:ended`,
    on: 'watch',
    severity: 'info',
    at: now,
    ref: watch.ref,
    title: watch.title,
    text: `ended: it is gone (was ${watch.state})`,
    since: watch.since,
  };
}

/** A watched item is in its state for longer than is usual for its like. */
export function watchStill(watch: WatchRecord, usualMs: number, now: Instant): Alert {
  return {
    id: `${watchId(watch)}:${watch.moves}:still`,
    on: 'watch',
    severity: 'warning',
    at: now,
    ref: watch.ref,
    title: watch.title,
    text: `has not moved: ${watch.state} for ${inMinutes(now - watch.since)}, usually at most ${inMinutes(usualMs)}`,
    since: watch.since,
  };
}

/** Words of states a watcher must hear of as trouble. */
const badStates = /\b(?:failed|dead|halted|stalled|down|critical|blocked|expired|no-progress|fatal)\b/;

function watchId(watch: WatchRecord): string {
  return `watch:${watch.by}:${refKey(watch.ref)}:${watch.setAt}`;
}

function waitsForAnswer(approval: Entity): boolean {
  return approval.type === 'approval' && approval.status === 'pending' && approval.answerable;
}

function isFatal(entity: Entity): boolean {
  return (
    (entity.type === 'issue' && entity.severity === 'fatal' && entity.status === 'open') ||
    entity.attention?.label === 'FATAL'
  );
}

function sinceOf(entity: Entity): Instant | undefined {
  return (entity.type === 'issue' ? entity.since : undefined) ?? entity.attention?.since;
}

function subjectOf(entity: Entity, now: Instant): Pick<Alert, 'at' | 'ref' | 'title'> {
  return { at: now, ref: refOf(entity), title: entity.title };
}

function repeating(repeatMs: number | undefined): Pick<Alert, 'repeatMs'> {
  return repeatMs === undefined ? {} : { repeatMs };
}

/** `45 s`, `12 min`, `3 h 10 min`: rounded down, nobody is promised time there is not. */
function inMinutes(ms: number): string {
  if (ms < 60_000) return `${Math.max(0, Math.floor(ms / 1_000))} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 === 0
    ? `${Math.floor(minutes / 60)} h`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
