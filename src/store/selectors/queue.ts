import type { AttentionItem } from '../../domain/attention.ts';
import { stateWord } from '../../domain/diff.ts';
import { refKey } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { Hold } from '../../engine/protocol.ts';
import type { Desk, QueueFilter } from '../desk.ts';
import { type CockpitState, entityAt } from '../state.ts';
import { hasOtherWays, keyOfItem } from './act-key.ts';

/** A row of the queue as it stands on the screen. */
export interface QueueRow {
  readonly item: AttentionItem;
  /** The item is no longer there; the row stays so that nothing slips under the cursor. */
  readonly ghost?: { readonly at: Instant; readonly word: string };
  /** The key that helps. */
  readonly key: string;
  /** Why that key does nothing now. */
  readonly keyOff?: string;
  /** Who holds it. */
  readonly heldBy?: string;
}

/** The queue in the order it is shown in. */
export interface QueueView {
  readonly rows: readonly QueueRow[];
  /** Items that came while the order stood still and are not in `rows` yet. */
  readonly newcomers: number;
  readonly counts: { readonly [F in QueueFilter]: number };
  /** The filters it was arranged for: with others the order is made anew at once. */
  readonly filters: string;
}

/** Nothing yet. */
export const emptyQueue: QueueView = {
  rows: [],
  newcomers: 0,
  counts: { all: 0, approvals: 0, fatal: 0 },
  filters: '',
};

/** True for what a filter of the queue lets through. */
export function passesFilter(state: CockpitState, item: AttentionItem, filter: QueueFilter): boolean {
  switch (filter) {
    case 'all':
      return true;
    case 'approvals':
      return item.kind === 'approval';
    case 'fatal': {
      const entity = item.ref ? entityAt(state, item.ref) : undefined;
      return item.label === 'FATAL' || (entity?.type === 'issue' && entity.severity === 'fatal');
    }
  }
}

/**
 * The queue as it should stand now, given how it stood. While it is frozen rows keep their places, those whose item
 * went away become ghosts and newcomers wait; afterwards the order is that of urgency, and only the row under the
 * cursor may stay as a ghost, in its place.
 */
export function arrangeQueue(before: QueueView, state: CockpitState, desk: Desk, now: Instant): QueueView {
  const wanted = state.queue.filter(
    (item) => passesFilter(state, item, desk.queueFilter) && passesTexts(item, desk.filters.queue ?? []),
  );
  const counts = {
    all: state.queue.length,
    approvals: state.queue.filter((item) => passesFilter(state, item, 'approvals')).length,
    fatal: state.queue.filter((item) => passesFilter(state, item, 'fatal')).length,
  };
  const filters = [desk.queueFilter, ...(desk.filters.queue ?? [])].join('&');
  const byKey = new Map(wanted.map((item) => [item.key, item]));
  const known = new Map(before.rows.map((row) => [row.item.key, row]));
  const selected = desk.selected.queue;
  const order: string[] = [];
  let newcomers = 0;
  if (now < desk.frozenUntil && before.rows.length > 0 && before.filters === filters) {
    for (const row of before.rows) {
      if (byKey.has(row.item.key) || staysAsGhost(state, desk, row)) order.push(row.item.key);
    }
    newcomers = wanted.filter((item) => !known.has(item.key)).length;
  } else {
    for (const item of wanted) order.push(item.key);
    const index = before.rows.findIndex((row) => row.item.key === selected);
    const row = before.rows[index];
    if (row && !byKey.has(row.item.key) && staysAsGhost(state, desk, row)) {
      order.splice(Math.min(index, order.length), 0, row.item.key);
    }
  }
  const holds = new Map(state.holds.map((hold) => [hold.key, holderText(hold)]));
  const rows = order.flatMap((key) => {
    const live = byKey.get(key);
    const former = known.get(key);
    const next = live
      ? queueRowOf(state, live, holds.get(key))
      : former && { ...former, ghost: ghostOf(state, former) };
    return next ? [former && isSameRow(former, next) ? former : next] : [];
  });
  const same = rows.length === before.rows.length && rows.every((row, index) => row === before.rows[index]);
  if (
    same &&
    filters === before.filters &&
    newcomers === before.newcomers &&
    counts.all === before.counts.all &&
    counts.approvals === before.counts.approvals &&
    counts.fatal === before.counts.fatal
  ) {
    return before;
  }
  return { rows: same ? before.rows : rows, newcomers, counts, filters };
}

/** Rows of another filter are not ghosts: they are still there, only not looked at. */
function staysAsGhost(state: CockpitState, desk: Desk, row: QueueRow): boolean {
  const isThere = state.queue.some((item) => item.key === row.item.key);
  return !isThere && passesTexts(row.item, desk.filters.queue ?? []);
}

function passesTexts(item: AttentionItem, texts: readonly string[]): boolean {
  const all = `${item.label} ${item.system} ${item.title} ${item.why}`.toLowerCase();
  return texts.every((text) => all.includes(text.toLowerCase()));
}

/** Who holds an item, in an operator's words. */
function holderText({ by, ours }: Hold): string {
  return ours ? 'you' : by;
}

function holderOf(state: CockpitState, key: string): string | undefined {
  const hold = state.holds.find((one) => one.key === key);
  return hold && holderText(hold);
}

/** A row for an item that is there now. */
export function queueRowOf(
  state: CockpitState,
  item: AttentionItem,
  heldBy: string | undefined = holderOf(state, item.key),
): QueueRow {
  const keyOff = offReason(state, item);
  return {
    item,
    key: keyOfItem(item),
    ...(keyOff === undefined ? {} : { keyOff }),
    ...(heldBy === undefined ? {} : { heldBy }),
  };
}

function offReason(state: CockpitState, item: AttentionItem): string | undefined {
  const entity = item.ref ? entityAt(state, item.ref) : undefined;
  if (entity?.type !== 'approval') return undefined;
  if (entity.status !== 'pending') return `${entity.status} already`;
  // The card of one that can't be decided may still offer ways out.
  if (entity.answerable || hasOtherWays(entity)) return undefined;
  return entity.reason ?? 'it can only be watched';
}

/** What became of an item, as far as it shows. The time is that of its going; who did it may be known only later. */
function ghostOf(state: CockpitState, former: QueueRow): NonNullable<QueueRow['ghost']> {
  const { item } = former;
  const at = former.ghost?.at;
  const { now } = state;
  if (state.aside.some((other) => other.key === item.key)) return { at: at ?? now, word: 'set aside' };
  if (!item.ref) return { at: at ?? now, word: 'gone' };
  const key = refKey(item.ref);
  const act = state.acts.find(
    (entry) =>
      refKey(entry.target) === key &&
      (entry.status === 'verified' || entry.status === 'running') &&
      now - (entry.endedAt ?? entry.startedAt) < 600_000,
  );
  if (act) return { at: at ?? act.endedAt ?? now, word: `${act.title} by ${act.by}` };
  if (former.ghost) return former.ghost;
  const entity = entityAt(state, item.ref);
  if (entity) return { at: now, word: `now ${stateWord(entity)}` };
  return { at: state.departed.get(key)?.at ?? now, word: 'gone' };
}

function isSameRow(a: QueueRow, b: QueueRow): boolean {
  return (
    a.item === b.item &&
    a.key === b.key &&
    a.keyOff === b.keyOff &&
    a.heldBy === b.heldBy &&
    a.ghost?.at === b.ghost?.at &&
    a.ghost?.word === b.ghost?.word
  );
}
