import type { Attention, Entity, EntityType, Ref, SystemId } from './entity.ts';
import { refOf } from './entity.ts';
import { instant } from './instant.ts';
import type { SourceStatus } from './source.ts';

/** A row of the queue. */
export interface AttentionItem extends Attention {
  /** Stable key: system, kind and group or id. */
  readonly key: string;
  readonly kind: EntityType | 'source';
  readonly ref: Ref | undefined;
  readonly system: SystemId;
  readonly title: string;
  /** Equal items in this row, itself included. */
  readonly count: number;
  /** For `source`: ids of the sources in this row. */
  readonly sources?: readonly string[];
  /** Revision of the item: changes when it should come back from being set aside. */
  readonly revision: string;
}

/** Key of the row of the queue an entity belongs to. */
export function attentionKey({ system, type, id, attention }: Entity): string {
  return `${system}/${type}/${attention?.group ?? id}`;
}

/** Items with something a human must do now, most urgent first; newest first within a rank. */
export function attentionOf(entities: Iterable<Entity>): readonly AttentionItem[] {
  const rows = new Map<string, AttentionItem>();
  for (const entity of entities) {
    const attention = entity.attention;
    if (!attention) continue;
    const key = attentionKey(entity);
    const known = rows.get(key);
    const item: AttentionItem = {
      ...attention,
      key,
      kind: entity.type,
      ref: refOf(entity),
      system: entity.system,
      title: entity.title,
      count: (known?.count ?? 0) + 1,
      revision: `${attention.label}|${attention.since ?? ''}|${attention.until ?? ''}`,
    };
    rows.set(key, known && !isMoreUrgent(item, known) ? { ...known, count: item.count } : item);
  }
  return [...rows.values()].sort(compareAttention);
}

/**
 * Sources of a system that are stale or can't be read, as items of rank 6. One trouble is one row: a server that is down
 * takes all its addresses along, and the first of them says why; what an item of the system's own `entities` already
 * tells is not told again.
 */
export function sourceAttentions(
  system: SystemId,
  sources: readonly SourceStatus[],
  entities: Iterable<Entity>,
): readonly AttentionItem[] {
  const bad = sources.filter(({ state }) => state === 'error' || state === 'stale');
  if (bad.length === 0) return [];
  const told = new Set<string>();
  for (const entity of entities) {
    if (entity.system === system) for (const source of entity.attention?.tells ?? []) told.add(source);
  }
  const groups = new Map<string, SourceStatus[]>();
  for (const source of bad) {
    if (told.has(source.id)) continue;
    const group = `${source.state}.${source.type}`;
    const known = groups.get(group);
    if (known) known.push(source);
    else groups.set(group, [source]);
  }
  return [...groups].map(([group, members]) => sourceItem(system, group, members));
}

function sourceItem(system: SystemId, group: string, members: readonly SourceStatus[]): AttentionItem {
  const [first] = members;
  const ids = members.map(({ id }) => id);
  const state = group.slice(0, group.indexOf('.'));
  const reads = members.flatMap(({ lastReadAt }) => lastReadAt ?? []);
  const reason = steadyReason(first?.error ?? state);
  return {
    key: `${system}/source/${group}`,
    kind: 'source',
    ref: undefined,
    system,
    title: `source ${first?.id ?? group}: ${reason}`,
    rank: 6,
    label: state === 'error' ? 'UNREAD' : 'STALE',
    why: first?.error !== undefined ? reason : `nothing new from ${first?.place ?? group}`,
    // Never read since we look: since when that is so, nobody knows.
    ...(reads.length > 0 ? { since: instant(Math.min(...reads)) } : {}),
    count: members.length,
    sources: ids,
    revision: `${state}|${reason}|${ids.join(',')}`,
  };
}

/** A reason without the counter of tries: the next try alone is no news, and brings nothing back that was set aside. */
function steadyReason(error: string): string {
  return error.replace(/ \(\d+ in a row\)$/, '');
}

function isMoreUrgent(a: AttentionItem, b: AttentionItem): boolean {
  return compareAttention(a, b) < 0;
}

/** Order of the queue: rank, then newest first, then key, so that the order is total. */
export function compareAttention(a: AttentionItem, b: AttentionItem): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  const newest = (b.since ?? 0) - (a.since ?? 0);
  if (newest !== 0) return newest;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
