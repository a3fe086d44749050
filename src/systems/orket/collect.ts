import type { Instant } from '../../domain/instant.ts';
import { getNumber } from '../../lib/json.ts';
import type { DeriveContext, FactsOf, FileFacts } from '../system.ts';
import {
  type CardMove,
  type CardRow,
  type CommentRow,
  type FailureReport,
  type Found,
  fromJson,
  type GateRow,
  type Health,
  type KeeperState,
  type LastLine,
  type LedgerRow,
  type LoggedCard,
  type LoggedRun,
  type LoggedTurn,
  type ModelRetry,
  type PromptMetrics,
  type ProposalRow,
  type SessionAnswer,
  type SessionRow,
  type Verification,
  type Violation,
} from './facts.ts';
import { directoryNameOf, isSafeDirectory } from './schema.ts';
import { sourceIdsOf } from './sources.ts';
import { TurnShelf } from './turn-files.ts';

/** Everything the sources say, keyed by what it is about; sources are joined from here on. */
export interface Collected {
  readonly logs: readonly FileFacts[];
  readonly db: FileFacts | undefined;
  /** Whether the tables have answered; a table that is not there yet says nothing about rows. */
  readonly tables: {
    readonly cards: boolean;
    readonly runs: boolean;
    readonly gates: boolean;
    /** Queries that named a column it does not have, each with what SQLite said. */
    readonly lacking: readonly string[];
  };
  readonly cards: ReadonlyMap<string, CardRow>;
  /** Cards by the directory name their turns have. */
  readonly cardOfDirectory: ReadonlyMap<string, string>;
  readonly moves: ReadonlyMap<string, readonly CardMove[]>;
  readonly ledger: ReadonlyMap<string, LedgerRow>;
  readonly sessions: ReadonlyMap<string, SessionRow>;
  readonly gates: readonly GateRow[];
  /** The newest comment of each card. */
  readonly comments: ReadonlyMap<string, CommentRow>;
  readonly loggedRuns: ReadonlyMap<string, Found<LoggedRun>>;
  readonly loggedTurns: ReadonlyMap<string, Found<LoggedTurn>>;
  readonly eventTurns: ReadonlyMap<string, Found<LoggedTurn>>;
  readonly loggedCards: ReadonlyMap<string, Found<LoggedCard>>;
  readonly turnFiles: TurnShelf;
  readonly violations: ReadonlyMap<string, Found<Violation>>;
  readonly verifications: readonly Found<Verification>[];
  readonly modelRetry: Found<ModelRetry> | undefined;
  readonly lastLine: Found<LastLine> | undefined;
  readonly crash: Found<{ at: Instant; offset: number; text: string }> | undefined;
  readonly health: Found<Health> | undefined;
  readonly webhookHealth: Found<Health> | undefined;
  /** What keeps the servers, where that was set and has answered. */
  readonly keepers: {
    readonly api: Found<KeeperState> | undefined;
    readonly webhook: Found<KeeperState> | undefined;
  };
  /** Runs the API process says it has under way, when it was asked and answered. */
  readonly apiTasks: number | undefined;
  /** What the API says of single runs. */
  readonly apiSessions: ReadonlyMap<string, Found<SessionAnswer>>;
  /** Tool calls of outward runs: as the database has them, else as the API lists them. */
  readonly proposals: readonly Found<ProposalRow>[];
  /** Whether gates can be decided over HTTP; undefined while that is not known. */
  readonly gatesAnswerable: boolean | undefined;
  readonly failureReport: Found<FailureReport> | undefined;
  readonly promptMetrics: Found<PromptMetrics> | undefined;
  /** Names `--epic` accepts, from the files below `model/`. */
  readonly epics: readonly string[];
  /** Workspaces of runs that lie outside `<root>/workspace/`. */
  readonly outside: readonly string[];
}

const MOST_OUTSIDE = 8;

