import type { Layer, SystemId } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { SystemSummary } from '../../engine/protocol.ts';
import { memoLast } from './memo.ts';

/** A system's layers, in order. */
export interface SystemLayers {
  readonly system: SystemSummary;
  readonly layers: readonly Layer[];
  /** Shown one layer per row: it is the system of the selected item, or the only one with something wrong. */
  readonly open: boolean;
}

/**
 * Layers of every system; those of the system in view are opened up, it comes first. `staleSince`: what its oldest
 * layer whose source no longer answers is as of; undefined while all of them are fresh.
 */
export const selectPipeline = memoLast(
  (
    systems: readonly SystemSummary[],
    layers: readonly Layer[],
    inView: SystemId | undefined,
  ): { readonly systems: readonly SystemLayers[]; readonly staleSince: Instant | undefined } => {
    const rows = systems.map((system) => ({
      system,
      layers: layers.filter((layer) => layer.system === system.id).sort((a, b) => a.order - b.order),
      open: system.id === inView,
    }));
    if (inView === undefined) {
      const worst = rows.find((row) => row.layers.some((layer) => layer.status === 'failed'));
      if (worst) worst.open = true;
    }
    rows.sort((a, b) => Number(b.open) - Number(a.open));
    const open = rows.find((row) => row.open);
    const sources = new Map(open?.system.sources.map((source) => [source.id, source.state]));
    const staleSince = open?.layers
      .filter((layer) => ['stale', 'error', 'limited'].includes(sources.get(layer.evidence.source) ?? ''))
      .reduce<Instant | undefined>(
        (oldest, layer) => (oldest === undefined || layer.observedAt < oldest ? layer.observedAt : oldest),
        undefined,
      );
    return { systems: rows, staleSince };
  },
);
