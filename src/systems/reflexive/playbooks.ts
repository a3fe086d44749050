import type { Playbook } from '../system.ts';
import { alertPlaybooks } from './playbooks-alert.ts';
import { daemonPlaybooks } from './playbooks-daemon.ts';
import { recoveryPlaybooks } from './playbooks-recovery.ts';

/**
 * The runbook's procedures for this kind, with what works in place of what does not exist, in the order that loses
 * nothing: what only looks first, what ends a process after what it would cut off is known.
 */
export const reflexivePlaybooks: readonly Playbook[] = [
  ...alertPlaybooks,
  ...daemonPlaybooks,
  ...recoveryPlaybooks,
];
