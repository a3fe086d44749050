import { type Instant, instant, parseInstant } from '../../domain/instant.ts';
import {
  getArray,
  getBoolean,
  getField,
  getNumber,
  getObject,
  getString,
  isObject,
  type Json,
  type JsonObject,
  readJson,
} from '../../lib/json.ts';
import type { Folded, ParseContext, Parser } from '../system.ts';
import { DECISION_CHARS } from './condition.ts';
import { textOrNull } from './parse-line.ts';

/** Facts by key. */
export type Facts = { readonly [key: string]: Json };

/** A parser of a JSON object that is rewritten whole. `read` gives its facts, or the reason it is not what it should be. */
export function documentParser(version: number, read: (value: JsonObject) => Facts | string): Parser {
  return {
    version,
    start: null,
    fold(carry, chunk, context): Folded {
      if (chunk.type !== 'document') return { carry };
      return { carry, ...readFacts(chunk.text, context, read) };
    },
  };
}

/** Facts of a JSON object, or what is wrong with it. */
export function readFacts(
  text: string,
  context: ParseContext,
  read: (value: JsonObject) => Facts | string,
): Pick<Folded, 'facts' | 'bad'> {
  const json = readJson(text);
  const facts = !json.ok ? json.error : isObject(json.value) ? read(json.value) : 'not a JSON object';
  if (typeof facts !== 'string') return { facts };
  return { bad: [{ path: context.path, reason: facts, excerpt: text.slice(0, 200) }] };
}

/** A time as the API and the scripts write it; `"None"` (tasks nobody touched) and all else is null. */
export function timeOrNull(value: Json, key: string): Instant | null {
  return parseInstant(getString(value, key)) ?? null;
}

/** Seconds since 1970 as `time.time()` gives them. */
function epochOrNull(value: Json, key: string): Instant | null {
  const seconds = getNumber(value, key);
  return seconds === undefined || seconds < 0 || seconds > 1e11 ? null : instant(Math.round(seconds * 1000));
}

/** `pipeline_version.json`, one line, written by run_overnight_pipeline.sh before it looks for the API. */
export const versionParser = documentParser(1, (value) => {
  const startedAt = parseInstant(getString(value, 'started_at'));
  if (startedAt === undefined) return 'no started_at time in it';
  return { version: { sha: textOrNull(value, 'git_sha', 64) ?? 'unknown', startedAt } };
});

/**
 * `restart_requested.json`, written by scripts/monitor_pipeline.py, deleted by the watchdog only. `own`: written by a
 * Binnacle, which gives milliseconds where Python's isoformat gives microseconds.
 */
export const restartParser = documentParser(2, (value) => ({
  request: {
    reason: textOrNull(value, 'reason', 80) ?? '',
    at: timeOrNull(value, 'at'),
    own: /:\d\d\.\d{3}\+00:00$/.test(getString(value, 'at') ?? ''),
  },
}));

/**
 * `fatal_issues.json`, one line, written by run_autonomous.sh, deleted by nobody. The shell puts `detail` in as it
 * stands, so a quote in it makes the file no JSON: reason and time are read out of it all the same, since a fatal
 * issue must not hide behind its own text.
 */
export const fatalParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'document') return { carry };
    const read = readFacts(chunk.text, context, readFatal);
    if (read.facts) return { carry, ...read };
    const reason = /"reason":\s*"(\w{1,80})"/.exec(chunk.text)?.[1];
    if (reason === undefined) return { carry, ...read };
    const at = parseInstant(/"at":\s*"([^"]{1,40})"/.exec(chunk.text)?.[1]) ?? null;
    const detail = /"detail":\s*"(.{0,500}?)"\s*,\s*"recovery_attempted"/.exec(chunk.text)?.[1] ?? null;
    return { carry, ...read, facts: { fatal: { reason, detail, at } } };
  },
};

/** The fields of a fatal issue, from the file or the API. */
export function readFatal(value: JsonObject): Facts | string {
  const reason = textOrNull(value, 'reason', 80);
  if (reason === null || reason === '') return 'no reason in it';
  return { fatal: { reason, detail: textOrNull(value, 'detail', 500), at: timeOrNull(value, 'at') } };
}

const MAX_ISSUES = 200;

