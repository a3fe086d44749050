import type { DueTimes } from '../../domain/due-times.ts';
import { type Issue, trailOf } from '../../domain/entity.ts';
import { addMs, clockText, type Instant, instant } from '../../domain/instant.ts';
import { getArray, getNumber, getString } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import { API_ACT, CLEAR_FATAL_ACT, END_ORPHANS_ACT, RESTART_ACT } from './condition.ts';
import { processEvidence, youngestStart } from './derive-process.ts';
import { entityBase } from './draft.ts';
import type { Scene } from './scene.ts';
import { API_SOURCES } from './scene-api.ts';
import { apiPortOf } from './schema.ts';
import { instantOf } from './seen.ts';
import type { TaskBook } from './tasks.ts';

/** `fatal_issues.json`: nobody deletes it, so what it says may be over since. */
export function fatalIssue(scene: Scene): Issue | undefined {
  const { fatal } = scene;
  if (!fatal) return undefined;
  const id = `fatal.${fatal.reason}`;
  const managerSince = youngestStart(scene.crew.of.manager);
  const isOver =
    scene.api.state !== 'down' &&
    managerSince !== undefined &&
    (fatal.at === undefined || managerSince > fatal.at);
  const words = fatal.reason.replaceAll('_', ' ');
  const since = fatal.at === undefined ? {} : { since: fatal.at };
  const evidence = fatal.seen.at({ at: fatal.at ?? null }, `${fatal.reason}: ${fatal.detail ?? 'no detail'}`);
  const base = {
    ...entityBase(scene, id, fatal.seen.file.readAt),
    type: 'issue' as const,
    key: id,
    status: 'open' as const,
    evidence,
    ...since,
    ...(fatal.detail ? { detail: fatal.detail } : {}),
  };
  if (isOver) {
    const why = `the pipeline runs since ${clockText(managerSince, scene.now)}; nothing deletes this file`;
    return {
      ...base,
      title: `left over: fatal ${words}${fatal.at === undefined ? '' : ` of ${clockText(fatal.at, scene.now)}`}`,
      severity: 'info',
      suggestedAction: 'Delete api/logs/fatal_issues.json once you have read it.',
      playbook: 'fatal',
      trail: scene.crew.of.manager.map(processEvidence),
      attention: { rank: 7, label: 'LEFTOVER', why, act: CLEAR_FATAL_ACT, playbook: 'fatal', ...since },
    };
  }
  const endsAutonomy = scene.crew.of.autonomous.length === 0;
  return {
    ...base,
    title: firstLine(`${words}: ${fatal.detail ?? 'no detail'}`, 120),
    severity: 'fatal',
    suggestedAction: fatal.reason.startsWith('api_')
      ? 'See why the API does not start (autonomous_api.log), then start the pipeline again.'
      : 'Settle what it names, then start the pipeline again.',
    playbook: 'fatal',
    trail: trailOf(scene.api.evidence, apiLogEvidence(scene)),
    ...(endsAutonomy
      ? { cautions: ['run_autonomous.sh ends after writing this: nobody restarts anything now.'] }
      : {}),
    attention: {
      rank: 2,
      label: 'FATAL',
      why: 'the pipeline’s own supervisor gave up',
      playbook: 'fatal',
      ...since,
    },
  };
}

/** How often a server found its port taken since one last got it. */
export function apiLogEvidence(scene: Scene) {
  const failed = scene.apiLog?.fact('bindFailed');
  if (failed === undefined) return undefined;
  const count = getNumber(failed, 'count') ?? 1;
  const text = getString(failed, 'text') ?? 'address already in use';
  return scene.apiLog?.at(failed, count > 1 ? `${text} (x${count})` : text);
}

