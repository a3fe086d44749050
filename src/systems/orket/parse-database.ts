import { parseInstant } from '../../domain/instant.ts';
import {
  getBoolean,
  getField,
  getNumber,
  getObject,
  getString,
  type Json,
  readJson,
} from '../../lib/json.ts';
import type { DatabaseQuery, Parser } from '../system.ts';
import { type CardMove, clip, compact, toJson } from './facts.ts';
import { isUsableId } from './schema.ts';

/** Largest JSON column read; a larger one is left out and its size kept. */
const LARGEST_JSON = 262_144;

const CARD_COLUMNS =
  'id, build_id, substr(summary, 1, 300) AS summary, status, substr(note, 1, 500) AS note, ' +
  'retry_count, max_retries, substr(depends_on_json, 1, 4000) AS depends_on_json, created_at';

/** True in SQL where the table lacks one of these columns. */
function lacking(table: string, columns: readonly string[]): string {
  const names = columns.map((column) => `'${column}'`).join(', ');
  return `(SELECT count(*) FROM pragma_table_info('${table}') WHERE name IN (${names})) < ${columns.length}`;
}

/**
 * What is asked of `orket_persistence.db`. Its tables are made when they are first needed (async_card_repository.py,
 * async_repositories.py), so each of them may be missing. `transcript` and the card's metrics are never read.
 */
export const databaseQueries: readonly DatabaseQuery[] = [
  { id: 'cards', sql: `SELECT ${CARD_COLUMNS} FROM issues ORDER BY rowid DESC LIMIT 10000`, optional: true },
  {
    // Another shape, that lacks a column named above, answers here, and only then.
    id: 'oldCards',
    sql:
      'SELECT id, build_id, substr(summary, 1, 300) AS summary, status FROM issues WHERE ' +
      `${lacking('issues', ['note', 'retry_count', 'max_retries', 'depends_on_json', 'created_at'])} ` +
      'ORDER BY rowid DESC LIMIT 10000',
    optional: true,
  },
  {
    // The newest row for each card and status: SQLite takes the bare columns from the row of max(id).
    id: 'moves',
    sql:
      'SELECT max(id) AS id, card_id, role, substr(action, 1, 2000) AS action, timestamp FROM card_transactions ' +
      "GROUP BY card_id, substr(action, 1, instr(substr(action, 16), '''') + 15) ORDER BY 1 DESC LIMIT 40000",
    optional: true,
  },
  {
    id: 'runs',
    sql:
      'SELECT session_id, run_name, build_id, status, failure_class, ' +
      'substr(failure_reason, 1, 2000) AS failure_reason, ' +
      `CASE WHEN length(summary_json) <= ${LARGEST_JSON} THEN summary_json END AS summary_json, ` +
      `CASE WHEN length(artifact_json) <= ${LARGEST_JSON} THEN artifact_json END AS artifact_json, ` +
      'started_at, ended_at, updated_at FROM run_ledger ORDER BY started_at DESC LIMIT 1000',
    optional: true,
  },
  {
    id: 'oldRuns',
    sql:
      'SELECT session_id, run_name, build_id, status, started_at, ended_at FROM run_ledger WHERE ' +
      `${lacking('run_ledger', ['failure_class', 'failure_reason', 'summary_json', 'artifact_json', 'updated_at'])} ` +
      'ORDER BY started_at DESC LIMIT 1000',
    optional: true,
  },
  {
    id: 'sessions',
    sql: 'SELECT id, name, status, start_time, end_time FROM sessions ORDER BY start_time DESC LIMIT 1000',
    optional: true,
  },
  {
    id: 'comments',
    sql:
      'SELECT issue_id, substr(author, 1, 100) AS author, substr(content, 1, 400) AS content, created_at ' +
      'FROM comments ORDER BY id DESC LIMIT 500',
    optional: true,
  },
  {
    id: 'gates',
    sql:
      'SELECT request_id, session_id, issue_id, seat_name, gate_mode, request_type, ' +
      'substr(reason, 1, 2000) AS reason, length(payload_json) AS payload_bytes, ' +
      `CASE WHEN length(payload_json) <= ${LARGEST_JSON} THEN payload_json END AS payload_json, ` +
      "status, created_at, resolved_at FROM pending_gate_requests ORDER BY lower(status) = 'pending' DESC, " +
      'created_at DESC LIMIT 500',
    optional: true,
  },
];

