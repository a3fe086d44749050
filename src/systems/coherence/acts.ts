import type { ActSpec } from '../system.ts';

/** Acts of this kind. */
export const coherenceActs: readonly ActSpec[] = [];
