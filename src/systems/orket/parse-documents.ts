import { instant, parseInstant } from '../../domain/instant.ts';
import {
  getArray,
  getBoolean,
  getField,
  getNumber,
  getObject,
  getString,
  isObject,
  type Json,
  readJson,
} from '../../lib/json.ts';
import type { Parser } from '../system.ts';
import { clip, compact, type Health, toJson } from './facts.ts';
import { isUsableId } from './schema.ts';

/** `policy_violation_<card>.json` (domain/failure_reporter.py): why a card was refused, in the machine's words. */
export const violationParser: Parser = documentParser((value) => {
  const card = getString(value, 'card_id');
  if (!isUsableId(card)) return 'no card_id';
  return compact({
    run: getString(value, 'session_id'),
    card,
    type: clip(getString(value, 'violation_type') ?? 'unknown', 60),
    detail: short(value, 'detail'),
    remedy: short(value, 'remedy_suggestion'),
    at: parseInstant(getString(value, 'timestamp')),
  });
});

/** `verification/runtime_verification.json`: the newest verification, overwritten at each review turn. */
export const verificationParser: Parser = documentParser((value) => {
  const ok = getBoolean(value, 'ok');
  if (ok === undefined) return 'no "ok"';
  const contract = getObject(value, 'guard_contract');
  const decision = getObject(value, 'guard_decision');
  return compact({
    run: getString(value, 'run_id'),
    card: getString(value, 'issue_id'),
    ok,
    checked: getArray(value, 'checked_files').length,
    errors: getArray(value, 'errors')
      .slice(0, 10)
      .map((error) => clip(typeof error === 'string' ? error : JSON.stringify(error), 300)),
    action: getString(decision, 'action'),
    terminal:
      getBoolean(contract, 'terminal_failure') === true || getBoolean(decision, 'terminal_failure') === true,
    terminalReason: short(getObject(contract, 'terminal_reason') ?? null, 'message'),
    fixHint: short(contract ?? null, 'fix_hint'),
    at: parseInstant(getString(value, 'timestamp')),
  });
});

/** `GET /health` of the API: `{"status":"ok", ...}`. */
export const healthParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context) {
    if (chunk.type !== 'http') return { carry };
    const body = chunk.body === undefined ? undefined : readJson(chunk.body);
    const says = body?.ok ? getString(body.value, 'status') : undefined;
    const state = chunk.status === undefined ? 'none' : chunk.status === 200 && says === 'ok' ? 'up' : 'odd';
    // The first bad answer in a row, as far as it was seen.
    const since = state === 'up' ? null : typeof carry === 'number' ? carry : context.now;
    const health: Health = compact({
      state,
      since: since === null ? undefined : instant(since),
      httpStatus: chunk.status,
      latencyMs: chunk.latencyMs,
      failures: chunk.failures,
      error: chunk.error === undefined ? undefined : clip(chunk.error, 300),
    });
    return { carry: since, facts: { health: toJson(health) } };
  },
};

/** `GET /v1/system/heartbeat`: how many runs the API process itself has under way. */
export const heartbeatParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk) {
    if (chunk.type !== 'http') return { carry };
    const body = chunk.status === 200 && chunk.body !== undefined ? readJson(chunk.body) : undefined;
    const active = body?.ok ? getNumber(body.value, 'active_tasks') : undefined;
    return { carry, facts: active === undefined ? {} : { active: { count: active } } };
  },
};

/** A parser of small JSON documents; `read` gives the fact `document`, or the reason why there is none. */
function documentParser(read: (value: Json) => object | string): Parser {
  return {
    version: 1,
    start: null,
    fold(carry, chunk, context) {
      if (chunk.type !== 'document') return { carry };
      const json = readJson(chunk.text);
      const fact = !json.ok ? json.error : isObject(json.value) ? read(json.value) : 'not an object';
      if (typeof fact === 'string') {
        return { carry, bad: [{ path: context.path, reason: fact, excerpt: chunk.text.slice(0, 200) }] };
      }
      return { carry, facts: { document: toJson(fact) } };
    },
  };
}

function short(value: Json, field: string): string | undefined {
  const text = getField(value, field);
  return typeof text === 'string' && text !== '' ? clip(text, 600) : undefined;
}
