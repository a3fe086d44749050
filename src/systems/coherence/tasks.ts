import type { Instant } from '../../domain/instant.ts';
import { getField, getNumber, getString, isObject, type Json } from '../../lib/json.ts';
import type { DeriveContext } from '../system.ts';
import type { Scene } from './scene.ts';
import { instantOf, newestOf, type Seen, seenOf } from './seen.ts';

/** A task of the API with where it was read. */
export interface Task {
  readonly id: string;
  readonly fact: Json;
  readonly status: string;
  readonly worker: string | undefined;
  readonly seen: Seen;
  /** The API's memory disagrees with its file: it no longer lists the task as waiting. */
  readonly isFlipped: boolean;
}

/** A run lease of a task, by `agent_run_state.json`. */
export interface Lease {
  readonly worker: string | undefined;
  readonly status: string;
  readonly attempt: number | undefined;
  readonly until: Instant | undefined;
  readonly heartbeatAt: Instant | undefined;
  /** Why its run failed: `aborted_by_user`, `command_failed`, ... */
  readonly failureClass: string | undefined;
  readonly seen: Seen;
}

/** What is known of a worker: `gone` can never take its tasks again, unless a runner is started under its name. */
type WorkerLife = 'alive' | 'gone' | 'unknown';

/** Everything about tasks, joined by id. */
export interface TaskBook {
  readonly tasks: readonly Task[];
  /** Whether the store has that task; undefined while there is no store to look into. */
  knows(id: string): boolean | undefined;
  leaseOf(id: string): Lease | undefined;
  /** How the log of the task's newest run ended: undefined while it has no footer. */
  logEndOf(id: string): { readonly fact: Json; readonly seen: Seen } | undefined;
  runnerLineOf(id: string): Json | undefined;
  workerLife(worker: string | undefined): WorkerLife;
  /** The one runner that lives, where there is just one: it can take what nobody has claimed. */
  readonly onlyRunner: string | undefined;
  /** When what is known of that worker runs out. */
  workerLeaseUntil(worker: string | undefined): Instant | undefined;
}

const TASK_LOG = /(?:^|\/)task_(.+)\.log$/;
/** The API's list is asked with this limit; a full page says nothing about who is missing. */
const ATTENTION_LIMIT = 100;

/** Joins the store, the API's own list, leases, runners and logs. */
export function taskBookOf(context: DeriveContext, scene: Scene): TaskBook {
  const { facts } = context;
  const store = seenOf(newestOf(facts.files('tasks')));
  const answer = seenOf(newestOf(facts.files('api.attention')));
  const runState = seenOf(newestOf(facts.files('run-state')));
  const runners = [seenOf(newestOf(facts.files('runners'))), seenOf(newestOf(facts.files('api.runners')))];
  let logs: Map<string, Seen> | undefined;
  const logsById = (): Map<string, Seen> => {
    if (logs) return logs;
    logs = new Map();
    for (const file of facts.files('task.log')) {
      const id = TASK_LOG.exec(file.path)?.[1];
      const seen = seenOf(file);
      if (id !== undefined && seen) logs.set(id, seen);
    }
    return logs;
  };
  const runnerOf = (worker: string): Json | undefined => {
    let best: Json | undefined;
    for (const source of runners) {
      const fact = source?.fact(`runner/${worker}`);
      if ((getNumber(fact, 'leaseUntil') ?? -1) > (getNumber(best, 'leaseUntil') ?? -2)) best = fact;
    }
    return best;
  };
  return {
    tasks: joinTasks(store, answer),
    knows: (id) => (store?.file.present ? store.fact(`task/${id}`) !== undefined : undefined),
    leaseOf(id) {
      const fact = runState?.fact(`lease/${id}`);
      if (!runState || !isObject(fact)) return undefined;
      return {
        worker: getString(fact, 'worker'),
        status: getString(fact, 'status') ?? '',
        attempt: getNumber(fact, 'attempt'),
        until: instantOf(fact, 'leaseUntil'),
        heartbeatAt: instantOf(fact, 'heartbeatAt'),
        failureClass: getString(fact, 'failureClass'),
        seen: runState,
      };
    },
    logEndOf(id) {
      const seen = logsById().get(id);
      const fact = seen?.fact('end');
      return seen && fact !== undefined ? { fact, seen } : undefined;
    },
    runnerLineOf: (id) => scene.runnerLog?.fact(`task/${id}`),
    workerLife: (worker) => lifeOf(scene, worker, worker === undefined ? undefined : runnerOf(worker)),
    get onlyRunner() {
      const names = new Set<string>();
      for (const source of runners) {
        for (const key of source?.file.facts.keys() ?? []) {
          const name = key.startsWith('runner/') ? key.slice('runner/'.length) : '';
          if (name !== '' && lifeOf(scene, name, runnerOf(name)) === 'alive') names.add(name);
        }
      }
      return names.size === 1 ? [...names][0] : undefined;
    },
    workerLeaseUntil: (worker) =>
      worker === undefined ? undefined : instantOf(runnerOf(worker), 'leaseUntil'),
  };
}

