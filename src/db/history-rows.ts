/** Changes and states of the history as its tables hold them. */
import type { EntityType, Evidence, SystemId } from '../domain/entity.ts';
import type { KnownState, StateChange } from '../domain/history.ts';
import { instant } from '../domain/instant.ts';
import type { Sighting, Traits, Weight } from '../domain/sighting.ts';

/** Longest text kept of a title, an evidence or a detail: a hostile one must not fill the disk. */
const MAX_TEXT = 500;
const MAX_KEYS = 20;

/** A row of `states`, as far as it is read. */
export interface StoredState {
  readonly state: string;
  readonly traits: string;
  readonly since: number | null;
  readonly changed_at: number | null;
  readonly seen_at: number;
}

/** A row of `changes` with the name of its system. */
export interface StoredChange {
  readonly seq: number;
  readonly name: string;
  readonly type: EntityType;
  readonly id: string;
  readonly title: string;
  readonly at: number;
  readonly seen_at: number;
  readonly not_before: number | null;
  readonly from_state: string | null;
  readonly from_since: number | null;
  readonly to_state: string;
  readonly detail: string | null;
  readonly weight: Weight;
  readonly evidence: string;
  readonly log_keys: string;
}

/** What is known of a thing, from its row. */
export function knownFrom(row: StoredState): KnownState {
  return {
    state: row.state,
    traits: JSON.parse(row.traits) as Traits,
    ...(row.since === null ? {} : { since: instant(row.since) }),
    ...(row.changed_at === null ? {} : { changedAt: instant(row.changed_at) }),
    seenAt: instant(row.seen_at),
  };
}

/** A recorded change, from its row. */
export function changeFrom(row: StoredChange): StateChange {
  return {
    seq: row.seq,
    ref: { system: row.name as SystemId, type: row.type, id: row.id },
    title: row.title,
    at: instant(row.at),
    seenAt: instant(row.seen_at),
    ...(row.not_before === null ? {} : { notBefore: instant(row.not_before) }),
    ...(row.from_state === null ? {} : { from: row.from_state }),
    ...(row.from_since === null ? {} : { fromSince: instant(row.from_since) }),
    to: row.to_state,
    ...(row.detail === null ? {} : { detail: row.detail }),
    weight: row.weight,
    evidence: JSON.parse(row.evidence) as Evidence,
    logKeys: JSON.parse(row.log_keys) as readonly string[],
  };
}

/** Values of a row of `states`: what is known of a thing from this sighting on. */
export function stateRow(system: number, { ref, title, evidence }: Sighting, known: KnownState): object {
  return {
    system,
    type: ref.type,
    id: ref.id,
    title: cut(title),
    state: known.state,
    traits: JSON.stringify(known.traits),
    since: known.since ?? null,
    changedAt: known.changedAt ?? null,
    seenAt: known.seenAt,
    source: evidence.source,
  };
}

/** Values of a row of `changes`. */
export function changeRow(system: number, change: Omit<StateChange, 'seq'>): object {
  const { ref, evidence } = change;
  return {
    system,
    type: ref.type,
    id: ref.id,
    title: cut(change.title),
    at: change.at,
    seenAt: change.seenAt,
    notBefore: change.notBefore ?? null,
    from: change.from ?? null,
    fromSince: change.fromSince ?? null,
    to: change.to,
    detail: change.detail === undefined ? null : cut(change.detail),
    weight: change.weight,
    evidence: JSON.stringify(
      evidence.text === undefined ? evidence : { ...evidence, text: cut(evidence.text) },
    ),
    logKeys: JSON.stringify(change.logKeys.slice(0, MAX_KEYS).map(cut)),
  };
}

function cut(text: string): string {
  return text.slice(0, MAX_TEXT);
}
