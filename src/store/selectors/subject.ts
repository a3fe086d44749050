import type { ActEntry } from '../../domain/act.ts';
import type { AttentionItem } from '../../domain/attention.ts';
import type { Entity, Ref, SystemId } from '../../domain/entity.ts';
import { refKey, refOf } from '../../domain/entity.ts';
import type { LogQuery } from '../../domain/log.ts';
import type { Desk } from '../desk.ts';
import { type CockpitState, entityAt } from '../state.ts';
import type { QueueRow, QueueView } from './queue.ts';

/** What the card, the steps, the lens and the acts are about. */
export interface Subject {
  readonly row?: QueueRow;
  readonly item?: AttentionItem;
  /** The entity as it is now, or as it was last known when it is gone. */
  readonly entity?: Entity;
  readonly act?: ActEntry;
  readonly ref?: Ref;
  /** It is no longer there or no longer waits: acts on it are off. */
  readonly ghost?: QueueRow['ghost'];
}

const nothing: Subject = {};

/** The subject of the desk: the selected row of the list that had the keys last. */
export function subjectOf(state: CockpitState, desk: Desk, queue: QueueView): Subject {
  switch (desk.subject) {
    case 'work':
    case 'pipeline':
      return (
        entitySubject(state, desk.selected[desk.subject]) ?? queueSubject(state, queue, desk.selected.queue)
      );
    case 'acts': {
      const act = state.acts.find((entry) => entry.order === desk.selected.acts);
      if (!act) return queueSubject(state, queue, desk.selected.queue);
      const entity = entityAt(state, act.target) ?? state.departed.get(refKey(act.target))?.entity;
      return { act, ref: act.target, ...(entity ? { entity } : {}) };
    }
    case 'approvals':
    case 'fatal': {
      const item = state.queue.find((one) => one.key === desk.selected[desk.subject]);
      return item ? itemSubject(state, item) : queueSubject(state, queue, desk.selected.queue);
    }
    case 'queue':
    case 'logs':
    case 'card':
    case 'steps':
      return queueSubject(state, queue, desk.selected.queue);
  }
}

/** Rows of the log the lens lets through: those of the subject, or of its system when it names none of its own. */
export function lensQuery(subject: Subject): LogQuery {
  const entity = subject.entity;
  if (!entity) {
    const item = subject.item;
    if (!item) return {};
    return { systems: [item.system], ...(item.sources ? { sources: item.sources } : {}) };
  }
  const keys = entity.logKeys ?? [];
  const files = entity.logFiles ?? [];
  if (keys.length === 0 && files.length === 0) return { systems: [entity.system] };
  return {
    systems: [entity.system],
    ...(keys.length > 0 ? { keys } : {}),
    ...(files.length > 0 ? { files } : {}),
  };
}

function queueSubject(state: CockpitState, queue: QueueView, key: string | undefined): Subject {
  const row = queue.rows.find((one) => one.item.key === key) ?? queue.rows[0];
  if (!row) return nothing;
  return { ...itemSubject(state, row.item), row, ...(row.ghost ? { ghost: row.ghost } : {}) };
}

function itemSubject(state: CockpitState, item: AttentionItem): Subject {
  if (!item.ref) return { item };
  const entity = entityAt(state, item.ref) ?? state.departed.get(refKey(item.ref))?.entity;
  return { item, ref: item.ref, ...(entity ? { entity } : {}) };
}

function entitySubject(state: CockpitState, key: string | undefined): Subject | undefined {
  if (key === undefined) return undefined;
  // `system/type/id`: a system's id holds no slash, an entity's may.
  const slash = key.indexOf('/');
  const entity = state.entities.get(key.slice(0, slash) as SystemId)?.get(key.slice(slash + 1));
  if (entity) return { entity, ref: refOf(entity) };
  const departed = state.departed.get(key);
  return departed
    ? { entity: departed.entity, ref: refOf(departed.entity), ghost: { at: departed.at, word: 'gone' } }
    : undefined;
}
