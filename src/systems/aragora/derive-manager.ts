import type { Issue, Service } from '../../domain/entity.ts';
import type { Instant } from '../../domain/instant.ts';
import { getBoolean, getNumber, getString } from '../../lib/json.ts';
import type { FileFacts } from '../system.ts';
import { clusterIssues, clusterServices } from './derive-cluster.ts';
import { entityBase, probeEvidence, textsOf } from './draft.ts';
import { instantOf } from './facts.ts';
import { issueOf } from './issue.ts';
import type { Scene } from './scene.ts';

/** What systemd or docker says of the server. */
export interface UnitView {
  readonly file: FileFacts;
  readonly name: string;
  readonly state: string;
  readonly result: string;
  readonly pid: number | undefined;
  readonly startedAt: Instant | undefined;
  readonly restarts: number;
  readonly isKnown: boolean;
  readonly why: string | undefined;
}

/** The unit or container that is configured; undefined when none is, or it was never read. */
export function unitOf(scene: Scene): UnitView | undefined {
  const { manager } = scene.place;
  if (manager.tool !== 'systemctl' && manager.tool !== 'docker') return undefined;
  const file = scene.file(manager.tool === 'systemctl' ? 'unit' : 'container');
  if (!file) return undefined;
  const unit = file.facts.get('unit');
  const answer = file.facts.get('answer');
  return {
    file,
    name: manager.unit,
    state: getString(unit, 'state') ?? 'unknown',
    result: getString(unit, 'result') ?? '',
    pid: getNumber(unit, 'pid'),
    startedAt: instantOf(unit, 'startedAt'),
    restarts: getNumber(unit, 'restarts') ?? 0,
    isKnown: getBoolean(answer, 'ok') === true,
    why: getString(answer, 'why'),
  };
}

/** The unit and the cluster's deployments, autoscalers and pods as services. */
export function managerServices(scene: Scene): readonly Service[] {
  const unit = unitOf(scene);
  return [...(unit ? [unitService(scene, unit)] : []), ...clusterServices(scene)];
}

function unitService(scene: Scene, unit: UnitView): Service {
  const status: Service['status'] = !unit.isKnown
    ? 'unknown'
    : unit.state === 'active'
      ? 'up'
      : unit.state === 'activating' || unit.state === 'reloading' || unit.state === 'deactivating'
        ? 'degraded'
        : 'down';
  const detail = textsOf(
    unit.isKnown ? unit.state : `not known: ${unit.why ?? 'no answer'}`,
    unit.state !== 'active' && unit.result !== '' && unit.result !== 'success' && unit.result,
    unit.pid !== undefined && `pid ${unit.pid}`,
    unit.restarts > 0 && `restarted ${unit.restarts} times by itself`,
  ).join(', ');
  return {
    ...entityBase(scene, 'unit', unit.file),
    type: 'service',
    title: `${unit.file.source} ${unit.name}`,
    status,
    detail,
    evidence: probeEvidence(unit.file, detail),
  };
}

/** A unit that failed stays down: systemd gives up after five starts in five minutes. */
export function managerIssues(scene: Scene): readonly Issue[] {
  const unit = unitOf(scene);
  return [unit && failedIssue(scene, unit), ...clusterIssues(scene)].filter((issue) => issue !== undefined);
}

function failedIssue(scene: Scene, unit: UnitView): Issue | undefined {
  if (!unit.isKnown || (unit.state !== 'failed' && unit.state !== 'dead' && unit.state !== 'exited'))
    return undefined;
  const isLimit = unit.result === 'start-limit-hit';
  return issueOf(scene, 'unit-failed', {
    severity: 'fatal',
    title: `${unit.name} ${unit.state}${unit.result === '' ? '' : `: ${unit.result}`}`,
    detail: isLimit
      ? 'five starts in five minutes failed: systemd starts it no more'
      : 'nothing starts it again by itself',
    since: undefined,
    evidence: probeEvidence(unit.file, `${unit.state} ${unit.result}`.trim()),
    attention: {
      rank: 2,
      label: 'FAILED',
      why: isLimit
        ? 'it started and ended five times, systemd gave up'
        : 'the server is not started again by itself',
      onExpiry: 'nothing starts it',
      act: 'api.start',
    },
    playbook: 'api-down',
    ...(scene.server ? { logFiles: [scene.server.path] } : {}),
  });
}
