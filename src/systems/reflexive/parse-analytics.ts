import { parseInstant } from '../../domain/instant.ts';
import { getString, type Json, readJson } from '../../lib/json.ts';
import type { Chunk, Folded, ParseContext, Parser } from '../system.ts';
import type { OperationFact } from './facts.ts';

type Row = { readonly [column: string]: string | number | null };

/**
 * `<work_dir>/analytics.db`, tables `operations` and `issue_processing` (`src/core/database.py`). Times are UTC without
 * a zone. A row is written with `success` 0 when work begins, so that it says nothing before `completed_at` is set.
 */
export const analyticsParser: Parser = { version: 1, start: null, fold };

function fold(carry: Json, chunk: Chunk, context: ParseContext): Folded {
  if (chunk.type !== 'database') return { carry };
  const missing = ['open', 'closed'].find((id) => chunk.results[id] === undefined);
  if (missing !== undefined) {
    const reason = `operations can't be read: ${chunk.failed[missing] ?? 'no answer'}`;
    return { carry, bad: [{ path: context.path, reason }] };
  }
  const details = new Map<number, Row>();
  for (const row of chunk.results['issues'] ?? []) {
    const id = numberIn(row, 'operation_id');
    if (id !== undefined && !details.has(id)) details.set(id, row);
  }
  const facts: Record<string, Json> = {};
  let skipped = 0;
  for (const row of [...(chunk.results['open'] ?? []), ...(chunk.results['closed'] ?? [])]) {
    const operation = operationOf(row, details);
    if (operation) facts[`op:${operation.id}`] = operation;
    else skipped += 1;
  }
  const bad =
    skipped === 0 ? [] : [{ path: context.path, reason: `${skipped} rows of operations without an id` }];
  return { carry, facts, bad };
}

function operationOf(row: Row, details: ReadonlyMap<number, Row>): OperationFact | undefined {
  const id = numberIn(row, 'id');
  if (id === undefined) return undefined;
  const context = readJson(textIn(row, 'context') ?? '');
  const title = context.ok ? getString(context.value, 'title')?.slice(0, 300) : undefined;
  const startedAt = parseInstant(textIn(row, 'started_at'));
  const completedText = textIn(row, 'completed_at');
  const completedAt = parseInstant(completedText);
  const durationS = numberIn(row, 'duration_seconds');
  const detail = details.get(id);
  const error = textIn(row, 'error_message') ?? (detail ? textIn(detail, 'failure_reason') : undefined);
  const errorType = textIn(row, 'error_type');
  const complexity = detail ? numberIn(detail, 'complexity') : undefined;
  const filesChanged = detail ? numberIn(detail, 'files_changed') : undefined;
  return {
    id,
    kind: textIn(row, 'operation_type')?.slice(0, 60) ?? 'operation',
    issue: textIn(row, 'operation_id')?.slice(0, 60) ?? '',
    completed: completedText !== undefined,
    success: numberIn(row, 'success') === 1,
    retries: numberIn(row, 'retry_count') ?? 0,
    attempts: numberIn(row, 'attempts') ?? 1,
    newest: numberIn(row, 'newest_id') ?? id,
    ...(title === undefined ? {} : { title }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(completedAt === undefined ? {} : { completedAt }),
    ...(durationS === undefined ? {} : { durationS }),
    ...(error === undefined ? {} : { error: error.slice(0, 500) }),
    ...(errorType === undefined ? {} : { errorType: errorType.slice(0, 60) }),
    ...(complexity === undefined ? {} : { complexity }),
    ...(filesChanged === undefined ? {} : { filesChanged }),
  };
}

function textIn(row: Row, column: string): string | undefined {
  const value = Object.hasOwn(row, column) ? row[column] : undefined;
  return value === null || value === undefined ? undefined : String(value);
}

function numberIn(row: Row, column: string): number | undefined {
  const value = Object.hasOwn(row, column) ? row[column] : undefined;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
