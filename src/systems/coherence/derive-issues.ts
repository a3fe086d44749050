import type { DueTimes } from '../../domain/due-times.ts';
import { type Attention, type Issue, trailOf } from '../../domain/entity.ts';
import { addMs, clockText, type Instant, instant } from '../../domain/instant.ts';
import { getField, getNumber, getString, isObject, type Json } from '../../lib/json.ts';
import { counted, firstLine } from '../../lib/phrase.ts';
import { CHECK_ACT, conditionRule, RESTART_ACT, START_ACT, START_ISSUES, severityOf } from './condition.ts';
import { entityBase } from './draft.ts';
import { isMonitorOverdue, type MonitorCheck, overdueMs } from './monitor-check.ts';
import { BLIND_CONDITIONS } from './parse-monitor.ts';
import type { Scene } from './scene.ts';
import { API_SOURCES } from './scene-api.ts';
import { linkedWorktreeOf } from './schema.ts';
import { instantOf, type Seen } from './seen.ts';

/** Entries of one check lie milliseconds apart; checks lie at least as far apart as the shortest interval. */
const SAME_CHECK_MS = 20_000;

/**
 * The monitor's issues, keyed by condition: their ids and times are new at every check. What the newest check could not
 * look at (the API was down) is `unchecked`, and so is everything once the monitor has gone silent.
 */
export function monitorIssues(scene: Scene, resolutions: Seen | undefined, due: DueTimes): readonly Issue[] {
  const { check } = scene;
  if (!check) return [];
  if (check.lastCheck !== undefined) due.isPast(addMs(check.lastCheck, overdueMs(scene)));
  const silent = isMonitorOverdue(scene);
  const issues: Issue[] = [];
  const done = new Set<string>();
  for (const issue of check.issues) {
    const condition = getString(issue, 'condition') ?? '';
    if (done.has(condition)) continue;
    done.add(condition);
    issues.push(reportedIssue(scene, check, issue, condition, resolutions, silent));
  }
  const blind = BLIND_CONDITIONS.find((condition) => done.has(condition));
  if (blind !== undefined) {
    for (const known of knownBefore(scene, check, resolutions)) {
      if (!done.has(known.condition)) issues.push(uncheckedIssue(scene, check, known, blind));
    }
  }
  return issues;
}

function reportedIssue(
  scene: Scene,
  check: MonitorCheck,
  issue: Json,
  condition: string,
  resolutions: Seen | undefined,
  silent: boolean,
): Issue {
  const isDead = condition === 'api_unreachable' && scene.crew.of.manager.length === 0;
  const severity = isDead ? 'fatal' : severityOf(getString(issue, 'severity'));
  const message = getString(issue, 'message') ?? '';
  const suggested = getString(issue, 'suggested');
  const heal = getString(issue, 'heal');
  const since = sinceOf(scene, check, condition, resolutions) ?? instantOf(issue, 'createdAt');
  const rule = conditionRule(condition, severity);
  const cautions = cautionsOf(scene, condition);
  const isFutile = cautions.length > 0 && FUTILE.includes(condition);
  const attention: Attention | undefined =
    silent || rule.rank === undefined || rule.label === undefined || isFutile
      ? undefined
      : {
          rank: rule.rank,
          label: rule.label,
          why: rule.why ?? condition,
          ...(since === undefined ? {} : { since }),
          ...(rule.act ? { act: actHere(scene, condition, rule.act) } : {}),
          ...(rule.playbook ? { playbook: rule.playbook } : {}),
          ...(condition === 'api_unreachable' && scene.api.state === 'down' ? { tells: API_SOURCES } : {}),
        };
  return {
    ...entityBase(scene, condition, check.seen.file.readAt),
    type: 'issue',
    key: condition,
    title: titleOf(condition, message),
    severity,
    status: silent ? 'unchecked' : 'open',
    evidence: check.seen.at({ at: check.lastCheck ?? null }, `${condition}: ${message}`),
    trail: trailOf(
      logSighting(scene, condition),
      earlierResolution(resolutions, condition),
      heal
        ? { source: 'issues', path: check.seen.file.path, text: `a heal task was made: ${heal}` }
        : undefined,
    ),
    logKeys: heal ? [condition, heal] : [condition],
    ...(message ? { detail: message } : {}),
    ...(since === undefined ? {} : { since }),
    ...(suggested ? { suggestedAction: suggested } : {}),
    ...(rule.playbook ? { playbook: rule.playbook } : {}),
    ...(cautions.length > 0 ? { cautions } : {}),
    ...(attention ? { attention } : {}),
  };
}

