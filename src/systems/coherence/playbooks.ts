import type { Playbook } from '../system.ts';

/** Procedures of this kind. */
export const coherencePlaybooks: readonly Playbook[] = [];
