import { instant, parseInstant } from '../../domain/instant.ts';
import { getField, getNumber, getString, type Json, readJson } from '../../lib/json.ts';
import type { DatabaseQuery, Parser } from '../system.ts';
import { cut } from './facts.ts';

/** Largest JSON column read; a larger one is left out. */
const LARGEST_JSON = 65_536;

/** True in SQL where the table lacks one of these columns: another shape answers to the plainer query, and only then. */
function lacking(table: string, columns: readonly string[]): string {
  const names = columns.map((column) => `'${column}'`).join(', ');
  return `(SELECT count(*) FROM pragma_table_info('${table}') WHERE name IN (${names})) < ${columns.length}`;
}

/** `cycles.db` (aragora/nomic/cycle_store.py): a row for every cycle that ended, failed ones too. */
export const cycleQueries: readonly DatabaseQuery[] = [
  {
    id: 'cycles',
    sql:
      'SELECT cycle_id, started_at, completed_at, duration_seconds, success, ' +
      `CASE WHEN length(data_json) <= ${LARGEST_JSON} THEN data_json END AS data_json ` +
      'FROM cycles ORDER BY started_at DESC LIMIT 200',
    optional: true,
  },
  {
    id: 'oldCycles',
    sql:
      'SELECT cycle_id, started_at, success FROM cycles WHERE ' +
      `${lacking('cycles', ['completed_at', 'duration_seconds', 'data_json'])} ORDER BY rowid DESC LIMIT 200`,
    optional: true,
  },
];

/** `outcomes.db` (aragora/debate/outcome_tracker.py): one row per cycle number, overwritten by each later run. */
export const outcomeQueries: readonly DatabaseQuery[] = [
  {
    id: 'outcomes',
    sql:
      'SELECT debate_id, tests_passed, tests_failed, rollback_triggered, ' +
      'substr(failure_reason, 1, 500) AS failure_reason, timestamp FROM outcomes ' +
      "WHERE debate_id LIKE 'nomic-cycle-%' ORDER BY id DESC LIMIT 100",
    optional: true,
  },
  {
    id: 'oldOutcomes',
    sql:
      "SELECT debate_id, timestamp FROM outcomes WHERE debate_id LIKE 'nomic-cycle-%' AND " +
      `${lacking('outcomes', ['id', 'tests_passed', 'tests_failed', 'rollback_triggered', 'failure_reason'])} ` +
      'ORDER BY rowid DESC LIMIT 100',
    optional: true,
  },
];

type Row = { readonly [column: string]: string | number | null };

/** One fact per row: `cycle/<cycle_id>`. */
export const cyclesParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk) {
    if (chunk.type !== 'database') return { carry };
    const facts: Record<string, Json> = {};
    for (const row of chunk.results['cycles'] ?? chunk.results['oldCycles'] ?? []) {
      const id = textOf(row, 'cycle_id');
      if (!id) continue;
      const data = jsonOf(row, 'data_json');
      facts[`cycle/${id}`] = {
        id,
        at: secondsOf(row, 'started_at'),
        endAt: secondsOf(row, 'completed_at'),
        durationS: numberOf(row, 'duration_seconds'),
        success: numberOf(row, 'success'),
        error: cut(getString(data, 'error_message'), 500) ?? null,
        commit: cut(getString(data, 'commit_sha'), 80) ?? null,
        branch: cut(getString(data, 'branch_name'), 120) ?? null,
        rolledBack: getField(data, 'rollback_performed') === true,
        passed: getNumber(data, 'tests_passed') ?? null,
        failed: getNumber(data, 'tests_failed') ?? null,
        phases: listOf(getField(data, 'phases_completed')),
      };
    }
    return { carry, facts };
  },
};

/** One fact per cycle number: `outcome/<n>`. */
export const outcomesParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context) {
    if (chunk.type !== 'database') return { carry };
    const facts: Record<string, Json> = {};
    for (const row of chunk.results['outcomes'] ?? chunk.results['oldOutcomes'] ?? []) {
      const n = /^nomic-cycle-(\d{1,6})$/.exec(textOf(row, 'debate_id') ?? '')?.[1];
      if (n === undefined || facts[`outcome/${n}`] !== undefined) continue;
      facts[`outcome/${n}`] = {
        passed: numberOf(row, 'tests_passed'),
        failed: numberOf(row, 'tests_failed'),
        rolledBack: numberOf(row, 'rollback_triggered') === 1,
        reason: textOf(row, 'failure_reason') ?? null,
        at: parseInstant(textOf(row, 'timestamp'), context.located.timezone) ?? null,
      };
    }
    return { carry, facts };
  },
};

function textOf(row: Row, column: string): string | undefined {
  const value = row[column];
  return typeof value === 'string' && value !== '' ? value.slice(0, 500) : undefined;
}

function numberOf(row: Row, column: string): number | null {
  const value = row[column];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function secondsOf(row: Row, column: string): number | null {
  const value = numberOf(row, column);
  return value === null || value <= 0 || value > 1e11 ? null : instant(Math.round(value * 1000));
}

function jsonOf(row: Row, column: string): Json | undefined {
  const text = row[column];
  const read = typeof text === 'string' ? readJson(text) : undefined;
  return read?.ok ? read.value : undefined;
}

function listOf(value: Json | undefined): readonly string[] {
  const list = Array.isArray(value) ? (value as readonly Json[]) : [];
  return list.filter((one): one is string => typeof one === 'string').slice(0, 20);
}
