/** What the events of a log change in the facts of its runs, turns and cards. */
import {
  getArray,
  getBoolean,
  getField,
  getNumber,
  getObject,
  getString,
  type Json,
} from '../../lib/json.ts';
import type { FactBook } from './fact-book.ts';
import {
  clip,
  compact,
  type LastLine,
  type LoggedCard,
  type LoggedRun,
  type LoggedTurn,
  type Mark,
} from './facts.ts';
import type { LogEvent } from './log-text.ts';
import { turnIdOf } from './schema.ts';

/** How many runs, turns and cards of one log are kept as facts; the lines themselves are all kept as records. */
const KEPT_RUNS = 100;
export const KEPT_TURNS = 1000;
const KEPT_CARDS = 500;

/** Lets one event change the facts of its run, turn and card. Shared with the parser of runtime_events.jsonl. */
export function noteEvent(book: FactBook, event: LogEvent, mark: Mark): void {
  if (mark.at !== undefined) {
    const last = book.get<LastLine>('last');
    if (!last || mark.at >= last.at)
      book.set('last', { at: mark.at, offset: mark.offset, event: event.event });
  }
  if (event.run !== undefined) noteRun(book, event, event.run, mark);
  if (event.run !== undefined && event.issue !== undefined) {
    if (event.index !== undefined && event.turnRole !== undefined) {
      noteTurn(
        book,
        event,
        { run: event.run, issue: event.issue, index: event.index, role: event.turnRole },
        mark,
      );
    } else noteCard(book, event, event.run, event.issue, mark);
  }
  if (event.event === 'model_timeout_retry' || event.event === 'model_connection_retry') {
    book.set(
      'model',
      compact({
        ...mark,
        event: event.event,
        model: getString(event.data, 'model') ?? '',
        attempt: getNumber(event.data, 'attempt') ?? 0,
        error: clipped(event.data, 'error'),
      }),
    );
  }
}

function noteRun(book: FactBook, event: LogEvent, run: string, mark: Mark): void {
  const known: LoggedRun = { ...(book.get<LoggedRun>(`run/${run}`) ?? { run }), last: mark };
  const { data } = event;
  switch (event.event) {
    case 'session_start':
    case 'orchestrator_hyper_loop_start': {
      const epic = getString(data, 'epic');
      const build = getString(data, 'build_id');
      if (epic) known.epic = epic;
      if (build) known.build = build;
      if (event.event === 'session_start') known.start = mark;
      break;
    }
    case 'session_end': {
      const failureClass = getString(data, 'failure_class');
      known.end = {
        ...mark,
        status: getString(data, 'status') ?? 'unknown',
        ...(failureClass ? { failureClass } : {}),
      };
      break;
    }
    case 'session_halted':
      known.halted = mark;
      break;
    case 'run_artifact_export_failed': {
      const error = clipped(data, 'error');
      known.exportFailed = { ...mark, ...(error ? { error } : {}) };
      break;
    }
    case 'run_artifacts_exported':
      delete known.exportFailed;
      break;
    case 'orchestrator_stalled': {
      const reason = clipped(data, 'reason');
      known.stalled = { ...mark, backlog: backlogOf(data), ...(reason ? { reason } : {}) };
      break;
    }
    case 'orchestrator_dispatch':
      delete known.stalled;
      break;
    case 'resume_requeue_issue': {
      const requeued = known.requeued ?? [];
      if (event.issue !== undefined && requeued.length < 50 && !requeued.includes(event.issue)) {
        known.requeued = [...requeued, event.issue];
      }
      break;
    }
    default:
      break;
  }
  book.setInRing('run', run, known, KEPT_RUNS);
}

function backlogOf(data: Json): { id: string; status: string }[] {
  return getArray(data, 'backlog')
    .slice(0, 50)
    .map((card) => ({
      id: clip(getString(card, 'id') ?? '?', 200),
      status: clip(getString(card, 'status') ?? '?', 60),
    }));
}

interface TurnName {
  readonly run: string;
  readonly issue: string;
  readonly index: number;
  readonly role: string;
}

