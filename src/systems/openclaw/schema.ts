import { describe, optional, regex, strictObject, string } from 'zod/mini';
import { KEEPER_FORM, type Keeper, keeperOf } from '../../domain/keeper.ts';
import { getArray, getNumber, getObject, getString } from '../../lib/json.ts';
import type { Located } from '../system.ts';

/** What an installation of OpenClaw agent-orchestrator may be told beside the common settings. */
export const openclawSettings = strictObject({
  skill: optional(string()).check(
    describe('the skill directory (with `scripts/control.py`), needed for acts where DIR is BASE_PATH'),
  ),
  keeper: optional(
    string().check(regex(KEEPER_FORM, 'is systemd:UNIT, systemd-user:UNIT or docker:NAME')),
  ).check(
    describe(
      'what starts and stops the worker: `systemd:UNIT`, `systemd-user:UNIT` or `docker:NAME`; without it the worker is a process of its own',
    ),
  ),
  interval: optional(string()).check(
    describe('seconds between two passes of the worker (`worker.py --interval`); default 2'),
  ),
});

/** Lease of a claimed job; each beat of its worker moves it (LEASE_SECONDS in scripts/state_store.py). */
export const LEASE_MS = 60_000;
/** A beat older than this is stale even under a running lease, where ORCH_RUNNING_STALE_SECONDS says nothing else. */
export const STALE_BEAT_MS = 300_000;
/** Longest a worker lets one job run, where ORCH_WORKER_JOB_TIMEOUT_SECONDS says nothing else; it claims and drains nothing meanwhile. */
export const JOB_TIMEOUT_MS = 2_400_000;
/** Attempts before an error is final (MAX_ATTEMPTS; the column max_attempts is never read). */
export const MAX_ATTEMPTS = 2;
/** A live worker beats every 2 s: silence beyond this, with the runner's parent gone, is no accident. */
export const BEAT_GRACE_MS = 10_000;

/** What starts and stops the worker; `wrong` when what is set is none. */
export function keeperIn(located: Located): Keeper | 'wrong' {
  return keeperOf(getString(located.settings as unknown, 'keeper'));
}

/** Where things are in one installation; `located.extra` in readable form. */
export interface Place {
  /** Directories of queue projects below BASE_PATH that are shown. */
  readonly projects: readonly string[];
  /** The directory of `scripts/control.py`, when known. */
  readonly skill: string | undefined;
  /** PROJECT_ID of the skill's `.env`: what a worker without `--project-id` serves. */
  readonly servedProject: string | undefined;
  /** The never merged generation with one queue for all projects and an audit log is here. */
  readonly branchQueue: boolean;
  /** A project has the directory of the older file queue. */
  readonly fileQueue: boolean;
  /** A project has an audit log of its own (`.orchestrator/audit` or `.orchestrator/queue/audit`). */
  readonly auditLog: boolean;
  /** Scripts of the skill that are there, relative to it: generations differ. */
  readonly scripts: readonly string[];
  /** Absolute paths of programs a keeper needs. */
  readonly programs: { readonly [name: string]: string };
  readonly pollMs: number;
  /** Longest a worker lets one job run. */
  readonly jobTimeoutMs: number;
  /** A beat older than this is stale even under a running lease. */
  readonly staleMs: number;
}

/** Reads what `locate` put down. */
export function placeOf(located: Located): Place {
  const projects = located.extra['projects'];
  return {
    projects: Array.isArray(projects) ? projects.filter((name) => typeof name === 'string') : [],
    skill: getString(located.extra, 'skill'),
    servedProject: getString(located.extra, 'servedProject'),
    branchQueue: located.extra['branchQueue'] === true,
    fileQueue: located.extra['fileQueue'] === true,
    auditLog: located.extra['auditLog'] === true,
    scripts: getArray(located.extra, 'scripts').filter((name) => typeof name === 'string'),
    programs: (getObject(located.extra, 'programs') ?? {}) as { readonly [name: string]: string },
    pollMs: getNumber(located.extra, 'pollMs') ?? 2000,
    jobTimeoutMs: getNumber(located.extra, 'jobTimeoutMs') ?? JOB_TIMEOUT_MS,
    staleMs: getNumber(located.extra, 'staleMs') ?? STALE_BEAT_MS,
  };
}

/** Names of this kind's sources. Those of a queue project carry its name when several are shown. */
type SourceRole =
  | 'orchestrator.db'
  | 'signals'
  | 'scheduler'
  | 'queue-log'
  | 'canary'
  | 'audit'
  | 'queue.audit'
  | 'queue.jobs'
  | 'queue.events';

/** Id of a source of a queue project. */
export function sourceIdOf(role: SourceRole, project: string, place: Place): string {
  return place.projects.length > 1 ? `${role}@${project}` : role;
}

/** Sources of one job's run directory. */
export type RunRole = 'plan' | 'question' | 'tasks' | 'task-events' | 'run-log' | 'artifacts';

/** Id of a source of a run directory. */
export function runSourceIdOf(role: RunRole, job: string): string {
  return `${role}.${job}`;
}

/**
 * Ids of jobs as scripts/state_store.py makes them (16 hexadecimal digits), a little wider for older shapes. Nothing
 * else becomes an argument or a glob: no leading dash, no slash, no dot, no wildcard.
 */
const JOB_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** True for a job id that may be given to a program or stand in a path. */
export function isSafeJobId(id: string): boolean {
  return JOB_ID.test(id);
}

const PROJECT_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** True for a project directory's name that may stand in a path and in PROJECT_ID. */
export function isSafeProject(name: string): boolean {
  return PROJECT_NAME.test(name) && !name.includes('..');
}

/** A worker that lives claims within a few polls; shorter waits are no sign of its absence. */
export function claimGraceMs(pollMs: number): number {
  return Math.max(10_000, pollMs * 5);
}
