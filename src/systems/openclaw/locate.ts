import type { SystemId } from '../../domain/entity.ts';
import { UserError } from '../../domain/error.ts';
import { getString, type Json } from '../../lib/json.ts';
import type { CommonSettings, Located, Look, Recognition } from '../system.ts';
import { isSafeProject } from './schema.ts';

/** Most directories below BASE_PATH that are looked into for queue projects. */
const MOST_PROJECT_CANDIDATES = 2000;
const STATE_DB = '.orchestrator/state/orchestrator.db';
const FILE_QUEUE = '.orchestrator/queue/jobs';
const BRANCH_QUEUE = '_orchestrator_queue';

const AUDIT_LOGS = ['.orchestrator/audit/audit_events.jsonl', '.orchestrator/queue/audit/audit_events.jsonl'];

/** Scripts acts run, where this version of the skill has them. */
export const SCRIPTS = [
  'scripts/control.py',
  'scripts/submit.py',
  'scripts/worker.py',
  'scripts/status.py',
  'scripts/metrics.py',
  'scripts/slo_gate.py',
  'scripts/canary_gate.py',
  'scripts/canary_rollout.py',
  'scripts/release_gate_check.py',
  'scripts/scorecard_gate.py',
  'scripts/pr_merge_gate.py',
  'scripts/bench_terminal_latency.py',
  'test_imports.py',
  'utils/test_security_baseline.py',
] as const;

/** Recognises a skill directory, a BASE_PATH or a queue project by the names only this program makes. */
export function recogniseOpenclaw(look: Look): Recognition | undefined {
  if (isSkill(look, '')) {
    return { confidence: 0.9, because: 'scripts/control.py, scripts/worker.py and scripts/state_store.py' };
  }
  if (isQueueProject(look, '')) return { confidence: 0.9, because: '.orchestrator with a queue of jobs' };
  if (look.exists(BRANCH_QUEUE)) return { confidence: 0.85, because: BRANCH_QUEUE };
  const project = queueProjectsIn(look, '')[0];
  return project === undefined
    ? undefined
    : { confidence: 0.95, because: `${project}/.orchestrator with a queue of jobs` };
}

/**
 * Makes every path definite. `dir` is BASE_PATH, one queue project below it, or the skill directory whose `.env` names
 * BASE_PATH (default `./workspace` below the skill, as its scripts take it). The environment of the cockpit is not
 * asked for BASE_PATH: the worker's may be another, and the operator has named a directory.
 */
export function locateOpenclaw(dir: string, look: Look, system: SystemId, settings: CommonSettings): Located {
  const own = settings as unknown;
  const isSkillDir = isSkill(look, '') || look.exists('scripts/control.py');
  const skill = absoluteFrom(dir, getString(own, 'skill')) ?? (isSkillDir ? dir : undefined);
  const variables = skill === undefined ? {} : readVariables(look.text(`${skill}/.env`));
  let root = isSkillDir ? (absoluteFrom(dir, variables['BASE_PATH']) ?? `${dir}/workspace`) : dir;
  let named = settings.project ?? emptyAsMissing(variables['PROJECT_ID']);
  if (!isSkillDir && isQueueProject(look, '')) {
    root = dir.slice(0, dir.lastIndexOf('/')) || '/';
    named = settings.project ?? dir.slice(dir.lastIndexOf('/') + 1);
  }
  if (settings.project !== undefined && !isSafeProject(settings.project)) {
    throw new UserError(`project "${settings.project}" can't be a project's directory`, [
      'name the directory below BASE_PATH that holds .orchestrator',
    ]);
  }
  const found = named === undefined ? queueProjectsIn(look, root) : [named];
  const projects = found.filter(isSafeProject);
  const branchQueue = look.exists(`${root}/${BRANCH_QUEUE}`);
  const python = pythonOf(look, skill ?? root, settings.python);
  const hasFileQueue = projects.some((name) => look.exists(`${root}/${name}/${FILE_QUEUE}`));
  const extra: { [key: string]: Json } = {
    projects: projects.length > 0 || branchQueue ? projects : ['default_project'],
    branchQueue,
    fileQueue: hasFileQueue,
    auditLog: projects.some((name) => AUDIT_LOGS.some((path) => look.exists(`${root}/${name}/${path}`))),
    pollMs: pollMsOf(getString(own, 'interval')),
  };
  for (const [key, name] of LIMITS) {
    const limitMs = limitMsOf(variables[name]);
    if (limitMs !== undefined) extra[key] = limitMs;
  }
  if (skill !== undefined && look.exists(`${skill}/scripts/control.py`)) {
    extra['skill'] = skill;
    extra['scripts'] = SCRIPTS.filter((name) => look.exists(`${skill}/${name}`));
    extra['programs'] = Object.fromEntries(
      ['systemctl', 'docker'].flatMap((name) => {
        const path = look.which(name);
        return path === undefined ? [] : [[name, path]];
      }),
    );
    extra['servedProject'] = emptyAsMissing(variables['PROJECT_ID']) ?? 'default_project';
  } else if (skill !== undefined) {
    extra['skillMissing'] = skill;
  }
  return {
    system,
    kind: 'openclaw',
    root,
    timezone: settings.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    ...(python === undefined ? {} : { python }),
    settings,
    extra,
  };
}