type Row = { readonly [column: string]: string | number | null };

/** The runtime database. One fact per row: `card/<id>`, `move/<id>`, `run/<id>`, `session/<id>`, `gate/<id>`. */
export const databaseParser: Parser = {
  version: 3,
  start: null,
  fold(carry, chunk) {
    if (chunk.type !== 'database') return { carry };
    const facts: { [key: string]: Json } = Object.create(null) as { [key: string]: Json };
    const rows = (query: string): readonly Row[] => chunk.results[query] ?? [];
    for (const row of [...rows('oldCards'), ...rows('cards')]) noteCard(facts, row);
    noteMoves(facts, rows('moves'));
    for (const row of [...rows('oldRuns'), ...rows('runs')]) noteRun(facts, row);
    for (const row of rows('sessions')) noteSession(facts, row);
    for (const row of rows('gates')) noteGate(facts, row);
    for (const row of rows('comments')) noteComment(facts, row);
    // Which tables answered: a table that is not there yet is not the same as an empty one.
    facts['tables'] = {
      cards: chunk.results['cards'] !== undefined || rows('oldCards').length > 0,
      runs: chunk.results['runs'] !== undefined || rows('oldRuns').length > 0,
      gates: chunk.results['gates'] !== undefined,
      lacking: Object.entries(chunk.failed).flatMap(([query, reason]) =>
        /no such column/.test(reason) && !query.startsWith('old') ? [clip(`${query}: ${reason}`, 200)] : [],
      ),
    };
    return { carry, facts };
  },
};

function noteCard(facts: { [key: string]: Json }, row: Row): void {
  const id = text(row, 'id');
  if (!isUsableId(id)) return;
  const depends = jsonOf(row, 'depends_on_json');
  facts[`card/${id}`] = toJson(
    compact({
      id,
      build: text(row, 'build_id'),
      summary: text(row, 'summary'),
      status: text(row, 'status') ?? 'unknown',
      note: text(row, 'note'),
      retries: number(row, 'retry_count'),
      maxRetries: number(row, 'max_retries'),
      dependsOn: Array.isArray(depends)
        ? (depends as readonly Json[]).filter((one): one is string => typeof one === 'string').slice(0, 50)
        : undefined,
      createdAt: parseInstant(text(row, 'created_at')),
    }),
  );
}

const SET_STATUS = /^Set Status to '([^']*)' \(from '([^']*)'\)(?: reason='([^']*)')?/;

function noteMoves(facts: { [key: string]: Json }, rows: readonly Row[]): void {
  const byCard = new Map<string, CardMove[]>();
  for (const row of rows) {
    const card = text(row, 'card_id');
    const action = text(row, 'action');
    const id = number(row, 'id');
    if (!isUsableId(card) || action === undefined || id === undefined) continue;
    const move = readMove(id, action);
    if (!move) continue;
    const at = parseInstant(text(row, 'timestamp'));
    const role = text(row, 'role');
    if (at !== undefined) move.at = at;
    if (role !== undefined) move.role = clip(role, 100);
    const known = byCard.get(card);
    if (known) known.push(move);
    else byCard.set(card, [move]);
  }
  for (const [card, moves] of byCard) {
    moves.sort((a, b) => b.id - a.id);
    facts[`move/${card}`] = moves.slice(0, 20) as Json;
  }
}

/** Reads an `action` text as async_card_repository.py writes it; undefined for rows that change no status. */
export function readMove(id: number, action: string): CardMove | undefined {
  if (action.startsWith('Archived ')) return { id, to: 'archived' };
  const match = SET_STATUS.exec(action);
  if (!match?.[1]) return undefined;
  const move: CardMove = { id, to: clip(match[1], 60) };
  if (match[2]) move.from = clip(match[2], 60);
  if (match[3]) move.reason = clip(match[3], 100);
  const brace = action.indexOf(' meta={');
  const meta = brace === -1 ? undefined : readJson(action.slice(brace + 6));
  if (meta?.ok) {
    const run = getString(meta.value, 'run_id');
    const error = getString(meta.value, 'error');
    if (run) move.run = clip(run, 200);
    if (error) move.error = clip(error, 400);
  }
  return move;
}

