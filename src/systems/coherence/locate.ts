import type { SystemId } from '../../domain/entity.ts';
import { UserError } from '../../domain/error.ts';
import { getString, type Json } from '../../lib/json.ts';
import type { CommonSettings, Located, Look, Recognition, SourceSpec } from '../system.ts';
import { apiPortOf, healthEveryMs, LOGS, paceOf } from './schema.ts';

/** Names only this project has; the first two are its start scripts. */
const MARKS = [
  'scripts/run_overnight_pipeline_watchdog.sh',
  'scripts/monitor_pipeline.py',
  'scripts/project_manager.py',
  'logs/pipeline_status_report.json',
  'logs/monitor_issues.json',
  'logs/pipeline_version.json',
  'logs/project_manager_state_overnight.json',
];

/** Tells a checkout of Coherence Network, or its `api` directory, by names. */
export function recogniseCoherence(look: Look): Recognition | undefined {
  for (const base of ['api/', '']) {
    const found = MARKS.filter((mark) => look.exists(`${base}${mark}`));
    const [first] = found;
    if (first === undefined) continue;
    return { confidence: found.length > 1 ? 0.95 : 0.6, because: `${base}${first}` };
  }
  return undefined;
}

/** The checkout an operator named (or whose `api` directory they named), with its interpreter and port. */
export function locateCoherence(
  dir: string,
  look: Look,
  system: SystemId,
  settings: CommonSettings,
): Located {
  const root = rootOf(dir, look);
  const own = settings as { readonly [name: string]: Json | undefined };
  const python =
    settings.python ??
    [`${root}/api/.venv/bin/python`, `${root}/.venv/bin/python`].find((path) => look.exists(path)) ??
    look.which('python3');
  const gitdir = /^gitdir: (.+)$/m.exec(look.text(`${root}/.git`) ?? '')?.[1]?.trim();
  const extra: Record<string, Json> = {
    port: portOf(settings.url) ?? numberOf(own['port']) ?? 8000,
    pollS: numberOf(own['poll']) ?? 90,
    pace: numberOf(own['pace']) ?? 1,
  };
  const timeout = numberOf(own['decisionTimeout']);
  if (timeout !== undefined) extra['decisionTimeoutH'] = timeout;
  if (gitdir) extra['linkedWorktree'] = gitdir;
  return {
    system,
    kind: 'coherence',
    root,
    timezone: settings.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    settings,
    extra,
    ...(settings.url ? { url: settings.url.replace(/\/+$/, '') } : {}),
    ...(python ? { python } : {}),
  };
}

function rootOf(dir: string, look: Look): string {
  const clean = dir.length > 1 ? dir.replace(/\/+$/, '') : dir;
  if (!look.exists(clean)) {
    throw new UserError(`${dir} does not exist`, ['name the checkout: -s coherence=DIR']);
  }
  if (look.exists(`${clean}/api`)) return clean;
  const isApi = clean.endsWith('/api') && (look.exists(`${clean}/scripts`) || look.exists(`${clean}/logs`));
  return isApi ? clean.slice(0, -'/api'.length) : clean;
}

function portOf(url: string | undefined): number | undefined {
  const match = /^(https?):\/\/(?:[^/@]*@)?(?:\[[^\]]*\]|[^/:]+)(?::(\d+))?/i.exec(url ?? '');
  if (!match) return undefined;
  return match[2] ? Number(match[2]) : match[1]?.toLowerCase() === 'https' ? 443 : 80;
}

function numberOf(value: Json | undefined): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : undefined;
}

/** Programs of this project by what occurs in their arguments. */
const PROGRAMS = [
  'run_autonomous.sh',
  'run_overnight_pipeline_watchdog.sh',
  'run_overnight_pipeline.sh',
  'project_manager.py',
  'agent_runner.py',
  'monitor_pipeline.py',
  'app.main:app',
];

