import { type Evidence, type Run, trailOf } from '../../domain/entity.ts';
import { clockText, type Instant, instant } from '../../domain/instant.ts';
import { getBoolean, getNumber, getString, type Json } from '../../lib/json.ts';
import type { FileFacts } from '../system.ts';
import { entityBase, evidenceOf, spanText, textsOf } from './draft.ts';
import { type CycleFact, instantOf } from './facts.ts';
import { cycleKey, phaseKey } from './parse-loop.ts';
import type { Scene } from './scene.ts';

/** A cycle as the log, cycles.db and outcomes.db tell it together. */
export interface CycleView {
  readonly id: string;
  readonly log: CycleFact | undefined;
  readonly row: Json | undefined;
  readonly startedAt: Instant | undefined;
  readonly endedAt: Instant | undefined;
  readonly status: Run['status'];
  /** The outcome's name, as the program calls it. */
  readonly outcome: string | undefined;
  /** It ended without an outcome: killed, or cut off by a new start. */
  readonly isCut: boolean;
}

/** Two times for one start: the log's and the database's. */
const SAME_START_MS = 30_000;

/**
 * Every known cycle, oldest first. The log knows why a cycle ended and what runs now; cycles.db remembers those whose
 * log is gone. They are one by the id's first eight digits, else by their start.
 */
export function cyclesOf(scene: Scene): readonly CycleView[] {
  const { loop } = scene;
  const rows = new Map<string, Json>();
  for (const [key, row] of scene.file('nomic.cycles')?.facts ?? []) {
    if (key.startsWith('cycle/')) rows.set((getString(row, 'id') ?? '').slice(0, 8).toLowerCase(), row);
  }
  const views: CycleView[] = [];
  for (const cycle of loop.cycles) {
    const row = cycle.id === null ? rowByStart(rows, cycle.at) : rows.get(cycle.id.toLowerCase());
    const key = getString(row, 'id')?.slice(0, 8).toLowerCase();
    if (key !== undefined) rows.delete(key);
    views.push(viewOf(scene, cycle, row));
  }
  for (const [key, row] of rows) {
    const success = getNumber(row, 'success');
    views.push({
      id: key,
      log: undefined,
      row,
      startedAt: instantOf(row, 'at'),
      endedAt: instantOf(row, 'endAt'),
      status: success === 1 ? 'succeeded' : success === 0 ? 'failed' : 'unknown',
      outcome: undefined,
      isCut: false,
    });
  }
  return views.sort(
    (a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0) || (a.log?.seq ?? 0) - (b.log?.seq ?? 0),
  );
}

function rowByStart(rows: ReadonlyMap<string, Json>, at: Instant | null): Json | undefined {
  if (at === null) return undefined;
  for (const row of rows.values()) {
    const start = instantOf(row, 'at');
    if (start !== undefined && Math.abs(start - at) < SAME_START_MS) return row;
  }
  return undefined;
}

function viewOf(scene: Scene, cycle: CycleFact, row: Json | undefined): CycleView {
  const { loop } = scene;
  const base = {
    id: cycleKey(cycle),
    log: cycle,
    row,
    startedAt: cycle.at ?? instantOf(row, 'at'),
    endedAt: cycle.endAt ?? undefined,
    outcome: cycle.outcome ?? undefined,
  };
  if (cycle.outcome !== null) return { ...base, status: statusOf(cycle.outcome), isCut: false };
  const isOpen = !cycle.cut && cycle.seq === loop.open?.seq && !loop.isLogFormer;
  if (isOpen && loop.state !== 'dead') {
    const status = loop.state === 'stalled' ? 'stalled' : loop.state === 'unseen' ? 'unknown' : 'running';
    return { ...base, status, isCut: false };
  }
  // No outcome will come. The database may know more: it gets a row even where the log was cut.
  const success = getNumber(row, 'success');
  const endedAt = base.endedAt ?? instantOf(row, 'endAt') ?? loop.last?.at ?? undefined;
  return { ...base, endedAt, status: success === 1 ? 'succeeded' : 'failed', isCut: row === undefined };
}

