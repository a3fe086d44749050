import { type Attention, type Evidence, type Service, trailOf } from '../../domain/entity.ts';
import { clockText } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import { getBoolean, getNumber, getString } from '../../lib/json.ts';
import { RESTART_ACT, START_ACT } from './condition.ts';
import { processEvidence, type Role, youngest } from './derive-process.ts';
import type { RestartTroubles } from './derive-restart.ts';
import { apiLogEvidence } from './derive-trouble.ts';
import { entityBase } from './draft.ts';
import type { Scene } from './scene.ts';
import { apiPortOf } from './schema.ts';
import { instantOf } from './seen.ts';

/** The programs of a pipeline and the API, each with its health. */
export function servicesOf(scene: Scene, restart: RestartTroubles): readonly Service[] {
  return [
    apiService(scene),
    watchdogService(scene, restart),
    pipelineService(scene, restart),
    partService(
      scene,
      'manager',
      'project-manager',
      'project manager',
      'project_manager.log',
      scene.managerLog,
    ),
    partService(scene, 'runner', 'agent-runner', 'agent runner', 'agent_runner.log', scene.runnerLog),
    partService(scene, 'monitor', 'monitor', 'monitor', 'monitor.log', scene.monitorLog),
  ];
}

function apiService(scene: Scene): Service {
  const { api, crew, health } = scene;
  const holder = crew.portHolder ?? youngest(crew.of.api);
  const port = apiPortOf(scene.located);
  const latency = getNumber(health, 'latencyMs');
  const version = getString(health, 'version');
  const since = instantOf(health, 'startedAt');
  const failures = getNumber(health, 'failures') ?? 0;
  const isUnready = api.state === 'up' && getBoolean(scene.ready?.fact('ready'), 'ok') === false;
  const status = isUnready
    ? 'degraded'
    : api.state === 'up'
      ? 'up'
      : api.state === 'down'
        ? 'down'
        : failures > 0
          ? 'degraded'
          : 'unknown';
  const held = holder
    ? `pid ${holder.pid}${holder.ports.includes(port) ? ` holds :${port}` : ''}`
    : 'no process seen';
  const detail =
    api.state === 'up'
      ? [
          api.why,
          isUnready &&
            `not ready: ${getString(scene.ready?.fact('ready'), 'detail') ?? '/api/ready says 503'}`,
          version && `version ${version}`,
          since !== undefined && `since ${clockText(since, scene.now)}`,
          holder && held,
        ]
          .filter(Boolean)
          .join(', ')
      : `${api.why}; ${held}`;
  return {
    ...entityBase(scene, 'api', undefined),
    type: 'service',
    title: `API :${port}`,
    status,
    detail,
    evidence: api.evidence ?? (holder ? processEvidence(holder) : absence('no API process of this checkout')),
    trail: trailOf(api.evidence && holder ? processEvidence(holder) : undefined, apiLogEvidence(scene)),
    logFiles: ['api/logs/autonomous_api.log'],
    ...(latency === undefined || api.state !== 'up' ? {} : { latencyMs: latency }),
  };
}

function absence(text: string): Evidence {
  return { source: 'processes', text };
}

function watchdogService(scene: Scene, restart: RestartTroubles): Service {
  const watchdog = youngest(scene.crew.of.watchdog);
  const unseen = scene.crew.unattributed.some(({ role }) => role === 'watchdog');
  const supervisor = youngest(scene.crew.of.autonomous);
  const detail = watchdog
    ? restart.hangsOn
      ? `waits for project manager ${restart.hangsOn.pid} to end, takes no request`
      : `pid ${watchdog.pid} since ${clockText(watchdog.startedAt, scene.now)}`
    : unseen
      ? 'a process looks like it; its directory can’t be seen'
      : 'not running: nobody takes a restart request';
  return {
    ...entityBase(scene, 'watchdog', scene.processesAt),
    type: 'service',
    title: 'watchdog',
    status: watchdog ? (restart.hangsOn ? 'degraded' : 'up') : unseen ? 'unknown' : 'down',
    detail: supervisor ? `${detail}; under run_autonomous.sh ${supervisor.pid}` : detail,
    evidence: watchdog ? processEvidence(watchdog) : absence('no watchdog of this checkout'),
    trail: trailOf(
      supervisor ? processEvidence(supervisor) : undefined,
      ...scene.crew.of.watchdog.slice(1).map(processEvidence),
    ),
  };
}