/** A request for a restart helps where a watchdog takes it, a start where nothing runs. */
function actHere(scene: Scene, condition: string, act: string): string {
  const hasWatchdog = scene.crew.of.watchdog.length > 0;
  return act === RESTART_ACT && !hasWatchdog && START_ISSUES.includes(condition) ? START_ACT : act;
}

/** Condition and message, without saying the same words twice. */
function titleOf(condition: string, message: string): string {
  const words = condition.replaceAll('_', ' ');
  if (message.toLowerCase().startsWith(words)) return firstLine(message, 120);
  return firstLine(message === '' ? words : `${words}: ${message}`, 120);
}

/** Conditions that no act can end where their caution applies. */
const FUTILE = ['phase_6_7_not_worked', 'stale_version'];

function cautionsOf(scene: Scene, condition: string): readonly string[] {
  switch (condition) {
    case 'stale_version': {
      if (scene.version?.sha !== 'unknown') return [];
      const tree =
        linkedWorktreeOf(scene.located) === undefined ? 'No .git directory here' : 'A linked worktree';
      return [
        `${tree}: the start script writes git_sha "unknown", so this never ends; a restart is no help.`,
      ];
    }
    case 'phase_6_7_not_worked':
      if (!scene.manager?.parallel) return [];
      return ['Always reported in parallel mode: it reads backlog_index, which that state does not have.'];
    case 'runner_pm_not_seen': {
      const { manager, runner } = scene.crew.of;
      if (manager.length === 0 && runner.length === 0) return [];
      return [
        `The process table disagrees: manager ${pids(manager)}, runner ${pids(runner)} of this checkout.`,
      ];
    }
    case 'needs_decision':
      if (scene.manager?.blocked) return [];
      return ['The project manager is no longer blocked; the monitor says so at its next check.'];
    default:
      return [];
  }
}

function pids(processes: readonly { readonly pid: number }[]): string {
  return processes.length === 0 ? 'none' : processes.map((process) => process.pid).join(', ');
}

/**
 * Since when a condition holds: the monitor's log tells of an unbroken run of checks; where it does not reach, the
 * first entry of the file's history after the last resolution counts.
 */
function sinceOf(
  scene: Scene,
  check: MonitorCheck,
  condition: string,
  resolutions: Seen | undefined,
): Instant | undefined {
  const open = getField(scene.monitorLog?.fact('open'), condition);
  const logged = instantOf(open, 'since');
  const resolvedAt = instantOf(resolutions?.fact(`resolved/${condition}`), 'at') ?? instant(0);
  const first = check.history.find((entry) => entry.condition === condition && entry.at > resolvedAt)?.at;
  if (condition === 'api_unreachable') {
    return instantOf(scene.monitorLog?.fact('unreachable'), 'since') ?? blindSince(check) ?? logged ?? first;
  }
  if (logged === undefined) return first;
  return first === undefined ? logged : instant(Math.min(logged, first));
}

/** When the run of checks that saw nothing but the API's failure began, at the end of the history. */
function blindSince(check: MonitorCheck): Instant | undefined {
  let since: Instant | undefined;
  for (let index = check.history.length - 1; index >= 0; index -= 1) {
    const entry = check.history[index];
    if (!entry || !BLIND_CONDITIONS.includes(entry.condition)) break;
    since = entry.at;
  }
  return since;
}

interface KnownBefore {
  readonly condition: string;
  readonly severity: string | undefined;
  readonly since: Instant;
  readonly last: Instant;
  readonly seen: Seen;
  readonly offset: number | undefined;
}

