import type { ActSpec } from '../system.ts';

/** None: what its programs offer either does not do what it says, or is not to be started by a keystroke. */
export const aragoraActs: readonly ActSpec[] = [];
