import { getArray, getNumber, getObject, getString, isObject, type JsonObject } from '../../lib/json.ts';
import type { ResultFact, TaskFact } from './facts.ts';
import { capped, readObject, textIn } from './parse-text.ts';

/** Longest `last_result` that is parsed; a longer one is named as unreadable. */
const LONGEST_RESULT = 1_000_000;
const MOST_TASKS = 300;

/**
 * `jobs.last_result`: what the runner answered after its last pass (scripts/runner.py): `{status, run_id, waiting,
 * convergence_report, orchestration: {summary, tasks}}`, `{}` or NULL when there was none or a resume emptied it.
 */
export function readResult(text: string | null): {
  readonly result: ResultFact | null;
  readonly bad: string | null;
} {
  if (text === null || text.trim() === '' || text.trim() === '{}' || text.trim() === 'null') {
    return { result: null, bad: null };
  }
  if (text.length > LONGEST_RESULT) return { result: null, bad: `last_result has ${text.length} characters` };
  const read = readObject(text);
  if (!read.value) return { result: null, bad: `last_result is ${read.error ?? 'unreadable'}` };
  return { result: resultFact(read.value), bad: null };
}

/** The same object where an older generation keeps it inside its job file. */
export function resultFact(value: JsonObject): ResultFact {
  const orchestration = getObject(value, 'orchestration');
  const summary = getObject(orchestration, 'summary');
  const waiting = getObject(value, 'waiting') ?? {};
  return {
    status: textIn(value, 'status', 60),
    run: textIn(value, 'run_id', 100) ?? textIn(orchestration, 'run_id', 100),
    waiting: Object.entries(waiting)
      .slice(0, 50)
      .map(([task, question]) => [capped(task, 100), capped(questionText(question), 4000)] as const),
    total: getNumber(summary, 'total_tasks') ?? null,
    done: getNumber(summary, 'done') ?? null,
    failed: getNumber(summary, 'failed') ?? null,
    convergedFailed: getNumber(getObject(value, 'convergence_report'), 'failed') ?? null,
    errorCode: getString(getObject(value, 'error'), 'error_code') ?? null,
    tasks: getArray(orchestration, 'tasks').slice(0, MOST_TASKS).flatMap(taskFact),
  };
}

function questionText(question: unknown): string {
  if (typeof question === 'string') return question.trim();
  return question === null ? '' : JSON.stringify(question);
}

function taskFact(value: unknown): readonly TaskFact[] {
  if (!isObject(value)) return [];
  return [
    {
      id: textIn(value, 'task_id', 100) ?? textIn(value, 'id', 100) ?? '',
      title: textIn(value, 'title', 300) ?? '',
      agent: textIn(value, 'agent', 100) ?? textIn(value, 'assigned_to', 100),
      status: textIn(value, 'status', 60),
    },
  ];
}
