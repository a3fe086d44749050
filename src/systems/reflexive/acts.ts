import type { ActSpec } from '../system.ts';

/**
 * None: no command of this program reaches its daemon. `approve` and `deny` crash, `process-issue` queues in a process
 * that ends, `rollback` reverts in whatever checkout it stands in and deletes remote branches.
 */
export const reflexiveActs: readonly ActSpec[] = [];