/** `monitor_issues.json`, rewritten at each check by scripts/monitor_pipeline.py. Its ids live for one check only. */
export const monitorIssuesParser = documentParser(1, (value) => {
  if (!Array.isArray(getField(value, 'issues'))) return 'no list of issues in it';
  const issues = getArray(value, 'issues')
    .slice(0, MAX_ISSUES)
    .flatMap((issue): Json[] => {
      const condition = textOrNull(issue, 'condition', 80);
      if (condition === null || condition === '') return [];
      return [
        {
          condition,
          severity: textOrNull(issue, 'severity', 20),
          priority: getNumber(issue, 'priority') ?? null,
          message: textOrNull(issue, 'message', 1000),
          suggested: textOrNull(issue, 'suggested_action', 1000),
          createdAt: timeOrNull(issue, 'created_at'),
          heal: textOrNull(issue, 'heal_task_id', 80),
        },
      ];
    });
  const history = getArray(value, 'history')
    .slice(-100)
    .flatMap((entry): Json[] => {
      const condition = textOrNull(entry, 'condition', 80);
      const at = timeOrNull(entry, 'at');
      return condition && at !== null ? [{ condition, at, severity: textOrNull(entry, 'severity', 20) }] : [];
    });
  return { check: { issues, history, lastCheck: timeOrNull(value, 'last_check') } };
});

/** `pipeline_status_report.json`, rewritten at each check; `generated_at` is when the check began. */
export const reportParser = documentParser(2, (value) => {
  const layers: Record<string, Json> = {};
  for (const key of ['layer_0_goal', 'layer_1_orchestration', 'layer_2_execution', 'layer_3_attention']) {
    const layer = getObject(value, key);
    if (!layer) continue;
    layers[key] = {
      status: textOrNull(layer, 'status', 30),
      summary: textOrNull(layer, 'summary', 300),
      proximity: getNumber(layer, 'goal_proximity') ?? null,
      tasksPerDay: getNumber(layer, 'tasks_per_day') ?? null,
    };
  }
  if (Object.keys(layers).length === 0) return 'no layers in it';
  return {
    report: {
      generatedAt: timeOrNull(value, 'generated_at'),
      overall: textOrNull(getObject(value, 'overall') ?? {}, 'status', 30),
      layers,
    },
  };
});

/**
 * `project_manager_state.json` (one item after the other) and `project_manager_state_overnight.json` (parallel; removed
 * at each start of the pipeline), written by scripts/project_manager.py.
 */
export const managerStateParser = documentParser(1, (value) => {
  const parallel = Array.isArray(getField(value, 'in_flight'));
  if (!parallel && getNumber(value, 'backlog_index') === undefined)
    return 'neither mode of the project manager';
  const current = textOrNull(value, 'current_task_id', 80);
  const inFlight = parallel
    ? getArray(value, 'in_flight')
        .slice(0, 100)
        .flatMap((entry): Json[] => {
          const task = textOrNull(entry, 'task_id', 80);
          if (task === null) return [];
          return [
            {
              task,
              item: getNumber(entry, 'item_idx') ?? null,
              phase: textOrNull(entry, 'phase', 20),
              iteration: getNumber(entry, 'iteration') ?? null,
            },
          ];
        })
    : current === null
      ? []
      : [
          {
            task: current,
            item: getNumber(value, 'backlog_index') ?? null,
            phase: textOrNull(value, 'phase', 20),
            iteration: getNumber(value, 'iteration') ?? null,
          },
        ];
  return {
    state: {
      parallel,
      inFlight,
      next: getNumber(value, parallel ? 'next_backlog_idx' : 'backlog_index') ?? null,
      blocked: getBoolean(value, 'blocked') === true,
      blockedAt: epochOrNull(value, 'blocked_at'),
    },
  };
});

/** `agent_runners.json`: `{"runners": {id: lease}}`, written by agent_runner_registry_service.py. */
export const runnersParser = documentParser(1, (value) => readRunners(value));

/** Runner leases of the file (by id) and of `GET /api/agent/runners` (a list) alike. */
export function readRunners(value: JsonObject): Facts | string {
  const field = getField(value, 'runners');
  const rows = Array.isArray(field)
    ? (field as readonly Json[])
    : isObject(field)
      ? Object.values(field)
      : undefined;
  if (!rows) return 'no runners in it';
  const facts: Record<string, Json> = {};
  for (const row of rows.slice(0, 500)) {
    const id = textOrNull(row, 'runner_id', 200);
    if (id === null || id === '') continue;
    facts[`runner/${id}`] = {
      id,
      status: textOrNull(row, 'status', 20),
      pid: getNumber(row, 'pid') ?? null,
      host: textOrNull(row, 'host', 100),
      task: textOrNull(row, 'active_task_id', 80),
      error: textOrNull(row, 'last_error', 300),
      leaseUntil: timeOrNull(row, 'lease_expires_at'),
      seenAt: timeOrNull(row, 'last_seen_at'),
    };
  }
  return facts;
}

