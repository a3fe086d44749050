import type { DueTimes } from '../../domain/due-times.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import type { ProcessInfo } from '../../domain/process.ts';
import { getNumber, type Json } from '../../lib/json.ts';
import type { FileFacts } from '../system.ts';
import type { Crew } from './crew.ts';
import { type CycleFact, instantOf, type LineFact, type PhaseFact } from './facts.ts';
import { BUDGET_GRACE_MS, DEFAULT_BUDGET_S, isPhase, SILENCE_MS, UNSEEN_MS } from './schema.ts';

/**
 * `waiting`: a person must type at its terminal. `stalled`: alive and past a limit it should have ended at. `unseen`:
 * its log moves (or a process might be it), and no process can be told. `dead`: gone with a cycle or a run open.
 */
export type LoopState = 'running' | 'waiting' | 'stalled' | 'unseen' | 'dead' | 'ended' | 'never';

/** Why a loop is stalled, and since when. */
export interface Stall {
  readonly form: 'phase' | 'deadline' | 'silence';
  readonly since: Instant;
  /** Lines still came after the limit had passed. */
  readonly isMoving: boolean;
  readonly phase: PhaseFact | undefined;
}

/** What is asked at the loop's terminal. */
export type Question = 'commit' | 'design' | 'continue' | 'unknown';

/** The Nomic loop as of now, from its log and the process table: its state file is never asked. */
export interface LoopView {
  readonly state: LoopState;
  readonly log: FileFacts | undefined;
  readonly process: ProcessInfo | undefined;
  readonly unattributed: readonly ProcessInfo[];
  /** The server inside the loop's program answered with a cycle of its own: it lives, wherever that is. */
  readonly isAnswering: boolean;
  /** The process began after the log's last line: what the log tells is of the loop before it. */
  readonly isLogFormer: boolean;
  readonly startedAt: Instant | undefined;
  readonly start: Json | undefined;
  /** `NOMIC LOOP COMPLETE`, with the number of cycles and commits. */
  readonly end: Json | undefined;
  readonly endedAt: Instant | undefined;
  readonly cycles: readonly CycleFact[];
  /** The newest cycle, open or not. */
  readonly newest: CycleFact | undefined;
  /** The newest cycle while it has no outcome. */
  readonly open: CycleFact | undefined;
  readonly phase: PhaseFact | undefined;
  readonly last: LineFact | undefined;
  readonly stall: Stall | undefined;
  readonly question: Question | undefined;
}

/** Joins log and process table. */
export function loopViewOf(
  log: FileFacts | undefined,
  crew: Crew,
  isAnswering: boolean,
  due: DueTimes,
): LoopView {
  const fact = (key: string): Json | undefined => log?.facts.get(key);
  const cycles = cyclesOf(log);
  const newest = cycles.at(-1);
  const isOpen = newest !== undefined && newest.outcome === null && !newest.cut;
  const open = isOpen ? newest : undefined;
  const lastPhase = open?.phases.at(-1);
  const phase = lastPhase && lastPhase.endOffset === null ? lastPhase : undefined;
  const end = fact('end');
  const last = fact('last') as LineFact | undefined;
  const process = crew.loops[0];
  const base = {
    log,
    process,
    unattributed: crew.unattributed,
    isAnswering,
    isLogFormer: process !== undefined && isYounger(process, last),
    start: fact('loop'),
    startedAt: instantOf(fact('loop'), 'at'),
    end,
    endedAt: instantOf(end, 'at'),
    cycles,
    newest,
    open,
    phase,
    last,
  };
  const stall = stallOf(base, due);
  const question = process ? questionOf(process, base, fact('prompt'), due) : undefined;
  return { ...base, stall, question, state: stateOf(base, stall, question, due) };
}

type Base = Omit<LoopView, 'state' | 'stall' | 'question'>;

