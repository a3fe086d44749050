import type { ActSpec } from '../system.ts';
import { answerTask } from './acts-answer.ts';
import { cleanLogs, clearFatal } from './acts-file.ts';
import { checkNow, restartApi, startManager, startRunner } from './acts-part.ts';
import { endManager, endOrphans, startPipeline, stopPipeline, withdrawRequest } from './acts-pipeline.ts';
import { reportActs } from './acts-report.ts';
import { restartPipeline } from './acts-restart.ts';
import { abortTask, diagnoseTask, failTask, requeueTask } from './acts-task.ts';

/** Acts of this kind, in the order menus show them. */
export const coherenceActs: readonly ActSpec[] = [
  restartPipeline,
  startPipeline,
  stopPipeline,
  endManager,
  withdrawRequest,
  endOrphans,
  restartApi,
  startRunner,
  startManager,
  checkNow,
  answerTask,
  requeueTask,
  failTask,
  abortTask,
  diagnoseTask,
  clearFatal,
  cleanLogs,
  ...reportActs,
];
