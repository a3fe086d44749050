import type { ActSpec } from '../system.ts';
import { approve, deny } from './act-approve.ts';
import { clearBreaker } from './act-breaker.ts';
import {
  inspectDeployment,
  raiseAutoscaler,
  restartDeployment,
  rollBackDeployment,
  scaleDeployment,
} from './act-cluster.ts';
import { backUpDatabase, startDebate } from './act-debate.ts';
import { checkLoop, killLoop, startLoop, stopLoop } from './act-loop.ts';
import { replayRun } from './act-replay.ts';
import { compareBackup, restoreBackup } from './act-restore.ts';
import { killApi, restartApi, startApi, stopApi } from './act-server.ts';
import { checkConstitution, inspectTree, stashTree } from './act-tree.ts';

/**
 * Acts of this kind. Left out because they do nothing though they say so: pause, resume, skip and reset of the loop over
 * HTTP, the reset of breakers, `aragora nomic resume`, the resume of a debate's checkpoint.
 */
export const aragoraActs: readonly ActSpec[] = [
  approve,
  deny,
  replayRun,
  restartApi,
  startApi,
  stopApi,
  killApi,
  startLoop,
  stopLoop,
  killLoop,
  checkLoop,
  restoreBackup,
  compareBackup,
  stashTree,
  inspectTree,
  checkConstitution,
  clearBreaker,
  restartDeployment,
  rollBackDeployment,
  scaleDeployment,
  raiseAutoscaler,
  inspectDeployment,
  startDebate,
  backUpDatabase,
];
