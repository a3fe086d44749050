/**
 * The history: which thing went from which state to which, when. The record turns sightings that differ from what it
 * knows into changes.
 */
import type { Evidence, Ref, SystemId } from './entity.ts';
import { type Instant, instant } from './instant.ts';
import { GONE, isSameTraits, type Sighting, type Traits, type Weight } from './sighting.ts';

/** A change of state as recorded. Texts are raw. */
export interface StateChange {
  /** Place in the record: grows. */
  readonly seq: number;
  readonly ref: Ref;
  readonly title: string;
  /** When it happened, by the system's own record where that says so, else when it was seen. */
  readonly at: Instant;
  readonly seenAt: Instant;
  /** Where nobody watched: it came between this time and `at`. */
  readonly notBefore?: Instant;
  /** Undefined: it was not there before. */
  readonly from?: string;
  /** When the state before began, where that is known. */
  readonly fromSince?: Instant;
  readonly to: string;
  /** What changed beside the state: `attempts 1 -> 2`. */
  readonly detail?: string;
  readonly weight: Weight;
  readonly evidence: Evidence;
  readonly logKeys: readonly string[];
}

/** What the record last knew of a thing. */
export interface KnownState {
  readonly state: string;
  readonly traits: Traits;
  /** When this state began, where that is known. */
  readonly since?: Instant;
  /** When its newest change happened. */
  readonly changedAt?: Instant;
  readonly seenAt: Instant;
}

/** What an operator or the cockpit itself did that no system records. */
export type RemarkKind = 'hand-over' | 'hold' | 'release' | 'aside' | 'back' | 'hook' | 'gap';

/** A remark as recorded. */
export interface Remark {
  readonly seq: number;
  readonly at: Instant;
  readonly kind: RemarkKind;
  readonly by: string;
  readonly system?: SystemId;
  /** Key of the item it is about: `system/type/id`. */
  readonly item?: string;
  readonly text: string;
}

/** Clocks of two hosts differ: a time a little ahead of ours is taken, one further ahead is not. */
const AHEAD_MS = 2_000;

/**
 * The change a sighting makes to what is known, or undefined when it makes none. `watchedUntil`: until when somebody
 * watched this system before, undefined when nobody ever did. What is found by whoever looks first did not just happen:
 * it is only known from then on.
 */
export function changeOf(
  known: KnownState | undefined,
  sighting: Sighting,
  watchedUntil: Instant | undefined,
): Omit<StateChange, 'seq'> | undefined {
  const { state, seenAt } = sighting;
  const isMove = known?.state !== state;
  if (!known && state === GONE) return undefined;
  if (known && !isMove && isSameTraits(known.traits, sighting.traits)) return undefined;
  const told = isMove ? sighting.since : sighting.alarmSince;
  const after = known?.changedAt ?? known?.since ?? instant(0);
  const isTold = told !== undefined && told > after && told <= seenAt + AHEAD_MS;
  if (!known && !sighting.live) {
    // Old things come into view for many reasons; only one that says it came since then is news.
    if (watchedUntil === undefined || !isTold || told <= watchedUntil) return undefined;
  }
  const at = isTold ? told : seenAt;
  const unwatchedSince = known ? instant(Math.max(known.seenAt, watchedUntil ?? 0)) : watchedUntil;
  const detail =
    known && known.state !== GONE && state !== GONE ? detailOf(known.traits, sighting.traits) : '';
  return {
    ref: sighting.ref,
    title: sighting.title,
    at,
    seenAt,
    ...(isTold || sighting.live || unwatchedSince === undefined || unwatchedSince >= at
      ? {}
      : { notBefore: unwatchedSince }),
    ...(known ? { from: known.state } : {}),
    ...(known?.since === undefined ? {} : { fromSince: known.since }),
    to: state,
    ...(detail === '' ? {} : { detail }),
    weight: sighting.weight,
    evidence: sighting.evidence,
    logKeys: sighting.logKeys,
  };
}

/** What is known after a sighting. `change` is what {@link changeOf} made of it. */
export function knownAfter(
  known: KnownState | undefined,
  sighting: Sighting,
  change: Omit<StateChange, 'seq'> | undefined,
): KnownState {
  const isMove = known?.state !== sighting.state;
  const since = isMove
    ? change
      ? change.notBefore === undefined
        ? change.at
        : undefined
      : sighting.since
    : known?.since;
  const changedAt = change?.at ?? known?.changedAt;
  return {
    state: sighting.state,
    traits: sighting.traits,
    ...(since === undefined ? {} : { since }),
    ...(changedAt === undefined ? {} : { changedAt }),
    seenAt: sighting.seenAt,
  };
}

function detailOf(before: Traits, after: Traits): string {
  const parts: string[] = [];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = before[name];
    const is = after[name];
    if (was === is) continue;
    if (name === 'alarm') parts.push(is === undefined ? `no longer ${was}` : `now ${is}`);
    else if (name === 'payload') parts.push('what is to be decided changed');
    else if (was === undefined) parts.push(`${name} ${is}`);
    else parts.push(is === undefined ? `no ${name}` : `${name} ${was} -> ${is}`);
  }
  return parts.join(', ');
}

/** `job spec: queued -> running, attempts 1 -> 2`: the line of a change. Raw text. */
export function changeText(change: Pick<StateChange, 'ref' | 'title' | 'from' | 'to' | 'detail'>): string {
  return `${change.ref.type} ${change.title}: ${moveText(change)}`;
}

/** `queued -> running`, `gone (was running)`, `running, attempts 1 -> 2`. */
export function moveText({ from, to, detail }: Pick<StateChange, 'from' | 'to' | 'detail'>): string {
  const more = detail === undefined ? '' : `, ${detail}`;
  if (to === GONE) return `gone (was ${from ?? 'unknown'})`;
  if (from === undefined || from === GONE || from === to) return `${to}${more}`;
  return `${from} -> ${to}${more}`;
}

/**
 * What a cockpit saw of one thing, in order, while another one wrote: the part the other did not get to. Where the record
 * stands among it is told by state and time: a thing may come back to a state, and two cockpits look at one change at
 * slightly different times, so the place nearest in time is taken. With none alike, what was seen before the record's
 * last look is taken to be in it.
 */
export function unrecorded(seen: readonly Sighting[], known: KnownState | undefined): readonly Sighting[] {
  const [first] = seen;
  if (!known || !first) return seen;
  const isLike = (one: { readonly state: string; readonly traits: Traits }): boolean =>
    one.state === known.state && isSameTraits(one.traits, known.traits);
  let place: number | undefined;
  let nearest = Number.POSITIVE_INFINITY;
  const consider = (index: number, awayMs: number): void => {
    if (awayMs >= nearest) return;
    place = index;
    nearest = awayMs;
  };
  for (const [index, one] of seen.entries())
    if (isLike(one)) consider(index + 1, Math.abs(one.seenAt - known.seenAt));
  // It may not have got to any of them: it then stands where this cockpit stood before the first.
  if (first.before && isLike(first.before)) consider(0, Math.max(0, known.seenAt - first.seenAt));
  return place === undefined ? seen.filter((one) => one.seenAt > known.seenAt) : seen.slice(place);
}

/** Fewer stays than this say nothing about what is usual. */
const LEAST_STAYS = 5;

/** How long nine of ten stays were at most, in milliseconds; undefined for fewer than five. */
export function usualStay(staysMs: readonly number[]): number | undefined {
  if (staysMs.length < LEAST_STAYS) return undefined;
  const sorted = [...staysMs].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.9) - 1];
}
