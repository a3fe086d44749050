import type { Evidence, Run } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import type { DeriveContext } from '../system.ts';
import type { Collected } from './collect.ts';
import { compact, type Found, type LedgerRow, type LoggedRun, newest } from './facts.ts';
import { carrierOf, carriersOf, type Programs } from './liveness.ts';
import { directoryNameOf } from './schema.ts';

/**
 * How a run stands. `alive`: says running, and a process may be carrying it out. `quiet`: says running, no process of
 * this checkout is seen, but it moved a moment ago (another host, a container) or processes can't be looked at. `gone`: says running and nobody is there.
 */
type RunLife = 'alive' | 'quiet' | 'gone' | 'halted' | 'over' | 'unknown';

/** One run, joined from ledger, sessions table and log. The ledger is the authority for status and times. */
export interface RunState {
  readonly id: string;
  readonly ledger: LedgerRow | undefined;
  readonly logged: Found<LoggedRun> | undefined;
  readonly name: string;
  /** What a newer run must share to supersede this one. */
  readonly build: string | undefined;
  readonly nativeStatus: string | undefined;
  /** The ledger answered and knows nothing of it: a line of a log alone makes no run that could be missed. */
  readonly isForeign: boolean;
  readonly life: RunLife;
  readonly process: ProcessInfo | undefined;
  readonly startedAt: Instant | undefined;
  readonly endedAt: Instant | undefined;
  /** Newest sign of life in log, turn directories and card history. */
  readonly lastAt: Instant | undefined;
  /** The same without the log, which may be emptied: since when a run stands still. */
  readonly stillSince: Instant | undefined;
  /** When it will count as gone if nothing comes. */
  readonly judgedAt: Instant | undefined;
  /** Newer runs of the same build. */
  readonly newer: readonly RunState[];
}

/** How long a run without a visible process is believed to be at work elsewhere. */
const UNSEEN_GRACE_MS = 60_000;

/** Joins what is known of every run, newest first. */
export function joinRuns(
  context: DeriveContext,
  facts: Collected,
  programs: Programs,
  turnActivity: (directory: string) => Instant | undefined,
): readonly RunState[] {
  const ids = new Set([...facts.ledger.keys(), ...facts.sessions.keys(), ...facts.loggedRuns.keys()]);
  const moved = movesByRun(facts);
  const drafts: Omit<RunState, 'life' | 'process' | 'judgedAt' | 'newer'>[] = [];
  for (const id of ids) {
    const ledger = facts.ledger.get(id);
    const session = facts.sessions.get(id);
    const logged = facts.loggedRuns.get(id);
    const isForeign = facts.tables.runs && !ledger && !session;
    const nativeStatus =
      ledger?.status ??
      session?.status ??
      logged?.fact.end?.status ??
      (logged && !isForeign ? 'running' : undefined);
    const startedAt = ledger?.startedAt ?? session?.startedAt ?? logged?.fact.start?.at;
    const endedAt = ledger?.endedAt ?? session?.endedAt ?? logged?.fact.end?.at;
    const durable = newest([
      turnActivity(directoryNameOf(id)),
      moved.get(id),
      ledger?.updatedAt,
      endedAt,
      startedAt,
    ]);
    const lastAt = newest([logged?.fact.last?.at, durable]);
    drafts.push({
      id,
      ledger,
      logged,
      name: ledger?.name ?? session?.name ?? logged?.fact.epic ?? id,
      build: ledger?.build ?? logged?.fact.build,
      nativeStatus,
      isForeign,
      startedAt,
      endedAt,
      lastAt,
      stillSince: durable ?? lastAt,
    });
  }
  // Without a process table nobody can be said to be gone.
  const canSee = context.facts.status('programs')?.state !== 'error';
  const carriers = carriersOf(programs, drafts.filter(saysRunning), {
    tasks: facts.apiTasks,
    carries: (run) => facts.apiSessions.get(run)?.fact.active,
  });
  const runs: (RunState & { newer: RunState[] })[] = drafts.map((draft) => ({
    ...draft,
    newer: [],
    ...judge(
      draft,
      carriers.get(draft.id),
      canSee ? context.now : undefined,
      facts.apiSessions.get(draft.id)?.fact.active,
    ),
  }));
  runs.sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0) || (a.id < b.id ? 1 : -1));
  const ofBuild = new Map<string, RunState[]>();
  for (const run of runs) {
    const key = run.build ?? `name ${run.name}`;
    const newer = ofBuild.get(key) ?? [];
    run.newer.push(...newer.slice(-50));
    ofBuild.set(key, [...newer, run]);
  }
  return runs;
}

type RunSigns = Pick<RunState, 'nativeStatus' | 'startedAt' | 'endedAt' | 'lastAt' | 'logged'>;

/** Neither ledger nor log tells an end. */
function saysRunning({ nativeStatus, endedAt, logged }: RunSigns): boolean {
  return isRunningStatus(nativeStatus ?? '') && endedAt === undefined && !logged?.fact.end;
}

