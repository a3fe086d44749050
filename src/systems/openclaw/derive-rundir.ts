import type { FactsOf, FileFacts } from '../system.ts';
import {
  type ArtifactsFact,
  factOf,
  type JobFact,
  type PlanFact,
  type QuestionFact,
  type TaskStateFact,
} from './facts.ts';
import { runSourceIdOf } from './schema.ts';

/** A fact of a run directory with the file it came from. */
interface FromFile<T> {
  readonly fact: T;
  readonly file: FileFacts;
}

/** What the run directory `<slug>_<job_id>/` of one job holds, as far as it is watched. */
export interface RunDirectory {
  readonly plan: FromFile<PlanFact> | undefined;
  /** The plan's file, also when nothing in it could be read. */
  readonly planFile: FileFacts | undefined;
  readonly question: FromFile<QuestionFact> | undefined;
  /** Newest `m4_state.json` with the run it belongs to. */
  readonly tasks: FromFile<readonly TaskStateFact[]> | undefined;
  readonly tasksRun: string | undefined;
  /** What agents left, of the tasks of its last result; of all tasks where it names none. */
  readonly artifacts: readonly FromFile<ArtifactsFact>[];
  readonly titles: ReadonlyMap<string, string>;
  readonly logFiles: readonly string[];
}

/** Of a job whose directory is not read. */
export const NO_DIRECTORY: RunDirectory = {
  plan: undefined,
  planFile: undefined,
  question: undefined,
  tasks: undefined,
  tasksRun: undefined,
  artifacts: [],
  titles: new Map(),
  logFiles: [],
};

/** Reads what is known of the run directory of a job. */
export function runDirectoryOf(facts: FactsOf, job: JobFact): RunDirectory {
  const plans = facts.files(runSourceIdOf('plan', job.id));
  const questions = facts.files(runSourceIdOf('question', job.id));
  const states = facts.files(runSourceIdOf('tasks', job.id));
  const logs = [
    ...facts.files(runSourceIdOf('run-log', job.id)),
    ...facts.files(runSourceIdOf('task-events', job.id)),
  ];
  const plan = ofRun(plans, 'audit', job.result?.run ?? job.run);
  const question = ofRun(questions, 'waiting', job.result?.run ?? job.run);
  const state = newest(states);
  const tasksRun = state ? /\/state\/([^/]+)\/m4_state\.json$/.exec(state.path)?.[1] : undefined;
  return {
    plan: paired<PlanFact>(plan, 'plan'),
    planFile: plan,
    question: paired<QuestionFact>(question, 'question'),
    tasks: paired<readonly TaskStateFact[]>(state, 'tasks'),
    tasksRun,
    artifacts: artifactsOf(facts.files(runSourceIdOf('artifacts', job.id)), job),
    titles: titlesOf(facts, job, factOf<PlanFact>(plan, 'plan')),
    logFiles: logs.map((file) => file.path).sort(),
  };
}

/** The file of the run the job is at; never one of another run, which would be another plan. */
function ofRun(files: readonly FileFacts[], name: string, run: string | null): FileFacts | undefined {
  if (run === null) return undefined;
  return files.find((file) => file.present && file.path.endsWith(`/${name}_${run}.json`));
}

/** Each run has tasks of its own, and their directories stay: those of earlier runs tell nothing of this one. */
function artifactsOf(files: readonly FileFacts[], job: JobFact): RunDirectory['artifacts'] {
  const own = new Set(job.result?.tasks.map(({ id }) => id));
  const kept = files.flatMap((file) => {
    const found = file.present ? paired<ArtifactsFact>(file, 'files') : undefined;
    return found && found.fact.count > 0 && (own.size === 0 || own.has(found.fact.task)) ? [found] : [];
  });
  // They are read in no order of their own.
  return kept.sort((a, b) => (a.file.path < b.file.path ? -1 : 1));
}

/** Run ids are times, so the greatest name is the newest run. */
function newest(files: readonly FileFacts[]): FileFacts | undefined {
  let found: FileFacts | undefined;
  for (const file of files) if (file.present && (found === undefined || file.path > found.path)) found = file;
  return found;
}

function paired<T>(file: FileFacts | undefined, key: string): FromFile<T> | undefined {
  const fact = file?.facts.get(key) as T | undefined;
  return file === undefined || fact === undefined ? undefined : { fact, file };
}

function titlesOf(facts: FactsOf, job: JobFact, plan: PlanFact | undefined): ReadonlyMap<string, string> {
  const titles = new Map<string, string>();
  for (const task of plan?.tasks ?? []) if (task.title !== '') titles.set(task.id, task.title);
  for (const task of job.result?.tasks ?? []) if (task.title !== '') titles.set(task.id, task.title);
  for (const file of facts.files(runSourceIdOf('run-log', job.id))) {
    for (const [id, title] of Object.entries(factOf<{ [id: string]: string }>(file, 'titles') ?? {})) {
      titles.set(id, title);
    }
  }
  return titles;
}

/** The question of a waiting job: what its result says, else its waiting file; empty when nobody asked anything. */
export function questionOf(job: JobFact, directory: RunDirectory): string {
  const inResult = job.result?.waiting.find(([, question]) => question !== '')?.[1];
  return inResult ?? directory.question?.fact.items.find((item) => item.question !== '')?.question ?? '';
}
