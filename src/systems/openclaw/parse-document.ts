import { type Instant, parseInstant } from '../../domain/instant.ts';
import { getArray, getNumber, getObject, isObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { Folded, ParseContext, Parser } from '../system.ts';
import type {
  ArtifactsFact,
  CanaryFact,
  JobFact,
  PlanFact,
  PlanTaskFact,
  QuestionFact,
  SignalFact,
  TaskStateFact,
} from './facts.ts';
import { instantIn } from './parse-event.ts';
import { resultFact } from './parse-result.ts';
import { capped, lastLineOf, readObject, textIn, textsIn } from './parse-text.ts';

const MOST_PLAN_TASKS = 300;
const MOST_SIGNALS = 2000;

/** A document parser: text that is no object of JSON is bad and leaves the last good facts. */
function documentParser(
  facts: (value: JsonObject, context: ParseContext) => { [key: string]: Json },
): Parser {
  return {
    version: 1,
    start: null,
    fold(carry, chunk, context): Folded {
      if (chunk.type !== 'document') return { carry };
      const read = readObject(chunk.text);
      if (!read.value) {
        const reason = read.error ?? 'unreadable';
        return { carry, bad: [{ path: context.path, reason, excerpt: chunk.text.slice(0, 200) }] };
      }
      return { carry, facts: facts(read.value, context) };
    },
  };
}

/** `audit_<run_id>.json`: the plan a person reviews; its times are local to the worker's host. */
export const planParser = documentParser((value, { located }) => {
  const plan: PlanFact = {
    run: textIn(value, 'run_id', 100),
    goal: textIn(value, 'goal'),
    created: parseInstant(textIn(value, 'created_at'), located.timezone) ?? null,
    tasks: getArray(value, 'tasks').slice(0, MOST_PLAN_TASKS).flatMap(planTask),
  };
  return { plan };
});

function planTask(value: Json): readonly PlanTaskFact[] {
  if (!isObject(value)) return [];
  const after = textsIn(value, 'deps');
  return [
    {
      id: textIn(value, 'id', 100) ?? textIn(value, 'task_id', 100) ?? '',
      title: textIn(value, 'title', 300) ?? '',
      agent: textIn(value, 'assigned_to', 100) ?? textIn(value, 'agent', 100),
      routing: textIn(value, 'routing_reason', 200),
      after: after.length > 0 ? after : textsIn(value, 'dependencies'),
      outputs: textsIn(value, 'outputs'),
      doneWhen: textsIn(value, 'done_when'),
      commands: [...textsIn(value, 'commands'), ...textsIn(value, 'tests')],
      description: textIn(value, 'description'),
    },
  ];
}

/** What the executor itself puts into the directory of a task: no work of an agent. */
const CONTEXT_FILE = 'task_context.json';
const MOST_FILES = 40;

/** `artifacts/<task_id>/`: the files an agent has left, by name. */
export const artifactsParser: Parser = {
  version: 1,
  start: null,
  fold(carry, chunk, context): Folded {
    if (chunk.type !== 'directory') return { carry };
    const names = chunk.names.filter((name) => name !== CONTEXT_FILE && !name.startsWith('.'));
    const newest = names.reduce<Instant | null>((last, name) => {
      const at = chunk.modifiedAt[name] ?? null;
      return at !== null && (last === null || at > last) ? at : last;
    }, null);
    const files: ArtifactsFact = {
      task: context.path.slice(context.path.lastIndexOf('/') + 1),
      count: names.length,
      names: names.slice(0, MOST_FILES).map((name) => capped(name, 200)),
      newest,
    };
    return { carry, facts: { files } };
  },
};

/** `waiting_<run_id>.json`: what the agents ask. */
export const questionParser = documentParser((value, { located }) => {
  const question: QuestionFact = {
    run: textIn(value, 'run_id', 100),
    created: parseInstant(textIn(value, 'created_at'), located.timezone) ?? null,
    items: getArray(value, 'items')
      .slice(0, 50)
      .flatMap((item) =>
        isObject(item)
          ? [
              {
                task: textIn(item, 'task_id', 100) ?? '',
                title: textIn(item, 'title', 300) ?? '',
                agent: textIn(item, 'agent', 100),
                question: textIn(item, 'question', 4000)?.trim() ?? '',
              },
            ]
          : [],
      ),
  };
  return { question };
});

/** `m4_state.json`: the one place that shows the tasks of a run while it runs (m4/state.py). */
export const taskStateParser = documentParser((value, { located }) => {
  const tasks: TaskStateFact[] = [];
  for (const [id, task] of Object.entries(getObject(value, 'tasks') ?? {}).slice(0, MOST_PLAN_TASKS)) {
    if (!isObject(task)) continue;
    const error = textIn(task, 'last_error', 4000);
    tasks.push({
      id: capped(id, 100),
      status: textIn(task, 'status', 60) ?? 'unknown',
      attempts: getNumber(task, 'attempts') ?? 0,
      error: error === null || error === '' ? null : lastLineOf(error),
      updated: parseInstant(textIn(task, 'updated_at'), located.timezone) ?? null,
    });
  }
  return { tasks };
});

/** `temporal_signals.json`: commands written by scripts/control.py that no worker pass has taken up yet. */
export const signalsParser = documentParser((value) => {
  const signals: SignalFact[] = getArray(value, 'signals')
    .slice(0, MOST_SIGNALS)
    .flatMap((item) =>
      isObject(item)
        ? [
            {
              job: textIn(item, 'job_id', 200) ?? '',
              action: textIn(item, 'action', 60) ?? '?',
              request: textIn(item, 'request_id', 100),
              answer: textIn(getObject(item, 'payload'), 'answer', 4100),
              at: instantIn(textIn(item, 'ts')),
            },
          ]
        : [],
    );
  return { signals };
});

/** `canary_rollout.json`, written by scripts/canary_rollout.py: `{current_stage, history: [{ts, metrics, decision}]}`. */
export const canaryParser = documentParser((value) => {
  const newest = getArray(value, 'history').at(-1);
  const decision = getObject(newest, 'decision');
  const canary: CanaryFact = {
    stage: getNumber(value, 'current_stage') ?? null,
    decision:
      decision === undefined
        ? null
        : {
            action: textIn(decision, 'action', 60) ?? '?',
            target: textIn(decision, 'target', 60),
            reason: textIn(decision, 'reason', 200),
            at: instantIn(isObject(newest) ? textIn(newest, 'ts', 60) : null),
          },
  };
  return { canary };
});

/**
 * `queue/jobs/<job_id>.json`, the job file of the older file queue. Its end-of-run write restores the copy from before
 * the run, so a beat may be missing from a job that had many.
 */
export const queueJobParser = documentParser((value, { path }) => {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.json$/, '');
  const audit = getObject(value, 'audit');
  const error = textIn(value, 'error', 20_000);
  const lastResult = getObject(value, 'last_result');
  const goal = textIn(value, 'goal', 16_000) ?? '';
  const inputs = getArray(value, 'human_inputs').slice(-10);
  const decision = textIn(audit, 'decision', 60) ?? '';
  const job: JobFact = {
    id: textIn(value, 'job_id', 200) ?? capped(name, 200),
    project: textIn(value, 'project_id', 200) ?? '',
    goal,
    goalCut: goal.endsWith('…'),
    status: textIn(value, 'status', 60) ?? 'unknown',
    decision,
    revision: textIn(audit, 'revision') ?? '',
    passed: decision === 'approve',
    run: textIn(lastResult, 'run_id', 100) ?? textIn(audit, 'run_id', 100),
    result: lastResult && Object.keys(lastResult).length > 0 ? resultFact(lastResult) : null,
    resultBad: null,
    error: error === null || error.trim() === '' ? null : lastLineOf(error),
    answers: inputs.flatMap((input) => {
      const answer = isObject(input) ? textIn(input, 'answer', 4000) : null;
      return answer === null ? [] : [answer];
    }),
    worker: null,
    pid: null,
    lease: null,
    beat: instantIn(textIn(value, 'heartbeat_at')),
    attempts: 0,
    created: instantIn(textIn(value, 'created_at')),
    updated: instantIn(textIn(value, 'updated_at')),
    events: [],
  };
  return { job };
});