function cyclesOf(log: FileFacts | undefined): readonly CycleFact[] {
  const cycles: CycleFact[] = [];
  for (const [key, value] of log?.facts ?? []) {
    if (key.startsWith('cycle/')) cycles.push(value as unknown as CycleFact);
  }
  return cycles.sort((a, b) => a.seq - b.seq);
}

function stateOf(
  base: Base,
  stall: Stall | undefined,
  question: Question | undefined,
  due: DueTimes,
): LoopState {
  const { process, end, start, open, last, log } = base;
  if (process && question) return 'waiting';
  if (process || (base.isAnswering && log && !end)) return stall && (open || !end) ? 'stalled' : 'running';
  if (!log || (!start && !open && !last)) return 'never';
  if (end) return 'ended';
  if (base.unattributed.length > 0) return 'unseen';
  const moved = last?.at ?? log.modifiedAt;
  return moved === undefined || moved === null || due.isPast(addMs(moved, UNSEEN_MS)) ? 'dead' : 'unseen';
}

/** Seconds a phase may take, and whether its log line said so. */
export function budgetOf(phase: PhaseFact): number | undefined {
  return phase.budgetS ?? (isPhase(phase.name) ? DEFAULT_BUDGET_S[phase.name] : undefined);
}

/** When a phase's budget ends. */
export function phaseEndOf(phase: PhaseFact): Instant | undefined {
  const budget = budgetOf(phase);
  return phase.at === null || budget === undefined ? undefined : addMs(phase.at, budget * 1000);
}

/** A limit that should have ended something by itself and did not, the earliest one. */
function stallOf(base: Base, due: DueTimes): Stall | undefined {
  const { open, phase, last } = base;
  const limits: { form: Stall['form']; at: Instant }[] = [];
  if (base.isLogFormer) return undefined;
  const phaseEnd = phase ? phaseEndOf(phase) : undefined;
  if (phaseEnd !== undefined) limits.push({ form: 'phase', at: phaseEnd });
  if (open?.deadline) limits.push({ form: 'deadline', at: open.deadline });
  // Inside a phase silence is not judged: its budget is.
  if (phaseEnd === undefined && last?.at && !base.end) {
    limits.push({ form: 'silence', at: addMs(last.at, SILENCE_MS) });
  }
  const passed = limits
    .filter(({ at }) => due.isPast(addMs(at, BUDGET_GRACE_MS)))
    .sort((a, b) => a.at - b.at)[0];
  if (!passed) return undefined;
  const isMoving = last?.at !== null && last?.at !== undefined && last.at > addMs(passed.at, BUDGET_GRACE_MS);
  return { form: passed.form, since: passed.at, isMoving, phase };
}

function isYounger(process: ProcessInfo, last: LineFact | undefined): boolean {
  return last?.at !== undefined && last.at !== null && process.startedAt > addMs(last.at, 2_000);
}

/** How long the last line must be a question before we believe it of a process that can't be looked into. */
const QUESTION_MS = 30_000;

/**
 * The prompts are `input()`: no phase budget ends them, and the line before the prompt is the log's last. Only what the
 * process table sees is proof; of another user's process the log's last line alone tells.
 */
function questionOf(
  process: ProcessInfo,
  base: Base,
  prompt: Json | undefined,
  due: DueTimes,
): Question | undefined {
  if (base.isLogFormer) return process.readsTerminal ? 'unknown' : undefined;
  if (process.readsTerminal) {
    if (prompt !== undefined) return 'commit';
    if (base.phase?.name === 'design') return 'design';
    if (base.phase?.name === 'commit') return 'commit';
    return base.newest && !base.open ? 'continue' : 'unknown';
  }
  const at = instantOf(prompt, 'at');
  if (at === undefined || process.terminal === undefined) return undefined;
  return due.isPast(addMs(at, QUESTION_MS)) ? 'commit' : undefined;
}

/** Cycles and commits the loop counted when it ended. */
export function countsOf(end: Json | undefined): { cycles: number | undefined; commits: number | undefined } {
  return { cycles: getNumber(end, 'cycles'), commits: getNumber(end, 'commits') };
}
