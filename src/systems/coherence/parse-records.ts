import { dayOf, parseInstant } from '../../domain/instant.ts';
import {
  getArray,
  getField,
  getNumber,
  getObject,
  getString,
  isObject,
  type Json,
  readJson,
} from '../../lib/json.ts';
import type { Folded, Parser } from '../system.ts';
import { documentParser, readFacts, timeOrNull } from './parse-documents.ts';
import { FactDraft, linesOf, textOrNull } from './parse-line.ts';

const KEPT_RUNS = 200;

/** `agent_runner_runs.json`: `{"runs": [...]}`, written by scripts/agent_runner.py; the newest are kept. */
export const runnerRunsParser = documentParser(1, (value) => {
  if (!Array.isArray(getField(value, 'runs'))) return 'no list of runs in it';
  const facts: Record<string, Json> = {};
  for (const run of getArray(value, 'runs').slice(-KEPT_RUNS)) {
    const id = textOrNull(run, 'run_id', 80);
    if (id === null || id === '') continue;
    facts[`run/${id}`] = {
      task: textOrNull(run, 'task_id', 80),
      attempt: getNumber(run, 'attempt') ?? null,
      status: textOrNull(run, 'status', 30),
      worker: textOrNull(run, 'worker_id', 200),
      type: textOrNull(run, 'task_type', 20),
      direction: textOrNull(run, 'direction', 200),
      branch: textOrNull(run, 'branch', 120),
      headSha: textOrNull(run, 'head_sha', 64),
      nextAction: textOrNull(run, 'next_action', 120),
      failureClass: textOrNull(run, 'failure_class', 60),
      returncode: getNumber(run, 'returncode') ?? null,
      createdAt: timeOrNull(run, 'created_at'),
      startedAt: timeOrNull(run, 'started_at'),
      heartbeatAt: timeOrNull(run, 'last_heartbeat_at'),
      completedAt: timeOrNull(run, 'completed_at'),
    };
  }
  return facts;
});

/** `public_deploy_contract_block_state.json`, written by scripts/monitor_pipeline.py; nothing blocks without a time. */
export const deployBlockParser = documentParser(1, (value) => {
  const blockedSince = timeOrNull(value, 'blocked_since');
  const failing = getArray(value, 'failing_checks').flatMap((one) => nameOf(one) ?? []);
  return {
    block: {
      blockedSince,
      lastChecked: timeOrNull(value, 'last_checked'),
      lastStatus: textOrNull(value, 'last_status', 40),
      failing: failing.slice(0, 20),
    },
  };
});

/** A check, named by itself or by its fields. */
function nameOf(value: Json): string | undefined {
  return (typeof value === 'string' ? value : getString(value, 'name'))?.slice(0, 120);
}

/** `meta_questions.json`: what the monitor never writes into its report, and the API adds to its own. */
export const metaQuestionsParser = documentParser(1, (value) => ({
  meta: {
    status: textOrNull(value, 'status', 40),
    lastRun: timeOrNull(value, 'last_run'),
    unanswered: questionsIn(value, 'unanswered'),
    failed: questionsIn(value, 'failed'),
  },
}));

function questionsIn(value: Json, key: string): readonly string[] {
  return getArray(value, key)
    .flatMap((one) =>
      typeof one === 'string' ? one : (getString(one, 'question') ?? getString(one, 'id') ?? []),
    )
    .map((text) => text.slice(0, 200))
    .slice(0, 50);
}

/** `config/start_gate_main_workflow_waivers.json`: a list, or an object that holds one. */
export const waiversParser = documentParser(1, (value) => {
  const list = Object.values(value).find((field) => Array.isArray(field));
  if (!Array.isArray(list)) return 'no list of waivers in it';
  const waivers = (list as readonly Json[]).slice(0, 100).flatMap((one): Json[] => {
    const workflow = textOrNull(one, 'workflow', 120);
    if (workflow === null || workflow === '') return [];
    return [
      {
        workflow,
        owner: textOrNull(one, 'owner', 80),
        reason: textOrNull(one, 'reason', 300),
        expiresAt: timeOrNull(one, 'expires_at'),
      },
    ];
  });
  return { waivers: { list: waivers } };
});

