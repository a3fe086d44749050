import { parseInstant } from '../../domain/instant.ts';
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
import type { Parser } from '../system.ts';
import { clip, compact, type FailureReport, type PromptMetrics, toJson } from './facts.ts';
import { countsOf } from './parse-answers.ts';
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

/** `benchmarks/results/failure_modes.json`, written by scripts/report_failure_modes.py over whatever was there. */
export const failuresParser: Parser = documentParser((value) => {
  const report = readFailureReport(value);
  return report ?? 'no report of failures';
});

/** The counts of a failure report, printed or on file; undefined for anything else. */
export function readFailureReport(value: Json): FailureReport | undefined {
  if (!isObject(getField(value, 'events')) || !isObject(getField(value, 'failure_by_type'))) return undefined;
  return {
    events: countsOf(value, 'events'),
    failures: countsOf(value, 'failure_by_type'),
    idle: countsOf(value, 'non_progress_by_role'),
    guards: countsOf(value, 'guard_outcomes'),
    retries: getNumber(value, 'retry_triggered') ?? 0,
  };
}

/** `benchmarks/results/prompt_eval_metrics.json`, written by scripts/prompt_lab/eval_harness.py. */
export const promptsParser: Parser = documentParser(
  (value) => readPromptMetrics(value) ?? 'no prompt metrics',
);

/** The rates of the prompt metrics, 0 to 1, and how many turns they rest on; undefined for anything else. */
export function readPromptMetrics(value: Json): PromptMetrics | undefined {
  const turns = getNumber(value, 'turn_count');
  if (turns === undefined) return undefined;
  const rates: { [name: string]: number } = {};
  for (const [name, rate] of Object.entries(value as JsonObject).slice(0, 40)) {
    if (name.endsWith('_rate') && typeof rate === 'number') rates[clip(name, 60)] = rate;
  }
  return { turns, rates };
}

/** `model/<department>/epics/<name>.json`: that it is there is what counts, its file name is what `--epic` wants. */
export const epicParser: Parser = documentParser((value) =>
  compact({ name: short(value, 'name'), cards: getArray(value, 'issues').length }),
);

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
