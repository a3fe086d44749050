import type { Instant } from '../../domain/instant.ts';
import type { LogRecord } from '../../domain/log.ts';
import type { BadRecord } from '../../domain/source.ts';
import { getField, getNumber, getString, isObject, type Json } from '../../lib/json.ts';
import type { DatabaseQuery, Folded, ParseContext, Parser } from '../system.ts';
import type { EventFact, JobFact, RunFact, TotalsFact } from './facts.ts';
import { eventFact, instantIn } from './parse-event.ts';
import { readResult } from './parse-result.ts';
import { capped, eventLevel, lastLineOf, readObject } from './parse-text.ts';

/** Most open jobs read; the status counts tell when there are more. */
const MOST_OPEN_JOBS = 10_000;
/** Most finished jobs read, newest first. */
const MOST_FINISHED_JOBS = 1_000;
const MOST_HIDDEN_FAILURES = 200;
const MOST_EVENTS = 1_000;
const EVENTS_PER_JOB = 40;
const LONGEST_GOAL = 16_000;

const failedTasks = `CASE WHEN json_valid(last_result) THEN max(
  coalesce(CAST(json_extract(last_result, '$.orchestration.summary.failed') AS INTEGER), 0),
  coalesce(CAST(json_extract(last_result, '$.convergence_report.failed') AS INTEGER), 0)) ELSE 0 END`;

/**
 * What is asked of `orchestrator.db` (schema in scripts/state_store.py). Open jobs come whole, whatever columns they
 * have, so that older shapes work; of finished ones only what a list needs, their `last_result` where it hides failures.
 */
export const databaseQueries: readonly DatabaseQuery[] = [
  {
    id: 'open',
    sql: `SELECT * FROM jobs WHERE status NOT IN ('completed', 'cancelled') ORDER BY updated_at DESC LIMIT ${MOST_OPEN_JOBS}`,
  },
  {
    id: 'finished',
    sql: `SELECT job_id, project_id, goal, status, run_id, substr(error, -4000) AS error, worker_id, runner_pid,
      heartbeat_at, lease_until, attempt_count, audit_passed, created_at, updated_at, ${failedTasks} AS failed_tasks
      FROM jobs WHERE status IN ('completed', 'cancelled') ORDER BY updated_at DESC LIMIT ${MOST_FINISHED_JOBS}`,
    optional: true,
  },
  {
    // Where a column of the query above is not there: what the program cannot do without, so that no job is lost.
    id: 'ended',
    sql: `SELECT job_id, status, goal, updated_at FROM jobs WHERE status IN ('completed', 'cancelled')
      ORDER BY updated_at DESC LIMIT ${MOST_FINISHED_JOBS}`,
    optional: true,
  },
  {
    id: 'hidden',
    sql: `SELECT job_id, last_result FROM jobs WHERE status = 'completed' AND ${failedTasks} > 0
      ORDER BY updated_at DESC LIMIT ${MOST_HIDDEN_FAILURES}`,
    optional: true,
  },
  {
    id: 'counts',
    sql: 'SELECT status, count(*) AS jobs FROM jobs GROUP BY status LIMIT 100',
    optional: true,
  },
  {
    id: 'opened',
    sql: `SELECT id, job_id, run_id, ts, event, substr(payload, 1, 8000) AS payload FROM events
      WHERE event <> 'heartbeat' AND job_id IN
        (SELECT job_id FROM jobs WHERE status NOT IN ('completed', 'cancelled', 'failed'))
      ORDER BY id DESC LIMIT ${MOST_EVENTS * 4}`,
    optional: true,
  },
  {
    id: 'recent',
    sql: `SELECT id, job_id, run_id, ts, event, substr(payload, 1, 8000) AS payload FROM events
      ORDER BY id DESC LIMIT ${MOST_EVENTS}`,
    optional: true,
  },
  {
    id: 'runs',
    sql: 'SELECT run_id, job_id, status, started_at, finished_at FROM runs ORDER BY started_at DESC LIMIT 500',
    optional: true,
  },
  {
    id: 'resumed',
    sql: `SELECT count(*) AS resumed, sum(status IN ('completed', 'waiting_human')) AS well FROM jobs
      WHERE job_id IN (SELECT job_id FROM events WHERE event = 'job_resumed')`,
    optional: true,
  },
  {
    id: 'converge',
    sql: `SELECT avg((julianday(updated_at) - julianday(created_at)) * 86400) AS seconds FROM jobs
      WHERE status IN ('completed', 'failed', 'cancelled', 'waiting_human')`,
    optional: true,
  },
];

type Row = { readonly [column: string]: string | number | null };

