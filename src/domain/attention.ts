import type { Attention, Entity, EntityType, Ref, SystemId } from './entity.ts';
import { refOf } from './entity.ts';
import type { Instant } from './instant.ts';
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
  /** Revision of the item: changes when it should come back from being set aside. */
  readonly revision: string;
}

/** Items with something a human must do now, most urgent first; newest first within a rank. */
export function attentionOf(entities: Iterable<Entity>): readonly AttentionItem[] {
  const rows = new Map<string, AttentionItem>();
  for (const entity of entities) {
    const attention = entity.attention;
    if (!attention) continue;
    const key = `${entity.system}/${entity.type}/${attention.group ?? entity.id}`;
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

/** A source of a system that is stale or can't be read, as an item of rank 6. */
export function sourceAttention(
  system: SystemId,
  source: SourceStatus,
  now: Instant,
): AttentionItem | undefined {
  if (source.state !== 'error' && source.state !== 'stale') return undefined;
  return {
    key: `${system}/source/${source.id}`,
    kind: 'source',
    ref: undefined,
    system,
    title: `source ${source.id}: ${source.error ?? source.state}`,
    rank: 6,
    label: source.state === 'error' ? 'UNREAD' : 'STALE',
    why: source.error ?? `nothing new from ${source.place}`,
    since: source.lastReadAt ?? now,
    count: 1,
    revision: `${source.state}|${source.error ?? ''}`,
  };
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