function isSkill(look: Look, at: string): boolean {
  return ['control.py', 'worker.py', 'submit.py'].every((name) => look.exists(`${at}scripts/${name}`));
}

function isQueueProject(look: Look, at: string): boolean {
  const prefix = at === '' ? '' : `${at}/`;
  return look.exists(`${prefix}${STATE_DB}`) || look.exists(`${prefix}${FILE_QUEUE}`);
}

function queueProjectsIn(look: Look, root: string): readonly string[] {
  const prefix = root === '' ? '' : `${root}/`;
  return look
    .names(root === '' ? '.' : root)
    .slice(0, MOST_PROJECT_CANDIDATES)
    .filter((name) => isSafeProject(name) && isQueueProject(look, `${prefix}${name}`));
}

function pythonOf(look: Look, home: string, setting: string | undefined): string | undefined {
  if (setting !== undefined) {
    return setting.includes('/') ? absoluteFrom(home, setting) : look.which(setting);
  }
  const own = `${home}/.venv/bin/python`;
  return look.exists(own) ? own : look.which('python3');
}

function pollMsOf(setting: string | undefined): number {
  const seconds = setting === undefined ? Number.NaN : Number(setting);
  return Number.isFinite(seconds) && seconds >= 0.1 && seconds <= 3600 ? Math.round(seconds * 1000) : 2000;
}

/** Limits of the worker that its `.env` may set, in seconds; it takes none below 30. */
const LIMITS = [
  ['jobTimeoutMs', 'ORCH_WORKER_JOB_TIMEOUT_SECONDS'],
  ['staleMs', 'ORCH_RUNNING_STALE_SECONDS'],
] as const;

function limitMsOf(text: string | undefined): number | undefined {
  const seconds = Number(text === undefined || text === '' ? Number.NaN : text);
  return Number.isFinite(seconds) && seconds > 0
    ? Math.max(30, Math.min(seconds, 604_800)) * 1000
    : undefined;
}

function emptyAsMissing(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

/** Joins and folds `.` and `..` as the operating system would for a path without links. */
function absoluteFrom(dir: string, path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined;
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${dir}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** `NAME=value` lines of the skill's `.env`, quotes taken off. */
function readVariables(text: string | undefined): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const line of (text ?? '').split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?(BASE_PATH|PROJECT_ID|ORCH_[A-Z_]{1,60})\s*=\s*(.*?)\s*$/.exec(line);
    const name = match?.[1];
    if (name === undefined) continue;
    const value = match?.[2] ?? '';
    values[name] = /^(".*"|'.*')$/.test(value) ? value.slice(1, -1) : value.replace(/\s+#.*$/, '');
  }
  return values;
}