/** `agent_run_state.json`: `{"tasks": {id: lease}}`, written by agent_run_state_service.py. */
export const runStateParser = documentParser(1, (value) => {
  const tasks = getObject(value, 'tasks');
  if (!tasks) return 'no tasks in it';
  const facts: Record<string, Json> = {};
  for (const [id, row] of Object.entries(tasks).slice(-2000)) {
    if (!isObject(row) || id.length > 80) continue;
    facts[`lease/${id}`] = {
      worker: textOrNull(row, 'worker_id', 200),
      status: textOrNull(row, 'status', 30),
      attempt: getNumber(row, 'attempt') ?? null,
      failureClass: textOrNull(row, 'failure_class', 60),
      leaseUntil: timeOrNull(row, 'lease_expires_at'),
      heartbeatAt: timeOrNull(row, 'last_heartbeat_at'),
    };
  }
  return facts;
});

/** `agent_tasks.json`, rewritten in place (not atomically) by agent_service.py at each change of any task. */
export const tasksParser = documentParser(3, readTasks);

/** Tasks of the store, or of an answer of the API. */
export function readTasks(value: JsonObject): Facts | string {
  if (!Array.isArray(getField(value, 'tasks'))) return 'no list of tasks in it';
  const facts: Record<string, Json> = {};
  for (const task of getArray(value, 'tasks')) {
    const id = getString(task, 'id');
    if (id === undefined || id === '' || id.length > 80) continue;
    facts[`task/${id}`] = readTask(id, task);
  }
  return facts;
}

function readTask(id: string, task: Json): Json {
  const status = textOrNull(task, 'status', 30) ?? '';
  const context = getObject(task, 'context') ?? {};
  const policy = getObject(context, 'hold_pattern_policy');
  const output = getString(task, 'output') ?? '';
  const isOpen = status === 'needs_decision';
  return {
    id,
    status,
    type: textOrNull(task, 'task_type', 20),
    direction: textOrNull(task, 'direction', 400),
    step: textOrNull(task, 'current_step', 120),
    progress: getNumber(task, 'progress_pct') ?? null,
    prompt: textOrNull(task, 'decision_prompt', 4000),
    decision: textOrNull(task, 'decision', DECISION_CHARS),
    worker: textOrNull(task, 'claimed_by', 200),
    // Older stores name no claims: then nobody having it means nothing.
    isClaimable: getField(task, 'claimed_by') !== undefined,
    claimedAt: timeOrNull(task, 'claimed_at'),
    createdAt: timeOrNull(task, 'created_at'),
    updatedAt: timeOrNull(task, 'updated_at'),
    startedAt: timeOrNull(task, 'started_at'),
    fingerprint: textOrNull(context, 'task_fingerprint', 80),
    // Null where it is not so: an answer that leaves the context out must not deny what the file says.
    abortAsked:
      getBoolean(context, 'abort_requested') === true ||
      getString(getObject(context, 'control'), 'action') === 'abort'
        ? true
        : null,
    diagnostic: readDiagnostic(getObject(context, 'diagnostic_last_result')),
    command: textOrNull(context, 'command_override', 300),
    output:
      output === '' ? null : isOpen ? output.slice(-4000) : status === 'failed' ? output.slice(-400) : null,
    policy: isOpen && policy ? readPolicy(policy) : null,
  };
}

/** `context.diagnostic_last_result`: the newest command a runner ran beside the task. */
function readDiagnostic(result: JsonObject | undefined): Json {
  if (!result) return null;
  return {
    id: textOrNull(result, 'id', 80),
    status: textOrNull(result, 'status', 40),
    output: (getString(result, 'output') ?? '').slice(-200),
  };
}

function readPolicy(policy: JsonObject): Json {
  return {
    failureClass: textOrNull(policy, 'failure_class', 60),
    score: getNumber(policy, 'score') ?? null,
    threshold: getNumber(policy, 'threshold') ?? null,
    triggeredAt: timeOrNull(policy, 'triggered_at'),
    diagnostic: textOrNull(policy, 'diagnostic_command', 200),
  };
}