/** Rows of `orchestrator.db`: jobs with their events as facts, and each event once as a log record. */
export const databaseParser: Parser = {
  version: 3,
  start: { lastEvent: 0 },
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'database') return { carry };
    const open = chunk.results['open'];
    if (!open) {
      const reason = chunk.failed['open'] ?? 'the table jobs was not read';
      return { carry, bad: [{ path: context.path, reason: `jobs: ${reason}` }] };
    }
    const bad: BadRecord[] = [];
    for (const [query, reason] of Object.entries(chunk.failed)) {
      bad.push({ path: context.path, reason: `${query}: ${reason}` });
    }
    const recent = chunk.results['recent'] ?? [];
    const events = eventsByJob([...(chunk.results['opened'] ?? []), ...recent]);
    const ended = chunk.results['finished'] ?? chunk.results['ended'] ?? [];
    const finished = withResults(ended, chunk.results['hidden'] ?? []);
    const jobs: JobFact[] = [];
    const seen = new Set<string>();
    for (const row of [...open, ...finished]) {
      const job = jobFact(row, events);
      if (job === undefined)
        bad.push({ path: context.path, reason: 'a row of jobs has no job_id or status' });
      else if (!seen.has(job.id)) {
        seen.add(job.id);
        jobs.push(job);
      }
    }
    const counts: Record<string, number> = {};
    for (const row of chunk.results['counts'] ?? []) {
      if (typeof row['status'] === 'string') counts[`status ${row['status']}`] = numberIn(row, 'jobs') ?? 0;
    }
    const told = recordsOf(recent, carry, context);
    return {
      carry: { lastEvent: told.lastEvent },
      facts: {
        jobs: jobs as unknown as Json,
        counts,
        runs: (chunk.results['runs'] ?? []).flatMap(runFact),
        claims: lastOf(recent, 'job_claimed'),
        drains: lastOf(recent, 'control_signal_applied'),
        totals: totalsOf(chunk.results),
        recoveries: lastOf(recent, 'stale_recovered'),
      },
      records: told.records,
      bad,
    };
  },
};

function jobFact(row: Row, events: ReadonlyMap<string, readonly EventFact[]>): JobFact | undefined {
  const id = textIn(row, 'job_id');
  const status = textIn(row, 'status');
  if (id === null || id === '' || status === null) return undefined;
  const goal = textIn(row, 'goal') ?? '';
  const { result, bad } = readResult(textIn(row, 'last_result'));
  const error = textIn(row, 'error');
  return {
    id: capped(id, 200),
    project: textIn(row, 'project_id') ?? '',
    goal: capped(goal, LONGEST_GOAL),
    goalCut: goal.length > LONGEST_GOAL,
    status: capped(status, 60),
    decision: textIn(row, 'audit_decision') ?? '',
    revision: capped(textIn(row, 'audit_revision') ?? ''),
    passed: numberIn(row, 'audit_passed') === 1,
    run: textIn(row, 'run_id'),
    result: result ?? failuresOnly(row),
    resultBad: bad,
    error: error === null || error.trim() === '' ? null : lastLineOf(error),
    answers: answersIn(textIn(row, 'human_inputs')),
    worker: textIn(row, 'worker_id'),
    pid: pidIn(row),
    lease: instantIn(textIn(row, 'lease_until')),
    beat: instantIn(textIn(row, 'heartbeat_at')),
    attempts: numberIn(row, 'attempt_count') ?? 0,
    created: instantIn(textIn(row, 'created_at')),
    updated: instantIn(textIn(row, 'updated_at')),
    events: events.get(id) ?? [],
  };
}

/** A completed job beyond those whose whole result is read still tells how many of its tasks failed. */
function failuresOnly(row: Row): JobFact['result'] {
  const failed = numberIn(row, 'failed_tasks');
  if (failed === undefined || failed <= 0) return null;
  return {
    status: null,
    run: textIn(row, 'run_id'),
    waiting: [],
    total: null,
    done: null,
    failed,
    convergedFailed: null,
    errorCode: null,
    tasks: [],
  };
}

function withResults(finished: readonly Row[], hidden: readonly Row[]): readonly Row[] {
  if (hidden.length === 0) return finished;
  const results = new Map(hidden.map((row) => [row['job_id'], row['last_result'] ?? null]));
  return finished.map((row) => {
    const text = results.get(row['job_id'] ?? null);
    return text === undefined ? row : { ...row, last_result: text };
  });
}