function statusOf(outcome: string): Run['status'] {
  if (outcome === 'success' || outcome === 'partial_success') return 'succeeded';
  if (outcome === 'not_committed' || outcome === 'skipped_deadlock' || outcome === 'deadline_reached') {
    return 'halted';
  }
  return 'failed';
}

/** What an outcome means, in an operator's words. */
export function outcomeText(outcome: string): string {
  const known: { readonly [name: string]: string } = {
    success: 'committed',
    partial_success: 'done in part',
    no_consensus: 'the debate found no consensus',
    design_no_consensus: 'the design found no consensus',
    not_committed: 'not committed',
    implementation_failed: 'the implementation failed',
    verification_failed: 'the checks failed, changes taken back',
    verification_failed_no_rollback: 'the checks failed, changes left in place',
    deadline_reached: 'stopped at its deadline',
    cycle_timeout: 'cut at its time budget',
    cycle_crashed: 'crashed',
    skipped_deadlock: 'skipped: it kept failing the same way',
    protected_files_violation: 'touched protected files',
    protected_files_damaged: 'protected files damaged',
    constitution_violation: 'broke the constitution',
  };
  if (Object.hasOwn(known, outcome)) return known[outcome] ?? outcome;
  const phase = /^(context|debate|design|implement|verify|commit)_(timeout|crashed|crash)$/.exec(outcome);
  if (phase) return `${phase[1]} ${phase[2] === 'timeout' ? 'ran out of time' : 'crashed'}`;
  return outcome.replaceAll('_', ' ');
}

/** Runs of the pipeline: one for each cycle. */
export function runsOf(scene: Scene, cycles: readonly CycleView[]): readonly Run[] {
  return cycles.map((cycle) => runOf(scene, cycle, cycles));
}

function runOf(scene: Scene, cycle: CycleView, all: readonly CycleView[]): Run {
  const { log } = cycle;
  const logFile = scene.loop.log;
  const dbFile = scene.file('nomic.cycles');
  const name = log ? `cycle ${log.n}` : `cycle ${cycle.id}`;
  const what = cycle.outcome
    ? outcomeText(cycle.outcome)
    : cycle.isCut
      ? 'ended without an outcome'
      : cycle.status === 'running' || cycle.status === 'stalled' || cycle.status === 'unknown'
        ? openText(cycle)
        : cycle.status;
  const row = dbFile && cycle.row ? rowEvidence(dbFile, cycle.row) : undefined;
  const first =
    log && logFile
      ? evidenceOf(logFile, { offset: log.outcomeOffset ?? log.offset, at: cycle.endedAt ?? log.at }, what)
      : (row ?? { source: 'nomic.cycles' });
  return {
    ...entityBase(scene, cycle.id, log ? logFile : dbFile),
    type: 'run',
    title: `${name}: ${what}`,
    status: cycle.status,
    ...(cycle.outcome === undefined ? {} : { nativeStatus: cycle.outcome }),
    ...(cycle.startedAt === undefined ? {} : { startedAt: cycle.startedAt }),
    ...(cycle.endedAt === undefined ? {} : { endedAt: cycle.endedAt }),
    evidence: first,
    trail: trailOf(
      ...(log && logFile ? logTrail(scene, logFile, log) : []),
      log ? row : undefined,
      testsOf(scene, cycle, all),
    ),
    logKeys: [cycle.id, ...(log?.id === null || !log ? [] : [log.id])].filter(
      (key, index, keys) => keys.indexOf(key) === index,
    ),
    cautions: textsOf(
      log?.refused && 'no terminal, so the commit was refused: the changes are still in the working tree',
      cycle.outcome === 'partial_success' && 'the program counts a part as success',
      cycle.isCut && 'killed cycles roll nothing back: look for uncommitted changes',
    ),
    ...(log ? { data: { cycle: log.n } } : {}),
  };
}