function noteRun(facts: { [key: string]: Json }, row: Row): void {
  const id = text(row, 'session_id');
  if (!isUsableId(id)) return;
  const summary = jsonOf(row, 'summary_json');
  const counts: { [status: string]: number } = {};
  for (const [status, count] of Object.entries(getObject(summary, 'status_counts') ?? {}).slice(0, 30)) {
    if (typeof count === 'number') counts[clip(status, 60)] = count;
  }
  facts[`run/${id}`] = toJson(
    compact({
      id,
      name: text(row, 'run_name'),
      build: text(row, 'build_id'),
      status: text(row, 'status') ?? 'unknown',
      failureClass: text(row, 'failure_class'),
      failureReason: text(row, 'failure_reason'),
      target: getString(summary, 'target_issue_id') || undefined,
      resume: getBoolean(summary, 'resume_mode') || undefined,
      counts: Object.keys(counts).length > 0 ? counts : undefined,
      workspace: getString(jsonOf(row, 'artifact_json'), 'workspace'),
      startedAt: parseInstant(text(row, 'started_at')),
      endedAt: parseInstant(text(row, 'ended_at')),
      updatedAt: parseInstant(text(row, 'updated_at')),
    }),
  );
}

function noteSession(facts: { [key: string]: Json }, row: Row): void {
  const id = text(row, 'id');
  if (!isUsableId(id)) return;
  facts[`session/${id}`] = toJson(
    compact({
      id,
      name: text(row, 'name'),
      status: text(row, 'status') ?? 'unknown',
      startedAt: parseInstant(text(row, 'start_time')),
      endedAt: parseInstant(text(row, 'end_time')),
    }),
  );
}

function noteGate(facts: { [key: string]: Json }, row: Row): void {
  const id = text(row, 'request_id');
  if (!isUsableId(id)) return;
  const payload = jsonOf(row, 'payload_json');
  facts[`gate/${id}`] = toJson(
    compact({
      id,
      run: text(row, 'session_id'),
      card: text(row, 'issue_id'),
      seat: text(row, 'seat_name'),
      mode: text(row, 'gate_mode'),
      request: text(row, 'request_type'),
      reason: text(row, 'reason'),
      status: text(row, 'status') ?? 'unknown',
      payload: isEmptyPayload(payload) ? undefined : JSON.stringify(payload, null, 2),
      payloadBytes: number(row, 'payload_bytes'),
      createdAt: parseInstant(text(row, 'created_at')),
      resolvedAt: parseInstant(text(row, 'resolved_at')),
    }),
  );
}

/** The newest comment of a card; rows come newest first. */
function noteComment(facts: { [key: string]: Json }, row: Row): void {
  const card = text(row, 'issue_id');
  const content = text(row, 'content');
  if (!isUsableId(card) || content === undefined || facts[`comment/${card}`] !== undefined) return;
  facts[`comment/${card}`] = toJson(
    compact({ card, author: text(row, 'author'), content, at: parseInstant(text(row, 'created_at')) }),
  );
}

/** `{}` and nothing at all are no payload: there is nothing to decide about. */
function isEmptyPayload(payload: Json | undefined): boolean {
  if (payload === undefined || payload === null || payload === '') return true;
  return typeof payload === 'object' && Object.keys(payload).length === 0;
}

/** A column as text; SQLite's loose types let a number stand where a text is declared. */
function text(row: Row, column: string): string | undefined {
  const value = getField(row, column);
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function number(row: Row, column: string): number | undefined {
  return getNumber(row, column);
}

function jsonOf(row: Row, column: string): Json | undefined {
  const written = text(row, column);
  const read = written === undefined ? undefined : readJson(written);
  return read?.ok ? read.value : undefined;
}