/** Sorts the facts of all sources. */
export function collect(context: DeriveContext): Collected {
  const { facts, located } = context;
  const db = facts.files('db')[0];
  const rows = rowsOf(db);
  const outside = outsideOf(rows.ledger, located.root, () => new Set(namesBelow(context)));
  const filesOf = (sort: string): readonly FileFacts[] =>
    outside.length === 0 ? facts.files(sort) : sourceIdsOf(sort, outside).flatMap((id) => facts.files(id));
  const logs = [...filesOf('orket.log'), ...facts.files('orket.log.api')];
  const loggedRuns = new Map<string, Found<LoggedRun>>();
  const loggedTurns = new Map<string, Found<LoggedTurn>>();
  const loggedCards = new Map<string, Found<LoggedCard>>();
  let modelRetry: Found<ModelRetry> | undefined;
  let lastLine: Found<LastLine> | undefined;
  for (const file of logs) {
    for (const [key, value] of file.facts) {
      if (key.startsWith('turn/')) keepNewer(loggedTurns, key.slice(5), { fact: value as LoggedTurn, file });
      else if (key.startsWith('run/'))
        keepNewer(loggedRuns, key.slice(4), { fact: value as LoggedRun, file });
      else if (key.startsWith('card/')) loggedCards.set(key.slice(5), { fact: value as LoggedCard, file });
    }
    const retry = fromJson<ModelRetry>(file.facts.get('model'));
    if (retry && (retry.at ?? 0) >= (modelRetry?.fact.at ?? 0)) modelRetry = { fact: retry, file };
    const last = fromJson<LastLine>(file.facts.get('last'));
    if (last && last.at > (lastLine?.fact.at ?? 0)) lastLine = { fact: last, file };
  }
  const eventTurns = new Map<string, Found<LoggedTurn>>();
  for (const file of filesOf('events')) {
    for (const [key, value] of file.facts) {
      if (key.startsWith('turn/')) eventTurns.set(key.slice(5), { fact: value as LoggedTurn, file });
    }
  }
  const turnFiles = shelfOf(facts);
  turnFiles.take(sourceIdsOf('turns', outside), facts);
  const violations = new Map<string, Found<Violation>>();
  for (const file of filesOf('violations')) {
    const fact = fromJson<Violation>(file.facts.get('document'));
    if (fact && file.present) violations.set(fact.card, { fact, file });
  }
  const verifications = filesOf('verification').flatMap((file): Found<Verification>[] => {
    const fact = fromJson<Verification>(file.facts.get('document'));
    return fact && file.present ? [{ fact, file }] : [];
  });
  const one = <T>(source: string, key: string): Found<T> | undefined => {
    const file = facts.files(source)[0];
    const fact = fromJson<T>(file?.facts.get(key));
    return file && fact && file.present ? { fact, file } : undefined;
  };
  const apiSessions = new Map<string, Found<SessionAnswer>>();
  for (const run of rows.ledger.values()) {
    if (run.endedAt !== undefined) continue;
    const answer = one<SessionAnswer>(`api.session@${run.id}`, 'session');
    if (answer) apiSessions.set(run.id, answer);
  }
  const active = getNumber(facts.files('api.heartbeat')[0]?.facts.get('active'), 'count');
  return {
    ...rows,
    logs,
    db,
    loggedRuns,
    loggedTurns,
    loggedCards,
    eventTurns,
    turnFiles,
    violations,
    verifications,
    modelRetry,
    lastLine,
    crash: newestCrash(filesOf('crash')),
    health: one('api.health', 'health'),
    webhookHealth: one('webhook.health', 'health'),
    keepers: { api: one('api.keeper', 'keeper'), webhook: one('webhook.keeper', 'keeper') },
    apiTasks: active,
    apiSessions,
    proposals: proposalsOf(facts.files('proposals')[0], facts.files('api.approvals')[0]),
    gatesAnswerable: one<{ offered: boolean }>('api.approvals', 'approvals')?.fact.offered,
    failureReport: one('report.failures', 'document'),
    promptMetrics: one('report.prompts', 'document'),
    epics: facts.files('epics').flatMap(epicName),
    outside,
  };
}

/** The turns of each system are sorted once. */
const shelves = new WeakMap<FactsOf, TurnShelf>();

function shelfOf(facts: FactsOf): TurnShelf {
  const shelf = shelves.get(facts) ?? new TurnShelf();
  shelves.set(facts, shelf);
  return shelf;
}

function proposalsOf(
  database: FileFacts | undefined,
  listed: FileFacts | undefined,
): readonly Found<ProposalRow>[] {
  const found = new Map<string, Found<ProposalRow>>();
  for (const file of [listed, database]) {
    if (!file?.present) continue;
    for (const [key, value] of file.facts) {
      if (key.startsWith('proposal/')) found.set(key, { fact: value as ProposalRow, file });
    }
  }
  return [...found.values()];
}

