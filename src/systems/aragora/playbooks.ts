import type { Playbook } from '../system.ts';
import { loopPlaybooks } from './playbooks-loop.ts';
import { serverPlaybooks } from './playbooks-server.ts';

/** Procedures for the conditions an operator is paged for. */
export const aragoraPlaybooks: readonly Playbook[] = [...loopPlaybooks, ...serverPlaybooks];