function pipelineService(scene: Scene, restart: RestartTroubles): Service {
  const { of } = scene.crew;
  const shell = youngest(of.pipeline);
  const manager = youngest(of.manager);
  const ended = scene.managerLog?.fact('ended');
  const endedText = getString(ended, 'text');
  const startedAt = scene.version?.startedAt;
  const since = startedAt === undefined ? '' : ` since ${clockText(startedAt, scene.now)}`;
  const isUnseen = scene.crew.unattributed.length > 0 && !manager;
  const status = manager
    ? shell || of.runner.length > 0
      ? 'up'
      : 'degraded'
    : isUnseen
      ? 'unknown'
      : 'down';
  const detail = manager
    ? shell
      ? `shell ${shell.pid}, manager ${manager.pid}${since}`
      : `manager ${manager.pid} without a pipeline shell`
    : isUnseen
      ? 'processes look like it; their directory can’t be seen'
      : endedText
        ? `ended by itself: ${endedText}`
        : shell
          ? `shell ${shell.pid} lives, no project manager`
          : 'nothing of it runs';
  const attention = pipelineAttention(scene, restart, status, endedText);
  return {
    ...entityBase(scene, 'pipeline', scene.processesAt),
    type: 'service',
    title: 'pipeline',
    status,
    detail,
    evidence: shell
      ? processEvidence(shell)
      : manager
        ? processEvidence(manager)
        : absence('no pipeline of this checkout'),
    trail: trailOf(
      scene.version?.seen.at(
        { at: scene.version.startedAt },
        `started_at ${clockText(scene.version.startedAt, scene.now)}, commit ${scene.version.sha.slice(0, 8)}`,
      ),
      shell && manager ? processEvidence(manager) : undefined,
      ended === undefined ? undefined : scene.managerLog?.at(ended),
    ),
    logFiles: ['api/logs/project_manager.log', 'api/logs/agent_runner.log', 'api/logs/monitor.log'],
    ...(attention ? { attention } : {}),
  };
}

/** One row for a pipeline that does not run, where no issue already says so. */
function pipelineAttention(
  scene: Scene,
  restart: RestartTroubles,
  status: Service['status'],
  endedText: string | undefined,
): Attention | undefined {
  const isTold =
    restart.issues.length > 0 ||
    scene.crew.of.manager.length > 0 ||
    (scene.check?.issues ?? []).some((issue) => getString(issue, 'condition') === 'runner_pm_not_seen');
  if (status !== 'down' || isTold || scene.version === undefined) return undefined;
  const since = instantOf(scene.managerLog?.fact('last'), 'at') ?? scene.version.startedAt;
  const base = { since, playbook: 'runner-pm-not-seen' };
  if (endedText)
    return { rank: 7, label: 'ENDED', why: `it ended by itself: ${endedText}`, act: START_ACT, ...base };
  const act = { act: scene.crew.of.watchdog.length > 0 ? RESTART_ACT : START_ACT };
  return { rank: 2, label: 'DOWN', why: 'no project manager of this checkout runs', ...act, ...base };
}

function partService(
  scene: Scene,
  role: Role,
  id: string,
  title: string,
  log: string,
  seen: Scene['managerLog'],
): Service {
  const all = scene.crew.of[role];
  const process = youngest(all);
  const orphaned = scene.crew.orphans.some((orphan) => orphan.process.pid === process?.pid);
  const unseen = scene.crew.unattributed.find((other) => other.role === role)?.process;
  const last = seen?.fact('last');
  const lastAt = instantOf(last, 'at');
  return {
    ...entityBase(scene, id, scene.processesAt),
    type: 'service',
    title,
    status: process ? (orphaned || all.length > 1 ? 'degraded' : 'up') : unseen ? 'unknown' : 'down',
    detail: process
      ? partDetail(scene, process, all.length, orphaned)
      : unseen
        ? `pid ${unseen.pid} looks like it; its directory can’t be seen`
        : `not running${lastAt === undefined ? '' : `, last line ${clockText(lastAt, scene.now)}`}`,
    evidence: process ? processEvidence(process) : absence(`no ${title} of this checkout`),
    trail: trailOf(
      ...all.filter((other) => other.pid !== process?.pid).map(processEvidence),
      scene.crew.of[role].length === 0 && last !== undefined ? seen?.at(last) : undefined,
    ),
    logFiles: [`api/logs/${log}`],
    // Its task logs are what fills the disk.
    ...(role === 'runner' ? { playbook: 'disk' } : {}),
  };
}

function partDetail(scene: Scene, process: ProcessInfo, count: number, orphaned: boolean): string {
  const since = `pid ${process.pid} since ${clockText(process.startedAt, scene.now)}`;
  if (count > 1) return `${count} of them run; newest ${since}`;
  return orphaned ? `${since}, orphan: its pipeline is dead` : since;
}
