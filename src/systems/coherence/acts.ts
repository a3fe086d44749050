import type { ActSpec } from '../system.ts';
import { answerTask } from './acts-answer.ts';
import { restartPipeline } from './acts-restart.ts';

/** Acts of this kind. */
export const coherenceActs: readonly ActSpec[] = [restartPipeline, answerTask];
