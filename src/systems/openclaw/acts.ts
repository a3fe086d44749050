import type { ActSpec } from '../system.ts';
import { answerAct } from './act-answer.ts';
import { approveAct } from './act-approve.ts';
import { cancelAct } from './act-cancel.ts';
import { submitAct } from './act-new-job.ts';
import { reportActs } from './act-report.ts';
import { rerunAct } from './act-resume.ts';
import { reviseAct } from './act-revise.ts';
import { workerActs } from './act-service.ts';
import { stopAct } from './act-stop.ts';
import { resubmitAct, retryAct } from './act-submit.ts';
import { timelineAct } from './act-timeline.ts';

/** Acts on jobs and on the worker. Where the program's own way does not do what is shown, the act that works stands first. */
export const openclawActs: readonly ActSpec[] = [
  approveAct,
  resubmitAct,
  answerAct,
  retryAct,
  rerunAct,
  stopAct,
  cancelAct,
  reviseAct,
  timelineAct,
  ...workerActs,
  submitAct,
  ...reportActs,
];
