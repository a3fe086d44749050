/** What a hand-over tells, gathered from the engine's parts. */
import { isAside } from '../domain/aside.ts';
import { type AttentionItem, attentionOf, compareAttention, sourceAttentions } from '../domain/attention.ts';
import type { Entity, SystemId } from '../domain/entity.ts';
import { type Instant, toIso } from '../domain/instant.ts';
import type { ActDesk } from './engine.ts';
import type { HandOverState } from './history-desk.ts';
import type { RequestOf, SystemSummary } from './protocol.ts';

/** The queue, what is set aside of it, who holds what, and the acts, as of `now`. */
export function handOverStateOf(
  entities: Iterable<Entity>,
  systems: readonly SystemSummary[],
  acts: Pick<ActDesk, 'asides' | 'holds' | 'entries' | 'stepProgress'> | undefined,
  now: Instant,
): HandOverState {
  const all = [...entities];
  const items = [
    ...attentionOf(all),
    ...systems.flatMap((system) => sourceAttentions(system.id, system.sources, all)),
  ].sort(compareAttention);
  const asides = new Map((acts?.asides() ?? []).map((aside) => [aside.key, aside]));
  const isOut = (item: AttentionItem): boolean => isAside(asides.get(item.key), item.revision, now);
  return {
    open: items.filter((item) => !isOut(item)),
    aside: items.filter(isOut).flatMap((item) => {
      const aside = asides.get(item.key);
      return aside ? [{ item, ...aside }] : [];
    }),
    holds: acts?.holds() ?? [],
    acts: acts?.entries() ?? [],
    steps: acts?.stepProgress() ?? [],
    unread: systems
      .filter((system) => system.state === 'error' || system.state === 'unreachable')
      .map((system) => `${system.id} is ${system.state}: what is said of it may be old`),
  };
}

/** What the record says of an item that was set aside. */
export function asideText({ until, forGood, reason }: RequestOf<'aside'>): string {
  const how = forGood ? 'for good' : until === undefined ? 'until it changes' : `until ${toIso(until)}`;
  return reason === undefined ? how : `${how}: ${reason}`;
}

/** The item of a key of the queue, which begins with its system. */
export function itemOf(key: string): { readonly system: SystemId; readonly key: string } {
  return { system: key.slice(0, key.indexOf('/')) as SystemId, key };
}
