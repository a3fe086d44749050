import type { Instant } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import { getNumber, isObject, type Json } from '../../lib/json.ts';
import type { DeriveContext, FileFacts } from '../system.ts';
import {
  type CanaryFact,
  type EventFact,
  type ExceptionFact,
  factOf,
  type JobFact,
  type RunFact,
  type SignalFact,
  type TotalsFact,
} from './facts.ts';
import { jobOfQueuePath } from './parse-log.ts';
import { type Place, placeOf, sourceIdOf } from './schema.ts';
import { sameText } from './words.ts';

/** A process that is, or may be, the worker of a queue. */
interface Worker {
  readonly process: ProcessInfo;
  /** `maybe`: it runs a worker.py, of which installation can't be told. */
  readonly mine: 'yes' | 'maybe';
}

/** How a queue is kept: the database, a file per job, or the branch with an audit log. */
type Generation = 'database' | 'files' | 'branch';

/** One queue of jobs with what was read of it. */
export interface Queue {
  readonly project: string;
  readonly generation: Generation;
  /** Source the jobs come from, for evidence. */
  readonly source: string;
  /** File the jobs come from; undefined when each has its own, or nothing was read yet. */
  readonly file: FileFacts | undefined;
  readonly jobs: readonly JobFact[];
  /** File of each job of a file queue. */
  readonly jobFiles: ReadonlyMap<string, FileFacts>;
  /** Jobs by native status as the database counts them, beyond what was read. */
  readonly counts: ReadonlyMap<string, number>;
  /** Every job there is was read, so an unknown id is unknown to the program too. */
  readonly complete: boolean;
  readonly runs: readonly RunFact[];
  readonly signals: readonly SignalFact[];
  readonly signalsFile: FileFacts | undefined;
  readonly exceptions: readonly ExceptionFact[];
  readonly exceptionsFile: FileFacts | undefined;
  readonly canary: CanaryFact | undefined;
  readonly canaryFile: FileFacts | undefined;
  readonly totals: TotalsFact;
  readonly lastClaim: Instant | null;
  readonly lastDrain: Instant | null;
  readonly lastRecovery: Instant | null;
  /** Job files of the older queue beside a database: nobody reads them. */
  readonly strays: readonly { readonly job: JobFact; readonly file: FileFacts }[];
  readonly workers: readonly Worker[];
  /** Workers of this host that serve another project or another installation. */
  readonly strangers: readonly ProcessInfo[];
  /** Newest goal wins: creation time of the newest living job per goal. */
  readonly newestByGoal: ReadonlyMap<string, Instant>;
}

const NO_TOTALS: TotalsFact = { resumed: null, resumedWell: null, converge: null };

/** Reads the queues of an installation out of its facts. */
export function queuesOf(context: DeriveContext): readonly Queue[] {
  const place = placeOf(context.located);
  const queues = place.projects.map((project) => projectQueue(context, place, project));
  return place.branchQueue ? [...queues, branchQueue(context, place)] : queues;
}

function projectQueue(context: DeriveContext, place: Place, project: string): Queue {
  const { facts } = context;
  const id = (role: Parameters<typeof sourceIdOf>[0]): string => sourceIdOf(role, project, place);
  const file = facts.files(id('orchestrator.db'))[0];
  const signalsFile = facts.files(id('signals'))[0];
  const exceptionsFile = facts.files(id('scheduler'))[0];
  const canaryFile = facts.files(id('canary'))[0];
  const fileJobs = fileQueueJobs(context, id('queue.jobs'), id('queue.events'));
  const shared = {
    project,
    signals: signalsFile?.present ? (factOf<SignalFact[]>(signalsFile, 'signals') ?? []) : [],
    signalsFile,
    exceptions: factOf<ExceptionFact[]>(exceptionsFile, 'exceptions') ?? [],
    exceptionsFile,
    canary: factOf<CanaryFact>(canaryFile, 'canary'),
    canaryFile,
    totals: factOf<TotalsFact>(file, 'totals') ?? NO_TOTALS,
  };
  if (file === undefined && fileJobs.size > 0) {
    const jobs = [...fileJobs.values()].map(({ job }) => job);
    return {
      ...shared,
      generation: 'files',
      source: id('queue.jobs'),
      file: undefined,
      jobs,
      jobFiles: new Map([...fileJobs].map(([job, { file: own }]) => [job, own])),
      counts: new Map(),
      complete: true,
      runs: [],
      lastClaim: null,
      lastDrain: null,
      lastRecovery: null,
      strays: [],
      ...workersOf(context, place, project, jobs),
      newestByGoal: newestByGoalOf(jobs),
    };
  }
  const jobs = factOf<JobFact[]>(file, 'jobs') ?? [];
  const counts = countsOf(factOf(file, 'counts'));
  const known = new Set(jobs.map((job) => job.id));
  return {
    ...shared,
    generation: 'database',
    source: id('orchestrator.db'),
    file,
    jobs,
    jobFiles: new Map(),
    counts,
    complete:
      file !== undefined && [...counts.values()].reduce((sum, count) => sum + count, 0) === jobs.length,
    runs: factOf<RunFact[]>(file, 'runs') ?? [],
    lastClaim: factOf<Instant>(file, 'claims') ?? null,
    lastDrain: factOf<Instant>(file, 'drains') ?? null,
    lastRecovery: factOf<Instant>(file, 'recoveries') ?? null,
    strays: [...fileJobs.values()].filter(({ job, file: own }) => own.present && !known.has(job.id)),
    ...workersOf(context, place, project, jobs),
    newestByGoal: newestByGoalOf(jobs),
  };
}

