import type { Entity, Issue } from '../../domain/entity.ts';
import { getArray, getBoolean, getNumber, getString } from '../../lib/json.ts';
import { firstLine } from '../../lib/phrase.ts';
import type { DeriveContext, Derived } from '../system.ts';
import { actData } from './act-data.ts';
import { apiIssues, apiServices, apiViewOf } from './derive-api.ts';
import { approvalsOf } from './derive-approvals.ts';
import { breakerIssues, breakerServices, breakersOf } from './derive-breakers.ts';
import { debateJobs } from './derive-debates.ts';
import { inboxApprovals } from './derive-inbox.ts';
import { jobsOf } from './derive-jobs.ts';
import { layersOf } from './derive-layers.ts';
import { loopService } from './derive-loop.ts';
import { loopIssues } from './derive-loop-issues.ts';
import { managerIssues, managerServices } from './derive-manager.ts';
import { metersOf } from './derive-meters.ts';
import { limitServices, metricIssues, metricMeters } from './derive-metrics.ts';
import { outcomeIssues } from './derive-outcomes.ts';
import { requestIssues } from './derive-requests.ts';
import { restorePointsOf } from './derive-restore.ts';
import { cyclesOf, runsOf } from './derive-runs.ts';
import { evidenceOf } from './draft.ts';
import { issueOf } from './issue.ts';
import { type Scene, sceneOf } from './scene.ts';

/** Joins everything known of one installation into entities, as of now. */
export function deriveAragora(context: DeriveContext): Derived {
  const scene = sceneOf(context);
  const cycles = cyclesOf(scene);
  const breakers = breakersOf(scene);
  const api = apiViewOf(scene);
  const issues = [
    ...loopIssues(scene),
    ...outcomeIssues(scene, cycles),
    ...requestIssues(scene),
    ...apiIssues(scene, api),
    ...managerIssues(scene),
    ...metricIssues(scene),
    ...breakerIssues(scene, breakers),
    ...riskIssues(scene),
  ];
  const entities: Entity[] = [
    ...layersOf(scene, api, breakers),
    ...issues,
    ...approvalsOf(scene),
    ...inboxApprovals(scene),
    ...runsOf(scene, cycles),
    ...jobsOf(scene),
    ...debateJobs(scene),
    loopService(scene),
    ...apiServices(scene, api),
    ...managerServices(scene),
    ...limitServices(scene),
    ...breakerServices(scene, breakers),
    ...metersOf(scene),
    ...metricMeters(scene),
    ...restorePointsOf(scene),
  ];
  const pid = getNumber(scene.fact('nomic.state', 'state'), 'pid');
  return {
    entities: unique(entities),
    data: actData(scene, api, breakers, issues),
    ...(scene.due.next === undefined ? {} : { nextInstant: scene.due.next }),
    ...(pid === undefined ? {} : { wantedPids: [pid] }),
  };
}

/** Two files may claim one id (a copied approval): the first one is shown, a screen has no place for two. */
function unique(entities: readonly Entity[]): readonly Entity[] {
  const seen = new Set<string>();
  return entities.filter((one) => {
    const key = `${one.type}/${one.id}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** What the loop itself noted as risky in the cycle that is open: decided without agreement. */
function riskIssues(scene: Scene): readonly Issue[] {
  const { loop } = scene;
  const file = scene.file('risks');
  const cycle = loop.open;
  if (!file || !cycle || loop.isLogFormer) return [];
  // Lines have no time: a file untouched since the cycle began speaks of the same number of an earlier run.
  if (cycle.at !== null && (file.modifiedAt ?? 0) < cycle.at) return [];
  const risk = getArray(file.facts.get('risks'), 'newest')
    .filter((one) => getNumber(one, 'cycle') === cycle.n && getString(one, 'level') === 'high')
    .at(-1);
  if (risk === undefined) return [];
  const confidence = getNumber(risk, 'confidence');
  const agreed = getBoolean(risk, 'consensus') === true ? 'agreed' : 'no consensus';
  return [
    issueOf(scene, `risk/${cycle.n}`, {
      severity: 'warning',
      title: firstLine(`high risk: ${getString(risk, 'task') ?? 'unnamed task'}`, 70),
      detail: `${agreed}${confidence === undefined ? '' : `, confidence ${confidence}`}; the server counts such risks as 0`,
      since: undefined,
      evidence: evidenceOf(file, risk, `cycle ${cycle.n}, high, ${agreed}`),
      logKeys: [`risk/${cycle.n}`],
    }),
  ];
}