function lifeOf(scene: Scene, worker: string | undefined, runner: Json | undefined): WorkerLife {
  if (worker === undefined) return 'unknown';
  const live = scene.crew.of.runner;
  const pid = getNumber(runner, 'pid') ?? pidOf(worker);
  if (pid !== undefined && live.some((process) => process.pid === pid)) return 'alive';
  const until = instantOf(runner, 'leaseUntil');
  if (until !== undefined) return until > scene.now ? 'alive' : 'gone';
  if (pidOf(worker) !== undefined) return 'gone';
  return live.length === 0 ? 'gone' : 'unknown';
}

/** A runner without AGENT_WORKER_ID calls itself `host:pid`; such a name dies with its process. */
export function pidOf(worker: string): number | undefined {
  const pid = /^[^:\s]+:(\d{1,9})$/.exec(worker)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

function joinTasks(store: Seen | undefined, answer: Seen | undefined): readonly Task[] {
  const answeredAt = instantOf(answer?.fact('answered'), 'at') ?? 0;
  const newer = answer && answeredAt > (store?.file.modifiedAt ?? 0) ? answer : undefined;
  const listed = answer ? [...answer.file.facts.keys()].filter((key) => key.startsWith('task/')) : [];
  const isWhole = newer !== undefined && listed.length < ATTENTION_LIMIT;
  const tasks: Task[] = [];
  for (const [key, fact] of store?.file.facts ?? []) {
    if (!store || !key.startsWith('task/')) continue;
    const inMemory = newer?.fact(key);
    const isFlipped = isWhole && inMemory === undefined && getString(fact, 'status') === 'needs_decision';
    const own = inMemory === undefined ? fact : mergeTask(fact, inMemory);
    tasks.push(taskOf(key, own, inMemory === undefined ? store : (newer ?? store), isFlipped));
  }
  for (const key of newer ? listed : []) {
    const fact = newer?.fact(key);
    if (newer && fact !== undefined && store?.fact(key) === undefined)
      tasks.push(taskOf(key, fact, newer, false));
  }
  return tasks;
}

/** The API's list leaves out what the file has; what it does not say stays. */
function mergeTask(file: Json, memory: Json): Json {
  if (!isObject(file) || !isObject(memory)) return memory;
  const said = Object.entries(memory).filter(([, value]) => value !== null && value !== undefined);
  return { ...file, ...Object.fromEntries(said) };
}

function taskOf(key: string, fact: Json, seen: Seen, isFlipped: boolean): Task {
  const worker = getString(fact, 'worker');
  return {
    id: key.slice('task/'.length),
    fact,
    status: getString(fact, 'status') ?? '',
    worker: worker === '' ? undefined : worker,
    seen,
    isFlipped,
  };
}

/** True for an id as agent_service.py makes them: it can stand in a URL as it is. */
export function isAnswerableId(id: string): boolean {
  return /^task_[0-9a-f]{2,32}$/.test(id);
}

/** A text field of a task. */
export function taskText(task: Task, key: string): string | undefined {
  return getString(task.fact, key);
}

/** A time field of a task. */
export function taskTime(task: Task, key: string): Instant | undefined {
  return instantOf(task.fact, key);
}

/** True for a field that is set to true. */
export function taskFlag(task: Task, key: string): boolean {
  return getField(task.fact, key) === true;
}