/**
 * Requests a minute to the API, all paths and all cockpits of this host together. It has no limit of its own; one cockpit
 * asks seven times, and a status bar that looks every 15 s sixteen times.
 */
const PER_MINUTE = 30;

/**
 * Everything this kind reads. `telegram.log` of the runbook has no writer and is left out. The server writes a line
 * into its own log for each request, so the API is asked seldom: health every 15 s, the rest once or twice a minute.
 */
export function coherenceSources(located: Located): readonly SourceSpec[] {
  const document = (id: string, file: string, parser: string, maxBytes?: number): SourceSpec => ({
    id,
    type: 'document',
    glob: `${LOGS}/${file}`,
    parser,
    ...(maxBytes ? { maxBytes } : {}),
  });
  const log = (file: string, parser: string): SourceSpec => ({
    id: file,
    type: 'log',
    glob: `${LOGS}/${file}`,
    parser,
  });
  const http = (
    id: string,
    path: string,
    everyMs: number,
    parser: string,
    accepts?: readonly number[],
  ): SourceSpec => ({
    id,
    type: 'http',
    path,
    everyMs,
    timeoutMs: 5_000,
    perMinute: PER_MINUTE * paceOf(located),
    parser,
    ...(accepts ? { accepts } : {}),
  });
  return [
    log('monitor.log', 'monitor-log'),
    log('project_manager.log', 'manager-log'),
    log('agent_runner.log', 'runner-log'),
    log('autonomous_api.log', 'api-log'),
    log('commit_progress.log', 'plain-log'),
    log('overnight_orchestrator.log', 'plain-log'),
    { ...log('monitor_resolutions.jsonl', 'resolutions'), id: 'resolutions' },
    { id: 'task.log', type: 'log', glob: `${LOGS}/task_*.log`, parser: 'task-log' },
    document('version', 'pipeline_version.json', 'version'),
    document('restart', 'restart_requested.json', 'restart'),
    document('fatal', 'fatal_issues.json', 'fatal'),
    document('issues', 'monitor_issues.json', 'monitor-issues'),
    document('report', 'pipeline_status_report.json', 'report'),
    document('report.txt', 'pipeline_status_report.txt', 'report-text'),
    document('runs', 'agent_runner_runs.json', 'runner-runs', 32 * 1024 * 1024),
    document('deploy', 'public_deploy_contract_block_state.json', 'deploy-block'),
    document('meta', 'meta_questions.json', 'meta-questions'),
    { id: 'metrics', type: 'log', glob: `${LOGS}/metrics.jsonl`, parser: 'metrics' },
    {
      id: 'waivers',
      type: 'document',
      glob: 'config/start_gate_main_workflow_waivers.json',
      parser: 'waivers',
    },
    document('manager', 'project_manager_state.json', 'manager-state'),
    document('manager.overnight', 'project_manager_state_overnight.json', 'manager-state'),
    document('tasks', 'agent_tasks.json', 'tasks', 128 * 1024 * 1024),
    document('runners', 'agent_runners.json', 'runners'),
    document('run-state', 'agent_run_state.json', 'run-state', 32 * 1024 * 1024),
    {
      id: 'processes',
      type: 'process',
      parser: 'processes',
      match: { words: PROGRAMS, ports: [apiPortOf(located)] },
    },
    ...(getString(located, 'url')
      ? [
          http('api.health', '/api/health', healthEveryMs(located), 'health-answer'),
          http(
            'api.attention',
            '/api/agent/tasks/attention?limit=100',
            60_000 / paceOf(located),
            'attention-answer',
          ),
          http(
            'api.runners',
            '/api/agent/runners?include_stale=true',
            60_000 / paceOf(located),
            'runners-answer',
          ),
          http('api.fatal', '/api/agent/fatal-issues', 120_000, 'fatal-answer'),
          // 503 is what it says while something it needs is missing.
          http('api.ready', '/api/ready', 120_000, 'ready-answer', [503]),
        ]
      : []),
  ];
}
