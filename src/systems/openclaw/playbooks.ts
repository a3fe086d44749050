import type { Playbook } from '../system.ts';
import { jobPlaybooks } from './playbooks-job.ts';
import { queuePlaybooks } from './playbooks-queue.ts';

/** Procedures for the conditions this kind names. They differ from the printed runbook where that was measured wrong. */
export const openclawPlaybooks: readonly Playbook[] = [...jobPlaybooks, ...queuePlaybooks];