/** The same event stands in the log of every workspace its process has touched: the one that knows most wins. */
function keepNewer<T extends LoggedRun | LoggedTurn>(
  map: Map<string, Found<T>>,
  id: string,
  found: Found<T>,
): void {
  const known = map.get(id);
  const newer = (found.fact.last?.at ?? 0) - (known?.fact.last?.at ?? 0);
  if (!known || newer > 0 || (newer === 0 && !known.fact.end && found.fact.end)) map.set(id, found);
}

type Rows = Pick<
  Collected,
  'tables' | 'cards' | 'cardOfDirectory' | 'moves' | 'ledger' | 'sessions' | 'gates' | 'comments'
>;

/** Rows sorted once per reading of the database: its facts are replaced whole whenever it was read. */
const knownRows = new WeakMap<FileFacts['facts'], Rows>();

function rowsOf(db: FileFacts | undefined): Rows {
  const known = db && knownRows.get(db.facts);
  if (known) return known;
  const rows = sortRows(db);
  if (db && rows.cards.size > 0) knownRows.set(db.facts, rows);
  return rows;
}

function sortRows(db: FileFacts | undefined): Rows {
  const cards = new Map<string, CardRow>();
  const cardOfDirectory = new Map<string, string>();
  const moves = new Map<string, readonly CardMove[]>();
  const ledger = new Map<string, LedgerRow>();
  const sessions = new Map<string, SessionRow>();
  const gates: GateRow[] = [];
  const comments = new Map<string, CommentRow>();
  for (const [key, value] of db?.facts ?? []) {
    if (key.startsWith('card/')) {
      const card = value as CardRow;
      cards.set(card.id, card);
      cardOfDirectory.set(directoryNameOf(card.id), card.id);
    } else if (key.startsWith('move/')) moves.set(key.slice(5), value as unknown as readonly CardMove[]);
    else if (key.startsWith('run/')) ledger.set(key.slice(4), value as LedgerRow);
    else if (key.startsWith('session/')) sessions.set(key.slice(8), value as SessionRow);
    else if (key.startsWith('gate/')) gates.push(value as GateRow);
    else if (key.startsWith('comment/')) comments.set(key.slice(8), value as CommentRow);
  }
  const tables = fromJson<Collected['tables']>(db?.facts.get('tables'));
  return {
    tables: tables ?? { cards: false, runs: false, gates: false, lacking: [] },
    cards,
    cardOfDirectory,
    moves,
    ledger,
    sessions,
    gates,
    comments,
  };
}

/** The file's name without its ending. One that could not be read names an epic all the same: Orket will say so. */
function epicName({ path, present }: FileFacts): readonly string[] {
  const name = /([^/]+)\.json$/.exec(path)?.[1];
  return present && name !== undefined ? [name] : [];
}

/** Names of the workspaces below `<root>/workspace/` that have a log or turns. */
function* namesBelow({ facts }: DeriveContext): Iterable<string> {
  for (const source of ['orket.log', 'turns', 'events']) {
    for (const { path } of facts.files(source)) {
      const match = /^workspace\/([^/]+)\//.exec(path);
      if (match?.[1]) yield match[1];
    }
  }
}

/**
 * The ledger holds absolute paths. One that ends like a workspace we have here belongs to a checkout that was copied or
 * moved: it is the one here.
 */
function outsideOf(
  ledger: ReadonlyMap<string, LedgerRow>,
  root: string,
  namesHere: () => ReadonlySet<string>,
): readonly string[] {
  let here: ReadonlySet<string> | undefined;
  const found = new Set<string>();
  for (const row of ledger.values()) {
    const path = row.workspace?.replace(/\/+$/, '');
    if (path === undefined || !isSafeDirectory(path)) continue;
    const inside = path.startsWith(`${root}/workspace/`) && !path.slice(root.length + 11).includes('/');
    if (inside) continue;
    here ??= namesHere();
    if (!here.has(/\/workspace\/([^/]+)$/.exec(path)?.[1] ?? '')) found.add(path);
    if (found.size >= MOST_OUTSIDE) break;
  }
  return [...found].sort();
}

function newestCrash(files: readonly FileFacts[]): Collected['crash'] {
  let newest: Collected['crash'];
  for (const file of files) {
    const fact = fromJson<{ at: Instant; offset: number; text: string }>(file.facts.get('crash'));
    if (fact && fact.at > (newest?.fact.at ?? 0)) newest = { fact, file };
  }
  return newest;
}