/** The API's port is held by a process that does not answer. */
export function hangingApiIssue(scene: Scene): Issue | undefined {
  const holder = scene.crew.portHolder;
  if (scene.api.state !== 'down' || !scene.api.hangs || !holder) return undefined;
  const port = apiPortOf(scene.located);
  const isOurs = scene.crew.of.api.some((process) => process.pid === holder.pid);
  const nothingRuns = scene.crew.of.manager.length === 0;
  const since = scene.api.since === undefined ? {} : { since: scene.api.since };
  const hasWatchdog = scene.crew.of.watchdog.length > 0;
  const why = `${isOurs ? 'it' : 'a program that is not this API'} keeps the port; no new API can start`;
  return {
    ...entityBase(scene, 'api_hangs', scene.processesAt),
    type: 'issue',
    key: 'api_hangs',
    title: `API hangs: pid ${holder.pid} holds :${port}`,
    severity: nothingRuns ? 'fatal' : 'error',
    status: 'open',
    detail: `${scene.api.why}; ${why}.`,
    suggestedAction: isOurs
      ? `End it by its pid (${holder.pid}, KILL if it ignores TERM) and start the API again: restart the API alone.`
      : `See what ${holder.pid} is and end it; then the API can be started.`,
    playbook: 'api-unreachable',
    evidence: scene.api.evidence ?? processEvidence(holder),
    trail: trailOf(processEvidence(holder), apiLogEvidence(scene), monitorSays(scene)),
    logFiles: ['api/logs/autonomous_api.log'],
    logKeys: ['API unreachable'],
    ...since,
    attention: {
      rank: 2,
      label: nothingRuns ? 'FATAL' : 'API DOWN',
      why,
      playbook: 'api-unreachable',
      tells: API_SOURCES,
      act: nothingRuns || !hasWatchdog ? API_ACT : RESTART_ACT,
      ...since,
    },
  };
}

/** The API is there and fails inside: nothing hangs, and its own log says why. */
export function failingApiIssue(scene: Scene): Issue | undefined {
  const { api, crew } = scene;
  if (api.state !== 'down' || api.failsWith === undefined) return undefined;
  const since = api.since === undefined ? {} : { since: api.since };
  const why = 'no task starts or ends while it fails';
  return {
    ...entityBase(scene, 'api_fails', scene.processesAt),
    type: 'issue',
    key: 'api_fails',
    title: `API answers ${api.failsWith}`,
    severity: 'error',
    status: 'open',
    detail: `${api.why}; ${why}.`,
    suggestedAction: 'See why in autonomous_api.log, then restart the API.',
    playbook: 'api-unreachable',
    evidence: api.evidence ?? { source: 'api.health', text: api.why },
    trail: trailOf(...crew.of.api.map(processEvidence), apiLogEvidence(scene)),
    logFiles: ['api/logs/autonomous_api.log'],
    ...since,
    attention: {
      rank: 2,
      label: 'API FAILS',
      why,
      playbook: 'api-unreachable',
      tells: API_SOURCES,
      act: crew.of.watchdog.length > 0 ? RESTART_ACT : API_ACT,
      ...since,
    },
  };
}

function monitorSays(scene: Scene) {
  const issue = scene.check?.issues.find((one) => getString(one, 'condition') === 'api_unreachable');
  if (!scene.check || issue === undefined) return undefined;
  const advice = getString(issue, 'suggested');
  return scene.check.seen.at(
    { at: scene.check.lastCheck ?? null },
    `api_unreachable; advises: ${advice ?? 'nothing'}`,
  );
}

