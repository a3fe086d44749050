/** What was seen of a thing at one time, made of what the watch derived: what the history is recorded from. */
import type { EntityDiff } from './diff.ts';
import { stateWord } from './diff.ts';
import { type Entity, type Evidence, type Ref, refOf } from './entity.ts';
import type { Instant } from './instant.ts';

/** The state of a thing that is no longer shown by its system. */
export const GONE = 'gone';

/** How bad a state is, for reports: `fatal` means nothing moves without a human. */
export type Weight = 'fatal' | 'error' | 'warning' | 'info';

/** What matters beside the state, by name: attempts, the word in the queue, the digest of what is to be decided. */
export type Traits = { readonly [name: string]: string };

/** One thing as it was seen at one time. */
export interface Sighting {
  readonly ref: Ref;
  readonly title: string;
  /** {@link GONE}, or the word of its state. */
  readonly state: string;
  readonly traits: Traits;
  readonly weight: Weight;
  /** When the system itself says this state began. */
  readonly since?: Instant;
  /** When its attention began, by the system's own record. */
  readonly alarmSince?: Instant;
  readonly seenAt: Instant;
  /** Seen to come while watching; otherwise found on the first look, and it may have come any time since the last one. */
  readonly live: boolean;
  readonly evidence: Evidence;
  /** See {@link Entity.logKeys}. */
  readonly logKeys: readonly string[];
  /** How the same cockpit saw it before, for what was seen to come. */
  readonly before?: { readonly state: string; readonly traits: Traits };
}

/** The state a report names: a meter without its value, which moves all the time. */
export function stateOf(entity: Entity): string {
  return entity.type === 'meter' ? entity.status : stateWord(entity);
}

/** Traits whose change is worth a row although the state stayed. */
export function traitsOf(entity: Entity): Traits {
  const traits: Record<string, string> = {};
  const put = (name: string, value: string | number | boolean | undefined): void => {
    if (value !== undefined && value !== '') traits[name] = String(value).slice(0, 200);
  };
  put('alarm', entity.attention?.label);
  switch (entity.type) {
    case 'run':
      put('native', entity.nativeStatus);
      break;
    case 'job':
      put('native', entity.nativeStatus);
      put('attempts', entity.attempts);
      put('waits for', entity.waitingFor);
      break;
    case 'approval':
      put('payload', entity.payloadDigest?.slice(0, 12));
      put('answerable', entity.answerable);
      break;
    case 'issue':
      put('severity', entity.severity);
      break;
    default:
  }
  return traits;
}

/** When the state of an entity began, by what its system wrote down; undefined where that is not written. */
export function sinceOf(entity: Entity): Instant | undefined {
  const alarm = entity.attention?.since;
  switch (entity.type) {
    case 'run':
      if (entity.status === 'running') return entity.startedAt;
      return entity.status === 'stalled' ? alarm : (entity.endedAt ?? alarm);
    case 'turn':
      if (entity.state === 'in-flight') return entity.startedAt;
      return entity.state === 'completed' ? entity.capturedAt : alarm;
    case 'job':
      // The heartbeat of a running job moves its time of change; a queued one has waited since it was made.
      if (entity.status === 'running') return undefined;
      if (entity.status === 'queued') return (entity.attempts ?? 0) > 0 ? undefined : entity.createdAt;
      return entity.updatedAt ?? alarm;
    case 'approval':
      if (entity.status === 'pending') return entity.requestedAt;
      return entity.status === 'expired' ? entity.expiresAt : entity.evidence.at;
    case 'issue':
      return entity.status === 'open' ? (entity.since ?? alarm) : undefined;
    case 'restorePoint':
      return entity.createdAt;
    default:
      return alarm;
  }
}

const BAD: ReadonlySet<string> = new Set([
  'failed',
  'dead',
  'down',
  'critical',
  'stalled',
  'halted',
  'no-progress',
]);

/** How bad the state of an entity is. */
export function weightOf(entity: Entity): Weight {
  if (entity.type === 'issue') return entity.severity;
  const rank = entity.attention?.rank;
  if (rank === 2) return 'fatal';
  if (rank === 1 || rank === 4) return 'error';
  if (rank !== undefined) return 'warning';
  return BAD.has(stateOf(entity)) ? 'error' : 'info';
}

/** An entity as seen now. */
export function sightingOf(entity: Entity, seenAt: Instant, live: boolean): Sighting {
  const since = sinceOf(entity);
  const alarmSince = entity.attention?.since;
  return {
    ref: refOf(entity),
    title: entity.title,
    state: stateOf(entity),
    traits: traitsOf(entity),
    weight: weightOf(entity),
    ...(since === undefined ? {} : { since }),
    ...(alarmSince === undefined ? {} : { alarmSince }),
    seenAt,
    live,
    evidence: entity.evidence,
    logKeys: entity.logKeys ?? [],
  };
}

/** That an entity is no longer there. */
export function departureOf(entity: Entity, seenAt: Instant): Sighting {
  return { ...withoutTimes(sightingOf(entity, seenAt, true)), state: GONE, traits: {}, weight: 'info' };
}

function withoutTimes({ since: _since, alarmSince: _alarm, ...rest }: Sighting): Sighting {
  return rest;
}

const ABSENT = { state: GONE, traits: {} };

/** What a watch saw to move: entities whose state or traits differ, newcomers, and those that went. */
export function sightingsOf(diff: EntityDiff, seenAt: Instant): readonly Sighting[] {
  const moved = diff.changed.filter(
    ({ before, after }) =>
      stateOf(before) !== stateOf(after) || !isSameTraits(traitsOf(before), traitsOf(after)),
  );
  return [
    ...diff.appeared.map((entity) => ({ ...sightingOf(entity, seenAt, true), before: ABSENT })),
    ...moved.map(({ before, after }) => ({
      ...sightingOf(after, seenAt, true),
      before: { state: stateOf(before), traits: traitsOf(before) },
    })),
    ...diff.gone.map((entity) => ({
      ...departureOf(entity, seenAt),
      before: { state: stateOf(entity), traits: traitsOf(entity) },
    })),
  ];
}

export function isSameTraits(a: Traits, b: Traits): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
