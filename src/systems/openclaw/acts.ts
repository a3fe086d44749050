import type { ActSpec } from '../system.ts';
import { answerAct } from './act-answer.ts';
import { approveAct } from './act-approve.ts';
import { cancelAct } from './act-cancel.ts';
import { resubmitAct, retryAct } from './act-submit.ts';

/** Acts on jobs. Where the program's own way does not do what is shown, the act that works stands before it. */
export const openclawActs: readonly ActSpec[] = [approveAct, resubmitAct, answerAct, retryAct, cancelAct];