/** Parts of a dead pipeline that run on: they take tasks and write logs, and no restart ends them. */
export function orphansIssue(scene: Scene): Issue | undefined {
  const { orphans } = scene.crew;
  const [first] = orphans;
  if (!first) return undefined;
  const names = orphans.map(({ role, process }) => `${ROLE_WORDS[role] ?? role} ${process.pid}`);
  const since = orphans.reduce<Instant>(
    (at, { process }) => instant(Math.min(process.startedAt, at)),
    first.process.startedAt,
  );
  return {
    ...entityBase(scene, 'orphans', scene.processesAt),
    type: 'issue',
    key: 'orphans',
    title: firstLine(`${counted(orphans.length, 'orphan')} of a dead pipeline: ${names.join(', ')}`, 120),
    severity: 'warning',
    status: 'open',
    detail: 'Their pipeline shell died without its trap. A restart starts a second set beside them.',
    since,
    suggestedAction: `Answer what waits for their worker first, then end them: ${orphans.map(({ process }) => process.pid).join(' ')}`,
    playbook: 'orphans',
    evidence: processEvidence(first.process),
    trail: orphans.slice(1).map(({ process }) => processEvidence(process)),
    attention: {
      rank: 4,
      label: 'ORPHAN',
      why: 'their pipeline is dead; a restart does not end them',
      since,
      act: END_ORPHANS_ACT,
      playbook: 'orphans',
    },
  };
}

const ROLE_WORDS: { readonly [role: string]: string } = {
  runner: 'runner',
  monitor: 'monitor',
  manager: 'manager',
  'status-loop': 'status loop',
};

/** A state file is written right after the task was made; the store follows at once. */
const STORE_GRACE_MS = 60_000;

/** In parallel mode the project manager never lets go of a task the API does not know. */
export function lostTasksIssue(scene: Scene, book: TaskBook, due: DueTimes): Issue | undefined {
  const { manager } = scene;
  const writtenAt = manager?.seen.file.modifiedAt;
  if (!manager?.parallel || writtenAt === undefined || scene.crew.of.manager.length === 0) {
    return undefined;
  }
  const lost = manager.inFlight.filter((entry) => book.knows(entry.task) === false);
  const [first] = lost;
  if (!first || !due.isPast(addMs(writtenAt, STORE_GRACE_MS))) return undefined;
  const why = 'the manager keeps it in flight for ever; only a start with --reset lets go';
  return {
    ...entityBase(scene, 'manager_lost_task', manager.seen.file.readAt),
    type: 'issue',
    key: 'manager_lost_task',
    title: `project manager waits for ${lost.length === 1 ? first.task : counted(lost.length, 'task')} the API does not know`,
    severity: 'warning',
    status: 'open',
    detail: why,
    since: writtenAt,
    suggestedAction: 'Restart the pipeline: its start resets the manager’s state.',
    playbook: 'pipeline-stuck',
    evidence: manager.seen.at(
      undefined,
      lost
        .map((entry) => `${entry.task} (${entry.phase})`)
        .join(', ')
        .slice(0, 300),
    ),
    logKeys: lost.map((entry) => entry.task).slice(0, 20),
    attention: {
      rank: 4,
      label: 'LOST',
      why,
      since: writtenAt,
      act: RESTART_ACT,
      playbook: 'pipeline-stuck',
    },
  };
}

/** Items the project manager left after their last iteration: it goes on as if nothing were. */
export function givenUpIssue(scene: Scene): Issue | undefined {
  const fact = scene.managerLog?.fact('gaveUp');
  const lines = getArray(fact, 'lines');
  if (!scene.managerLog || lines.length === 0) return undefined;
  const since = instantOf(fact, 'at');
  const why = 'the manager skipped them and goes on; nobody is told';
  return {
    ...entityBase(scene, 'items_given_up', scene.managerLog.file.readAt),
    type: 'issue',
    key: 'items_given_up',
    title: `${counted(lines.length, 'backlog item')} left after the last iteration`,
    severity: 'warning',
    status: 'open',
    detail: lines.slice(-5).join('; '),
    evidence: scene.managerLog.at(fact, String(lines.at(-1) ?? '')),
    logKeys: ['failed max iterations'],
    ...(since === undefined ? {} : { since }),
    playbook: 'failing-work',
    attention: {
      rank: 7,
      label: 'GAVE UP',
      why,
      playbook: 'failing-work',
      ...(since === undefined ? {} : { since }),
    },
  };
}