function judge(
  signs: RunSigns,
  process: ProcessInfo | undefined,
  now: Instant | undefined,
  isActive: boolean | undefined,
): Pick<RunState, 'life' | 'process' | 'judgedAt'> {
  const nobody = { process: undefined, judgedAt: undefined };
  if (signs.nativeStatus === undefined) return { life: 'unknown', ...nobody };
  if (!isRunningStatus(signs.nativeStatus) || signs.endedAt !== undefined) return { life: 'over', ...nobody };
  // A halt cancels the task and writes nothing but this one line: the ledger says "running" for ever.
  // The line stands there for any id that was asked for: a run with a program of its own was not reached by it.
  const isReached = process === undefined || carrierOf(process) === 'server';
  if (signs.logged?.fact.halted && isReached && isActive !== true) return { life: 'halted', ...nobody };
  // The process ended the run and could not write the ledger, or the ledger was read a moment too early.
  if (signs.logged?.fact.end) return { life: 'over', ...nobody };
  if (process) return { life: 'alive', process, judgedAt: undefined };
  if (now === undefined) return { life: 'quiet', ...nobody };
  const judgedAt = signs.lastAt === undefined ? undefined : addMs(signs.lastAt, UNSEEN_GRACE_MS);
  if (judgedAt !== undefined && now < judgedAt) return { life: 'quiet', process: undefined, judgedAt };
  return { life: 'gone', ...nobody };
}

/** `running` in the ledger, `Started` in the sessions table. */
function isRunningStatus(status: string): boolean {
  return status === 'running' || status.toLowerCase() === 'started';
}

function movesByRun(facts: Collected): ReadonlyMap<string, Instant> {
  const newestMove = new Map<string, Instant>();
  for (const moves of facts.moves.values()) {
    for (const { run, at } of moves) {
      if (run !== undefined && at !== undefined && at > (newestMove.get(run) ?? 0)) newestMove.set(run, at);
    }
  }
  return newestMove;
}

/** The status of the ledger in our words. */
export function runStatusOf(run: RunState, isSilent: boolean): Run['status'] {
  switch (run.life) {
    case 'alive':
      return isSilent ? 'stalled' : 'running';
    case 'quiet':
      return 'running';
    case 'gone':
      return 'stalled';
    case 'halted':
      return 'halted';
    case 'unknown':
      return 'unknown';
    case 'over':
      break;
  }
  const status =
    run.logged?.fact.end && isRunningStatus(run.nativeStatus ?? '')
      ? run.logged.fact.end.status
      : run.nativeStatus;
  switch (status) {
    case 'done':
      return 'succeeded';
    case 'failed':
    case 'terminal_failure':
    case 'incomplete':
      return 'failed';
    default:
      return 'unknown';
  }
}

/** A crash is written a moment after the run's end. */
const CRASH_NEAR_MS = 10_000;

/** Where the run is told of, in the order a reader wants it. */
export function runTrail(run: RunState, facts: Collected): Evidence[] {
  const trail: Evidence[] = [];
  const { ledger, logged } = run;
  if (ledger) trail.push(ledgerEvidence(ledger, facts));
  if (logged?.fact.end) {
    const { end } = logged.fact;
    const failure = end.failureClass ? ` ${end.failureClass}` : '';
    trail.push(logEvidence(logged, end, `session_end ${end.status}${failure}`));
  }
  if (logged?.fact.halted) trail.push(logEvidence(logged, logged.fact.halted, 'session_halted'));
  const answer = facts.apiSessions.get(run.id);
  if (answer && run.endedAt === undefined) {
    const { active, task } = answer.fact;
    trail.push({
      source: answer.file.source,
      url: answer.file.path,
      text: `the API: ${active ? 'under way in its process' : 'not under way in its process'}${task ? `, task ${task}` : ''}`,
      at: answer.file.readAt,
    });
  }
  if (logged?.fact.stalled) {
    const { stalled } = logged.fact;
    const cards = stalled.backlog.map((card) => `${card.id}=${card.status}`).join(' ');
    trail.push(logEvidence(logged, stalled, `orchestrator_stalled ${stalled.reason ?? ''} ${cards}`.trim()));
  }
  if (run.process) trail.push(processEvidence(run.process));
  const crash = facts.crash;
  const endedAt = run.endedAt ?? run.lastAt;
  if (
    crash &&
    crash.fact.at >= (run.startedAt ?? 0) &&
    endedAt !== undefined &&
    crash.fact.at <= endedAt + CRASH_NEAR_MS
  ) {
    trail.push(logEvidence(crash, crash.fact, crash.fact.text));
  }
  if (logged?.fact.requeued && logged.fact.start) {
    trail.push(
      logEvidence(logged, logged.fact.start, `put back to ready: ${logged.fact.requeued.join(', ')}`),
    );
  }
  const last = logged?.fact.last;
  if (
    logged &&
    last &&
    !trail.some((one) => one.source === logged.file.source && one.offset === last.offset)
  ) {
    trail.push(logEvidence(logged, last, 'newest line of this run'));
  }
  return trail;
}

/** The ledger's row as a line of evidence. */
export function ledgerEvidence(row: LedgerRow, facts: Collected): Evidence {
  const failure = [row.failureClass, row.failureReason].filter((part) => part).join(': ');
  const counts = Object.entries(row.counts ?? {}).map(([status, count]) => `${count} ${status}`);
  const cards = counts.length > 0 ? ` (cards: ${counts.join(', ')})` : '';
  return compact({
    source: 'db',
    path: facts.db?.path,
    query: `run_ledger where session_id = '${row.id}'`,
    text: `${failure ? `${row.status}: ${failure}` : row.status}${cards}`,
    at: row.endedAt ?? row.updatedAt ?? row.startedAt,
  });
}

/** A line of a log as evidence. */
export function logEvidence(
  found: Found<unknown>,
  mark: { readonly at?: Instant; readonly offset: number },
  text: string,
): Evidence {
  return compact({
    source: found.file.source,
    path: found.file.path,
    offset: mark.offset,
    text,
    at: mark.at,
  });
}

/** A living process as evidence. */
export function processEvidence(process: ProcessInfo): Evidence {
  return {
    source: 'programs',
    pid: process.pid,
    text: process.argv.slice(0, 6).join(' '),
    at: process.startedAt,
  };
}
