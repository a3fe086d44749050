import type { Entity } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { DeriveContext, Derived } from '../system.ts';
import { actData } from './act-data.ts';
import { deriveApprovals } from './derive-approvals.ts';
import { costOf } from './derive-cost.ts';
import { deriveDaemon } from './derive-daemon.ts';
import { deriveIssues } from './derive-issues.ts';
import { hasConfigTrouble } from './derive-issues-config.ts';
import { deriveJobs } from './derive-jobs.ts';
import { deriveLayers } from './derive-layers.ts';
import { deriveMeters } from './derive-meters.ts';
import { configArgument, drawPicture, isAlive, type Picture } from './derive-picture.ts';
import { derivePoints } from './derive-points.ts';
import { deriveRoadmap } from './derive-roadmap.ts';

/**
 * Joins the facts of all sources. Every time of this program is UTC, zoned or not (`datetime.utcnow`), so the zone of
 * the installation plays no part.
 */
export function deriveReflexive(context: DeriveContext): Derived {
  let next: Instant | undefined;
  const wake = (at: Instant | undefined): void => {
    if (at !== undefined && at > context.now && (next === undefined || at < next)) next = at;
  };
  const picture = drawPicture(context, wake);
  const cost = costOf(picture);
  const entities: Entity[] = [
    ...deriveDaemon(picture, hasConfigTrouble(picture) && !isAlive(picture)),
    ...deriveJobs(picture),
    ...deriveRoadmap(picture),
    ...deriveApprovals(picture),
    ...deriveMeters(picture, cost),
    ...deriveIssues(picture, cost),
    ...derivePoints(picture),
  ];
  entities.push(...deriveLayers(picture, cost, entities));
  return { entities, data: dataOf(picture), ...(next === undefined ? {} : { nextInstant: next }) };
}

/**
 * Where the daemon writes, by the configuration as it is now. An edited file is not followed while a daemon of before
 * the edit lives: it goes on writing to the old places.
 */
function dataOf(picture: Picture): JsonObject {
  const { located } = picture.context;
  const named = configArgument(picture.daemon.processes[0]);
  const daemonConfig = {
    ...(named === undefined ? {} : { daemonConfig: named }),
    ...actData(picture),
  };
  const file = picture.configFile;
  const startedAt = picture.daemon.processes[0]?.startedAt;
  const isOlderDaemon = startedAt !== undefined && (file?.modifiedAt ?? 0) > startedAt;
  if (!file || isOlderDaemon || !file.facts.has('config')) return daemonConfig;
  const { logFile, auditFile, workDir } = picture.config;
  return {
    ...daemonConfig,
    workDir,
    ...(logFile === null || located.settings.log !== undefined ? {} : { logFile }),
    ...(auditFile === null ? {} : { auditFile }),
  };
}
