import type { Issue } from '../../domain/entity.ts';
import type { Cost } from './derive-cost.ts';
import { configChanged, configTrouble } from './derive-issues-config.ts';
import { costLimit, refusedRequests, staleWindow } from './derive-issues-cost.ts';
import { guards, movedLog, roadmapError, unreadableState } from './derive-issues-files.ts';
import { errorBurst, failing, githubLimit, notProcessing } from './derive-issues-loop.ts';
import type { Picture } from './derive-picture.ts';

/** Every condition of this kind that a human should know of. */
export function deriveIssues(picture: Picture, cost: Cost | undefined): Issue[] {
  return [
    configTrouble(picture),
    configChanged(picture, cost),
    failing(picture, 'main'),
    failing(picture, 'github'),
    failing(picture, 'work'),
    failing(picture, 'coder'),
    refusedRequests(picture, cost),
    costLimit(picture, cost),
    staleWindow(picture, cost),
    githubLimit(picture),
    notProcessing(picture),
    errorBurst(picture),
    movedLog(picture),
    roadmapError(picture),
    unreadableState(picture),
    ...guards(picture),
  ].filter((issue) => issue !== undefined);
}
