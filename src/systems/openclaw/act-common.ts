import type { ProcessStep, StageState, StepAnswer, StepOutput } from '../../domain/act.ts';
import type { Entity, Job } from '../../domain/entity.ts';
import { addMs, type Instant, instant } from '../../domain/instant.ts';
import {
  getArray,
  getBoolean,
  getField,
  getNumber,
  getObject,
  getString,
  type Json,
  type JsonObject,
  readJson,
} from '../../lib/json.ts';
import { counted } from '../../lib/phrase.ts';
import type { ActOrder, StateView } from '../system.ts';
import { claimGraceMs, isSafeJobId, isSafeProject, JOB_TIMEOUT_MS, placeOf } from './schema.ts';
import { headline } from './words.ts';

/** How long a control command may take to show in the database: Python's start, its write, our next look. */
const ACCEPT_MS = 20_000;
/** Room beyond lease end and poll interval for a claim to be seen. */
const CLAIM_SLACK_MS = 15_000;
const CONTROL_TIMEOUT_MS = 30_000;

/** The job behind a target: itself, or the one an approval or issue is about. */
export function jobOf(
  view: StateView,
  target: { readonly type: string; readonly id: string },
): Job | undefined {
  if (target.type === 'job' || target.type === 'approval') return view.entity('job', target.id);
  return undefined;
}

/** True for the entities acts of this kind are offered on. */
export function isJobTarget(target: Entity): boolean {
  return target.type === 'job' || target.type === 'approval';
}

/** What is so about the job, in the words of `judge.ts`. */
export function conditionOf(job: Job): string {
  return getString(job.data, 'condition') ?? '';
}

/** Why no command can be given for this job, whatever it is in; undefined when one can. */
export function unreachable(view: StateView, job: Job | undefined): string | undefined {
  if (job === undefined) return 'the job is not in the database now';
  if (getString(job.data, 'generation') !== 'database') {
    return 'kept by the older file queue, whose control.py is another program: use that one';
  }
  const skill = placeOf(view.located).skill;
  if (skill === undefined) {
    const missing = getString(view.located.extra, 'skillMissing');
    return missing === undefined
      ? 'the skill directory is not known: start with -s openclaw=DIR,skill=PATH'
      : `${missing} has no scripts/control.py`;
  }
  if (view.located.python === undefined) return 'no python3 found: start with -s openclaw=DIR,python=PATH';
  if (!isSafeJobId(getString(job.data, 'job') ?? ''))
    return 'the job id is not of a form that is safe to pass on';
  if (!isSafeProject(getString(job.data, 'project') ?? ''))
    return "the project's name is not safe to pass on";
  return undefined;
}

/** A text as one argument of an argparse program: never an option (a leading blank keeps `-x` a plain argument), no NUL. */
export function argumentOf(text: string): string {
  const clean = text.replaceAll('\0', '').trim();
  return clean.startsWith('-') ? ` ${clean}` : clean;
}

/**
 * One of the skill's scripts with the queue named by environment: control.py does not read `.env`, and without BASE_PATH
 * and PROJECT_ID it opens another, empty database and says "accepted".
 */
export function scriptStep(
  view: StateView,
  job: Job,
  script: 'control.py' | 'submit.py' | 'status.py',
  args: readonly string[],
  title: string,
): ProcessStep {
  const skill = placeOf(view.located).skill ?? '';
  return {
    type: 'process',
    title,
    argv: [view.located.python ?? '', `${skill}/scripts/${script}`, ...args],
    cwd: skill,
    env: { BASE_PATH: view.located.root, PROJECT_ID: getString(job.data, 'project') ?? '' },
    timeoutMs: CONTROL_TIMEOUT_MS,
  };
}

/** The program's own id of the job. */
export function idOf(job: Job): string {
  return getString(job.data, 'job') ?? '';
}

/** One event after the act was planned. */
export interface Mark {
  readonly id: number;
  readonly event: string;
  readonly at: Instant | undefined;
  readonly status: string | undefined;
  readonly action: string | undefined;
  readonly answer: string | undefined;
  /** When the command was given that a pass took up. */
  readonly given: Instant | undefined;
}

/** Events of a job newer than the baseline: ours and whatever came since. */
export function marksSince(job: Job, baseline: Json): readonly Mark[] {
  const last = getNumber(baseline, 'lastEvent') ?? 0;
  return getArray(job.data, 'marks')
    .map((mark): Mark => {
      const at = getNumber(mark, 'at');
      const given = getNumber(mark, 'given');
      return {
        id: getNumber(mark, 'id') ?? 0,
        event: getString(mark, 'event') ?? '',
        at: at === undefined ? undefined : instant(at),
        status: getString(mark, 'status'),
        action: getString(mark, 'action'),
        answer: getString(mark, 'answer'),
        given: given === undefined ? undefined : instant(given),
      };
    })
    .filter((mark) => mark.id > last);
}

/** What every act on a job is compared with later. */
export function jobBaseline(view: StateView, job: Job): { readonly [key: string]: Json } {
  return {
    lastEvent: getNumber(job.data, 'lastEvent') ?? 0,
    status: job.nativeStatus ?? '',
    lease: job.leaseUntil ?? null,
    busyWith: getString(job.data, 'busyWith') ?? null,
    passed: getBoolean(job.data, 'passed') ?? false,
    pid: getNumber(job.data, 'pid') ?? null,
    pollMs: placeOf(view.located).pollMs,
    jobTimeoutMs: placeOf(view.located).jobTimeoutMs,
  };
}