function branchQueue(context: DeriveContext, place: Place): Queue {
  const byId = fileQueueJobs(context, 'branch.jobs', undefined);
  const jobs = [...byId.values()].map(({ job }) => job);
  return {
    project: '_orchestrator_queue',
    generation: 'branch',
    source: 'branch.jobs',
    file: undefined,
    jobs,
    jobFiles: new Map([...byId].map(([job, { file }]) => [job, file])),
    counts: new Map(),
    complete: true,
    runs: [],
    signals: [],
    signalsFile: undefined,
    exceptions: [],
    exceptionsFile: undefined,
    canary: undefined,
    canaryFile: undefined,
    totals: NO_TOTALS,
    lastClaim: null,
    lastDrain: null,
    lastRecovery: null,
    strays: [],
    ...workersOf(context, place, undefined, jobs),
    newestByGoal: newestByGoalOf(jobs),
  };
}

/** Jobs of a file queue, joined with the events file of the same name where that generation writes one. */
function fileQueueJobs(
  { facts }: DeriveContext,
  jobsSource: string,
  eventsSource: string | undefined,
): ReadonlyMap<string, { readonly job: JobFact; readonly file: FileFacts }> {
  const events = new Map<string, FileFacts>();
  if (eventsSource !== undefined) {
    for (const file of facts.files(eventsSource)) events.set(jobOfQueuePath(file.path), file);
  }
  const jobs = new Map<string, { job: JobFact; file: FileFacts }>();
  for (const file of facts.files(jobsSource)) {
    const job = factOf<JobFact>(file, 'job');
    if (job === undefined || !file.present) continue;
    const own = events.get(job.id);
    const list = factOf<EventFact[]>(own, 'events') ?? [];
    const beat = job.beat;
    jobs.set(job.id, { job: { ...job, beat, events: list, pid: getPid(own?.facts.get('pid')) }, file });
  }
  return jobs;
}

function getPid(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

function countsOf(value: Json | undefined): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  if (!isObject(value)) return counts;
  for (const key of Object.keys(value)) counts.set(key.replace(/^status /, ''), getNumber(value, key) ?? 0);
  return counts;
}

/**
 * A job submitted again carries the same goal, perhaps with an answer behind a blank line; the newer one stands for
 * the older. A cancelled job stands for nothing.
 */
function newestByGoalOf(jobs: readonly JobFact[]): ReadonlyMap<string, Instant> {
  const newest = new Map<string, Instant>();
  const note = (goal: string, at: Instant): void => {
    const known = newest.get(goal);
    if (known === undefined || at > known) newest.set(goal, at);
  };
  for (const { goal, status, created } of jobs) {
    if (created === null || status === 'cancelled' || goal === '') continue;
    note(sameText(goal), created);
    const blank = goal.indexOf('\n\n');
    if (blank > 0) note(sameText(goal.slice(0, blank)), created);
  }
  return newest;
}

/** Programs that open a file named worker.py without being a worker. */
const READERS = /^(?:vi|vim|nvim|nano|emacs|less|more|most|view|tail|head|cat|grep|rg|git|code|diff)$/;

/**
 * Workers that serve `project`. `worker.py` without `--project-id` serves the project of its `.env`. A process counts
 * as ours when it was started from the skill directory, or when a job names its pid (`worker-<pid>`).
 */
function workersOf(
  { processes }: DeriveContext,
  place: Place,
  project: string | undefined,
  jobs: readonly JobFact[],
): { readonly workers: readonly Worker[]; readonly strangers: readonly ProcessInfo[] } {
  const workers: Worker[] = [];
  const strangers: ProcessInfo[] = [];
  const candidates = processes.processes.filter(isWorker);
  const named = candidates.length === 0 ? new Set() : new Set(jobs.map((job) => job.worker));
  for (const process of candidates) {
    const mine = belongs(process, named.has(`worker-${process.pid}`), place, project);
    if (mine === 'no') strangers.push(process);
    else workers.push({ process, mine });
  }
  return { workers, strangers };
}

function belongs(
  process: ProcessInfo,
  isNamed: boolean,
  { skill, servedProject }: Place,
  project: string | undefined,
): Worker['mine'] | 'no' {
  const asked = optionOf(process.argv, '--project-id');
  if (asked !== undefined && project !== undefined && asked !== project) return 'no';
  if (isNamed) return 'yes';
  if (skill === undefined) return 'maybe';
  const inSkill =
    process.cwd === skill ||
    process.cwd === `${skill}/scripts` ||
    process.argv.some((word) => word.startsWith(`${skill}/`));
  if (!inSkill) return 'no';
  const serves = asked ?? servedProject;
  return project === undefined || serves === undefined || serves === project ? 'yes' : 'no';
}

/** True for a running `worker.py`, not for an editor or pager that shows it. */
function isWorker(process: ProcessInfo): boolean {
  if (process.state === 'Z') return false;
  const program = baseName(process.argv[0] ?? '');
  return !READERS.test(program) && process.argv.some((word) => baseName(word) === 'worker.py');
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function optionOf(argv: readonly string[], name: string): string | undefined {
  for (const [index, word] of argv.entries()) {
    if (word === name) return argv[index + 1];
    if (word.startsWith(`${name}=`)) return word.slice(name.length + 1);
  }
  return undefined;
}