const KEPT_DAYS = 9;

/** `metrics.jsonl`, appended by the API when a task ends. Facts: `day/YYYY-MM-DD` with how many completed and failed. */
export const metricsParser: Parser = {
  version: 1,
  start: { days: [] },
  fold(carry, chunk, context): Folded {
    const draft = new FactDraft(context);
    const bad: { path: string; offset: number; reason: string }[] = [];
    let days = getArray(carry, 'days').filter((day): day is string => typeof day === 'string');
    for (const line of linesOf(chunk)) {
      if (line.text.trim() === '') continue;
      const read = readJson(line.text);
      const status = read.ok ? getString(read.value, 'status') : undefined;
      const at = read.ok ? parseInstant(getString(read.value, 'created_at')) : undefined;
      if (at === undefined || (status !== 'completed' && status !== 'failed')) {
        const reason = read.ok ? 'no time, or neither completed nor failed' : read.error;
        bad.push({ path: context.path, offset: line.offset, reason });
        continue;
      }
      const day = dayOf(at);
      const key = `day/${day}`;
      const known = draft.get(key);
      const count = (name: string): number => getNumber(isObject(known) ? known : {}, name) ?? 0;
      draft.set(key, {
        completed: count('completed') + (status === 'completed' ? 1 : 0),
        failed: count('failed') + (status === 'failed' ? 1 : 0),
        offset: line.offset,
      });
      if (!days.includes(day)) days = [...days, day].sort();
      while (days.length > KEPT_DAYS) draft.set(`day/${days.shift() ?? ''}`, null);
    }
    const facts = draft.done();
    return { carry: { days }, ...(facts ? { facts } : {}), ...(bad.length > 0 ? { bad } : {}) };
  },
};

/**
 * `pipeline_status_report.txt`, the same report for people: `LAYER 0: GOAL`, then indented `status:` and `summary:`.
 * Read where the JSON beside it is missing.
 */
export const reportTextParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'document') return { carry };
    const layers: Record<string, Json> = {};
    for (const block of chunk.text.matchAll(/^LAYER (\d): (\w+)\n((?:[ \t]+.*\n?)*)/gm)) {
      const [, order = '', name = '', body = ''] = block;
      const field = (key: string): string | null =>
        new RegExp(`^\\s+${key}: (.{0,300})`, 'm').exec(body)?.[1]?.trim() ?? null;
      layers[`layer_${order}_${name.toLowerCase()}`] = { status: field('status'), summary: field('summary') };
    }
    if (Object.keys(layers).length === 0)
      return {
        carry,
        bad: [{ path: context.path, reason: 'no layers in it', excerpt: chunk.text.slice(0, 200) }],
      };
    const generatedAt = parseInstant(/^Generated: (\S{1,40})/m.exec(chunk.text)?.[1]) ?? null;
    const overall = /^Overall: (\w{1,30})/m.exec(chunk.text)?.[1]?.toLowerCase() ?? null;
    return { carry, facts: { report: { generatedAt, overall, layers } } };
  },
};

/**
 * `GET /api/ready`: 200, or 503 while something it needs is missing. Facts: `ready`. A page, of a proxy for instance,
 * says neither.
 */
export const readyParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'http' || (chunk.status !== 200 && chunk.status !== 503)) return { carry };
    const { facts, bad } = readFacts(chunk.body ?? '', context, (value) => {
      const detail =
        getString(value, 'detail') ?? getString(getObject(value, 'detail') ?? {}, 'reason') ?? null;
      return { ready: { ok: chunk.status === 200, at: context.now, detail: detail?.slice(0, 200) ?? null } };
    });
    return { carry, ...(facts ? { facts } : {}), ...(bad ? { bad } : {}) };
  },
};
