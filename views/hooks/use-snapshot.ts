import { useSyncExternalStore } from 'react';
import type { Cockpit } from '../../src/store/cockpit.ts';
import type { Snapshot } from '../../src/store/snapshot.ts';

/** What the current frame is drawn from. One subscription for the whole screen: the store decides when to draw. */
export function useSnapshot(cockpit: Cockpit): Snapshot {
  return useSyncExternalStore(cockpit.subscribe, cockpit.snapshot);
}
