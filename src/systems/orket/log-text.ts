import type { LogLevel } from '../../domain/log.ts';
import {
  getArray,
  getBoolean,
  getField,
  getNumber,
  getObject,
  getString,
  type Json,
} from '../../lib/json.ts';
import { clip } from './facts.ts';
import { directoryNameOf, isUsableId } from './schema.ts';

/** One line of orket.log, as far as every reader of it needs the same things (written by orket/logging.py). */
export type LogEvent = {
  event: string;
  role: string;
  data: Json;
  /** `session_id` of turn events, `run_id` of run events: one of them is always empty. */
  run?: string;
  issue?: string;
  index?: number;
  /** Role of the turn, also where the line's own role says `system`. */
  turnRole?: string;
  level?: LogLevel;
};

/** Reads the object of one line; undefined when it has no event name. */
export function readLogEvent(value: Json): LogEvent | undefined {
  const event = getString(value, 'event');
  if (event === undefined || event === '') return undefined;
  const data = getObject(value, 'data') ?? {};
  const own = getObject(data, 'runtime_event');
  const role = getString(value, 'role') ?? 'system';
  const found: LogEvent = { event, role, data };
  const run = firstText(
    getString(data, 'session_id'),
    getString(data, 'run_id'),
    getString(own, 'session_id'),
  );
  const issue = firstText(
    getString(data, 'issue_id'),
    getString(data, 'card_id'),
    getString(own, 'issue_id'),
  );
  const index = getNumber(data, 'turn_index') ?? getNumber(own, 'turn_index');
  const turnRole = firstText(
    seat(getString(data, 'role')),
    roleOfTrace(getString(data, 'turn_trace_id')),
    roleOfTrace(getString(own, 'turn_trace_id')),
    seat(role),
  );
  if (isUsableId(run)) found.run = run;
  if (isUsableId(issue)) found.issue = issue;
  if (index !== undefined && Number.isInteger(index) && index > 0) found.index = index;
  if (isUsableId(turnRole)) found.turnRole = turnRole;
  found.level = levelOf(event, data, getString(value, 'level'));
  return found;
}

/** Events of the run, and failures of its turns, are written with the role `system`: no seat has that name. */
function seat(role: string | undefined): string | undefined {
  return role === 'system' ? undefined : role;
}

/** `run:issue:role:index`; the issue may hold colons, so role and index are taken from the end. */
function roleOfTrace(trace: string | undefined): string | undefined {
  const parts = trace?.split(':') ?? [];
  return parts.length >= 4 ? parts[parts.length - 2] : undefined;
}

/** Ids a record is found by: run, card, turn trace, and pairs that let a turn find the run's own lines. */
export function keysOfEvent(event: LogEvent): string[] {
  const { run, issue, index, turnRole } = event;
  const keys: string[] = [];
  if (issue !== undefined) keys.push(issue);
  if (run === undefined) return keys;
  keys.push(run);
  if (issue === undefined) keys.push(runLinesKey(run));
  else if (index === undefined || turnRole === undefined) keys.push(cardLinesKey(run, issue));
  else keys.push(turnLinesKey(run, issue, index, turnRole));
  return keys;
}

/** Key of the lines about a run as a whole (its end, a stalled backlog). */
export function runLinesKey(run: string): string {
  return `${directoryNameOf(run)}/run`;
}

/** Key of the lines about a card within a run that belong to no turn (retries, guard verdicts). */
export function cardLinesKey(run: string, issue: string): string {
  return `${directoryNameOf(run)}/${directoryNameOf(issue)}`;
}

/** Key of the lines of one turn. */
export function turnLinesKey(run: string, issue: string, index: number, role: string): string {
  return `${cardLinesKey(run, issue)}/${index}/${directoryNameOf(role)}`;
}