/** When a command must have shown. */
export function acceptDeadline(order: ActOrder): Instant {
  return addMs(order.startedAt, ACCEPT_MS);
}

/**
 * When a worker must have claimed: after a lease that was set already, within its polls; behind a pass that is busy,
 * after that pass, which may take the whole job timeout.
 */
export function claimDeadline(order: ActOrder): Instant {
  const { baseline } = order;
  const lease = getNumber(baseline, 'lease') ?? 0;
  const from = Math.max(order.startedAt, lease);
  const busy =
    getString(baseline, 'busyWith') === undefined
      ? 0
      : (getNumber(baseline, 'jobTimeoutMs') ?? JOB_TIMEOUT_MS);
  return instant(from + busy + claimGraceMs(getNumber(baseline, 'pollMs') ?? 2000) + CLAIM_SLACK_MS);
}

/**
 * The stage "a worker claims it": seen when the events say so, contradicted (`against`) when the job went where no
 * worker claims. What a stage saw is kept, so the stage that is still open must tell that an earlier one was taken back.
 */
export function claimStage(
  order: ActOrder,
  claim: Mark | undefined,
  required: boolean,
  against: string | undefined,
): StageState {
  const busy = getString(order.baseline, 'busyWith');
  const lease = getNumber(order.baseline, 'lease');
  const waits = [
    lease !== undefined && lease > order.startedAt ? 'an earlier lease must end first' : '',
    busy === undefined ? '' : `the worker's pass is busy with ${busy.slice(0, 8)}`,
  ].filter((text) => text !== '');
  return {
    stage: 'started',
    title: 'a worker claims it',
    state: claim ? 'seen' : against === undefined ? 'waiting' : 'contradicted',
    ...(claim
      ? { detail: 'job_claimed' }
      : against !== undefined
        ? { detail: against }
        : waits.length > 0
          ? { detail: waits.join('; ') }
          : {}),
    ...(claim?.at === undefined ? {} : { seenAt: claim.at }),
    deadline: claimDeadline(order),
    required,
  };
}

/** Warnings every act that needs a worker shares. */
export function workerWarnings(view: StateView, job: Job): readonly string[] {
  const warnings: string[] = [];
  const project = getString(job.data, 'project') ?? '';
  const worker = view.entity('service', 'worker') ?? view.entity('service', `worker@${project}`);
  if (worker?.status === 'down')
    warnings.push(`no worker runs: nothing will claim it (${worker.detail ?? ''})`);
  if (worker?.status === 'unknown') warnings.push(worker.detail ?? 'whether a worker runs is not known');
  const busy = getString(job.data, 'busyWith');
  if (busy !== undefined)
    warnings.push(`the worker's pass is busy with ${busy.slice(0, 8)}: nothing is claimed until it ends`);
  if (job.leaseUntil !== undefined && job.leaseUntil > view.now) {
    const seconds = Math.ceil((job.leaseUntil - view.now) / 1000);
    warnings.push(
      `a lease of an earlier claim is still set: up to ${counted(seconds, 'second')} until a worker may take it`,
    );
  }
  return warnings;
}

/** What scripts/control.py printed. It says "accepted" and exits 0 whatever happened; `apply_result.status` is its best word. */
export function readControl(output: StepOutput | undefined, wanted: readonly string[]): StepAnswer {
  const text = output?.stdout ?? '';
  const from = text.indexOf('{');
  const parsed = from < 0 ? undefined : readJson(text.slice(from, text.lastIndexOf('}') + 1));
  const applied = parsed?.ok === true ? getObject(parsed.value, 'apply_result') : undefined;
  const status =
    getString(applied, 'status') ?? /"apply_result"\s*:\s*\{[^{}]*?"status"\s*:\s*"([^"]*)"/.exec(text)?.[1];
  const sections = [
    // The whole job comes back, a plan with it: what matters of it is read out, the rest stays in the output.
    applied === undefined
      ? { title: 'stdout', text }
      : { title: 'control.py', text: SAID.flatMap((name) => saidOf(applied, name)).join('\n') },
    { title: 'stderr', text: output?.stderr ?? '' },
  ].filter((section) => section.text !== '');
  if (status === undefined) {
    return {
      ok: false,
      summary: headline(output?.stderr ?? '') || 'control.py said nothing readable',
      sections,
    };
  }
  const reason = getString(applied, 'reason');
  return {
    ok: wanted.includes(status),
    summary: `control.py says: ${status}${reason === undefined ? '' : ` (${reason})`}`,
    sections,
  };
}

/** Fields of the job control.py prints that tell what it did. */
const SAID = [
  'job_id',
  'project_id',
  'status',
  'reason',
  'audit_decision',
  'audit_passed',
  'lease_until',
  'attempt_count',
];

function saidOf(applied: JsonObject, name: string): readonly string[] {
  const value = getField(applied, name);
  return value === undefined || value === null ? [] : [`${name}: ${String(value)}`];
}
