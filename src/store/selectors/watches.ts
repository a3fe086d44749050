import { type Ref, refKey } from '../../domain/entity.ts';
import type { WatchEntry } from '../../domain/watch.ts';
import { ageText, clockText } from '../../lib/time-text.ts';
import type { Snapshot } from '../snapshot.ts';
import type { CockpitState } from '../state.ts';
import type { DetailsPage } from './details.ts';
import { memoLast } from './memo.ts';

const keysOf = memoLast(
  (watches: readonly WatchEntry[]): ReadonlySet<string> =>
    new Set(watches.filter((watch) => watch.endedAt === undefined).map((watch) => refKey(watch.ref))),
);

/** Whether this user watches an item. */
export function isWatched({ watches }: Pick<CockpitState, 'watches'>, ref: Ref | undefined): boolean {
  return ref !== undefined && watches.length > 0 && keysOf(watches).has(refKey(ref));
}

/** What this user watches, and what ended within a day. */
export function watchesPage({ state, now, offsetMs }: Snapshot): DetailsPage {
  const newest = [...state.watches].sort(
    (a, b) => Number(a.endedAt !== undefined) - Number(b.endedAt !== undefined) || b.setAt - a.setAt,
  );
  return {
    title: 'Watched',
    columns: ['system', 'item', 'state', 'for', 'usually', 'moved', 'title'],
    rows: newest.map((watch) => [
      watch.ref.system,
      `${watch.ref.type} ${watch.ref.id}`,
      watch.endedAt === undefined
        ? watch.state
        : `ended ${clockText(watch.endedAt, offsetMs)}: ${watch.state}`,
      watch.endedAt === undefined ? ageText(now - watch.since) : '',
      usualText(watch),
      watch.moves === 0 ? 'not yet' : watch.moves === 1 ? 'once' : `${watch.moves} times`,
      watch.title,
    ]),
    empty: 'nothing is watched: there is a key for it on the selected item',
  };
}

function usualText(watch: WatchEntry): string {
  if (watch.endedAt !== undefined) return '';
  return watch.usualMs === undefined ? 'not known yet' : `up to ${ageText(watch.usualMs)}`;
}
