import type { Playbook } from '../system.ts';

export const openclawPlaybooks: readonly Playbook[] = [];
