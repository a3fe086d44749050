import type { ActSpec } from '../system.ts';
import { inspectTurn } from './act-inspect.ts';
import { replayTurn } from './act-replay.ts';

/** What can be done to an Orket installation from here. */
export const orketActs: readonly ActSpec[] = [inspectTurn, replayTurn];
