import type { SystemId, Turn } from '../../domain/entity.ts';
import { earliest, type Instant } from '../../domain/instant.ts';
import type { FactsOf } from '../system.ts';
import type { Collected } from './collect.ts';
import type { RunState } from './derive-runs.ts';
import { isLater, isSameTurn, joinTurn, quietTurnEntity, type TurnLogs } from './derive-turns.ts';
import type { Found, LoggedTurn } from './facts.ts';
import { isSameTurnRun, type JudgedTurn, judgeTurn, type TurnRun, turnRunOf } from './judge-turn.ts';
import { directoryNameOf } from './schema.ts';
import type { RunFiles } from './turn-files.ts';

/** The turns of one run, judged. The same object as long as nothing moved that they are made of. */
export interface RunTurns {
  /** The directory name of the run. */
  readonly key: string;
  readonly turns: ReadonlyMap<string, JudgedTurn>;
  /** Those that are complete, as entities. */
  readonly quiet: readonly Turn[];
  /** All others. */
  readonly open: readonly JudgedTurn[];
  /** The newest turn of each card. */
  readonly newest: ReadonlyMap<string, JudgedTurn>;
  /** The newest sign of life in the turns of each card. */
  readonly beats: ReadonlyMap<string, Instant>;
  /** When one of them is to be judged anew, though nothing moves. */
  readonly changesAt: Instant | undefined;
}

/** What the turns of one run are made of. */
interface Basis {
  readonly system: SystemId;
  readonly silenceMs: number;
  readonly files: RunFiles | undefined;
  readonly run: TurnRun | undefined;
  /** By turn id. */
  readonly logs: ReadonlyMap<string, TurnLogs>;
}

interface Kept extends RunTurns {
  readonly basis: Basis;
  readonly judgedAt: Instant;
  /** What the directory names of issues were taken for. */
  readonly cards: ReadonlyMap<string, string | undefined>;
}

/** As of when, and for whom, turns are judged. */
export interface Judging {
  readonly system: SystemId;
  readonly silenceMs: number;
  readonly now: Instant;
  /** By directory name. */
  runOf(directory: string): RunState | undefined;
}

/** The turns of one system, kept by run from one derivation to the next: of ten thousand, those of one run moved. */
export class TurnBook {
  #runs = new Map<string, Kept>();

  /** All turns as of now. */
  judge(facts: Collected, judging: Judging): readonly RunTurns[] {
    const { system, silenceMs, now } = judging;
    const logs = logsByRun(facts);
    const next = new Map<string, Kept>();
    for (const key of new Set([...facts.turnFiles.runs.keys(), ...logs.keys()])) {
      const known = this.#runs.get(key);
      const basis: Basis = {
        system,
        silenceMs,
        files: facts.turnFiles.runs.get(key),
        run: keptRun(known?.basis.run, judging.runOf(key)),
        logs: logs.get(key) ?? NO_LOGS,
      };
      const holds = known !== undefined && isSameBasis(known.basis, basis) && isStillSo(known, facts, now);
      next.set(key, holds ? known : makeRunTurns(key, basis, known, facts, now));
    }
    this.#runs = next;
    return [...next.values()];
  }
}

const books = new WeakMap<FactsOf, TurnBook>();

/** The book of the system these facts are of. */
export function turnBookOf(facts: FactsOf): TurnBook {
  const book = books.get(facts) ?? new TurnBook();
  books.set(facts, book);
  return book;
}

const NO_LOGS: ReadonlyMap<string, TurnLogs> = new Map();
const NO_FILES: RunFiles['turns'] = new Map();

/** What the logs tell of turns, by the directory name of the run they are counted to. */
function logsByRun(facts: Collected): ReadonlyMap<string, ReadonlyMap<string, TurnLogs>> {
  const runs = new Map<string, Map<string, TurnLogs>>();
  const add = (id: string, { fact }: Found<LoggedTurn>): void => {
    const key = directoryNameOf(facts.turnFiles.get(id)?.fact.run ?? fact.run);
    const turns = runs.get(key) ?? new Map<string, TurnLogs>();
    runs.set(key, turns.set(id, { logged: facts.loggedTurns.get(id), events: facts.eventTurns.get(id) }));
  };
  for (const [id, found] of facts.loggedTurns) add(id, found);
  for (const [id, found] of facts.eventTurns) if (!facts.loggedTurns.has(id)) add(id, found);
  return runs;
}

function keptRun(known: TurnRun | undefined, run: RunState | undefined): TurnRun | undefined {
  const now = run && turnRunOf(run);
  return known && now && isSameTurnRun(known, now) ? known : now;
}

function isSameBasis(a: Basis, b: Basis): boolean {
  return (
    a.system === b.system &&
    a.silenceMs === b.silenceMs &&
    a.files === b.files &&
    a.run === b.run &&
    a.logs.size === b.logs.size &&
    [...b.logs].every(([id, logs]) => isSameLogs(a.logs.get(id), logs))
  );
}

function isSameLogs(a: TurnLogs | undefined, b: TurnLogs): boolean {
  return (
    a?.logged?.fact === b.logged?.fact &&
    a?.logged?.file === b.logged?.file &&
    a?.events?.fact === b.events?.fact &&
    a?.events?.file === b.events?.file
  );
}

/** Whether they would be judged as they were: the clock may also have been set back. */
function isStillSo({ judgedAt, changesAt, cards }: Kept, facts: Collected, now: Instant): boolean {
  if (now < judgedAt || (changesAt !== undefined && now >= changesAt)) return false;
  for (const [issue, card] of cards) if (facts.cardOfDirectory.get(issue) !== card) return false;
  return true;
}

function makeRunTurns(
  key: string,
  basis: Basis,
  known: Kept | undefined,
  facts: Collected,
  now: Instant,
): Kept {
  const { system, silenceMs, files, run, logs } = basis;
  const turns = new Map<string, JudgedTurn>();
  const cards = new Map<string, string | undefined>();
  const quiet: Turn[] = [];
  const open: JudgedTurn[] = [];
  const newestOf = new Map<string, JudgedTurn>();
  const beats = new Map<string, Instant>();
  let changesAt: Instant | undefined;
  const inFiles = files?.turns ?? NO_FILES;
  const ids = logs.size === 0 ? inFiles.keys() : new Set([...inFiles.keys(), ...logs.keys()]);
  for (const id of ids) {
    const found = inFiles.get(id);
    if (found) cards.set(found.fact.issue, facts.cardOfDirectory.get(found.fact.issue));
    const joined = joinTurn(id, found, logs.get(id), run, facts.cardOfDirectory);
    if (!joined) continue;
    const before = known?.turns.get(id);
    const turn = before && isSameTurn(before.turn, joined) ? before.turn : joined;
    const verdict = judgeTurn(turn, silenceMs, now);
    const judged =
      before?.turn === turn && before.verdict.state === verdict.state && before.verdict.why === verdict.why
        ? before
        : { turn, verdict };
    turns.set(id, judged);
    changesAt = earliest(changesAt, verdict.changesAt);
    if (verdict.state === 'completed') quiet.push(quietTurnEntity(system, judged));
    else open.push(judged);
    const newest = newestOf.get(turn.card);
    if (!newest || isLater(turn, newest.turn)) newestOf.set(turn.card, judged);
    if (turn.lastAt !== undefined && turn.lastAt > (beats.get(turn.card) ?? 0))
      beats.set(turn.card, turn.lastAt);
  }
  return { key, turns, quiet, open, newest: newestOf, beats, changesAt, basis, judgedAt: now, cards };
}