function noteTurn(book: FactBook, event: LogEvent, name: TurnName, mark: Mark): void {
  const { data } = event;
  const id = turnIdOf(name.run, name.issue, name.index, name.role);
  let turn: LoggedTurn = { ...(book.get<LoggedTurn>(`turn/${id}`) ?? { ...name }), last: mark };
  switch (event.event) {
    case 'turn_start': {
      // The same run, card, index and role again: the former attempt is over and forgotten, as its files are.
      const model = getString(data, 'selected_model');
      turn = { ...name, start: mark, last: mark, ...(model ? { model } : {}) };
      break;
    }
    case 'turn_complete':
      turn.end = { ...mark, how: 'complete' };
      setNumber(turn, 'durationMs', getNumber(data, 'duration_ms'));
      setNumber(turn, 'tokens', getNumber(data, 'tokens'));
      setNumber(turn, 'tools', getNumber(data, 'tool_calls'));
      break;
    case 'turn_failed':
      turn.end = compact({
        ...mark,
        how: 'failed' as const,
        error: clipped(data, 'error'),
        errorType: getString(data, 'type'),
      });
      break;
    case 'turn_non_progress':
      turn.end = compact({ ...mark, how: 'no-progress' as const, error: clipped(data, 'reason') });
      break;
    case 'turn_corrective_reprompt':
      turn.reprompt = compact({ ...mark, reason: clipped(data, 'reason') ?? contractsOf(data) });
      break;
    case 'tool_call_result':
      if (getBoolean(data, 'ok') === false) turn.refused = refusal('failed', data, 'error', mark);
      break;
    case 'tool_call_exception':
      turn.refused = refusal('failed', data, 'error', mark);
      break;
    case 'tool_call_blocked':
      turn.refused = refusal('blocked', data, 'reason', mark);
      break;
    case 'tool_approval_required':
      turn.refused = refusal('approval', data, 'request_id', mark);
      break;
    default:
      break;
  }
  book.setInRing('turn', id, turn, KEPT_TURNS);
}

function refusal(
  how: 'failed' | 'blocked' | 'approval',
  data: Json,
  field: string,
  mark: Mark,
): NonNullable<LoggedTurn['refused']> {
  return compact({
    ...mark,
    how,
    tool: clip(getString(data, 'tool') ?? 'a tool', 100),
    reason: clipped(data, field),
  });
}

function noteCard(book: FactBook, event: LogEvent, run: string, card: string, mark: Mark): void {
  const known = book.get<LoggedCard>(`card/${card}`) ?? { card };
  const { data } = event;
  switch (event.event) {
    case 'retry_triggered':
    case 'catastrophic_failure':
    case 'guard_retry_scheduled':
    case 'guard_terminal_failure':
      known.retry = compact({
        ...mark,
        run,
        count: getNumber(data, 'retry_count') ?? 0,
        limit: getNumber(data, 'max_retries') ?? 0,
        error: clipped(data, 'error') ?? clipped(data, 'reason'),
      });
      break;
    case 'guard_approved':
    case 'guard_rejected':
    case 'guard_requested_changes':
      known.verdict = compact({
        ...mark,
        run,
        how: event.event.slice('guard_'.length),
        rationale: clipped(getObject(data, 'review_payload') ?? null, 'rationale'),
      });
      break;
    case 'runtime_verifier_started':
      known.verifier = { run, start: mark };
      break;
    case 'runtime_verifier_completed':
      known.verifier = {
        ...(known.verifier?.run === run ? known.verifier : { run, start: mark }),
        done: { ...mark, ok: getBoolean(data, 'ok') !== false },
      };
      break;
    default:
      return;
  }
  book.setInRing('card', card, known, KEPT_CARDS);
}

function contractsOf(data: Json): string | undefined {
  const names = getArray(data, 'contract_reasons').filter((name) => typeof name === 'string');
  return names.length > 0 ? clip(names.join(', '), 400) : undefined;
}

function clipped(data: Json, field: string): string | undefined {
  const value = getField(data, field);
  return typeof value === 'string' && value !== '' ? clip(value, 400) : undefined;
}

function setNumber(
  turn: LoggedTurn,
  field: 'durationMs' | 'tokens' | 'tools',
  value: number | undefined,
): void {
  if (value !== undefined) turn[field] = value;
}
