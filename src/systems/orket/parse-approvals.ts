import { parseInstant } from '../../domain/instant.ts';
import { getField, getString, isObject, type Json, readJson } from '../../lib/json.ts';
import type { DatabaseQuery, Parser } from '../system.ts';
import { clip, compact, toJson } from './facts.ts';
import { answerParser } from './parse-answers.ts';
import { isUsableId } from './schema.ts';

/** Largest arguments of a tool that are read. */
const LARGEST_PAYLOAD = 262_144;
const MOST_ITEMS = 500;

/**
 * What is asked of `control_plane_records.sqlite3`, where later versions keep tool calls that wait for a person
 * (outward_approval_store.py), the decided ones too.
 */
export const proposalQueries: readonly DatabaseQuery[] = [
  {
    id: 'proposals',
    sql:
      'SELECT proposal_id, run_id, tool, length(args_preview_json) AS payload_bytes, ' +
      `CASE WHEN length(args_preview_json) <= ${LARGEST_PAYLOAD} THEN args_preview_json END AS args_preview, ` +
      'substr(context_summary, 1, 2000) AS context_summary, risk_level, status, operator_ref, ' +
      'substr(reason, 1, 500) AS reason, submitted_at, expires_at, decided_at FROM outward_approval_proposals ' +
      `ORDER BY status = 'pending' DESC, submitted_at DESC LIMIT ${MOST_ITEMS}`,
    optional: true,
  },
];

/** Rows of that table: `proposal/<id>`. */
export const proposalsParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk) {
    if (chunk.type !== 'database') return { carry };
    const facts: { [key: string]: Json } = Object.create(null) as { [key: string]: Json };
    for (const row of chunk.results['proposals'] ?? []) {
      const written = getString(row, 'args_preview');
      const read = written === undefined ? undefined : readJson(written);
      noteProposal(facts, row, read?.ok ? read.value : undefined);
    }
    return { carry, facts };
  },
};

/**
 * `GET /v1/approvals` of later versions: `{"items": [...], "count", "filters"}`. Where tool calls of outward runs wait,
 * the items are those alone (`proposal_id`); else they are the rows of `pending_gate_requests` (`approval_id`), which
 * the database has too. That it answers at all tells that a request can be decided over HTTP.
 */
export const approvalsParser: Parser = answerParser(
  (value) => {
    const items = getField(value, 'items');
    if (!Array.isArray(items)) return 'no list of items in it';
    const facts: { [key: string]: Json } = { approvals: { offered: true } };
    for (const item of (items as readonly Json[]).slice(0, MOST_ITEMS)) {
      if (isObject(item)) noteProposal(facts, item, getField(item, 'args_preview'));
    }
    return facts;
  },
  { approvals: { offered: false } },
);

function noteProposal(facts: { [key: string]: Json }, row: Json, payload: Json | undefined): void {
  const id = getString(row, 'proposal_id');
  if (!isUsableId(id)) return;
  const bytes = getField(row, 'payload_bytes');
  const isEmpty = !isObject(payload) || Object.keys(payload).length === 0;
  facts[`proposal/${id}`] = toJson(
    compact({
      id,
      run: getString(row, 'run_id'),
      tool: getString(row, 'tool'),
      summary: clipped(row, 'context_summary', 2000),
      risk: clipped(row, 'risk_level', 20),
      status: getString(row, 'status') ?? 'unknown',
      payload: isEmpty ? undefined : clip(JSON.stringify(payload, null, 2), LARGEST_PAYLOAD),
      payloadBytes: typeof bytes === 'number' ? bytes : undefined,
      by: clipped(row, 'operator_ref', 80),
      reason: clipped(row, 'reason', 500),
      submittedAt: parseInstant(getString(row, 'submitted_at')),
      expiresAt: parseInstant(getString(row, 'expires_at')),
      decidedAt: parseInstant(getString(row, 'decided_at')),
    }),
  );
}

function clipped(row: Json, field: string, length: number): string | undefined {
  const text = getString(row, field);
  return text === undefined || text === '' ? undefined : clip(text, length);
}
