import type { ActSpec } from '../system.ts';
import { approveRequest, denyRequest } from './act-approve.ts';
import { restoreArchive } from './act-archive.ts';
import { checkHealth, checkRepository, listIssues, validateConfig } from './act-check.ts';
import { setConfig } from './act-config.ts';
import { killDaemon, restartDaemon, startDaemon, stopDaemon } from './act-daemon.ts';
import { createBackup, reviewActivity } from './act-keep.ts';
import { checkPullRequest } from './act-pull-request.ts';
import { generateRoadmap } from './act-roadmap.ts';
import { revertPullRequest, rollBack } from './act-rollback.ts';

/**
 * What works. Left out for what they are: `process-issue` (queues in a process that ends), `metrics` (always zero),
 * `status` (always idle), `usage-report` (reads a file nobody writes), `export-state` (of a new, empty process), and
 * `approve`, `deny` where they end in an error.
 */
export const reflexiveActs: readonly ActSpec[] = [
  approveRequest,
  denyRequest,
  startDaemon,
  restartDaemon,
  stopDaemon,
  killDaemon,
  checkHealth,
  validateConfig,
  listIssues,
  checkPullRequest,
  setConfig,
  rollBack,
  revertPullRequest,
  generateRoadmap,
  checkRepository,
  reviewActivity,
  createBackup,
  restoreArchive,
];