/** What the last check that could look had found, by the history and the log together, less what was resolved since. */
function knownBefore(
  scene: Scene,
  check: MonitorCheck,
  resolutions: Seen | undefined,
): readonly KnownBefore[] {
  const found = new Map<string, KnownBefore>();
  const sighted = check.history.filter((entry) => !BLIND_CONDITIONS.includes(entry.condition));
  const lastGood = sighted.at(-1)?.at;
  const open = scene.monitorLog?.fact('open');
  if (scene.monitorLog && isObject(open)) {
    for (const [condition, sight] of Object.entries(open)) {
      const last = instantOf(sight, 'last');
      const since = instantOf(sight, 'since');
      if (BLIND_CONDITIONS.includes(condition) || last === undefined || since === undefined) continue;
      const severity = sighted.findLast((entry) => entry.condition === condition)?.severity;
      const seen = scene.monitorLog;
      found.set(condition, { condition, severity, since, last, seen, offset: getNumber(sight, 'offset') });
    }
  }
  const tellsWhole = scene.monitorLog?.fact('status') !== undefined && isObject(open);
  for (const entry of tellsWhole || lastGood === undefined ? [] : sighted) {
    if (lastGood !== undefined && entry.at < lastGood - SAME_CHECK_MS) continue;
    const { condition, severity } = entry;
    const since = sinceOf(scene, check, condition, resolutions) ?? entry.at;
    found.set(condition, { condition, severity, since, last: entry.at, seen: check.seen, offset: undefined });
  }
  return [...found.values()].filter((known) => {
    const resolvedAt = instantOf(resolutions?.fact(`resolved/${known.condition}`), 'at');
    return resolvedAt === undefined || resolvedAt <= known.last;
  });
}

function uncheckedIssue(scene: Scene, check: MonitorCheck, known: KnownBefore, blind: string): Issue {
  const { condition } = known;
  const words = condition.replaceAll('_', ' ');
  const rule = conditionRule(condition, severityOf(known.severity));
  return {
    ...entityBase(scene, condition, check.seen.file.readAt),
    type: 'issue',
    key: condition,
    title: `${words}: last seen ${clockText(known.last, scene.now)}, not checked since`,
    severity: severityOf(known.severity),
    status: 'unchecked',
    detail: `The monitor looks at nothing else while it reports ${blind}.`,
    since: known.since,
    evidence: {
      source: known.seen.file.source,
      path: known.seen.file.path,
      ...(known.offset === undefined ? {} : { offset: known.offset }),
      text: `${condition} seen`,
      at: known.last,
    },
    trail: trailOf(
      check.seen.at({ at: check.lastCheck ?? null }, `newest check found ${blind} and stopped there`),
    ),
    logKeys: [condition],
    ...(rule.playbook ? { playbook: rule.playbook } : {}),
  };
}

function logSighting(scene: Scene, condition: string) {
  const sight = getField(scene.monitorLog?.fact('open'), condition);
  const since = instantOf(sight, 'since');
  const last = instantOf(sight, 'last');
  if (!scene.monitorLog || since === undefined || last === undefined) return undefined;
  return {
    ...scene.monitorLog.at(
      sight,
      `seen from ${clockText(since, scene.now)} to ${clockText(last, scene.now)}`,
    ),
    at: last,
  };
}

function earlierResolution(resolutions: Seen | undefined, condition: string) {
  const fact = resolutions?.fact(`resolved/${condition}`);
  return fact === undefined ? undefined : resolutions?.at(fact, 'resolved once before');
}

/** The monitor itself has gone silent: nothing it said is confirmed any more. */
export function overdueIssue(scene: Scene, unchecked: number): Issue | undefined {
  const { check } = scene;
  if (!check || check.lastCheck === undefined || !isMonitorOverdue(scene)) return undefined;
  const { manager, runner, watchdog, monitor } = scene.crew.of;
  const isExpected = manager.length + runner.length + watchdog.length > 0;
  const since = check.lastCheck;
  const lives = monitor.length > 0;
  const last = scene.monitorLog?.fact('last');
  return {
    ...entityBase(scene, 'monitor_overdue', check.seen.file.readAt),
    type: 'issue',
    key: 'monitor_overdue',
    title: `monitor silent since ${clockText(since, scene.now)}, ${counted(unchecked, 'issue')} unchecked`,
    severity: 'warning',
    status: 'open',
    detail: `It checks every ${scene.monitorIntervalMs / 1000} s${lives ? ' and its process lives' : ', and no monitor of this checkout runs'}.`,
    since,
    suggestedAction: lives
      ? 'Look at the end of monitor.log; restart the pipeline.'
      : 'Restart the pipeline.',
    playbook: 'monitor-silent',
    evidence: check.seen.at({ at: since }, 'last_check'),
    trail: trailOf(last === undefined ? undefined : scene.monitorLog?.at(last, 'last line of the monitor')),
    logFiles: ['api/logs/monitor.log'],
    ...(isExpected
      ? {
          attention: {
            rank: 4 as const,
            label: 'SILENT',
            why: lives ? 'the monitor lives and checks nothing' : 'no monitor runs: nothing would be noticed',
            since,
            act: CHECK_ACT,
            playbook: 'monitor-silent',
          },
        }
      : {}),
  };
}
