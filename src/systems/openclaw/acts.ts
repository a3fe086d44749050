import type { ActSpec } from '../system.ts';

export const openclawActs: readonly ActSpec[] = [];