function openText(cycle: CycleView): string {
  const phase = cycle.log?.phases.at(-1);
  return phase && phase.endOffset === null ? `in ${phase.name}` : 'between phases';
}

/** The phases of a cycle, its budget lines and how it was broken off, in their order. */
export function logTrail(scene: Scene, file: FileFacts, cycle: CycleFact): readonly Evidence[] {
  const budget = cycle.budgetS === null ? '' : `, ${spanText(cycle.budgetS)} budget`;
  const until = cycle.deadline === null ? '' : ` until ${clockText(cycle.deadline, scene.now)}`;
  const lines: Evidence[] = [
    evidenceOf(file, { offset: cycle.offset, at: cycle.at }, `cycle ${cycle.n} began${budget}${until}`),
  ];
  for (const phase of cycle.phases) {
    const limit = phase.budgetS === null ? '' : ` of ${spanText(phase.budgetS)}`;
    const how = phase.timedOut
      ? `ran out of its ${phase.budgetS === null ? 'budget' : spanText(phase.budgetS)}`
      : phase.seconds !== null
        ? `done in ${spanText(phase.seconds)}${limit}`
        : phase.endOffset === null
          ? `began${phase.budgetS === null ? '' : `, ${spanText(phase.budgetS)} budget`}`
          : 'left without an end';
    const retry = phase.retry > 0 ? ` (retry ${phase.retry})` : '';
    const place = { offset: phase.endOffset ?? phase.offset, at: phase.endAt ?? phase.at };
    lines.push(evidenceOf(file, place, `${phase.name}${retry} ${how}`));
  }
  for (const line of [cycle.warning, cycle.breakLine]) if (line) lines.push(evidenceOf(file, line));
  return lines.sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
}

function rowEvidence(file: FileFacts, row: Json): Evidence {
  const success = getNumber(row, 'success');
  const seconds = getNumber(row, 'durationS');
  const parts = textsOf(
    success === 1 ? 'success' : success === 0 ? 'failed' : 'no result',
    seconds !== undefined && `after ${spanText(seconds)}`,
    getString(row, 'error'),
    getString(row, 'commit') && `commit ${getString(row, 'commit')?.slice(0, 12)}`,
    getBoolean(row, 'rolledBack') === true && 'rolled back',
  );
  const at = instantOf(row, 'endAt') ?? instantOf(row, 'at');
  return {
    source: file.source,
    path: file.path,
    query: `SELECT * FROM cycles WHERE cycle_id = '${(getString(row, 'id') ?? '').replaceAll("'", "''")}'`,
    text: parts.join(', '),
    ...(at === undefined ? {} : { at }),
  };
}

/** A row of outcomes.db belongs to the run of that number whose end it was written at: later runs overwrite it. */
function testsOf(scene: Scene, cycle: CycleView, all: readonly CycleView[]): Evidence | undefined {
  const file = scene.file('nomic.outcomes');
  const n = cycle.log?.n;
  const fact = n === undefined ? undefined : file?.facts.get(`outcome/${n}`);
  const at = instantOf(fact, 'at');
  if (!file || fact === undefined || at === undefined || cycle.startedAt === undefined) return undefined;
  const next = all.find((one) => (one.startedAt ?? 0) > (cycle.startedAt ?? 0));
  if (at < cycle.startedAt || (next?.startedAt !== undefined && at >= next.startedAt)) return undefined;
  const parts = textsOf(
    `tests ${getNumber(fact, 'passed') ?? 0} passed, ${getNumber(fact, 'failed') ?? 0} failed`,
    getBoolean(fact, 'rolledBack') === true && 'rolled back',
    getString(fact, 'reason'),
  );
  return {
    source: file.source,
    path: file.path,
    query: `SELECT * FROM outcomes WHERE debate_id = 'nomic-cycle-${n}'`,
    text: parts.join(', '),
    at: instant(at),
  };
}

/** What marks the lines of a cycle's phase, for the lens. */
export function phaseKeys(cycle: CycleFact | undefined, phase: string): readonly string[] {
  return cycle ? [phaseKey(cycle, phase)] : [];
}
