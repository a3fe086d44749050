import type { Instant } from '../../domain/instant.ts';
import type { CockpitState } from '../state.ts';
import { memoLast } from './memo.ts';

/** Something set aside, as it is looked through. Texts raw. */
export interface AsideRow {
  /** Key of the item. */
  readonly key: string;
  readonly title: string;
  /** It would stand in the queue now, were it not set aside. */
  readonly isThere: boolean;
  readonly by: string;
  readonly until: Instant | 'changed' | 'for good';
  readonly reason?: string;
}

/** What is set aside on this host: what still wants attention first, in the order of the queue. */
export function asidesShown(state: CockpitState): readonly AsideRow[] {
  return arrange(state.asides, state.aside, state.queue);
}

const arrange = memoLast(
  (
    asides: CockpitState['asides'],
    aside: CockpitState['aside'],
    queue: CockpitState['queue'],
  ): readonly AsideRow[] => {
    const order = new Map(aside.map((item, index) => [item.key, index]));
    return asides
      .filter((one) => !queue.some((item) => item.key === one.key))
      .map((one): AsideRow => {
        const item = aside.find((other) => other.key === one.key);
        return {
          key: one.key,
          title: item ? `${item.label} ${item.system} ${item.title}` : one.key,
          isThere: item !== undefined,
          by: one.by,
          until: one.forGood ? 'for good' : (one.until ?? 'changed'),
          ...(one.reason === undefined ? {} : { reason: one.reason }),
        };
      })
      .sort((a, b) => (order.get(a.key) ?? asides.length) - (order.get(b.key) ?? asides.length));
  },
);
