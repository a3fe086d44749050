import type { SourceType } from '../domain/source.ts';
import { safeText } from '../lib/safe-text.ts';
import type { CockpitState } from '../store/state.ts';
import type { Output } from './output.ts';

/**
 * Says on stderr which sources exist and can't be read: what was printed may be less than there is. Returns the exit code,
 * 3 when there is one. `types` are those the answer rests on; default all.
 */
export function tellUnread(state: CockpitState, output: Output, types?: readonly SourceType[]): number {
  let code = 0;
  for (const system of state.systems) {
    for (const { id, type, state: now, place, error = '' } of system.sources) {
      // A system that is not there at all was told before anything was read.
      if (id === 'root' && place === system.root) continue;
      if (now !== 'error' || (types !== undefined && !types.includes(type))) continue;
      code = 3;
      const what = error.includes(place) || place.includes('*') ? error : `${place}: ${error}`;
      output.note(safeText(`binnacle: not all is here: ${system.id} ${id}: ${what}`));
    }
  }
  return code;
}