function eventsByJob(rows: readonly Row[]): ReadonlyMap<string, readonly EventFact[]> {
  const byId = new Map<number, Row>();
  for (const row of rows) {
    const id = numberIn(row, 'id');
    if (id !== undefined && textIn(row, 'event') !== 'heartbeat') byId.set(id, row);
  }
  const byJob = new Map<string, EventFact[]>();
  for (const [id, row] of [...byId].sort(([a], [b]) => b - a)) {
    const job = textIn(row, 'job_id');
    if (job === null) continue;
    const known = byJob.get(job) ?? [];
    if (known.length >= EVENTS_PER_JOB) continue;
    known.push(eventOf(id, row));
    byJob.set(job, known);
  }
  for (const events of byJob.values()) events.reverse();
  return byJob;
}

function eventOf(id: number, row: Row): EventFact {
  const payload = readObject(textIn(row, 'payload') ?? '{}').value ?? {};
  return eventFact(id, textIn(row, 'event') ?? '?', textIn(row, 'ts'), textIn(row, 'run_id'), payload);
}

/** Events the log has not told yet, oldest first; their row ids stand in for offsets. */
function recordsOf(
  recent: readonly Row[],
  carry: Json,
  context: ParseContext,
): { readonly records: readonly LogRecord[]; readonly lastEvent: number } {
  const last = getNumber(carry, 'lastEvent') ?? 0;
  const rows = recent
    .flatMap((row) => {
      const id = numberIn(row, 'id');
      return id === undefined ? [] : [{ id, row }];
    })
    .sort((a, b) => a.id - b.id);
  // A database laid out anew starts to count again: everything in it is news.
  const newest = rows.at(-1)?.id ?? 0;
  const from = newest < last ? 0 : last;
  const records: LogRecord[] = [];
  const oldest = rows[0];
  if (from > 0 && oldest && oldest.id > from + 1 && rows.length >= MOST_EVENTS) {
    records.push({
      offset: from,
      ...(context.modifiedAt === undefined ? {} : { at: context.modifiedAt }),
      level: 'warning',
      text: `${oldest.id - from - 1} events passed between two looks and are not listed; they are in table events`,
      origin: 'events',
    });
  }
  for (const { id, row } of rows) {
    if (id <= from) continue;
    const event = eventOf(id, row);
    const job = textIn(row, 'job_id') ?? '';
    records.push({
      offset: id,
      ...(event.at === null ? {} : { at: event.at }),
      level: eventLevel(event.event),
      text: `${job.slice(0, 8)} ${event.text}`,
      keys: [job, ...(event.run === null ? [] : [event.run])].filter((key) => key !== ''),
      origin: 'events',
    });
  }
  return { records, lastEvent: newest };
}

function totalsOf(results: { readonly [query: string]: readonly Row[] }): TotalsFact {
  const [resumed] = results['resumed'] ?? [];
  const [converge] = results['converge'] ?? [];
  return {
    resumed: (resumed && numberIn(resumed, 'resumed')) ?? null,
    resumedWell: (resumed && numberIn(resumed, 'well')) ?? null,
    converge: (converge && numberIn(converge, 'seconds')) ?? null,
  };
}

function lastOf(recent: readonly Row[], event: string): Instant | null {
  let last: Instant | null = null;
  for (const row of recent) {
    if (row['event'] !== event) continue;
    const at = instantIn(textIn(row, 'ts'));
    if (at !== null && (last === null || at > last)) last = at;
  }
  return last;
}

function runFact(row: Row): readonly RunFact[] {
  const id = textIn(row, 'run_id');
  const job = textIn(row, 'job_id');
  if (id === null || job === null) return [];
  return [
    {
      id: capped(id, 200),
      job: capped(job, 200),
      status: capped(textIn(row, 'status') ?? '', 60),
      started: instantIn(textIn(row, 'started_at')),
      finished: instantIn(textIn(row, 'finished_at')),
    },
  ];
}

function answersIn(text: string | null): readonly string[] {
  if (text === null || text === '[]') return [];
  const read = readObject(`{"all":${text}}`).value;
  const all = getField(read, 'all');
  if (!Array.isArray(all)) return [];
  return all
    .slice(-10)
    .flatMap((item) => (isObject(item) ? [capped(getString(item, 'answer') ?? '', 4000)] : []))
    .filter((answer) => answer !== '');
}

function pidIn(row: Row): number | null {
  const pid = numberIn(row, 'runner_pid');
  return pid !== undefined && Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

function textIn(row: Row, column: string): string | null {
  const value = Object.hasOwn(row, column) ? row[column] : null;
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : null;
}

function numberIn(row: Row, column: string): number | undefined {
  const value = Object.hasOwn(row, column) ? row[column] : undefined;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
