import { setFlagsFromString } from 'node:v8';
import { PATIENCE_FLAG } from '../lib/patient-pattern.ts';

/** Lets no expression be searched for without end, in any thread of this process; before the first is used. */
export function limitSearches(): void {
  setFlagsFromString(PATIENCE_FLAG);
}
