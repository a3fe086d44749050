import { DueTimes } from '../../domain/due-times.ts';
import type { Entity, Issue } from '../../domain/entity.ts';
import { getNumber, type JsonObject } from '../../lib/json.ts';
import type { DeriveContext, Derived } from '../system.ts';
import { approvalsOf } from './derive-approvals.ts';
import { monitorIssues, overdueIssue } from './derive-issues.ts';
import { jobsOf, quotingIssue } from './derive-jobs.ts';
import { layersOf } from './derive-layers.ts';
import { noticesOf } from './derive-notices.ts';
import { youngest } from './derive-process.ts';
import { type RestartTroubles, restartTroubles } from './derive-restart.ts';
import { metersOf, runnersOf, runsOf } from './derive-runs.ts';
import { servicesOf } from './derive-services.ts';
import {
  failingApiIssue,
  fatalIssue,
  givenUpIssue,
  hangingApiIssue,
  lostTasksIssue,
  orphansIssue,
} from './derive-trouble.ts';
import { type Scene, sceneOf } from './scene.ts';
import { newestOf, seenOf } from './seen.ts';
import { taskBookOf } from './tasks.ts';

/** Joins everything known of one checkout into entities, as of now. */
export function deriveCoherence(context: DeriveContext): Derived {
  const scene = sceneOf(context);
  const due = new DueTimes(context.now);
  const book = taskBookOf(context, scene);
  const restart = restartTroubles(scene, due);
  const fromMonitor = monitorIssues(scene, seenOf(newestOf(context.facts.files('resolutions'))), due);
  const unchecked = fromMonitor.filter((issue) => issue.status === 'unchecked').length;
  const ours = [
    fatalIssue(scene),
    hangingApiIssue(scene),
    failingApiIssue(scene),
    ...restart.issues,
    orphansIssue(scene),
    overdueIssue(scene, unchecked),
    lostTasksIssue(scene, book, due),
    givenUpIssue(scene),
    quotingIssue(scene, book),
    ...noticesOf(context, scene, book, due),
  ].filter((issue) => issue !== undefined);
  const approvals = approvalsOf(scene, book, due);
  // A condition that happens to be called like one of ours would be a second entity of that id.
  const reported = fromMonitor.filter((issue) => !ours.some((own) => own.key === issue.key));
  const issues = [...ours, ...reported.map((issue) => quietWhereTold(issue, ours))];
  const entities: Entity[] = [
    ...layersOf(scene, issues, approvals.length, due),
    ...issues,
    ...approvals,
    ...jobsOf(scene, book, due),
    ...servicesOf(scene, restart),
    ...runnersOf(context, scene, book),
    ...runsOf(context, scene),
    ...metersOf(context, scene),
  ];
  return {
    entities,
    data: { ...actData(scene, restart), taskLogAges: taskLogTimes(context) },
    ...(due.next === undefined ? {} : { nextInstant: due.next }),
  };
}

/** What the monitor reports and one of our own issues says better does not stand in the queue twice. */
const TOLD_BY: { readonly [condition: string]: readonly string[] } = {
  api_unreachable: ['api_hangs', 'api_fails'],
  api_error: ['api_fails'],
  runner_pm_not_seen: ['restart_without_effect', 'version_without_manager'],
  stale_version: ['restart_hangs', 'restart_without_effect', 'restart_not_taken'],
};

function quietWhereTold(issue: Issue, ours: readonly Issue[]): Issue {
  const tellers = Object.hasOwn(TOLD_BY, issue.key) ? (TOLD_BY[issue.key] ?? []) : [];
  if (!issue.attention || !ours.some((own) => tellers.includes(own.key))) return issue;
  const { attention: _told, ...rest } = issue;
  return rest;
}

/** When each task log that is there was last written, oldest first. */
function taskLogTimes(context: DeriveContext): readonly number[] {
  return context.facts
    .files('task.log')
    .flatMap((file) => (file.present && file.modifiedAt !== undefined ? [file.modifiedAt] : []))
    .sort((a, b) => a - b);
}

/** What acts look at and no entity carries. Times in milliseconds since 1970. */
function actData(scene: Scene, restart: RestartTroubles): JsonObject {
  const manager = youngest(scene.crew.of.manager);
  const watchdog = youngest(scene.crew.of.watchdog);
  const { version, health } = scene;
  return {
    versionStartedAt: version?.startedAt ?? null,
    requestPresent: scene.restart?.present === true,
    requestReason: scene.restart?.present ? scene.restart.reason : null,
    // The newest request that was read, also when it is gone since.
    requestAt: scene.restart?.at ?? null,
    requestIsOwn: scene.restart?.isOwn === true,
    requestBornAt: scene.restart?.seen.file.bornAt ?? null,
    requestGoneAt: scene.restart?.goneAt ?? null,
    requestLookedAt: scene.restartLookedAt ?? null,
    watchdogPid: watchdog?.pid ?? null,
    shellPid: youngest(scene.crew.of.pipeline)?.pid ?? null,
    managerPid: manager?.pid ?? null,
    managerStartedAt: manager?.startedAt ?? null,
    managerLogMovedAt: scene.managerLog?.file.modifiedAt ?? null,
    hangsOnPid: restart.hangsOn?.pid ?? null,
    apiState: scene.api.state,
    apiWhy: scene.api.why,
    health: health ?? null,
    portHolderPid: scene.crew.portHolder?.pid ?? null,
    staleVersion: (scene.check?.issues ?? []).some(
      (issue) =>
        typeof issue === 'object' &&
        issue !== null &&
        'condition' in issue &&
        issue['condition'] === 'stale_version',
    ),
    fatalPresent: scene.fatal !== undefined,
    lastCheck: scene.check?.lastCheck ?? null,
    runnerStartedAt: getNumber(scene.runnerLog?.fact('started'), 'at') ?? null,
    isParallel: scene.manager?.parallel === true,
    resetItem: scene.manager?.next ?? null,
  };
}
