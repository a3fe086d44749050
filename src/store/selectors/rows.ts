import type { Layer } from '../../domain/entity.ts';
import { refKey, refOf } from '../../domain/entity.ts';
import type { PaneId } from '../desk.ts';
import type { Snapshot } from '../snapshot.ts';
import { selectActs } from './acts.ts';
import { type SystemLayers, selectPipeline } from './pipeline.ts';
import { passesFilter } from './queue.ts';
import { selectWork } from './work.ts';

/** Ids of the rows of a pane in the order they are drawn; what the cursor moves over. */
export function rowIds(snapshot: Snapshot, pane: PaneId): readonly string[] {
  switch (pane) {
    case 'queue':
      return snapshot.queue.rows.map((row) => row.item.key);
    case 'approvals':
    case 'fatal':
      return snapshot.state.queue
        .filter((item) => passesFilter(snapshot.state, item, pane))
        .map((item) => item.key);
    case 'work':
      return selectWork(snapshot.state.lists).map((row) => row.key);
    case 'acts':
      return selectActs(snapshot.state.acts).map((act) => act.order);
    case 'pipeline':
      return pipelineOf(snapshot).systems.flatMap((system) =>
        layerRows(system).map((layer) => refKey(refOf(layer))),
      );
    case 'steps':
      return (snapshot.companion.playbook?.steps ?? []).map((_step, index) => String(index));
    case 'card':
    case 'logs':
      return [];
  }
}

/** The text a search looks into, for each row of a pane. */
export function rowTexts(snapshot: Snapshot, pane: PaneId): readonly string[] {
  switch (pane) {
    case 'queue':
    case 'approvals':
    case 'fatal': {
      const items = new Map(snapshot.queue.rows.map((row) => [row.item.key, row.item]));
      for (const item of snapshot.state.queue) items.set(item.key, item);
      return rowIds(snapshot, pane).map((key) => {
        const item = items.get(key);
        return item ? `${item.label} ${item.system} ${item.title} ${item.why}` : key;
      });
    }
    case 'work':
      return selectWork(snapshot.state.lists).map(
        (row) => `${row.ref.system} ${row.text} ${row.alarm ?? ''}`,
      );
    case 'acts':
      return selectActs(snapshot.state.acts).map(
        (act) => `${act.title} ${act.targetTitle} ${act.by} ${act.status}`,
      );
    case 'pipeline':
      return pipelineOf(snapshot).systems.flatMap((system) =>
        layerRows(system).map((layer) => `${layer.system} ${layer.name} ${layer.summary}`),
      );
    case 'steps':
      return (snapshot.companion.playbook?.steps ?? []).map((step) => step.text);
    case 'card':
    case 'logs':
      return [];
  }
}

/** The pipeline as the pane shows it: the system of the subject opened up. */
export function pipelineOf(snapshot: Snapshot): ReturnType<typeof selectPipeline> {
  const { state, subject } = snapshot;
  return selectPipeline(state.systems, state.lists.layer, subject.item?.system ?? subject.entity?.system);
}

/** Rows the cursor stops at: each layer of an opened system, the worst one of a system drawn on one row. */
export function layerRows(system: SystemLayers): readonly Layer[] {
  if (system.open) return system.layers;
  const ranks = { failed: 0, attention: 1, unknown: 2, ok: 3 } as const;
  const worst = [...system.layers].sort((a, b) => ranks[a.status] - ranks[b.status])[0];
  return worst ? [worst] : [];
}
