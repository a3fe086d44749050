import type { Turn } from '../../domain/entity.ts';
import { addMs, type Instant } from '../../domain/instant.ts';
import type { RunState } from './derive-runs.ts';
import { clip, type Found, type LoggedTurn, type TurnFiles } from './facts.ts';

/** What a turn needs to know of its run: not how it moves. */
export interface TurnRun
  extends Pick<
    RunState,
    'id' | 'life' | 'isForeign' | 'nativeStatus' | 'startedAt' | 'endedAt' | 'process' | 'ledger'
  > {
  readonly failureClass: string | undefined;
}

/** The part of a run its turns are judged by. */
export function turnRunOf(run: RunState): TurnRun {
  const { id, life, isForeign, nativeStatus, startedAt, endedAt, process, ledger, logged } = run;
  const failureClass = ledger?.failureClass ?? logged?.fact.end?.failureClass;
  return { id, life, isForeign, nativeStatus, startedAt, endedAt, process, ledger, failureClass };
}

/** Whether turns of both are judged and told alike. Rows and processes are other objects whenever they were read again. */
export function isSameTurnRun(a: TurnRun, b: TurnRun): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** One turn, joined from its directory, orket.log and runtime_events.jsonl. */
export interface TurnState {
  readonly id: string;
  readonly run: TurnRun | undefined;
  /** Run id as the ledger writes it, else the directory's name. */
  readonly runId: string;
  /** Card id in its own spelling where any source tells it. */
  readonly card: string;
  readonly index: number;
  readonly role: string;
  readonly files: Found<TurnFiles> | undefined;
  readonly logged: Found<LoggedTurn> | undefined;
  readonly events: Found<LoggedTurn> | undefined;
  readonly startedAt: Instant | undefined;
  readonly lastAt: Instant | undefined;
}

/** What a turn's state is, why, and when it changes by itself. */
export interface TurnVerdict {
  readonly state: Turn['state'];
  /** In an operator's words; empty for a turn that is fine. */
  readonly why: string;
  readonly changesAt?: Instant;
}

/** A turn and its verdict. The same object as long as neither moved. */
export interface JudgedTurn {
  readonly turn: TurnState;
  readonly verdict: TurnVerdict;
}

/** How far a turn got, by its files: they are written in this order (turn_executor.py). */
export type Stage = 'nothing' | 'asked' | 'answered' | 'tools';

export function stageOf(files: TurnFiles | undefined): Stage {
  if (!files || files.names.length === 0) return 'nothing';
  // A directory used again keeps the files of the first use: only the prompt is known to be new.
  if (files.reopened) return 'asked';
  if (files.names.includes('checkpoint.json')) return 'tools';
  return files.names.some((name) => name.startsWith('model_response')) ? 'answered' : 'asked';
}

const COMPLETED: TurnVerdict = { state: 'completed', why: '' };

/**
 * Decides a turn's state. What the program wrote about its end comes first; where it wrote nothing (a model timeout
 * emits no turn_failed, the log is emptied after a good run), the files tell how far it got, and the run's life whether
 * anybody will still finish it.
 */
export function judgeTurn(turn: TurnState, silenceMs: number, now: Instant): TurnVerdict {
  const end = turn.logged?.fact.end ?? turn.events?.fact.end;
  const files = turn.files?.fact;
  const refused = turn.logged?.fact.refused;
  if (end?.how === 'complete') return COMPLETED;
  if (end?.how === 'failed') {
    const failed = failedResultOf(files);
    return {
      state: 'failed',
      why: [end.errorType, end.error ?? failed].filter((part) => part).join(': ') || 'turn_failed',
    };
  }
  if (end?.how === 'no-progress') {
    return { state: 'no-progress', why: end.error ?? 'the answer met no contract, nor did the second one' };
  }
  const stage = stageOf(files);
  if (stage === 'tools' && files) {
    const failed = failedResultOf(files);
    if (failed !== undefined) return { state: 'failed', why: failed };
    const wanted = files.checkpoint?.distinctCalls;
    if (wanted !== undefined && files.results.length >= wanted) return COMPLETED;
  }
  const life = turn.run?.life ?? 'unknown';
  if (life === 'alive' || life === 'quiet') {
    const silentAt = turn.lastAt === undefined ? undefined : addMs(turn.lastAt, silenceMs);
    if (silentAt !== undefined && now < silentAt) return { state: 'in-flight', why: '', changesAt: silentAt };
    const pid = turn.run?.process?.pid;
    return {
      state: 'stalled',
      why: `${WAITS_FOR[stage]}; ${pid === undefined ? 'its run may live' : `pid ${pid} lives`}`,
    };
  }
  if (stage === 'answered')
    return { state: 'no-progress', why: 'the model answered, its answer met no contract' };
  if (stage === 'tools') return unfinishedTools(turn, refused);
  if (life === 'unknown' && turn.run === undefined && stage === 'nothing') {
    return { state: 'unknown', why: 'began, and neither its run nor its files are known' };
  }
  return { state: 'dead', why: deathOf(turn.run) };
}

const WAITS_FOR: { readonly [stage in Stage]: string } = {
  nothing: 'silent since it began',
  asked: 'no answer from the model',
  answered: 'silent since the model answered',
  tools: 'silent between its tool calls',
};

function unfinishedTools(turn: TurnState, refused: LoggedTurn['refused']): TurnVerdict {
  const files = turn.files?.fact;
  const wanted = files?.checkpoint?.distinctCalls;
  const ran = files?.results.length ?? 0;
  const count =
    wanted === undefined
      ? `${ran} tool calls ran, checkpoint unreadable`
      : `${ran} of ${wanted} tool calls ran`;
  if (refused) {
    const how = refused.how === 'approval' ? 'waits for an approval' : refused.how;
    return {
      state: 'failed',
      why: `${refused.tool} ${how}: ${clip(refused.reason ?? '', 120)}`.replace(/: $/, ''),
    };
  }
  return {
    state: 'dead',
    why: `${turn.run?.life === 'gone' ? 'nobody runs it any more' : 'run over'}, ${count}`,
  };
}

function failedResultOf(files: TurnFiles | undefined): string | undefined {
  const failed = files?.results.find((result) => !result.ok);
  return failed && !files?.reopened
    ? `${failed.tool} failed${failed.error ? `: ${failed.error}` : ''}`
    : undefined;
}

/** What ended the run under a turn that nobody ended. */
function deathOf(run: TurnRun | undefined): string {
  if (run?.life === 'gone') return 'nobody runs it any more';
  if (run?.life === 'halted') return 'its run was halted';
  const failure = run?.failureClass;
  if (failure?.includes('Timeout')) return 'model timed out, run over, no turn_failed';
  if (failure) return `run over: ${failure}, no turn_failed`;
  return run === undefined ? 'no run of that id is known' : 'run over, nothing ended this turn';
}