const ERRORS = new Set([
  'turn_failed',
  'session_terminal_failure',
  'orchestrator_stalled',
  'catastrophic_failure',
  'guard_terminal_failure',
  'team_replan_terminal_failure',
  'tool_call_exception',
  'run_artifact_export_failed',
]);
const WARNINGS = new Set([
  'turn_non_progress',
  'turn_corrective_reprompt',
  'turn_no_tool_calls',
  'tool_call_blocked',
  'tool_approval_required',
  'gate_request_created',
  'guard_rejected',
  'guard_requested_changes',
  'guard_payload_invalid',
  'guard_retry_scheduled',
  'retry_triggered',
  'session_incomplete',
  'session_halted',
  'dependency_block_propagated',
  'team_replan_scheduled',
  'model_timeout_retry',
  'model_connection_retry',
  'policy_violation_report_saved',
]);
const NOISE = new Set([
  'orchestrator_tick',
  'reconciler_start',
  'reconciler_orphan_epic_adopted',
  'api_run_active',
  'api_backlog',
  'api_security_posture',
  'clear_logs_skipped',
  'webhook',
]);

/** The level of the event of one line's object; undefined when it has no event name. */
export function levelOfLine(value: Json): LogLevel | undefined {
  const event = getString(value, 'event');
  if (event === undefined || event === '') return undefined;
  return levelOf(event, getObject(value, 'data') ?? {}, getString(value, 'level'));
}

/** Orket's lines carry no level (newer ones do, `info` for nearly everything): the event decides. */
function levelOf(event: string, data: Json, written: string | undefined): LogLevel {
  if (ERRORS.has(event)) return 'error';
  if (event === 'session_end') {
    const status = getString(data, 'status');
    return status === 'failed' || status === 'terminal_failure'
      ? 'error'
      : status === 'done'
        ? 'info'
        : 'warning';
  }
  if (event === 'tool_call_result') return getBoolean(data, 'ok') === false ? 'error' : 'info';
  if (event === 'runtime_verifier_completed') return getBoolean(data, 'ok') === false ? 'error' : 'info';
  if (WARNINGS.has(event)) return 'warning';
  const word = written?.toLowerCase();
  if (word === 'error' || word === 'critical') return 'error';
  if (word === 'warning' || word === 'warn') return 'warning';
  return NOISE.has(event) || word === 'debug' ? 'debug' : 'info';
}

const WORTH_READING = [
  'epic',
  'build_id',
  'seat',
  'tool',
  'ok',
  'status',
  'previous_status',
  'new_status',
  'failure_class',
  'type',
  'error',
  'error_type',
  'reason',
  'retry_count',
  'max_retries',
  'candidate_count',
  'iteration',
  'model',
  'selected_model',
  'attempt',
  'retry_delay_sec',
  'request_id',
  'request_type',
  'replan_count',
  'trigger_issue_ids',
  'tool_calls',
  'tokens',
  'duration_ms',
  'errors',
  'response_preview',
  'path',
] as const;

/** The line as a person reads it: event, which turn or card, then the fields that tell something. */
export function textOfEvent(event: LogEvent): string {
  const parts = [event.event];
  if (event.issue !== undefined) {
    parts.push(event.index === undefined ? event.issue : `${event.issue} #${event.index}`);
  }
  if (event.turnRole !== undefined && event.issue !== undefined) parts.push(event.turnRole);
  for (const name of WORTH_READING) {
    const text = shown(getField(event.data, name));
    if (text !== undefined && !(name === 'duration_ms' && text === '0')) parts.push(`${name}=${text}`);
  }
  const rationale = getString(getObject(event.data, 'review_payload'), 'rationale');
  if (rationale) parts.push(`rationale=${clip(rationale, 300)}`);
  const backlog = [...getArray(event.data, 'backlog'), ...getArray(event.data, 'open_issues')];
  const cards = backlog.length > 0 ? backlog : getArray(event.data, 'issues');
  if (cards.length > 0) {
    const named = cards.slice(0, 8).map((card) => `${getString(card, 'id')}=${getString(card, 'status')}`);
    parts.push(`[${named.join(' ')}${cards.length > 8 ? ` and ${cards.length - 8} more` : ''}]`);
  }
  if (event.run !== undefined) parts.push(`run=${event.run}`);
  return parts.join(' ');
}

function shown(value: Json | undefined): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return clip(value, 300);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.length === 0 ? undefined : clip(value.map(String).join(','), 200);
  return undefined;
}

function firstText(...texts: readonly (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && text !== '');
}
