import { type Instant, parseInstant } from '../../domain/instant.ts';
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
import { textOrNull } from './facts.ts';

/** Facts by key. */
type Facts = { readonly [key: string]: Json };

/** A parser of a JSON object that is rewritten whole. `read` gives its facts, or the reason it is not what it should be. */
function documentParser(
  version: number,
  read: (value: JsonObject, context: ParseContext, text: string) => Facts | string,
): Parser {
  return {
    version,
    start: null,
    fold(carry, chunk, context): Folded {
      if (chunk.type !== 'document') return { carry };
      const json = readJson(chunk.text);
      const facts = !json.ok
        ? json.error
        : isObject(json.value)
          ? read(json.value, context, chunk.text)
          : 'not a JSON object';
      if (typeof facts !== 'string') return { carry, facts };
      return { carry, bad: [{ path: context.path, reason: facts, excerpt: chunk.text.slice(0, 200) }] };
    },
  };
}

/** A time of the program: naive ones are in its machine's zone, admin handlers write `+00:00Z`. */
function timeOrNull(value: Json | undefined, key: string, context: ParseContext): Instant | null {
  return parseInstant(getString(value, key), context.located.timezone) ?? null;
}

/**
 * `.nomic/nomic_state.json`: replaced by each save of scripts/nomic_loop.py, by the handlers of the HTTP server in other
 * shapes, and read by neither loop. It is never the truth about a phase; what people asked for through it is.
 */
export const loopStateParser: Parser = documentParser(1, (value, context) => {
  const phase = textOrNull(value, 'phase', 80);
  if (phase === null && getField(value, 'running') === undefined) return 'neither phase nor running in it';
  return {
    state: {
      phase,
      stage: textOrNull(value, 'stage', 80),
      cycle: getNumber(value, 'cycle') ?? null,
      savedAt: timeOrNull(value, 'saved_at', context),
      backup: textOrNull(value, 'backup_path', 400),
      outcome: textOrNull(value, 'outcome', 80),
      running: getBoolean(value, 'running') ?? null,
      pid: getNumber(value, 'pid') ?? null,
      startedAt: timeOrNull(value, 'started_at', context),
      pausedAt: timeOrNull(value, 'paused_at', context),
      pausedBy: textOrNull(value, 'paused_by', 80),
      resumedAt: timeOrNull(value, 'resumed_at', context),
      resetBy: textOrNull(value, 'reset_by', 80),
      lastUpdate: timeOrNull(value, 'last_update', context),
    },
  };
});

const MOST_AGENTS = 100;
const LARGEST_RAW = 65_536;

/** `.nomic/circuit_breaker.json`: failures and cooldowns by agent; a cooldown is a number of cycles. */
export const loopBreakersParser: Parser = documentParser(2, (value, context, text) => {
  const facts: Record<string, Json> = {
    // Whole, for whoever writes it anew without one agent.
    saved: { at: timeOrNull(value, 'saved_at', context), raw: text.length > LARGEST_RAW ? null : text },
  };
  const failures = getObject(value, 'failures') ?? {};
  const cooldowns = getObject(value, 'cooldowns') ?? {};
  const tasks = getObject(value, 'task_cooldowns') ?? {};
  const names = new Set([...Object.keys(failures), ...Object.keys(cooldowns), ...Object.keys(tasks)]);
  for (const name of [...names].slice(0, MOST_AGENTS)) {
    const barred = Object.entries(getObject(tasks, name) ?? {})
      .filter(([, left]) => typeof left === 'number' && left > 0)
      .map(([task]) => task)
      .slice(0, 10);
    facts[`agent/${name.slice(0, 80)}`] = {
      failures: getNumber(failures, name) ?? 0,
      cooldown: getNumber(cooldowns, name) ?? 0,
      barred,
    };
  }
  return facts;
});

const MOST_TASKS = 200;

/** `.nomic/implement_progress.json` (aragora/implement/checkpoint.py): the only thing a new start goes on with. */
export const implementParser: Parser = documentParser(1, (value) => {
  const plan = getObject(value, 'plan');
  if (!plan) return 'no plan in it';
  const tasks = getArray(plan, 'tasks')
    .slice(0, MOST_TASKS)
    .flatMap((task): Json[] => {
      const id = textOrNull(task, 'id', 80);
      return id === null || id === '' ? [] : [{ id, title: textOrNull(task, 'description', 200) }];
    });
  const results = getArray(value, 'results')
    .slice(-MOST_TASKS)
    .flatMap((result): Json[] => {
      const id = textOrNull(result, 'task_id', 80);
      if (id === null) return [];
      return [
        {
          id,
          success: getBoolean(result, 'success') ?? null,
          error: textOrNull(result, 'error', 300),
          model: textOrNull(result, 'model_used', 80),
          seconds: getNumber(result, 'duration_seconds') ?? null,
          costUsd: getNumber(result, 'cost_usd') ?? null,
        },
      ];
    });
  return {
    progress: {
      design: textOrNull(plan, 'design_hash', 80),
      tasks,
      done: getArray(value, 'completed_tasks')
        .filter((id) => typeof id === 'string')
        .slice(0, MOST_TASKS),
      current: textOrNull(value, 'current_task', 80),
      results,
    },
  };
});

/** Longest text of changes kept for a card. */
const CHANGES_LENGTH = 20_000;

/** `.approvals/<id>.json`, written by ApprovalFlow (aragora/autonomous/loop_enhancement.py), polled by it every 5 s. */
export const approvalParser: Parser = documentParser(1, (value, context) => {
  const id = textOrNull(value, 'id', 120);
  const status = textOrNull(value, 'status', 40);
  if (id === null || id === '') return 'no id in it';
  if (status === null) return 'no status in it';
  const changes = getField(value, 'changes');
  const list = getArray(value, 'changes')
    .slice(0, 300)
    .map((change) => {
      const path = getString(change, 'path');
      const kind = getString(change, 'change_type') ?? getString(change, 'type');
      return path === undefined ? JSON.stringify(change) : `${kind ?? 'change'} ${path}`;
    });
  return {
    approval: {
      id,
      status,
      title: textOrNull(value, 'title', 300),
      description: textOrNull(value, 'description', 4000),
      changes: list.join('\n').slice(0, CHANGES_LENGTH),
      // What would be decided, whole: a short list must not stand for a long one.
      changesCut: list.join('\n').length > CHANGES_LENGTH || getArray(value, 'changes').length > 300,
      hasChanges: Array.isArray(changes) && changes.length > 0,
      risk: textOrNull(value, 'risk_level', 20),
      requestedAt: timeOrNull(value, 'requested_at', context),
      requestedBy: textOrNull(value, 'requested_by', 120),
      timeoutS: getNumber(value, 'timeout_seconds') ?? null,
      by: textOrNull(value, 'approved_by', 120),
      decidedAt: timeOrNull(value, 'approved_at', context),
      rejection: textOrNull(value, 'rejection_reason', 500),
    },
  };
});

/** `.rollback/<id>.json`, written by the same module: a point that `git reset --hard` would go back to. */
export const rollbackParser: Parser = documentParser(1, (value, context) => {
  const id = textOrNull(value, 'id', 120);
  if (id === null || id === '') return 'no id in it';
  return {
    point: {
      id,
      createdAt: timeOrNull(value, 'created_at', context),
      description: textOrNull(value, 'description', 300),
      commit: textOrNull(value, 'git_commit', 80),
      files: Object.keys(getObject(value, 'file_backups') ?? {}).length,
      database: textOrNull(value, 'database_snapshot', 400),
    },
  };
});
